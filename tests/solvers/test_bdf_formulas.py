"""The formulas behind QNDF and FBDF: exactness, error constants, stability, measured orders."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import fbdf, qndf
from sciml_lab.solvers.bdf import (
    GAMMA,
    advance,
    combine,
    difference_matrix,
    newton_basis,
    rescale,
    root_locus,
    stability_angle,
)
from sciml_lab.solvers.solve import run_of

METHODS = [sl.QNDF, sl.FBDF]
ORDERS = range(1, 6)
START, END = np.array([1.2, -0.4]), 2.0


def nonlinear(u, p, t):
    """A coupled system without symmetries that could hide a low order."""
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


@pytest.fixture(scope="module")
def exact():
    """The solution for some time before the start too, so that there is a past."""
    ahead = sl.solve(
        sl.ODEProblem(nonlinear, START, (0.0, END)), sl.Vern9(), rtol=1e-13, atol=1e-15
    )
    behind = sl.solve(
        sl.ODEProblem(nonlinear, START, (0.0, -2.0)), sl.Vern9(), rtol=1e-13, atol=1e-15
    )
    return lambda t: ahead(t) if t >= 0 else behind(t)


def stepper(method, solution, h, ages):
    """A stepper in the middle of its work: with a past at the given ages, at its highest order."""
    problem = sl.ODEProblem(nonlinear, START, (0.0, END))
    settings = {"rtol": 1e-6, "atol": 1e-9, "dt": h, "adaptive": False}
    run = run_of(problem, method, {**settings, "controller": None, "max_steps": 10})
    one, past = method.begin(run), np.array([solution(-age) for age in ages])
    one.memory = method.remember(START, np.zeros(2), h)
    if isinstance(one.memory, fbdf.TruePoints):
        one.memory.ages, one.memory.points = np.array(ages), past
    else:
        one.memory.D = difference_matrix(len(ages) - 1) @ past
    one.order, one.equal, one.u = method.order, 0, START
    return one, run


# -- differences ----------------------------------------------------------------------------------


def test_differences_of_a_polynomial_are_exact():
    rng = np.random.default_rng(1)
    c = rng.normal(size=6)
    values = np.polyval(c, -0.3 * np.arange(6))
    D = difference_matrix(5) @ values
    for s in (-2.5, 0.7, 1.0):
        assert newton_basis(s, 5) @ D == pytest.approx(np.polyval(c, 0.3 * s), rel=1e-12)
    np.testing.assert_allclose(
        rescale(D, 1.7), difference_matrix(5) @ np.polyval(c, -0.51 * np.arange(6)), rtol=1e-9
    )
    ahead = difference_matrix(5) @ np.polyval(c, 0.3 - 0.3 * np.arange(6))
    np.testing.assert_allclose(advance(D, 0.0)[:6], ahead, rtol=1e-9)
    slope = combine(GAMMA[:6], D) / 0.3
    assert slope == pytest.approx(np.polyval(np.polyder(c), 0.3), rel=1e-11)


@pytest.mark.parametrize("k", ORDERS)
def test_true_points_give_exact_differences_and_derivatives(k):
    rng = np.random.default_rng(k)
    c, h = rng.normal(size=k + 1), 0.2
    past = fbdf.TruePoints(np.zeros(1), np.zeros(1), h)
    past.ages = np.concatenate([[0.0], np.cumsum(rng.uniform(0.1, 0.4, k))])
    past.points = np.polyval(c, -past.ages)[:, None]
    wanted = difference_matrix(k) @ np.polyval(c, -h * np.arange(k + 1))
    np.testing.assert_allclose(past.differences(h, k)[:, 0], wanted, rtol=1e-8, atol=1e-12)
    derivative = np.polyval(np.polyder(c, k), 0.0) * h**k
    assert past.derivatives(h)[k, 0] == pytest.approx(derivative, rel=1e-8)


@pytest.mark.parametrize("k", ORDERS)
@pytest.mark.parametrize("kind", METHODS)
def test_error_constant_is_that_of_the_formula(kind, k):
    """For u = t^(k+1) the formula misses u' by the constant times the next difference."""
    method, h, rng = kind(max_order=k), 0.3, np.random.default_rng(k)
    memory = method.remember(np.zeros(1), np.zeros(1), h)
    if kind is sl.FBDF:
        memory.ages = np.concatenate([[0.0], np.cumsum(rng.uniform(0.2, 0.5, k))])
        memory.points = ((-memory.ages) ** (k + 1))[:, None]
    else:
        memory.D = (difference_matrix(k) @ (-h * np.arange(k + 1.0)) ** (k + 1))[:, None]
    D = memory.differences(h, k)[:, 0]
    d = h ** (k + 1) - D.sum()  # what the solution adds to the prediction
    defect = h * (k + 1) * h**k - GAMMA[: k + 1] @ D - method.alpha(k) * d
    constant = memory.error_constant(h, k)
    if kind is sl.FBDF:  # it may be larger, for the sake of dense output
        assert abs(defect) <= constant * abs(d) * (1 + 1e-9)
        ratios = h / (memory.ages + h)
        assert abs(defect / d) == pytest.approx(abs(ratios.sum() - GAMMA[k]), rel=1e-8)
    else:
        assert defect / d == pytest.approx(constant, rel=1e-8)


