"""The functions for a band matrix, compiled for its width."""

import inspect

import numpy as np
from numba import njit, types

from sciml_lab.backends.numba import (
    banded_algebra,
    banded_layout,
    layout,
    machine_code,
    pointers,
)
from sciml_lab.backends.numba.banded_ends import ends
from sciml_lab.backends.numba.functions import CAREFUL, CFunction, KeptFunction
from sciml_lab.backends.numba.pointers import SHARED, Memory

KINDS = {"factorise": "ni", "back_substitute": "mi", "times_mass": "mmi"}

_known = {}  # (name, KL, KU): compiled function


def compiled(name, lower, upper):
    """A function of `banded_algebra`, compiled for a band; ``.address`` is what a kernel needs.

    Parameters
    ----------
    name : {"factorise", "back_substitute", "times_mass"}
    lower, upper : int
        Diagonals below the main one and above.
    """
    key = name, lower, upper
    if key not in _known:
        written = text(lower, upper)
        path = machine_code.place(f"band_{name}", (name, written))
        kept = machine_code.load(path)
        if kept is None:
            _known[key] = made = _made(name, written)
            made.save(path)
        else:
            _known[key] = KeptFunction(*kept)
    return _known[key]


def text(lower, upper) -> str:
    """The text for a band of so many diagonals below and above the main one.

    Examples
    --------
    >>> print(text(1, 0).splitlines()[0])
    KL, KU, HEIGHT = 1, 0, 3
    """
    functions = [x for x in vars(banded_algebra).values() if inspect.isfunction(x)]
    parts = [
        f"KL, KU, HEIGHT = {lower}, {upper}, {2 * lower + upper + 1}",
        *map(inspect.getsource, functions),
        *ends(lower, upper),
    ]
    return "\n\n\n".join(part.strip() for part in parts) + "\n"


def _made(name, written):
    """Compile one function, and what it calls."""
    names = {"np": np, **vars(pointers), **vars(layout), **vars(banded_layout)}
    exec(compile(written, f"<band_{name}>", "exec"), names)
    inner = njit(
        error_model="numpy", fastmath=CAREFUL, forceinline=True,
        no_cpython_wrapper=True, no_cfunc_wrapper=True,
    )  # fmt: skip
    for other in _defined(written):
        if other != name:
            names[other] = inner(names[other])
    signature = types.void(*map(_type_of, KINDS[name], range(9)))
    return CFunction(signature, CAREFUL, names[name])


def _defined(written):
    return [line[4 : line.index("(")] for line in written.split("\n") if line.startswith("def ")]


def _type_of(kind, i):
    """Type of argument number i."""
    if kind == "n":
        return types.float64
    return Memory(types.int64 if kind == "i" else types.float64, SHARED if kind == "i" else f"a{i}")
