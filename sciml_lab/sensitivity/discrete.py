"""The discrete adjoint: the exact gradient of the numbers that the solver computed."""

from dataclasses import dataclass

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import collect, is_traced, primal
from sciml_lab.sensitivity.entry import lower_level, take_apart
from sciml_lab.sensitivity.sweep import Sweep, Trajectory
from sciml_lab.solvers.dense import Save
from sciml_lab.solvers.rhs import RightHandSide
from sciml_lab.solvers.solution import failed

NO_DENSE = (
    "this solution keeps no dense output: list the times in saveat, or solve with dense=True and "
    "without checkpoints."
)


@dataclass(frozen=True)
class DiscreteAdjoint:
    r"""Differentiate a solve by a reverse sweep over its accepted steps.

    The solve runs on plain numbers and keeps every accepted step. Given the cotangents of its
    outputs, the sweep goes through the steps backwards and, inside each, through the stages
    backwards, with one vector-Jacobian product of f per stage (formulas in
    `sciml_lab/sensitivity/sweep.py`). To `sl.ad.grad` and to `autograd.grad` the whole solve is
    one operation. Differentiable inputs are `u0`, `p`, both ends of `tspan`, and `saveat`.

    Parameters
    ----------
    checkpoints : int, optional
        Keep only every k-th state, k being this number, and compute the others again block by
        block: less memory for one more evaluation of every step. Without it every step is kept.

    Raises
    ------
    SolveError
        If the solve fails: a gradient of half a solution would be silently wrong. The exception
        carries the partial solution.

    Notes
    -----
    Cost: s - 1 to s evaluations and VJPs of f for each accepted step of a method of s stages,
    whatever the number of parameters; rejected steps cost nothing. An f of few components that
    takes a batch gets the stages of many steps in one call (`sciml_lab/sensitivity/columns.py`).
    Memory: state and stages of each accepted step, or one state for each ``checkpoints``-th.

    ``sol(t)`` is differentiable too, and every call of it is an operation with a sweep of its
    own: times that are known beforehand are cheaper in `saveat`.

    With ``backend="numba"`` solve and sweep are compiled, with the pullback of f generated from its
    source, if u0 and p are what is differentiated. Times as inputs, checkpoints, callbacks, and a
    derivative around this one take the readable sweep, of the same numbers to rounding.

    The confusion to avoid: step sizes are constants to this derivative. It is the derivative of
    the computed numbers with the same steps, exact to rounding even where the solution itself is
    poor; it does not say how the error of the solution depends on p.

    With a derivative around it (a dual number inside, or the gradient differentiated again in
    forward mode), the sweep carries that derivative along, so Hessian-vector products work.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [2.0])
    >>> def loss(p):
    ...     return sl.solve(prob.replace(p=p), sensitivity=sl.DiscreteAdjoint()).u[-1, 0]
    >>> bool(abs(sl.ad.grad(loss, np.array([2.0]))[0] + np.exp(-2.0)) < 1e-5)
    True
    """

    checkpoints: int | None = None

    def __post_init__(self):
        k = self.checkpoints
        if k is None:
            return
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(
                f"checkpoints must be a positive whole number, the distance between kept states "
                f"in steps (got {k!r}): try 10, or leave it out to keep all."
            )

    def solve(self, solve_plain, problem, method, settings):
        """Solve, and make one traced value of the result if the inputs are traced.

        Parameters
        ----------
        solve_plain : callable
            ``solve_plain(problem, method, settings) -> Solution``.
        problem : ODEProblem
            With traced or plain values.
        method : ExplicitRK
            The method.
        settings : dict
            The options of `sciml_lab.solve`.

        Returns
        -------
        Solution
            Whose ``u``, ``t`` and dense output carry the derivative.
        """
        inputs = take_apart(problem, settings["saveat"])
        if inputs is None:
            return solve_plain(problem, method, settings)
        settings = {**settings, "saveat": inputs.lower_saveat}
        if settings.get("backend") == "numba":
            adjoint = self._compiled(solve_plain, inputs, method, settings)
        else:
            adjoint = self._readable(solve_plain, inputs, method, settings)
        solution = adjoint.solution
        solution.u, solution.t = adjoint.u(), inputs.times(solution.t)
        solution.problem = problem
        solution._dense = adjoint.dense
        return solution

    def _readable(self, solve_plain, inputs, method, settings):
        """Solve, keep the steps, and be ready for the sweep."""
        trajectory = Trajectory(self.checkpoints or 1)
        lower = {
            **settings,
            "callbacks": (trajectory.take, *settings["callbacks"]),
            "dense": settings["dense"] and self.checkpoints is None,
        }
        solution = solve_plain(inputs.lower, method, lower)
        if not solution.success:
            raise failed(solution)
        return Adjoint(inputs, trajectory, solution)

    def _compiled(self, solve_plain, inputs, method, settings):
        """The same with compiled kernels, where they serve."""
        need("numba", extra="accel", what="backend='numba'")
        from sciml_lab.backends.numba import gradient

        if gradient.reason_for_numpy(self, inputs, settings):
            return self._readable(solve_plain, inputs, method, settings)
        solution = solve_plain(inputs.lower, method, {**settings, "dense": True})
        if not solution.success:
            raise failed(solution)
        if not settings["dense"]:
            solution._dense = None

        def readable():
            return self._readable(solve_plain, inputs, method, {**settings, "backend": "numpy"})

        return gradient.CompiledAdjoint(inputs, solution, readable)


