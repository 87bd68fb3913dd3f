"""How good is a learned trajectory? How far, how late, and how far off the invariant."""

import numpy as np


def relative_error(u, truth) -> float:
    """Root-mean-square error in units of the truth's own standard deviation.

    One means: no better than the constant mean of the truth. Each component counts equally.

    Parameters
    ----------
    u, truth : array, shape (T, n)
        States at the same times; what is not finite counts as infinitely wrong.

    Examples
    --------
    >>> truth = np.sin(np.linspace(0, 6.28, 50))[:, None]
    >>> round(relative_error(0 * truth + truth.mean(), truth), 6)
    1.0
    """
    u, truth = np.asarray(u, dtype=float), np.asarray(truth, dtype=float)
    if u.shape != truth.shape:
        raise ValueError(f"u has shape {u.shape} and truth {truth.shape}: they must agree.")
    if not np.all(np.isfinite(u)):
        return float("inf")
    size = truth.std(axis=0)
    return float(np.sqrt(np.mean(((u - truth) / np.where(size > 0, size, 1)) ** 2)))


def phase_error(t, u, truth) -> float:
    """How late the last upward crossing of the mean is, in units of the time t (early: negative).

    Parameters
    ----------
    t : array, shape (T,)
        Times.
    u, truth : array, shape (T,)
        One oscillating component, learned and true, sampled finely.

    Returns
    -------
    float
        NaN where one of them never crosses.

    Examples
    --------
    >>> t = np.linspace(0, 20, 2001)
    >>> round(phase_error(t, np.sin(t - 0.1), np.sin(t)), 4)
    0.1
    """
    level = float(np.mean(truth))
    crossings = [_upward(t, np.asarray(x, dtype=float) - level) for x in (u, truth)]
    if not all(len(times) for times in crossings):
        return float("nan")
    last = crossings[1][-1]
    return float(crossings[0][np.argmin(np.abs(crossings[0] - last))] - last)


def _upward(t, x):
    """Times at which x passes zero upwards, by straight lines between the samples."""
    t = np.asarray(t, dtype=float)
    i = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return t[i] - x[i] * (t[i + 1] - t[i]) / (x[i + 1] - x[i])


def drift(invariant, u) -> np.ndarray:
    """Relative change of a conserved quantity along a trajectory.

    Parameters
    ----------
    invariant : callable
        ``invariant(u)`` of a batch of states ``(n, T)``, component first.
    u : array, shape (T, n)
        The trajectory.

    Returns
    -------
    ndarray, shape (T,)
        ``(V(u(t)) - V(u(0))) / |V(u(0))|``, NaN where V has no value.

    Examples
    --------
    >>> drift(lambda u: u[0] ** 2 + u[1] ** 2, np.array([[1.0, 0.0], [0.0, 1.1]])).round(3)
    array([0.  , 0.21])
    """
    with np.errstate(all="ignore"):
        value = np.asarray(invariant(np.asarray(u, dtype=float).T), dtype=float)
    return (value - value[0]) / abs(value[0])
