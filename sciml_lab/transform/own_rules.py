"""Functions of numbers with a derivative of their own: `sciml_lab.ad.primitive` in a lowered text.

With this module one can: keep the call of such a function in the lowered text, ``y = softplus(x)``,
so that the passes take its own rule for the derivative, whose text then stands in theirs. The rule
is read off the source of the user's functions as one formula, as in the table of `derivatives.py`.
For a target that knows NumPy's functions only, `expand` writes the formula of the value itself.
"""

import ast
import copy
from dataclasses import dataclass, replace

import numpy as np

from sciml_lab.transform.algebra import fill, rebuild, show, substitute
from sciml_lab.transform.tidy import each_expression, tidy
from sciml_lab.transform.tree import Lowered, TransformError
from sciml_lab.transform.values import Array, Num, is_number, node


@dataclass(frozen=True)
class Rule:
    """A function of one or two numbers: texts in ``a``, ``b``, the answer ``y`` and a factor ``g``.

    Attributes
    ----------
    value : str
    slopes : tuple of (str or None)
        For each argument its contribution, as in the table of `derivatives.py`.
    """

    value: str
    slopes: tuple


class Call(ast.Call):
    """A call of a function with its own `Rule`, which travels with it."""

    _fields = (*ast.Call._fields, "own")


def apply(reader, function, args, kwargs):
    """Keep the call of a function with its own derivative, for numbers or for each entry.

    Parameters
    ----------
    reader : Reader
    function : object
        With ``name``, and ``as_formulas(n)``: the function and for each of the n arguments a
        function ``(g, y, *args)`` of numbers, or None for no slope.
    """
    arrays = any(isinstance(x, Array) and x.shape != () for x in args)
    if kwargs or len(args) > 2 or (arrays and not _acts_on_entries(function, len(args))):
        reader.fail(
            f"{function.name} here, which has its own derivative,",
            "call it with one or two numbers, entry by entry.",
        )
    known = reader.__dict__.setdefault("own_rules", {})
    if id(function) not in known:
        name = function.name if function.name.isidentifier() else "own"
        known[id(function)] = reader.fresh(name), _rule(reader, function, len(args)), function
    name, rule, _ = known[id(function)]

    def call(*numbers):
        nodes = [node(float(x) if is_number(x) else x) for x in numbers]
        return Num(Call(ast.Name(name, ast.Load()), nodes, [], rule))

    return reader.over(call, *args)


def _rule(reader, function, n):
    """Read the formulas of a function off its source."""
    value, slopes = function.as_formulas(n)
    letters = "ab"[:n]
    return Rule(
        _formula(reader, value, letters),
        tuple(slope and _formula(reader, slope, ("g", "y", *letters)) for slope in slopes),
    )


def _formula(reader, function, letters):
    """Return a function of numbers as one expression in the letters given."""
    from sciml_lab.transform.lower import lower  # it reads calls, and so imports this module

    lowered = tidy(lower(function, *[0.5] * len(letters)))
    reader.reads += lowered.reads
    known = {
        old: ast.Name(new, ast.Load()) for old, new in zip(lowered.inputs, letters, strict=True)
    }
    *body, answer = lowered.tree.body
    for s in body:
        if not (isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)):
            raise TransformError(
                f"a loop, a branch or an array in {lowered.name}",
                "write one formula of numbers, with np.where for a choice.",
                getattr(s, "line", None), lowered.origin,
            )  # fmt: skip
        known[s.targets[0].id] = substitute(s.value, known)
    return show(substitute(answer.value, known))


def _acts_on_entries(function, n):
    """Try out whether it treats each entry of an array by itself, and so does its rule."""
    value, slopes = function.as_formulas(n)
    xs = [np.array([0.3, 0.7, 1.1]) + 0.2 * k for k in range(n)]
    try:
        each = np.array([value(*x) for x in zip(*xs, strict=True)], dtype=float)
        whole = [(value(*xs), each)]
        g = np.array([1.0, 2.0, 3.0])
        for slope in filter(None, slopes):
            parts = [slope(*x) for x in zip(g, each, *xs, strict=True)]
            whole.append((slope(g, each, *xs), np.array(parts, dtype=float)))
        return all(np.shape(a) == b.shape and np.allclose(a, b) for a, b in whole)
    except (TypeError, ValueError):
        return False


def expand(lowered) -> Lowered:
    """Write the formula of its value in place of each call of a function with its own rule."""
    result = replace(lowered, tree=copy.deepcopy(lowered.tree))
    each_expression(result.tree.body, _expanded)
    return result


def _expanded(e):
    e = rebuild(e, _expanded)
    if isinstance(e, Call):
        return fill(e.own.value, **dict(zip("ab", e.args, strict=False)))
    return e
