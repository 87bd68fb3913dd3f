"""Time several calls in turns, A/B/A/B, so that a busy machine slows all of them alike.

A round times every call once, in a short burst of repetitions. The minimum over the rounds is the
time that the work takes when nothing disturbs it; the median says how much was disturbed. The
range of the ratios of single rounds is the error bar of the ratio of two minima.
"""

import gc
import time
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Seconds per call, one number a round.

    Examples
    --------
    >>> Timing((3.0, 1.0, 2.0)).best, Timing((3.0, 1.0, 2.0)).median
    (1.0, 2.0)
    """

    rounds: tuple

    @property
    def best(self) -> float:
        """Smallest time of a call."""
        return min(self.rounds)

    @property
    def median(self) -> float:
        """The time that half of the rounds stayed below."""
        return float(np.median(self.rounds))


def paired(calls, *, seconds=0.5, rounds=7, burst=2e-4, slow=5e-3) -> dict:
    """Time the calls in turns.

    Parameters
    ----------
    calls : dict of str to callable
        What to time, by name.
    seconds : float
        Go on for about this long, but never for fewer than `rounds` rounds.
    rounds : int
        Smallest number of rounds.
    burst : float
        Repeat a call within a round until it has taken about this long.
    slow : float
        A call that takes longer than this takes part in the first three rounds only.

    Returns
    -------
    dict of str to Timing
    """
    repeats = {name: _repeats(call, burst) for name, call in calls.items()}  # warms up, too
    taken = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.disable()
    try:
        end, done = time.perf_counter() + seconds, 0
        while done < rounds or time.perf_counter() < end:
            for name, call in calls.items():
                if done < 3 or taken[name][0] < slow:
                    taken[name].append(_burst(call, repeats[name]))
            done += 1
    finally:
        if collecting:
            gc.enable()
    return {name: Timing(tuple(times)) for name, times in taken.items()}


def _repeats(call, burst):
    """How often to repeat a call so that it takes about `burst` seconds."""
    call()
    once = _burst(call, 1)
    if once < burst:
        once = min(_burst(call, 1) for _ in range(3))
    return max(1, min(10_000, round(burst / max(once, 1e-9))))


def _burst(call, repeats):
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


@dataclass(frozen=True)
class Ratio:
    """Our time over theirs, and the range in which most rounds put it."""

    value: float
    low: float
    high: float


def ratio(ours, theirs) -> Ratio:
    """Divide two timings of the same rounds (of those that both took part in).

    Examples
    --------
    >>> ratio(Timing((1.0, 1.0)), Timing((4.0, 2.0))).value
    0.5
    """
    each = np.array([a / b for a, b in zip(ours.rounds, theirs.rounds, strict=False)])
    value = ours.best / theirs.best
    low, high = np.quantile(each, [0.1, 0.9])
    return Ratio(value, min(value, float(low)), max(value, float(high)))


def geometric_mean(values) -> float:
    """Mean of ratios: that of 1/2 and 2 is 1.

    Examples
    --------
    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return float(np.exp(np.mean(np.log(np.asarray(values, dtype=float)))))


def front(errors, times):
    """Keep the points of a work-precision curve that no other point beats in both error and time.

    Returns
    -------
    errors, times : ndarray
        Errors falling, times rising.

    Examples
    --------
    >>> front([1e-2, 1e-3, 1e-4], [2.0, 1.0, 3.0])
    (array([0.001 , 0.0001]), array([1., 3.]))
    """
    kept, best = [], np.inf
    for error, seconds in sorted(zip(errors, times, strict=True)):  # the most accurate first
        if seconds < best and error > 0:
            kept.append((error, seconds))
            best = seconds
    kept = np.array(kept[::-1], dtype=float).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]


def time_at(error, errors, times) -> float:
    """Time in which a curve reaches this error, by straight lines in the log-log picture.

    Left of its first point a curve is level (a solution more accurate than asked for will do);
    beyond its most accurate point it has no answer, NaN.

    Examples
    --------
    >>> round(time_at(1e-3, [1e-2, 1e-4], [1.0, 100.0]), 12)
    10.0
    >>> time_at(1.0, [1e-2, 1e-4], [1.0, 100.0]), time_at(1e-5, [1e-2, 1e-4], [1.0, 100.0])
    (1.0, nan)
    """
    errors, times = front(errors, times)
    if not errors.size or error < errors[-1] * (1 - 1e-12):
        return float("nan")
    x, y = np.log(errors[::-1]), np.log(times[::-1])
    return float(np.exp(np.interp(np.log(error), x, y)))
