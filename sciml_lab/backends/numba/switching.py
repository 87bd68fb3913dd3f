"""`AutoSwitch` by kernels: one for each method, and whoever finds a reason hands over.

Each kernel measures what the readable `Switching` measures, step by step, and returns when it is
time for the other method. It goes on from there with the step size and the memory of the
controller, as in one loop.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba import watch_layout as seen
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.backends.numba.implicit import choice
from sciml_lab.backends.numba.solve import CompiledRun, give_back, note_failure, real
from sciml_lab.backends.numba.watching import take_drive
from sciml_lab.solvers.autoswitch import Switch, Taken
from sciml_lab.solvers.dense import DenseOutput, DenseStep

MEMORY = at.ERROR1, at.ERROR_BEFORE


def begun_by_explicit(f, run, keep_steps, keep_stages):
    """Memory for the explicit method of `run`, which looks out for stiffness."""
    drive = take_drive(f, run, keep_steps, keep_stages, "stiffness")
    drive.watch()
    drive.ends[seen.LIMIT] = run.method.tableau.real_stability
    return drive


class SwitchingRun(CompiledRun):
    """A run of an `AutoSwitch`, one piece for each change of method.

    Parameters
    ----------
    run : Run
        What `attempts` would get; it learns how the solve went.
    times : list or None
        Output times; None for every accepted step.
    keep : bool
        Whether the steps are kept with their stages, for dense output.
    drive : Drive, optional
        That has begun already, by the explicit method.
    """

    def __init__(self, run, times, keep, drive=None):
        self.run, self.times, self.keep = run, times, keep
        self.outcomes, self.by, self.begun = [], [], drive is not None
        self.limit = run.method.nonstiff.tableau.real_stability
        if drive is None:
            real(run.u0, run.p)
            start = float(run.tspan[0])
            self.f = right_hand_side(run.f.f, run.u0, run.p, start, check=self._check)
            drive = self.piece(run.method.nonstiff, run.u0, start, run.dt)
        self.f, self.drive, self.now = drive.f, drive, run.method.nonstiff

    def piece(self, method, u, t, h):
        """Memory for a piece, everything set."""
        run, kept = self.run, (self.times is None or self.keep, self.keep)
        done = sum(one.naccept + one.nreject for one in self.outcomes)
        part = replace(
            run, method=method, u0=u, tspan=(t, run.tspan[1]), dt=h, switches=[],
            max_steps=max(run.max_steps - done, 1),
        )  # fmt: skip
        drive = take_drive(self.f, part, *kept, "calm" if method.implicit else "stiffness")
        drive.watch()
        drive.configure(part)
        due = [] if self.times is None else self.times[self._reached() :]
        drive.outputs(np.array(due, dtype=float))
        drive.start(np.ravel(u), None if run.p is None else np.ravel(run.p))
        drive.ends[seen.LIMIT] = self.limit
        return drive

    def _reached(self):
        return sum(one.reached for one in self.outcomes)

    def go(self, track, bar):
        """Solve; a failure leaves its traces in `run` and in the track."""
        run = self.run
        while True:
            drive = self.drive
            while drive.goes_on:
                drive.go(track)
                bar(SimpleNamespace(t_new=drive.now))
            if drive.done:
                break
            self._switch()
        if drive.status in at.EXPLAINED:
            note_failure(run, drive, run.p)
            drive.retrace(track)
        self._finish_piece()
        self.report()

    def _switch(self):
        """Hand over to the other method."""
        old, method = self.drive, self.run.method
        t, u, h = old.now, old.u.reshape(old.shape).copy(), float(old.numbers[at.H])
        memory, rejected = old.numbers[[*MEMORY]].copy(), old.integers[at.REJECTED]
        to = method.nonstiff if self.now.implicit else method.stiff
        self.run.switches.append(Switch(t, to, float(old.ends[seen.H_RHO]), float(self.limit)))
        self._finish_piece()
        self.now, self.drive = to, self.piece(to, u, t, abs(h))
        self.drive.numbers[[*MEMORY]], self.drive.integers[at.REJECTED] = memory, rejected

    def _finish_piece(self):
        self.by.append(self.now)
        self.outcomes.append(self.drive.finish())
        give_back(self.drive)

    def stop(self):
        """Keep what there is of a solve that was interrupted."""
        self._finish_piece()
        self.report()

    def report(self):
        """Tell the run how many steps were taken and how far it came."""
        run, done = self.run, self.outcomes
        linear = run.f.linear
        run.f.count += sum(one.nf for one in done)
        run.naccept, run.nreject = (
            sum(one.naccept for one in done),
            sum(one.nreject for one in done),
        )
        linear.njac, linear.nlu = sum(one.njac for one in done), sum(one.nlu for one in done)
        if any(method.implicit for method in self.by):
            linear.choice = choice(linear, self.drive.choice)
        run.now, run.failed = done[-1].now, done[-1].status != at.DONE

    def output(self):
        """Times and states, as a recorder gives them."""
        shape, done = np.shape(self.run.u0), self.outcomes
        if self.times is not None:
            u = np.concatenate([one.out[: one.reached] for one in done])
            return np.array(self.times[: self._reached()], dtype=float), u.reshape(-1, *shape)
        t = np.concatenate([*(one.steps[0] for one in done), [done[-1].now]])
        u = np.concatenate([*(one.steps[2][:-1] for one in done), done[-1].steps[2][-1:]])
        return t, u.reshape(-1, *shape)

    def dense(self):
        """The solution as a function of time."""
        shape, steps = np.shape(self.run.u0), []
        for method, one in zip(self.by, self.outcomes, strict=True):
            t, h, u, k = one.steps
            u, k = u.reshape(-1, *shape), k.reshape(*k.shape[:2], *shape)
            rows = zip(t.tolist(), h.tolist(), u[:-1], map(list, k), strict=True)
            steps += [DenseStep(*row, Taken(method, stages)) for *row, stages in rows]
        return DenseOutput(steps, self.run)
