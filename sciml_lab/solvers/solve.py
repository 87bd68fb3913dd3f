"""`solve` and `steps`: the one place where problem, method, controller and sensitivity meet."""

import sys
import time

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import is_traced, needs_reverse, primal
from sciml_lab.solvers import hybrid, options
from sciml_lab.solvers.autoswitch import AutoSwitch
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.choose import checked, need_derivatives
from sciml_lab.solvers.dense import Recorder
from sciml_lab.solvers.diagnose import diagnose
from sciml_lab.solvers.events import Callback
from sciml_lab.solvers.solution import Solution, SolveError, SolveInterrupted, Stats, failed
from sciml_lab.solvers.stepping import Run, attempts

QUICK = "sciml_lab.backends.numba.quick"  # imported by the first compiled solve


def solve(
    problem,
    method=None,
    *,
    rtol=1e-6,
    atol=1e-9,
    dt=None,
    adaptive=None,
    saveat=None,
    dense=True,
    callbacks=(),
    controller=None,
    max_steps=1_000_000,
    backend="numpy",
    sensitivity=None,
    progress=False,
    seed=None,
    on_failure="return",
) -> Solution:
    """Solve an initial-value problem ``u' = f(u, p, t)``.

    Parameters
    ----------
    problem : ODEProblem
        What to solve.
    method : ExplicitRK, optional
        How. Without one: Tsit5, or Vern7 and Vern9 for tolerances below 1e-8 and 1e-11, which hand
        over to Rodas5P where the equation turns out to be stiff (see `AutoSwitch`; with
        derivatives, batches and "numba" they don't). `sol.method` and the message say what was
        used.
    rtol, atol : float or array
        Accept a step when its estimated error is below ``atol + rtol*|u|`` in root mean square.
    dt : float, optional
        Step size of a fixed-step method; for an adaptive one the first step.
    adaptive : bool, optional
        False switches error control off (then `dt` is required).
    saveat : array or float, optional
        Output times, or their spacing. Without it every accepted step is saved (in a batch: the
        start and the end).
    dense : bool
        Keep the steps, so that ``sol(t)`` works; costs memory of the order of the steps.
    callbacks : Event, callable or list
        Events (see `solvers/events.py`: `Event`, `Discrete`, `Preset`, `Periodic`, `Project`,
        `Positive`, `Saving`, `SteadyState`, `StepLimit`), and functions, which are called with
        every accepted `StepRecord`; one that returns True ends the solve.
    controller : PIController, optional
        Step-size control, by default the method's own; any object with the same two methods.
    max_steps : int
        Give up after this many attempts.
    backend : {"numpy", "numba"}
        What carries out the arithmetic. "numba" compiles f and runs the same method as machine
        code: explicit Runge-Kutta and Rosenbrock methods. Where a solve can't be compiled (other
        families, callbacks, traced values, a controller of your own) the loop runs in Python with
        a compiled f, if f compiles, and the message says why. For the compiled methods an f that
        can't be compiled raises `TransformError`.
    sensitivity : DiscreteAdjoint or ForwardSensitivity or ThroughSolver, optional
        How derivatives are taken. With taped values and none given: `DiscreteAdjoint`.
    progress : bool
        Show a progress bar.
    seed : int or numpy.random.Generator, optional
        Unused by ordinary differential equations; accepted so that every problem type has it.
    on_failure : {"return", "raise"}
        Return the partial solution with ``success=False``, or raise `SolveError` carrying it.

    Returns
    -------
    Solution

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.
    SolveError
        If the solve fails and ``on_failure="raise"``, or while a derivative is being taken.
    SolveInterrupted
        On Ctrl-C or the notebook's stop button; it carries the part already computed.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: p[0] * u, [1.0], (0.0, 1.0), [1.0])
    >>> sol = sl.solve(prob, sl.DOP853(), rtol=1e-10, atol=1e-12)
    >>> bool(abs(sol.u[-1, 0] - np.e) < 1e-9)
    True
    """
    if backend == "numba" and QUICK in sys.modules:
        plain = type(callbacks) is tuple and not callbacks and progress is False
        plain = plain and on_failure == "return"
        if plain and dt is adaptive is controller is sensitivity is seed is None:
            quick_solve = sys.modules[QUICK].quick_solve
            solution = quick_solve(problem, method, rtol, atol, saveat, dense, max_steps)
            if solution is not None:
                return solution
    free = method is None and sensitivity is None and adaptive in (None, True)
    free = free and not is_traced(saveat) and (backend == "numpy" or not callbacks)
    method = checked(problem, method, rtol, backend, free)
    options.one_of("on_failure", on_failure, ("return", "raise"))
    options.seed_value(seed)
    settings = {
        "rtol": rtol,
        "atol": atol,
        "dt": dt,
        "adaptive": adaptive,
        "saveat": saveat,
        "dense": options.flag("dense", dense),
        "callbacks": options.callback_list(callbacks),
        "controller": controller,
        "max_steps": max_steps,
        "progress": options.flag("progress", progress),
        "backend": backend,
    }
    if any(isinstance(c, Callback) for c in settings["callbacks"]):
        hybrid.check(problem)
    if sensitivity is not None or is_traced(saveat):
        need_derivatives(method)
    if sensitivity is None:
        solution = _default(problem, saveat)(problem, method, settings)
    elif hasattr(sensitivity, "solve") and not isinstance(sensitivity, type):
        solution = sensitivity.solve(solve_plain, problem, method, settings)
    else:
        raise TypeError(
            "sensitivity must be a sensitivity method such as DiscreteAdjoint(), with "
            f"parentheses (got {sensitivity!r})."
        )
    if free and isinstance(method, AutoSwitch) and not solution.switches:
        solution.method = method.nonstiff  # all that was used
    if not solution.success and is_traced(solution.u):
        raise failed(solution)
    if on_failure == "raise" and not solution.success:
        raise SolveError(solution)
    return solution


