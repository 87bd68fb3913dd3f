"""Implicit Runge-Kutta methods as the loop sees them: a tableau, and what solves its stages."""

from typing import Any

from sciml_lab.linalg.newton import SimplifiedNewton
from sciml_lab.solvers.constraints import require_consistent
from sciml_lab.solvers.explicit import Row, combine
from sciml_lab.solvers.implicit import ImplicitMethod
from sciml_lab.solvers.method import OfTableau, Step
from sciml_lab.solvers.tableau import Tableau

NEWTON = SimplifiedNewton()


class ImplicitRK(OfTableau, ImplicitMethod):
    """What follows from a tableau, whether its stages are solved one by one or together.

    Attributes
    ----------
    tableau : Tableau
        The coefficients.
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stages.
    linear_solver : str or object
        As in `Linearisation`.
    gammas : tuple
        A step needs ``W = M - gamma h J`` for each of them.
    stepper : type
        The class of what takes the steps.
    """

    tableau: Tableau
    iteration: Any
    linear_solver: Any
    gammas: tuple
    stepper: Any

    def begin(self, run):
        """A stepper that keeps J, the factors of W and what it knows of the last step."""
        check_mass(self, run.f.linear)
        if run.now == run.tspan[0]:
            self.check_start(run)
        return self.stepper(self, run)

    def check_start(self, run):
        """Refuse a start that violates the constraints of a DAE."""
        require_consistent(run)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take a single step, solved to rounding."""
        return self.stepper(self).step(f, u, p, t, h, k1)

    def dense_stages(self, f, u, p, t, h, k):
        """Stage derivatives of the step, with u' at its end if the interpolant needs it."""
        k = list(k)
        for row, c in zip(self.tableau.A_dense, self.tableau.c_dense, strict=True):
            end = u + h * combine(Row.of(row, 0), k)
            k.append(f.linear.slope(f(end, p, t + c * h)))
        return k

    def interpolate(self, u, k, h, theta):
        """Dense output ``u + h * sum_i b_i(theta) k_i``."""
        weights = [(i, _polynomial(row, theta)) for i, row in enumerate(self.tableau.P.tolist())]
        return u + h * combine(weights, k)

    def __str__(self) -> str:
        return str(self.tableau)

    def _arguments(self):
        """What differs from the defaults."""
        iteration = [] if self.iteration == NEWTON else [f"iteration={self.iteration}"]
        solver = [] if self.linear_solver == "auto" else [f"linear_solver={self.linear_solver!r}"]
        return iteration + solver

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._arguments())})"


def _polynomial(coefficients, theta):
    """``sum_j c_j theta**j``, j = 1..q, by Horner's rule."""
    value = 0.0
    for c in reversed(coefficients):
        value = theta * (value + c)
    return value


def checked_iteration(iteration):
    """Return the iteration if it is one, else say what to write.

    Examples
    --------
    >>> checked_iteration("newton")
    Traceback (most recent call last):
    TypeError: iteration must be an iteration such as sl.SimplifiedNewton() (got 'newton').
    """
    if not isinstance(iteration, SimplifiedNewton):
        raise TypeError(
            f"iteration must be an iteration such as sl.SimplifiedNewton() (got {iteration!r})."
        )
    return iteration


def check_mass(method, linear):
    """Refuse what can't be solved with this mass matrix.

    Raises
    ------
    ValueError
        For a fixed-point iteration with any M, and a method that leaves the constraints of a
        singular one.
    """
    if linear.mass is None:
        return
    if method.iteration.linear == "none":
        raise ValueError(
            f"mass_matrix is set, and {type(method.iteration).__name__} knows no linear algebra: "
            "take iteration=sl.SimplifiedNewton()."
        )
    if linear.singular_mass and not method.tableau.stiffly_accurate:
        raise ValueError(
            f"mass_matrix is singular, and a step of {method.name} does not end on the "
            "constraints: take a stiffly accurate method, such as Kvaerno5() or RadauIIA5()."
        )
