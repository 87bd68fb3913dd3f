"""The pullback of the user's f as a compiled C function, made from the lowered f."""

import ast
import copy
from dataclasses import dataclass, replace

import numpy as np

from sciml_lab.backends.numba.functions import Function, compile_tree
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.vjp import vjp


@dataclass(frozen=True)
class Pullback:
    """``f_vjp(u_bar, p_bar, u, p, t, du_bar, work)``, which adds to u_bar and p_bar.

    Attributes
    ----------
    address : int
    work : int
        Numbers of scratch memory that it needs.
    machine : object
        Keeps the machine code in memory.
    """

    address: int
    work: int
    machine: object


_known: dict = {}  # address of f -> Pullback


def pullback(f: Function, u0, p) -> Pullback:
    """The compiled pullback of a compiled right-hand side; from memory if it is known.

    Parameters
    ----------
    f : Function
        From `right_hand_side`.
    u0, p : ndarray, ndarray or None
        Examples of its arguments.

    Raises
    ------
    TransformError
        If f contains what can be computed but not differentiated.
    """
    if f.address not in _known:
        _known[f.address] = _compile(f, u0, p)
    return _known[f.address]


def _compile(f, u0, p):
    u, *others = f.lowered.inputs
    wrt = (u,) if p is None else (u, others[0])
    form = inplace(vjp(replace(f.lowered, reads=[]), wrt), accumulate=True)
    tree = standard(form, u0, p)
    machine = compile_tree(tree, "mmmmnmm", form.constants, form.primitives)
    return Pullback(machine.address, form.work, machine)


def standard(form, u0, p):
    """Give the pullback its seven arguments, also where p is None, or u or p is one number."""
    tree = copy.deepcopy(form.tree)
    outputs, inputs = list(form.outputs), list(form.inputs)
    if p is None:
        outputs.append("no_parameters_bar")
        inputs.insert(1, "no_parameters")
    for i, x in ((0, u0), (1, p), (3, u0)):
        if x is not None and np.shape(x) == ():
            name, inputs[i] = inputs[i], f"{inputs[i]}_memory"
            tree.body.insert(0, ast.parse(f"{name} = {inputs[i]}[0]").body[0])
    names = (*outputs, *inputs, "work")
    tree.args = ast.arguments([], [ast.arg(x) for x in names], None, [], [], None, [])
    return ast.fix_missing_locations(tree)