def _default(problem, saveat):
    """Outermost a tape: one primitive with a discrete adjoint. Anything else: straight through."""
    parts = (problem.u0, problem.p, *problem.tspan, saveat)
    if not any(needs_reverse(x) for x in parts if x is not None):
        return solve_plain
    from sciml_lab.sensitivity import DiscreteAdjoint

    return lambda *arguments: DiscreteAdjoint().solve(solve_plain, *arguments)


def steps(
    problem,
    method=None,
    *,
    rtol=1e-6,
    atol=1e-9,
    dt=None,
    adaptive=None,
    controller=None,
    max_steps=1_000_000,
):
    """Iterate over the attempted steps of a solve, accepted and rejected ones.

    The arguments are those of `solve`. Nothing is computed before it is asked for, and the loop
    may be left at any time.

    Yields
    ------
    StepRecord
        With ``t, h, u, u_new, stages, stage_points, error, error_norm, accepted, h_next, reason``.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    >>> [record.accepted for record in sl.steps(prob, sl.RK4(), dt=0.5)]
    [True, True]
    """
    method = checked(problem, method, rtol, "numpy")
    run = _prepare(problem, method, rtol, atol, dt, adaptive, controller, max_steps)
    return _quietly(attempts(run))


def _quietly(records):
    """Pass the records on; NumPy's warnings are off while one is computed, not in between."""
    while True:
        with np.errstate(all="ignore"):
            record = next(records, None)
        if record is None:
            return
        yield record


def _prepare(problem, method, rtol, atol, dt, adaptive, controller, max_steps) -> Run:
    """Check the numbers and put a run together."""
    shape = np.shape(primal(problem.u0))
    rtol, atol = options.tolerances(rtol, atol, shape)
    span = float(primal(problem.tspan[1])) - float(primal(problem.tspan[0]))
    dt, adaptive = options.step_choice(method, dt, adaptive, span)
    controller = method.controller if controller is None else controller
    if isinstance(controller, type) or not hasattr(controller, "decide"):
        raise TypeError(
            f"controller must be a controller object such as PIController() (got {controller!r})."
        )
    return Run(
        f=method.side(problem, shape), u0=problem.u0, p=problem.p, tspan=problem.tspan,
        method=method, rtol=rtol, atol=atol, dt=dt, adaptive=adaptive, controller=controller,
        max_steps=options.step_limit(max_steps), lanes=problem.batch,
    )  # fmt: skip


def run_of(problem, method, settings) -> Run:
    """Put a run together from the options of `solve`."""
    names = ("rtol", "atol", "dt", "adaptive", "controller", "max_steps")
    return _prepare(problem, method, *(settings[name] for name in names))


def solve_plain(problem, method, settings) -> Solution:
    """Run the loop, record what is asked for, and explain a failure.

    Straight through: whatever the state holds (numbers, duals, taped values) flows through every
    operation. The sensitivity methods call this too, with values of their own choice.
    """
    if settings.get("backend") == "numba":
        need("numba", extra="accel", what="backend='numba'")
        from sciml_lab.backends.numba.quick import compiled_or_why_not

        solution, reason = compiled_or_why_not(problem, method, settings)
        return solution or _with_compiled_f(problem, method, settings, reason)
    began = time.perf_counter()
    run = run_of(problem, method, settings)
    times = options.save_times(settings["saveat"], problem.tspan, problem.batch)
    events = [c for c in settings["callbacks"] if isinstance(c, Callback)]
    if events:
        chain = settings.get("chain", hybrid.Chain)
        recorder = chain(run, problem, events, times, settings["dense"])
        records = recorder.pieces()
    else:
        recorder = Recorder(times, run, settings["dense"])
        records = recorder.follow(attempts(run))
    track = Track()
    stopped = ""
    bar = _progress_bar(settings["progress"], run)
    watchers = [c for c in settings["callbacks"] if not isinstance(c, Callback)]
    watchers = [bar, *watchers] if settings["progress"] else watchers
    outside = np.geterr()
    try:
        with np.errstate(all="ignore"):
            for record in records:
                track.add(record.t_new, record.u_new)
                if watchers and _asks_to_stop(watchers, record, outside):
                    now = float(np.min(primal(record.t_new)))
                    stopped = f"stopped by a callback at t = {now:.6g}"
                    break
    except KeyboardInterrupt:
        where = f"t = {float(np.min(run.now)):.6g}"
        stopped = f"interrupted at {where}; the part up to there is kept in .solution"
        solution = _finish(run, recorder, track, began, stopped, settings, problem)
        raise SolveInterrupted(solution) from None
    finally:
        bar(None)
    stopped = stopped or getattr(recorder, "stopped", "")
    return _finish(run, recorder, track, began, stopped, settings, problem)


