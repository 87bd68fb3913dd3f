"""The short way to a compiled solve: no option that needs a second look, and few checks.

A solve of a small system takes some microseconds, and the careful checks of `solve` take a
hundred. `quick_solve` serves the plain case (floats, one trajectory, the standard controller) and
returns None where anything is unusual; then the careful way is taken, with its sentences.
"""

import time
from functools import cached_property

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.functions import known
from sciml_lab.backends.numba.solve import (
    CompiledDense,
    give_back,
    reason_for_python,
    solve_compiled,
    take_drive,
)
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.control import PIController
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab.solvers.solution import Solution, Stats
from sciml_lab.solvers.stepping import EPS, Run

NO_TIMES = np.empty(0)
STANDARD = PIController()


def quick_solve(problem, method, rtol, atol, saveat, dense, max_steps):
    """Solve, or return None if anything is unusual.

    Parameters
    ----------
    problem, method, rtol, atol, saveat, dense, max_steps
        As in `sciml_lab.solve`.
    """
    began = time.perf_counter()
    if not (isinstance(problem, ODEProblem) and isinstance(method, ExplicitRK)):
        return None
    (start, end), p = problem.tspan, problem.p
    plain = (
        type(rtol) is float and EPS <= rtol < 1.0 and type(atol) is float and 0.0 < atol < 1.0
        and method.adaptive and not problem.batch and type(dense) is bool
        and _is_plain(problem.u0) and (p is None or _is_plain(p))
        and type(max_steps) is int and max_steps > 0 and type(start) is type(end) is float
    )  # fmt: skip
    if not plain:
        return None
    times = NO_TIMES if saveat is None else _plain_times(saveat, start, end)
    f = known(problem.f, problem.u0, problem.p)
    if times is None or f is None or problem.mass_matrix is not None:
        return None
    keep_steps = dense or saveat is None
    drive = take_drive(f, method, problem.u0, problem.p, keep_steps, dense)
    _settle(drive, rtol, atol, start, end, max_steps)
    drive.outputs(times)
    drive.start(problem.u0.reshape(-1), None if problem.p is None else problem.p.reshape(-1))
    try:
        drive.go(None)
        if drive.status != at.DONE:
            return _carefully(problem, method, rtol, atol, saveat, dense, max_steps, drive)
    except KeyboardInterrupt:
        _carefully(problem, method, rtol, atol, saveat, dense, max_steps, drive, interrupted=True)
    one = drive.finish()
    give_back(drive)
    if saveat is None:
        times, u = np.concatenate((one.steps[0], (one.now,))), one.steps[2]
    else:
        times, u = times.copy(), one.out
    return _solution(problem, method, one, times, u, dense, began)


def compiled_or_why_not(problem, method, settings):
    """The compiled solve of any problem and options; or None, and why the loop runs in Python."""
    reason = reason_for_python(problem, settings)
    return (None, reason) if reason else (solve_compiled(problem, method, settings), "")


def _carefully(problem, method, rtol, atol, saveat, dense, max_steps, drive, interrupted=False):
    """Go on with a solve that takes long, has failed, or shall end here."""
    settings = {
        "rtol": rtol, "atol": atol, "saveat": saveat, "dense": dense, "max_steps": max_steps,
        "dt": None, "adaptive": None, "controller": None, "progress": False,
    }  # fmt: skip
    return solve_compiled(problem, method, settings, drive, interrupted)


def _settle(drive, rtol, atol, start, end, max_steps):
    """What `Drive.configure` does, for plain numbers."""
    if drive.settled != (rtol, atol, start, end, max_steps):
        run = Run(
            f=None, u0=None, p=None, tspan=(start, end), method=None, rtol=rtol, atol=atol,
            dt=None, adaptive=True, controller=STANDARD, max_steps=max_steps, lanes=False,
        )  # fmt: skip
        drive.configure(run)
        drive.settled = (rtol, atol, start, end, max_steps)


def _is_plain(x):
    return type(x) is np.ndarray and x.dtype.char == "d" and x.flags.c_contiguous


def _plain_times(saveat, start, end):
    """Output times as an array if they are in order and inside, else None."""
    if type(saveat) is list:
        saveat = np.array(saveat)
    if type(saveat) is not np.ndarray or saveat.ndim != 1 or saveat.dtype.char != "d":
        return None
    if saveat.size == 0 or not start <= saveat[0] <= saveat[-1] <= end:
        return None
    if saveat.size > 2 and not (saveat[1:] >= saveat[:-1]).all():
        return None
    return np.ascontiguousarray(saveat)


def _solution(problem, method, one, t, u, dense, began):
    steps = one.naccept + one.nreject
    stats = Stats(one.nf, steps, one.naccept, one.nreject)
    stats.seconds = time.perf_counter() - began
    return Solution(
        t=t, u=u.reshape(-1, *problem.u0.shape), success=True, message=reached(problem, one),
        diagnosis=None, stats=stats, method=method, problem=problem,
        dense=LateDense(problem, method, one) if dense else None,
    )  # fmt: skip


def reached(problem, one):
    """The message of a solve that went well."""
    return (
        f"reached t = {problem.tspan[1]:.6g} in {one.naccept} accepted and {one.nreject} "
        "rejected steps"
    )


class LateDense:
    """Dense output that is put together when it is first asked for.

    Parameters
    ----------
    problem : ODEProblem
    method : ExplicitRK
    outcome : Outcome
        With its steps.
    """

    def __init__(self, problem, method, outcome):
        self._parts = problem, method, outcome

    @cached_property
    def _dense(self):
        problem, method, outcome = self._parts
        run = front._prepare(problem, method, 1e-6, 1e-9, None, None, None, 1)
        return CompiledDense(run, [outcome])

    def __call__(self, t):
        """State at time t, or at each of an array of times."""
        return self._dense(t)
