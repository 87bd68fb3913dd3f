"""Central differences: a derivative from two values of f, good to about ten digits.

With this module one can: differentiate any f that returns numbers. The step h has to serve two
masters: ``(f(x+h) - f(x-h)) / 2h`` misses the derivative by ``h^2 f'''/6`` (cut-off), and
the rounding of f adds about ``eps |f| / h``. Their sum is least near ``h = eps^(1/3)``, about 6e-6,
and is then about 1e-10: the bottom of the V in the classic picture.

Examples
--------
>>> bool(abs(central_difference(np.sin, 1.0) - np.cos(1.0)) < 1e-9)
True
"""

from typing import Any

import numpy as np

from .primitive import as_value
from .values import primal

EPS = np.finfo(float).eps
BEST = EPS ** (1 / 3)  # step for a first derivative by central differences
BEST_SECOND = EPS ** (1 / 4)  # step for a second derivative


def central_difference(f, x, v: Any = 1.0, h=None, *, richardson=False):
    """Differentiate f at x in the direction v: ``(f(x + h v) - f(x - h v)) / 2h``.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a number or an array.
    x : float or array
        Where.
    v : float or array
        Direction, of the shape of x.
    h : float, optional
        The step. Without it: ``eps^(1/3)`` times the size of x.
    richardson : bool
        Extrapolate from falling steps (Ridders' scheme): two to three more digits for about ten
        times the cost. Then `h` is the first step.

    Returns
    -------
    array
        Derivative of f along v. Error of order h^2 plus eps/h.

    Raises
    ------
    ValueError
        If h is not positive.

    References
    ----------
    C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Adv. Eng. Software 4 (1982).

    Examples
    --------
    >>> errors = [abs(central_difference(np.exp, 0.0, h=h) - 1.0) for h in (1e-1, 1e-5, 1e-12)]
    >>> bool(errors[1] < errors[0] and errors[1] < errors[2])
    True
    """
    x = as_value(x, "x")
    if h is not None and not h > 0:
        raise ValueError(f"h must be positive (got {h}): leave it out for the best step.")
    if richardson:
        return _ridders(f, x, v, step(x, v, 0.05) if h is None else h)
    return _quotient(f, x, v, step(x, v, BEST) if h is None else h)


def _quotient(f, x, v, h):
    above, below = x + h * v, x - h * v
    return (f(above) - f(below)) / (2 * h)


def step(x, v, relative):
    """Size of the step along v: `relative` of the largest entry of x that moves, at least of 1."""
    x, v = np.abs(primal(x)), np.abs(primal(v))
    largest = np.max(v, initial=0.0)
    if largest == 0:
        return relative
    moving = np.max(np.where(v > 0, x, 0.0), initial=0.0)
    h = relative * max(1.0, moving) / largest
    return 2.0 ** np.round(np.log2(h))  # a power of two: h itself has no rounding error


def _ridders(f, x, v, h, shrink=1.4, rows=10):
    """Extrapolate h -> 0 by Neville's scheme, and keep the entry that agrees best."""
    best: Any = None
    best_error = np.inf
    previous = []
    for _ in range(rows):
        row = [_quotient(f, x, v, h)]
        factor = shrink * shrink
        for left, above in zip(row, previous, strict=False):
            better = (factor * left - above) / (factor - 1)
            row.append(better)  # the loop goes on with what was appended
            factor *= shrink * shrink
            gap = max(_gap(better, left), _gap(better, above))
            if gap < best_error:
                best, best_error = better, gap
        previous, h = row, h / shrink
    return best


def _gap(a, b):
    return np.max(np.abs(primal(a) - primal(b)), initial=0.0)


def second_difference(f, x, v, w):
    """Compute ``v^T H w`` of a scalar f from four values; good to about seven digits."""
    h, k = step(x, v, BEST_SECOND), step(x, w, BEST_SECOND)
    plus = f(x + h * v + k * w) - f(x + h * v - k * w)
    minus = f(x - h * v + k * w) - f(x - h * v - k * w)
    return (plus - minus) / (4 * h * k)
