"""Multirate methods: conditions, measured orders, slow evaluations saved, mistakes."""

import dataclasses

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import trees
from sciml_lab.solvers.multirate import fixed
from sciml_lab.solvers.multirate_table import MultirateTable
from sciml_lab.solvers.tableaus.multirate import ERK33A, ERK45A, MIS2, PUBLISHED_45

INFINITESIMAL = [sl.MIS2(), sl.MRIGARKERK33a(), sl.MRIGARKERK45a()]
METHODS = [*INFINITESIMAL, sl.ExtrapolatedMultirateEuler(3), sl.ExtrapolatedMultirateEuler(4)]
ADAPTIVE = [m for m in METHODS if m.adaptive]


def slow(u, p, t):
    x, y = u
    return np.array([-0.5 * x + 0.3 * np.sin(t) * y * y, 0.2 * np.cos(x) * y + 0.1 * t])


def fast(u, p, t):
    x, y = u
    return np.array([4 * y + 0.3 * np.sin(3 * t) * x, -4 * np.sin(x) - 0.5 * x * y])


PROBLEM = sl.SplitProblem(slow, fast, [1.2, -0.4], (0.0, 2.0))
EXACT = sl.solve(PROBLEM, sl.Vern9(), rtol=1e-13, atol=1e-14)


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


def errors_of(method, counts, **options):
    return [
        np.max(
            np.abs(
                sl.solve(PROBLEM, method, dt=2.0 / n, adaptive=False, **options).u[-1] - EXACT.u[-1]
            )
        )
        for n in counts
    ]


@pytest.mark.parametrize(
    ("table", "order", "embedded"), [(ERK33A, 3, 2), (ERK45A, 4, 3), (MIS2, 2, 0)]
)
def test_orders_from_the_trees_are_the_published_ones(table, order, embedded):
    assert (table.order, table.embedded_order) == (order, embedded)


def one_step_error(table, h):
    """The estimated error of one step where the fast part is zero."""
    prob = sl.SplitProblem(PROBLEM.f, lambda u, p, t: 0 * u, PROBLEM.u0, (0.0, 1.0))
    method = sl.MultirateRK(table, substeps=table.stages)
    return np.max(np.abs(method.step(method.side(prob, (2,)), prob.u0, None, 0.3, h).error))


def test_the_published_estimate_of_erk45a_is_blind_for_the_slow_part_and_ours_is_not():
    published = dataclasses.replace(ERK45A, embedded=PUBLISHED_45)
    assert published.embedded_order == ERK45A.embedded_order == 3
    assert one_step_error(published, 0.1) < 1e-14
    steps = np.array([0.1, 0.05, 0.025])
    for table in (ERK33A, ERK45A):
        found = slope(steps, [one_step_error(table, h) for h in steps])
        assert abs(found - (table.embedded_order + 1)) < 0.2


@pytest.mark.parametrize("method", [sl.MRIGARKERK33a(), sl.MRIGARKERK45a()], ids=repr)
@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_tolerance_is_met_with_two_speeds(method, tol):
    prob = sl.zoo.slow_fast.split(tspan=(0.0, 1.0))
    sol = sl.solve(prob, method, rtol=tol, atol=tol, dense=False)
    exact = [np.sqrt(1 + 0.5 * np.cos(1.0)), np.sqrt(2 + np.cos(100.0))]
    assert np.max(np.abs(sol.u[-1] - exact)) < 10 * tol


def test_every_colouring_of_a_tree_has_a_condition():
    assert sum(len(trees.colourings(tree)) for tree in trees.trees(4)) == 4 * 2**4


@pytest.mark.parametrize("table", [ERK33A, ERK45A, MIS2])
def test_a_wrong_digit_is_noticed(table):
    rows = np.array(table.slow)
    rows[-1, 0] += 1e-9
    rows[-1, 1] -= 1e-9
    wrong = MultirateTable(
        name="wrong", fast=table.fast, slow=rows, slow_slope=table.slow_slope, start=table.start,
        drift=table.drift,
    )  # fmt: skip
    assert wrong.order < table.order


def test_without_a_fast_part_the_slow_one_is_a_runge_kutta_method():
    """The order conditions of one colour, from the tableau that the slow slopes see."""
    for table in (ERK33A, ERK45A):
        steps = np.array(table.slow) + np.array(table.slow_slope) / 2
        states = np.cumsum(steps, axis=0)
        A = np.vstack([np.zeros(table.stages), states[:-1]])
        tab = sl.Tableau(name="base", A=A, b=states[-1])
        assert tab.order == table.order
        assert MultirateTable.tolerance < 1e-12


@pytest.mark.parametrize("method", INFINITESIMAL, ids=repr)
def test_measured_order_with_an_adaptive_inner_method(method):
    counts = np.array([20, 40, 80])
    errors = errors_of(method, counts, rtol=1e-12, atol=1e-12)
    assert abs(slope(2.0 / counts, errors) - method.order) < 0.2


