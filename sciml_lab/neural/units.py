"""Units: a network sees and gives numbers of size one, the equation keeps its own."""

import numpy as np


def standardised(net, data, time_scale=1.0):
    """Wrap a network so that it works in the data's own units.

    ``f(u, p, t) = (s/T) net((u - m)/s, p)`` with the mean m and standard deviation s of each
    component. Initial weights are made for inputs of mean zero and size one; raw populations,
    temperatures or voltages put the hidden units to sleep in their flat parts.

    Parameters
    ----------
    net : callable
        ``net(u, p)``
    data : array, shape (T, n)
        Data that sets the units.
    time_scale : float
        Time T in which the state changes by about s.

    Returns
    -------
    callable
        ``f(u, p, t)`` for a state ``(n,)`` or a batch ``(n, B)``.

    Examples
    --------
    >>> f = standardised(lambda u, p: -u, np.array([[0.0], [2.0]]))
    >>> f(np.array([3.0]), None, 0.0)
    array([-2.])
    """
    data = np.asarray(data, dtype=float)
    if data.ndim != 2 or not np.all(np.isfinite(data)):
        raise ValueError(f"data must be finite, of shape (T, n) (got shape {data.shape}).")
    mean, size = data.mean(axis=0), data.std(axis=0)
    if not np.all(size > 0):
        raise ValueError("data has a component that never changes: it has no unit of its own.")
    if not time_scale > 0:
        raise ValueError(f"time_scale must be positive (got {time_scale!r}).")

    def f(u, p, t=None):
        column = u.ndim == 2
        m, s = (mean[:, None], size[:, None]) if column else (mean, size)
        return (s / time_scale) * net((u - m) / s, p)

    return f
