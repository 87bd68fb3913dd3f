"""Step-size controllers: from the error of this step (and of earlier ones) to the next step size.

A step is accepted when its error norm is at most one. The controller then multiplies the step by

    factor = safety * e_n**(-b1) * e_(n-1)**(-b2) * e_(n-2)**(-b3),

with exponents that a control engineer would call proportional, integral and derivative action.
The same formulas serve one trajectory (floats) and a batch (one entry per lane): they are
elementwise and know nothing of the method, which enters only through `k`, the order of its
error estimate (e is proportional to h**k).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# An estimate far below the tolerance is mostly rounding, and a step size computed from it would
# depend on the order of a sum; what enters the law is at least this (as in DOPRI5).
SMALLEST, LARGEST = 1e-4, 1e10


class Decision(NamedTuple):
    """What the controller says after one attempted step.

    Attributes
    ----------
    accept : bool or ndarray of bool
        Whether the step stands.
    factor : float or ndarray
        What the step size is multiplied by for the next attempt.
    memory : tuple
        Errors of the last two accepted steps and whether the last attempt was rejected.
    """

    accept: object
    factor: object
    memory: tuple


@dataclass(frozen=True)
class PIDController:
    """Proportional-integral-derivative step-size control.

    The exponents are ``b1 = (kP + kI + kD)/k``, ``b2 = -(kP + 2 kD)/k`` and ``b3 = kD/k`` where
    ``k`` is the order of the error estimate. ``kI = 1`` with the others zero is the classical
    controller of the textbooks; ``kP`` damps oscillations of the step size on problems where
    stability, not accuracy, limits it.

    Parameters
    ----------
    kP, kI, kD : float
        Gains (dimensionless).
    safety : float
        Aim at this fraction of the step that would just pass.
    min_factor, max_factor : float
        Limits of one change of the step size.

    Notes
    -----
    After a rejection the plain integral law is used, and the step may not grow right after one.
    The confusion to avoid: the controller never sees the true error, only the method's estimate
    of the error of *one* step.

    References
    ----------
    G. Soderlind, "Digital filters in adaptive time-stepping", ACM TOMS 29 (2003) 1-26.

    Examples
    --------
    >>> c = PIDController()
    >>> c.decide(0.5, 5, c.start()).accept
    True
    >>> c.decide(32.0, 5, c.start()).accept
    False
    """

    kP: float = 0.2
    kI: float = 0.3
    kD: float = 0.05
    safety: float = 0.9
    min_factor: float = 0.2
    max_factor: float = 10.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise TypeError(f"{name} must be a number (got {value!r}).")
        if self.kP < 0 or self.kD < 0:
            raise ValueError(
                f"kP and kD must not be negative (got {self.kP} and {self.kD}): 0 turns them off."
            )
        if not 0 < self.safety < 1:
            raise ValueError(f"safety must lie between 0 and 1 (got {self.safety}): try 0.9.")
        if not 0 < self.min_factor < 1 < self.max_factor:
            raise ValueError(
                "min_factor must lie between 0 and 1 and max_factor above 1 "
                f"(got {self.min_factor} and {self.max_factor}): try 0.2 and 10."
            )
        if not self.kI > 0:
            raise ValueError(f"kI must be positive (got {self.kI}): without it no tolerance holds.")

    @property
    def name(self) -> str:
        """Letters of the control actions in use: I, PI or PID."""
        return ("P" if self.kP else "") + "I" + ("D" if self.kD else "")

    def start(self):
        """Memory before the first step: as if earlier errors had been exactly one."""
        return (1.0, 1.0, False)

    def decide(self, error, k, memory) -> Decision:
        """Accept or reject a step with this error norm, and scale the next one.

        Parameters
        ----------
        error : float or ndarray
            Error norm of the attempted step (1 = at the tolerance). NaN counts as infinite.
        k : int
            Order of the error estimate: error is proportional to ``h**k``.
        memory : tuple
            From `start` or the last decision.

        Returns
        -------
        Decision
        """
        if not isinstance(error, np.ndarray) or error.ndim == 0:
            return self._decide_one(float(error), k, memory)
        error = np.clip(np.where(np.isnan(error), np.inf, error), SMALLEST, LARGEST)
        e1, e2, rejected = (np.broadcast_to(m, error.shape) for m in memory)
        accept = error <= 1.0
        factor = np.where(accept, self._law(error, e1, e2, k), self._reject(error, k))
        largest = np.where(rejected, 1.0, self.max_factor)
        factor = np.clip(factor, self.min_factor, largest)
        memory = (np.where(accept, error, e1), np.where(accept, e1, e2), ~accept)
        return Decision(accept, factor, memory)

    def _decide_one(self, error, k, memory):
        """`decide` for one trajectory, in plain floats (arrays of one element are slow)."""
        error = min(max(error, SMALLEST), LARGEST) if error == error else LARGEST
        e1, e2, rejected = memory
        accept = error <= 1.0
        factor = self._law(error, e1, e2, k) if accept else self._reject(error, k)
        factor = min(max(factor, self.min_factor), 1.0 if rejected else self.max_factor)
        return Decision(accept, factor, (error, e1, False) if accept else (e1, e2, True))

    def _law(self, e, e1, e2, k):
        """The control law after an accepted step."""
        b1 = (self.kP + self.kI + self.kD) / k
        b2 = -(self.kP + 2 * self.kD) / k
        b3 = self.kD / k
        return self.safety * e**-b1 * e1**-b2 * e2**-b3

    def _reject(self, e, k):
        """After a rejection: the step that would just have passed, with the safety factor."""
        return self.safety * e ** (-1.0 / k)


@dataclass(frozen=True)
class PIController(PIDController):
    """Proportional-integral control: smooth step sizes, also near the stability limit.

    Exponents ``0.85/k`` and ``-0.2/k``, those of Hairer and Wanner's code DOPRI5. More of `kP`
    damps more and keeps the error further below the tolerance.

    References
    ----------
    K. Gustafsson, "Control theoretic techniques for stepsize selection in explicit
    Runge-Kutta methods", ACM TOMS 17 (1991) 533-554.

    Examples
    --------
    >>> PIController().name
    'PI'
    """

    kP: float = 0.2
    kI: float = 0.65
    kD: float = 0.0


@dataclass(frozen=True)
class IController(PIDController):
    """The textbook law: next h = safety * h * error**(-1/k).

    References
    ----------
    E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*,
    section II.4, equation (4.13).

    Examples
    --------
    >>> IController().name
    'I'
    """

    kP: float = 0.0
    kI: float = 1.0
    kD: float = 0.0


@dataclass(frozen=True)
class PredictiveController(IController):
    """Expects the error to go on changing as it did over the last step (Gustafsson).

    After an accepted step the factor is the smaller one of the textbook law and of

        safety * (h_n/h_(n-1)) * (e_(n-1)/e_n)**(1/k) * e_n**(-1/k),

    so that where the error grows from step to step, the step shrinks before one is rejected. The
    default of `RadauIIA5`.

    Parameters
    ----------
    worth : float
        A step that could grow by a smaller factor stays as it is: an implicit method can then
        keep its factorised matrix.

    References
    ----------
    K. Gustafsson, "Control-theoretic techniques for stepsize selection in implicit Runge-Kutta
    methods", ACM TOMS 20 (1994) 496-517.

    Examples
    --------
    The error has grown fourfold, though the step was the same:

    >>> c = PredictiveController()
    >>> c.decide(0.2, 4, (0.05, 1.0, False)).factor < 1
    True
    """

    worth: float = 1.2

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "predictive"

    def start(self):
        """No step is known: the last error, its step as a part of this one, and no rejection."""
        return (1.0, 0.0, False)

    def decide(self, error, k, memory) -> Decision:
        """As in `PIDController`; the memory is the last error and the ratio of the steps."""
        before, ratio, rejected = memory
        error = np.clip(np.where(np.isnan(error), np.inf, error), SMALLEST, LARGEST)
        accept, factor = error <= 1.0, self._reject(error, k)
        known = np.where(np.equal(ratio, 0.0), np.inf, ratio)  # nothing to expect from
        expected = self.safety * known * (before / error**2) ** (1 / k)
        factor = np.where(accept, np.minimum(factor, expected), factor)
        largest = np.where(accept & np.logical_not(rejected), self.max_factor, 1.0)
        factor = np.clip(factor, self.min_factor, largest)
        factor = np.where(accept & (factor >= 1.0) & (factor < self.worth), 1.0, factor)
        before = np.where(accept, np.maximum(error, 0.01), before)
        ratio = np.where(accept, factor, ratio * factor)
        if error.ndim:
            return Decision(accept, factor, (before, ratio, ~accept))
        accept = bool(accept)
        return Decision(accept, float(factor), (float(before), float(ratio), not accept))
