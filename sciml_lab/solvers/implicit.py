"""The right-hand side of an implicit method: f, and the linear algebra that its step calls."""

import numpy as np

from sciml_lab.linalg.linearisation import Linearisation
from sciml_lab.problems import SplitProblem
from sciml_lab.solvers.method import Method, Step
from sciml_lab.solvers.rhs import RightHandSide


class ImplicitSide(RightHandSide):
    """``f(u, p, t)`` with its Jacobian and the factors of ``W = M - gamma h J``.

    Parameters
    ----------
    problem : ODEProblem
    shape : tuple of int
        Shape of the state.
    linear_solver : str or object
        As in `Linearisation`.
    f : callable, optional
        The part of a `SplitProblem` that is implicit; without it the whole right-hand side.

    Attributes
    ----------
    linear : Linearisation
        J, W and the mass matrix.
    nnewton : int
        Newton iterations so far.
    """

    __slots__ = ("linear", "nnewton")
    form = "M u' = f"

    def __init__(self, problem, shape, linear_solver="auto", f=None):
        super().__init__(problem.f if f is None else f, shape)
        self.nnewton = 0
        known = f is not None or not isinstance(problem, SplitProblem)  # there jac is of f_stiff
        self.linear = Linearisation(
            self.f, int(np.prod(shape, dtype=int)), mass=problem.mass_matrix,
            jac=problem.jac if known else None, sparsity=problem.sparsity if known else None,
            linear_solver=linear_solver, call=self,
        )  # fmt: skip

    def slope(self, u, p, t):
        """The u' of ``M u' = f(u, p, t)``; what a singular M leaves open is zero."""
        return self.linear.slope(self(u, p, t))

    def defect(self, u, du, p, t):
        """What is missing in ``M u' = f(u, p, t)``."""
        return self(u, p, t) - self.linear.times_mass(du)


class ImplicitMethod(Method):
    """A method whose step solves equations with ``W = M - gamma h J``.

    Its step finds the linear algebra in ``f.linear``: ``f.linear.update(u, p, t)`` evaluates J,
    ``f.linear.factor(gamma_h)`` returns ``solve(b)``.
    """

    implicit = True
    mass_matrix = True
    linear_solver = "auto"

    def side(self, problem, shape):
        """Bring the linear algebra along."""
        return ImplicitSide(problem, shape, self.linear_solver)


def no_step(u, trouble):
    """What a step returns that could not be taken, with the reason.

    Examples
    --------
    >>> step = no_step(np.ones(2), "W is singular")
    >>> step.u, step.trouble
    (array([nan, nan]), 'W is singular')
    """
    lost = np.full(np.shape(u), np.nan)
    return Step(lost, lost, slopes=(None, None), trouble=trouble)
