"""The form that is compiled: results are written into memory that the caller brings.

With this module one can: turn ``du = f(u, p, t)`` into ``f(du, u, p, t, work)``. All arrays are
flat; those that the function needs for itself are pieces of `work`. Nothing is allocated, so a
call costs a few nanoseconds in a compiled loop and any number of threads may call at once.
"""

import ast
import copy
from dataclasses import dataclass, field

import numpy as np

from sciml_lab.transform.algebra import (
    add_to,
    assign,
    constant,
    fill,
    is_memory,
    loop,
    rebuild,
    show,
    target_of,
    walk,
)  # fmt: skip
from sciml_lab.transform.own_rules import expand
from sciml_lab.transform.prepare import Names
from sciml_lab.transform.printing import text
from sciml_lab.transform.tidy import each_expression, merge
from sciml_lab.transform.tree import size


@dataclass
class InPlace:
    """A function in the in-place form: ``name(outputs..., inputs..., work)`` without a result.

    Attributes
    ----------
    tree : ast.FunctionDef
    outputs, inputs : tuple of str
        Its arguments. A number among the outputs, ``y``, is an array of one here: ``y_out``.
    shapes : dict
        Shape of every array before it was made flat.
    work : int
        How many numbers of scratch memory it needs.
    constants, primitives : dict
        As in `Lowered`; the arrays are flat.
    """

    tree: ast.FunctionDef
    outputs: tuple
    inputs: tuple
    shapes: dict
    work: int = 0
    constants: dict = field(default_factory=dict)
    primitives: dict = field(default_factory=dict)
    origin: object = None

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.tree.name

    @property
    def text(self) -> str:
        """Its source."""
        return text(self)


def inplace(lowered, accumulate=False) -> InPlace:
    r"""Return the in-place form of a lowered function.

    Parameters
    ----------
    lowered : Lowered
    accumulate : bool
        Add to outputs that start as zeros instead of setting them (the outputs of a VJP).

    Returns
    -------
    InPlace

    Examples
    --------
    >>> from sciml_lab.transform.python import read
    >>> f = read("def f(u):\n    v = np.empty((2, 3))\n    v[1, 2] = u[0]\n    return v", u=(1,))
    >>> print(inplace(f).text, end="")
    def f(v, u, work):
        v[5] = u[0]  # line 3
    """
    result = expand(merge(lowered))
    body, names, outputs = result.tree.body[:-1], Names(lowered), []
    shapes = {**result.shapes, **{k: np.shape(v) for k, v in result.constants.items()}}
    for y in result.outputs:
        outputs.append(y if shapes[y] != () else names.new(f"{y}_out"))
        if shapes[y] == ():
            target = fill(f"{outputs[-1]}[0]")
            add = accumulate and add_to(target, fill(y))
            body.append(add or assign(target, fill(y)))
    work, ready, k = 0, [], names.new("k")
    for s in body:
        array = target_of(s)
        if not is_memory(s) or isinstance(s.value, ast.List):
            ready.append(s)
            continue
        n = size(shapes[array])
        if array not in outputs:
            ready.append(assign(array, fill(f"work[{work}:{work + n}]"), getattr(s, "line", None)))
            work += n
        zeros = show(s.value.func) == "np.zeros"
        if zeros and not (accumulate and array in outputs):
            ready.append(loop(k, [n], [assign(fill(f"{array}[{k}]"), fill("0.0"))]))
    work += _scratch(ready, work, result.primitives)
    each_expression(ready, lambda e: _flat(e, shapes))
    tree = copy.copy(result.tree)
    tree.body = ready or [ast.Pass()]
    arguments = [*outputs, *result.inputs, "work"]
    tree.args = copy.deepcopy(tree.args)
    tree.args.args = [ast.arg(a) for a in arguments]
    constants = {k: np.ravel(v) for k, v in result.constants.items()}
    return InPlace(
        tree, tuple(outputs), result.inputs, shapes, work, constants, result.primitives,
        result.origin,
    )  # fmt: skip


def _scratch(body, start, primitives):
    """Hand each primitive its piece of `work`; they may share it. Return its size."""
    most = 0
    for s in walk(body):
        if isinstance(s, ast.Expr) and isinstance(s.value.func, ast.Name):
            n = find(primitives, s.value.func.id).work
            s.value = copy.deepcopy(s.value)
            s.value.args.append(fill(f"work[{start}:{start + n}]"))
            most = max(most, n)
    return most


def find(primitives, function):
    """Return the primitive that a call means: ``net``, ``net_vjp`` or ``net_jvp``."""
    known = function in primitives
    return primitives[function if known else function.removesuffix("_vjp").removesuffix("_jvp")]


def _flat(e, shapes):
    """Make the indices of arrays flat: A[i, j] is A[n * i + j]."""
    if isinstance(e, ast.Subscript) and not isinstance(e.slice, ast.Slice):
        shape = shapes.get(e.value.id, ())
        parts = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice]
        place = fill("0")
        for i, n in zip(parts, shape, strict=False):
            known = constant(i)
            i = fill(str(known + n)) if known is not None and known < 0 else _flat(i, shapes)
            place = fill("n * place + i", n=fill(str(n)), place=place, i=i)
        return ast.Subscript(
            ast.Name(e.value.id, ast.Load()), place if shape else e.slice, ast.Load()
        )
    return rebuild(e, lambda c: _flat(c, shapes))
