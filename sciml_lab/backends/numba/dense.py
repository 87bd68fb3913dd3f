"""The solution of a compiled solve as a function of time.

Between the ends of its steps a solution is a polynomial in the stages of the step. Methods of
high order need some stages more for it than for the step itself. They are computed when they are
first asked for, by the readable `ExplicitRK.dense_stages` with the compiled f, in all steps at
once.
"""

from dataclasses import replace
from functools import cache, cached_property

import numpy as np

from sciml_lab.backends.numba import cache as on_disk
from sciml_lab.backends.numba.drive import address
from sciml_lab.solvers.dense import DenseOutput, DenseStep
from sciml_lab.solvers.nystrom import Nystrom

FEW = 4  # times that are looked up one by one

TEXT = '''"""Evaluate a compiled f at many states, one after the other."""

from numba import njit

from sciml_lab.backends.numba.pointers import *


@njit("void(int64, int64, int64, int64, int64, int64, int64)", nogil=True, cache=True)
def evaluate(f, du, u_and_t, p, work, n, count):
    call, x, out = function(f, "mmmnm"), numbers(u_and_t, "any"), numbers(du, "any")
    for j in range(count):
        place = j * (n + 1)
        du_j, u_j, t_j = part(out, j * n), part(x, place), x[place + n]
        call(du_j, u_j, numbers(p, "any"), t_j, numbers(work, "any"))
'''


@cache
def _evaluate():
    return on_disk.load("evaluate", TEXT).evaluate


class Values:
    """``f(u, p, t)`` by its compiled form, for one state or, row by row, for many.

    Parameters
    ----------
    f : Function
    n : int
        Length of a state.
    """

    def __init__(self, f, n):
        self.f, self.n = f, n

    def __call__(self, u, p, t):
        """Evaluate; t has one entry for each row of u."""
        count = np.size(u) // self.n
        x, du = np.empty((count, self.n + 1)), np.empty((count, self.n))
        x[:, :-1], x[:, -1] = np.reshape(u, du.shape), np.ravel(t)
        p, work = np.zeros(1) if p is None else np.array(p, dtype=float), np.empty(self.f.work + 1)
        arrays = map(address, (du, x, p, work))
        _evaluate()(self.f.address, *arrays, self.n, count)
        return du.reshape(np.shape(u))


class CompiledDense:
    """Dense output from the kept steps of a compiled run.

    Parameters
    ----------
    run : Run
    outcomes : list of Outcome
        One for each trajectory.
    f : Function, optional
        The compiled right-hand side; without it the one in Python is called.
    """

    def __init__(self, run, outcomes, f=None):
        self.run, self.outcomes = run, outcomes
        halves = isinstance(run.method, Nystrom)  # asks its f for accelerations
        self.f = run.f if f is None or halves else Values(f, outcomes[0].u.size)

    def __getstate__(self):
        return {"run": self.run, "outcomes": self.outcomes, "f": self.run.f}  # no machine code

    @cached_property
    def lanes(self):
        """A `DenseOutput` for each trajectory."""
        return [self._one(j) for j in range(len(self.outcomes))]

    def _one(self, j):
        run, (t, h, u, k) = self.run, self.outcomes[j].steps
        u0, p = lane(run, np.asarray(run.u0), j), lane(run, run.p, j)
        if u0.ndim != 1:
            u, k = u.reshape(len(u), *u0.shape), k.reshape(*k.shape[:2], *u0.shape)
        rows = zip(t.tolist(), h.tolist(), u[:-1], map(list, k), strict=True)
        steps = [DenseStep(*one) for one in rows]
        return DenseOutput(steps, replace(run, f=self.f, u0=u0, p=p, lanes=False))

    def _needs_no_f(self):
        """Whether the stages of the steps are all that dense output needs."""
        rows = getattr(self.run.method, "rows", None)
        return rows is not None and not getattr(rows, "a_dense", ())

    def _many(self, times):
        """`ExplicitRK.interpolate` in all the steps that are asked for at once."""
        run, (t, h, u, k) = self.run, self.outcomes[0].steps
        first, last = sorted((t[0], t[-1] + h[-1]))
        outside = times[~((first <= times) & (times <= last))]
        if outside.size:
            self.lanes[0](outside)  # raises, unless it is by rounding only
        direction = np.sign(h[0])
        ends = np.searchsorted((t + h) * direction, times * direction)
        steps, which = np.unique(np.minimum(ends, len(t) - 1), return_inverse=True)
        t, h, u, k = t[steps, None], h[steps, None], u[steps], list(k[steps].swapaxes(0, 1))
        k = run.method.dense_stages(self.f, u, run.p, t, h, k)
        theta = (times[:, None] - t[which]) / h[which]
        values = run.method.interpolate(u[which], [one[which] for one in k], h[which], theta)
        return values.reshape(len(times), *np.shape(run.u0))

    def __call__(self, t):
        """State at time t, or at each of an array of times."""
        if not self.run.lanes:
            ready = isinstance(self.f, Values) or self._needs_no_f()
            many = np.ndim(t) == 1 and np.size(t) > FEW and ready
            return self._many(np.asarray(t, dtype=float)) if many else self.lanes[0](t)
        times = np.asarray(t, dtype=float)
        direction = np.sign(float(self.run.tspan[1]) - float(self.run.tspan[0]))
        reached = [one.now * direction for one in self.outcomes]
        late = max(range(len(reached)), key=reached.__getitem__)
        self.lanes[late](t)  # raises for a time that no trajectory has reached
        columns = []
        for one, end in zip(self.lanes, reached, strict=True):
            inside = np.atleast_1d(times) * direction <= end + 1e-12 * abs(end)
            column = np.full((inside.size, *np.shape(one.run.u0)), np.nan)
            if inside.any():
                column[inside] = one(np.atleast_1d(times)[inside])
            columns.append(column)
        values = np.stack(columns, axis=-1)
        return values if times.ndim else values[0]


def lane(run, x, j):
    """The part of u0 or p that belongs to trajectory j of a run."""
    if not run.lanes or x is None or (x is run.p and np.ndim(x) < 2):
        return x
    return x[..., j]
