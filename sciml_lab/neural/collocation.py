"""Collocation: compare the field with the slopes of a smooth curve through the data; no solve."""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.neural.predict import check_data
from sciml_lab.nn.losses import mse


def smooth(t, data, times, smoothing=0.0):
    """Draw a cubic spline through the data: its values and slopes at `times`.

    Parameters
    ----------
    t, data : array, shapes (T,) and (T, n)
        The data.
    times : array, shape (m,)
        Where to evaluate.
    smoothing : float
        Zero: through every point. Larger: weight of the integral of the squared second
        derivative, for noisy data.

    Returns
    -------
    u, du : ndarray, shape (n, m)
        Component first, as a batch of states.

    Examples
    --------
    >>> t = np.linspace(0, 1, 9)
    >>> u, du = smooth(t, np.sin(t)[:, None], np.array([0.5]))
    >>> bool(abs(du[0, 0] - np.cos(0.5)) < 1e-4)
    True
    """
    t, data = check_data(t, data)
    interpolate = need("scipy.interpolate", extra="lab", what="collocation")
    if not smoothing >= 0:
        raise ValueError(f"smoothing must not be negative (got {smoothing!r}).")
    if smoothing == 0:
        spline = interpolate.CubicSpline(t, data)
    else:
        spline = interpolate.make_smoothing_spline(t, data, lam=smoothing)
    return spline(times).T, spline.derivative()(times).T


def collocation_loss(f, t, data, *, points=101, smoothing=0.0):
    """Return the loss ``p -> mean |f(s(t), p, t) - s'(t)|^2`` along a spline s through the data.

    It needs no solve, so it is the cheapest of all, and it has no false valleys of phase. But it
    learns the spline's mistakes too: use it as a start, then minimise a loss that solves.

    Parameters
    ----------
    f : callable
        Right-hand side that takes a batch ``(n, m)`` of states and an array of times.
    t, data : array, shapes (T,) and (T, n)
        The data.
    points : int
        Points along the spline.
    smoothing : float
        As for `smooth`.

    Returns
    -------
    callable
        ``loss(p)``

    References
    ----------
    J. M. Varah, "A spline least squares method for numerical parameter estimation in differential
    equations", SIAM J. Sci. Stat. Comput. 3 (1982) 28-46.

    Examples
    --------
    >>> t = np.linspace(0, 1, 9)
    >>> loss = collocation_loss(lambda u, p, t: p[0] * u, t, np.exp(-t)[:, None])
    >>> bool(loss(np.array([-1.0])) < 1e-6)
    True
    """
    if not (isinstance(points, int | np.integer) and points >= 2):
        raise ValueError(f"points must be a whole number from 2 up (got {points!r}).")
    t, data = check_data(t, data)
    times = np.linspace(t[0], t[-1], points)
    u, du = smooth(t, data, times, smoothing)

    def loss(p):
        return mse(f(u, p, times), du)

    return loss
