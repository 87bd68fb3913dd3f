"""The kernel of RKC, and memory for it: a handful of vectors, however many stages a step has."""

import inspect
from dataclasses import replace
from functools import cache as cache_in_memory

import numpy as np

from sciml_lab.backends import unroll_stabilized
from sciml_lab.backends.numba import cache, kernels, stabilized_loop
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import PATIENCE, address
from sciml_lab.backends.numba.functions import ARGUMENTS, compile_tree, standard
from sciml_lab.backends.numba.implicit import NoJacobian
from sciml_lab.backends.numba.outside import Outside
from sciml_lab.backends.numba.partitioned import EndsDrive, between_ends
from sciml_lab.solvers import stabilized
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower
from sciml_lab.transform.tree import TransformError

# What is peculiar to this method: entries of its array of integers, and of its memory.
MEMORY, DIRECTION, START_DIRECTION, MOST_STAGES, RADIUS, RADIUS_WORK = range(6)
RHO, AGE, TIME = range(3)

CONSTANTS = ("DAMPING", "REACH", "EPS", "ITERATIONS", "ENLARGED", "AGAIN")
SCALAR = ("chebyshev", "stretching", "first_weight", "next_coefficients", "needed", "settled")
NAMES = (
    "MEMORY", "DIRECTION", "START_DIRECTION", "MOST_STAGES", "RADIUS", "RADIUS_WORK", "RHO", "AGE",
    "TIME",
)  # fmt: skip


def text() -> str:
    """The text of the kernel.

    Examples
    --------
    >>> "mu * now[i]" in text()
    True
    """
    method = stabilized.RKC()
    loop = (stabilized_loop.norm, stabilized_loop.radius, stabilized_loop.recursion)
    formulas = (
        unroll_stabilized.first_stage, unroll_stabilized.next_stage, unroll_stabilized.estimate,
    )  # fmt: skip
    written = kernels.assembled(
        method, 0, stages=1, extra=2, fsal=True, implicit=True, parts=[
            *(inspect.getsource(getattr(stabilized, name)) for name in SCALAR),
            *(kernels.printed(one()) for one in formulas),
            *map(inspect.getsource, (*loop, stabilized_loop.step)),
            *between_ends(method),
            kernels.printed(kernels._norm(method), kernels.ERROR_NORM),
        ],
    )  # fmt: skip
    values = [f"{name} = {getattr(stabilized, name)!r}" for name in CONSTANTS]
    values += [f"{name} = {globals()[name]}" for name in NAMES]
    return written.replace("Settings = ", "\n".join([*values, "Settings = "]), 1)


@cache_in_memory
def kernel():
    """The compiled kernel."""
    return cache.load("RKC", text()).solve


class StabilizedDrive(EndsDrive):
    """A `Drive` with what RKC remembers from step to step.

    Parameters
    ----------
    kernel, method, f, *others
        As in `Drive`.
    radius : Radius, optional
        The spectral radius that the user gave.
    """

    def __init__(self, kernel, method, f, *others, radius=None):
        super().__init__(kernel, method, f, *others)
        c, n, self.radius = self.integers, self.n, radius
        c[at.BUDGET] = max(1, int(PATIENCE / (20 * (1e-9 * n + f.seconds))))
        self.own, self.memory = np.zeros(6, dtype=np.int64), np.zeros(3)
        self.slopes, self.direction = np.zeros((2, n)), np.zeros(n)
        self.otherwise = np.random.default_rng(0).standard_normal(n)
        c[at.OWN], c[at.SLOPE], c[at.VALUE] = map(address, (self.own, *self.slopes))
        self.own[MEMORY], self.own[DIRECTION] = address(self.memory), address(self.direction)
        self.own[START_DIRECTION] = address(self.otherwise)

    def configure(self, run):
        """As in `Drive`; the tolerance says how many stages rounding allows."""
        super().configure(run)
        self.own[MOST_STAGES] = stabilized.most_stages(run)

    def start(self, u0, p):
        """As in `Drive`; the spectral radius is to be measured first."""
        super().start(u0, p)
        if self.radius is not None:
            self.own[RADIUS], self.own[RADIUS_WORK] = self.radius.current()
        self.memory[:] = 0.0, stabilized.AGAIN, np.nan
        self.direction[:] = 0.0

    def trouble(self) -> str:
        """What the last attempt said of itself."""
        if not np.isfinite(self.memory[RHO]):
            return stabilized.NO_RADIUS
        h, stages = float(self.numbers[at.H]), int(self.integers[at.TROUBLE])
        return stabilized.too_many(h, stages, int(self.own[MOST_STAGES]))


class Radius:
    """A user's spectral radius, compiled, and again where it reads something that has changed.

    Parameters
    ----------
    function : callable
        ``function(u, p, t)``.
    u0, p : ndarray, ndarray or None
        Examples of its arguments.

    Raises
    ------
    NoJacobian
        If it is not in the subset of Python that can be transformed.
    """

    def __init__(self, function, u0, p):
        self.function, self.examples = function, (u0, p)
        self._compile()

    def _compile(self):
        try:
            lowered = lower(self.function, *self.examples, 0.0)
        except TransformError as failure:
            raise NoJacobian(f"spectral_radius has no compiled form: {failure}") from failure
        form = inplace(replace(lowered, reads=[]))
        tree = standard(form, *self.examples)
        self.outside = Outside(lowered)
        self.machine = compile_tree(tree, ARGUMENTS, form.constants, form.primitives)
        self.work = np.empty(form.work + 1)

    def current(self):
        """Addresses of the function and of its scratch memory."""
        if not self.outside.is_current():
            self._compile()
        return self.machine.address, address(self.work)


def drive(f, method, u0, p, side, kept):
    """Memory for solves by RKC; the arguments are those of `take_drive`."""
    given = method.spectral_radius
    radius = None if given is None else Radius(given, u0, p)
    return StabilizedDrive(kernel(), method, f, *kept, radius=radius)
