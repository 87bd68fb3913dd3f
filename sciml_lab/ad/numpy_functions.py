"""NumPy functions that need no rule of their own.

With this module one can: see which further NumPy functions traced values know. Some are made of
others (`np.mean` is a sum and a division), and some have no slope at all: a comparison, a shape,
a rounding give plain values.
"""

from typing import Any

import numpy as np

from . import rules, rules_arrays, rules_linear
from .primitive import DISPATCH, collect, covers
from .values import is_traced, primal


def _without_slope(function):
    def plain(*args, **kwargs):
        args = [primal(a) if is_traced(a) else a for a in args]
        return function(*args, **kwargs)

    return plain


for _function in (
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.floor_divide, np.heaviside,
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.signbit,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.isfinite, np.isnan, np.isinf, np.isclose, np.allclose, np.array_equal, np.any, np.all,
    np.argmax, np.argmin, np.argsort, np.nonzero, np.count_nonzero, np.searchsorted, np.spacing,
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.iscomplex,
    np.isreal, np.zeros_like, np.ones_like, np.empty_like, np.array_repr, np.array_str,
    np.array2string,
):  # fmt: skip
    DISPATCH[_function] = _without_slope(_function)


# Sums and averages.
@covers(np.mean)
def mean(x, axis=None, keepdims=False):
    """Arithmetic mean."""
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size // max(1, total.size))


@covers(np.average)
def average(x, axis=None, weights=None):
    """Weighted mean."""
    if weights is None:
        return np.mean(x, axis=axis)
    weights = collect(weights)
    if axis is not None and np.ndim(weights) == 1:
        weights = np.reshape(weights, (-1,) + (1,) * (np.ndim(x) - axis % np.ndim(x) - 1))
    return np.sum(x * weights, axis=axis) / np.sum(weights * np.ones(np.shape(x)), axis=axis)


@covers(np.var)
def var(x, axis=None, ddof=0, keepdims=False):
    """Variance."""
    count = x.size // max(1, np.sum(primal(x), axis=axis).size)
    square = np.abs(x - np.mean(x, axis=axis, keepdims=True)) ** 2
    return np.sum(square, axis=axis, keepdims=keepdims) / (count - ddof)


@covers(np.std)
def std(x, axis=None, ddof=0, keepdims=False):
    """Standard deviation."""
    return np.sqrt(var(x, axis=axis, ddof=ddof, keepdims=keepdims))


@covers(np.ptp)
def ptp(x, axis=None):
    """Largest minus smallest."""
    return np.max(x, axis=axis) - np.min(x, axis=axis)


@covers(np.cumsum)
def cumsum(x, axis=None):
    """Running sum."""
    return rules_arrays.cumsum(x, axis=axis) if axis is not None else cumsum(np.ravel(x), 0)


