r"""RKC: an explicit method that stretches its stability along the negative real axis.

A step of s stages is stable for :math:`h\rho \le 0.65\,(s^2 - 1)`: twice the work, four times the
step. That suits mildly stiff problems with real eigenvalues, such as the heat equation, where it
needs no Jacobian and no memory for one. The stages follow the three-term recursion of the
Chebyshev polynomials T_j, so all coefficients are closed formulas:

.. math:: Y_j = (1 - \mu_j - \nu_j) u + \mu_j Y_{j-1} + \nu_j Y_{j-2}
    + \tilde\mu_j h f(Y_{j-1}) + \tilde\gamma_j h f(u).

The number of stages follows from the step size that accuracy wants and from the spectral radius
rho of the Jacobian, which is measured by a power iteration now and then.

References
----------
B. P. Sommeijer, L. F. Shampine, J. G. Verwer, "RKC: an explicit solver for parabolic PDEs",
J. Comput. Appl. Math. 88 (1998) 315-326.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.strictness import accumulated

DAMPING = 2.0 / 13.0
REACH = 2.0 / 3.0 * (1 - 2.0 / 15.0 * DAMPING)  # stable up to REACH (s**2 - 1)
EPS = float(np.finfo(float).eps)
ITERATIONS = 50  # of a power iteration, at most
ENLARGED = 1.2  # by which rho is taken to be larger than measured
NO_RADIUS = "the spectral radius is not finite"
MARGIN = 10.0  # measured: with less, Medical Akzo Nobel ends beyond ten times the tolerance
AGAIN = 25  # accepted steps after which rho is measured again


class Stages(NamedTuple):
    """Coefficients of s stages: from the second on ``mu, nu, mu_tilde, gamma_tilde``; nodes c."""

    first: float
    later: tuple
    nodes: tuple


@lru_cache(maxsize=256)
def coefficients(s) -> Stages:
    """Coefficients of the method with s stages.

    Examples
    --------
    >>> coefficients(5).nodes[-1]
    1.0
    """
    w0, w1 = stretching(s)
    two, one, b_two = (1.0, 0.0, 0.0), (w0, 1.0, 0.0), first_weight(w0)
    b_one, later, nodes = b_two, [], [0.0, w1 * b_two]
    for _ in range(2, s + 1):
        new, b, *row = next_coefficients(w0, w1, one, two, b_one, b_two)
        later.append(tuple(row))
        nodes.append(w1 * new[2] / new[1])
        two, one, b_two, b_one = one, new, b_one, b
    nodes[s] = 1.0
    return Stages(nodes[1], tuple(later), tuple(nodes))


def chebyshev(x, one, two):
    """T_j, T_j', T_j'' at x from those of the degrees j - 1 and j - 2."""
    return (
        2 * x * one[0] - two[0],
        2 * one[0] + 2 * x * one[1] - two[1],
        4 * one[1] + 2 * x * one[2] - two[2],
    )


def stretching(s):
    """The numbers w0 and w1 of s stages: stage j is about ``T_j(w0 + w1 h J) / T_j(w0)``."""
    w0 = 1 + DAMPING / s**2
    two, one = (1.0, 0.0, 0.0), (w0, 1.0, 0.0)
    for _ in range(2, s + 1):
        two, one = one, chebyshev(w0, one, two)
    return w0, one[1] / one[2]


def first_weight(w0):
    """The weight b of stages 0, 1 and 2: T'' / T'^2 of the degree 2."""
    return 4 / (4 * w0) ** 2


def next_coefficients(w0, w1, one, two, b_one, b_two):
    """What belongs to stage j, by the polynomials and the weights b of the two stages before.

    Returns
    -------
    new : tuple of float
        T_j, T_j', T_j''.
    b, mu, nu, mu_tilde, gamma_tilde : float
    """
    new = chebyshev(w0, one, two)
    b = new[2] / new[1] ** 2
    mu, mu_tilde = 2 * b * w0 / b_one, 2 * b * w1 / b_one
    return new, b, mu, -b / b_two, mu_tilde, -(1 - b_one * one[0]) * mu_tilde


def first_stage(u, f0, h):
    """Euler's step, with which the recursion begins."""
    return u + h * f0


def next_stage(u, f0, before, now, slope, h, mu, nu, mu_tilde, gamma_tilde):
    """The recursion of the head of this file."""
    later = (1 - mu - nu) * u + mu * now + nu * before
    return later + h * (mu_tilde * slope + gamma_tilde * f0)


def estimate(u, u_new, f0, f1, h):
    """The error of a step, from the slopes at both ends."""
    return 0.8 * (u - u_new) + 0.4 * h * (f0 + f1)


