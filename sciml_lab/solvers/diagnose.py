"""The failure doctor: why did a solve stop, what is the evidence, and what helps?

Each examination looks at the point where the solve gave up and returns a finding or None; the
first finding counts. Only plain numbers come in, so f may be called freely.
"""

import numpy as np

from sciml_lab.linalg.jacobians import WrongJacobian, compare
from sciml_lab.solvers import stability
from sciml_lab.solvers.case import Case, Diagnosis
from sciml_lab.solvers.spectrum import dominant_eigenvalue
from sciml_lab.solvers.tableau import Tableau

EPS = np.finfo(float).eps


def diagnose(trouble, *, f, u, p, t, h, method, times, states, rtol, atol, tspan, note="",
             jac=None):  # fmt: skip
    """Find out why a solve stopped.

    Parameters
    ----------
    trouble : {"nan", "newton", "min_step", "max_steps", "roundoff", "jacobian"}
        What the loop saw: no finite step, an iteration without result, a step below rounding, the
        limit of attempts, a tolerance below rounding, or a Jacobian that f contradicts.
    f : callable
        ``f(u, p, t)`` of plain numbers.
    u, p, t, h : array, array, float, float
        State, parameters, time and step where the loop gave up.
    method : ExplicitRK
        The method; its stability limit is what stiffness is measured by.
    times, states : list
        The last accepted points.
    rtol, atol : float or array
        Tolerances.
    tspan : (float, float)
        The time interval.
    note : str
        What the last rejected step said of itself.
    jac : callable, optional
        The user's own Jacobian ``jac(u, p, t)``, which is looked at too.

    Returns
    -------
    Diagnosis

    Examples
    --------
    >>> import sciml_lab as sl
    >>> diagnose("max_steps", f=lambda u, p, t: -1e6 * u, u=np.ones(1), p=None, t=0.1, h=3e-6,
    ...     method=sl.Tsit5(), times=[0.1], states=[np.ones(1)], rtol=1e-6, atol=1e-9,
    ...     tspan=(0.0, 10.0)).verdict
    'stiffness'
    """
    case = Case(f, np.asarray(u), p, t, h, method, times, states, rtol, atol, tspan, note,
                jac)  # fmt: skip
    for examine in EXAMINATIONS[trouble]:
        finding = examine(case)
        if finding is not None:
            return finding
    return UNEXPLAINED[trouble](case)


def not_finite_here(case):
    """Is f itself NaN or infinite at the last good point?"""
    if np.max(np.abs(case.u)) > 1e100:
        return _overflow(case)
    return _describe_not_finite(case, case.u, case.t, "at")


def not_finite_ahead(case):
    """Does f become NaN just beyond the last good point (a square root turning negative)?"""
    slope = case.slope(case.u, case.t)
    span = abs(case.tspan[1] - case.tspan[0])
    for distance in np.geomspace(4 * np.spacing(max(abs(case.t), 1e-12 * span)), 1e-3 * span, 40):
        step = case.direction * distance
        finding = _describe_not_finite(case, case.u + step * slope, case.t + step, "just after")
        if finding is not None:
            return finding
    return None


def _describe_not_finite(case, u, t, preposition):
    slope = case.slope(u, t)
    bad = np.argwhere(~np.isfinite(slope))
    if not bad.size:
        return None
    index = tuple(int(i) for i in bad[0])
    label = f"[{', '.join(map(str, index))}]" if index else ""
    operation = _culprit(case, u, t)
    return Diagnosis(
        "f is not finite",
        f"{preposition} {case.where} the value f(u, p, t){label} is {slope[index]}{operation}, "
        f"where u{label} = {u[index]:.6g}.",
        "Look at that line of f: keep arguments of sqrt, log and divisions inside their domain, "
        "end tspan before, or start from a state where f is defined.",
        {"time": float(t), "index": index, "value": slope[index]},
    )


