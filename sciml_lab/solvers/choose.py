"""Which method solves which problem: the check of a pair, and the choice if none is given."""

import numpy as np

from sciml_lab.ad import is_traced
from sciml_lab.problems import DAEProblem, ODEProblem, Problem
from sciml_lab.solvers import options
from sciml_lab.solvers.autoswitch import AutoSwitch
from sciml_lab.solvers.explicit import METHODS, ExplicitRK, Tsit5, Vern7, Vern9
from sciml_lab.solvers.fbdf import FBDF
from sciml_lab.solvers.method import Method
from sciml_lab.solvers.rosenbrock import Rodas5P


def checked(problem, method, rtol, backend, switches=False):
    """Check problem, method and backend; return the method, chosen if none is given.

    With `switches`, a chosen method may be an `AutoSwitch`.

    Raises
    ------
    TypeError, ValueError
        If they are not what they have to be, or do not fit together.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> problem = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    >>> checked(problem, None, 1e-10, "numpy")
    Vern7()
    """
    if not isinstance(problem, Problem):
        raise TypeError(
            f"problem must be an ODEProblem (got {type(problem).__name__}): write "
            "ODEProblem(f, u0, tspan, p)."
        )
    options.one_of("backend", backend, ("numpy", "numba"))
    if method is None:
        method = choose_method(rtol, problem, switches)
    method = _checked_method(method)
    method = method.on(problem)
    residual = isinstance(problem, DAEProblem)
    if (residual or ODEProblem not in method.problems) and not isinstance(problem, method.problems):
        wanted = " or ".join(kind.__name__ for kind in method.problems)
        raise TypeError(
            f"{method.name} is made for a {wanted}, and the problem is a "
            f"{type(problem).__name__}: state the problem so, or take another method."
        )
    if problem.mass_matrix is not None and not method.mass_matrix:
        raise ValueError(
            f"mass_matrix is set, and {method.name} solves u' = f only: take a method that can "
            "use it, such as Rodas5P(), or leave it out and multiply f by its inverse."
        )
    if method.implicit and problem.batch:
        raise ValueError(
            f"batch=True and {method.name} do not go together yet: solve the trajectories one by "
            "one, for example with sl.Ensemble, or take an explicit method."
        )
    if any(is_traced(x) for x in (problem.u0, problem.p, *problem.tspan)):
        need_derivatives(method)
    return method


def need_derivatives(method):
    """Say so where a method has no derivatives.

    Raises
    ------
    TypeError
        For every method but the explicit Runge-Kutta ones.
    """
    if not isinstance(method, ExplicitRK):
        raise TypeError(
            f"{method.name} can't be differentiated through yet: take "
            "mode='finite_difference', or an explicit method such as Tsit5()."
        )


def _checked_method(method):
    """Return the method if it is one, else say what to write."""
    if isinstance(method, str):
        hint = f"sl.{method}()" if method in METHODS else "sl.Tsit5()"
        raise TypeError(f"method must be an object (got the string {method!r}): write {hint}.")
    if isinstance(method, type):
        raise TypeError(f"method must be an object: write {method.__name__}() with parentheses.")
    if not isinstance(method, Method):
        raise TypeError(
            f"method must be a method such as Tsit5() (got {type(method).__name__}); known ones: "
            f"{', '.join(METHODS)}."
        )
    return method


def choose_method(rtol, problem=None, switches=False):
    """Choose a method by the kind of problem and the tolerance.

    Higher order pays at tighter tolerance. With `switches`, the explicit method hands over to an
    implicit one where the equation turns out to be stiff. Mass matrices and F(u', u, p, t) = 0
    have methods of their own.

    Examples
    --------
    >>> choose_method(1e-6), choose_method(1e-10)
    (Tsit5(), Vern7())
    """
    if isinstance(problem, DAEProblem):
        return FBDF()
    if problem is not None and problem.mass_matrix is not None:
        return Rodas5P()
    explicit = _explicit(rtol)
    if not switches or problem is None or problem.batch:
        return explicit
    parts = (problem.u0, problem.p, *problem.tspan)
    if any(is_traced(x) for x in parts) or np.iscomplexobj(problem.u0):
        return explicit
    return AutoSwitch(explicit, Rodas5P())


def _explicit(rtol):
    """The explicit method for a tolerance."""
    try:
        tight = float(np.min(np.asarray(rtol, dtype=float)))
    except (TypeError, ValueError):
        return Tsit5()  # the sentence about rtol comes from its own check
    return Tsit5() if tight >= 1e-8 else Vern7() if tight >= 1e-11 else Vern9()
