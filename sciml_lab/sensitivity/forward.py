r"""Forward sensitivities: the derivative of the state, carried along with the state.

For ``u' = f(u, p, t)`` the derivative :math:`S = \partial u / \partial p` obeys the variational
equation

.. math:: S' = \frac{\partial f}{\partial u} S + \frac{\partial f}{\partial p}, \qquad S(t_0) = 0,

and that by the initial state the same one without its last term, from the identity. Nobody has to
write it down: a dual number ``u + S eps`` that runs through the solver's own arithmetic carries
exactly this equation, one direction for each parameter, discretised by the same method.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import Dual, collect, is_traced, primal
from sciml_lab.ad.values import new_level
from sciml_lab.sensitivity.entry import take_apart
from sciml_lab.solvers.solution import SolveInterrupted, failed

_KNOWN = ("u0", "p")


@dataclass(frozen=True)
class Sensitivities:
    """Derivatives of a solution at its output times.

    Attributes
    ----------
    t : array, shape (T,)
        Output times.
    p : array, shape (T, *u.shape, m), or None
        ``du_i(t)/dp_j`` in ``p[time, i, j]``. In a batch, by the parameters of the same lane.
    u0 : array, shape (T, *u.shape, n), or None
        ``du_i(t)/du0_j`` in ``u0[time, i, j]``, j counting the entries of u0 in row-major order.
        In a batch, of one lane by its own initial state.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [2.0])
    >>> sol = sl.solve(prob, rtol=1e-9, sensitivity=sl.ForwardSensitivity())
    >>> exact = -sol.t * np.exp(-2.0 * sol.t)
    >>> bool(np.allclose(sol.sensitivities.p[:, 0, 0], exact, atol=1e-8))
    True
    """

    t: Any
    p: Any = None
    u0: Any = None

    def __repr__(self) -> str:
        shown = [
            f"{name} {tuple(np.shape(x))}"
            for name in _KNOWN
            if (x := getattr(self, name)) is not None
        ]
        return f"Sensitivities({len(self.t)} times: {', '.join(shown)})"


@dataclass(frozen=True)
class ForwardSensitivity:
    """Differentiate a solve by solving the variational equation along with it.

    With plain numbers, ``sol.sensitivities`` holds the derivatives of every output. With taped
    values (`sl.ad.grad`, `autograd.grad`) the solve is one operation, whose pullback contracts
    these derivatives with a cotangent.

    Parameters
    ----------
    wrt : tuple of str
        What ``sol.sensitivities`` is by: "p", "u0" or both.

    Raises
    ------
    SolveError
        If the solve fails while a gradient is being taken; it carries the partial solution.

    Notes
    -----
    Cost: one solve whose numbers have K + 1 parts, K being the number of parameters and initial
    values asked for. Good for a few of them; for many parameters and one loss `DiscreteAdjoint`
    is cheaper. Memory: K + 1 times the outputs.

    With ``backend="numba"`` the variational equation is one compiled system, with the JVP of f
    generated from its source; times as inputs, batches and callbacks take the dual numbers.

    Step sizes are chosen by the state alone and are constants to the derivative, so both methods
    give the same numbers to rounding. The error of S is not controlled; it is of the size of the
    error of u where f is smooth.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: p[0] * u, [1.0], (0.0, 1.0), [1.0])
    >>> sol = sl.solve(prob, sl.Tsit5(), sensitivity=sl.ForwardSensitivity(wrt=("u0",)))
    >>> round(float(sol.sensitivities.u0[-1, 0, 0]), 4)
    2.7183
    """

    wrt: tuple = _KNOWN

    def __post_init__(self):
        wrt = (self.wrt,) if isinstance(self.wrt, str) else tuple(self.wrt)
        if not wrt or any(name not in _KNOWN for name in wrt):
            raise ValueError(f"wrt must hold 'p', 'u0' or both (got {self.wrt!r}).")
        object.__setattr__(self, "wrt", wrt)

    def solve(self, solve_plain, problem, method, settings):
        """Solve with the derivatives along (the part of `solve` that sensitivities share).

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
            With `sensitivities`, and with traced outputs if the inputs are traced.
        """
        inputs = take_apart(problem, settings["saveat"])
        if inputs is None:
            return self._solve_plainly(solve_plain, problem, method, settings)
        settings = {**settings, "saveat": inputs.lower_saveat}
        directions = Directions(inputs.names, inputs.lower, inputs.lower_saveat)
        solution = _run(solve_plain, directions, inputs.lower, method, settings)
        if not solution.success:
            raise failed(_strip(solution, directions, problem))
        dense, t = solution._dense, inputs.times(directions.split(solution.t)[0])
        answer, tangents = directions.split(solution.u)
        pull = partial(directions.pull, tangents)
        solution.sensitivities = Sensitivities(t, tangents.get("p"), tangents.get("u0"))
        solution.u, solution.t, solution.problem = inputs.enter(answer, pull), t, problem
        solution._dense = dense and _TracedDense(dense, inputs, directions)
        return solution

    def _solve_plainly(self, solve_plain, problem, method, settings):
        """Nothing is traced: the derivatives are a result, not a step on the way."""
        names = tuple(name for name in self.wrt if name == "u0" or problem.p is not None)
        if not names:
            raise ValueError("wrt asks for the derivative by p, and the problem has none.")
        directions = Directions(names, problem, None)
        solution = _run(solve_plain, directions, problem, method, settings)
        _, tangents = directions.split(solution.u)
        solution = _strip(solution, directions, problem)
        solution.sensitivities = Sensitivities(solution.t, tangents.get("p"), tangents.get("u0"))
        return solution


def _run(solve_plain, directions, problem, method, settings):
    """Solve on dual numbers; an interrupt hands over plain ones."""
    try:
        if settings.get("backend") == "numba":
            need("numba", extra="accel", what="backend='numba'")
            from sciml_lab.backends.numba import gradient_forward as compiled

            if not compiled.reason_for_numpy(tuple(directions.place), problem, settings):
                return compiled.solve(solve_plain, directions, problem, method, settings)
        return solve_plain(*directions.seed(problem, method, settings))
    except SolveInterrupted as stop:
        _strip(stop.solution, directions, problem)
        raise


def _strip(solution, directions, problem):
    """Take the dual parts out of a solution."""
    dense = solution._dense
    solution.u, solution.t = directions.split(solution.u)[0], directions.split(solution.t)[0]
    solution.problem = problem
    solution._dense = dense and (lambda t: directions.split(dense(t))[0])
    return solution


class _TracedDense:
    """Dense output as a traced value: its dual parts are contracted like those of the outputs."""

    def __init__(self, dense, inputs, directions):
        self.dense, self.inputs, self.directions = dense, inputs, directions

    def __call__(self, t):
        if is_traced(t):
            raise TypeError(
                "t carries a derivative, which ForwardSensitivity takes of the output times only: "
                "list the times in saveat."
            )
        values = {name: x for name, x in self.inputs.values.items() if name != "saveat"}
        answer, tangents = self.directions.split(self.dense(t))
        if np.ndim(t) == 0:
            tangents = {name: x[None] for name, x in tangents.items()}
        pull = partial(self.directions.pull, tangents)
        if not values:
            return answer
        return self.inputs.enter(answer, pull if np.ndim(t) else (lambda g: pull(g[None])), values)


class Directions:
    """Which direction of the dual numbers belongs to which input.

    Every entry of u0 and p has one; in a batch the lanes share them, because no lane depends on
    another's. Each end of tspan has one, and all output times share one, because an output
    depends on its own time alone.

    Parameters
    ----------
    names : tuple of str
        Inputs to differentiate by, among u0, p, t0, t1, saveat.
    problem : ODEProblem
    saveat : array, float or None
    """

    def __init__(self, names, problem, saveat):
        self.level, self.lanes, self.place, self.shape = new_level(), problem.batch, {}, {}
        start, end = problem.tspan
        values = {"u0": problem.u0, "p": problem.p, "t0": start, "t1": end, "saveat": saveat}
        self.count = 0
        for name in names:
            shape = self.shape[name] = np.shape(primal(values[name]))
            if name == "saveat" or not shape:
                size = 1
            else:
                size = int(np.prod(shape[:-1] if self._by_lane(name) else shape, dtype=int))
            self.place[name] = slice(self.count, self.count + size)
            self.count += size

    def _by_lane(self, name):
        """Whether the last axis of an input counts the lanes."""
        return self.lanes and (name == "u0" or (name == "p" and len(self.shape["p"]) == 2))

    def dual(self, name, x):
        """The input with its unit tangents (itself, if it is not differentiated)."""
        if name not in self.place:
            return x
        shape, place = self.shape[name], self.place[name]
        tangent = np.zeros((*shape, self.count))
        if name == "saveat":
            tangent[..., place] = 1.0
        elif self._by_lane(name):
            size = place.stop - place.start
            tangent[..., place] = np.eye(size).reshape((*shape[:-1], 1, size))
        else:
            size = place.stop - place.start
            tangent[..., place] = np.eye(size).reshape((*shape, size))
        return Dual(x, tangent, self.level)

    def seed(self, problem, method, settings):
        """The arguments of a solve on dual numbers."""
        t0, t1 = problem.tspan
        dual = problem.replace(
            u0=self.dual("u0", problem.u0),
            p=self.dual("p", problem.p),
            tspan=(self.dual("t0", t0), self.dual("t1", t1)),
        )
        return dual, method, {**settings, "saveat": self.dual("saveat", settings["saveat"])}

    def split(self, x):
        """Value and tangents, ``name -> (*x.shape, directions)``, of a result."""
        if isinstance(x, Dual) and x.level == self.level:
            value, tangent = x.value, x.partials
        else:
            value, tangent = x, np.zeros((*np.shape(primal(x)), self.count))
        return value, {name: tangent[..., place] for name, place in self.place.items()}

    def pull(self, tangents, g):
        """Contract the tangents (T, *u.shape, directions) with a cotangent (T, *u.shape)."""
        bars = {}
        for name, tangent in tangents.items():
            product, shape = g[..., None] * tangent, self.shape[name]
            if name == "saveat":
                rows = np.sum(product, axis=tuple(range(1, product.ndim)))
                missing = [0.0] * (int(np.prod(shape, dtype=int)) - len(g))
                bars[name] = collect([*rows, *missing]).reshape(shape)
            elif self._by_lane(name):
                total = np.sum(product, axis=tuple(range(product.ndim - 2)))
                bars[name] = np.transpose(total).reshape(shape)
            else:
                bars[name] = np.sum(product, axis=tuple(range(product.ndim - 1))).reshape(shape)
        return bars