# -- stability ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", ORDERS)
def test_a_formula_of_order_k_approximates_the_logarithm(k):
    """z(exp(-h)) = h + O(h^(k+1)), with the error constant as the coefficient."""
    for method in (sl.QNDF(), sl.FBDF()):
        h = 1e-2 if k > 2 else 1e-4
        missing = complex(root_locus(method.alpha(k), k, 1j * h)) - h
        constant = qndf.KAPPA[k] * GAMMA[k] if isinstance(method, sl.QNDF) else 0.0
        assert missing.real / h ** (k + 1) == pytest.approx(-1 / (k + 1) - constant, rel=0.06)


@pytest.mark.parametrize(
    ("method", "wanted"),
    [(sl.FBDF(), (90, 90, 86.0, 73.4, 51.8)), (sl.QNDF(), (90, 90, 80, 66, 51.8))],
    ids=repr,
)
def test_stability_angles_are_those_of_the_literature(method, wanted):
    """Hairer and Wanner II, table V.2.1; Shampine and Reichelt, table 1."""
    for k, angle in zip(ORDERS, wanted, strict=True):
        assert stability_angle(method.alpha(k), k) == pytest.approx(angle, abs=0.6)
        assert f"{method.alpha(k):.4f}" in str(method)


@pytest.mark.parametrize("k", ORDERS)
def test_stiff_components_die_out(k):
    """For z -> -infinity all roots go to zero for a BDF, and stay inside for an NDF."""
    for method in (sl.QNDF(), sl.FBDF()):
        a, x = method.alpha(k), np.polynomial.Polynomial([1, -1])
        w = np.polynomial.Polynomial([0, 1])
        formula = a * x ** (k + 1) + w * sum(GAMMA[j] * x**j for j in range(1, k + 1))
        roots = (formula + 1e9).roots()  # in w = 1/root
        assert np.all(np.abs(roots) > (1e1 if isinstance(method, sl.FBDF) else 1.5))
        at_zero = formula.roots()  # one root w = 1, the others outside of the circle
        assert np.sum(np.abs(at_zero) < 1 + 1e-6) == 1


# -- measured orders ------------------------------------------------------------------------------


@pytest.mark.parametrize("k", ORDERS)
@pytest.mark.parametrize("kind", METHODS)
def test_measured_order(kind, k, exact):
    method, errors, sizes = kind(max_order=k), [], []
    for n in {1: (80, 160, 320, 640), 2: (40, 80, 160, 320)}.get(k, (40, 56, 80, 112)):
        h = END / n
        one, run = stepper(method, exact, h, h * np.arange(k + 1))
        u, t = START, 0.0
        for i in range(n):
            u = one.step(run.f, u, None, t, h).u
            t = h * (i + 1)
        errors.append(np.max(np.abs(u - exact(END))))
        sizes.append(h)
    measured = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert abs(measured - k) < 0.2


@pytest.mark.parametrize("k", ORDERS)
def test_fbdf_keeps_its_order_on_irregular_steps(k, exact):
    method, errors, sizes = sl.FBDF(max_order=k), [], []
    for n in {1: (40, 80, 160), 2: (40, 80, 160)}.get(k, (40, 56, 80)):
        pattern = np.tile([1.0, 0.8, 1.3, 0.9], n // 4)
        steps = END * pattern / pattern.sum()
        one, run = stepper(method, exact, steps[0], np.concatenate([[0.0], np.cumsum(steps[:k])]))
        u, t = START, 0.0
        for h in steps:
            u = one.step(run.f, u, None, t, h).u
            t += h
        errors.append(np.max(np.abs(u - exact(END))))
        sizes.append(1 / n)
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] > k - 0.2


@pytest.mark.parametrize("k", ORDERS)
@pytest.mark.parametrize("kind", METHODS)
def test_measured_order_of_dense_output(kind, k, exact):
    """Inside a step from an exact past the interpolant's error is O(h^(k+1))."""
    method, theta, errors = kind(max_order=k), np.linspace(0.05, 0.95, 7), []
    sizes = np.geomspace(0.15, 0.03, 6) if k > 2 else np.geomspace(0.05, 0.005, 6)
    for h in sizes:
        one, run = stepper(method, exact, h, h * np.arange(k + 1))
        step = one.step(run.f, START, None, 0.0, h)
        inside = [method.interpolate(START, step.k, h, s) for s in theta]
        errors.append(
            max(np.max(np.abs(x - exact(s * h))) for x, s in zip(inside, theta, strict=True))
        )
        np.testing.assert_allclose(method.interpolate(START, step.k, h, 0.0), START, atol=1e-12)
        np.testing.assert_allclose(method.interpolate(START, step.k, h, 1.0), step.u, atol=1e-12)
    assert abs(np.polyfit(np.log(sizes), np.log(errors), 1)[0] - (k + 1)) < 0.25
