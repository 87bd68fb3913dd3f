"""Drive an ensemble's kernel on several threads: memory for each, one queue for all.

A thread makes one call, and comes back when the queue is empty. Meanwhile Python waits, moves the
progress bar, and on Ctrl-C raises a flag that the kernels look at after every attempt.
"""

from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from sciml_lab.backends.numba import lanes_layout as at

EPS = float(np.finfo(float).eps)
POLL = 0.1  # seconds between two looks at the progress


def aligned(*shape, fill=None):
    """An array of float64 that begins at a multiple of 64 bytes, as vector registers want it."""
    size = int(np.prod(shape))
    raw = np.empty(size + 8)
    first = (-raw.__array_interface__["data"][0] // 8) % 8
    array = raw[first : first + size].reshape(shape)
    if fill is not None:
        array[...] = fill
    return array


def address(array) -> int:
    """Where an array begins."""
    return array.__array_interface__["data"][0]


class Fleet:
    """All trajectories of an ensemble, and what becomes of them.

    Parameters
    ----------
    run : Run
        Method, tolerances, time interval and the other settings.
    f : int
        Address of the compiled right-hand side, over lanes if the width is above one.
    work : int
        Numbers of scratch memory that f needs.
    u0 : ndarray (n, N)
    p : ndarray (m, N) or (m,)
        One column for each trajectory, or one vector for all.
    times : ndarray (T,)
        Output times.
    width : int
        Lanes of the kernel.

    Attributes
    ----------
    out : ndarray (T, n, N)
        States at the output times, NaN where none was reached.
    counts : ndarray (ROWS, N)
        See `lanes_layout`.
    reached : ndarray (N,)
        Times reached.
    """

    def __init__(self, run, f, work, u0, p, times, width):
        (n, count), self.own = u0.shape, p.ndim == 2
        self.run, self.f, self.work, self.width, self.count = run, f, work, width, count
        self.stride = stride = -(-count // width) * width
        self.u0, self.p = self._padded(u0), self._padded(p) if self.own else p
        self.times = np.ascontiguousarray(times, dtype=float)
        self._out = aligned(len(times), n, stride, fill=np.nan)
        self._counts = np.zeros((at.ROWS, stride), dtype=np.int64)
        self._reached = np.full(stride, float(run.tspan[0]))
        self.out, self.counts = self._out[..., :count], self._counts[:, :count]
        self.reached = self._reached[:count]
        self.tolerances = np.empty((2, n))
        for row, tolerance in zip(self.tolerances, (run.rtol, run.atol), strict=True):
            row[:] = np.ravel(tolerance) if np.size(tolerance) == n else float(tolerance)
        start, end = (float(s) for s in run.tspan)
        dt = 0.0 if run.dt is None else float(np.copysign(run.dt, end - start))
        c = run.controller
        law = (c.kP, c.kI, c.kD, c.safety, c.min_factor, c.max_factor) if run.adaptive else (1,) * 6
        self.numbers = np.array([start, end, dt, *law], dtype=float)
        self.shared = np.zeros(at.SHARED_INTEGERS, dtype=np.int64)

    def _padded(self, x):
        """Columns up to a multiple of the width: copies of the last one, which nobody solves."""
        padded = aligned(len(x), self.stride)
        padded[:, : self.count], padded[:, self.count :] = x, x[:, -1:]
        return padded

    def block(self):
        """A thread's block of integers, and the memory behind it."""
        n, run, tableau = len(self.u0), self.run, self.run.method.tableau
        m, extra = len(self.p) if self.own else 0, len(tableau.A_dense)
        sizes = {
            at.U: n, at.U_NEW: n, at.V: n, at.ERROR: n, at.ERROR2: n, at.K: n * tableau.stages,
            at.EXTRA: n * extra, at.PLACE: n, at.P: m, at.FIRST_U: n, at.FIRST_P: m,
            at.FIRST_K: n, at.FIRST_H: 1, at.WORK: self.work + 1,
        }  # fmt: skip
        memory = aligned(sum(sizes.values()), self.width, fill=0.0)
        lanes = np.zeros((2, self.width), dtype=np.int64)
        c, place = np.zeros(at.INTEGERS, dtype=np.int64), address(memory)
        for entry, size in sizes.items():
            c[entry], place = place, place + 8 * size * self.width
        c[at.N], c[at.OWN], c[at.COUNT], c[at.STRIDE] = n, m, self.count, self.stride
        c[at.MAX_STEPS], c[at.ADAPTIVE], c[at.GUESS] = run.max_steps, run.adaptive, run.dt is None
        c[at.FINEST] = run.adaptive and float(np.min(run.rtol)) < EPS
        c[at.OUTPUTS], c[at.F] = len(self.times), self.f
        for entry, array in (
            (at.COMMON, self.shared), (at.NUMBERS, self.numbers), (at.STARTS, self.u0),
            (at.PARAMETERS, self.p), (at.RTOL, self.tolerances), (at.ATOL, self.tolerances[1]),
            (at.TIMES, self.times), (at.OUT, self._out), (at.COUNTS, self._counts),
            (at.REACHED, self._reached), (at.WHO, lanes), (at.FOLLOWING, lanes[1]),
        ):  # fmt: skip
            c[entry] = address(array)
        if not self.own:
            c[at.P] = c[at.FIRST_P] = address(self.p)
        return c, (memory, lanes)

    def go(self, kernel, threads, show=None):
        """Solve everything.

        Parameters
        ----------
        kernel : callable
        threads : int
        show : callable, optional
            Is told now and then how many trajectories are finished.
        """
        threads = max(1, min(threads, -(-self.count // self.width)))
        blocks = [self.block() for _ in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            waiting = {pool.submit(kernel, address(c)) for c, _ in blocks}
            try:
                while waiting:
                    _, waiting = wait(waiting, POLL)
                    if show is not None:
                        show(int(self.shared[at.FINISHED]))
            finally:
                self.shared[at.STOP] = 1  # after an interruption the threads come back at once
