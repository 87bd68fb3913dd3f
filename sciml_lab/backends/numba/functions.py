"""The user's f as a compiled C function, made once for each f and kept."""

import ctypes
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import cfunc, types

from sciml_lab.backends.numba.pointers import SHARED, Memory
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
    """

    address: int
    work: int
    seconds: float
    lowered: Lowered
    machine: object


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
    text, name, work, lowered = translate(f, u0, p, t0)
    machine = compile_text(text, name, ARGUMENTS, lowered.constants, bool(lowered.primitives))
    return Function(machine.address, work, _seconds(machine, u0, p, t0, work), lowered, machine)


def compile_text(text, name, kinds, constants=None, bold=False):
    """Compile a function in the in-place form; returns Numba's cfunc.

    Parameters
    ----------
    text : str
        The lowered text.
    name : str
        Name of the function in it.
    kinds : str
        For each argument "m" (memory) or "n" (a number).
    constants : dict
        Arrays that the text reads, by name.
    bold : bool
        Whether sums may be taken in another order.
    """
    constants = constants or {}
    frozen = tuple((k, np.shape(v), np.asarray(v).tobytes()) for k, v in constants.items())
    key = (text, name, kinds, frozen, bold)
    if key not in _machines:
        namespace = {"np": np, **constants}
        exec(compile(text, f"<{name}, lowered>", "exec"), namespace)
        signature = types.void(*(KINDS[kind] for kind in kinds))
        flags = BOLD if bold else CAREFUL
        _machines[key] = cfunc(signature, error_model="numpy", fastmath=flags)(namespace[name])
    return _machines[key]


def translate(f, u0, p, t0):
    """The text of f in the in-place form: (text, name, numbers of scratch memory, lowered)."""
    raise NotImplementedError


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
