"""`solve(..., backend="numba")`: from a problem to a compiled run, and back to a `Solution`."""

import time
from types import SimpleNamespace

import numpy as np

from sciml_lab.ad import is_traced
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.dense import CompiledDense, lane
from sciml_lab.backends.numba.drive import Drive
from sciml_lab.backends.numba.families import family
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.backends.numba.implicit import (
    ImplicitDrive,
    band_of,
    begin,
    choice,
    linearised,
    mass_of,
)
from sciml_lab.backends.numba.kernels import kernel
from sciml_lab.solvers import options
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.autoswitch import AutoSwitch
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.control import PIDController
from sciml_lab.solvers.solution import SolveInterrupted


def reason_for_python(problem, settings) -> str:
    """Why the loop of a solve has to run in Python, in a few words; empty if it need not."""
    values = (problem.u0, problem.p, *problem.tspan, settings["saveat"])
    if any(is_traced(x) for x in values if x is not None):
        return "derivatives are carried along"
    if settings["callbacks"]:
        return "callbacks are Python functions"
    if not has_compiled_law(settings["controller"]):
        return "the controller is a Python object"
    return ""


def has_compiled_law(controller) -> bool:
    """Whether a controller decides by the law of `PIDController`, with whatever numbers."""
    kind, laws = type(controller), ("decide", "_decide_one", "_law", "_reject", "start")
    return controller is None or all(
        getattr(kind, law, None) is getattr(PIDController, law) for law in laws
    )


def solve_compiled(problem, method, settings, drive=None, interrupted=False, track=None):
    """`sciml_lab.solvers.solve.solve_plain` with a compiled loop.

    Parameters
    ----------
    problem : ODEProblem
        Of plain numbers.
    method : ExplicitRK
    settings : dict
        The options of `solve`.
    drive : Drive, optional
        The same solve, begun already (`sciml_lab.backends.numba.quick`).
    interrupted : bool
        Whether it shall end here, since Ctrl-C was pressed.
    track : Track, optional
        Of the part that is done.
    """
    began, track = time.perf_counter(), Track() if track is None else track
    run = front.run_of(problem, method, settings)
    times = options.save_times(settings["saveat"], problem.tspan, problem.batch)
    compiled = _kind_of_run(method)(run, times, settings["dense"], drive)
    bar = front._progress_bar(settings["progress"], run)
    try:
        if interrupted:
            raise KeyboardInterrupt
        compiled.go(track, bar)
    except KeyboardInterrupt:
        compiled.stop()
        stopped = (
            f"interrupted at t = {np.min(run.now):.6g}; the part up to there is kept in .solution"
        )
        solution = front._finish(run, compiled, track, began, stopped, settings, problem)
        raise SolveInterrupted(solution) from None
    finally:
        bar(None)
    return front._finish(run, compiled, track, began, "", settings, problem)


def _kind_of_run(method):
    if not isinstance(method, AutoSwitch):
        return CompiledRun
    from sciml_lab.backends.numba.switching import SwitchingRun

    return SwitchingRun


