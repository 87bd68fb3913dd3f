"""Elementwise functions of NumPy and math, and Python's own functions of numbers."""

import ast
import builtins
import math

import numpy as np

from sciml_lab.transform.numpy_rules import RULES, rule
from sciml_lab.transform.values import (
    Array,
    Num,
    as_condition,
    call,
    choose,
    kind,
)  # fmt: skip

# Elementwise.
ONE = (
    *("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "sqrt", "arctan", "arcsin"),
    *("arccos", "log1p", "expm1", "log2", "log10", "sign", "floor", "ceil", "arcsinh", "arccosh"),
    *("arctanh", "cbrt", "rint", "trunc"),
)
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


for _function, _op in (
    (np.add, ast.Add), (np.subtract, ast.Sub), (np.multiply, ast.Mult), (np.divide, ast.Div),
    (np.power, ast.Pow), (np.matmul, ast.MatMult), (np.mod, ast.Mod), (np.logical_and, ast.BitAnd),
    (np.logical_or, ast.BitOr), (math.pow, ast.Pow), (builtins.pow, ast.Pow),
):  # fmt: skip
    RULES[_function] = lambda r, a, b, op=_op: r.operate(op, a, b)
for _function, _op in (
    (np.less, ast.Lt), (np.greater, ast.Gt), (np.less_equal, ast.LtE), (np.greater_equal, ast.GtE),
):  # fmt: skip
    RULES[_function] = lambda r, a, b, op=_op: r.compare(op, a, b)


rule(np.abs, abs, np.fabs, math.fabs)(_elementwise("abs", 1))
RULES[np.negative] = lambda r, x: r.negative(r.operand(x))
RULES[np.square] = lambda r, x: r.operate(ast.Pow, x, 2)
RULES[np.reciprocal] = lambda r, x: r.operate(ast.Div, 1.0, x)
RULES[np.isscalar] = lambda r, x: isinstance(x, Num)


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
        return choose(r.compare(ast.Gt, x, 0.0), 1.0, choose(r.compare(ast.Eq, x, 0.0), h, 0.0))

    return r.over(step, r.named_entries(x), at_zero)


@rule(float, np.float64, np.real, method="item")
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


@rule(round, np.round, np.around)
def _round(r, x, decimals=0):
    if decimals:
        r.fail("rounding to decimals", "round a multiple.")
    return r.over(lambda x: call("rint", x), x)


@rule(bool)
def _bool(r, x=False):
    return Num(as_condition(x), "b")
