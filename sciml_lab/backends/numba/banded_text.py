"""The functions for a band matrix, compiled for its width.

A substitution in a band waits for the number before, so what counts is how soon the next one can
begin. In a narrow band the last few numbers are kept by name: for KL = 2

    y1, y2 = x[0], x[1]
    for j in range(n):
        below = part(w, j * HEIGHT + KL + KU)
        y = y1
        y1 = y2 - below[1] * y
        y2 = x[j + 2] - below[2] * y
        x[j] = y * diagonal[j]

and one multiplication lies between y and the next y1. In a wide band a loop over the column is
quicker: it works on several numbers at once.
"""

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
from sciml_lab.backends.numba.functions import CAREFUL, CFunction, KeptFunction
from sciml_lab.backends.numba.pointers import SHARED, Memory

NARROW = 8  # numbers that are kept by name

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
        lower_in_order(lower),
        upper_in_order(upper),
    ]
    return "\n\n\n".join(part.strip() for part in parts) + "\n"


def lower_in_order(width) -> str:
    """The text that solves L D y = x in a band of so many diagonals below the main one."""
    start, step = [], ["y = x[j]"]
    if width > NARROW:
        step = ["y, here = x[j], part(x, j)", *_loop(f"1, {width + 1}", "here[i] -= below[i] * y")]
    elif width > 0:
        start = [f"y{i + 1} = x[{i}]" for i in range(width)]
        step = [
            "y = y1",
            *(f"y{i} = y{i + 1} - below[{i}] * y" for i in range(1, width)),
            f"y{width} = x[j + {width}] - below[{width}] * y",
        ]
    below = "below = part(w, j * HEIGHT + KL + KU)"
    body = [*start, *_over("n", below, *step, "x[j] = y * diagonal[j]")]
    return "\n    ".join(["def lower_in_order(x, w, diagonal, n):", *body])


def upper_in_order(width) -> str:
    """The text that solves U x = y in a band of so many diagonals above the main one."""
    start, step, last = [], ["y = x[j]"], []
    if width > NARROW:
        step = [f"y, here = x[j], part(x, j - {width})"]
        step += [f"above = part(above, -{width})", *_loop(width, "here[i] -= above[i] * y")]
    elif width > 0:
        start = [f"y{i + 1} = x[n - {i + 1}]" for i in range(width)]
        step = [
            "y = y1",
            *(f"y{i} = y{i + 1} - above[-{i}] * y" for i in range(1, width)),
            f"y{width} = x[j - {width}] - above[-{width}] * y",
        ]
        last = ["x[j] = y"]
    above = "above = part(w, j * HEIGHT + KL + KU)"
    body = [*start, *_over("n - 1, -1, -1", above, *step, *last)]
    return "\n    ".join(["def upper_in_order(x, w, n):", *body])


def _over(span, *lines):
    return [f"for j in range({span}):", *(f"    {line}" for line in lines)]


def _loop(span, line):
    return [f"for i in range({span}):", f"    {line}"]


def _made(name, written):
    """Compile one function, and what it calls."""
    names = {"np": np, **vars(pointers), **vars(layout), **vars(banded_layout)}
    exec(compile(written, f"<band_{name}>", "exec"), names)
    for other in _defined(written):
        if other != name:
            names[other] = njit(error_model="numpy", fastmath=CAREFUL)(names[other])
    signature = types.void(*map(_type_of, KINDS[name], range(9)))
    return CFunction(signature, CAREFUL, names[name])


def _defined(written):
    return [line[4 : line.index("(")] for line in written.split("\n") if line.startswith("def ")]


def _type_of(kind, i):
    """Type of argument number i."""
    if kind == "n":
        return types.float64
    return Memory(types.int64 if kind == "i" else types.float64, SHARED if kind == "i" else f"a{i}")
