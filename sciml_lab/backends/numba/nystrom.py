"""Kernels of Nystrom methods: only the acceleration is called, and stages are half a state long.

In the store of steps the stages lie side by side, in as few arrays of the length of a state as
will hold them.
"""

from functools import cache as cache_in_memory

import numpy as np

from sciml_lab.backends import unroll_nystrom
from sciml_lab.backends.numba import cache, kernels
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import Drive, address
from sciml_lab.backends.numba.partitioned import halves

STEP = "u_new, error, k, slope, f, u, p, t, h, point, work, size, c"
DENSE_STAGES = "k, extra, f, u, p, t, h, whole, work, size"
INTERPOLATE = "out, k, extra, u, h, theta, size"


def text(method) -> str:
    """The text of the kernel of a Nystrom method.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> "force(k6, point, v, p, t + h, work)" in text(sl.DPRKN6())
    True
    """
    arrays, s = room(method.tableau.stages), method.tableau.stages
    last = ["    copy(part(numbers(c[VALUE], 'any'), n), " + f"k{s}, n)"] * method.tableau.fsal
    calls = method.tableau.stages - 1  # the loop counts one call for each array of a step, less one
    step = _with_names(
        unroll_nystrom.step(method), STEP, s, s,
        before=["x_new, v_new = u_new, part(u_new, n)", "error_x, error_v = error, part(error, n)",
                "force = function(c[FORCE], 'mmmmnm')", "copy(k1, part(slope, n), n)"],
        after=[*last, f"    return {calls - (arrays - 1)}"],
    )  # fmt: skip
    total = len(method.tableau.P)
    dense = _with_names(unroll_nystrom.dense_stages(method), DENSE_STAGES, s, total)
    inside = _with_names(
        unroll_nystrom.interpolate(method), INTERPOLATE, s, total,
        before=["out_x, out_v = out, part(out, n)"],
    )  # fmt: skip
    return kernels.assembled(
        method, 0, stages=arrays, extra=total - s, fsal=method.tableau.fsal, implicit=True,
        parts=[step, _of_whole_states(dense), inside,
               kernels.printed(kernels._norm(method), kernels.ERROR_NORM)],
    )  # fmt: skip


def room(stages) -> int:
    """Arrays of the length of a state that hold so many stages."""
    return (stages + 1) // 2


def _with_names(lowered, inputs, stages, total, before=(), after=()):
    """The text of a function; halves of the state, and stages, are parts of what it gets."""
    first, *rest = kernels.printed(lowered, inputs).split("\n")
    names = ["n = size // 2", "x, v = u, part(u, n)"]
    names += [f"k{j + 1} = part(k, n * {j})" for j in range(stages)]
    names += [f"k{j + 1} = part(extra, n)" for j in range(stages, total)]
    return "\n".join([first, *(f"    {line}" for line in (*names, *before)), *rest, *after])


def _of_whole_states(text):
    """Dense output is rare, and its kernel text has f only: x and v side by side, and f of both."""
    lines = []
    for line in text.split("\n"):
        call = line.strip().startswith("force(")
        if call:
            time = line.partition("v, p, ")[2].rpartition(", work")[0]
            line = f"    copy(part(whole, n), v, n)\n    f(extra, whole, p, {time}, work)"
        lines.append(line.replace("point[i]", "whole[i]"))
    return "\n".join(lines)


class NystromDrive(Drive):
    """A `Drive` with the acceleration, whose steps keep stages of half the length of a state.

    Parameters
    ----------
    kernel, method, f, *others
        As in `Drive`; f comes from `halves`.
    """

    def __init__(self, kernel, method, f, *others):
        super().__init__(kernel, method, f, *others)
        c = self.integers
        self.slopes, self.count = np.zeros((2, self.n)), method.tableau.stages
        c[at.SLOPE], c[at.VALUE] = map(address, self.slopes)
        c[at.FORCE] = f.forms["force"].address

    def arrays(self, method):
        """The stages of a step, and of dense output, in arrays of the length of a state."""
        s = method.tableau.stages
        return room(s), len(method.tableau.P) - s

    def steps(self):
        """As in `Drive`, with the stages one by one."""
        t, h, u, k = super().steps()
        return t, h, u, k.reshape(len(k), 2 * self.stages, self.n // 2)[:, : self.count]


def drive(f, method, u0, p, side, kept) -> Drive:
    """Memory for solves by a Nystrom method; the arguments are those of `take_drive`."""
    return NystromDrive(kernel(method), method, halves(f, side, u0, p), *kept)


@cache_in_memory
def kernel(method):
    """The compiled kernel of a Nystrom method."""
    return cache.load(method.name, text(method)).solve
