"""Drive a compiled kernel through a solve: memory for it, and a word with Python now and then.

A kernel returns when its store of steps is full, and after a number of attempts that take a few
milliseconds, so that Ctrl-C, the stop button and progress bars work.
"""

import numpy as np

from sciml_lab.backends.numba import layout as at

EPS = float(np.finfo(float).eps)
FIRST_BYTES, MOST_BYTES = 2**15, 2**23  # of a chunk of the store
PATIENCE = 4e-3  # seconds that one call of a kernel may take


class Store:
    """Room for accepted steps: times, lengths, states and, if they are kept, stages.

    Parameters
    ----------
    n, stages : int
        Length of the state, and stages that are kept of each step (0: room for one step).
    scratch : int
        Stages of one step.
    size : int
        Bytes to fill, roughly.
    """

    def __init__(self, n, stages, scratch, size):
        one = 2 + n + stages * n
        self.capacity = capacity = max(8, size // (8 * one))
        rows = capacity + 1 if stages else 1
        ends = np.cumsum([capacity, capacity, n * (capacity + 1), rows * scratch * n]).tolist()
        memory = np.empty(ends[-1])
        self.t, self.h = memory[: ends[0]], memory[ends[0] : ends[1]]
        self.u = memory[ends[1] : ends[2]].reshape(capacity + 1, n)
        self.k = memory[ends[2] :].reshape(rows, scratch, n)
        base = memory.__array_interface__["data"][0]
        self.addresses = [base, *(base + 8 * end for end in ends[:3])]
        self.count = 0  # steps in it, once it is done with


class Drive:
    """One trajectory on its way.

    Parameters
    ----------
    kernel : callable
        ``kernel(address) -> status``.
    run : Run
        Method, tolerances, time interval and the other settings.
    f : Function
        Compiled right-hand side.
    u0, p, times : ndarray
        Flat arrays of float64: state, parameters, output times.
    keep_steps, keep_stages : bool
        Whether all accepted steps are kept, and with their stages.
    """

    def __init__(self, kernel, run, f, u0, p, times, keep_steps, keep_stages):
        self.kernel, self.f, self.n, self.status = kernel, f, u0.size, at.BEGIN
        n, tableau = u0.size, run.method.tableau
        self.keep_steps, self.stages = keep_steps, tableau.stages
        self.kept = tableau.stages if keep_stages else 0
        self.chunks, self.memory = [], []
        self.integers, self.numbers = np.zeros(at.INTEGERS, dtype=np.int64), np.zeros(at.COUNT)
        self.out = np.full((len(times), n), np.nan)
        self._set(run, f, keep_stages)
        c, extra = self.integers, len(tableau.A_dense)
        scratch, tolerances = np.empty(n * (3 + extra) + f.work + 1), np.empty((2, n))
        tolerances[0], tolerances[1] = (_wide(x, u0) for x in (run.rtol, run.atol))
        base, length = self._address(scratch), 8 * n
        c[at.V : at.EXTRA + 1] = [base + i * length for i in range(4)]
        c[at.WORK] = base + length * (3 + extra)
        c[at.RTOL] = self._address(tolerances)
        c[at.ATOL] = c[at.RTOL] + length
        c[at.P], c[at.TIMES], c[at.OUT] = map(self._address, (p, times, self.out))
        c[at.NUMBERS], self.block = self._address(self.numbers), self._address(c)
        self._new_store(FIRST_BYTES)
        self.store.u[0] = u0

    def _set(self, run, f, keep_stages):
        """Counts, flags and settings."""
        c, x, n = self.integers, self.numbers, self.n
        start, end = (float(s) for s in run.tspan)
        x[at.START], x[at.END], x[at.NOW] = start, end, start
        x[at.ERROR1] = x[at.ERROR_BEFORE] = 1.0
        x[at.H] = 0.0 if run.dt is None else np.copysign(run.dt, end - start)
        if run.adaptive:
            x[at.KP : at.MAX_FACTOR + 1] = settings(run.controller)
        c[at.N], c[at.MAX_STEPS], c[at.F] = n, run.max_steps, f.address
        c[at.ADAPTIVE], c[at.GUESS], c[at.KEEP] = run.adaptive, run.dt is None, keep_stages
        c[at.FINEST] = run.adaptive and float(np.min(run.rtol)) < EPS
        c[at.OUTPUTS] = len(self.out)
        c[at.BUDGET] = max(1, int(PATIENCE / (1e-8 * n + f.seconds * self.stages)))

    def _address(self, array):
        """The address of an array, which is kept alive."""
        self.memory.append(array)
        return array.__array_interface__["data"][0]

    def _new_store(self, size):
        self.store, self.size = Store(self.n, self.kept, self.stages, size), size
        self.integers[at.STORE_T : at.STORE_K + 1] = self.store.addresses
        self.integers[at.CAPACITY], self.integers[at.ROW] = self.store.capacity, 0

    @property
    def done(self) -> bool:
        """Whether the end is reached, or the solve has failed."""
        return self.status >= at.DONE

    def go(self, track):
        """Call the kernel once.

        Parameters
        ----------
        track : Track
            Is shown the steps that are not kept.
        """
        self.status = self.kernel(self.block)
        if self.status == at.FULL:
            self._make_room(track)

    def _make_room(self, track):
        """Go on in a new store, or in the same one if its steps are not needed any more."""
        old = self.store
        old.count = old.capacity
        if self.keep_steps:
            self.chunks.append(old)
            self._new_store(min(2 * self.size, MOST_BYTES))
            self.store.k[0, 0] = old.k[old.capacity if self.kept else 0, 0]
        else:
            show(track, np.append(old.t[1:], self.now), old.u[1:])
            self.integers[at.ROW] = 0
        self.store.u[0] = old.u[old.capacity]

    def steps(self):
        """All kept steps as arrays t, h, u, k; u has one row more, k may be empty."""
        self.store.count = int(self.integers[at.ROW])
        chunks = [*self.chunks, self.store]
        kept = [one.count if self.kept else 0 for one in chunks]
        t, h = (np.concatenate([getattr(one, x)[: one.count] for one in chunks]) for x in "th")
        u = np.concatenate([*(one.u[: one.count] for one in chunks), self.u[None]])
        k = np.concatenate([one.k[:m] for one, m in zip(chunks, kept, strict=True)])
        return t, h, u, k

    def retrace(self, track):
        """Show the track the accepted steps that it has not seen yet."""
        t, _, u, _ = self.steps()
        show(track, np.append(t[1:], self.now)[: len(t)], u[1:])

    @property
    def u(self):
        """The present state."""
        return self.store.u[int(self.integers[at.ROW])]

    @property
    def now(self) -> float:
        """The present time."""
        return float(self.numbers[at.NOW])


def show(track, t, u):
    """Add many points to a track, and skip those that it would forget at once."""
    first, total, i = track._count, len(t), 0
    while i < total:
        track._count = first + i
        track.add(float(t[i]), u[i].copy())
        wait = -(first + i + 1) % track._stride  # until the next one that is spread
        i += 1 + (min(wait, max(total - 50 - i - 1, 0)) if i < total - 50 else 0)
    track._count = first + total


def settings(controller):
    """The numbers of a controller of the PID family, in the order of the layout."""
    c = controller
    return c.kP, c.kI, c.kD, c.safety, c.min_factor, c.max_factor


def _wide(tolerance, u0):
    """A tolerance for each entry of a flat u."""
    if np.ndim(tolerance) == 0:
        return float(tolerance)
    return np.broadcast_to(tolerance, np.shape(u0)).ravel()
