"""Growing horizon: learn the first points first, then a little more, until all are in."""

from itertools import pairwise

from sciml_lab.neural.predict import check_data
from sciml_lab.neural.trajectory import trajectory_loss


def growing_horizon(f, t, data, points, **options) -> list:
    """Return trajectory losses over the first ``points[0], points[1], ...`` data points.

    Over a short time every field gives nearly a straight line, so the loss has no false valleys;
    the end of one stage is then a good beginning of the next.

    Parameters
    ----------
    f, t, data, **options
        As for `trajectory_loss`.
    points : sequence of int
        Increasing numbers of points.

    Returns
    -------
    list of callable
        For `train_stages`, in this order.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0, 1, 6)
    >>> losses = growing_horizon(lambda u, p, t: p[0] * u, t, np.exp(-t)[:, None], [2, 4, 6])
    >>> len(losses)
    3
    """
    t, data = check_data(t, data)
    points = [int(k) for k in points]
    if not points or any(b <= a for a, b in pairwise(points)):
        raise ValueError(f"points must be increasing numbers of data points (got {points!r}).")
    return [trajectory_loss(f, t, data, points=k, **options) for k in points]
