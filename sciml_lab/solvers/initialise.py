r"""Consistent initial values: which u and u' a differential-algebraic problem can start from.

In ``M u' = f(u, p, t)`` with a singular M (and in ``F(u', u, p, t) = 0``, where M = dF/du') some
equations are constraints, and some components of u are not free. With w in the left and v in the
right null space of M,

- `brown` keeps what M u' sees of u, and solves the constraints ``w f(u) = 0`` for the rest of u;
- `shampine` takes two tiny steps of the implicit Euler method, which may move every component by
  a little, and ends on the constraints whatever the index.

References
----------
P. N. Brown, A. C. Hindmarsh, L. R. Petzold, "Consistent initial condition calculation for
differential-algebraic systems", SIAM J. Sci. Comput. 19 (1998) 1495-1512.
L. F. Shampine, "Solving 0 = F(t, y(t), y'(t)) in Matlab", J. Numer. Math. 10 (2002) 291-310.
"""

import numpy as np

from sciml_lab.ad import is_traced
from sciml_lab.linalg.linearisation import SingularMatrix
from sciml_lab.linalg.slopes import slope_at
from sciml_lab.problems import DAEProblem, ODEProblem
from sciml_lab.solvers.constraints import correction, full
from sciml_lab.solvers.dae import ResidualSide
from sciml_lab.solvers.implicit import ImplicitSide
from sciml_lab.solvers.options import one_of

EXACT = 1e-13  # corrections of this relative size are rounding
LIMIT = 50


def consistent(problem, variant="brown"):
    """Return the problem with initial values that its constraints allow.

    Parameters
    ----------
    problem : ODEProblem or DAEProblem
        With a mass matrix, or a residual. Its u0 (and du0) are the first guess.
    variant : {"brown", "shampine"}
        "brown" changes the algebraic part of u0 only (and du0); it needs index 1 and a guess that
        Newton's iteration can start from. "shampine" takes two tiny steps of implicit Euler, which
        moves the differential part by a little, too, and works for index 2 as well.

    Returns
    -------
    ODEProblem or DAEProblem
        The same kind of problem; without constraints the problem itself.

    Raises
    ------
    ValueError
        If there is no such state near the guess; with the equation and its residual.

    Examples
    --------
    The last equation is ``0 = u[1] - u[0]**2``:

    >>> import numpy as np, sciml_lab as sl
    >>> f = lambda u, p, t: np.array([-u[1], u[1] - u[0] ** 2])
    >>> prob = sl.ODEProblem(f, [3.0, 0.0], (0.0, 1.0), mass_matrix=np.diag([1.0, 0.0]))
    >>> sl.consistent(prob).u0
    array([3., 9.])
    """
    if not isinstance(problem, ODEProblem | DAEProblem):
        raise TypeError(
            "problem must be an ODEProblem with a mass matrix or a DAEProblem (got "
            f"{type(problem).__name__})."
        )
    one_of("variant", variant, ("brown", "shampine"))
    if any(is_traced(x) for x in (problem.u0, problem.p, *problem.tspan)):
        raise TypeError(
            "consistent() can't be differentiated through: call it with plain numbers first."
        )
    residual = isinstance(problem, DAEProblem)
    if not residual and problem.mass_matrix is None:
        return problem
    f = (ResidualSide if residual else ImplicitSide)(problem, np.shape(problem.u0))
    u, p, t = np.array(problem.u0), problem.p, float(problem.tspan[0])
    with np.errstate(all="ignore"):
        f.first(u, p, t)
        start = problem.du0 if residual else f.slope(u, p, t)
        if not residual and not f.linear.singular_mass:
            return problem
        search = brown if variant == "brown" else shampine
        span = abs(float(problem.tspan[1]) - t)
        u, du = search(f, u, np.array(start), p, t, span)
        if not residual:
            return problem.replace(u0=u)
        f.linear.du = du
        return problem.replace(u0=u, du0=start_slope(f, u, p, t, 1e-3 * span, None))


def brown(f, u, du, p, t, span):
    """Newton's iteration on the algebraic part of u and the differential part of u'."""
    for _ in range(LIMIT):
        missing = _linearise(f, u, du, p, t)
        mass = f.linear.mass_matrix
        w, v, J = full(mass.constraints), full(mass.algebraic), full(f.linear.J)
        change_u, size = 0.0 * u, 0.0
        if w.shape[1]:
            across, residual = w.T @ (J @ v), w.T @ missing.ravel()
            z = correction(across, residual) if np.isfinite(across).all() else residual * np.nan
            if z is None:
                raise ValueError(_index_sentence(f, missing, t))
            change_u = (v @ z).reshape(u.shape)
            size = _relative(change_u, u)
        change_du = mass.slope(missing + (J @ change_u.ravel()).reshape(u.shape))
        u, du = _as_far_as_it_helps(f, u, du, change_u, change_du, p, t, w)
        size = max(size, _relative(change_du, du) if isinstance(f, ResidualSide) else 0.0)
        if size <= EXACT or not np.isfinite(u).all():
            break
    _require_solved(f, u, du, p, t)
    return u, du


