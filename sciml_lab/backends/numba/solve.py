"""`solve(..., backend="numba")`: from a problem to a compiled run, and back to a `Solution`."""

import time
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from sciml_lab.ad import is_traced
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import Drive
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.backends.numba.kernels import kernel
from sciml_lab.solvers import options
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.control import PIDController
from sciml_lab.solvers.dense import DenseOutput, DenseStep
from sciml_lab.solvers.diagnose import Track
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


def solve_compiled(problem, method, settings):
    """`sciml_lab.solvers.solve.solve_plain` with a compiled loop.

    Parameters
    ----------
    problem : ODEProblem
        Of plain numbers.
    method : ExplicitRK
    settings : dict
        The options of `solve`.
    """
    began, track = time.perf_counter(), Track()
    run = front._prepare(problem, method, *(settings[name] for name in (
        "rtol", "atol", "dt", "adaptive", "controller", "max_steps")))  # fmt: skip
    times = options.save_times(settings["saveat"], problem.tspan, problem.batch)
    compiled = CompiledRun(run, times, settings["dense"])
    bar = front._progress_bar(settings["progress"], run)
    try:
        compiled.go(track, bar)
    except KeyboardInterrupt:
        compiled.report()
        stopped = (
            f"interrupted at t = {np.min(run.now):.6g}; the part up to there is kept in .solution"
        )
        solution = front._finish(run, compiled, track, began, stopped, settings, problem)
        raise SolveInterrupted(solution) from None
    finally:
        bar(None)
    return front._finish(run, compiled, track, began, "", settings, problem)


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
    """

    def __init__(self, run, times, keep):
        self.run, self.times, self.keep = run, times, keep
        self.drives = []
        u0, p = np.asarray(run.u0), run.p
        if u0.dtype.kind == "c" or (p is not None and np.asarray(p).dtype.kind == "c"):
            raise TypeError(
                "backend='numba' computes with real numbers, and u0 or p is complex: "
                "take backend='numpy'."
            )
        one, own = self._lane(u0, 0), self._lane(p, 0)
        self.f = right_hand_side(run.f.f, one, own, float(run.tspan[0]), check=self._check)
        self.kernel = kernel(run.method, one.size)

    def _lane(self, x, j):
        """The part of u0 or p that belongs to one trajectory."""
        if not self.run.lanes or x is None or (x is self.run.p and np.ndim(x) < 2):
            return x
        return x[..., j]

    def _check(self):
        """The checks of f's first call, as the readable loop makes them."""
        run = self.run
        lanes = np.shape(run.u0)[-1] if run.lanes else 1
        t = np.full(lanes, float(run.tspan[0])) if run.lanes else float(run.tspan[0])
        k = run.f.first(run.u0, run.p, t)
        if lanes > 1:
            run.f.check_lanes(run.u0, run.p, t, k)
        run.f.count = 0

    def go(self, track, bar):
        """Solve; a failure leaves its traces in `run` and in the track."""
        run, lanes = self.run, np.shape(self.run.u0)[-1] if self.run.lanes else 1
        times = np.array([] if self.times is None else self.times, dtype=float)
        for j in range(lanes):
            u0 = flat(self._lane(run.u0, j))
            p = flat(np.zeros(1) if run.p is None else self._lane(run.p, j))
            drive = Drive(
                self.kernel, run, self.f, u0, p, times, keep_steps=self.times is None or self.keep,
                keep_stages=self.keep,
            )  # fmt: skip
            self.drives.append(drive)
            while not drive.done:
                drive.go(track)
                bar(SimpleNamespace(t_new=drive.now))
            if drive.status in at.TROUBLE and not run.trouble:
                run.trouble = at.TROUBLE[drive.status]
                drive.retrace(track)
                run.last = {
                    "lane": j if run.lanes else None,
                    "u": drive.u, "t": drive.now, "h": float(drive.numbers[at.H]),
                }  # fmt: skip
        self.report()

    def report(self):
        """Tell the run how many steps were taken and how far it came."""
        run, drives = self.run, self.drives
        counts = np.array([d.integers[[at.NACCEPT, at.NREJECT, at.NF]] for d in drives])
        run.f.count += int(counts[:, 2].sum())
        run.naccept, run.nreject = counts[:, 0], counts[:, 1]
        run.now = np.array([d.now for d in drives])
        run.failed = np.array([d.status != at.DONE for d in drives])
        if not run.lanes:
            run.naccept, run.nreject = int(run.naccept[0]), int(run.nreject[0])
            run.now, run.failed = float(run.now[0]), bool(run.failed[0])

    def output(self):
        """Times and states, as a recorder gives them."""
        run, shape = self.run, np.shape(self.run.u0)
        if run.lanes:
            u = np.stack([d.out for d in self.drives], axis=-1)
            return np.array(self.times, dtype=float), u.reshape(len(u), *shape)
        drive = self.drives[0]
        if self.times is None:
            t, _, u, _ = self.steps[0]
            t = np.append(t, drive.now)
        else:
            reached = int(drive.integers[at.NEXT])
            t, u = np.array(self.times[:reached], dtype=float), drive.out[:reached]
        return t, u.reshape(len(u), *shape)

    @cached_property
    def steps(self):
        """The kept steps of every trajectory."""
        return [drive.steps() for drive in self.drives]

    def dense(self):
        """The solution as a function of time."""
        return CompiledDense(self)


def flat(x):
    """A flat array of float64."""
    return np.ascontiguousarray(x, dtype=float).reshape(-1)


class CompiledDense:
    """Dense output from the kept steps of a compiled run.

    Parameters
    ----------
    compiled : CompiledRun
        With its steps.
    """

    def __init__(self, compiled):
        self.compiled = compiled

    @cached_property
    def lanes(self):
        """A `DenseOutput` for each trajectory."""
        compiled, run = self.compiled, self.compiled.run
        found = []
        for j, (t, h, u, k) in enumerate(compiled.steps):
            u0, p = compiled._lane(np.asarray(run.u0), j), compiled._lane(run.p, j)
            u, k = u.reshape(len(u), *u0.shape), k.reshape(*k.shape[:2], *u0.shape)
            rows = zip(t.tolist(), h.tolist(), u[:-1], map(list, k), strict=True)
            steps = [DenseStep(*one) for one in rows]
            own = replace(run, u0=u0, p=p, lanes=False)
            found.append(DenseOutput(steps, own))
        return found

    def __call__(self, t):
        """State at time t, or at each of an array of times."""
        values = [one(t) for one in self.lanes]
        return np.stack(values, axis=-1) if self.compiled.run.lanes else values[0]
