"""Events: what happens at certain times or states, and what it does to u and p.

| class | happens |
|---|---|
| `Event` | where ``condition(u, p, t)`` crosses zero: a ball hits the ground |
| `Discrete` | after a step at whose end a condition holds |
| `Preset`, `Periodic` | at given times, which a step then ends at exactly: a dose a day |
| `Project` | after every step: back onto a manifold, such as that of constant energy |
| `Positive` | after every step: no entry below zero |
| `Saving` | after every step, or at given times: keep a quantity |
| `SteadyState` | ends the solve where f is next to zero |
| `StepLimit` | before every step: none is longer than that |

All go into ``callbacks=[...]`` of `solve`, beside plain functions of a `StepRecord`. The last five
are in `after_step.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab.problems import checks


class Callback:
    """What every kind of event has in common; the hooks do nothing unless a kind defines them."""

    terminal = False
    condition: Callable | None = None
    affect: Callable | None = None
    direction = 0
    samples = 0

    @property
    def label(self) -> str:
        """What messages call it."""
        own = getattr(self.condition or self.affect, "__name__", "")
        return f"{type(self).__name__}({own})" if own not in ("", "<lambda>") else repr(self)

    def times(self, start, end):
        """Times between start and end at which a step has to end (an array, in their direction)."""
        return np.empty(0)

    def begin(self, run):
        """Get ready for a solve."""

    def after_step(self, f, u, p, t) -> Any:
        """Look at the end of an accepted step: None, a new u, (new u, new p), or `Stop`."""
        return None

    def longest(self, u, p, t) -> float:
        """Longest step that may be taken from here."""
        return np.inf

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Stop(str):
    """An answer of `after_step` that ends the solve; the text says why."""


class Failure:
    """An answer of `after_step` that ends the solve as failed, with a finding for the message.

    Parameters
    ----------
    verdict, evidence, remedy : str
        As in `Diagnosis`.
    """

    def __init__(self, verdict, evidence, remedy):
        self.finding = verdict, evidence, remedy


def takes_state(name, f, needed=True):
    """Check that f can be called as ``f(u, p, t)``."""
    if f is None and not needed:
        return
    checks.function(f, name)


@dataclass(frozen=True, repr=False)
class Event(Callback):
    """Something happens where ``condition(u, p, t)`` crosses zero.

    The crossing is located on the dense output to the last digits of t, after the step has been
    searched at `samples` places inside, so that two crossings in one step are not missed.

    Parameters
    ----------
    condition : callable
        ``condition(u, p, t) -> float``, continuous.
    affect : callable, optional
        ``affect(u, p, t)`` returns the new u, or ``(new u, new p)``; u may change its shape. It may
        be any Python. u is a copy, which it may write into.
    direction : {-1, 0, 1}
        -1 for crossings from plus to minus only, 1 for the other ones, 0 for both.
    terminal : bool
        End the solve at the event (after the affect).
    samples : int
        Places inside of a step where the condition is evaluated.

    Notes
    -----
    In `sol.t` the time of an event occurs twice, with the state before and after. At a time of
    `saveat` the state is the one before. `sol.events` lists what happened.

    A condition that begins at zero exactly and leaves it has not crossed it. But where another
    event happens because the same condition changes its sign, and its affect turns the motion
    round, the condition crosses zero as it leaves.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> fall = sl.ODEProblem(lambda u, p, t: np.array([u[1], -9.81]), [10.0, 0.0], (0.0, 2.0))
    >>> def bounce(u, p, t):
    ...     return np.array([0.0, -0.9 * u[1]])
    >>> ground = Event(lambda u, p, t: u[0], bounce, direction=-1)
    >>> sol = sl.solve(fall, sl.Tsit5(), callbacks=[ground])
    >>> bool(abs(sol.events[0].t - (2 * 10.0 / 9.81) ** 0.5) < 1e-12)
    True
    """

    condition: Callable
    affect: Callable | None = None
    direction: int = 0
    terminal: bool = False
    samples: int = field(default=10, kw_only=True)

    def __post_init__(self):
        takes_state("condition", self.condition)
        takes_state("affect", self.affect, needed=False)
        if self.direction not in (-1, 0, 1):
            raise ValueError(
                f"direction must be -1 (falling), 0 (both) or 1 (rising); got {self.direction!r}."
            )
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or self.samples < 1:
            raise ValueError(f"samples must be a positive whole number (got {self.samples!r}).")

    def __repr__(self) -> str:
        return f"Event({checks.brief(self.condition)})"


@dataclass(frozen=True, repr=False)
class Discrete(Callback):
    """Something happens after a step at whose end ``condition(u, p, t)`` is true.

    Parameters
    ----------
    condition : callable
        ``condition(u, p, t) -> bool``.
    affect : callable, optional
        As in `Event`.
    terminal : bool
        End the solve there.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> growth = sl.ODEProblem(lambda u, p, t: u, [1.0], (0.0, 3.0))
    >>> harvest = Discrete(lambda u, p, t: u[0] > 5, lambda u, p, t: u / 2)
    >>> bool(sl.solve(growth, sl.Tsit5(), callbacks=[harvest]).u[-1, 0] < 11)
    True
    """

    condition: Callable
    affect: Callable | None = None
    terminal: bool = False

    def __post_init__(self):
        takes_state("condition", self.condition)
        takes_state("affect", self.affect, needed=False)

    def after_step(self, f, u, p, t):
        """Ask the condition."""
        if not self.condition(u, p, t):
            return None
        new = None if self.affect is None else self.affect(u.copy(), p, t)
        if self.terminal:
            return Stop(f"stopped by {self.label} at t = {t:.6g}")
        if new is None and self.affect is not None:
            returned_none()
        return new


@dataclass(frozen=True, repr=False)
class Preset(Callback):
    """Something happens at given times; a step ends at each of them exactly.

    Parameters
    ----------
    when : sequence of float
        The times. Those outside of the solve's interval do not matter; the start is outside.
    affect : callable
        As in `Event`.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> decay = sl.ODEProblem(lambda u, p, t: -u, [0.0], (0.0, 2.0))
    >>> dose = Preset([1.0], lambda u, p, t: u + 1.0)
    >>> round(float(sl.solve(decay, sl.Tsit5(), callbacks=[dose]).u[-1, 0]), 4)
    0.3679
    """

    when: Any
    affect: Callable | None = None

    def __post_init__(self):
        takes_state("affect", self.affect)
        try:
            when = np.atleast_1d(np.asarray(self.when, dtype=float))
        except (TypeError, ValueError):
            raise TypeError(f"when must be a list of times (got {self.when!r}).") from None
        if when.ndim != 1 or not np.all(np.isfinite(when)):
            raise ValueError("when must be a list of finite times, in one dimension.")
        object.__setattr__(self, "when", when)

    def times(self, start, end):
        """Those of the given times that lie inside."""
        return between(self.when, start, end)


@dataclass(frozen=True, repr=False)
class Periodic(Callback):
    """Something happens again and again: at ``first``, ``first + period``, ...

    Parameters
    ----------
    period : float
        Time between two of them.
    affect : callable
        As in `Event`.
    first : float, optional
        When it happens for the first time; without it one period after the start.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> decay = sl.ODEProblem(lambda u, p, t: 0 * u, [0.0], (0.0, 10.0))
    >>> dose = Periodic(3.0, lambda u, p, t: u + 1.0)
    >>> float(sl.solve(decay, sl.Tsit5(), callbacks=[dose]).u[-1, 0])
    3.0
    """

    period: float
    affect: Callable | None = None
    first: float | None = field(default=None, kw_only=True)

    def __post_init__(self):
        takes_state("affect", self.affect)
        if not (np.isscalar(self.period) and np.isfinite(self.period) and self.period > 0):
            raise ValueError(f"period must be a positive time (got {self.period!r}).")

    def times(self, start, end):
        """All its times inside."""
        step = self.period if end > start else -self.period
        first = start + step if self.first is None else self.first
        count = int(np.floor((end - first) / step * (1 + 1e-14))) + 1
        return between(first + step * np.arange(max(count, 0)), start, end)


def between(times, start, end):
    """Times after the start and not after the end, in the direction of integration.

    Examples
    --------
    >>> between(np.array([0.0, 2.0, 1.0, 5.0]), 0.0, 3.0)
    array([1., 2.])
    """
    sign = 1.0 if end > start else -1.0
    inside = (times - start) * sign > 0
    inside &= (times - end) * sign <= 0
    return sign * np.unique(sign * times[inside])


def returned_none():
    """Say what an affect has to return."""
    raise TypeError(
        "affect returned None: affect(u, p, t) must return the new u, or (new u, new p) "
        "(did you forget `return`?)."
    )
