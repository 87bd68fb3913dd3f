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

from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.method import Step

DAMPING = 2.0 / 13.0
REACH = 2.0 / 3.0 * (1 - 2.0 / 15.0 * DAMPING)  # stable up to REACH (s**2 - 1)
EPS = float(np.finfo(float).eps)
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
    w0 = 1 + DAMPING / s**2
    T, dT, ddT = _chebyshev(w0, s)
    w1 = dT[s] / ddT[s]
    b = np.empty(s + 1)
    b[2:] = ddT[2:] / dT[2:] ** 2
    b[0] = b[1] = b[2]
    a = 1 - b * T
    later = []
    for j in range(2, s + 1):
        mu, mu_tilde = 2 * b[j] * w0 / b[j - 1], 2 * b[j] * w1 / b[j - 1]
        later.append((mu, -b[j] / b[j - 2], mu_tilde, -a[j - 1] * mu_tilde))
    c = np.empty(s + 1)
    c[0], c[2:] = 0.0, w1 * ddT[2:] / dT[2:]
    c[1], c[s] = c[2] / dT[2], 1.0
    return Stages(b[1] * w1, tuple(tuple(map(float, row)) for row in later),
                  tuple(c.tolist()))  # fmt: skip


def _chebyshev(x, s):
    """T_j(x), T_j'(x), T_j''(x) for j = 0 ... s."""
    T, dT, ddT = np.zeros((3, s + 1))
    T[0], T[1], dT[1] = 1.0, x, 1.0
    for j in range(2, s + 1):
        T[j] = 2 * x * T[j - 1] - T[j - 2]
        dT[j] = 2 * T[j - 1] + 2 * x * dT[j - 1] - dT[j - 2]
        ddT[j] = 4 * dT[j - 1] + 2 * x * ddT[j - 1] - ddT[j - 2]
    return T, dT, ddT


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
    >>> costs = [sl.solve(heat, m, rtol=1e-4, atol=1e-4).stats.nf for m in (sl.RKC(), sl.BS3())]
    >>> costs[0] < costs[1] / 10
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

    def begin(self, run):
        """Remember the spectral radius from step to step."""
        return Chebyshev(self, run)

    def step(self, f, u, p, t, h, k1=None, stages=None) -> Step:
        """Take one step with a number of stages (as many as stability needs, without it)."""
        f0 = f(u, p, t) if k1 is None else k1
        if stages is None:
            stages = needed(h, self.radius(f, u, p, t, f0)[0])
        table = coefficients(stages)
        before, now, points = u, u + table.first * h * f0, [u]
        for j, (mu, nu, mu_tilde, gamma_tilde) in enumerate(table.later, 2):
            slope = f(now, p, t + table.nodes[j - 1] * h)
            points.append(now)
            later = (1 - mu - nu) * u + mu * now + nu * before
            before, now = now, later + h * (mu_tilde * slope + gamma_tilde * f0)
        f1 = f(now, p, t + h)
        error = 0.8 * (u - now) + 0.4 * h * (f0 + f1)
        return Step(now, error, k=[now], v=points, slopes=(f0, f1))

    def radius(self, f, u, p, t, f0, v=None):
        """Spectral radius and the direction that it belongs to, by at most 50 iterations."""
        if self.spectral_radius is not None:
            return float(self.spectral_radius(u, p, t)), None
        size = float(np.linalg.norm(u)) or 1.0
        v = f0 if v is None or not np.any(v) else v
        v = v if np.any(v) else np.random.default_rng(0).standard_normal(np.shape(u))
        delta, old, rho = np.sqrt(EPS) * size, 0.0, 0.0
        for _ in range(50):
            v = v * (delta / np.linalg.norm(v))
            v = f(u + v, p, t) - f0
            rho = float(np.linalg.norm(v)) / delta
            if not np.isfinite(rho) or rho == 0.0 or abs(rho - old) <= 0.01 * rho:
                break
            old = rho
        return 1.2 * rho, v


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
        self.method, self.run = method, run
        finest = float(np.min(run.rtol)) if run.adaptive else 1e-9
        self.most = max(2, int(np.sqrt(max(finest, 1e-12) / (10 * EPS))))  # rounding grows as s**2
        self.rho, self.direction, self.age, self.failed = None, None, AGAIN, False

    def step(self, f, u, p, t, h, k1=None):
        """Take one step, measuring the spectral radius if that is due."""
        f0 = f(u, p, t) if k1 is None else k1
        if self.age >= AGAIN or self.failed:
            self.rho, self.direction = self.method.radius(f, u, p, t, f0, self.direction)
            self.age, self.failed = 0, False
        self.stages = needed(h, self.rho)
        if self.stages > self.most:
            from sciml_lab.solvers.implicit import no_step

            return no_step(
                u, f"a step of {abs(h):.2g} needs {self.stages} stages, and rounding allows "
                f"{self.most}",
            )._replace(slopes=(f0, None))  # fmt: skip
        return self.method.step(f, u, p, t, h, f0, self.stages)

    def decide(self, norm, k, memory):
        """Accept or reject as the controller does; after a rejection measure again."""
        decision = self.run.controller.decide(norm, k, memory)
        self.age, self.failed = self.age + bool(decision.accept), not decision.accept
        return decision
