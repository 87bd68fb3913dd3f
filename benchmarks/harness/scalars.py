"""The zoo's formulas as the peers' users write them: one assignment to each entry of du.

What the peers evaluate is the same, formula by formula, compiled by Numba as ours is.
"""

import ast
import functools
from types import FunctionType

import numpy as np

from harness import peers
from sciml_lab.transform import lower
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jacobian import jacobian


def loops(problem, arguments="t, u, du, p"):
    """The function ``g(t, u, du, p)`` that writes the derivative to du.

    Parameters
    ----------
    problem : ODEProblem
        Its f is a list of formulas.
    arguments : str
        In the peer's order; the names are those of ``f(du, u, p, t)``.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> du, prob = np.zeros(2), sl.zoo.lotka_volterra()
    >>> loops(prob)(0.0, np.array([1.0, 2.0]), du, np.array([1.0, 1.0, 1.0, 1.0]))
    >>> du
    array([-1.,  0.])
    """
    return _function(lower(problem.f, problem.u0, problem.p, 0.0), arguments)


def jacobian_loops(problem, arguments="J, u, p, t"):
    """The function that writes the Jacobian, row by row, to flat memory J."""
    lowered = lower(problem.f, problem.u0, problem.p, 0.0)
    return _function(jacobian(lowered, wrt=lowered.inputs[0]), arguments)


def _function(lowered, arguments):
    form = inplace(lowered)
    tree = form.tree
    tree.args.args = ast.parse(f"def g({arguments}): pass").body[0].args.args
    tree.name = "g"
    if form.work:  # what array expressions need in between
        tree.body.insert(0, ast.parse(f"work = np.empty({form.work})").body[0])
    space = {"np": np, **form.constants}
    exec(ast.unparse(ast.fix_missing_locations(tree)), space)
    return space["g"]


@functools.cache
def compiled(function):
    """The function by Numba."""
    return peers.load("numba").njit(function)


def numbalsoda_rhs(problem) -> int:
    """Address of the compiled right-hand side for numbalsoda."""
    numba, numbalsoda = peers.load("numba"), peers.load("numbalsoda")
    return numba.cfunc(numbalsoda.lsoda_sig)(loops(problem)).address


def sundials_rhs(problem):
    """``f(t, u, du)`` for scikit-sundae: compiled by Numba."""
    g, p = compiled(loops(problem)), np.asarray(problem.p, float)
    return lambda t, u, du: g(t, u, du, p)


def sundials_jacobian(problem):
    """``jac(t, u, du, J)`` for scikit-sundae."""
    g, p = compiled(jacobian_loops(problem)), np.asarray(problem.p, float)
    return lambda t, u, du, J: g(J.reshape(-1), u, p, t)


def scipy_rhs(problem):
    """``f(t, u)`` for SciPy, compiled by Numba."""
    g, p = compiled(loops(problem)), np.asarray(problem.p, float)

    def f(t, u):
        du = np.empty_like(u)
        g(t, u, du, p)
        return du

    return f


def scipy_jacobian(problem):
    """``jac(t, u)`` for SciPy, compiled by Numba."""
    g, p, n = compiled(jacobian_loops(problem)), np.asarray(problem.p, float), problem.u0.size

    def jac(t, u):
        J = np.empty((n, n))
        g(J.ravel(), u, p, t)
        return J

    return jac


def jax_rhs(problem):
    """``f(t, u, p)`` of `jax.numpy`, as diffrax calls it."""
    _, jnp = peers.jax_modules()
    f = FunctionType(problem.f.__code__, {**problem.f.__globals__, "np": jnp})
    return lambda t, u, p: f(u, p, t)
