"""The short way to a compiled solve that is like one before.

A solve of a small system takes some microseconds, and the careful checks of `solve` take a
hundred. So what they come to is kept: a solve with the same f, shapes, time interval, method and
options finds its memory with everything set, puts its u0 and p in, and runs. Where anything is
unusual, `quick_solve` returns None; then the careful way is taken, with its sentences.
"""

import time

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import PATIENCE
from sciml_lab.backends.numba.functions import known
from sciml_lab.backends.numba.implicit import NoJacobian, no_kernel
from sciml_lab.backends.numba.late import LateSolution
from sciml_lab.backends.numba.solve import (
    give_back,
    is_small,
    reason_for_python,
    solve_compiled,
    take_drive,
)
from sciml_lab.backends.numba.switching import begun_by_explicit
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers import options
from sciml_lab.solvers.autoswitch import AutoSwitch
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.choose import choose_method
from sciml_lab.solvers.method import Method
from sciml_lab.solvers.rosenbrock import Rodas5P, Rosenbrock
from sciml_lab.solvers.stepping import EPS, Run

FLOAT = np.dtype(float)
MOST = 32  # solves that are kept ready
MOST_TIMES = 10_000  # output times that are compared with those of an earlier solve
MOST_NUMBERS = 2**15  # for outputs, in the memory of a solve that is kept ready

_ready = {}  # key: Ready; the one used last stands at the end


def quick_solve(problem, method, rtol, atol, saveat, dense, max_steps):
    """Solve, or return None if anything is unusual.

    Parameters
    ----------
    problem, method, rtol, atol, saveat, dense, max_steps
        As in `sciml_lab.solve`.
    """
    began = time.perf_counter()
    if type(problem) is not ODEProblem or problem.batch:
        return None
    if problem.mass_matrix is not None or problem.jac is not None or problem.sparsity is not None:
        return None
    u0, p = problem.u0, problem.p
    plain = (
        type(u0) is np.ndarray and u0.dtype is FLOAT
        and (p is None or (type(p) is np.ndarray and p.dtype is FLOAT))
        and (dense is True or dense is False) and type(max_steps) is int
    )  # fmt: skip
    if not plain:
        return None
    key = (
        problem.f, u0.shape, None if p is None else p.shape, problem.tspan, method, rtol, atol,
        saveat if saveat is None else _by_value(saveat), dense, max_steps,
    )  # fmt: skip
    try:
        ready = _ready.pop(key, None)  # nobody else gets it meanwhile
    except TypeError:  # an array of tolerances, say, or what carries derivatives
        return None
    if ready is None or not ready.f.outside.is_current():
        ready = _make_ready(problem, method, rtol, atol, saveat, dense, max_steps)
        if ready is None:
            return None
    solution = ready.solve(problem, began)
    if ready.own:
        _keep(key, ready)
    return solution


def _by_value(saveat):
    """Output times as part of a key: equal if, and only if, the times are."""
    kind = type(saveat)
    if kind is list or kind is tuple:
        return tuple(saveat) if len(saveat) <= MOST_TIMES else saveat
    if kind is np.ndarray and saveat.dtype is FLOAT and saveat.ndim == 1:
        return saveat.tobytes() if saveat.size <= MOST_TIMES else saveat
    return saveat  # a spacing; or an array, which is no key


def _keep(key, ready):
    """Keep a solve ready for the next one, and let go of the one not used for the longest."""
    if ready.is_small():
        _ready[key] = ready
        if len(_ready) <= MOST:
            return
        oldest, *_ = _ready
        ready = _ready.pop(oldest, None)
    if ready is not None:
        give_back(ready.drive)


