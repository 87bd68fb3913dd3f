"""The differential-algebraic problem ``F(u', u, p, t) = 0``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sciml_lab.problems import checks
from sciml_lab.problems.ode import Problem


@dataclass(frozen=True, eq=False, repr=False)
class DAEProblem(Problem):
    r"""A fully implicit problem :math:`F(u', u, p, t) = 0,\; u(t_0) = u_0,\; u'(t_0) = u'_0`.

    Where F does not hold an entry of u', that entry of u is *algebraic*: it has no initial value
    of its own but follows from the others. `sl.consistent` finds it.

    Parameters
    ----------
    residual : callable
        ``residual(du, u, p, t) -> array`` of the shape of u: zero along a solution. It must leave
        du and u as they are.
    du0 : array
        Initial slope, of the shape of u0. ``residual(du0, u0, p, t0)`` should be zero.
    u0 : array
        Initial state of any shape.
    tspan : (float, float)
        Start and end.
    p : array, optional
        Parameters: a number or a flat vector; without it the residual gets ``None``.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Notes
    -----
    A problem in the form ``M u' = f(u, p, t)`` is an `ODEProblem` with a `mass_matrix`, singular
    or not, which more methods solve.

    Examples
    --------
    The second equation holds no derivative:

    >>> import numpy as np
    >>> def residual(du, u, p, t):
    ...     return np.array([du[0] + u[1], u[1] - u[0] ** 2])
    >>> prob = DAEProblem(residual, du0=[-1.0, 2.0], u0=[1.0, 1.0], tspan=(0.0, 2.0))
    >>> prob.residual(prob.du0, prob.u0, None, 0.0)
    array([0., 0.])
    """

    residual: Callable
    du0: Any
    u0: Any
    tspan: Any
    p: Any = None
    mass_matrix = jac = sparsity = None

    def __post_init__(self):
        checks.function(self.residual, "residual", "(du, u, p, t)")
        u0, p = checks.state(self.u0, False), checks.parameters(self.p)
        du0 = checks.array("du0", self.du0, "[0.0, 1.0]")
        shape = checks.shape_of(u0)
        if checks.shape_of(du0) != shape:
            raise ValueError(
                f"du0 and u0 must have the same shape (got {checks.shape_of(du0)} and {shape}): "
                "give one slope for each entry of u0, also where the residual does not use it."
            )
        checks.finite("du0", du0)
        if p is not None:
            checks.parameter_shape(checks.shape_of(p), shape, False)
        values = {"du0": du0, "u0": u0, "tspan": checks.time_span(self.tspan), "p": p}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def f(self, u, p, t):
        """Not to be had: only `residual` says what u' is."""
        raise TypeError(
            "a DAEProblem gives u' only through residual(du, u, p, t): solve it with FBDF() or "
            "QNDF()."
        )
