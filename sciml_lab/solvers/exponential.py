r"""Exponential Runge-Kutta methods for u' = L u + N(u, p, t): the stiff linear part is exact.

    U_i = exp(c_i h L) u + h sum_j a_ij(h L) N(U_j),
    u_new = exp(h L) u + h sum_j b_j(h L) N(U_j),

where the coefficients are combinations of phi functions of the matrix h L (`linalg/phi.py`). They
depend on the step size, so the methods take fixed steps and compute them once. L may be a diagonal
(spectral methods), a full or a sparse matrix.
"""

import math
from dataclasses import dataclass
from typing import Any

from sciml_lab.linalg.phi import linear_part
from sciml_lab.problems import SemilinearProblem
from sciml_lab.solvers.method import Method, Step
from sciml_lab.solvers.rhs import RightHandSide
from sciml_lab.solvers.tableaus import exponential as tables


class SemilinearSide(RightHandSide):
    """``f(u, p, t) = L u + N(u, p, t)`` with both parts; `count` counts calls of N.

    Parameters
    ----------
    problem : SemilinearProblem
    shape : tuple of int
    """

    __slots__ = ("N", "linear_part", "weights")

    def __init__(self, problem, shape):
        super().__init__(problem.f, shape)
        self.linear_part, self.N = linear_part(problem.L), RightHandSide(problem.N, shape)
        self.weights = (None, 0.0, ())

    def rest(self, u, p, t):
        """The value of N."""
        self.count += 1
        return self.N(u, p, t)

    def coefficients(self, tableau, t, h):
        """The step size and the operators of a tableau for it: exponentials, A, b.

        Equal steps differ by the rounding of t, and then the operators at hand serve; the step
        size returned is theirs.
        """
        known, before, operators = self.weights
        if (
            known is tableau
            and type(h) is float
            and abs(h - before) <= 4 * math.ulp(abs(t) + abs(h))
        ):
            return before, operators
        part = self.linear_part
        operators = (
            [part.combine(((1, 0, c),), h) if c else None for c in (*tableau.nodes, 1.0)],
            {ij: part.combine(terms, h) for ij, terms in tableau.a.items()},
            {j: part.combine(terms, h) for j, terms in tableau.b.items()},
        )
        self.weights = tableau, h, operators
        return h, operators


@dataclass(frozen=True, repr=False)
class ExponentialRK(Method):
    """The exponential Runge-Kutta method of a tableau.

    Parameters
    ----------
    tableau : Exponential
        See `solvers/tableaus/exponential.py`.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> heat = sl.SemilinearProblem([-1e6, -1.0], lambda u, p, t: 0 * u, [1.0, 1.0], (0.0, 1.0))
    >>> bool(abs(sl.solve(heat, sl.ETDRK4(), dt=0.5).u[-1, 1] - np.exp(-1)) < 1e-15)
    True
    """

    tableau: Any
    problems = (SemilinearProblem,)

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.tableau.name

    @property
    def order(self) -> int:
        """Order of convergence where h L is small."""
        return self.tableau.order

    @property
    def nodes(self):
        """The stages lie at the times ``t + nodes[i] h``."""
        return self.tableau.nodes

    def side(self, problem, shape):
        """The two parts of the right-hand side."""
        return SemilinearSide(problem, shape)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step: the formulas at the top of this file."""
        h, (exponentials, a, b) = f.coefficients(self.tableau, t, h)
        times = f.linear_part.times
        points, N = [u], [f.rest(u, p, t)]
        for i, c in enumerate(self.tableau.nodes[1:], 1):
            U = times(exponentials[i], u)
            for j in range(i):
                if (i, j) in a:
                    U = U + h * times(a[i, j], N[j])
            points.append(U)
            N.append(f.rest(U, p, t + c * h))
        u_new = times(exponentials[-1], u)
        for j, weight in b.items():
            u_new = u_new + h * times(weight, N[j])
        return Step(u_new, None, k=[u_new, N[0]], v=points, slopes=(k1, None))

    def dense_stages(self, f, u, p, t, h, k):
        """What `interpolate` needs: the linear part, and N at both ends."""
        return [*k, f.rest(k[0], p, t + h), f.linear_part]

    def interpolate(self, u, k, h, theta):
        """Variation of constants with N linear in time, bent to meet the state at the end.

        Error ``O(h**3)`` where N is smooth, however stiff L is.
        """
        u_new, start, end, part = k

        def inside(x):
            if x == 0:
                return u
            value = part.times(part.combine(((1, 0, x),), h), u)
            value = value + h * part.times(part.combine(((x, 1, x),), h), start)
            return value + h * part.times(part.combine(((x**2, 2, x),), h), end - start)

        return inside(theta) + theta**2 * (3 - 2 * theta) * (u_new - inside(1.0))

    def __str__(self) -> str:
        tab = self.tableau
        return f"{tab.name}: exponential, order {tab.order}, {len(tab.nodes)} stages; {tab.about}"

    def __repr__(self) -> str:
        return f"{self.name}()"


def _method(tableau):
    """A class for a built-in method."""

    def __init__(self):
        ExponentialRK.__init__(self, tableau)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{tableau.name}: {tableau.about}\n\nReferences\n----------\n{tableau.source}."
        f"\n\nExamples\n--------\n>>> import sciml_lab as sl\n>>> sl.{tableau.name}().order\n"
        f"{tableau.order}\n",
        "__module__": __name__,
        "__eq__": lambda self, other: type(self) is type(other),
        "__hash__": lambda self: hash(tableau.name),
    }
    return type(tableau.name, (ExponentialRK,), namespace)


ETD1 = _method(tables.ETD1)
LawsonEuler = _method(tables.LAWSON_EULER)
ETDRK4 = _method(tables.ETDRK4)
HochOst4 = _method(tables.HOCHOST4)