def _as_far_as_it_helps(f, u, du, change_u, change_du, p, t, w):
    """Newton's step, or a part of it where the whole one makes the constraints worse."""
    before = np.linalg.norm(w.T @ f.defect(u, du, p, t).ravel())
    for part in 0.5 ** np.arange(12):
        u_new, du_new = u + part * change_u, du + part * change_du
        after = np.linalg.norm(w.T @ f.defect(u_new, du_new, p, t).ravel())
        if after <= (1 - 0.1 * part) * before or after <= 1e-12 * (1 + before):
            return u_new, du_new
    return u + change_u, du + change_du


def shampine(f, u, du, p, t, span):
    """Two tiny steps of implicit Euler: the first ends on the constraints, the second near it."""
    speed = np.max(np.abs(f.slope(u, p, t))) / (np.max(np.abs(u)) or 1.0)
    h = min(1e-6 * span, 1e-5 / speed if speed > 0 else np.inf)
    start = u
    for _ in range(2):
        start = u
        for _ in range(LIMIT):
            missing = _linearise(f, u, (u - start) / h, p, t)
            try:
                change = f.linear.factor(h)(h * missing)
            except SingularMatrix as error:
                raise ValueError(_no_start(f, missing, t, str(error))) from None
            u = u + change
            if _relative(change, u) <= EXACT or not np.isfinite(u).all():
                break
    du = (u - start) / h
    _require_solved(f, u, du, p, t)
    return u, du


def _linearise(f, u, du, p, t):
    """Evaluate M and J at (du, u, t); return what is missing in the equations."""
    if isinstance(f, ResidualSide):
        f.linear.du = du
    f.linear.point = None
    f.linear.update(u, p, t)
    return f.defect(u, du, p, t)


def _relative(change, x):
    size = np.max(np.abs(x))
    return float(np.max(np.abs(change)) / (size if size > 0 else 1.0))


def _require_solved(f, u, du, p, t):
    """Raise unless what is missing is small against the terms of the equations."""
    missing = np.abs(_linearise(f, u, du, p, t)).ravel()
    terms = np.abs(full(f.linear.J)) @ np.abs(u).ravel()
    terms += np.abs(full(f.linear.mass_matrix.matrix)) @ np.abs(du).ravel()
    if not np.all(missing <= 1e-8 * terms + 1e-12):
        raise ValueError(_no_start(f, missing, t, "Newton's iteration did not get further"))


def _no_start(f, missing, t, why):
    worst = int(np.argmax(np.nan_to_num(np.abs(missing).ravel(), nan=np.inf)))
    return (
        f"no consistent start near u0: at t = {t:.6g} equation [{worst}] of {f.form} still has "
        f"the residual {missing.ravel()[worst]:.3g} ({why}); give a better guess of the algebraic "
        "part of u0, or check that the constraints have a solution."
    )


def _index_sentence(f, missing, t):
    worst = int(np.argmax(np.abs(missing)))
    return (
        f"the constraints of {f.form} do not determine the algebraic part of u0 at t = {t:.6g} "
        f"(the index is above 1; equation [{worst}] has the residual "
        f"{missing.ravel()[worst]:.3g}): differentiate the constraints by t, or try "
        'sl.consistent(problem, "shampine").'
    )


def settled(f, u, p, t):
    """The state u after an event, with an algebraic part that satisfies the constraints.

    Parameters
    ----------
    f : RightHandSide, ImplicitSide or ResidualSide
        Without constraints u is returned as it is, and where the index is above 1.
    u, p, t : array, array, float
        What the event has left.
    """
    linear = getattr(f, "linear", None)
    if linear is None or not linear.singular_mass:
        return u
    with np.errstate(all="ignore"):
        slope = f.slope(u, p, t)
        _linearise(f, u, slope, p, t)
        w, v = full(linear.mass_matrix.constraints), full(linear.mass_matrix.algebraic)
        across = w.T @ (full(linear.J) @ v)
        if np.isfinite(across).all() and correction(across, np.zeros(len(across))) is None:
            return u
        return brown(f, u, slope, p, t, 0.0)[0]


def start_slope(f, u, p, t, h, k1=None):
    """The derivative u' that a first step starts with.

    Parameters
    ----------
    f : ImplicitSide or ResidualSide
    u, p, t : array, array, float
        A consistent state.
    h : float
        The step to come.
    k1 : array, optional
        M u' at the start, if it is known: ``f(u, p, t)``.
    """
    k1 = f(u, p, t) if k1 is None else k1
    slope = slope_at(f.linear, u, p, t, h, k1)
    return f.linear.slope(k1) if slope is None else slope