def _culprit(case, u, t):
    """Which operation inside f failed, in NumPy's words."""
    with np.errstate(divide="raise", invalid="raise", over="raise", under="ignore"):
        try:
            case.f(u, case.p, t)
        except (ArithmeticError, ValueError) as error:
            return f" ({error})"
    return ""


def blow_up(case):
    """Does the solution reach infinity at a finite time?

    Near a blow-up at time T, ``|u| ~ (T - t)**(-1/k)``, so ``|u|/(d|u|/dt) = k (T - t)`` is a
    straight line in t that hits zero at T.
    """
    t, g = _growth(case)
    if len(t) < 8 or g[-1] > 0.1 * g[0]:
        return None
    scale = t[0] - t[-1]
    slope, offset = np.polyfit((t - t[-1]) / scale, g, 1)
    residual = np.max(np.abs(slope * (t - t[-1]) / scale + offset - g)) / g[0]
    k = -slope / scale * case.direction
    if not (residual < 0.02 and k > 0.01):
        return None
    time = t[-1] + case.direction * max(g[-1] / k, 0.0)
    size = float(np.max(np.abs(case.states[-1])))
    return Diagnosis(
        "finite-time blow-up",
        f"max|u| has grown to {size:.3g} at {case.where}, and 1/|u|^{k:.3g} falls along a straight "
        f"line to zero at t = {time:.8g} (deviation {100 * residual:.1g}%).",
        f"The solution itself becomes infinite there: end tspan before t = {time:.6g}, or check "
        "the sign of the growing term in f.",
        {"time": float(time), "exponent": float(k), "deviation": float(residual), "size": size},
    )


def _growth(case):
    """Times and ``|u|/(d|u|/dt)``, from where it has begun to fall for good."""
    t, g = [], []
    for time, state in zip(case.times, case.states, strict=True):
        with np.errstate(all="ignore"):
            growth = np.vdot(state, case.slope(state, time)).real * case.direction
            value = np.vdot(state, state).real / growth
        if np.isfinite(value) and growth > 0:
            t.append(time)
            g.append(value)
    first = int(np.argmax(g)) if g else 0
    t, g = np.array(t[first:]), np.array(g[first:])
    if len(g) < 8 or g[-1] > 1e-3 * g[0]:
        return t, g  # the growth does not speed up by orders of magnitude
    late = g < np.sqrt(g[0] * g[-1])
    return t[late], g[late]


def wrong_jacobian(case):
    """Does f contradict the Jacobian that was handed in? It may have been right at the start."""
    if case.jac is None:
        return None
    try:
        with np.errstate(all="ignore"):
            J = case.jac(case.u, case.p, case.t)
            compare(J if hasattr(J, "tocsc") else np.asarray(J), case.f, case.u, case.p, case.t)
    except WrongJacobian as error:
        return _wrong_jacobian(case, str(error))
    return None


def _wrong_jacobian(case, evidence):
    return Diagnosis(
        "wrong Jacobian",
        evidence,
        "Mend that entry, or leave jac and sparsity out: they are found from f.",
        {"time": case.t},
    )


def roundoff(case):
    """Is the tolerance finer than double precision can resolve?"""
    size = np.asarray(np.abs(case.u))
    wanted = np.broadcast_to(case.atol + case.rtol * size, np.shape(size))
    available = EPS * size
    if not np.any(available > 0) or np.all(wanted >= 2 * available):
        return None
    worst = float(np.min(wanted[available > 0] / size[available > 0]))
    return Diagnosis(
        "tolerance below roundoff",
        f"at {case.where} the tolerance asks for a relative error of {worst:.2g} per step, and "
        f"numbers in double precision are only {EPS:.2g} apart.",
        "Choose rtol of at least 1e-13 (1e-12 is safe), or scale the equations.",
        {"wanted": worst, "available": float(EPS)},
    )


