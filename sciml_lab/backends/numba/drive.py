"""Drive a compiled kernel through a solve: memory for it, and a word with Python now and then.

A kernel returns when its store of steps is full, and after a number of attempts that take a few
milliseconds, so that Ctrl-C, the stop button and progress bars work.
"""

import math
import time
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.kernels import extra_stages

EPS = float(np.finfo(float).eps)
FIRST_BYTES, MOST_BYTES = 2**15, 2**23  # of a chunk of the store
ROWS = 64, 4096  # steps in a store that is written over: at least, and if they are short
FEW_BYTES = 2**20  # of such a store
PATIENCE = 4e-3  # seconds that one call of a kernel may take


class Outcome(NamedTuple):
    """What is left of a trajectory when its memory serves the next one.

    Attributes
    ----------
    status : int
        How it ended (`layout.EXPLAINED`, or `layout.DONE`).
    naccept, nreject, nf : int
        Accepted steps, rejected steps, evaluations of f.
    now, h : float
        Time reached, and the step that was due.
    u : ndarray
        State there.
    reached : int
        Output times that were reached.
    out : ndarray
        States at the output times; NaN where they were not reached.
    steps : tuple of ndarray or None
        Times, lengths, states (one more) and stages of the accepted steps, if they were kept.
    njac, nlu, nnewton : int
        Jacobians, factorisations and Newton's corrections, of an implicit method.
    """

    status: int
    naccept: int
    nreject: int
    nf: int
    now: float
    h: float
    u: np.ndarray
    reached: int
    out: np.ndarray
    steps: tuple | None
    njac: int = 0
    nlu: int = 0
    nnewton: int = 0