@covers(np.diff)
def diff(x, n=1, axis=-1):
    """Differences of neighbours."""
    for _ in range(n):
        x = np.moveaxis(x, axis, 0)
        x = np.moveaxis(x[1:] - x[:-1], 0, axis)
    return x


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Trapezoidal rule."""
    y = np.moveaxis(collect(y), axis, -1)
    widths = dx if x is None else np.diff(collect(x))
    return np.sum(widths * (y[..., 1:] + y[..., :-1]) / 2, axis=-1)


for _name in ("trapezoid", "trapz"):  # NumPy renamed it
    if hasattr(np, _name):
        DISPATCH[getattr(np, _name)] = trapezoid


@covers(np.clip)
def clip(x, a_min=None, a_max=None):
    """Limit to an interval."""
    x = x if a_min is None else rules.maximum(x, a_min)
    return x if a_max is None else rules.minimum(x, a_max)


@covers(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """Piecewise linear interpolation; constant outside, where the slope is zero."""
    if period is not None:
        raise TypeError("np.interp with period=... has no derivative rule: reduce x first.")
    xp, fp = collect(xp), collect(fp)
    place, knots = primal(x), primal(xp)
    i = np.clip(np.searchsorted(knots, place, side="right") - 1, 0, len(knots) - 2)
    y = fp[i] + (x - xp[i]) * ((fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i]))
    y = np.where(place < knots[0], fp[0] if left is None else left, y)
    return np.where(place > knots[-1], fp[-1] if right is None else right, y)


@covers(np.sinc)
def sinc(x):
    """sin(pi x)/(pi x)."""
    y = np.pi * np.where(primal(x) == 0, 1.0, x)
    near = 1 - (np.pi * x) ** 2 / 6  # exact to second order at 0
    return np.where(primal(x) == 0, near, np.sin(y) / y)


@covers(np.angle)
def angle(z):
    """Argument of a complex number."""
    return np.arctan2(np.imag(z), np.real(z))


# Products.
@covers(np.dot)
def dot(x, y):
    """Scalar product, matrix product."""
    x, y = collect(x), collect(y)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return x * y
    return rules_linear.matmul(x, y) if np.ndim(y) <= 2 else np.tensordot(x, y, (-1, -2))


@covers(np.vdot)
def vdot(x, y):
    """Sum of conj(x) y."""
    return np.sum(np.conj(np.ravel(x)) * np.ravel(y))


@covers(np.inner)
def inner(x, y):
    """Sum over the last axes."""
    return x * y if np.ndim(x) == 0 or np.ndim(y) == 0 else np.tensordot(x, y, (-1, -1))


@covers(np.outer)
def outer(x, y):
    """All products of two entries."""
    return np.reshape(x, (-1, 1)) * np.reshape(y, (1, -1))


@covers(np.tensordot)
def tensordot(x, y, axes: Any = 2):
    """Sum over pairs of axes: transpose, reshape, and one matrix product."""
    x, y = collect(x), collect(y)
    if np.ndim(axes) == 0:
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    over_x, over_y = (
        rules_arrays.axes_of(v, a if np.ndim(a) else int(a))
        if not isinstance(a, range)
        else tuple(a)
        for v, a in zip((x, y), axes, strict=True)
    )
    keep_x = [a for a in range(x.ndim) if a not in over_x]
    keep_y = [a for a in range(y.ndim) if a not in over_y]
    n = int(np.prod([x.shape[a] for a in over_x]))
    out = [x.shape[a] for a in keep_x] + [y.shape[a] for a in keep_y]
    left = np.reshape(np.transpose(x, (*keep_x, *over_x)), (x.size // max(n, 1), n))
    right = np.reshape(np.transpose(y, (*over_y, *keep_y)), (n, y.size // max(n, 1)))
    return np.reshape(left @ right, tuple(out))


@covers(np.einsum)
def einsum(subscripts, *arrays):
    """Einstein summation."""
    rules_linear.full_subscripts(subscripts, len(arrays))  # refuse at once, not in the sweep
    return rules_linear.einsum(*arrays, subscripts=subscripts)


@covers(np.polyval)
def polyval(p, x):
    """Polynomial by Horner's rule, highest power first."""
    y = 0.0 * x
    for c in collect(p):
        y = y * x + c
    return y


@covers(np.cross)
def cross(a, b):
    """Vector product of two vectors of three components, along the last axis."""
    a, b = collect(a), collect(b)
    (a0, a1, a2), (b0, b1, b2) = (tuple(v[..., i] for i in range(3)) for v in (a, b))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


@covers(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    """Euclidean (or Frobenius) norm; other orders of vectors: 1 and inf. Slope 0 at zero."""
    if ord in (None, 2, "fro") and not (ord == 2 and axis is None and x.ndim == 2):
        square = np.sum(np.real(x * np.conj(x)), axis=axis, keepdims=keepdims)
        return np.where(square == 0, 0.0, np.sqrt(np.where(square == 0, 1.0, square)))
    one_axis = x.ndim == 1 or isinstance(axis, int)
    if ord == 1 and one_axis:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == np.inf and one_axis:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    raise TypeError(f"np.linalg.norm(ord={ord!r}) of a traced value has no derivative rule.")


@covers(np.where)
def where(condition, *choices):
    """Choose entry by entry; with the condition alone: the places where it holds."""
    condition = primal(condition)
    return rules.where(condition, *choices) if choices else np.nonzero(condition)
