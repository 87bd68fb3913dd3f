"""The complex step: a derivative without subtraction, exact to the last digit.

With this module one can: differentiate an f that is made of analytic functions. Taylor's
series for a step along the imaginary axis is ``f(x + ih) = f(x) + ih f'(x) - h^2 f''/2 ...``, so
``f'(x) = Im f(x + ih) / h``. Nothing is subtracted, so h may be absurdly small (1e-200) and the
h^2 term is gone altogether.

An f with abs, conj or real is not analytic, and the formula then gives a wrong number without a
sign of it. So the result is compared with a slope found in another way: by a central difference
here, by dual numbers in ``mode="complex_step"``.

Examples
--------
>>> f = lambda x: np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)
>>> float(complex_step(f, 1.5))  # doctest: +ELLIPSIS
4.0534278938986...
"""

from typing import Any

import numpy as np

from .finite import central_difference
from .primitive import as_value
from .values import primal

TINY = 1e-200


def complex_step(f, x, v: Any = 1.0, h=TINY, *, check=True):
    """Differentiate f at x in the direction v: ``Im f(x + ihv) / h``.

    Parameters
    ----------
    f : callable
        Function of one argument, analytic, that lets complex numbers pass.
    x : float or array
        Where; real.
    v : float or array
        Direction, of the shape of x.
    h : float
        The step.
    check : bool
        Compare with a central difference, which costs two more values of f.

    Returns
    -------
    array
        Derivative of f along v, to rounding error.

    Raises
    ------
    TypeError
        If x is complex, or f gives a real number for a complex argument.
    ValueError
        If the central difference disagrees: f is not analytic.

    References
    ----------
    W. Squire, G. Trapp, Using complex variables to estimate derivatives of real functions,
    SIAM Review 40 (1998).

    Examples
    --------
    >>> float(complex_step(np.sin, 0.0))
    1.0
    """
    x = as_value(x, "x")
    if x.dtype.kind == "c":
        raise TypeError("the complex step needs a real x: use mode='dual' for complex ones.")
    y = f(x + 1j * h * v)
    if y.dtype.kind != "c":
        raise TypeError(
            "f gave a real result for a complex argument: it does not depend on x, or it uses abs, "
            "real, float or the like, which the complex step can't see through: use mode='dual'."
        )
    slope = np.imag(y) / h
    if check:
        compare(slope, central_difference(f, x, v))
    return slope


def compare(slope, difference, noise=0.0):
    """Raise an error where a complex step and the slope found in another way are not the same.

    `noise` is what rounding alone may have done to the other one.
    """
    a, b = np.asarray(primal(slope)), np.asarray(primal(difference))
    if not np.all(np.isfinite(b)):
        return  # f is not defined on both sides: nothing to compare with
    size = np.max(np.abs(a), initial=0.0) + np.max(np.abs(b), initial=0.0)
    if not np.max(np.abs(a - b), initial=0.0) <= 1e-3 * size + 1e-5 + noise:
        raise ValueError(
            "the complex step disagrees with the slope of f: f is not analytic here (does it "
            "use abs, conj, real, a comparison or a kink?), so use mode='dual' or 'tape'."
        )
