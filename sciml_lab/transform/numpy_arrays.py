"""Arrays from nothing, from lists, and from other arrays whose entries move about."""

import ast
from itertools import pairwise

import numpy as np

from sciml_lab.transform.numpy_rules import METHODS, RULES, rule
from sciml_lab.transform.values import (
    Array,
    Num,
    binary,
    bounds,
    choose,
    is_number,
    kind,
    picked,
    reshaped,
    shift,
    stretch,
)  # fmt: skip


# Arrays from nothing and from lists.
def _filled(value):
    def apply(r, shape, dtype=None, order="C"):
        shape = (shape,) if is_number(shape) or isinstance(shape, Num) else tuple(shape)
        check_dtype(r, dtype)
        if any(isinstance(n, Num) for n in shape):
            r.fail("an array whose size is known only later", "take sizes from u.shape.")
        return r.allocate("v", tuple(int(n) for n in shape), value)

    return apply


_empty = rule(np.empty)(_filled(None))
_zeros = rule(np.zeros)(_filled(0.0))
_ones = rule(np.ones)(_filled(1.0))


@rule(np.full)
def _full(r, shape, value, dtype=None):
    check_dtype(r, dtype)
    if dtype is None and is_number(value) and kind(value) != "f":
        r.fail("np.full with a whole number", "write 1.0 instead of 1.")
    array = _filled(None)(r, shape)
    r.fill(array, stretch(r.array(value), array.shape))
    return array


def _like(make):
    def apply(r, x, dtype=None):
        if dtype is None and isinstance(x, np.ndarray) and x.dtype.kind != "f":
            r.fail("an array like one of whole numbers", "make it by np.zeros or np.empty.")
        return make(r, r.array(x).shape, dtype)

    return apply


RULES[np.empty_like], RULES[np.zeros_like] = _like(_empty), _like(_zeros)
RULES[np.ones_like] = _like(_ones)
RULES[np.full_like] = lambda r, x, value, dtype=None: _full(r, r.array(x).shape, value, float)
MAKERS = {RULES[f] for f in (np.empty, np.zeros, np.ones, np.full)}


def check_dtype(r, dtype):
    """Fail for arrays of anything but double precision."""
    if dtype is not None and np.dtype(dtype) != np.float64:
        r.fail(f"an array of dtype {np.dtype(dtype)}", "leave dtype out: numbers are float64.")


@rule(np.array, np.copy, method="copy")
def _array(r, x, dtype=None, copy=True, order="C"):
    check_dtype(r, dtype)
    return picked_copy(r.array(x)) if copy else r.array(x)


@rule(np.asarray, np.asanyarray, np.ascontiguousarray)
def _asarray(r, x, dtype=None):
    return _array(r, x, dtype, copy=False)


def picked_copy(x):
    """Return the entries of an array as values: what is bound to a name is a copy."""
    return Array(x.shape, x.entry if x.items is None else None, x.items, breaks=x.breaks)


METHODS["astype"] = lambda r, x, dtype=None, copy=True: _array(r, x, dtype, copy)
METHODS["tolist"] = lambda r, x: r.sequence(x)


@rule(np.stack)
def stack(r, items, axis=0):
    """Join numbers or arrays of one shape along a new axis."""
    if isinstance(items, Array):
        return items
    items = [r.operand(x) for x in items]
    if all(not isinstance(x, Array) or not x.shape for x in items):
        return Array((len(items),), items=[x.entry() if isinstance(x, Array) else x for x in items])
    rows = [r.array(x) for x in items]
    if len({x.shape for x in rows}) > 1:
        r.fail(f"an array of rows of shapes {[x.shape for x in rows]}", "use rows of one length.")
    inner = rows[0].shape
    axis = axis % (len(inner) + 1)
    shape = (*inner[:axis], len(rows), *inner[axis:])
    breaks = [set().union(*(x.breaks[k] for x in rows)) for k in range(len(inner))]
    breaks.insert(axis, set(range(len(rows))))

    def entry(*index):
        row = index[axis]
        if isinstance(row, Num):
            r.need_static("rows of an array that are told apart only later", "use one formula.")
        return rows[row].entry(*index[:axis], *index[axis + 1 :])

    result = Array(shape, entry, breaks=tuple(breaks))
    return result.settled(all(x.items is not None for x in rows))


@rule(np.concatenate)
def _concatenate(r, parts, axis=0):
    parts = [r.array(x) for x in (parts if isinstance(parts, list | tuple) else r.sequence(parts))]
    shapes = [x.shape for x in parts]
    axis = axis % max(len(shapes[0]), 1)
    if not shapes[0] or len({(len(s), *s[:axis], *s[axis + 1 :]) for s in shapes}) > 1:
        r.fail(f"joining arrays of shapes {shapes}", "give them equal shapes but for one axis.")
    ends = np.cumsum([x.shape[axis] for x in parts]).tolist()
    shape = (*parts[0].shape[:axis], ends[-1], *parts[0].shape[axis + 1 :])
    breaks = [set().union(*(_cuts(x, k) for x in parts)) for k in range(len(shape))]
    breaks[axis] = {0, *ends[:-1]}
    for x, end in zip(parts, ends, strict=True):
        start = end - x.shape[axis]
        breaks[axis] |= {b + start for b in _cuts(x, axis)}

    def entry(*index):
        low, high = bounds(index[axis])
        value = None
        for x, end in reversed(list(zip(parts, ends, strict=True))):
            start = end - x.shape[axis]
            if low is not None and (high < start or low >= end):
                continue
            here = x.entry(*index[:axis], shift(index[axis], -start), *index[axis + 1 :])
            if value is None:
                value = here
            else:
                value = choose(r.compare(ast.Lt, index[axis], end), here, value)
        return value

    result = Array(shape, entry, breaks=tuple(breaks))
    return result.settled(all(x.items is not None for x in parts))


