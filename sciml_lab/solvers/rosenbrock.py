r"""Rosenbrock methods: implicit without iteration, one linear solve a stage.

With this module one can take a single step of any Rosenbrock method for ``M u' = f(u, p, t)``,

.. math:: (M - \gamma h J)\, U_i = \gamma h\, f\big(u + \sum_j A_{ij} U_j,\, t + \alpha_i h\big)
    + \gamma M \sum_j C_{ij} U_j + \gamma d_i h^2 f_t, \qquad u_{new} = u + \sum_i m_i U_i,

and add one of one's own: a `RosenbrockTableau`. M may be singular (a DAE of index 1). Where f does
not depend on t, the last term is left out. The method's order rests on J and f_t being exact.
"""

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from sciml_lab.linalg.linearisation import SingularMatrix
from sciml_lab.solvers.constraints import require_consistent
from sciml_lab.solvers.implicit import ImplicitMethod, no_step
from sciml_lab.solvers.method import OfTableau, Step
from sciml_lab.solvers.rosenbrock_tableau import RosenbrockTableau
from sciml_lab.solvers.strictness import accumulated
from sciml_lab.solvers.tableaus import rosenbrock as tables

MARGIN = 15.0  # measured: with less, the Oregonator ends beyond ten times the tolerance


class Rows(NamedTuple):
    """The transformed tableau, ready for a step."""

    stages: tuple  # (rows of A and gamma C one below the other, node, gamma d_i) of later stages
    first: float  # gamma d_1
    end: np.ndarray  # m and the error weights, one below the other
    dense: np.ndarray  # row j: weights of theta**(j + 1)

    @classmethod
    def of(cls, tab):
        """Take them from a `RosenbrockTableau`."""
        form, gamma = tab.transformed, tab.gamma
        stages = tuple(
            (np.array([form.A[i], gamma * form.C[i]]), float(tab.nodes[i]), gamma * float(tab.d[i]))
            for i in range(1, tab.stages)
        )
        end = [form.m] if form.m_error is None else [form.m, form.m_error]
        return cls(stages, gamma * float(tab.d[0]), np.array(end), np.array(form.P.T))


_known_rows: WeakKeyDictionary = WeakKeyDictionary()


def _rows(tableau) -> Rows:
    """The rows of a tableau, made once."""
    if tableau not in _known_rows:
        _known_rows[tableau] = Rows.of(tableau)
    return _known_rows[tableau]


