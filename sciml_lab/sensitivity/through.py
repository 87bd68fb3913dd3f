"""Differentiate straight through the solver: nothing to do, and that is the lesson."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ThroughSolver:
    """Let the traced values flow through every operation of the solver.

    The solver is ordinary code of `+` and `*`, so a tape or autograd can record all of it, and a
    derivative of any order and mode follows. The price is the tape: every stage of every attempted
    step stays in memory, more than a hundred entries a step even for a problem of two equations.
    The same numbers come cheaper from `DiscreteAdjoint`, which this one is a check of.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [2.0])
    >>> def loss(p):
    ...     sol = sl.solve(prob.replace(p=p), sl.RK4(), dt=0.01, sensitivity=sl.ThroughSolver())
    ...     return sol.u[-1, 0]
    >>> bool(abs(sl.ad.grad(loss, np.array([2.0]))[0] + np.exp(-2.0)) < 1e-8)
    True
    """

    def solve(self, solve_plain, problem, method, settings):
        """Solve with the values as they are (the part of `solve` that sensitivities share)."""
        return solve_plain(problem, method, settings)
