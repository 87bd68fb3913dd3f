"""The solution at the data's times, by steps of fixed size: the forward half of every loss."""

import numpy as np

from sciml_lab.problems import ODEProblem
from sciml_lab.sensitivity import DiscreteAdjoint
from sciml_lab.solvers.explicit import RK4
from sciml_lab.solvers.solve import solve


def predict(f, p, u0, t, *, method=None, substeps=4):
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
    method : ExplicitRK, optional
        By default RK4.
    substeps : int
        Steps for the smallest gap between two times.

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
    Fixed steps, because while training only the same work for every p makes the loss a smooth
    function of p, and because B trajectories then cost hardly more than one.

    Examples
    --------
    >>> u = predict(lambda u, p, t: -p[0] * u, np.array([2.0]), [1.0], np.linspace(0, 1, 5))
    >>> bool(abs(u[-1, 0] - np.exp(-2)) < 1e-5)
    True
    """
    t = np.asarray(t, dtype=float)
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) > 0):
        raise ValueError("t must be a list of at least two increasing times.")
    if not (isinstance(substeps, int | np.integer) and substeps >= 1):
        raise ValueError(f"substeps must be a whole number from 1 up (got {substeps!r}).")
    problem = ODEProblem(f, u0, (t[0], t[-1]), p)
    sol = solve(
        problem, RK4() if method is None else method, dt=float(np.min(np.diff(t))) / substeps,
        adaptive=False, saveat=t, dense=False, sensitivity=DiscreteAdjoint(), on_failure="raise",
    )  # fmt: skip
    return sol.u


def check_data(t, data):
    """Times and data as float arrays ``(T,)`` and ``(T, n)``, or a sentence."""
    t, data = np.asarray(t, dtype=float), np.asarray(data, dtype=float)
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) > 0):
        raise ValueError("t must be a list of at least two increasing times.")
    if data.ndim != 2 or len(data) != len(t):
        raise ValueError(
            f"data has shape {data.shape}, but t has {len(t)} times: give one row for each time, "
            "shape (T, n)."
        )
    if not np.all(np.isfinite(data)):
        raise ValueError("data holds a value that is not finite: leave such rows out.")
    return t, data
