r"""Linear multistep methods for two parts: implicit in one, extrapolated in the other (IMEX).

With this module one can solve ``u' = f_stiff + f_nonstiff`` with one equation per step, whatever
the order,

    sum_j alpha_j u_(n+1-j) = h sum_j (stiff_j f_stiff + nonstiff_j f_nonstiff)(u_(n+1-j)),

with ``nonstiff_0 = 0``: the other part is extrapolated from the past. The formulas hold for equal
steps; the first ones, and a step of another length, are taken by a one-step method of the order.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.problems import SplitProblem
from sciml_lab.solvers.additive import AdditiveRK
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.imex import ARS222, ARS443, IMEXEuler
from sciml_lab.solvers.implicit import ImplicitMethod
from sciml_lab.solvers.implicit_rk import NEWTON, checked_iteration
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.parts import ImexSide
from sciml_lab.solvers.sdirk import SDIRKStepper
from sciml_lab.solvers.tableaus.kennedy_carpenter import KENCARP5

EQUAL = 1e-8  # relative difference of two steps that are equal but for the rounding of t


@dataclass(frozen=True, repr=False)
class SplitMultistep(CubicDense, ImplicitMethod):
    """The linear multistep method of three rows of numbers, for a `SplitProblem`.

    Parameters
    ----------
    name : str
    alpha : sequence of float
        Weights of ``u_(n+1), u_n, u_(n-1), ...``
    stiff, nonstiff : sequence of float
        Weights of h f_stiff and h f_nonstiff at the same points; ``nonstiff[0]`` is zero.
    source : str
        Where the formula was published.
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the equation of a step.
    linear_solver : str or object
        As in `Linearisation`, for the Jacobian of f_stiff.

    Raises
    ------
    ValueError
        If the rows make no method: not consistent, not stable, or explicit.

    Examples
    --------
    Crank and Nicolson's step with leapfrog for the other part:

    >>> import sciml_lab as sl
    >>> method = sl.SplitMultistep("CNLF", [0.5, 0, -0.5], [0.5, 0, 0.5], [0, 1, 0])
    >>> method.order, method.starter
    (2, ARS222())
    """

    name: str = field()  # without the default of the base class
    alpha: Any = field()
    stiff: Any = field()
    nonstiff: Any = field()
    source: str = ""
    iteration: Any = NEWTON
    linear_solver: Any = "auto"
    problems = (SplitProblem,)
    mass_matrix = False
    nodes = (1.0,)

    def __post_init__(self):
        checked_iteration(self.iteration)
        for what in ("alpha", "stiff", "nonstiff"):
            row = tuple(float(x) for x in getattr(self, what))
            object.__setattr__(self, what, row)
        if not len(self.alpha) == len(self.stiff) == len(self.nonstiff) >= 2:
            raise ValueError(
                "alpha, stiff and nonstiff must have one weight each for the same points, at least "
                f"two (got {len(self.alpha)}, {len(self.stiff)} and {len(self.nonstiff)})."
            )
        if not self.alpha[0] or not self.stiff[0] or self.nonstiff[0]:
            raise ValueError(
                "alpha[0] and stiff[0] must not be zero and nonstiff[0] must be: f_stiff is taken "
                "at the new point, f_nonstiff at earlier ones only."
            )
        if self.order < 1:
            raise ValueError(
                f"{self.name} is not consistent: alpha must sum to zero, and stiff and nonstiff "
                "each to -sum_j j alpha_j."
            )
        if not self._stable():
            raise ValueError(
                f"{self.name} is unstable however small the step: a root of the polynomial with "
                "coefficients alpha lies outside of the unit circle (or twice on it)."
            )

    @cached_property
    def order(self) -> int:
        """Order of convergence: both rows integrate polynomials of this degree exactly."""
        back = -np.arange(len(self.alpha), dtype=float)
        for m in range(2 * len(self.alpha)):
            moment = np.dot(self.alpha, back**m)
            size = 1 + np.dot(np.abs(self.alpha), np.abs(back) ** m)
            slopes = back ** (m - 1) * m if m else 0 * back
            for row in (self.stiff, self.nonstiff):
                if abs(moment - np.dot(row, slopes)) > 1e-13 * size:
                    return m - 1
        return 2 * len(self.alpha) - 1

    def _stable(self):
        """The root condition."""
        roots = np.roots(self.alpha)
        on_circle = roots[np.abs(roots) > 1 - 1e-6]
        apart = np.abs(on_circle[:, None] - on_circle) + np.eye(len(on_circle))
        return bool(np.all(np.abs(roots) < 1 + 1e-6) and np.all(apart > 1e-3))

    @cached_property
    def starter(self) -> AdditiveRK:
        """The one-step method that takes the first steps."""
        known = {1: IMEXEuler, 2: ARS222, 3: ARS443}
        if self.order in known:
            return known[self.order](self.iteration, self.linear_solver)
        return AdditiveRK(*KENCARP5, None, self.iteration, self.linear_solver)

    @property
    def gammas(self) -> tuple:
        """What the step needs in ``W = 1 - gamma h J``."""
        return (self.stiff[0] / self.alpha[0],)

    def side(self, problem, shape):
        """Both parts, and the linear algebra of the stiff one."""
        return ImexSide(problem, shape, self.linear_solver)

    def begin(self, run):
        """A stepper that keeps the past."""
        return SplitMultistepStepper(self, run)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take a single step: without a past, one of the starter's."""
        return self.starter.step(f, u, p, t, h, k1)

    def __str__(self) -> str:
        rows = (("alpha", self.alpha), ("stiff", self.stiff), ("nonstiff", self.nonstiff))
        lines = [f"{self.name}: linear multistep method of order {self.order}. {self.source}"]
        return "\n".join(
            lines + [f"  {what:>8} | " + " ".join(f"{x: .6g}" for x in row) for what, row in rows]
        )

    def __repr__(self) -> str:
        own = [] if type(self) is not SplitMultistep else [repr(self.name)]
        own += [] if self.iteration == NEWTON else [f"iteration={self.iteration}"]
        own += [] if self.linear_solver == "auto" else [f"linear_solver={self.linear_solver!r}"]
        return f"{type(self).__name__}({', '.join(own)})"


