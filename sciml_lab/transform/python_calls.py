"""Python's own functions: len, range, zip and the like."""

import ast
import builtins

import numpy as np

from sciml_lab.transform.numpy_rules import RULES, rule
from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import (
    Array,
    Num,
    binary,
    is_number,
    shift,
)  # fmt: skip


# Python's own.
@rule(len)
def _len(r, x):
    if isinstance(x, Num) or (isinstance(x, Array) and not x.shape):
        r.fail("the length of a number", "leave len out.")
    return x.shape[0] if isinstance(x, Array) else len(x)


@rule(range)
def _range(r, *limits):
    start, stop, step = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
    if isinstance(step, Num):
        r.fail("a range whose step is known only later", "use a fixed step.")
    count = binary(ast.Sub, stop, start)
    return Steps(count if isinstance(count, Num) else len(range(start, stop, step)),
                 lambda k: shift(k, start) if is_number(start) else binary(ast.Add, k, start),
                 counter=(start, stop, step))  # fmt: skip


@rule(zip)
def _zip(r, *values, strict=False):
    steps = Steps.joined(r, values)
    return steps if steps.later else [steps.item(k) for k in builtins.range(len(steps))]


@rule(enumerate)
def _enumerate(r, values, start=0):
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
