"""Single shooting: one trajectory from the first data point to the last."""

from sciml_lab.neural.loss import SolveLoss
from sciml_lab.neural.predict import check_data


def trajectory_loss(f, t, data, *, points=None, **options):
    r"""Return the loss ``p -> mean |u(t_k; p) - data_k|^2`` of one long trajectory, or of many.

    Parameters
    ----------
    f : callable
        Right-hand side.
    t, data : array, shapes (T,) and (T, n), or (T, n, B) for B trajectories
        The data; the trajectory starts at ``data[0]``.
    points : int, optional
        Use only the first so many points.
    **options
        Of `predict`.

    Returns
    -------
    SolveLoss
        ``loss(p)``; with ``backend="numba"`` also compiled, for training.

    Notes
    -----
    This is what one wants to be small in the end, and a bad loss to begin with. A network that
    knows nothing has the wrong phase after half a period; from then on any oscillation makes the
    loss *larger* than a constant at the mean of the data, so training removes the oscillation.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0, 1, 6)
    >>> loss = trajectory_loss(lambda u, p, t: p[0] * u, t, np.exp(-t)[:, None])
    >>> bool(loss(np.array([-1.0])) < 1e-10 < loss(np.array([-1.1])))
    True
    """
    t, data = check_data(t, data, batch=True)
    if points is not None:
        if not 2 <= points <= len(t):
            raise ValueError(f"points must lie between 2 and {len(t)} (got {points!r}).")
        t, data = t[:points], data[:points]
    return SolveLoss(f, data[0], t, data, options)
