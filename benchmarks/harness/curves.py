"""Curves of work against precision: the points of one side, and times read off at equal error.

A point is a dict with `problem`, `side`, `rtol`, `error` and the `best` time.
"""

import functools

import numpy as np

from harness import results
from harness.timing import paired, time_at


def measure(name, sides, rtol, error_of, seconds) -> list:
    """Points of all sides on one problem at one tolerance, timed in turns.

    Parameters
    ----------
    name : hashable
        Of the problem.
    sides : dict of str to callable
        ``solve(rtol) -> last state``.
    rtol : float
    error_of : callable
        ``error_of(state) -> float``; a side whose error is not finite is left out.
    seconds : float
        As in `timing.paired`.
    """
    errors = {side: error_of(solve(rtol)) for side, solve in sides.items()}
    calls = {
        side: functools.partial(solve, rtol)
        for side, solve in sides.items() if np.isfinite(errors[side])
    }  # fmt: skip
    timings = paired(calls, seconds=seconds)
    return [
        {"problem": name, "side": side, "rtol": rtol, "error": errors[side],
         "best": timings[side].best, "median": timings[side].median}
        for side in calls
    ]  # fmt: skip


def compare(points, name, ours, theirs, finest=1e-10) -> list:
    """Our time over theirs on one problem, at each of the errors of `errors_of`.

    Where several sides make up a rival, or us, the fastest at that error counts.
    """
    mine, rivals = ([curve(points, name, side) for side in sides] for sides in (ours, theirs))
    if not any(map(len, rivals)):
        return []
    rows = [
        {"problem": name, "error": error, "ours": fastest(mine, error),
         "theirs": fastest(rivals, error)}
        for error in errors_of(points, name, theirs, finest)
    ]  # fmt: skip
    rows = [{**row, "ratio": row["ours"] / row["theirs"]} for row in rows]
    return [row for row in rows if np.isfinite(row["ratio"])]


def table_of(points, title, every=2) -> list:
    """Rows with the points of every second power of ten (or every first)."""
    return [
        [title(q["problem"]), q["side"], f"{q['rtol']:.0e}", f"{q['error']:.1e}",
         results.duration(q["best"]), results.duration(q["median"])]
        for q in points if np.isclose(np.log10(q["rtol"]) % every, 0)
    ]  # fmt: skip


def curve(points, name, side) -> np.ndarray:
    """Errors and times of one side on one problem, shape (points, 2).

    Examples
    --------
    >>> curve([{"problem": "a", "side": "b", "error": 1e-3, "best": 2.0}], "a", "b")
    array([[1.e-03, 2.e+00]])
    """
    chosen = [(q["error"], q["best"]) for q in points if (q["problem"], q["side"]) == (name, side)]
    return np.array(chosen).reshape(-1, 2)


def errors_of(points, name, sides, finest=1e-10) -> np.ndarray:
    """Seven errors that all sides of a rival reach between rtol 1e-4 and `finest`, spread evenly.

    Examples
    --------
    >>> sample = [{"problem": "a", "side": "b", "rtol": x, "error": x} for x in (1e-4, 1e-10)]
    >>> errors_of(sample, "a", ["b"]).round(7)[:2]
    array([1.e-04, 1.e-05])
    """
    reached = [
        [q["error"] for q in points if (q["problem"], q["side"]) == (name, side)
         and 0.9 * finest < q["rtol"] < 1.1e-4]
        for side in sides
    ]  # fmt: skip
    low = max(min(errors) for errors in reached if errors)
    high = min(max(errors) for errors in reached if errors)
    return np.geomspace(high, low * 1.0000001, 7)


def fastest(curves, error) -> float:
    """Least time in which one of the curves reaches the error; NaN if none does.

    Examples
    --------
    >>> fastest([np.array([[1e-3, 2.0]]), np.array([[1e-4, 1.5]])], 1e-3)
    1.5
    """
    times = [time_at(error, c[:, 0], c[:, 1]) for c in curves if len(c)]
    return float(np.nanmin(times)) if np.any(np.isfinite(times)) else float("nan")