@dataclass(frozen=True, repr=False)
class RKC(CubicDense):
    """Runge-Kutta-Chebyshev method of order 2 with as many stages as stability asks for.

    Parameters
    ----------
    spectral_radius : callable, optional
        ``spectral_radius(u, p, t)``, an upper bound of the modulus of the eigenvalues of df/du.
        Without it a power iteration measures it.

    Raises
    ------
    TypeError
        If `spectral_radius` is no function of ``(u, p, t)``.

    Notes
    -----
    Eigenvalues have to lie near the negative real axis; for oscillating ones take another method.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> modes = np.arange(1, 100) ** 2
    >>> heat = sl.ODEProblem(lambda u, p, t: -modes * u, 1 / modes, (0.0, 1.0))
    >>> costs = [sl.solve(heat, m, rtol=1e-3, atol=1e-3).stats.nf for m in (sl.RKC(), sl.BS3())]
    >>> costs[0] < costs[1] / 7
    True
    """

    spectral_radius: Any = None
    name = "RKC"
    order = 2
    adaptive = True

    def __post_init__(self):
        if self.spectral_radius is not None:
            from sciml_lab.problems import checks

            checks.function(self.spectral_radius, "spectral_radius")

    @property
    def error_order(self) -> int:
        """The estimate shrinks like h**3."""
        return 3

    def strictness(self, rtol) -> float:
        """The errors of many steps add up, for the estimate is of higher order than the method."""
        return MARGIN * accumulated(rtol, self.error_order, self.order)

    def begin(self, run):
        """Remember the spectral radius from step to step."""
        return Chebyshev(self, run)

    def step(self, f, u, p, t, h, k1=None, stages=None) -> Step:
        """Take one step with a number of stages (as many as stability needs, without it)."""
        f0 = f(u, p, t) if k1 is None else k1
        if stages is None:
            stages = needed(h, self.radius(f, u, p, t, f0)[0])
        table = coefficients(stages)
        before, now, points = u, first_stage(u, f0, table.first * h), [u]
        for j, row in enumerate(table.later, 2):
            slope = f(now, p, t + table.nodes[j - 1] * h)
            points.append(now)
            before, now = now, next_stage(u, f0, before, now, slope, h, *row)
        f1 = f(now, p, t + h)
        return Step(now, estimate(u, now, f0, f1, h), k=[now], v=points, slopes=(f0, f1))

    def radius(self, f, u, p, t, f0, v=None):
        """Spectral radius and the direction that it belongs to, by at most 50 iterations."""
        if self.spectral_radius is not None:
            return float(self.spectral_radius(u, p, t)), None
        size = float(np.linalg.norm(u)) or 1.0
        v = f0 if v is None or not np.any(v) else v
        v = v if np.any(v) else np.random.default_rng(0).standard_normal(np.shape(u))
        delta, old, rho = np.sqrt(EPS) * size, 0.0, 0.0
        for _ in range(ITERATIONS):
            v = v * (delta / np.linalg.norm(v))
            v = f(u + v, p, t) - f0
            rho = float(np.linalg.norm(v)) / delta
            if settled(rho, old):
                break
            old = rho
        return ENLARGED * rho, v


def settled(rho, old):
    """Whether a power iteration may end: rho has hardly changed, or is no number to go on with."""
    return not np.isfinite(rho) or rho == 0.0 or abs(rho - old) <= 0.01 * rho


def needed(h, rho):
    """Fewest stages for which a step is stable.

    Examples
    --------
    >>> needed(0.1, 0.0), needed(0.1, 1e4)
    (2, 40)
    """
    return max(2, 1 + int(np.sqrt(abs(h) * rho / REACH + 1)))


class Chebyshev:
    """Takes the steps of one solve with the fewest stages that are stable.

    Parameters
    ----------
    method : RKC
    run : Run
    """

    def __init__(self, method, run):
        self.method, self.most = method, most_stages(run)
        self.rho, self.direction, self.age, self.t = None, None, AGAIN, None

    def step(self, f, u, p, t, h, k1=None):
        """Take one step, measuring the spectral radius if that is due.

        It is measured again after a rejection, which shows in a step from the same time.
        """
        f0, now = f(u, p, t) if k1 is None else k1, float(primal(t))
        self.age = AGAIN if now == self.t else self.age + 1
        self.t = now
        if self.age >= AGAIN:
            self.rho, self.direction = self.method.radius(f, u, p, t, f0, self.direction)
            self.age = 0
        if not np.isfinite(self.rho):
            return self._none(u, f0, NO_RADIUS)
        self.stages = needed(h, self.rho)
        if self.stages > self.most:
            return self._none(u, f0, too_many(h, self.stages, self.most))
        return self.method.step(f, u, p, t, h, f0, self.stages)

    def _none(self, u, f0, trouble):
        from sciml_lab.solvers.implicit import no_step

        return no_step(u, trouble)._replace(slopes=(f0, None))


def most_stages(run) -> int:
    """How many stages rounding allows: it grows as their square."""
    finest = float(np.min(run.rtol)) * run.strictness if run.adaptive else 1e-9
    return max(2, int(np.sqrt(max(finest, 1e-12) / (10 * EPS))))


def too_many(h, stages, most) -> str:
    """The sentence on a step that would need more stages than rounding allows."""
    return f"a step of {abs(h):.2g} needs {stages} stages, and rounding allows {most}"
