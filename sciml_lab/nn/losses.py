"""Losses: one number that says how far a prediction is from the data.

All work on numbers, complex numbers, duals, taped values and autograd boxes.
"""

import numpy as np

from sciml_lab.ad import primal


def mse(prediction, data):
    """Mean squared error ``mean((prediction - data)**2)``.

    Parameters
    ----------
    prediction, data : array
        Arrays of one shape.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting here is always a mistake).

    Examples
    --------
    >>> float(mse(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    return mean_square(_residual(prediction, data))


def mean_square(r):
    """Return ``mean(r**2)`` of residuals r.

    Examples
    --------
    >>> float(mean_square(np.array([1.0, 3.0])))
    5.0
    """
    return (r * r).sum() / r.size


def mae(prediction, data):
    """Mean absolute error: outliers count by their size, not by its square.

    Examples
    --------
    >>> float(mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0
    """
    r = _residual(prediction, data)
    return (r * np.sign(np.real(primal(r)))).sum() / r.size


def huber(prediction, data, delta=1.0):
    """Squared error (halved) for residuals below `delta`, absolute error beyond, smoothly joined.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Stat. 35 (1964) 73-101.

    Examples
    --------
    >>> float(huber(np.array([0.5, 3.0]), np.zeros(2)))
    1.3125
    """
    if not delta > 0:
        raise ValueError(f"delta must be positive (got {delta!r}).")
    r = _residual(prediction, data)
    plain = np.real(primal(r))
    small, sign = (np.abs(plain) <= delta).astype(float), np.sign(plain)
    total = small * (0.5 * r * r) + (1 - small) * delta * (r * sign - 0.5 * delta)
    return total.sum() / r.size


def _residual(prediction, data):
    """The difference, once the shapes are known to agree."""
    if np.shape(primal(prediction)) != np.shape(primal(data)):
        raise ValueError(
            f"prediction has shape {np.shape(primal(prediction))} and data "
            f"{np.shape(primal(data))}: they must agree (after a failed solve rows are missing: "
            "check sol.success first)."
        )
    return prediction - data