def stiffness(case):
    """Is stability, not accuracy, what limits the step?"""
    tableau = getattr(case.method, "tableau", None)
    if case.method.implicit or not isinstance(tableau, Tableau):
        return None  # other families have no stability function of one number
    found = dominant_eigenvalue(case.slope, case.u, case.t)
    if found is None or not found.real < 0:
        return None
    radius = abs(found)
    limit = stability.interval(tableau.A, tableau.b, found / radius)
    step = case.typical_step
    if radius * step < 0.3 * limit or radius * abs(case.tspan[1] - case.tspan[0]) < 100 * limit:
        return None
    rest = abs(case.tspan[1] - case.t) * radius / max(limit, 1e-300)
    return Diagnosis(
        "stiffness",
        f"at {case.where} the Jacobian of f has the spectral radius {radius:.3g}, and the steps "
        f"h = {step:.3g} give rho*h = {radius * step:.3g}, at the stability limit {limit:.3g} of "
        f"{case.method.name}; the rest of tspan would need some {rest:.2g} steps.",
        "No explicit method can do much better: use an implicit one, such as Rodas5P(), or raise "
        "max_steps if that many steps are acceptable.",
        {"radius": radius, "step": step, "limit": limit, "eigenvalue": found},
    )


def jump(case):
    """Does f jump at the point where the steps have collapsed?

    Along the solution, the difference of f across the point stays the same when the distance is
    made 16 times smaller; a continuous f would make it 16 times smaller too.
    """
    slope = case.slope(case.u, case.t)
    base = max(abs(case.h), 8 * np.spacing(abs(case.t)), case.typical_step)
    differences = []
    for distance in (16 * base, 4 * base, 2 * base):
        after = case.slope(case.u + distance * slope, case.t + distance)
        before = case.slope(case.u - distance * slope, case.t - distance)
        differences.append(float(np.max(np.abs(after - before))))
    far, _, near = differences
    if not (np.isfinite(far) and far > 0 and near > 0.6 * far):
        return None
    size = float(np.max(np.abs(slope)))
    if near < 1e-6 * max(size, 1.0):
        return None
    return Diagnosis(
        "discontinuity",
        f"the steps shrank to {abs(case.h):.2g} at {case.where}, where f jumps by {near:.4g} "
        f"between t - {2 * base:.2g} and t + {2 * base:.2g} (and by {far:.4g} over 8 times that "
        "distance).",
        f"Split the solve in two at that point (tspan up to t = {case.t:.8g}, then from there), "
        "or make f continuous.",
        {"time": case.t, "jump": near},
    )


def unstable_fixed_step(case):
    """Did a fixed step beyond the stability limit let the solution explode?"""
    tableau = getattr(case.method, "tableau", None)
    if len(case.times) < 2 or case.method.implicit or not isinstance(tableau, Tableau):
        return None
    for state, time in zip(case.states[::-1], case.times[::-1], strict=True):
        if np.max(np.abs(state)) > 1e50:
            continue  # too large to differentiate f by differences
        found = dominant_eigenvalue(case.slope, state, time)
        if found is None or not found.real < 0:
            continue
        limit = stability.interval(tableau.A, tableau.b, found / abs(found))
        if abs(found) * abs(case.h) <= limit:
            return None
        return Diagnosis(
            "unstable step",
            f"the fixed step dt = {abs(case.h):.4g} times the spectral radius {abs(found):.4g} of "
            f"the Jacobian of f is {abs(found * case.h):.4g}, beyond the stability limit "
            f"{limit:.4g} of {case.method.name}, so errors grew until the numbers overflowed.",
            f"Take dt below {limit / abs(found):.3g}, or an adaptive method such as Tsit5().",
            {"radius": abs(found), "step": abs(case.h), "limit": limit},
        )
    return None


def _overflow(case):
    size = float(np.max(np.abs(case.u)))
    return Diagnosis(
        "overflow",
        f"the step of {abs(case.h):.3g} from {case.where}, where max|u| = {size:.3g}, produced "
        "numbers beyond the range of double precision.",
        "Try a smaller dt or an adaptive method, and check that f has the right sign and units.",
        {"size": size},
    )