def _cuts(x, axis):
    """Where the rule of x changes; entries that are listed must be told apart now."""
    return range(x.shape[axis]) if x.items is not None else x.breaks[axis]


@rule(np.vstack)
def _vstack(r, parts):
    rows = [r.array(x) for x in r.sequence(parts)]
    return _concatenate(r, [x if len(x.shape) > 1 else reshaped(x, (1, x.size)) for x in rows])


@rule(np.hstack)
def _hstack(r, parts):
    parts = [r.array(x) for x in r.sequence(parts)]
    parts = [x if x.shape else reshaped(x, (1,)) for x in parts]
    return _concatenate(r, parts, axis=min(1, len(parts[0].shape) - 1))


@rule(np.append)
def _append(r, x, more):
    return _concatenate(r, [flat(r, x), reshaped(r.array(more), (r.array(more).size,))])


# Moving entries about.
def _shape(r, array, shape):
    shape = [shape] if is_number(shape) else list(shape)
    if -1 in shape:
        known = int(np.prod([n for n in shape if n != -1], dtype=int))
        shape[shape.index(-1)] = array.size // max(known, 1)
    if int(np.prod(shape, dtype=int)) != array.size:
        r.fail(f"an array of shape {array.shape} as {tuple(shape)}", "keep the number of entries.")
    return tuple(int(n) for n in shape)


@rule(np.reshape)
def _reshape(r, x, shape, order="C"):
    x = r.array(x)
    if order != "C":
        r.fail(f"the order {order!r} of a reshape", "use .T.")
    x = r.even(x, len(x.shape) > 1)
    result = reshaped(x, _shape(r, x, shape))
    if x.place is None or in_one_piece(r, x):
        return result
    return r.second_name(picked_copy(result), x)


def in_one_piece(r, x):
    """Whether the entries of a piece of memory lie one after the other."""
    whole = np.arange(int(np.prod(r.shapes[x.memory], dtype=int))).reshape(r.shapes[x.memory])
    where = [whole[x.place(*i)[1]] for i in np.ndindex(x.shape)]
    return all(b == a + 1 for a, b in pairwise(where))


@rule(np.ravel, method="ravel")
def flat(r, x):
    """Return the entries of an array in one row."""
    x = r.array(x)
    return x if len(x.shape) == 1 else _reshape(r, x, -1)


METHODS["reshape"] = lambda r, x, *shape: _reshape(r, x, shape[0] if len(shape) == 1 else shape)
METHODS["flatten"] = lambda r, x: picked_copy(flat(r, x))


@rule(np.transpose, method="transpose")
def transpose(r, x, *axes):
    """Exchange the axes of a matrix."""
    x = r.array(x)
    if axes or len(x.shape) > 2:
        r.fail("a transpose of chosen axes", "use matrices.")
    turned = picked(x, x.shape[::-1], lambda *i: i[::-1], x.breaks[::-1])
    return turned if x.items is None else Array(turned.shape, items=turned.all(), named=x.named)


@rule(np.roll)
def _roll(r, x, shifted, axis=None):
    x = r.array(x)
    if isinstance(shifted, Num):
        r.fail("np.roll by a number known only later", "use a loop.")
    if axis is None and len(x.shape) > 1:
        r.fail("np.roll of a matrix without an axis", "give axis=0 or axis=1.")
    axis = (axis or 0) % len(x.shape)
    n = x.shape[axis]
    by = int(shifted) % n

    def where(*index):
        index, i = list(index), index[axis]
        low, high = bounds(i)
        if low is not None and low >= by:
            index[axis] = shift(i, -by)
        elif high is not None and high < by:
            index[axis] = shift(i, n - by)
        else:
            index[axis] = binary(ast.Mod, shift(i, n - by), n)
        return index

    breaks = [set(b) for b in x.breaks]
    breaks[axis] = {(b + by) % n for b in breaks[axis]} | {by}
    rolled = Array(x.shape, lambda *i: x.entry(*where(*i)), breaks=tuple(breaks))
    return rolled.settled(x.items is not None)


@rule(np.flip)
def _flip(r, x, axis=None):
    x = r.array(x)
    turn = range(len(x.shape)) if axis is None else [axis % len(x.shape)]
    part = [slice(None, None, -1 if k in turn else None) for k in range(len(x.shape))]
    return r.index(x, tuple(part))


@rule(np.diff)
def _diff(r, x):
    x = r.named_entries(r.array(x))
    if len(x.shape) != 1:
        r.fail("np.diff of a matrix", "use slices.")
    return r.operate(ast.Sub, r.index(x, slice(1, None)), r.index(x, slice(None, -1)))
