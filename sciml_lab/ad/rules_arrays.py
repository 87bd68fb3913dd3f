"""The rule table, second part: sums, shapes, pieces and joints of arrays.

With this module one can: read what a reduction, a reshape, an index or a concatenation does to a
derivative. All of them are linear maps (or a choice of entries), so the JVP is the same map,
applied along the same axes, and the VJP its transpose: a sum spreads, a slice is put back
into zeros, a joint falls apart.

A tangent has one more axis at the end than its value: axes are counted from the front.

Examples
--------
>>> from sciml_lab.ad import grad
>>> grad(lambda x: np.sum(x[1:] * x[:-1]), np.array([1.0, 2.0, 3.0]))
array([2., 4., 2.])
"""

from operator import index as as_int

import numpy as np

from .primitive import define, expand, unbroadcast
from .values import primal


def axes_of(x, axis):
    """List the axes as non-negative numbers; None means all."""
    if axis is None:
        return tuple(range(x.ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple(as_int(a) + (x.ndim if a < 0 else 0) for a in given)
    if any(not 0 <= a < x.ndim for a in found):
        raise ValueError(f"axis {axis} is out of bounds for an array with {x.ndim} axes.")
    return found


def grow(g, x, axis, keepdims):
    """Give a reduced array its lost axes back, with length one."""
    if keepdims:
        return g
    lost = axes_of(x, axis)
    return np.reshape(g, tuple(1 if a in lost else n for a, n in enumerate(x.shape)))


# Sums, products, extremes.
def _share(ans, x, axis, keepdims):
    """One over the number of entries that attain the extreme value, at those entries."""
    x = primal(x)
    hit = x == grow(primal(ans), x, axis, keepdims)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _push_extreme(t, ans, x, axis=None, keepdims=False):
    share = _share(ans, x, axis, keepdims)
    return np.sum(t * expand(share), axis=axes_of(x, axis), keepdims=keepdims)


def _pull_extreme(g, ans, x, axis=None, keepdims=False):
    return grow(g, x, axis, keepdims) * _share(ans, x, axis, keepdims)


def _others(x, axis, keepdims):
    """Product of all entries but one, for each one; right with zeros too. Cost n^2."""
    lost = axes_of(x, axis)
    kept = [a for a in range(x.ndim) if a not in lost]
    rows = np.transpose(x, (*kept, *lost))
    n = int(np.prod([x.shape[a] for a in lost]))
    flat = np.reshape(rows, (*(x.shape[a] for a in kept), n))
    rest = np.prod(np.where(np.eye(n, dtype=bool), 1.0, flat[..., None, :]), axis=-1)
    return np.transpose(np.reshape(rest, rows.shape), tuple(np.argsort((*kept, *lost))))


def _push_prod(t, ans, x, axis=None, keepdims=False):
    slope = _others(x, axis, keepdims)
    return np.sum(t * expand(slope), axis=axes_of(x, axis), keepdims=keepdims)


sum_ = define(
    np.sum,
    lambda t, ans, x, axis=None, keepdims=False: np.sum(
        t, axis=axes_of(x, axis), keepdims=keepdims
    ),
    lambda g, ans, x, axis=None, keepdims=False: np.broadcast_to(
        grow(g, x, axis, keepdims), x.shape
    ),
    dispatch=(np.sum,),
    settings=("axis", "dtype", "out", "keepdims"),
)
prod = define(
    np.prod,
    _push_prod,
    lambda g, ans, x, axis=None, keepdims=False: (
        grow(g, x, axis, keepdims) * _others(x, axis, keepdims)
    ),
    dispatch=(np.prod,),
    settings=("axis", "dtype", "out", "keepdims"),
)
max_ = define(
    np.max, _push_extreme, _pull_extreme, name="max",
    dispatch=(np.max,), settings=("axis", "out", "keepdims"),
)  # fmt: skip
min_ = define(
    np.min, _push_extreme, _pull_extreme, name="min",
    dispatch=(np.min,), settings=("axis", "out", "keepdims"),
)  # fmt: skip
cumsum = define(
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda t, ans, x, axis: np.cumsum(t, axis=axis % x.ndim),
    lambda g, ans, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis),
    name="cumsum",
)

# Shapes.
reshape = define(
    lambda x, shape: np.reshape(x, shape),
    lambda t, ans, x, shape: np.reshape(t, (*ans.shape, t.shape[-1])),
    lambda g, ans, x, shape: np.reshape(g, x.shape),
    name="reshape",
)
transpose = define(
    lambda x, axes: np.transpose(x, axes),
    lambda t, ans, x, axes: np.transpose(t, (*axes_of(x, axes), x.ndim)),
    lambda g, ans, x, axes: np.transpose(g, tuple(int(a) for a in np.argsort(axes_of(x, axes)))),
    name="transpose",
)
broadcast_to = define(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda t, ans, x, shape: np.broadcast_to(t, (*ans.shape, t.shape[-1])),
    lambda g, ans, x, shape: unbroadcast(g, x),
    name="broadcast_to",
)
flip = define(
    lambda x, axis: np.flip(x, axis),
    lambda t, ans, x, axis: np.flip(t, axes_of(x, axis)),
    lambda g, ans, x, axis: np.flip(g, axis),
    name="flip",
)
roll = define(
    lambda x, shift, axis: np.roll(x, shift, axis),
    lambda t, ans, x, shift, axis: np.roll(t, shift, axes_of(x, axis)),
    lambda g, ans, x, shift, axis: np.roll(g, np.negative(shift), axis),
    name="roll",
)


# Pieces: x[index], and its transpose, which adds values into zeros.
def further(index):
    """Make an index ignore the last axis: only an Ellipsis would reach for it."""
    parts = index if isinstance(index, tuple) else (index,)
    return (*parts, slice(None)) if any(i is Ellipsis for i in parts) else index


def _is_basic(index):
    parts = index if isinstance(index, tuple) else (index,)
    return all(i is None or i is Ellipsis or isinstance(i, (int, slice)) for i in parts)


def fixed(index):
    """Copy the arrays in an index: the caller may change his, and the tape needs it as it was."""
    if isinstance(index, (int, slice)):
        return index
    if isinstance(index, tuple):
        return tuple(fixed(part) for part in index)
    return np.array(index) if isinstance(index, (list, np.ndarray)) else index


def _put(g, index, shape):
    out = np.zeros(shape, g.dtype)
    if _is_basic(index):
        out[index] = g  # no entry is named twice
    else:
        np.add.at(out, index, g)
    return out


getitem = define(
    lambda x, index: x[index],
    lambda t, ans, x, index: t[further(index)],
    lambda g, ans, x, index: put(g, index=index, shape=x.shape),
    name="getitem",
)
put = define(
    _put,
    lambda t, ans, x, index, shape: put(t, index=further(index), shape=(*shape, t.shape[-1])),
    lambda g, ans, x, index, shape: g[index],
    name="put",
)


# Joints.
def _part(k, g, ans, *xs, axis=0):
    """Cut argument k's part out of a concatenated cotangent."""
    axis = axis % ans.ndim
    start = sum(np.shape(x)[axis] for x in xs[:k])
    return g[(slice(None),) * axis + (slice(start, start + np.shape(xs[k])[axis]),)]


concatenate = define(
    lambda *xs, axis=0: np.concatenate(xs, axis=axis),
    lambda ts, ans, *xs, axis=0: np.concatenate(ts, axis=axis % ans.ndim),
    _part,
    name="concatenate",
    joint=True,
)
stack = define(
    lambda *xs, axis=0: np.stack(xs, axis=axis) if axis else np.array(xs),
    lambda ts, ans, *xs, axis=0: stack(*ts, axis=axis % ans.ndim),
    lambda k, g, ans, *xs, axis=0: g[(slice(None),) * (axis % ans.ndim) + (k,)],
    name="stack",
    joint=True,
)
