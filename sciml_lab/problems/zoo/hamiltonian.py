"""Motion as a Hamiltonian problem and as a problem of second order.

Each is a function that returns a problem; the entries of the same name tell what is known of it.

| name | problem | known of it |
|---|---|---|
| `kepler_hamiltonian`, `kepler_second_order` | a planet of eccentricity e | exact solution |
| `pendulum_hamiltonian`, `pendulum_second_order` | the pendulum | exact solution |
| `henon_heiles_hamiltonian`, `..._second_order` | a star in a galaxy | energy, end value |
"""

import numpy as np

from sciml_lab.problems.structured import HamiltonianProblem, SecondOrderProblem
from sciml_lab.problems.zoo.entry import RADAU, Entry, Reference


def _kepler_start(e):
    """Positions and velocities at the perihelion of an orbit of semi-major axis 1."""
    if not 0 <= e < 1:
        raise ValueError(f"e must be an eccentricity, 0 <= e < 1, of an ellipse (got {e!r}).")
    return np.array([1 - e, 0.0]), np.array([0.0, np.sqrt((1 + e) / (1 - e))])


def _attraction(q, v, p, t):
    """Newton's acceleration towards the origin."""
    x, y = q
    r3 = (x * x + y * y) ** 1.5
    return np.array([-x / r3, -y / r3])


def kepler_hamiltonian(e: float = 0.6, tspan=(0.0, 20.0)) -> HamiltonianProblem:
    """Return Kepler's problem, ``H = |p|^2/2 - 1/|q|``; ``sl.zoo.kepler.exact`` solves it.

    Parameters
    ----------
    e : float
        Eccentricity of the orbit; the period is 2 pi for every e.
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.kepler_hamiltonian()
    >>> end = sl.zoo.kepler.exact(20.0, u0=prob.u0)
    >>> round(float(prob.H(prob.q0, prob.p0, None, 0.0)), 12)
    -0.5
    """
    q, v = _kepler_start(e)

    def energy(q, p, params, t):
        x, y = q
        px, py = p
        return (px * px + py * py) / 2 - 1 / (x * x + y * y) ** 0.5

    def force(q, p, params, t):
        return -_attraction(q, p, params, t)

    return HamiltonianProblem(lambda q, p, params, t: p, force, q, v, tspan, H=energy)


def kepler_second_order(e: float = 0.6, tspan=(0.0, 20.0)) -> SecondOrderProblem:
    """Return Kepler's problem as ``x'' = -x/|x|^3``.

    Parameters
    ----------
    e : float
        Eccentricity of the orbit.
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> kepler_second_order().x0
    array([0.4, 0. ])
    """
    q, v = _kepler_start(e)
    return SecondOrderProblem(_attraction, q, v, tspan)


def pendulum_hamiltonian(angle: float = np.pi / 2, tspan=(0.0, 10.0)) -> HamiltonianProblem:
    """Return the pendulum, ``H = p^2/2 - k cos q``, k = g/l; ``sl.zoo.pendulum.exact`` solves it.

    Parameters
    ----------
    angle : float
        Angle at which it is let go.
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.pendulum_hamiltonian(1.0)
    >>> sl.zoo.pendulum.exact(10.0, u0=prob.u0).shape
    (2,)
    """
    return HamiltonianProblem(
        lambda q, p, params, t: p,
        lambda q, p, params, t: params[0] * np.sin(q),
        [angle],
        [0.0],
        tspan,
        [9.81],
        H=lambda q, p, params, t: np.sum(p * p) / 2 - params[0] * np.sum(np.cos(q)),
    )


def pendulum_second_order(angle: float = np.pi / 2, tspan=(0.0, 10.0)) -> SecondOrderProblem:
    """Return the pendulum as ``theta'' = -k sin(theta)``, k = g/l.

    Parameters
    ----------
    angle : float
        Angle at which it is let go.
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> pendulum_second_order().v0
    array([0.])
    """
    return SecondOrderProblem(lambda x, v, p, t: -p[0] * np.sin(x), [angle], [0.0], tspan, [9.81])


def henon_heiles_rhs(u, p, t):
    """Two oscillators that disturb each other."""
    x, y, vx, vy = u
    (c,) = p
    return np.array([vx, vy, -x - 2 * c * x * y, -y - c * (x * x - y * y)])


def henon_heiles_energy(u, p):
    """Kinetic plus potential energy: a bowl whose wall has three gaps at 1/6."""
    x, y, vx, vy = u
    return (vx * vx + vy * vy + x * x + y * y) / 2 + p[0] * (x * x * y - y**3 / 3)


henon_heiles = Entry(
    name="henon_heiles",
    title="Henon-Heiles: a star in a galaxy, between order and chaos",
    equation="x'' = -x - 2 c x y\ny'' = -y - c (x^2 - y^2)",
    f=henon_heiles_rhs,
    u0=np.array([0.0, 0.1, 0.5, 0.0]),
    tspan=(0.0, 100.0),
    parameters={"c": 1.0},
    states=("x", "y", "vx", "vy"),
    source="M. Henon and C. Heiles, Astron. J. 69 (1964) 73.",
    reference=Reference(
        100.0,
        np.array(
            [
                0.2251469891854319474184,
                0.3920106535852879750673,
                0.1881879739924355401444,
                -0.1413256709617277745209,
            ]
        ),
        1e-10,
        RADAU,
        floor=1.0,
    ),
    invariants={"energy": henon_heiles_energy},
)


def henon_heiles_hamiltonian(tspan=(0.0, 100.0)) -> HamiltonianProblem:
    """Return Henon and Heiles' star, ``H = (|p|^2 + |q|^2)/2 + c (x^2 y - y^3/3)``.

    Parameters
    ----------
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> prob = henon_heiles_hamiltonian()
    >>> float(prob.H(prob.q0, prob.p0, prob.params, 0.0)) < 1 / 6  # it can't escape
    True
    """
    return HamiltonianProblem(
        lambda q, p, params, t: p,
        lambda q, p, params, t: -_henon_heiles_pull(q, p, params, t),
        henon_heiles.u0[:2],
        henon_heiles.u0[2:],
        tspan,
        henon_heiles.p,
        H=lambda q, p, params, t: henon_heiles_energy(np.concatenate([q, p]), params),
    )


def henon_heiles_second_order(tspan=(0.0, 100.0)) -> SecondOrderProblem:
    """Return Henon and Heiles' star as ``x'' = a(x)``.

    Parameters
    ----------
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> henon_heiles_second_order().x0
    array([0. , 0.1])
    """
    start = henon_heiles.u0
    return SecondOrderProblem(_henon_heiles_pull, start[:2], start[2:], tspan, henon_heiles.p)


def _henon_heiles_pull(q, v, p, t):
    """Their acceleration."""
    return henon_heiles_rhs(np.concatenate([q, v]), p, t)[2:]