class Adjoint:
    """A finished solve that can be pulled back: at its outputs, and at any other time.

    Parameters
    ----------
    inputs : Inputs
        What is differentiated.
    trajectory : Trajectory
        The accepted steps.
    solution : Solution
        The solve one level below.
    """

    def __init__(self, inputs, trajectory, solution):
        self.inputs, self.trajectory, self.solution = inputs, trajectory, solution
        self.plain_dense = solution._dense
        recorder = solution.record
        self.run, self.saves = recorder.run, recorder.saves
        self.f = RightHandSide(inputs.problem.f, np.shape(primal(self.run.u0)))
        times = inputs.lower_saveat
        self.saveat_shape = None if times is None else np.shape(primal(times))

    def u(self):
        """The outputs as one traced array."""
        return self.inputs.enter(self.solution.u, self.sweep)

    def sweep(self, g):
        """Pull back the cotangent of the outputs."""
        names, saves = self.inputs.names, self.saves
        return Sweep(self.run, self.f, self.trajectory, saves, names, self.saveat_shape)(g)

    def dense(self, t):
        """The solution at time t as a traced value: one more entry, with a sweep of its own."""
        if self.plain_dense is None:
            raise ValueError(NO_DENSE)
        t = collect(t) if is_traced(t) else np.asarray(t, dtype=float)
        lower = lower_level(t, self.inputs.top)
        if lower is t and is_traced(t):
            raise TypeError(
                "t carries another derivative than the solution does: list the times in saveat, "
                "which solve differentiates in one go."
            )
        values = {name: x for name, x in self.inputs.values.items() if name != "saveat"}
        if lower is not t:
            values["saveat"] = t
        answer = self.plain_dense(lower)
        if not values:
            return answer
        names = tuple(values)
        return self.inputs.enter(answer, lambda g: self.pull_dense(lower, g, names), values)

    def pull_dense(self, t, g, names):
        """Pull back the cotangent of the solution at time t."""
        shape = np.shape(primal(t))
        saves = self._locate(t.reshape(-1) if shape else [t])
        sweep = Sweep(self.run, self.f, self.trajectory, saves, names, shape)
        return sweep(g if shape else g[None])

    def _locate(self, times):
        """Where the solution at these times comes from, as a list of `Save`."""
        dense, steps, saves = self.plain_dense, self.plain_dense.steps, []
        for row, s in enumerate(times):
            place = float(primal(s)) * dense.direction
            inside = dense.ends >= place - 1e-12 * abs(place)  # a place after the end: last step
            inside = inside & (dense.ends > dense.starts)
            which = np.where(inside.any(axis=0), inside.argmax(axis=0), len(steps) - 1)
            for index in np.unique(which):
                step = steps[index]
                theta = (s - step.t) / np.where(primal(step.h) == 0, 1.0, step.h)
                mask = which == index if self.run.lanes else None
                saves.append(Save(row, int(index), theta, mask))
        return saves