def _with_compiled_f(problem, method, settings, reason):
    """Run the loop in Python, and f as machine code if that can be."""
    from sciml_lab.backends.numba.compiled_f import compiled

    quick = compiled(problem, settings["callbacks"])
    settings = {**settings, "backend": "numpy"}
    solution = solve_plain(problem if quick is None else quick, method, settings)
    solution.problem = problem
    solution.message += "" if quick is None else ", with f compiled"
    solution.message += f" (the loop ran in Python: {reason})"
    return solution


def _asks_to_stop(watchers, record, outside):
    """Show every watcher the record, with the user's own setting of NumPy's warnings."""
    with np.errstate(**outside):
        return any([watch(record) is True for watch in watchers])


def _finish(run, recorder, track, began, stopped, settings, problem):
    """Put the solution together."""
    t, u = recorder.output()
    diagnosis, stats = None, _stats(run, began)
    if run.trouble:
        diagnosis = run.last.get("diagnosis") or _examine(run, track)
        message = str(diagnosis)
    elif stopped:
        message = stopped
    else:
        message = (
            f"reached t = {float(primal(run.tspan[1])):.6g} in {stats.naccept} accepted "
            f"and {stats.nreject} rejected steps"
        )
    if run.switches:
        message += "; stiff: " + ", ".join(str(switch) for switch in run.switches)
    solution = Solution(
        t=t, u=u, success=not run.trouble and not stopped.startswith("interrupted"),
        message=message, diagnosis=diagnosis, stats=stats, method=run.method, problem=problem,
        dense=recorder.dense() if settings["dense"] else None,
    )  # fmt: skip
    solution.record = recorder  # for a reverse sweep
    solution.events, solution.switches = getattr(recorder, "happened", []), run.switches
    return solution


def _stats(run, began):
    """The cost counter."""
    naccept, nreject = int(np.sum(run.naccept)), int(np.sum(run.nreject))
    stats = Stats(
        nf=run.f.count, nsteps=naccept + nreject, naccept=naccept, nreject=nreject,
        nnewton=getattr(run.f, "nnewton", 0), parts=getattr(run.f, "parts", {}),
        seconds=time.perf_counter() - began,
    )  # fmt: skip
    linear = getattr(run.f, "linear", None)
    if linear is not None:
        stats.njac, stats.nlu, stats.nkrylov = linear.njac, linear.nlu, linear.nkrylov
        stats.linear = str(linear.choice or "")
    if run.lanes:
        stats.lanes = {
            "naccept": run.naccept,
            "nreject": run.nreject,
            "success": ~np.asarray(run.failed),
            "t": np.broadcast_to(run.now, np.shape(run.failed)),
        }
    return stats


def _examine(run, track):
    """Hand the failed trajectory to the doctor as plain numbers."""
    lane, points = run.last["lane"], track.points()
    linear = getattr(run.f, "linear", None)

    def pick(x):
        x = primal(x)
        return x if lane is None or np.ndim(x) == 0 else x[..., lane]

    p = primal(run.p)
    p = pick(p) if lane is not None and np.ndim(p) == 2 else run.last.get("p", p)

    def f(u, p, t):
        return np.asarray(primal(run.f.f(u, p, t)))

    return diagnose(
        run.trouble, f=f, u=pick(run.last["u"]), p=p, t=float(pick(run.last["t"])),
        h=float(pick(run.last["h"])), method=run.method,
        times=[float(pick(t)) for t, _ in points], states=[pick(u) for _, u in points],
        rtol=run.rtol, atol=run.atol, tspan=tuple(float(primal(s)) for s in run.tspan),
        note=run.last_trouble, jac=getattr(getattr(linear, "jacobian", None), "jac", None),
    )  # fmt: skip


def _progress_bar(wanted, run):
    """A function to call after each step: moves a bar, or does nothing."""
    if not wanted:
        return lambda record: None
    start, end = (float(primal(s)) for s in run.tspan)
    bar = need("tqdm.auto", extra="lab", what="progress=True").tqdm(
        total=100, desc=f"{run.method.name}", unit="%", bar_format="{desc} {bar} {percentage:3.0f}%"
    )

    def show(record):
        if record is None:
            bar.close()
            return
        now = float(np.min(primal(record.t_new)))
        bar.update(max(0.0, 100 * (now - start) / (end - start) - bar.n))

    return show
