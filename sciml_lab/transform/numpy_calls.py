"""NumPy's functions, and Python's, on values that are known only later.

Each rule takes the reader (which can write statements) and the arguments. Elementwise functions
become expressions, sums become loops, and what only moves entries about costs nothing: it is a
rule for where an entry comes from.
"""

import ast
import builtins
import math

import numpy as np

from sciml_lab.transform.tree import TransformError
from sciml_lab.transform.values import (
    UNROLL,
    Array,
    Num,
    as_condition,
    binary,
    bounds,
    call,
    choose,
    elementwise,
    is_number,
    kind,
    picked,
    reshaped,
    shift,
    stretch,
)

RULES = {}  # a function of NumPy, math or Python -> its rule
METHODS = {}  # name of an array's method -> its rule
SMALL = 64  # arrays of expressions up to this size stay written out


def rule(*functions, method=None):
    """Enter a rule for these functions, and for the method of the same name."""

    def enter(own):
        for function in functions:
            RULES[function] = own
        if method:
            METHODS[method] = own
        return own

    return enter


def find(function):
    """Return the rule of a function, or None."""
    try:
        return RULES.get(function)
    except TypeError:  # not hashable, so none of ours
        return None


# Elementwise.
ONE = ["exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "sqrt", "arctan", "arcsin", "arccos", "log1p", "expm1", "log2", "log10", "sign", "floor", "ceil", "arcsinh", "arccosh", "arctanh", "cbrt"]
TWO = ["maximum", "minimum", "arctan2", "hypot"]
_MATH = {"atan": "arctan", "asin": "arcsin", "acos": "arccos", "asinh": "arcsinh",
         "acosh": "arccosh", "atanh": "arctanh", "atan2": "arctan2"}  # fmt: skip


def _elementwise(name, number_of_arguments):
    def apply(r, *args, **kwargs):
        if kwargs or len(args) != number_of_arguments:
            r.fail(f"np.{name} with {len(args)} arguments and options", "give the array alone.")
        return r.over(lambda *x: call(name, *x), *args)

    return apply


for _name in (*ONE, *TWO):
    RULES[getattr(np, _name)] = _elementwise(_name, 1 if _name in ONE else 2)
for _name in (*ONE, *TWO, *_MATH):
    if hasattr(math, _name) and _name not in ("hypot",):
        _own = _MATH.get(_name, _name)
        RULES[getattr(math, _name)] = _elementwise(_own, 1 if _own in ONE else 2)


def _operator(function, op):
    RULES[function] = lambda r, a, b: r.operate(op, a, b)


for _function, _op in (
    (np.add, ast.Add), (np.subtract, ast.Sub), (np.multiply, ast.Mult), (np.divide, ast.Div),
    (np.power, ast.Pow), (np.matmul, ast.MatMult), (np.mod, ast.Mod), (np.logical_and, ast.BitAnd),
    (np.logical_or, ast.BitOr), (math.pow, ast.Pow), (builtins.pow, ast.Pow),
):  # fmt: skip
    _operator(_function, _op)
for _function, _op in (
    (np.less, ast.Lt), (np.greater, ast.Gt), (np.less_equal, ast.LtE), (np.greater_equal, ast.GtE),
):  # fmt: skip
    RULES[_function] = lambda r, a, b, op=_op: r.compare(op, a, b)


@rule(np.abs, abs, np.fabs, math.fabs)
def _abs(r, x):
    return r.over(lambda x: call("abs", x), x)


@rule(np.negative)
def _negative(r, x):
    return r.negative(r.operand(x))


@rule(np.square)
def _square(r, x):
    return r.operate(ast.Pow, x, 2)


@rule(np.reciprocal)
def _reciprocal(r, x):
    return r.operate(ast.Div, 1.0, x)


@rule(np.where)
def _where(r, test, a=None, b=None):
    if a is None or b is None:
        r.fail("np.where with a condition alone", "give both choices.")
    return r.over(choose, test, a, b)


@rule(np.clip, method="clip")
def _clip(r, x, low=None, high=None):
    x = x if low is None else r.over(lambda *a: call("maximum", *a), x, low)
    return x if high is None else r.over(lambda *a: call("minimum", *a), x, high)


@rule(np.heaviside)
def _heaviside(r, x, at_zero):
    def step(x, h):
        positive = Num(ast.Compare(x.node, [ast.Gt()], [ast.Constant(0.0)]), "b")
        zero = Num(ast.Compare(x.node, [ast.Eq()], [ast.Constant(0.0)]), "b")
        return choose(positive, 1.0, choose(zero, h, 0.0))

    return r.over(step, r.named_entries(x), at_zero)


@rule(float, np.float64, np.real)
def _float(r, x=0.0):
    x = x.entry(*(0,) * len(x.shape)) if isinstance(x, Array) and x.size == 1 else x
    if isinstance(x, Array):
        return x
    if isinstance(x, Num) and x.kind == "f":
        return x
    return call("float", x)


@rule(int)
def _int(r, x=0):
    return x if kind(x) == "i" else call("int", x)


@rule(bool)
def _bool(r, x=False):
    return Num(as_condition(x), "b")


# Sums and the like.
def _axis(r, array, axis):
    """Return the shape without an axis, and the array seen as (that shape, count)."""
    axis = axis % len(array.shape)
    shape = (*array.shape[:axis], *array.shape[axis + 1 :])
    return shape, lambda index, k: array.entry(*index[:axis], k, *index[axis:])


def _reduced(op, start):
    def apply(r, x, axis=None, keepdims=False):
        x = r.array(x)
        if axis is None or len(x.shape) == 1:
            if x.size == 0 and start is None:
                r.fail("the largest entry of an empty array", "leave it out.")
            total = r.fold(x, op, start)
            return Array((1,) * len(x.shape), items=[total]) if keepdims else total
        if not isinstance(axis, int):
            r.fail("a sum over several axes", "sum over one after the other.")
        shape, entry = _axis(r, x, axis)
        count = x.shape[axis % len(x.shape)]
        first = (lambda index: start) if start is not None else (lambda index: entry(index, 0))
        result = Array(
            shape,
            lambda *index: r.reduce(op, first(index), count, lambda k: entry(index, k)),
        )
        if x.items is not None or result.size <= UNROLL:
            result = Array(shape, items=result.all())
        if keepdims:
            full = list(shape)
            full.insert(axis % len(x.shape), 1)
            result = reshaped(result if result.items else r.materialise(result), full)
        return result

    return apply


_sum = rule(np.sum, method="sum")(_reduced(lambda a, b: binary(ast.Add, a, b), 0.0))
rule(np.prod, method="prod")(_reduced(lambda a, b: binary(ast.Mult, a, b), 1.0))
_max = rule(np.max, np.amax, method="max")(_reduced(lambda a, b: call("maximum", a, b), None))
_min = rule(np.min, np.amin, method="min")(_reduced(lambda a, b: call("minimum", a, b), None))


@rule(np.mean, method="mean")
def _mean(r, x, axis=None, keepdims=False):
    x = r.array(x)
    count = x.size if axis is None else x.shape[axis]
    return r.operate(ast.Div, _sum(r, x, axis, keepdims), float(count))


@rule(np.linalg.norm)
def _norm(r, x):
    x = r.named_entries(r.array(x))
    return call("sqrt", _sum(r, elementwise(lambda a: binary(ast.Mult, a, a), x)))


@rule(sum)
def _python_sum(r, items, start=0):
    if isinstance(items, Array) and len(items.shape) == 1:
        total = r.total(items)
        return total if start == 0 else r.operate(ast.Add, start, total)
    for x in r.sequence(items):
        start = x if is_number(start) and start == 0 else r.operate(ast.Add, start, x)
    return start


def _extreme(name):
    def apply(r, *args):
        items = r.sequence(args[0]) if len(args) == 1 else list(args)
        total = items[0]
        for x in items[1:]:
            total = call(name, total, x)
        return total

    return apply


RULES[min], RULES[max] = _extreme("min"), _extreme("max")


# Products.
@rule(np.dot, method="dot")
def matmul(r, a, b):
    """``a @ b`` for vectors and matrices: a sum of products for each entry."""
    a, b = r.array(a), r.array(b)
    if not a.shape or not b.shape:
        return r.operate(ast.Mult, a, b)
    if len(a.shape) > 2 or len(b.shape) > 2 or a.shape[-1] != b.shape[0]:
        r.fail(f"a product of shapes {a.shape} and {b.shape}", "use vectors and matrices that fit.")
    n, left, right = a.shape[-1], a.shape[:-1], b.shape[1:]
    if n > UNROLL or a.size > SMALL or b.size > SMALL:
        a, b = (x if x.place or (x.items is None and _cheap(x)) else r.indexable(x) for x in (a, b))
    else:
        a, b = r.named_entries(a), r.named_entries(b)

    def entry(*index):
        i, j = index[: len(left)], index[len(left) :]
        return r.reduce(
            lambda s, x: binary(ast.Add, s, x), 0.0, n,
            lambda k: binary(ast.Mult, a.entry(*i, k), b.entry(k, *j)),
        )  # fmt: skip

    product = Array((*left, *right), entry)
    if not product.shape:
        return entry()
    small = product.size <= UNROLL or a.items is not None or b.items is not None
    return Array(product.shape, items=product.all()) if small else product


def _cheap(x):
    """Whether entries of an array are read, not computed."""
    try:
        entry = x.entry(*(Num.named("_", "i", 0, 0) for _ in x.shape))
    except Exception:  # an array that can't be asked so is not cheap to ask
        return False
    return is_number(entry) or isinstance(entry.node, ast.Subscript | ast.Name)


@rule(np.vdot, np.inner)
def _inner(r, a, b):
    return matmul(
        r,
        reshaped(r.array(a), (r.array(a).size,)),
        reshaped(r.array(b), (-1,)) if False else reshaped(r.array(b), (r.array(b).size,)),
    )


@rule(np.outer)
def _outer(r, a, b):
    a, b = (reshaped(r.array(x), (r.array(x).size,)) for x in (a, b))
    return r.operate(ast.Mult, r.index(a, (slice(None), None)), b)


# Arrays from nothing and from lists.
def _filled(value):
    def apply(r, shape, dtype=None, order="C"):
        shape = (shape,) if is_number(shape) else tuple(shape)
        if any(isinstance(n, Num) for n in shape):
            r.fail("an array whose size is known only later", "take sizes from u.shape.")
        return r.allocate("v", tuple(int(n) for n in shape), value)

    return apply


_empty = rule(np.empty)(_filled(None))
_zeros = rule(np.zeros)(_filled(0.0))
_ones = rule(np.ones)(_filled(1.0))


@rule(np.full)
def _full(r, shape, value, dtype=None):
    array = _filled(None)(r, shape)
    r.fill(array, stretch(r.array(value), array.shape))
    return array


def _like(make):
    return lambda r, x, dtype=None: make(r, r.array(x).shape)


RULES[np.empty_like], RULES[np.zeros_like] = _like(_empty), _like(_zeros)
RULES[np.ones_like] = _like(_ones)
RULES[np.full_like] = lambda r, x, value, dtype=None: _full(r, r.array(x).shape, value)
MAKERS = {RULES[f] for f in (np.empty, np.zeros, np.ones, np.full)}


@rule(np.array, np.asarray, np.asanyarray, np.ascontiguousarray, method="copy")
def _array(r, x, dtype=None, copy=None):
    if isinstance(x, Array) and x.place is not None:
        return picked_copy(x)
    return r.array(x)


def picked_copy(x):
    """Return the entries of a piece of memory as values: what is bound to a name is a copy."""
    return Array(x.shape, x.entry, breaks=x.breaks)


METHODS["astype"] = lambda r, x, dtype=None: picked_copy(r.array(x))
METHODS["item"] = lambda r, x: _float(r, x)
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
            from sciml_lab.transform.values import NeedsStatic

            raise NeedsStatic
        return rows[row].entry(*index[:axis], *index[axis + 1 :])

    result = Array(shape, entry, breaks=tuple(breaks))
    if all(x.items is not None for x in rows) or result.size <= UNROLL:
        return Array(shape, items=result.all())
    return result


@rule(np.concatenate, np.hstack)
def _concatenate(r, parts, axis=0):
    parts = [r.array(x) for x in (parts if isinstance(parts, list | tuple) else r.sequence(parts))]
    axis = axis % len(parts[0].shape)
    ends = np.cumsum([x.shape[axis] for x in parts]).tolist()
    shape = (*parts[0].shape[:axis], ends[-1], *parts[0].shape[axis + 1 :])
    breaks = [set().union(*(x.breaks[k] for x in parts)) for k in range(len(shape))]
    breaks[axis] = {0, *ends[:-1]}
    for x, end in zip(parts, ends, strict=True):
        start = end - x.shape[axis]
        inside = range(x.shape[axis]) if x.items is not None else x.breaks[axis]
        breaks[axis] |= {b + start for b in inside}

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
                before = binary_compare(index[axis], end)
                value = choose(before, here, value)
        return value

    result = Array(shape, entry, breaks=tuple(breaks))
    listed = all(x.items is not None for x in parts) or result.size <= UNROLL
    return Array(shape, items=result.all()) if listed else result


def binary_compare(index, end):
    """``index < end``."""
    return Num(ast.Compare(index.node, [ast.Lt()], [ast.Constant(end)]), "b")


@rule(np.append)
def _append(r, x, more):
    more = r.array(more)
    return _concatenate(r, [r.array(x), reshaped(more, (more.size,))])


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
    if len(x.shape) > 1 and x.place is None and x.items is None:
        x = r.materialise(x)
    return reshaped(x, _shape(r, x, shape))


METHODS["reshape"] = lambda r, x, *shape: _reshape(r, x, shape[0] if len(shape) == 1 else shape)
for _flat in (np.ravel,):
    RULES[_flat] = lambda r, x: _reshape(r, x, -1)
METHODS["ravel"] = METHODS["flatten"] = lambda r, x: _reshape(r, x, -1)


@rule(np.transpose, method="transpose")
def transpose(r, x, *axes):
    """Exchange the axes of a matrix."""
    x = r.array(x)
    if axes or len(x.shape) > 2:
        r.fail("a transpose of chosen axes", "use matrices.")
    turned = picked(x, x.shape[::-1], lambda *i: i[::-1], x.breaks[::-1])
    return turned if x.items is None else Array(turned.shape, items=turned.all())


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
    return rolled if x.items is None else Array(x.shape, items=rolled.all())


@rule(np.flip)
def _flip(r, x, axis=0):
    part = [slice(None)] * len(r.array(x).shape)
    part[axis or 0] = slice(None, None, -1)
    return picked_copy(r.index(r.array(x), tuple(part)))


@rule(np.diff)
def _diff(r, x):
    x = r.named_entries(r.array(x))
    return r.operate(ast.Sub, r.index(x, slice(1, None)), r.index(x, slice(None, -1)))


# Python's own.
@rule(len)
def _len(r, x):
    return x.shape[0] if isinstance(x, Array) else len(x)


@rule(range)
def _range(r, *limits):
    from sciml_lab.transform.statements import Steps

    start, stop, step = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
    if isinstance(step, Num):
        r.fail("a range whose step is known only later", "use a fixed step.")
    count = binary(ast.Sub, stop, start)
    return Steps(count if isinstance(count, Num) else len(range(start, stop, step)),
                 lambda k: shift(k, start) if is_number(start) else binary(ast.Add, k, start),
                 counter=(start, stop, step))  # fmt: skip


@rule(zip)
def _zip(r, *values, strict=False):
    from sciml_lab.transform.statements import Steps

    steps = Steps.joined(r, values)
    return steps if steps.later else [steps.item(k) for k in builtins.range(len(steps))]


@rule(enumerate)
def _enumerate(r, values, start=0):
    from sciml_lab.transform.statements import Steps

    steps = Steps.over(r, values)
    if not steps.later:
        return [(k + start, steps.item(k)) for k in builtins.range(len(steps))]
    return Steps(steps.count, lambda k: (shift(k, start), steps.item(k)))


@rule(list, tuple, reversed, method=None)
def _list(r, x=()):
    return r.sequence(x)


RULES[tuple] = lambda r, x=(): tuple(r.sequence(x))
RULES[reversed] = lambda r, x: r.sequence(x)[::-1]


@rule(map)
def _map(r, function, *values):
    return [r.call(function, list(xs), {}) for xs in zip(*map(r.sequence, values), strict=False)]


@rule(isinstance)
def _isinstance(r, x, kinds):
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if isinstance(x, Array):
        return np.ndarray in kinds
    if isinstance(x, Num):
        return {"f": float, "i": int, "b": bool}[x.kind] in kinds
    return isinstance(x, kinds)


@rule(print)
def _print(r, *args, **kwargs):
    r.fail("print", "leave it out: a compiled function has no output.")


__all__ = ["MAKERS", "METHODS", "RULES", "TransformError", "find", "matmul", "stack", "transpose"]
