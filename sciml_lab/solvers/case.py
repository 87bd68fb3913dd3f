"""What the failure doctor looks at, and what it answers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Diagnosis:
    """Why a solve failed.

    Attributes
    ----------
    verdict : str
        The finding in a few words: "stiffness", "finite-time blow-up", "f is not finite",
        "tolerance below roundoff", "discontinuity", "unstable step", "overflow",
        "max_steps reached", "step size underflow" or "wrong Jacobian".
    evidence, remedy : str
        One sentence each: what was measured, and what to do.
    numbers : dict
        The measured quantities by name.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0)), sl.Tsit5())
    >>> sol.diagnosis.verdict, round(sol.diagnosis.numbers["time"], 4)
    ('finite-time blow-up', 1.0)
    """

    verdict: str
    evidence: str
    remedy: str
    numbers: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.verdict}: {self.evidence} {self.remedy}"


class Track:
    """Points of the way to a failure: the last 50, and up to 100 spread evenly over all steps."""

    def __init__(self):
        self._last, self._spread = deque(maxlen=50), []
        self._count, self._stride = 0, 1

    def add(self, t, u):
        """Take an accepted point."""
        self._last.append((self._count, t, u))
        if self._count % self._stride == 0:
            self._spread.append((self._count, t, u))
            if len(self._spread) > 100:
                del self._spread[1::2]
                self._stride *= 2
        self._count += 1

    def points(self) -> list:
        """The pairs (t, u) in order."""
        earlier = [point for point in self._spread if point[0] < self._last[0][0]]
        return [(t, u) for _, t, u in (*earlier, *self._last)]


@dataclass(frozen=True)
class Case:
    """The point where a solve gave up, and the way there (see `diagnose`)."""

    f: Callable
    u: np.ndarray
    p: object
    t: float
    h: float
    method: object
    times: list
    states: list
    rtol: object
    atol: object
    tspan: tuple
    note: str = ""
    jac: Callable | None = None  # the user's own Jacobian

    def slope(self, u, t):
        """Evaluate f; NaN where it raises an arithmetic error."""
        with np.errstate(all="ignore"):
            try:
                return np.asarray(self.f(u, self.p, t))
            except (ArithmeticError, ValueError):
                return np.full(np.shape(u), np.nan)

    @property
    def where(self) -> str:
        """The time in words."""
        return f"t = {self.t:.10g}"

    @property
    def typical_step(self) -> float:
        """Median length of the last accepted steps (or of the step that failed)."""
        lengths = np.abs(np.diff(self.times[-50:]))
        return float(np.median(lengths)) if lengths.size else abs(self.h)

    @property
    def direction(self) -> float:
        """Sign of the direction of integration."""
        return 1.0 if self.tspan[1] > self.tspan[0] else -1.0
