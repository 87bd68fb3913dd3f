"""The solution of a quick solve: the numbers at once, and the rest when it is asked for."""

import time
from functools import cached_property

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.dense import CompiledDense
from sciml_lab.backends.numba.drive import Outcome
from sciml_lab.backends.numba.implicit import choice
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.solution import Solution, Stats


class LateSolution(Solution):
    """A `Solution` of a solve that went well, whose statistics and message are still to come.

    Parameters
    ----------
    problem : ODEProblem
    method : ExplicitRK
    drive : Drive
        At the end of its solve; what will be needed is copied.
    times : ndarray or None
        Output times; None for every accepted step.
    began : float
        When the solve began, by `time.perf_counter`.
    """

    def __init__(self, problem, method, drive, times, began):
        self.problem, self.method, self.success = problem, method, True
        self.diagnosis = self.sensitivities = None
        self.events, self.switches = [], []
        self._counts = drive.integers[at.NACCEPT : at.NNEWTON + 1].tolist()
        self._steps = steps = drive.steps() if drive.keep_steps else None
        self._keeps, self._f, self._choice = drive.keep, drive.f, drive.choice
        if times is None:
            self.t, u = np.concatenate((steps[0], problem.tspan[1:])), steps[2]
        else:
            self.t, u = times.copy(), drive.output()
        self.u = u.reshape(len(u), *problem.u0.shape) if problem.u0.ndim != 1 else u
        self._seconds = time.perf_counter() - began

    def __getstate__(self):
        """Leave the machine code here when a solution is sent."""
        return {**vars(self), "_f": None}

    @cached_property
    def stats(self):
        """The cost counter."""
        naccept, nreject, nf, njac, nlu, nnewton = self._counts
        stats = Stats(nf, naccept + nreject, naccept, nreject, seconds=self._seconds)
        if self.method.implicit:
            linear = self.method.side(self.problem, self.problem.u0.shape).linear
            stats.njac, stats.nlu, stats.nnewton = njac, nlu, nnewton
            stats.linear = str(choice(linear, self._choice))
        return stats

    @cached_property
    def message(self):
        """How it ended."""
        naccept, nreject, *_ = self._counts
        end = self.problem.tspan[1]
        return f"reached t = {end:.6g} in {naccept} accepted and {nreject} rejected steps"

    @cached_property
    def _dense(self):
        """The solution as a function of time, if the steps were kept."""
        if not self._keeps:
            return None
        run = front._prepare(self.problem, self.method, 1e-6, 1e-9, None, None, None, 1)
        end, last = self.problem.tspan[1], self._steps[2][-1]
        counts = self._counts[:3]  # naccept, nreject, nf
        outcome = Outcome(at.DONE, *counts, end, 0.0, last, len(self.t), self.u, self._steps)
        return CompiledDense(run, [outcome], self._f)
