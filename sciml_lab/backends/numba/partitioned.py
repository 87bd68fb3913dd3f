"""Kernels of the methods for two halves, positions and velocities: splitting methods.

The kernel gets the two halves of the equations as compiled functions, each called only where the
readable step calls it. Besides the state a step leaves only the force at its end behind, so a
store of steps holds no stages, and a long solve with `saveat` and without `dense` no steps.
"""

from dataclasses import dataclass, replace

import numpy as np

from sciml_lab.backends import unroll_symplectic
from sciml_lab.backends.numba import cache, kernels
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import PATIENCE, Drive, address
from sciml_lab.backends.numba.functions import Function, compile_tree, standard
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower

ARGUMENTS = "mmmmnm"  # of force(a, q, v, p, t, work)

NAMES = """\
    n = size // 2
    q, v, q_new, v_new = u, part(u, n), u_new, part(u_new, n)
    a, speed = numbers(c[SLOPE] + 8 * n, 'w'), numbers(c[V], 'v')
    force = function(c[FORCE], 'mmmmnm')"""


@dataclass
class Half:
    """One half of the equations, compiled: its address, and the scratch memory it needs."""

    address: int
    work: int
    machine: object


def half(function, q, v, p, t) -> Half:
    """Compile ``function(q, v, p, t)``.

    Parameters
    ----------
    function : callable
        A force, or how fast positions move.
    q, v, p, t : ndarray, ndarray, ndarray or None, float
        Examples of its arguments.

    Raises
    ------
    TransformError
        If it is not in the subset of Python that can be transformed.
    """
    form = inplace(replace(lower(function, q, v, p, t), reads=[]))
    tree = standard(form, q, v, p)
    machine = compile_tree(tree, ARGUMENTS, form.constants, form.primitives)
    return Half(machine.address, form.work, machine)


def halves(f: Function, side, u0, p) -> Function:
    """A compiled f with its halves among its forms, and scratch memory for all of them."""
    if "halves" not in f.forms:
        q, v = u0[: side.half], u0[side.half :]
        force = side.acceleration if side._dHdq is None else side._dHdq
        parts = [side._dHdp, force]
        made = [None if g is None else half(g, q, v, p, 0.0) for g in parts]
        work = max(f.work, *(one.work for one in made if one is not None))
        f.forms["velocity"], f.forms["force"] = made
        f.forms["halves"] = replace(f, work=work)
    return f.forms["halves"]


def text(method, hamiltonian) -> str:
    """The text of the kernel of a splitting method.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> "force(a, q_new, v_new, p, t1, work)" in text(sl.KahanLi8(), False)
    True
    """
    arguments = "u_new, error, k, slope, f, u, p, t, h, point, work, size, c"
    written = kernels.printed(unroll_symplectic.step(method, hamiltonian), arguments)
    first, *rest = written.split("\n")
    velocity = ["    velocity = function(c[VELOCITY], 'mmmmnm')"] if hamiltonian else []
    return kernels.assembled(
        method, 0, stages=1, extra=2, fsal=keeps_its_force(method), implicit=True, parts=[
            "\n".join([first, NAMES, *velocity, *rest]),
            *between_ends(method),
            kernels.printed(kernels._norm(method), kernels.ERROR_NORM),
        ],
    )  # fmt: skip


def between_ends(method) -> list:
    """The text of the dense output of a method that interpolates between the ends of a step."""
    ends = "    k1, k2, k3 = part(u, n), extra, part(extra, n)"  # the next state is k1
    dense = kernels.printed(unroll_symplectic.dense_stages(method), kernels.DENSE_STAGES)
    inside = kernels.printed(unroll_symplectic.interpolate(method), kernels.INTERPOLATE)
    parts = (text.partition("\n") for text in (dense, inside))
    return ["\n".join([head, ends, body]) for head, _, body in parts]


def keeps_its_force(method) -> bool:
    """Whether a step never needs a force that the one before has not left behind."""
    return method.flows[-1][0] == "B" or method.flows[0][0] == "A"


class EndsDrive(Drive):
    """A `Drive` for methods whose steps leave nothing behind but the state at their end."""

    def __init__(self, kernel, method, f, *others):
        super().__init__(kernel, method, f, *others)
        self.integers[at.KEEP] = 0  # the states of the steps are all

    def arrays(self, method):
        """A step leaves nothing but the new state; dense output needs the slopes at both ends."""
        return 0, 2

    def steps(self):
        """As in `Drive`; what a step keeps for dense output is the state at its end."""
        t, h, u, _ = super().steps()
        return t, h, u, u[1:, None] if self.keep else u[:0, None]


class HalvesDrive(EndsDrive):
    """A `Drive` with the two halves of the equations and room for their slopes.

    Parameters
    ----------
    kernel, method, f, *others
        As in `Drive`; f comes from `halves`.
    """

    def __init__(self, kernel, method, f, *others):
        super().__init__(kernel, method, f, *others)
        c, n = self.integers, self.n
        kicks = sum(letter == "B" for letter, _ in method.flows)
        c[at.BUDGET] = max(1, int(PATIENCE / (kicks * (2e-9 * n + f.seconds))))
        velocity, force = f.forms["velocity"], f.forms["force"]
        self.slope = np.zeros(n)
        c[at.SLOPE] = c[at.VALUE] = address(self.slope)
        c[at.VELOCITY], c[at.FORCE] = velocity.address if velocity else 0, force.address


def drive(f, method, u0, p, side, kept) -> Drive:
    """Memory for solves by a splitting method; the arguments are those of `take_drive`."""
    f = halves(f, side, u0, p)
    return HalvesDrive(kernel(method, f.forms["velocity"] is not None), method, f, *kept)


_kernels = {}


def kernel(method, hamiltonian):
    """The compiled kernel of a splitting method, from memory if it is known."""
    key = method, hamiltonian
    if key not in _kernels:
        name = f"{method.name}_{'pq' if hamiltonian else 'x'}"
        _kernels[key] = cache.load(name, text(method, hamiltonian)).solve
    return _kernels[key]
