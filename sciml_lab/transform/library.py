"""Functions of NumPy written in the language that the transformation reads.

What is not elementwise, and what is only a few lines of Python, needs no rule: it is read like a
function of the user. To teach the transformation one more function, write it here.
"""

import math

import numpy as np


def cross(a, b):
    """Cross product of two vectors of length three."""
    (a0, a1, a2), (b0, b1, b2) = a, b
    return np.array([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0])


def cumsum(x):
    """Sums of the first entries, of one more at a time."""
    sums = np.empty(len(x))
    s = 0.0
    for i in range(len(x)):
        s = s + x[i]
        sums[i] = s
    return sums


def interp(x, xp, fp):
    """Piecewise linear interpolation between the points (xp, fp), constant outside."""
    k = 0
    while k < len(xp) - 2 and x >= xp[k + 1]:
        k = k + 1
    w = (x - xp[k]) / (xp[k + 1] - xp[k])
    w = min(max(w, 0.0), 1.0)
    return fp[k] + w * (fp[k + 1] - fp[k])


def logaddexp(a, b):
    """Return ``log(exp(a) + exp(b))``."""
    return np.maximum(a, b) + np.log1p(np.exp(-np.abs(a - b)))


def norm(x):
    """Square root of the sum of squares."""
    return np.sqrt(np.sum(x * x))


def polyval(c, x):
    """Value of a polynomial by Horner's rule, highest power first."""
    y = 0.0
    for a in c:
        y = y * x + a
    return y


def trapezoid(y, x=None, dx=1.0):
    """Integral by the trapezoidal rule."""
    if x is None:
        return dx * (np.sum(y) - 0.5 * (y[0] + y[-1]))
    return 0.5 * np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1]))


LIBRARY = {
    np.cross: cross, np.cumsum: cumsum, np.interp: interp, np.linalg.norm: norm,
    np.logaddexp: logaddexp, np.polyval: polyval, math.hypot: np.hypot,
    getattr(np, "trapezoid", getattr(np, "trapz", None)): trapezoid,
}  # fmt: skip