class Point(NamedTuple):
    """A state of the past and both parts there (None where nothing uses it)."""

    u: Any
    nonstiff: Any
    stiff: Any


class SplitMultistepStepper(SDIRKStepper):
    """The steps of a `SplitMultistep` method in one solve."""

    def __init__(self, method, run):
        super().__init__(method, run)
        self.starter = method.starter.begin(run)
        self.past: list[Point] = []  # newest first
        self.next: Any = (None, None)  # the state that was proposed last, and f_stiff there
        self.last_h = 0.0

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take a step of the formula, or one of the starter while the past is too short."""
        self.look_back(f, u, p, t, h)
        enough = len(self.past) >= len(self.method.alpha) - 1
        step = super().step(f, u, p, t, h) if enough else self.starter.step(f, u, p, t, h)
        if not enough:
            self.next = (step.u, None)
        return step

    def look_back(self, f, u, p, t, h):
        """Put u at the head of the past; forget all if u or h are not what they were."""
        if self.past and (u is self.past[0].u):
            kept = self.past[1:], self.past[0]
        else:
            stiff = self.next[1] if u is self.next[0] else None
            if stiff is None and any(self.method.stiff[1:]):
                stiff = f.stiff(u, p, t)
            kept = self.past if u is self.next[0] else [], Point(u, f.nonstiff(u, p, t), stiff)
        equal = abs(h - self.last_h) <= EQUAL * abs(h)
        self.past = [kept[1], *(kept[0] if equal else [])][: len(self.method.alpha) - 1]
        self.last_h = h

    def slope(self, f, u, p, t, h, k1):
        """Nothing: the past has all that is needed."""
        return None

    def attempt(self, f, u, p, t, h, slope):
        """Solve the equation of the step for the increment z, or say why that failed."""
        method, (gamma,), past = self.method, self.method.gammas, self.past
        known = 0.0 * u
        for point, a, b, c in zip(
            past, method.alpha[1:], method.stiff[1:], method.nonstiff[1:], strict=True
        ):
            known = known - a * point.u
            known = known + (h * c) * point.nonstiff if c else known
            known = known + (h * b) * point.stiff if b else known
        base = known / method.alpha[0] - u
        correction = self.correction(f.stiff, u, p, t + h, h, gamma, base)
        guess = u - past[1].u if len(past) > 1 else base
        outcome = self.iterate(f, correction, guess, u, self.scale(u, h))
        if outcome.trouble:
            return f"{outcome.trouble} at t = {t + h:.6g}"
        u_new = u + outcome.z
        self.next = (u_new, self.derivative(outcome.z, base, h * gamma))
        return Step(u_new, None, None, [u_new], [u_new], (None, None))


def _method(name, alpha, stiff, nonstiff, about, source):
    """A class for a built-in formula."""

    def __init__(self, iteration=NEWTON, linear_solver="auto"):
        row = (alpha, stiff, nonstiff)
        SplitMultistep.__init__(self, name, *row, source, iteration, linear_solver)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{name}: {about} For a `SplitProblem`, fixed steps.\n\n"
        "Parameters\n----------\niteration : SimplifiedNewton, FullNewton, FixedPoint or "
        "Anderson\n    What solves the equation of a step.\nlinear_solver : str or object\n"
        "    As in `Linearisation`, for the Jacobian of f_stiff.\n\n"
        f"References\n----------\n{source}\n\nExamples\n--------\n"
        f">>> import sciml_lab as sl\n>>> sl.{name}()\n{name}()\n",
        "__module__": __name__,
    }
    return type(name, (SplitMultistep,), namespace)


_SOURCE = "U. M. Ascher, S. J. Ruuth, B. T. R. Wetton, SIAM J. Numer. Anal. 32 (1995) 797-823."

CNAB2 = _method(
    "CNAB2", [1, -1, 0], [1 / 2, 1 / 2, 0], [0, 3 / 2, -1 / 2],
    "Crank and Nicolson's step, the other part by Adams and Bashforth. Order 2; stiff components "
    "are not damped.", _SOURCE,
)  # fmt: skip
SBDF2 = _method(
    "SBDF2", [3 / 2, -2, 1 / 2], [1, 0, 0], [0, 2, -1],
    "BDF of order 2, the other part extrapolated; damps stiff components.", _SOURCE,
)  # fmt: skip
SBDF3 = _method(
    "SBDF3", [11 / 6, -3, 3 / 2, -1 / 3], [1, 0, 0, 0], [0, 3, -3, 1],
    "BDF of order 3, the other part extrapolated; damps stiff components.", _SOURCE,
)  # fmt: skip