class CompiledRun:
    """All trajectories of a run (one, unless it is a batch), solved one after the other.

    Parameters
    ----------
    run : Run
        What `attempts` would get; it learns how the solve went.
    times : list or None
        Output times; None for every accepted step.
    keep : bool
        Whether the steps are kept with their stages, for dense output.
    drive : Drive, optional
        That has begun already.
    """

    def __init__(self, run, times, keep, drive=None):
        self.run, self.times, self.keep = run, times, keep
        self.outcomes, self.drive, self.begun = [], drive, drive is not None
        if drive is not None:
            self.f = drive.f
            return
        real(run.u0, run.p)
        one, own = self.lane(run.u0, 0), self.lane(run.p, 0)
        self.f = right_hand_side(run.f.f, one, own, float(run.tspan[0]), check=self._check)
        if run.method.implicit:
            begin(run)
        else:
            with np.errstate(all="ignore"):
                run.method.begin(run)  # whose checks may have something to say
        kept = times is None or keep, keep
        self.drive = take_drive(self.f, run.method, one, own, *kept, mass_of(run), run.f)
        self.drive.configure(run)
        self.drive.outputs(np.array([] if times is None else times, dtype=float))

    def lane(self, x, j):
        """The part of u0 or p that belongs to one trajectory."""
        return lane(self.run, x, j)

    def _check(self):
        """The checks of f's first call, as the readable loop makes them."""
        run = self.run
        lanes = np.shape(run.u0)[-1] if run.lanes else 1
        t = np.full(lanes, float(run.tspan[0])) if run.lanes else float(run.tspan[0])
        with np.errstate(all="ignore"):
            k = run.f.first(run.u0, run.p, t)
            if lanes > 1:
                run.f.check_lanes(run.u0, run.p, t, k)
        run.f.count = 0

    def go(self, track, bar):
        """Solve; a failure leaves its traces in `run` and in the track."""
        run, drive = self.run, self.drive
        lanes = np.shape(run.u0)[-1] if run.lanes else 1
        start, span = float(run.tspan[0]), float(run.tspan[1]) - float(run.tspan[0])
        for j in range(lanes):
            if j > 0 or not self.begun:
                drive.start(np.ravel(self.lane(run.u0, j)), _maybe_flat(self.lane(run.p, j)))
            while not drive.done:
                drive.go(track)
                bar(SimpleNamespace(t_new=start + (j * span + drive.now - start) / lanes))
            if drive.status in at.EXPLAINED and not run.trouble:
                note_failure(run, drive, self.lane(run.p, j))
                drive.retrace(track)
            self.outcomes.append(drive.finish())
        give_back(drive)
        self.report()

    def report(self):
        """Tell the run how many steps were taken and how far it came."""
        run, done = self.run, self.outcomes
        run.f.count += sum(one.nf for one in done)
        if run.method.implicit:
            linear, run.f.nnewton = run.f.linear, done[0].nnewton
            linear.njac, linear.nlu, linear.choice = (
                done[0].njac, done[0].nlu, choice(linear, self.drive.choice)
            )  # fmt: skip
        if not run.lanes:
            one = done[0]
            run.naccept, run.nreject, run.now = one.naccept, one.nreject, one.now
            run.failed = one.status != at.DONE
            return
        run.naccept, run.nreject, run.now = (
            np.array([getattr(one, name) for one in done]) for name in ("naccept", "nreject", "now")
        )
        run.failed = np.array([one.status != at.DONE for one in done])

    def __getstate__(self):
        return {
            **vars(self),
            "drive": None,
            "f": None,
        }  # machine code stays here when a solution is sent

    def stop(self):
        """Keep what there is of a solve that was interrupted."""
        if not self.drive.done:
            self.outcomes.append(self.drive.finish())
        missing = (np.shape(self.run.u0)[-1] if self.run.lanes else 1) - len(self.outcomes)
        for j in range(len(self.outcomes), len(self.outcomes) + missing):
            self.drive.start(np.ravel(self.lane(self.run.u0, j)), None)
            self.drive.numbers[at.NOW] = float(self.run.tspan[0])
            self.outcomes.append(self.drive.finish())
        self.report()

    def output(self):
        """Times and states, as a recorder gives them."""
        run, shape = self.run, np.shape(self.run.u0)
        if run.lanes:
            u = np.stack([one.out for one in self.outcomes], axis=-1)
            return np.array(self.times, dtype=float), u.reshape(len(u), *shape)
        one = self.outcomes[0]
        if self.times is None:
            t, u = np.append(one.steps[0], one.now), one.steps[2]
        else:
            t, u = np.array(self.times[: one.reached], dtype=float), one.out[: one.reached]
        return t, u.reshape(len(u), *shape)

    def dense(self):
        """The solution as a function of time."""
        return CompiledDense(self.run, self.outcomes, self.f)


def note_failure(run, drive, p):
    """Tell the run why its kernel gave up, and where."""
    run.trouble = at.EXPLAINED[drive.status]
    if drive.status == at.NEWTON:
        run.last_trouble = drive.trouble()
    u, h = drive.u.reshape(drive.shape).copy(), float(drive.numbers[at.H])
    run.last = {"lane": None, "u": u, "t": drive.now, "h": h, "p": p}


def real(u0, p):
    """Refuse complex numbers."""
    if any(x is not None and np.asarray(x).dtype.kind == "c" for x in (u0, p)):
        raise TypeError(
            "backend='numba' computes with real numbers, and u0 or p is complex: take "
            "backend='numpy'."
        )


def _maybe_flat(p):
    return None if p is None else np.ravel(p)


def take_drive(f, method, u0, p, keep_steps, keep_stages, mass=None, side=None) -> Drive:
    """Memory for solves of this kind: some that is free, or new one."""
    band, given = None, getattr(getattr(side, "linear", None), "sparsity", None)
    if method.implicit:
        band = band_of(f, method, u0, p, mass, given)
    key = (method, keep_steps, keep_stages, mass is not None, band is not None)
    lasting = band is None or (mass is None and given is None)
    free = f.drives.setdefault(key, []) if lasting else []
    if free:
        return free.pop()  # in one go, so that two threads never get the same
    m = 1 if p is None else np.size(p)
    kept = (np.shape(u0), m, keep_steps, keep_stages)
    own = family(method)
    if own is not None:
        drive = own.drive(f, method, u0, p, side, kept)
    elif method.implicit:
        code = kernel(method, mass=mass is not None)
        drive = ImplicitDrive(code, method, linearised(f, u0, p, band), *kept, band=band)
    else:
        drive = Drive(kernel(method), method, f, *kept)
    drive.free = free
    return drive


def give_back(drive):
    """Let the next solve have the memory."""
    if is_small(drive) and len(drive.free) < 4:
        drive.free.append(drive)


def is_small(drive):
    """Whether the memory is little enough to be kept."""
    return drive.store.size <= 2**20 and drive.matrices.size <= 2**17
