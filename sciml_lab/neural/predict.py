"""The solution at the data's times, by steps of fixed size: the forward half of every loss."""

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.problems import ODEProblem
from sciml_lab.sensitivity import DiscreteAdjoint
from sciml_lab.solvers.explicit import RK4, Tsit5
from sciml_lab.solvers.solve import solve


def predict(f, p, u0, t, **options):
    """Solve ``u' = f(u, p, t)`` and return the states at the times t.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``, for example an `nn.MLP`.
    p : array
        Parameters; may be traced.
    u0 : array, shape (n,) or (n, B)
        State at ``t[0]``, or the states of B trajectories that share the times; may be traced.
    t : array, shape (T,)
        Increasing times.
    **options
        Of `settings`: method, substeps, rtol, atol, shared_steps, backend.

    Returns
    -------
    array, shape (T, n) or (T, n, B)
        With the derivative of a discrete adjoint if p or u0 is traced.

    Raises
    ------
    ValueError
        If t does not increase.
    SolveError
        If the trajectory blows up.

    Notes
    -----
    Fixed steps by default, because while training only the same work for every p makes the loss a
    smooth function of p, and because B trajectories then cost hardly more than one. With error
    control each of B trajectories takes steps of its own, or all the same (`shared_steps`).

    Examples
    --------
    >>> u = predict(lambda u, p, t: -p[0] * u, np.array([2.0]), [1.0], np.linspace(0, 1, 5))
    >>> bool(abs(u[-1, 0] - np.exp(-2)) < 1e-5)
    True
    """
    t = np.asarray(t, dtype=float)
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) > 0):
        raise ValueError("t must be a list of at least two increasing times.")
    how = settings(t, **options)
    batch = how.pop("batch") and np.ndim(primal(u0)) == 2
    problem = ODEProblem(f, u0, (t[0], t[-1]), p, batch=batch)
    sol = solve(
        problem, saveat=t, dense=False, sensitivity=DiscreteAdjoint(), on_failure="raise", **how
    )
    return sol.u


def settings(
    t, *, method=None, substeps=4, rtol=None, atol=None, shared_steps=False, backend="numpy"
) -> dict:
    """Options of `solve` for a prediction at the times t, and whether B states are a batch.

    Parameters
    ----------
    t : array, shape (T,)
        Increasing times.
    method : ExplicitRK, optional
        By default RK4, or Tsit5 with error control.
    substeps : int
        Steps for the smallest gap between two times.
    rtol, atol : float, optional
        Control the error instead of taking fixed steps: as in `solve`.
    shared_steps : bool
        With error control of B trajectories: one step size for all, from their mean error. Quicker
        where all of them are alike; an error of a single one may be larger.
    backend : {"numpy", "numba"}
        What carries out the arithmetic.

    Examples
    --------
    >>> settings(np.linspace(0, 1, 5), substeps=2)["dt"]
    0.125
    """
    if not (isinstance(substeps, int | np.integer) and substeps >= 1):
        raise ValueError(f"substeps must be a whole number from 1 up (got {substeps!r}).")
    controlled = rtol is not None or atol is not None
    default = Tsit5() if controlled else RK4()
    dt = None if controlled else float(np.min(np.diff(t))) / substeps
    return {
        "method": default if method is None else method, "adaptive": controlled, "dt": dt,
        "rtol": 1e-6 if rtol is None else rtol, "atol": 1e-9 if atol is None else atol,
        "backend": backend, "batch": controlled and not shared_steps,
    }  # fmt: skip


def check_data(t, data, batch=False):
    """Times and data as float arrays ``(T,)`` and ``(T, n)``, or a sentence.

    With `batch` the data may be that of B trajectories, ``(T, n, B)``.
    """
    t, data = np.asarray(t, dtype=float), np.asarray(data, dtype=float)
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) > 0):
        raise ValueError("t must be a list of at least two increasing times.")
    if data.ndim not in ((2, 3) if batch else (2,)) or len(data) != len(t):
        raise ValueError(
            f"data has shape {data.shape}, but t has {len(t)} times: give one row for each time, "
            f"shape (T, n){' or (T, n, B)' if batch else ''}."
        )
    if not np.all(np.isfinite(data)):
        raise ValueError("data holds a value that is not finite: leave such rows out.")
    return t, data
