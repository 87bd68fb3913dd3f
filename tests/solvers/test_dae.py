"""Differential-algebraic equations by multistep methods: residuals and singular mass matrices."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [sl.FBDF(), sl.QNDF()]
ROBER = np.array([1e-8, 1e-12, 1e-4])  # atol in units of rtol


def robertson(du, u, p, t):
    a, b, c = u
    slow, fast, back = 0.04 * a, 3e7 * b * b, 1e4 * b * c
    return np.array([(slow - back) + du[0], du[1] - (slow - back - fast), a + b + c - 1])


def robertson_problem(**changes):
    given = {"du0": [-0.04, 0.04, 0.0], "u0": [1.0, 0.0, 0.0], "tspan": (0.0, 1e11), **changes}
    return sl.DAEProblem(robertson, **given)


def circle(du, u, p, t):
    """x' = -w y on the circle: x + i y = exp(i w t); y is algebraic."""
    return np.array([du[0] + p[0] * u[1], u[0] ** 2 + u[1] ** 2 - 1])


def circle_problem(end=2.0):
    a = 0.5
    return sl.DAEProblem(
        circle, [-np.sin(a), np.cos(a)], [np.cos(a), np.sin(a)], (a, a + end), [1.0]
    )


# -- F(u', u, p, t) = 0 ---------------------------------------------------------------------------


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_robertson_as_a_residual(method, rtol):
    sol = sl.solve(robertson_problem(), method, rtol=rtol, atol=ROBER * rtol, dense=False)
    assert sol.success
    assert sl.zoo.rober.reference.error(sol.u[-1]) < 10 * rtol
    assert sol.stats.njac < 0.1 * sol.stats.nsteps
    assert np.max(np.abs(sol.u.sum(axis=1) - 1)) < 0.01 * rtol


