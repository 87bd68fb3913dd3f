"""Does the energy drift, or does it oscillate?

A line is fitted to the errors |H(t) - H(0)|. The standard error of its slope can't come from the
usual formula, which takes the errors for independent: they swing with the orbit, so a thousand of
them may say as little as ten. Means over blocks that are longer than the swing are independent
again; since nobody tells how long that is, the blocks grow until the standard error does not.

References
----------
H. Flyvbjerg, H. G. Petersen, "Error estimates on averages of correlated data", J. Chem. Phys. 91
(1989) 461-466.
"""

from typing import NamedTuple

import numpy as np

FEWEST = 8
"""Blocks that a scatter can still be taken from."""


class Drift(NamedTuple):
    """A slope and how well it is known.

    Attributes
    ----------
    slope : float
        Growth of the error per unit of time.
    standard_error : float
    """

    slope: float
    standard_error: float

    @property
    def significance(self) -> float:
        """The slope in standard errors: beyond 3 it is hardly chance."""
        if self.standard_error == 0:
            return 0.0 if self.slope == 0 else float(np.copysign(np.inf, self.slope))
        return self.slope / self.standard_error

    def __str__(self) -> str:
        verdict = "drifts" if abs(self.significance) > 3 else "no drift seen"
        return f"{self.slope:.2e} +- {self.standard_error:.1e} per unit of time ({verdict})"


def drift(times, energies) -> Drift:
    """Slope of ``|H - H(0)|`` against time, with its standard error.

    Parameters
    ----------
    times : array (m,)
        Growing or falling; at least 16.
    energies : array (m,)
        Values of a quantity that the exact solution keeps, H(0) first.

    Returns
    -------
    Drift
        The pair (slope, standard_error).

    Raises
    ------
    ValueError
        If the arrays do not fit, are too short, hold NaN, or the times do not advance.

    Notes
    -----
    Sample many orbits, and many times in each, but not in step with them: with 40 steps to an orbit
    the samples meet the same places for long, and the slow beat that is seen then is no drift. A
    swing that is longer than an eighth of the whole can't be told from one.

    Examples
    --------
    >>> t = np.linspace(0.0, 300.0, 3001)
    >>> swing = np.sin(t) ** 2
    >>> abs(drift(t, swing).significance) < 3, drift(t, swing + 0.01 * t).significance > 3
    (True, True)
    """
    t, H = (np.asarray(x, dtype=float) for x in (times, energies))
    if t.ndim != 1 or t.shape != H.shape or t.size < 2 * FEWEST:
        raise ValueError(
            f"times and energies must be two vectors of the same length, {2 * FEWEST} at least "
            f"(got shapes {t.shape} and {H.shape})."
        )
    if not (np.all(np.isfinite(t)) and np.all(np.isfinite(H))):
        raise ValueError("times and energies must be finite: leave a failed solve's rest out.")
    steps = np.diff(t) * np.sign(t[-1] - t[0])
    if not np.all(steps > 0):
        raise ValueError("times must advance from one to the next, in one direction.")
    error = np.abs(H - H[0])
    slope, _ = _line(t, error)
    counts = [FEWEST]
    while 2 * counts[-1] <= t.size:
        counts.append(2 * counts[-1])
    return Drift(slope, max(_standard_error(t, error, count) for count in counts))


def _line(x, y):
    """Slope of the line of least squares, and the standard error of independent values."""
    x, y = x - x.mean(), y - y.mean()
    slope = (x @ y) / (x @ x)
    rest = y - slope * x
    return float(slope), float(np.sqrt((rest @ rest) / (x.size - 2) / (x @ x)))


def _standard_error(t, error, count):
    """Standard error of the slope from the means over blocks, as if these were independent."""
    edges = np.linspace(0, t.size, count + 1).astype(int)
    sizes = np.diff(edges)
    x, y = (np.add.reduceat(z, edges[:-1]) / sizes for z in (t, error))
    return _line(x, y)[1]
