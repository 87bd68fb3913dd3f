"""Curves of work against precision: the points of one side, and times read off at equal error.

A point is a dict with `problem`, `side`, `rtol`, `error` and the `best` time.
"""

import numpy as np

from harness.timing import time_at


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
