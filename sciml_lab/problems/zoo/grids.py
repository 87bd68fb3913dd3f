"""Partial differential equations on a grid of n points: each name is a function of n.

``sl.zoo.brusselator_1d(128)`` is an `Entry` of 256 equations, and ``sl.zoo.brusselator_1d(128)()``
its problem. The more points, the stiffer.
"""

import numpy as np

from sciml_lab.problems.zoo import grid_values
from sciml_lab.problems.zoo.entry import Entry
from sciml_lab.problems.zoo.stiff import BARI


def brusselator_1d_rhs(u, p, t):
    """Reaction and diffusion; x and y of a point are neighbours, so the Jacobian is a band."""
    a, b, alpha = p
    x, y = u[0::2], u[1::2]
    edge = np.ones_like(x[:1])
    diffusion = alpha * (len(x) + 1) ** 2
    left_x, right_x = np.concatenate([edge, x[:-1]]), np.concatenate([x[1:], edge])
    left_y, right_y = np.concatenate([3 * edge, y[:-1]]), np.concatenate([y[1:], 3 * edge])
    x2y = x * x * y
    dx = a + x2y - (b + 1) * x + diffusion * (left_x - 2 * x + right_x)
    dy = b * x - x2y + diffusion * (left_y - 2 * y + right_y)
    return np.concatenate([dx, dy])[_in_turn(len(x))]


def brusselator_1d(n: int = 128) -> Entry:
    """Return the Brusselator on a line of n inner points: 2 n equations, bandwidth 2.

    Parameters
    ----------
    n : int
        Number of inner points.

    Returns
    -------
    Entry
        With a reference value for n = 128 and n = 512.

    Examples
    --------
    >>> brusselator_1d(128)().u0.shape
    (256,)
    """
    n = _points("brusselator_1d", n)
    points = np.arange(1, n + 1) / (n + 1)
    start = np.stack([1 + np.sin(2 * np.pi * points), np.full(n, 3.0)], axis=1).ravel()
    return Entry(
        name=f"brusselator_1d({n})",
        title=f"Brusselator on a line of {n} points",
        equation="x_t = a + x^2 y - (b + 1) x + alpha x_ss,   x = 1 at both ends\n"
        "y_t = b x - x^2 y + alpha y_ss,   y = 3 at both ends\n"
        "u = (x_1, y_1, x_2, y_2, ...),   s_i = i/(n + 1)",
        f=brusselator_1d_rhs,
        u0=start,
        tspan=(0.0, 10.0),
        parameters={"a": 1.0, "b": 3.0, "alpha": 0.02},
        states=tuple(f"{name}{i}" for i in range(1, n + 1) for name in "xy"),
        source="Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section "
        "IV.10.",
        reference=grid_values.BRUSSELATOR_1D.get(n),
        stiff=True,
    )


def _in_turn(n):
    """Places that bring (x_1, ..., x_n, y_1, ..., y_n) into the order x_1, y_1, x_2, y_2, ..."""
    return np.arange(2 * n).reshape(2, n).T.ravel()


class BrusselatorPlate:
    """Reaction and diffusion on a square that is closed to a torus, heated in a disc."""

    def __init__(self, n: int):
        grid = np.linspace(0.0, 1.0, n)
        self.n = n
        self.disc = ((grid[:, None] - 0.3) ** 2 + (grid - 0.6) ** 2 <= 0.01) * 1.0

    def __call__(self, u, p, t):
        """All of x, then all of y, each row by row; entry (i, j) lies at (i, j)/(n - 1)."""
        a, b, alpha = p
        n = self.n
        square = (n, n, *u.shape[1:])
        x, y = u[: n * n].reshape(square), u[n * n :].reshape(square)
        disc = self.disc.reshape((n, n) + (1,) * (len(u.shape) - 1))
        x2y = x * x * y
        dx = b + x2y - (a + 1) * x + alpha * (n - 1) ** 2 * _laplacian(x)
        dy = a * x - x2y + alpha * (n - 1) ** 2 * _laplacian(y)
        dx = dx + 5.0 * (t >= 1.1) * disc
        flat = (n * n, *u.shape[1:])
        return np.concatenate([dx.reshape(flat), dy.reshape(flat)])


def _laplacian(x):
    """The sum of the four neighbours on the torus, less four times the middle."""
    up, down = np.roll(x, 1, axis=0), np.roll(x, -1, axis=0)
    left, right = np.roll(x, 1, axis=1), np.roll(x, -1, axis=1)
    return up + down + left + right - 4 * x