@dataclass(frozen=True)
class Rosenbrock(OfTableau, ImplicitMethod):
    """The Rosenbrock method of a tableau.

    Parameters
    ----------
    tableau : RosenbrockTableau
        Any one, your own included.
    linear_solver : str or object
        As in `Linearisation`.

    Raises
    ------
    TypeError
        If `tableau` is not a `RosenbrockTableau`.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> tableau = sl.RosenbrockTableau(name="mine", alpha=[[0]], Gamma=[[1]], b=[1])
    >>> sl.Rosenbrock(tableau).order
    1
    """

    tableau: RosenbrockTableau
    linear_solver: Any = "auto"

    def __post_init__(self):
        if not isinstance(self.tableau, RosenbrockTableau):
            raise TypeError(
                f"tableau must be a RosenbrockTableau (got {type(self.tableau).__name__}): write "
                "Rosenbrock(RosenbrockTableau(name=..., alpha=..., Gamma=..., b=...))."
            )
        object.__setattr__(self, "rows", _rows(self.tableau))

    @property
    def fsal(self) -> bool:
        """Whether the last stage evaluates f at the new state."""
        return self.tableau.fsal

    @property
    def nodes(self):
        """The stages lie at the times ``t + nodes[i] h``."""
        return self.tableau.nodes

    def strictness(self, rtol) -> float:
        """The errors of many steps add up where the estimate is of higher order than the method."""
        k, p = self.error_order, self.order
        return MARGIN * accumulated(rtol, k, p) if k > p > 1 else 1.0

    def begin(self, run):
        """Check the start of a DAE, and warn where it is more than the method is made for."""
        if run.f.linear.singular_mass and run.now == run.tspan[0]:
            require_consistent(run)
            if not self.tableau.stiffly_accurate:
                warnings.warn(
                    f"mass_matrix is singular (a DAE), and {self.name} is not stiffly accurate: "
                    "its states miss the constraints by about the error of a step; take "
                    "Rodas5P() or Rodas4(), which are made for DAEs.",
                    UserWarning,
                    stacklevel=2,
                )
        return super().begin(run)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step of size h from (t, u): the formula at the top of this file.

        Parameters
        ----------
        f : ImplicitSide
            ``f(u, p, t)`` with ``f.linear``.
        u, p, t, h : array, array, float, float
            State, parameters, time, step.
        k1 : array, optional
            ``f(u, p, t)`` if it is known already.

        Returns
        -------
        Step
            Its `k` holds the increments U_i.

        Examples
        --------
        >>> import numpy as np, sciml_lab as sl
        >>> prob = sl.ODEProblem(lambda u, p, t: -1e6 * u, [1.0], (0.0, 1.0))
        >>> method = sl.Rodas5P()
        >>> step = method.step(method.side(prob, (1,)), prob.u0, None, 0.0, 0.1)
        >>> bool(abs(step.u[0]) < 1e-3)
        True
        """
        slope = f(u, p, t) if k1 is None else k1
        try:
            return self._stages(f, u, p, t, h, slope)
        except SingularMatrix as singular:
            return no_step(u, str(singular))._replace(slopes=(slope, None))

    def _stages(self, f, u, p, t, h, slope) -> Step:
        rows, linear, gamma_h = self.rows, f.linear, self.tableau.gamma * h
        linear.update(u, p, t)
        solve = linear.factor(gamma_h)
        by_time = linear.by_time(u, p, t, h, slope)
        by_time = None if by_time is None else h * h * by_time

        right = gamma_h * slope if by_time is None else gamma_h * slope + rows.first * by_time
        first, points = solve(right), [u]
        U = np.zeros((self.tableau.stages, u.size), first.dtype)
        U[0] = first.ravel()
        value = slope
        for i, (weights, node, d) in enumerate(rows.stages, 1):
            move, kick = weights.dot(U)  # increments to come are zero
            points.append(u + move.reshape(u.shape))
            value = f(points[i], p, t + node * h)
            right = gamma_h * value + linear.times_mass(kick.reshape(u.shape))
            if by_time is not None and d != 0.0:
                right += d * by_time
            U[i] = solve(right).ravel()
        move, *error = rows.end.dot(U)
        u_new = u + move.reshape(u.shape)
        return Step(
            u_new, error[0].reshape(u.shape) if error else None, k=list(U.reshape(-1, *u.shape)),
            v=points, slopes=(slope, value if self.fsal else None),
        )  # fmt: skip

    def interpolate(self, u, k, h, theta):
        """Dense output ``u + sum_j theta**j (sum_i P[i, j-1] U_i)``, by Horner's rule."""
        total = 0.0
        for row in self.rows.dense[::-1]:
            total = theta * (total + sum(w * x for w, x in zip(row, k, strict=True) if w != 0.0))
        return u + total

    def __str__(self) -> str:
        return str(self.tableau)

    def __repr__(self) -> str:
        built_in = ROSENBROCK_METHODS.get(self.name) is type(self)
        solver = "" if self.linear_solver == "auto" else f"linear_solver={self.linear_solver!r}"
        if built_in:
            return f"{self.name}({solver})"
        return f"Rosenbrock({self.name!r}{', ' if solver else ''}{solver})"


def _method(name: str, tableau: RosenbrockTableau):
    """A class for a built-in method: `Rodas5P()` reads better than `Rosenbrock(RODAS5P)`."""

    def __init__(self, linear_solver="auto"):
        Rosenbrock.__init__(self, tableau, linear_solver)

    doc = (
        f"{tableau.name}: Rosenbrock method. {tableau.note}\n\n"
        f"References\n----------\n{tableau.source}\n\n"
        f"Examples\n--------\n>>> import sciml_lab as sl\n>>> sl.{name}().name\n'{name}'\n"
    )
    namespace = {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    namespace["__repr__"] = Rosenbrock.__repr__
    namespace["__eq__"] = lambda self, other: (
        type(self) is type(other) and self.linear_solver == other.linear_solver
    )
    namespace["__hash__"] = lambda self: hash(name)
    return type(name, (Rosenbrock,), namespace)


Rosenbrock23 = _method("Rosenbrock23", tables.ROSENBROCK23)
Rodas4 = _method("Rodas4", tables.RODAS4)
Rodas4P = _method("Rodas4P", tables.RODAS4P)
Rodas5P = _method("Rodas5P", tables.RODAS5P)

ROSENBROCK_METHODS = {cls.__name__: cls for cls in (Rosenbrock23, Rodas4, Rodas4P, Rodas5P)}
