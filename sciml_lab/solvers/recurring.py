"""An event that happens again and again: when is that too often to go on?

A bouncing ball comes to rest after infinitely many impacts in a finite time (Zeno). A switch
without a dead zone, whose two sides both drive the state back to it, switches without end
(chattering). Neither reaches the end of the interval. Often alone is neither: a thermostat may
switch ten thousand times.
"""

import numpy as np

MANY = 12  # times that an event happens, from which a pattern is read
PATIENCE = 100_000  # events within one smooth step that are too many, or a tenth of max_steps
SHORT = 1e-10  # of the whole interval: when the time left to a series of pauses counts as nothing


def pattern(label, times, tspan, step, max_steps):
    """What the last times of an event say: None, or a verdict, its evidence, and a remedy.

    Parameters
    ----------
    label : str
        What the event is called.
    times : sequence of float
        When it happened last, `MANY` times.
    tspan : (float, float)
        Of the whole solve.
    step : float
        How long the solver's step would be without events.
    max_steps : int
        Steps that the solve may take.

    Examples
    --------
    >>> pattern("touch", 1 - 0.1 ** np.arange(12.0), (0.0, 5.0), 1.0, 1000)[0]
    'Zeno'
    >>> pattern("switch", 1 + 1e-9 * np.arange(12.0), (0.0, 5.0), 1.0, 1000)[0]
    'chattering'
    >>> pattern("switch", 1 + 1e-3 * np.arange(12.0), (0.0, 5.0), 1.0, 1000) is None
    True
    """
    now, (start, end), gaps = times[-1], tspan, np.abs(np.diff(times))
    span, rest = abs(end - start), abs(end - now)
    ratio = (gaps[-1] / gaps[0]) ** (1 / (len(gaps) - 1)) if np.all(np.diff(gaps) < 0) else 1.0
    left = gaps[-1] * ratio / (1 - ratio) if ratio < 1 else np.inf  # the rest of the series
    if left < SHORT * span:
        return (
            "Zeno",
            f"{label} happens ever faster, each pause {ratio:.4g} of the one before: infinitely "
            f"many times before t = {now + np.sign(end - start) * left:.10g}.",
            "End the solve before, or let the affect put the system to rest when it is slow.",
        )
    smooth, most = min(step, rest), max(max_steps // 10, PATIENCE)
    instant = np.all(gaps < 1e3 * np.spacing(max(abs(now), 1e-12 * span)))
    if instant or (left > rest and np.max(gaps) * most < smooth):
        return (
            "chattering",
            f"{label} happened {MANY} times within {np.sum(gaps):.2g} before t = {now:.10g}, where "
            f"a smooth step would go on by {smooth:.2g}.",
            "Describe the motion along the switching surface by equations of its own, or let the "
            "affect move the state off it; a larger max_steps allows for shorter pauses.",
        )
    return None
