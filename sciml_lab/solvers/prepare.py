"""`prepare`: settle everything about a solve once, then solve for many states and parameters."""

from sciml_lab._optional import need
from sciml_lab.solvers import options
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.choose import checked


def prepare(
    problem,
    method=None,
    *,
    rtol=1e-6,
    atol=1e-9,
    dt=None,
    adaptive=None,
    saveat=None,
    controller=None,
    max_steps=1_000_000,
    backend="numpy",
):
    """Return a function ``solver(u0=None, p=None)`` that solves the problem again and again.

    Everything that `sciml_lab.solve` checks and sets at each call is done once here, and a call
    returns the numbers only. With ``backend="numba"`` it costs about two microseconds besides the
    solve itself; a `sciml_lab.solve` that is like one before costs about five.

    Parameters
    ----------
    problem : ODEProblem
        Its u0 and p are those of a call without arguments, and fix their shapes.
    method : ExplicitRK, optional
        As in `solve`.
    rtol, atol, dt, adaptive, controller, max_steps, backend
        As in `solve`.
    saveat : array or float, optional
        Output times, or their spacing; without it both ends of the time interval.

    Returns
    -------
    callable
        ``solver(u0=None, p=None)`` takes arrays and returns a solution with ``t, u, success,
        message, stats``. The solver keeps memory between calls: every thread needs its own.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> problem = sl.ODEProblem(lambda u, p, t: -p * u, [1.0], (0.0, 1.0), [1.0])
    >>> solver = sl.prepare(problem, sl.Tsit5(), rtol=1e-8)
    >>> [round(float(solver(p=np.array([rate])).u[-1, 0]), 4) for rate in (1.0, 2.0)]
    [0.3679, 0.1353]
    """
    method = checked(problem, method, rtol, backend)
    if saveat is None:
        saveat = [float(s) for s in problem.tspan]
    settings = {
        "rtol": rtol, "atol": atol, "dt": dt, "adaptive": adaptive, "saveat": saveat,
        "dense": False, "callbacks": (), "controller": controller, "max_steps": max_steps,
        "progress": False, "backend": backend,
    }  # fmt: skip
    if backend == "numba":
        need("numba", extra="accel", what="backend='numba'")
        from sciml_lab.backends.numba.prepared import Prepared

        return Prepared(problem, method, settings)
    front.run_of(problem, method, settings)
    options.save_times(saveat, problem.tspan, problem.batch)

    def solver(u0=None, p=None):
        changes = {name: x for name, x in (("u0", u0), ("p", p)) if x is not None}
        own = problem.replace(**changes) if changes else problem
        return front.solve_plain(own, method, settings)

    return solver
