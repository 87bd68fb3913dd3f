r"""Nystrom methods: Runge-Kutta for ``x'' = a(x, t)``, without the velocity at the stages.

Where the acceleration does not depend on the velocity, the stages need positions only,

    k_i = a(x + c_i h v + h^2 sum_j a_ij k_j, t + c_i h),
    x_new = x + h v + h^2 sum_i b_bar_i k_i,      v_new = v + h sum_i b_i k_i,

and order 6 takes five accelerations per step instead of seven or more evaluations of ``[v, a]``.
A method of one's own is ``Nystrom(NystromTableau(...))``; its order is computed from the numbers.
"""

from dataclasses import dataclass, field

import numpy as np

from sciml_lab.problems import SecondOrderProblem
from sciml_lab.solvers.method import OfTableau, Step
from sciml_lab.solvers.nystrom_tableau import NystromTableau
from sciml_lab.solvers.symplectic import Partitioned
from sciml_lab.solvers.tableaus import nystrom as tables


@dataclass(frozen=True, repr=False)
class Nystrom(OfTableau):
    """The Nystrom method of a tableau.

    Parameters
    ----------
    tableau : NystromTableau

    Raises
    ------
    TypeError
        If `tableau` is not a `NystromTableau`.

    Notes
    -----
    For a `SecondOrderProblem` whose acceleration depends on x and t only; that is checked where a
    solve begins.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> A, c = [[0, 0], [0.5, 0]], [0, 1]
    >>> verlet = sl.Nystrom(sl.NystromTableau("Verlet", A, [0.5, 0], [0.5, 0.5], c))
    >>> sol = sl.solve(sl.zoo.kepler_second_order(0.1), verlet, dt=0.01)
    >>> verlet.order, sol.success
    (2, True)
    """

    tableau: NystromTableau = field()
    problems = (SecondOrderProblem,)

    def __post_init__(self):
        if not isinstance(self.tableau, NystromTableau):
            raise TypeError(
                f"tableau must be a NystromTableau (got {type(self.tableau).__name__}): write "
                "Nystrom(NystromTableau(name, A, b_bar, b, c))."
            )

    def side(self, problem, shape):
        """The acceleration, counted."""
        return Partitioned(problem, shape)

    def begin(self, run):
        """Check that the acceleration leaves the velocity alone."""
        f, t = run.f, run.tspan[0]
        x, v = run.u0[: f.half], run.u0[f.half :]
        other = v + 0.1 * (1 + np.abs(v))
        one, two = f.force(x, v, run.p, t), f.force(x, other, run.p, t)
        if not np.array_equal(one, two, equal_nan=True):
            raise ValueError(
                f"{self.name} solves x'' = a(x, t), and here the acceleration depends on the "
                "velocity: take a method for any equation, such as Tsit5() or Vern7()."
            )
        return self

    def step(self, f, u, p, t, h, k1=None):
        """Take one step: the formulas of the head of this file."""
        tab, n = self.tableau, f.half
        x, v = u[:n], u[n:]
        k = np.empty((tab.stages, n), dtype=u.dtype)
        k[0] = f.force(x, v, p, t) if k1 is None else k1[n:]
        for i in range(1, tab.stages):
            c = tab.c[i] * h
            k[i] = f.force(x + c * v + h * h * (tab.A[i, :i] @ k[:i]), v, p, t + c)
        x_new, v_new = x + h * v + h * h * (tab.b_bar @ k), v + h * (tab.b @ k)
        error = None
        if tab.b_bar_error is not None and tab.b_error is not None:
            error = np.concatenate((h * h * (tab.b_bar_error @ k), h * (tab.b_error @ k)))
        last = np.concatenate((v_new, k[-1])) if tab.fsal else None
        first = np.concatenate((v, k[0]))
        return Step(np.concatenate((x_new, v_new)), error, k=k, slopes=(first, last))

    def dense_stages(self, f, u, p, t, h, k):
        """The stages; for a polynomial that needs it, the acceleration at the end too."""
        tab, n = self.tableau, f.half
        if len(tab.P) == tab.stages:
            return k
        x_new = u[:n] + h * u[n:] + h * h * (tab.b_bar @ k)
        return np.concatenate((k, [f.force(x_new, u[n:], p, t + h)]))

    def interpolate(self, u, k, h, theta):
        """State inside of a step: the velocity's polynomial, and its integral."""
        P, n = self.tableau.P, len(u) // 2
        x, v = u[:n], u[n:]
        j = np.arange(1, P.shape[1] + 1)
        powers = np.array([theta**power for power in j.tolist()])
        return np.concatenate((
            x + theta * h * v + h * h * theta * ((P @ (powers / (j + 1))) @ k),
            v + h * ((P @ powers) @ k),
        ))  # fmt: skip

    def __str__(self) -> str:
        return str(self.tableau)

    def __repr__(self) -> str:
        known = METHODS.get(self.name)
        return f"{self.name}()" if known is type(self) else f"Nystrom({self.name!r})"


def _method(table):
    """A class for a built-in method."""
    tableau = NystromTableau(**table)
    name = tableau.name

    def __init__(self):
        Nystrom.__init__(self, tableau)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{name}: Nystrom method for ``x'' = a(x, t)``. {tableau.note}\n\n"
        f"References\n----------\n{tableau.source}.\n\n"
        f"Examples\n--------\n>>> import sciml_lab as sl\n>>> sl.{name}().name\n'{name}'\n",
        "__module__": __name__,
        "__repr__": Nystrom.__repr__,
        "__eq__": lambda self, other: type(self) is type(other),
        "__hash__": lambda self: hash(name),
    }
    return type(name, (Nystrom,), namespace)


Nystrom4 = _method(tables.NYSTROM4)
Nystrom5 = _method(tables.NYSTROM5)
DPRKN6 = _method(tables.DPRKN6)

METHODS = {cls.__name__: cls for cls in (Nystrom4, Nystrom5, DPRKN6)}
