"""The derivatives of the user's f as compiled C functions, made from the lowered f."""

import ast
import copy
from dataclasses import dataclass, replace

import numpy as np

from sciml_lab.backends.numba.functions import Function, Recent, compile_tree
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.vjp import vjp


@dataclass(frozen=True)
class Derivative:
    """A compiled derivative of f.

    Attributes
    ----------
    address : int
        Of ``f_vjp(u_bar, p_bar, u, p, t, du_bar, work)``, which adds to u_bar and p_bar, or of
        ``f_jvp(du_dot, u, p, t, u_dot, p_dot, work)``.
    work : int
        Numbers of scratch memory that it needs.
    machine : object
        Keeps the machine code in memory, and that of f, so that f's address stays its own.
    """

    address: int
    work: int
    machine: object


_known = Recent(256)  # (address of f, kind): Derivative


def pullback(f: Function, u0, p) -> Derivative:
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
    key = f.address, "vjp"
    if key not in _known:
        form = inplace(vjp(*by_u_and_p(f, p)), accumulate=True)
        _known.add(key, compile_derivative(f, form, "mmmmnmm", u0, p, outputs=2, states=(0, 3)))
    return _known[key]


def pushforward(f: Function, u0, p) -> Derivative:
    """The compiled derivative of a compiled right-hand side along a direction."""
    key = f.address, "jvp"
    if key not in _known:
        form = inplace(jvp(*by_u_and_p(f, p)))
        _known.add(key, compile_derivative(f, form, "mmmnmmm", u0, p, outputs=1, states=(0, 3)))
    return _known[key]


def by_u_and_p(f, p):
    """The lowered f, and the names of its inputs u and p."""
    inputs = f.lowered.inputs
    return replace(f.lowered, reads=[]), inputs[: 1 if p is None else 2]


def compile_derivative(f, form, kinds, u0, p, outputs, states):
    """Compile a derivative with all its arguments, also where p is None or something a number.

    Parameters
    ----------
    f : Function
    form : InPlace
    kinds : str
        Memory or number, argument by argument.
    u0, p : ndarray, ndarray or None
        Examples.
    outputs : int
        How many there are if there is p.
    states : tuple of int
        Places of what has u's shape among the inputs.
    """
    tree, out, inputs = copy.deepcopy(form.tree), list(form.outputs), list(form.inputs)
    if p is None:
        out += ["no_parameters_bar"] * (outputs - len(out))
        inputs.insert(1, "no_parameters")
        inputs += ["no_parameters_dot"] * (len(kinds) - len(out) - len(inputs) - 1)
    given = {**dict.fromkeys(states, u0), 1: p, 4: p}
    for i, x in given.items():
        if i < len(inputs) and x is not None and np.shape(x) == ():
            name, inputs[i] = inputs[i], f"{inputs[i]}_memory"
            tree.body.insert(0, ast.parse(f"{name} = {inputs[i]}[0]").body[0])
    names = (*out, *inputs, "work")
    tree.args = ast.arguments([], [ast.arg(x) for x in names], None, [], [], None, [])
    ast.fix_missing_locations(tree)
    machine = compile_tree(tree, kinds, form.constants, form.primitives)
    return Derivative(machine.address, form.work, (machine, f.machine))
