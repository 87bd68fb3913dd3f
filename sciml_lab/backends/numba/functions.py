"""The user's f as a compiled C function, made once for each f and kept."""

import ast
import copy
import ctypes
import time
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import numpy as np
from numba import cfunc, njit, types

from sciml_lab.backends.numba import functions_math
from sciml_lab.backends.numba.pointers import SHARED, Memory
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower
from sciml_lab.transform.tree import Lowered

KINDS = {"m": Memory(types.float64, SHARED), "n": types.float64}
CAREFUL = {"contract"}  # whoever wrote f may have meant a sum in just this order
BOLD = {"contract", "reassoc", "nsz", "arcp"}  # a network's sums may be taken in any order
ARGUMENTS = "mmmnm"  # of f(du, u, p, t, work)


@dataclass
class Function:
    """A compiled right-hand side.

    Attributes
    ----------
    address : int
        Of ``f(du, u, p, t, work)``.
    work : int
        Numbers of scratch memory that it needs.
    seconds : float
        Time of one call, roughly.
    lowered : Lowered
        What it was compiled from.
    machine : object
        Keeps the machine code in memory.
    drives : dict
        Memory that earlier solves have left, see `sciml_lab.backends.numba.solve`.
    """

    address: int
    work: int
    seconds: float
    lowered: Lowered
    machine: object
    drives: dict = field(default_factory=dict)


_known: WeakKeyDictionary = WeakKeyDictionary()  # f -> {shapes: Function}
_machines: dict = {}  # text -> machine code


def right_hand_side(f, u0, p, t0, check=None) -> Function:
    """The compiled form of ``f(u, p, t)`` for arguments of these shapes, from memory if known.

    Parameters
    ----------
    f : callable
        The user's function.
    u0, p, t0 : ndarray, ndarray or None, float
        Examples of its arguments.
    check : callable, optional
        Called before an f is compiled, for the sentences about an f that can't be right.

    Raises
    ------
    TransformError
        If f is not in the subset of Python that can be transformed.
    """
    shapes = np.shape(u0), None if p is None else np.shape(p)
    try:
        versions = _known.setdefault(f, {})
    except TypeError:  # an object that can't be referred to weakly
        versions = {}
    found = versions.get(shapes)
    if found is None or not found.lowered.is_current():
        if check is not None:
            check()
        found = versions[shapes] = _compile(f, u0, p, t0)
    return found


def _compile(f, u0, p, t0):
    lowered = lower(f, u0, p, t0)
    form = inplace(replace(lowered, reads=[]))
    tree = standard(form, u0, p)
    machine = compile_tree(tree, ARGUMENTS, form.constants, form.primitives)
    seconds = _seconds(machine, u0, p, t0, form.work)
    return Function(machine.address, form.work, seconds, lowered, machine)


def standard(form, u0, p):
    """Give f the arguments ``(du, u, p, t, work)``, also where p is None or u one number."""
    tree = copy.deepcopy(form.tree)
    du, inputs = form.outputs[0], list(form.inputs)
    if p is None:
        inputs.insert(1, "no_parameters")
    for i, x in enumerate((u0, p)):
        if x is not None and np.shape(x) == ():
            name, inputs[i] = inputs[i], f"{inputs[i]}_memory"
            tree.body.insert(0, ast.parse(f"{name} = {inputs[i]}[0]").body[0])
    tree.args = ast.arguments(
        [], [ast.arg(x) for x in (du, *inputs, "work")], None, [], [], None, []
    )
    return ast.fix_missing_locations(tree)


def compile_tree(tree, kinds, constants=None, primitives=None):
    """Compile a function in the in-place form; returns Numba's cfunc.

    Parameters
    ----------
    tree : ast.FunctionDef
        The function.
    kinds : str
        For each argument "m" (memory) or "n" (a number).
    constants : dict
        Arrays that the text reads, by name.
    primitives : dict
        What it calls, by name.
    """
    constants, primitives = constants or {}, primitives or {}
    text = ast.unparse(tree)
    arrays = tuple((k, np.asarray(v).tobytes()) for k, v in constants.items())
    networks = tuple((k, v.call, v.vjp, v.jvp) for k, v in primitives.items())
    key = (text, kinds, arrays, networks)
    if key not in _machines:
        functions = dict(constants)
        for one in primitives.values():
            for source in (one.call, one.vjp, one.jvp):
                functions.update(_defined(source, functions, primitive))
        signature = types.void(*(KINDS[kind] for kind in kinds))
        options = {"error_model": "numpy", "fastmath": BOLD if primitives else CAREFUL}
        _machines[key] = _defined(text, functions, cfunc(signature, **options))[tree.name]
    return _machines[key]


def primitive(function):
    """Compile a network's function, to be called by others."""
    return njit(error_model="numpy", fastmath=BOLD)(function)


def _defined(text, names, compiler):
    """Run a text that defines functions, and compile them."""
    tree = _Functions().visit(ast.parse(text))
    surroundings = {"np": np, **_elementary(), **names}
    exec(compile(ast.fix_missing_locations(tree), f"<{tree.body[0].name}>", "exec"), surroundings)
    return {one.name: compiler(surroundings[one.name]) for one in tree.body}


class _Functions(ast.NodeTransformer):
    """``np.tanh(x)`` becomes ``tanh_(x)``, the form without a branch, and so does exp."""

    def visit_Attribute(self, node):
        if getattr(node.value, "id", "") == "np" and f"{node.attr}_" in _elementary():
            return ast.Name(f"{node.attr}_", ast.Load())
        return node


def _elementary():
    quick = functions_math.compiled()
    return {f"{name}_": quick[name] for name in ("exp", "tanh")}


def _seconds(machine, u0, p, t0, work):
    """How long one call takes: a kernel shall come back within milliseconds."""
    u, p = (np.array(np.zeros(1) if x is None else x, dtype=float).ravel() for x in (u0, p))
    du, scratch = np.empty(u.size), np.empty(work + 1)
    pointer, number = ctypes.c_void_p, ctypes.c_double
    call = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, number, pointer)(machine.address)
    arguments = (*(x.ctypes.data for x in (du, u, p)), float(t0), scratch.ctypes.data)
    call(*arguments)
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began