@pytest.mark.parametrize(
    "method",
    [sl.MIS2(substeps=6), sl.MRIGARKERK33a(sl.BS3(), 6), sl.MRIGARKERK45a(sl.RK4(), 10),
     *METHODS[3:]],
    ids=repr,
)  # fmt: skip
def test_measured_order_with_a_fixed_number_of_inner_steps(method):
    counts = np.array([20, 40, 80])
    assert abs(slope(2.0 / counts, errors_of(method, counts)) - method.order) < 0.2


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_tolerance_is_met(method, tol):
    sol = sl.solve(PROBLEM, method, rtol=tol, atol=tol)
    assert sol.success
    assert np.max(np.abs(sol.u - EXACT(sol.t))) < 10 * tol


def test_a_fine_tolerance_is_met_by_the_highest_order():
    sol = sl.solve(PROBLEM, sl.MRIGARKERK45a(sl.Vern7()), rtol=1e-10, atol=1e-10)
    assert np.max(np.abs(sol.u - EXACT(sol.t))) < 1e-9


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_dense_output_has_the_full_order_and_costs_a_step(method):
    sol = sl.solve(PROBLEM, method, dt=0.05, adaptive=False, rtol=1e-10, atol=1e-10)
    times = np.linspace(0.013, 1.987, 23)
    error = np.max(np.abs(sol.u - EXACT(sol.t)))
    assert np.max(np.abs(sol(times) - EXACT(times))) < 2 * error
    assert np.array_equal(sol(sol.t), sol.u)
    assert np.array_equal(sol(times), sol(times))
    saved = sl.solve(PROBLEM, method, dt=0.05, adaptive=False, rtol=1e-10, atol=1e-10, saveat=times)
    assert np.allclose(saved.u, sol(times), rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ADAPTIVE[:2], ids=repr)
def test_two_speeds_need_few_slow_evaluations(method):
    prob = sl.zoo.slow_fast.split(tspan=(0.0, 1.0))
    sol = sl.solve(prob, method, rtol=1e-6, atol=1e-8, dense=False)
    plain = sl.solve(prob, sl.Tsit5(), rtol=1e-6, atol=1e-8, dense=False)
    exact = [np.sqrt(1 + 0.5 * np.cos(1.0)), np.sqrt(2 + np.cos(100.0))]
    assert np.max(np.abs(sol.u[-1] - exact)) < 1e-5
    assert sol.stats.parts["f_slow"] < plain.stats.nf / 5
    assert sol.stats.parts["f_slow"] < sol.stats.parts["f_fast"] / 20


