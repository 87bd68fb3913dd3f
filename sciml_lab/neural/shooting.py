"""Multiple shooting: many short trajectories, each started at a data point, as one batch."""

import numpy as np

from sciml_lab.neural.loss import SolveLoss
from sciml_lab.neural.predict import check_data


def segments(t, data, length=3):
    """Cut the data into overlapping segments of `length` points, one beginning at each point.

    Parameters
    ----------
    t, data : array, shapes (T,) and (T, n)
        Data at equally spaced times.
    length : int
        Points of a segment, its start included.

    Returns
    -------
    starts : ndarray, shape (n, B)
        First points of the ``B = T - length + 1`` segments, a batch of initial states.
    targets : ndarray, shape (length - 1, n, B)
        The points that follow.
    local_t : ndarray, shape (length,)
        Times since the start of a segment.

    Raises
    ------
    ValueError
        If the times are not equally spaced, or `length` does not fit.

    Examples
    --------
    >>> starts, targets, local_t = segments(np.arange(4.0), np.arange(8.0).reshape(4, 2), 2)
    >>> starts.T.tolist(), targets[0].T.tolist()
    ([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
    """
    t, data = check_data(t, data)
    gaps = np.diff(t)
    if np.ptp(gaps) > 1e-6 * gaps[0]:
        raise ValueError(
            "t must be equally spaced for segments (one batch shares its times): interpolate the "
            "data first, or use growing_horizon."
        )
    if not (isinstance(length, int | np.integer) and 2 <= length <= len(t)):
        raise ValueError(f"length must be a whole number from 2 to {len(t)} (got {length!r}).")
    count = len(t) - length + 1
    targets = np.stack([data[k : k + count].T for k in range(1, length)])
    return data[:count].T.copy(), targets, t[:length] - t[0]


def multiple_shooting_loss(f, t, data, *, length=3, **options):
    """Return the loss of all short segments of the data, solved as one batch.

    Every segment begins at a data point, so no error grows for longer than `length` points; and
    all of them cost about one short solve, because the batch travels through f together.

    Parameters
    ----------
    f : callable
        Right-hand side that takes a batch ``(n, B)`` and does not depend on t.
    t, data : array, shapes (T,) and (T, n)
        Data at equally spaced times.
    length : int
        Points of a segment. Two: one step of the data each. More: smoother fields, slower.
    **options
        Of `predict`.

    Returns
    -------
    SolveLoss
        ``loss(p)``; with ``backend="numba"`` also compiled, for training.

    Notes
    -----
    Starting at the data trusts the data: with strong noise make `length` larger, or finish with
    `trajectory_loss`.

    References
    ----------
    H. G. Bock, "Recent advances in parameter identification techniques for O.D.E.", in: Numerical
    Treatment of Inverse Problems in Differential and Integral Equations, Birkhauser 1983.

    Examples
    --------
    >>> t = np.linspace(0, 1, 6)
    >>> loss = multiple_shooting_loss(lambda u, p, t: p[0] * u, t, np.exp(-t)[:, None])
    >>> bool(loss(np.array([-1.0])) < 1e-10 < loss(np.array([-1.1])))
    True
    """
    starts, targets, local_t = segments(t, data, length)
    return SolveLoss(f, starts, local_t, targets, options, skip=1)