class Store:
    """Room for accepted steps: times, lengths, states and, if they are kept, stages.

    Parameters
    ----------
    n, stages : int
        Length of the state, and stages of one step.
    keep : bool
        Whether the stages of every step are kept, or those of the present one only.
    size : int
        Bytes to fill, roughly.
    """

    def __init__(self, n, stages, keep, size):
        one = 2 + n + stages * n * keep
        self.capacity = capacity = max(8, size // (8 * one))
        rows = capacity + 1 if keep else 1
        first, second = capacity, 2 * capacity
        third = second + n * (capacity + 1)
        memory = np.empty(third + rows * stages * n)
        self.t, self.h = memory[:first], memory[first:second]
        self.u = memory[second:third].reshape(capacity + 1, n)
        self.k = memory[third:].reshape(rows, stages, n)
        base = address(memory)
        self.addresses = [base, base + 8 * first, base + 8 * second, base + 8 * third]
        self.size = size


class Drive:
    """Memory and settings for trajectories, one after the other.

    Parameters
    ----------
    kernel : callable
        ``kernel(address) -> status``.
    method : ExplicitRK or Rosenbrock
        What the kernel was made of.
    f : Function
        Compiled right-hand side.
    shape : tuple
        Shape of the state.
    m : int
        Number of parameters.
    keep_steps, keep_stages : bool
        Whether all accepted steps are kept, and with their stages.
    """

    matrices: Any = np.empty(0)  # of an implicit method
    choice: Any = None  # of its linear solver, where that is a band

    def __init__(self, kernel, method, f, shape, m, keep_steps, keep_stages):
        self.kernel, self.f, self.shape, self.status = kernel, f, shape, at.DONE
        self.n = n = math.prod(shape)
        self.keep_steps, self.keep = keep_steps, keep_stages
        self.stages, extra = self.arrays(method)
        both = np.zeros(at.COUNT + at.INTEGERS)  # side by side: what changes is reset in one go
        self.numbers, self.integers = both[: at.COUNT], both[at.COUNT :].view(np.int64)
        self.changing, c = both[: at.COUNT + at.CHANGING], self.integers
        self.scratch = scratch = np.empty(n * (5 + extra) + f.work + m + 1)
        base, line = address(scratch), 8 * n
        c[at.V : at.EXTRA + 1] = [base + i * line for i in range(4)]
        c[at.RTOL], c[at.ATOL] = base + (3 + extra) * line, base + (4 + extra) * line
        c[at.P] = base + (5 + extra) * line
        c[at.WORK] = c[at.P] + 8 * m
        self.rtol, self.atol = scratch[(3 + extra) * n : (5 + extra) * n].reshape(2, n)
        self.p = scratch[(5 + extra) * n : (5 + extra) * n + m]
        c[at.NUMBERS], c[at.N], c[at.F], c[at.KEEP] = address(self.numbers), n, f.address, self.keep
        c[at.BUDGET] = max(1, int(PATIENCE / (1e-8 * n + f.seconds * max(1, self.stages))))
        self.block = address(c)
        self.store = self.out = None
        self.room = np.empty((0, n + 1))
        self.chunks = []
        few, many = (8 * rows * (n + 2) for rows in ROWS)
        over = min(max(few, min(many, FEW_BYTES)), MOST_BYTES)
        self._new_store(FIRST_BYTES if keep_steps else over)

    def arrays(self, method):
        """How many arrays a step leaves behind, and how many dense output needs besides."""
        return method.tableau.stages, extra_stages(method)

    def _new_store(self, size):
        self.store = store = Store(self.n, self.stages, self.keep, size)
        self.integers[at.STORE_T : at.STORE_K + 1] = store.addresses
        self.integers[at.CAPACITY], self.integers[at.ROW] = store.capacity, 0

    def configure(self, run):
        """Take over the settings of a run: tolerances, first step, controller."""
        c, x = self.integers, self.numbers
        self.rtol[:] = run.rtol if np.ndim(run.rtol) == 0 else _flat_like(run.rtol, run, self.n)
        self.atol[:] = run.atol if np.ndim(run.atol) == 0 else _flat_like(run.atol, run, self.n)
        start, end = (float(s) for s in run.tspan)
        x[at.START], x[at.END] = start, end
        first = 0.0 if run.dt is None else math.copysign(run.dt, end - start)
        if run.adaptive:
            x[at.KP : at.MAX_FACTOR + 1] = settings(run.controller)
        x[at.NOW : at.ERROR_BEFORE + 1] = (start, first, 1.0, 1.0)
        self.beginning = self.changing.copy()
        self.beginning[at.COUNT :] = 0.0  # as bits, these are the whole numbers 0
        c[at.MAX_STEPS], c[at.ADAPTIVE], c[at.GUESS] = run.max_steps, run.adaptive, run.dt is None
        c[at.FINEST] = run.adaptive and float(np.min(run.rtol)) < EPS

    def outputs(self, times):
        """Set the output times, an array of float64."""
        m, room, c = len(times), self.room, self.integers
        if m > len(room):
            self.room = room = np.empty((m, self.n + 1))  # m times, then m states
            c[at.TIMES] = address(room)
            c[at.OUT] = c[at.TIMES] + 8 * len(room)
        flat = room.reshape(-1)
        flat[:m] = times
        self.out = flat[len(room) : len(room) + m * self.n].reshape(m, self.n)
        c[at.OUTPUTS] = m

    def start(self, u0, p):
        """Put a trajectory at its beginning.

        Parameters
        ----------
        u0, p : ndarray or None
            State and parameters, flat.
        """
        self.changing[...] = self.beginning
        self.status = at.BEGIN
        if self.chunks:
            self.chunks = []
        self.store.u[0] = u0
        if p is not None:
            self.p[...] = p

    @property
    def done(self) -> bool:
        """Whether the end is reached, or the solve has failed."""
        return self.status >= at.DONE

    @property
    def goes_on(self) -> bool:
        """Whether the kernel shall be called again."""
        return not self.done and self.status != at.EVENT

    def go(self, track):
        """Call the kernel once.

        Parameters
        ----------
        track : Track
            Is shown the steps that are not kept.
        """
        if self.status == at.FULL:
            self._make_room(track)
        began = time.perf_counter()
        self.status = self.kernel(self.block)
        if self.status == at.RUNNING:  # the budget was used up: was it well chosen?
            seconds = time.perf_counter() - began
            budget = int(self.integers[at.BUDGET])
            self.integers[at.BUDGET] = max(1, int(budget * min(PATIENCE / seconds, 100.0)))

    def _make_room(self, track):
        """Go on in a new store, or in the same one if its steps are not needed any more."""
        old = self.store
        if self.keep_steps:
            self.chunks.append(old)
            self._new_store(min(2 * old.size, MOST_BYTES))
            self.store.k[0, :1] = old.k[old.capacity if self.keep else 0, :1]
        else:
            self._show(track, np.append(old.t[1:], self.now), old.u[1:])
            self.integers[at.ROW] = 0
        self.store.u[0] = old.u[old.capacity]

    def finish(self) -> Outcome:
        """What the trajectory has come to, in memory of its own."""
        c = self.integers[: at.NEXT + 1].tolist()
        return Outcome(
            self.status, c[at.NACCEPT], c[at.NREJECT], c[at.NF], self.now,
            float(self.numbers[at.H]), self.store.u[c[at.ROW]].copy(), c[at.NEXT],
            self.output(), self.steps() if self.keep_steps else None, c[at.NJAC], c[at.NLU],
            c[at.NNEWTON],
        )  # fmt: skip

    def output(self):
        """A copy of the states at the output times; NaN where they were not reached."""
        out = self.out.copy()
        if self.status != at.DONE:
            out[int(self.integers[at.NEXT]) :] = np.nan
        return out

    def steps(self):
        """Copies of the steps since the last return of the store: t, h, u (one more), k."""
        store, last = self.store, int(self.integers[at.ROW])
        kept = last if self.keep else 0
        pieces = (store.t[:last], store.h[:last], store.u[: last + 1], store.k[:kept])
        if not self.chunks:
            return tuple(piece.copy() for piece in pieces)
        older = [
            (one.t, one.h, one.u[:-1], one.k[: one.capacity * self.keep]) for one in self.chunks
        ]
        return tuple(map(np.concatenate, zip(*older, pieces, strict=True)))

    def retrace(self, track):
        """Show the track the accepted steps that it has not seen yet."""
        t, _, u, _ = self.steps()
        self._show(track, np.append(t[1:], self.now)[: len(t)], u[1:])

    def _show(self, track, t, u):
        """Add many points to a track, and skip those that it would forget at once."""
        first, total, i = track._count, len(t), 0
        while i < total:
            track._count = first + i
            track.add(float(t[i]), u[i].reshape(self.shape).copy())
            wait = -(first + i + 1) % track._stride  # until the next one that is spread
            i += 1 + (min(wait, max(total - 50 - i - 1, 0)) if i < total - 50 else 0)
        track._count = first + total

    @property
    def u(self):
        """The present state."""
        return self.store.u[int(self.integers[at.ROW])]

    @property
    def now(self) -> float:
        """The present time."""
        return float(self.numbers[at.NOW])


def address(array) -> int:
    """Where the entries of an array are; whoever passes it on keeps the array alive."""
    return array.__array_interface__["data"][0]


def settings(controller):
    """The numbers of a controller of the PID family, in the order of the layout."""
    c = controller
    return c.kP, c.kI, c.kD, c.safety, c.min_factor, c.max_factor


def _flat_like(tolerance, run, n):
    """A tolerance for each entry of a flat state."""
    shape = np.shape(run.u0)[:-1] if run.lanes else np.shape(run.u0)
    wide = np.broadcast_to(tolerance, np.shape(run.u0))
    return (wide[..., 0] if run.lanes else wide).reshape(shape).ravel()