def test_the_infinitesimal_methods_need_the_fewest():
    prob = sl.zoo.slow_fast.split(tspan=(0.0, 1.0))
    used = [
        sl.solve(prob, m, rtol=1e-5, atol=1e-7, dense=False).stats.parts["f_slow"] for m in ADAPTIVE
    ]
    assert max(used[:2]) < min(used[2:])


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_agreement_with_tsit5_on_the_sum(method):
    sol = sl.solve(PROBLEM, method, dt=0.01, adaptive=False, rtol=1e-9, atol=1e-9)
    plain = sl.solve(PROBLEM, sl.Tsit5(), rtol=1e-10, atol=1e-12)
    assert np.allclose(sol.u[-1], plain.u[-1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_slow_and_fast_are_counted_as_they_are_called(method):
    calls = {"f_slow": 0, "f_fast": 0}

    def counted(f, name):
        def g(u, p, t):
            calls[name] += 1
            return f(u, p, t)

        return g

    prob = PROBLEM.replace(f_stiff=counted(slow, "f_slow"), f_nonstiff=counted(fast, "f_fast"))
    sol = sl.solve(prob, method, dt=0.1, adaptive=False)
    assert sol.stats.parts == calls
    assert sol.stats.nf == sum(calls.values())
    assert f"{calls['f_slow']} evaluations of f_slow, {calls['f_fast']} evaluations" in repr(sol)
    stages = method.order * (method.order + 1) // 2 - (method.order - 1)
    if method in INFINITESIMAL:
        assert calls["f_slow"] == 20 * method.table.stages + 1
    else:
        assert calls["f_slow"] == 20 * stages + 1


def test_a_linear_fast_part_and_no_slow_one_is_solved_by_the_inner_method():
    prob = sl.SplitProblem(lambda u, p, t: 0 * u, lambda u, p, t: -2.0 * u, [1.0], (0.0, 1.0))
    sol = sl.solve(prob, sl.MRIGARKERK33a(sl.RK4(), 3), dt=0.1, adaptive=False)
    inner = fixed(sl.RK4(), lambda u, p, t: -2.0 * u, np.ones(1), None, 1.0, 30)
    assert np.allclose(sol.u[-1], inner, rtol=1e-14)


def test_extrapolation_of_one_result_is_euler():
    prob = sl.ODEProblem(PROBLEM.f, PROBLEM.u0, PROBLEM.tspan)
    a = sl.solve(PROBLEM, sl.ExtrapolatedMultirateEuler(1, substeps=1), dt=0.1)
    b = sl.solve(prob, sl.Euler(), dt=0.1)
    assert np.allclose(a.u, b.u, rtol=1e-13)


def test_backward_in_time_complex_and_any_shape():
    prob = sl.SplitProblem(
        lambda u, p, t: -0.5 * u, lambda u, p, t: 10j * u, np.array([[1.0 + 0j], [2.0]]), (1.0, 0.0)
    )
    sol = sl.solve(prob, sl.MRIGARKERK45a(), rtol=1e-8, atol=1e-10)
    assert np.allclose(sol.u[-1], prob.u0 * np.exp(0.5 - 10j), rtol=1e-6)


def test_an_event_inside_of_a_large_step():
    fall = sl.Event(lambda u, p, t: u[0], terminal=True)
    prob = sl.SplitProblem(
        lambda u, p, t: np.array([-1.0, 0.0]), lambda u, p, t: np.array([0.0, 50 * np.cos(50 * t)]),
        [0.5, 0.0], (0.0, 1.0),
    )  # fmt: skip
    sol = sl.solve(prob, sl.MRIGARKERK33a(), rtol=1e-6, atol=1e-8, callbacks=fall)
    assert sol.t[-1] == pytest.approx(0.5, abs=1e-6)
    assert sol.u[-1, 1] == pytest.approx(np.sin(25.0), abs=1e-4)


def test_a_fast_part_that_blows_up_ends_the_solve_with_a_reason():
    prob = sl.SplitProblem(lambda u, p, t: 0 * u, lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    sol = sl.solve(prob, sl.MRIGARKERK33a(), rtol=1e-5)
    assert not sol.success
    assert 0.9 < sol.t[-1] < 1.01


def test_a_table_of_one_s_own():
    """Heun's method for the slow part: order 2 in both directions of coupling."""
    table = MultirateTable(
        name="mine", fast=[1.0, 0.0], slow=[[1.0], [-0.5, 0.5]], start=[[1, 0], [0, 1]]
    )
    assert table.order == 2
    method = sl.MultirateRK(table)
    assert repr(method) == "MultirateRK('mine')"
    counts = np.array([40, 80, 160])
    assert abs(slope(2.0 / counts, errors_of(method, counts, rtol=1e-10)) - 2) < 0.2


def test_mistakes_get_a_sentence():
    whole = sl.ODEProblem(PROBLEM.f, PROBLEM.u0, PROBLEM.tspan)
    with pytest.raises(TypeError, match="MRIGARKERK33a is made for a SplitProblem"):
        sl.solve(whole, sl.MRIGARKERK33a())
    with pytest.raises(ValueError, match="dt is required: MIS2 takes fixed steps"):
        sl.solve(PROBLEM, sl.MIS2())
    with pytest.raises(TypeError, match="inner must be an explicit"):
        sl.MRIGARKERK33a(sl.Rodas5P())
    with pytest.raises(ValueError, match="RK4 has no error estimate"):
        sl.MRIGARKERK33a(sl.RK4())
    with pytest.raises(ValueError, match="substeps must be a positive whole number"):
        sl.MRIGARKERK33a(substeps=0)
    with pytest.raises(ValueError, match="max_order must be a positive whole number"):
        sl.ExtrapolatedMultirateEuler(2.5)
    with pytest.raises(TypeError, match="table must be a MultirateTable"):
        sl.MultirateRK(sl.RK4().tableau)
    with pytest.raises(ValueError, match="one row for each of the 2 stages"):
        MultirateTable(name="x", fast=[0.5, 0.5], slow=[[0.5]])
    with pytest.raises(ValueError, match="states before it only"):
        MultirateTable(name="x", fast=[0.5, 0.5], slow=[[0.0, 0.5], [0.5]])
    with pytest.raises(ValueError, match="as much of the slow part"):
        MultirateTable(name="x", fast=[0.5, 0.5], slow=[[0.5], [0.25]])
    with pytest.raises(ValueError, match="must sum to 1"):
        MultirateTable(name="x", fast=[1.0], slow=[[1.0]], start=[[0.5]])


def test_names_and_equality():
    assert repr(sl.MRIGARKERK45a(sl.BS3())) == "MRIGARKERK45a(inner=BS3())"
    assert sl.MIS2(substeps=3) == sl.MIS2(substeps=3) != sl.MIS2()
    assert "order 4, embedded order 3, 5 slow evaluations" in str(sl.MRIGARKERK45a())
