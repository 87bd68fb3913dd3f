"""A compiled solve with everything settled beforehand: a call only runs the kernel."""

from functools import cached_property

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.implicit import no_kernel
from sciml_lab.backends.numba.solve import CompiledRun, reason_for_python
from sciml_lab.solvers import options
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.solution import Stats


class PreparedSolution:
    """The numbers of one solve; the rest of a `Solution` is put together when asked for.

    Attributes
    ----------
    t, u : ndarray
        Output times and states there (NaN where a failed solve did not get).
    success : bool
        Whether the end was reached.
    """

    __slots__ = ("__dict__", "_counts", "_failed", "success", "t", "u")

    def __init__(self, t, u, success, counts, failed):
        self.t, self.u, self.success = t, u, success
        self._counts, self._failed = counts, failed

    @property
    def stats(self):
        """The cost counter."""
        c = self._counts.tolist()
        naccept, nreject = c[at.NACCEPT], c[at.NREJECT]
        return Stats(
            nf=c[at.NF], nsteps=naccept + nreject, naccept=naccept, nreject=nreject,
            njac=c[at.NJAC], nlu=c[at.NLU], nnewton=c[at.NNEWTON],
        )  # fmt: skip

    @cached_property
    def message(self):
        """How it ended; after a failure the evidence, for which the solve is done once more."""
        if self.success:
            stats = self.stats
            return f"reached the end in {stats.naccept} accepted and {stats.nreject} rejected steps"
        return self._failed().message


class Prepared:
    """A solver of one problem for other states and parameters.

    Parameters
    ----------
    problem : ODEProblem
    method : ExplicitRK
    settings : dict
        The options of `solve`.
    """

    def __init__(self, problem, method, settings):
        reason = no_kernel(problem, method) or reason_for_python(problem, settings)
        if reason:
            raise ValueError(
                f"prepare() with backend='numba' compiles the whole solve, and here {reason}: "
                "take backend='numpy'."
            )
        if problem.batch:
            raise ValueError("prepare() serves one trajectory: leave batch=True out.")
        self.problem, self.method, self.settings = problem, method, settings
        run = front.run_of(problem, method, settings)
        times = options.save_times(settings["saveat"], problem.tspan, problem.batch)
        times = list(problem.tspan) if times is None else times
        compiled = CompiledRun(run, times, keep=False)
        self.drive, self.t = compiled.drive, np.array(times, dtype=float)
        self.t.setflags(write=False)
        self.shape, self.parameters = np.shape(problem.u0), np.shape(problem.p)
        self._u0, self._p = problem.u0, problem.p
        self._size = (len(self.t), *self.shape)

    def __call__(self, u0=None, p=None):
        """Solve for this initial state and these parameters (without: those of the problem)."""
        drive = self.drive
        u0, p = (self._u0 if u0 is None else u0), (self._p if p is None else p)
        if u0.shape != self.shape or (p is not None and p.shape != self.parameters):
            raise ValueError(
                f"u0 and p must be arrays of the shapes {self.shape} and {self.parameters} that "
                f"the solver was prepared for (got {np.shape(u0)} and {np.shape(p)})."
            )
        drive.start(u0.reshape(-1), p if p is None else p.reshape(-1))
        drive.go(None)
        if drive.status < at.DONE:
            track = Track()
            while not drive.done:
                drive.go(track)
        success = drive.status == at.DONE
        return PreparedSolution(
            self.t, drive.output().reshape(self._size), success,
            drive.integers[: at.CHANGING].copy(), None if success else self._again(u0, p),
        )  # fmt: skip

    def _again(self, u0, p):
        """The failed solve once more, with its evidence."""
        problem = self.problem.replace(u0=np.array(u0), p=p if p is None else np.array(p))
        return lambda: front.solve_plain(problem, self.method, self.settings)