def brusselator_2d(n: int = 32) -> Entry:
    """Return the Brusselator on a plate of n x n points: 2 n^2 equations.

    Parameters
    ----------
    n : int
        Points on a side.

    Returns
    -------
    Entry
        With a reference value for n = 32. The forcing sets in at t = 1.1: let a method step
        there (``tstops=[1.1]``).

    Examples
    --------
    >>> brusselator_2d(32)().u0.shape
    (2048,)
    """
    grid = np.linspace(0.0, 1.0, _points("brusselator_2d", n))
    x = np.broadcast_to(22 * (grid * (1 - grid)) ** 1.5, (n, n))
    y = np.broadcast_to((27 * (grid * (1 - grid)) ** 1.5)[:, None], (n, n))
    return Entry(
        name=f"brusselator_2d({n})",
        title=f"Brusselator on a plate of {n} x {n} points",
        equation="x_t = b + x^2 y - (a + 1) x + alpha (x_rr + x_ss) + 5 [in the disc, t >= 1.1]\n"
        "y_t = a x - x^2 y + alpha (y_rr + y_ss),   periodic in r and s\n"
        "disc: (r - 0.3)^2 + (s - 0.6)^2 <= 0.1^2\n"
        "start: x = 22 (s (1 - s))^(3/2), y = 27 (r (1 - r))^(3/2)",
        f=BrusselatorPlate(n),
        u0=np.concatenate([x.ravel(), y.ravel()]),
        tspan=(0.0, 11.5),
        parameters={"a": 3.4, "b": 1.0, "alpha": 10.0},
        states=tuple(f"{name}{i},{j}" for name in "xy" for i in range(n) for j in range(n)),
        source="Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section "
        "IV.10; the grid of the SciML tutorials.",
        reference=grid_values.BRUSSELATOR_2D.get(n),
        stiff=True,
    )


class AntibodyLayer:
    """A radioactive antibody enters a tumour and binds there; depth is mapped to (0, 1)."""

    def __init__(self, n: int):
        depth = np.arange(1, n + 1) / n - 1.0
        self.n = n
        self.drift, self.diffusion = depth**3 * n, depth**4 * n**2

    def __call__(self, u, p, t):
        """Antibody x and tissue y of a point are neighbours."""
        k, c = p
        x, y = u[0::2], u[1::2]
        several = (self.n,) + (1,) * (len(u.shape) - 1)
        supply = 2.0 * (t <= 5.0) * np.ones_like(x[:1])
        left, right = np.concatenate([supply, x[:-1]]), np.concatenate([x[1:], x[-1:]])
        drift, diffusion = self.drift.reshape(several), self.diffusion.reshape(several)
        binding = k * x * y
        dx = (drift * (right - left) + diffusion * (left - 2 * x + right)) / (c * c) - binding
        return np.concatenate([dx, -binding])[_in_turn(self.n)]


def medical_akzo_nobel(n: int = 200) -> Entry:
    """Return the Medical Akzo Nobel problem on n points: 2 n equations, bandwidth 2.

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    Entry
        With a reference value for n = 200. The supply ends at t = 5: let a method step there
        (``tstops=[5.0]``).

    Examples
    --------
    >>> medical_akzo_nobel()().u0.shape
    (400,)
    """
    f = AntibodyLayer(_points("medical_akzo_nobel", n))
    return Entry(
        name=f"medical_akzo_nobel({n})",
        title=f"Medical Akzo Nobel: antibodies enter a tumour, on {n} points",
        equation="x_t = (s-1)^4/c^2 x_ss + 2 (s-1)^3/c^2 x_s - k x y\ny_t = -k x y\n"
        "x = 2 at s = 0 until t = 5, then 0;   x_s = 0 at s = 1\n"
        "u = (x_1, y_1, x_2, y_2, ...),   s_i = i/n",
        f=f,
        u0=np.tile([0.0, 1.0], n),
        tspan=(0.0, 20.0),
        parameters={"k": 100.0, "c": 4.0},
        states=tuple(f"{name}{i}" for i in range(1, n + 1) for name in "xy"),
        source=f"R. van der Hout, Akzo Nobel Central Research (1994); {BARI}.",
        reference=grid_values.MEDICAL_AKZO_NOBEL.get(n),
        stiff=True,
    )


def _points(name, n):
    """n, if it is a number of grid points."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 3:
        raise ValueError(f"n of {name} must be a whole number of points, at least 3 (got {n!r}).")
    return int(n)