def _underflow(case):
    gap = np.spacing(abs(case.t))
    if case.t + case.h == case.t:
        evidence = (
            f"the step of {abs(case.h):.2g} that is due at {case.where} is shorter than the "
            f"distance {gap:.2g} to the next number, so t can't move."
        )
        remedy = "Count time from another origin, so that tspan starts at 0, or take other units."
    else:
        evidence = (
            f"at {case.where} even a step of {abs(case.h):.2g}, the smallest that changes t, "
            "misses the tolerance."
        )
        remedy = (
            "Look at f there: a jump, a kink or an almost singular term is likely; otherwise "
            "loosen rtol and atol."
        )
    return Diagnosis("step size underflow", evidence, remedy, {"step": abs(case.h), "gap": gap})


def _not_enough(case):
    start, end = case.tspan
    part = abs(case.t - start) / abs(end - start)
    step = case.typical_step
    rest = abs(end - case.t) / max(step, 1e-300)
    return Diagnosis(
        "max_steps reached",
        f"{case.where} is {100 * part:.3g}% of tspan, and with steps of the present size "
        f"({step:.3g}) the rest needs some {rest:.2g} more."
        + (f" The last step that was rejected: {case.note}." if case.note else ""),
        "Raise max_steps, loosen rtol and atol, or take a method of higher order.",
        {"part": part, "step": step, "rest": rest},
    )


def _no_convergence(case):
    if case.note.startswith("the Jacobian"):
        return Diagnosis(
            "Jacobian is not finite",
            f"at {case.where} {case.note}, though f itself is finite.",
            "The slope of a root or of a power is infinite there: start beside that point, give "
            "jac=..., or take an explicit method such as Tsit5().",
        )
    if "GMRES stagnates" in case.note:
        return _stagnation(case)
    if case.note.startswith("the monitor"):
        return Diagnosis(
            "step too long for the monitor",
            f"at {case.where} {case.note}.",
            "Take a smaller dt, or a monitor that varies less.",
            {"step": abs(case.h)},
        )
    if case.note.startswith("W = "):
        return Diagnosis(
            "singular matrix",
            f"at {case.where} even a step of {abs(case.h):.2g} has no solution: {case.note}.",
            "The equations do not determine u' there: look for an unknown that no equation "
            "contains, a wrong jac=..., or constraints of index above 1 (a singular mass matrix).",
            {"step": abs(case.h)},
        )
    return Diagnosis(
        "Newton's iteration failed",
        f"at {case.where} even a step of {abs(case.h):.2g} has no solution: {case.note}.",
        "Look at f and its Jacobian there: a kink, a wrong jac=..., or equations that do not "
        "determine u' (a singular mass matrix of index above 1) are likely.",
        {"step": abs(case.h)},
    )


def _stagnation(case):
    return Diagnosis(
        "linear solver stagnates",
        f"at {case.where} with a step of {abs(case.h):.2g} {case.note}.",
        "Factors of W need no preconditioner: linear_solver='auto'.",
        {"step": abs(case.h)},
    )


EXAMINATIONS = {
    "newton": (wrong_jacobian, blow_up, not_finite_here, jump, not_finite_ahead),
    "nan": (blow_up, unstable_fixed_step, not_finite_here, not_finite_ahead),
    "min_step": (wrong_jacobian, blow_up, roundoff, jump, not_finite_ahead),
    "roundoff": (roundoff,),
    "jacobian": (),
    "max_steps": (wrong_jacobian, roundoff, stiffness, blow_up, jump),
}

UNEXPLAINED = {
    "newton": _no_convergence,
    "nan": _overflow,
    "min_step": _underflow,
    "max_steps": _not_enough,
    "roundoff": _underflow,
    "jacobian": lambda case: _wrong_jacobian(case, case.note),
}
