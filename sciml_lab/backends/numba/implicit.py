"""What a kernel of an implicit method needs besides: the Jacobian of f, and room for matrices."""

import ast
from dataclasses import replace

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import PATIENCE, Drive, address
from sciml_lab.backends.numba.families import family
from sciml_lab.backends.numba.functions import Function
from sciml_lab.backends.numba.gradient_functions import by_u_and_p, compile_derivative
from sciml_lab.backends.numba.kernels import BLOCK
from sciml_lab.linalg.choice import SMALL, Choice
from sciml_lab.linalg.linearisation import _not_finite
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab.solvers.rosenbrock import Rosenbrock
from sciml_lab.solvers.stepping import _first_h
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jacobian import jacobian
from sciml_lab.transform.tree import TransformError

LARGEST = 500
"""Unknowns up to which a full matrix is factorised in the kernel; LAPACK is quicker beyond."""

MEDIUM = 200
"""Unknowns up to which a matrix of any pattern is: a band in it is found, other zeros are not."""

MULTIPLICATION = 2e-10  # seconds, inside of a factorisation


class NoJacobian(TypeError):
    """The Jacobian of an f can't be compiled."""


def no_kernel(problem, method) -> str:
    """Why a method can't solve a problem in a kernel, in a few words; empty if it can."""
    if isinstance(method, ExplicitRK) or family(method) is not None:
        return ""
    if not isinstance(method, Rosenbrock):
        return f"{method.name} has no compiled kernel yet"
    solver, n = method.linear_solver, np.size(problem.u0)
    if solver not in ("auto", "dense"):
        return f"linear_solver={solver!r} has no compiled form"
    if n > LARGEST or (n > MEDIUM and solver == "auto"):
        return f"the {n} x {n} matrices call for a linear solver that has no compiled form"
    if problem.jac is not None:
        return "jac is a Python function"
    return ""


def mass_of(run):
    """The mass matrix of a run as a full one, or None."""
    linear = getattr(run.f, "linear", None)
    if linear is None or linear.mass is None:
        return None
    mass = linear.mass
    return np.asarray(mass.toarray() if hasattr(mass, "toarray") else mass, dtype=float)


def linearised(f: Function, u0, p) -> Function:
    """A compiled f with its derivatives by u and t among its forms, and work for all of them.

    Raises
    ------
    NoJacobian
        If f contains what can be computed but not differentiated.
    """
    if "linearised" not in f.forms:
        try:
            _differentiate(f, u0, p)
        except TransformError as failure:
            raise NoJacobian(f"f has no compiled Jacobian: {failure}") from failure
    return f.forms["linearised"]


def _differentiate(f, u0, p):
    lowered, (state, *_) = by_u_and_p(f, p)
    time = lowered.inputs[-1]
    by_u = _derivative(f, lowered, state, u0, p)
    by_t = None
    if any(getattr(node, "id", "") == time for node in _nodes(lowered.tree.body)):
        by_t = _derivative(f, lowered, time, u0, p)
    f.forms["df_du"], f.forms["df_dt"] = by_u, by_t
    work = max(f.work, by_u.work, by_t.work if by_t else 0)
    f.forms["linearised"] = replace(f, work=work)


def _derivative(f, lowered, wrt, u0, p):
    form = inplace(jacobian(lowered, wrt=wrt))
    return compile_derivative(f, form, "mmmnm", u0, p, outputs=1, states=(0,))


def _nodes(body):
    return (node for statement in body for node in ast.walk(statement))


def choice(linear) -> Choice:
    """What the kernel solves its linear systems by, in the words of the readable method."""
    if linear.size <= SMALL or linear.linear_solver == "dense":
        return linear._choose()
    return Choice("dense", f"{linear.size} unknowns, and in a kernel, which looks for a band")


def begin(run):
    """What the readable loop does before the first step of an implicit method.

    With a mass matrix f is not u', and the first step is guessed in Python.
    """
    if run.f.linear.mass is None:
        return
    start, end = (float(s) for s in run.tspan)
    with np.errstate(all="ignore"):
        slope = np.asarray(run.f.f(run.u0, run.p, start))
    if np.isfinite(slope).all():
        if run.dt is None:
            run.dt = abs(_first_h(run, run.u0, start, slope, end - start))
        run.now = start
        run.method.begin(run)


class ImplicitDrive(Drive):
    """A `Drive` with room for J, the factors of W and M.

    Parameters
    ----------
    kernel, method, f, *others
        As in `Drive`; f comes from `linearised`.
    """

    def __init__(self, kernel, method, f, *others):
        super().__init__(kernel, method, f, *others)
        c, n, by_t = self.integers, self.n, f.forms["df_dt"]
        seconds = f.seconds * (self.stages + n / 4) + MULTIPLICATION * n**2 * (self.stages + n / 3)
        c[at.BUDGET] = max(1, int(PATIENCE / (1e-8 * n + seconds)))
        wide = -(-n // BLOCK) * BLOCK
        self.matrices = np.zeros((2, n, n))  # J and M
        self.factors = np.zeros((wide, wide))
        self.vectors = np.zeros((7, wide))
        c[at.DF_DU], c[at.DF_DT] = f.forms["df_du"].address, by_t.address if by_t else 0
        c[at.JACOBIAN], c[at.FACTORS] = address(self.matrices), address(self.factors)
        names = at.DIAGONAL, at.ORDER, at.VECTOR, at.PRODUCT, at.TIME_SLOPE, at.SLOPE, at.VALUE
        for name, row in zip(names, self.vectors, strict=True):
            c[name] = address(row)

    def configure(self, run):
        """Take over the settings of a run, its mass matrix among them."""
        super().configure(run)
        mass = mass_of(run)
        self.integers[at.MASS] = 0
        if mass is not None:
            self.matrices[1] = mass
            self.integers[at.MASS] = address(self.matrices[1])

    def trouble(self) -> str:
        """What the last attempt said of itself."""
        place = int(self.integers[at.TROUBLE])
        if place > 0:
            return f"W = M - gamma h J is singular (pivot {place} is zero)"
        i, j = divmod(-1 - place, self.n)
        return _not_finite(i, j, self.matrices[0, i, j])
