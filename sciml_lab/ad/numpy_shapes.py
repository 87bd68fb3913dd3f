"""NumPy functions that only move entries around: shapes, pieces, joints.

With this module one can: see how the many names of NumPy come down to a few rules of
`rules_arrays.py`: `np.squeeze` is a reshape, `np.vstack` a concatenation, `np.sort` an index.
"""

from typing import Any

import numpy as np

from . import rules_arrays
from .primitive import DISPATCH, collect, covers
from .values import primal


# Shapes.
@covers(np.reshape)
def reshape(x, shape, order="C"):
    """Same entries, other shape."""
    if order != "C":
        raise TypeError("np.reshape of a traced value covers order='C' only.")
    return rules_arrays.reshape(x, shape=shape)


@covers(np.ravel)
def ravel(x, order="C"):
    """One axis."""
    return reshape(x, (x.size,), order)


@covers(np.squeeze)
def squeeze(x, axis=None):
    """Drop axes of length one."""
    return rules_arrays.reshape(x, shape=np.squeeze(np.empty(x.shape), axis).shape)


@covers(np.expand_dims)
def expand_dims(x, axis):
    """Add axes of length one."""
    return rules_arrays.reshape(x, shape=np.expand_dims(np.empty(x.shape), axis).shape)


@covers(np.atleast_1d)
def atleast_1d(*arrays):
    """At least one axis."""
    found = [x if np.ndim(x) else np.reshape(x, (1,)) for x in map(collect, arrays)]
    return found[0] if len(found) == 1 else tuple(found)


@covers(np.atleast_2d)
def atleast_2d(*arrays):
    """At least two axes."""
    found = [x if np.ndim(x) > 1 else np.reshape(x, (1, np.size(x))) for x in map(collect, arrays)]
    return found[0] if len(found) == 1 else tuple(found)


@covers(np.transpose)
def transpose(x, axes=None):
    """Reorder the axes."""
    return rules_arrays.transpose(x, axes=tuple(range(x.ndim))[::-1] if axes is None else axes)


@covers(np.swapaxes)
def swapaxes(x, axis1, axis2):
    """Exchange two axes."""
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return rules_arrays.transpose(x, axes=tuple(order))


@covers(np.moveaxis)
def moveaxis(x, source, destination):
    """Put an axis elsewhere."""
    source, destination = rules_arrays.axes_of(x, source), rules_arrays.axes_of(x, destination)
    order = [a for a in range(x.ndim) if a not in source]
    for to, came_from in sorted(zip(destination, source, strict=True)):
        order.insert(to, came_from)
    return rules_arrays.transpose(x, axes=tuple(order))


@covers(np.broadcast_to)
def broadcast_to(x, shape):
    """Stretch to a shape."""
    return rules_arrays.broadcast_to(x, shape=shape)


@covers(np.broadcast_arrays)
def broadcast_arrays(*arrays):
    """Stretch all to one shape."""
    arrays = [collect(x) for x in arrays]
    shape = np.broadcast_shapes(*(np.shape(x) for x in arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


@covers(np.full_like)
def full_like(x, fill_value):
    """Array of the shape of x, filled."""
    return np.broadcast_to(fill_value, np.shape(x))


@covers(np.flip)
def flip(x, axis=None):
    """Reverse the order along axes."""
    return rules_arrays.flip(x, axis=rules_arrays.axes_of(x, axis))


@covers(np.roll)
def roll(x, shift, axis=None):
    """Shift around the ends."""
    if axis is None:
        return np.reshape(roll(np.ravel(x), shift, 0), x.shape)
    return rules_arrays.roll(x, shift=shift, axis=axis)


# Pieces and joints.
@covers(np.take)
def take(x, indices, axis=None):
    """Entries by number."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis % x.ndim)
    return x[(slice(None),) * axis + (np.asarray(indices),)]


@covers(np.repeat)
def repeat(x, repeats, axis=None):
    """Each entry several times."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    return take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)


@covers(np.tile)
def tile(x, reps):
    """The array several times side by side."""
    numbers = np.tile(np.arange(x.size).reshape(x.shape), reps)
    return take(x, numbers)


@covers(np.sort)
def sort(x, axis=-1):
    """In rising order."""
    if axis is None:
        x, axis = np.ravel(x), 0
    order = np.argsort(primal(x), axis=axis)
    places = np.indices(x.shape, sparse=True)
    return x[(*places[: axis % x.ndim], order, *places[axis % x.ndim + 1 :])]


@covers(np.concatenate)
def concatenate(arrays, axis: Any = 0):
    """Join along an axis."""
    if axis is None:
        return concatenate([np.ravel(x) for x in map(collect, arrays)])
    return rules_arrays.concatenate(*arrays, axis=axis)


@covers(np.stack)
def stack(arrays, axis=0):
    """Join along a new axis."""
    return rules_arrays.stack(*arrays, axis=axis)


@covers(np.vstack)
def vstack(tup):
    """Join rows."""
    return concatenate([atleast_2d(x) for x in tup])


@covers(np.hstack)
def hstack(tup):
    """Join side by side."""
    arrays = [atleast_1d(x) for x in tup]
    return concatenate(arrays, axis=0 if np.ndim(arrays[0]) == 1 else 1)


@covers(np.column_stack)
def column_stack(tup):
    """Join columns."""
    arrays = [collect(x) for x in tup]
    return concatenate([x if np.ndim(x) > 1 else np.reshape(x, (-1, 1)) for x in arrays], axis=1)


@covers(np.append)
def append(x, values, axis=None):
    """Join at the end."""
    return concatenate((x, values), axis=axis)


@covers(np.split)
def split(x, indices_or_sections, axis=0):
    """Cut into pieces."""
    numbers = np.split(np.arange(x.shape[axis]), indices_or_sections)
    return [take(x, piece, axis) for piece in numbers]


@covers(np.tril)
def tril(x, k=0):
    """Lower triangle."""
    return np.where(np.tril(np.ones(x.shape[-2:], dtype=bool), k), x, 0.0)


@covers(np.triu)
def triu(x, k=0):
    """Upper triangle."""
    return np.where(np.triu(np.ones(x.shape[-2:], dtype=bool), k), x, 0.0)


@covers(np.diag)
def diag(x, k=0):
    """Diagonal of a matrix, or a matrix with that diagonal."""
    if x.ndim == 1:
        n = x.size + abs(k)
        return rules_arrays.put(x, index=np.nonzero(np.eye(n, k=k)), shape=(n, n))
    return x[np.nonzero(np.eye(*x.shape, k=k))]


@covers(np.trace)
def trace(x):
    """Sum of the diagonal."""
    return np.sum(diag(x))


@covers(np.linspace)
def linspace(start, stop, num=50, endpoint=True):
    """Evenly spaced numbers."""
    return start + (stop - start) * np.linspace(0.0, 1.0, num, endpoint=endpoint)


@covers(np.copy)
def copy(x):
    """The same: a traced value is never written into."""
    return x


DISPATCH[np.positive] = copy