def test_without_a_method_it_is_fbdf():
    sol = sl.solve(circle_problem())
    assert sol.success
    assert isinstance(sol.method, sl.FBDF)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_error_and_dense_output_on_the_circle(method, rtol):
    sol = sl.solve(circle_problem(0.9), method, rtol=rtol, atol=rtol)
    t = np.linspace(0.5, 1.4, 50)
    exact = np.stack([np.cos(t), np.sin(t)], axis=1)
    assert np.max(np.abs(sol(t) - exact)) < 30 * rtol
    assert np.max(np.abs(sol.u[-1] - exact[-1])) < 10 * rtol


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_an_implicit_equation_that_is_nonlinear_in_the_slope(method):
    """u' + u'^3/10 = -u: M = dF/du' changes along the solution."""

    def residual(du, u, p, t):
        return du + 0.1 * du**3 + u

    def slope(u, p, t):  # Cardano, for x^3 + 10 x + 10 u = 0
        q = np.sqrt((5 * u) ** 2 + (10 / 3) ** 3)
        return np.cbrt(q - 5 * u) - np.cbrt(q + 5 * u)

    u0 = np.array([2.0])
    want = sl.solve(sl.ODEProblem(slope, u0, (0.0, 3.0)), sl.Vern9(), rtol=1e-12, atol=1e-14)
    prob = sl.DAEProblem(residual, slope(u0, None, 0.0), u0, (0.0, 3.0))
    got = sl.solve(prob, method, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(got.u[-1], want.u[-1], rtol=1e-7)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_residual_without_duals(method):
    """An f that duals can't pass through is differentiated by differences."""

    def residual(du, u, p, t):
        return np.array([float(du[0]) + float(u[1]), float(u[1]) - float(u[0]) ** 2])

    prob = sl.DAEProblem(residual, [-1.0, -2.0], [1.0, 1.0], (0.0, 2.0))
    sol = sl.solve(prob, method, rtol=1e-6, atol=1e-8)  # u[0] = 1/(1 + t)
    assert sol.u[-1, 0] == pytest.approx(1 / 3, rel=1e-5)


def test_backward_in_time():
    prob = sl.DAEProblem(
        circle, [np.sin(0.7), np.cos(0.7)], [np.cos(0.7), -np.sin(0.7)], (-0.7, -1.2), [1.0]
    )
    sol = sl.solve(prob, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(sol.u[-1], [np.cos(1.2), -np.sin(1.2)], atol=1e-7)


def test_an_event_in_a_residual_problem():
    def decay(du, u, p, t):
        return np.array([du[0] + u[1], u[1] - u[0]])

    prob = sl.DAEProblem(decay, [-1.0, -1.0], [1.0, 1.0], (0.0, 2.0))
    kick = sl.Preset([1.0], lambda u, p, t: u + 1.0)
    sol = sl.solve(prob, rtol=1e-8, atol=1e-10, callbacks=kick)
    assert sol.success
    assert sol.u[-1, 0] == pytest.approx((np.exp(-1) + 1) * np.exp(-1), rel=1e-6)


# -- M u' = f with a singular M -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rtol", "atol"),
    [
        ("rober_dae", 1e-4, ROBER),
        ("rober_dae", 1e-6, ROBER),
        ("chemical_akzo_nobel", 1e-4, 1e-4),
        ("chemical_akzo_nobel", 1e-8, 1e-4),
        ("transistor_amplifier", 1e-4, 1e-3),
    ],
)
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_zoo_with_singular_mass_matrices(method, name, rtol, atol):
    entry = getattr(sl.zoo, name)
    sol = sl.solve(entry(), method, rtol=rtol, atol=atol * rtol, dense=False)
    assert sol.success
    assert entry.reference.error(sol.u[-1]) < 10 * rtol


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_residual_and_a_mass_matrix_give_the_same(method):
    M = np.diag([1.0, 0.0])

    def f(u, p, t):
        return np.array([-u[1], u[1] - np.cos(t) * u[0]])

    def residual(du, u, p, t):
        return M @ du - f(u, p, t)

    options = {"rtol": 1e-7, "atol": 1e-9}
    one = sl.solve(sl.ODEProblem(f, [1.0, 1.0], (0.0, 2.0), mass_matrix=M), method, **options)
    two = sl.solve(sl.DAEProblem(residual, [-1.0, -1.0], [1.0, 1.0], (0.0, 2.0)), method, **options)
    np.testing.assert_allclose(one.u[-1], two.u[-1], rtol=1e-6)
    assert one.u[-1, 0] == pytest.approx(np.exp(-np.sin(2.0)), rel=1e-6)
    assert abs(one.stats.nsteps - two.stats.nsteps) < 0.1 * one.stats.nsteps + 3


# -- mistakes and limits --------------------------------------------------------------------------


def test_an_inconsistent_start_is_named():
    with pytest.raises(ValueError, match=r"u0 is inconsistent: .* equation \[2\] of F\(u', u, p"):
        sl.solve(robertson_problem(u0=[1.0, 0.0, 0.3]), rtol=1e-6)
    with pytest.raises(ValueError, match=r"has the residual -0.3 .*sl.consistent\(problem\)"):
        sl.solve(robertson_problem(u0=[1.0, 0.0, 0.3]), rtol=1e-6)
    with pytest.raises(ValueError, match=r"du0 is inconsistent: .*\[0\].* residual 0.04"):
        sl.solve(robertson_problem(du0=[0.0, 0.0, 0.0]))


def test_an_index_of_two_is_solved():
    """u1' = u2, 0 = u1 - cos t has index 2: the error of u2 must not steer the steps."""

    def residual(du, u, p, t):
        return np.array([du[0] - u[1], u[0] - np.cos(t)])

    prob = sl.DAEProblem(residual, [0.0, 0.0], [1.0, 0.0], (0.0, 1.0))
    for method in METHODS:
        sol = sl.solve(prob, method, rtol=1e-6, atol=1e-8)
        assert sol.success
        np.testing.assert_allclose(sol.u[-1], [np.cos(1), -np.sin(1)], atol=1e-5)


def test_equations_that_determine_nothing():
    def residual(du, u, p, t):
        return np.array([du[0] + u[0], du[0] + u[0]])

    with pytest.warns(UserWarning, match=r"\(index above 1\), so FBDF"):
        sol = sl.solve(sl.DAEProblem(residual, [-1.0, 0.0], [1.0, 1.0], (0.0, 1.0)))
    assert not sol.success
    assert "singular" in sol.message


def test_a_failure_keeps_what_was_reached():
    """The constraint loses its solution at t = 1."""

    def residual(du, u, p, t):
        return np.array([du[0] - 1.0, u[1] ** 2 - (1.0 - u[0])])

    sol = sl.solve(sl.DAEProblem(residual, [1.0, -0.5], [0.0, 1.0], (0.0, 2.0)), rtol=1e-6)
    assert not sol.success
    assert 0.9 < sol.t[-1] < 1.01
    assert len(sol.t) > 10


def test_what_is_not_offered_for_residuals():
    with pytest.raises(TypeError, match="can't be differentiated through yet"):
        sl.ad.grad(lambda p: sl.solve(circle_problem().replace(p=p)).u[-1, 0])(np.array([1.0]))
