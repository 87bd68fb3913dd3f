"""IMEX multistep methods: conditions, measured orders, starts, the past, mistakes."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [sl.CNAB2(), sl.SBDF2(), sl.SBDF3()]


def stiff(u, p, t):
    x, y = u
    return np.array([-3 * x * (1 + 0.2 * np.sin(t)) + y, -0.5 * np.sin(x) - 2 * y + 0.3 * x * x])


def nonstiff(u, p, t):
    x, y = u
    return np.array([0.3 * np.sin(t) * x - 0.4 * y * y, -0.2 * y * x + 0.5 * np.cos(2 * t)])


PROBLEM = sl.SplitProblem(stiff, nonstiff, [1.2, -0.4], (0.0, 2.0))
EXACT = sl.solve(PROBLEM, sl.Vern9(), rtol=1e-13, atol=1e-14)


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


def errors_of(problem, method, counts, exact):
    found = []
    for n in counts:
        sol = sl.solve(problem, method, dt=2.0 / n)
        found.append(np.max(np.abs(sol.u[-1] - exact)))
    return found


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order(method):
    counts = np.array([40, 80, 160])
    errors = errors_of(PROBLEM, method, counts, EXACT.u[-1])
    assert abs(slope(2.0 / counts, errors) - method.order) < 0.2


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_step_that_does_not_divide_the_interval_costs_no_order(method):
    counts = np.array([80.3, 160.3, 320.3])
    errors = errors_of(PROBLEM, method, counts, EXACT.u[-1])
    assert abs(slope(2.0 / counts, errors) - method.order) < 0.2


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_orders_and_starters(method):
    assert method.order == {"CNAB2": 2, "SBDF2": 2, "SBDF3": 3}[method.name]
    assert method.starter.order == method.order
    assert f"of order {method.order}" in str(method)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_polynomials_are_integrated_exactly(method):
    """u' = f(t), half of it by each part, with f of degree order - 1."""
    degree = method.order - 1
    prob = sl.SplitProblem(
        lambda u, p, t: 0.4 * t**degree + 0 * u, lambda u, p, t: 0.6 * t**degree + 0 * u,
        [0.0], (0.0, 2.0),
    )  # fmt: skip
    sol = sl.solve(prob, method, dt=0.1)
    assert sol.u[-1, 0] == pytest.approx(2.0 ** (degree + 1) / (degree + 1), rel=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_one_evaluation_of_each_part_in_a_step_beside_the_iteration(method):
    sol = sl.solve(PROBLEM, method, dt=0.01)
    stages = {2: 1, 3: 3}[method.order]  # of the starter, beyond the first
    steps = len(method.alpha) - 2
    assert sol.stats.parts["f_nonstiff"] <= 200 + 1 + steps * (stages + 1)
    assert sol.stats.nf == sum(sol.stats.parts.values())


@pytest.mark.parametrize("method", METHODS[1:], ids=repr)
def test_stiff_components_are_damped(method):
    prob = sl.SplitProblem(
        lambda u, p, t: -1e6 * (u - np.sin(t)), lambda u, p, t: np.cos(t) + 0 * u, [0.5], (0.0, 2.0)
    )
    sol = sl.solve(prob, method, dt=0.05)
    assert np.max(np.abs(sol.u[10:, 0] - np.sin(sol.t[10:]))) < 1e-6
    assert sol.stats.njac <= 2


def test_crank_and_nicolson_do_not_damp():
    """The factor of a step is almost -1; that of the starter of CNAB2 is almost 0."""
    prob = sl.SplitProblem(lambda u, p, t: -1e6 * u, lambda u, p, t: 0 * u, [1.0], (0.0, 1.0))
    plain = sl.SplitMultistep("CN", [1, -1], [0.5, 0.5], [0, 1])
    factor = (1 - 0.5e5) / (1 + 0.5e5)
    assert np.allclose(sl.solve(prob, plain, dt=0.1).u[:, 0], factor ** np.arange(11), rtol=1e-9)
    assert abs(sl.solve(prob, sl.CNAB2(), dt=0.1).u[-1, 0]) < 1e-4


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_spectral_pde_with_a_jacobian_evaluated_once(method):
    prob = sl.zoo.kuramoto_sivashinsky.split(32, tspan=(0.0, 1.0))
    sol = sl.solve(prob, method, dt=0.01)
    oracle = sl.solve(prob, sl.KenCarp5(), rtol=1e-8, atol=1e-8)
    assert np.allclose(sol.u[-1], oracle.u[-1], rtol=0, atol=1e-3)
    assert sol.stats.njac == 2  # the starter's, and that of the formula


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_dense_output(method):
    times, steps = np.linspace(0.01, 1.99, 41), np.array([0.02, 0.01, 0.005])
    errors = [np.max(np.abs(sl.solve(PROBLEM, method, dt=h)(times) - EXACT(times))) for h in steps]
    assert slope(steps, errors) > method.order - 0.3


def test_after_an_event_the_past_is_built_anew():
    kick = sl.Preset([1.0], lambda u, p, t: u + 1.0)
    a = sl.solve(PROBLEM, sl.SBDF3(), dt=0.005, callbacks=[kick])
    b = sl.solve(PROBLEM, sl.Vern9(), rtol=1e-11, atol=1e-12, callbacks=[kick])
    assert np.allclose(a.u[-1], b.u[-1], rtol=0, atol=1e-5)


def test_a_formula_of_one_s_own():
    method = sl.SplitMultistep("CNLF", [0.5, 0, -0.5], [0.5, 0, 0.5], [0, 1, 0])
    assert repr(method) == "SplitMultistep('CNLF')"
    counts = np.array([40, 80, 160])
    errors = errors_of(PROBLEM, method, counts, EXACT.u[-1])
    assert abs(slope(2.0 / counts, errors) - 2) < 0.2
    bdf4 = sl.SplitMultistep(
        "SBDF4", [25 / 12, -4, 3, -4 / 3, 1 / 4], [1, 0, 0, 0, 0], [0, 4, -6, 4, -1]
    )
    assert bdf4.order == 4
    assert bdf4.starter.order == 5
    errors = errors_of(PROBLEM, bdf4, counts, EXACT.u[-1])
    assert abs(slope(2.0 / counts, errors) - 4) < 0.2


def test_mistakes_get_a_sentence():
    whole = sl.ODEProblem(PROBLEM.f, PROBLEM.u0, PROBLEM.tspan)
    with pytest.raises(TypeError, match="SBDF2 is made for a SplitProblem"):
        sl.solve(whole, sl.SBDF2(), dt=0.1)
    with pytest.raises(ValueError, match="dt is required: SBDF2 takes fixed steps"):
        sl.solve(PROBLEM, sl.SBDF2())
    with pytest.raises(ValueError, match="adaptive=True needs an error estimate"):
        sl.solve(PROBLEM, sl.SBDF3(), dt=0.1, adaptive=True)
    with pytest.raises(ValueError, match="same points"):
        sl.SplitMultistep("x", [1, -1], [1, 0, 0], [0, 1])
    with pytest.raises(ValueError, match="not consistent"):
        sl.SplitMultistep("x", [1, -1], [1, 0.5], [0, 1])
    with pytest.raises(ValueError, match="f_stiff is taken at the new point"):
        sl.SplitMultistep("x", [1, -1], [0, 1], [0, 1])
    with pytest.raises(ValueError, match="unstable however small"):
        sl.SplitMultistep("x", [1, -3, 2], [-1, 0, 0], [0, -1, 0])
    with pytest.raises(TypeError, match="iteration must be an iteration"):
        sl.SBDF2("newton")


def test_a_failed_solve_keeps_what_it_has():
    prob = sl.SplitProblem(lambda u, p, t: u**2, lambda u, p, t: 0 * u, [1.0], (0.0, 2.0))
    sol = sl.solve(prob, sl.SBDF2(), dt=0.01)
    assert not sol.success
    assert 0.9 < sol.t[-1] < 1.05


def test_equality():
    assert sl.SBDF2() == sl.SBDF2()
    assert sl.SBDF2() != sl.SBDF2(sl.FullNewton())
    assert sl.SBDF2() != sl.SBDF3()