def _make_ready(problem, method, rtol, atol, saveat, dense, max_steps):
    """Set everything about a solve, or return None if something is unusual."""
    (start, end), switches = problem.tspan, method is None
    method = choose_method(rtol) if switches else method
    plain = (
        isinstance(method, Method) and not no_kernel(problem, method) and method.adaptive
        and type(start) is type(end) is float
        and isinstance(rtol, float) and EPS <= rtol < 1.0
        and isinstance(atol, float) and 0.0 < atol < 1.0 and max_steps > 0
    )  # fmt: skip
    f = known(problem.f, problem.u0, problem.p) if plain else None
    if f is None:
        return None
    times = options.save_times(saveat, problem.tspan, False)
    run = Run(
        f=None, u0=problem.u0, p=problem.p, tspan=problem.tspan, method=method, rtol=rtol,
        atol=atol, dt=None, adaptive=True, controller=method.controller, max_steps=max_steps,
        lanes=False,
    )  # fmt: skip
    kept = dense or times is None, dense
    try:
        if switches:
            drive = begun_by_explicit(f, run, *kept)
        else:
            drive = take_drive(f, method, problem.u0, problem.p, *kept)
    except NoJacobian:
        return None
    drive.configure(run)
    drive.outputs(np.array([] if times is None else times, dtype=float))
    settings = {
        "rtol": rtol, "atol": atol, "saveat": times, "dense": dense, "max_steps": max_steps,
        "dt": None, "adaptive": None, "controller": None, "progress": False,
    }  # fmt: skip
    return Ready(f, method, drive, times, settings, switches)


def no_kernels(problem, method):
    """Why a method, or one of two, can't solve a problem in a kernel; empty if it can."""
    if not isinstance(method, AutoSwitch):
        return no_kernel(problem, method)
    if not isinstance(method.stiff, Rosenbrock):
        return f"{method.stiff.name} has no compiled kernel that hands over"
    return no_kernel(problem, method.stiff)


def compiled_or_why_not(problem, method, settings):
    """The compiled solve of any problem and options; or None, and why the loop runs in Python."""
    smooth = {**settings, "callbacks": []}
    reason = no_kernels(problem, method) or reason_for_python(problem, smooth)
    if reason:
        return None, reason
    try:
        if settings["callbacks"]:
            from sciml_lab.backends.numba.events import solve_with_events

            return solve_with_events(problem, method, settings)
        return solve_compiled(problem, method, settings), ""
    except NoJacobian as failure:
        return None, str(failure)


class Ready:
    """A solve with everything set but the state and the parameters.

    Parameters
    ----------
    f : Function
    method : ExplicitRK or Rosenbrock
    drive : Drive
    times : list or None
        Output times; None for every accepted step.
    settings : dict
        The options of `solve`.
    switches : bool
        Whether an implicit method takes over where the equation is stiff.
    """

    def __init__(self, f, method, drive, times, settings, switches=False):
        self.f, self.method, self.drive, self.settings = f, method, drive, settings
        self.switches = switches
        self.times = None if times is None else np.array(times, dtype=float)
        self.own = True  # False once the memory has gone elsewhere

    def is_small(self):
        """Whether it may wait for its next solve."""
        return is_small(self.drive) and self.drive.room.size <= MOST_NUMBERS

    def solve(self, problem, began):
        """Solve for the state and the parameters of this problem."""
        drive, p = self.drive, problem.p
        drive.start(problem.u0.reshape(-1), None if p is None else p.reshape(-1))
        track = None
        try:
            drive.go(track)
            while drive.goes_on and time.perf_counter() - began < PATIENCE:
                track = Track() if track is None else track
                drive.go(track)
            if drive.status != at.DONE:
                return self._carefully(problem, track)
        except KeyboardInterrupt:
            return self._carefully(problem, track, interrupted=True)
        return LateSolution(problem, self.method, drive, self.times, began)

    def _carefully(self, problem, track, interrupted=False):
        """Go on with a solve that takes long, has failed, or shall end here."""
        self.own = False
        method = AutoSwitch(self.method, Rodas5P()) if self.switches else self.method
        return solve_compiled(problem, method, self.settings, self.drive, interrupted, track)
