"""Sums, largest entries and products of matrices: loops that gather."""

import ast
import functools

import numpy as np

from sciml_lab.transform.numpy_arrays import flat
from sciml_lab.transform.numpy_rules import RULES, rule
from sciml_lab.transform.values import (
    UNROLL,
    Array,
    Num,
    as_condition,
    binary,
    call,
    is_number,
    reshaped,
)  # fmt: skip

SMALL = 64  # products of arrays up to this size may be written out


# Sums and the like.
def _axis(r, array, axis):
    """Return the shape without an axis, and the array seen as (that shape, count)."""
    axis = axis % len(array.shape)
    shape = (*array.shape[:axis], *array.shape[axis + 1 :])
    return shape, lambda index, k: array.entry(*index[:axis], k, *index[axis:])


def _reduced(op, start):
    def apply(r, x, axis=None, keepdims=False):
        x = r.array(x)
        if isinstance(axis, int) and not -len(x.shape) <= axis < len(x.shape):
            r.fail(f"axis {axis} of an array of shape {x.shape}", "count axes from 0.")
        if axis is not None and not isinstance(axis, int):
            r.fail("a sum over several axes", "sum over one after the other.")
        if axis is None or len(x.shape) == 1:
            if x.size == 0 and start is None:
                r.fail("the largest entry of an empty array", "leave it out.")
            total = r.fold(x, op, start)
            return Array((1,) * len(x.shape), items=[total]) if keepdims else total
        count = x.shape[axis % len(x.shape)]
        if count > UNROLL:
            x = r.materialise(x) if x.items is not None else r.even(x)
        shape, entry = _axis(r, x, axis)
        result = Array(
            shape, lambda *index: r.reduce(op, start, count, lambda k: entry(index, k))
        ).settled(x.items is not None)
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


def _truth(word, start):
    def op(a, b):
        return Num(ast.BoolOp(word(), [as_condition(a), as_condition(b)]), "b")

    def apply(r, x, axis=None):
        x = r.array(r.sequence(x) if isinstance(x, list | tuple) else x)
        if axis is not None:
            r.fail("a condition over one axis", "use a loop.")
        result = r.fold(x, op, start)
        return Num(as_condition(result), "b") if isinstance(result, Num) else bool(result)

    return apply


RULES[any] = rule(np.any, method="any")(_truth(ast.Or, False))
RULES[all] = rule(np.all, method="all")(_truth(ast.And, True))


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
        items = r.sequence(args[0]) if len(args) == 1 else args
        return functools.reduce(lambda a, b: call(name, a, b), items)

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
        a, b = (x if x.place or (x.items is None and _cheap(r, x)) else r.indexable(x)
                for x in (a, b))  # fmt: skip
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
    return product.settled(a.items is not None or b.items is not None)


def _cheap(r, x):
    """Whether entries of an array are read, not computed."""
    if any(x.breaks):
        return False
    written, entry = r.tried(lambda: x.entry(*(Num.named("_", "i", 0, 0) for _ in x.shape)))
    return not written and (is_number(entry) or isinstance(entry.node, ast.Subscript | ast.Name))


@rule(np.vdot, np.inner)
def _inner(r, a, b):
    return matmul(r, flat(r, a), flat(r, b))


@rule(np.outer)
def _outer(r, a, b):
    a, b = (r.named_entries(r.even(flat(r, x))) for x in (a, b))
    return r.operate(ast.Mult, r.index(a, (slice(None), None)), b)
