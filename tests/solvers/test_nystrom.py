"""Nystrom methods: order by SN-trees and by measurement, dense output, stability, zoo, misuse."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sciml_lab as sl
from sciml_lab.solvers import nystrom, nystrom_tableau
from sciml_lab.solvers.tableaus import nystrom as tables

METHODS = list(nystrom.METHODS.values())
FACTS = {  # order, embedded order, dense order, accelerations per step
    "Nystrom4": (4, 0, 3, 3),
    "Nystrom5": (5, 0, 4, 4),
    "DPRKN6": (6, 4, 5, 5),
}


def coupled(end=3.0):
    """A nonlinear, nonautonomous problem of two degrees of freedom."""
    return sl.SecondOrderProblem(
        lambda x, v, p, t: -np.sin(x) * (1 + 0.3 * np.cos(2 * t)) - p[0] * x[::-1] ** 2,
        [1.2, 0.4],
        [0.3, -0.5],
        (0.0, end),
        [0.1],
    )


@pytest.fixture(scope="module")
def exact():
    return sl.solve(coupled(), sl.Vern9(), rtol=1e-14, atol=1e-15)


def test_as_many_trees_as_the_books_count():
    counts = [len(nystrom_tableau.nystrom_trees(n)) for n in range(1, 11)]
    assert counts == [1, 1, 2, 3, 6, 10, 20, 36, 72, 137]


@pytest.mark.parametrize("cls", METHODS)
def test_properties(cls):
    tab = cls().tableau
    assert (tab.order, tab.embedded_order, tab.dense_order, tab.evaluations) == FACTS[tab.name]
    assert cls().name in str(tab) and f"order {tab.order}" in str(cls())
    assert repr(cls()) == f"{cls.__name__}()" and cls() == cls()


def test_a_wrong_digit_is_seen():
    table = dict(tables.DPRKN6)
    table["A"] = np.array(table["A"])
    table["A"][4, 2] += 1e-10
    assert nystrom_tableau.NystromTableau(**table).order < 6


@pytest.mark.parametrize("name", ["RK4", "DP5", "Vern7"])
def test_every_runge_kutta_method_is_a_nystrom_method(name):
    """With A^2, A^T b, b the conditions of SN-trees follow from those of all trees."""
    rk = getattr(sl, name)().tableau
    tab = sl.NystromTableau(name, rk.A @ rk.A, rk.A.T @ rk.b, rk.b, rk.c)
    assert tab.order >= rk.order
    prob, h = coupled(), 0.2
    one = sl.solve(prob, sl.Nystrom(tab), dt=h).u[1]
    two = sl.solve(prob, sl.ExplicitRK(rk), dt=h, adaptive=False).u[1]
    assert np.allclose(one, two, rtol=0, atol=1e-14)


@pytest.mark.parametrize("cls", METHODS)
def test_order_by_measurement(cls, exact):
    method = cls()
    counts = np.array([12, 16, 24, 32, 48]) * (2 if method.order < 6 else 1)
    sols = [sl.solve(coupled(), method, dt=3 / n, adaptive=False) for n in counts]
    times = np.linspace(0, 3, 161)
    between = exact(times)
    at_end = [np.linalg.norm(sol.u[-1] - exact.u[-1]) for sol in sols]
    inside = [np.max(np.abs(sol(times) - between)) for sol in sols]
    assert abs(-np.polyfit(np.log(counts), np.log(at_end), 1)[0] - method.order) < 0.2
    assert -np.polyfit(np.log(counts), np.log(inside), 1)[0] > method.tableau.dense_order - 0.2


@pytest.mark.parametrize("cls", METHODS)
def test_velocity_of_dense_output_is_the_slope_of_its_position(cls):
    prob, method = coupled(), cls()
    sol = sl.solve(prob, method, dt=0.25, adaptive=False)
    t, eps = np.linspace(0.05, 2.9, 23), 1e-6
    slope = (sol(t + eps)[:, :2] - sol(t - eps)[:, :2]) / (2 * eps)
    assert np.max(np.abs(slope - sol(t)[:, 2:])) < 1e-8
    ends = np.array([sol(s) for s in sol.t])
    assert np.max(np.abs(ends - sol.u)) < 1e-14


@pytest.mark.parametrize("cls", METHODS)
def test_step_on_an_oscillator_is_the_matrix_of_the_tableau(cls):
    tab, w = cls().tableau, 3.0
    spring = sl.SecondOrderProblem(lambda x, v, p, t: -w * w * x, [0.7], [1.1], (0.0, 0.4))
    u = sl.solve(spring, cls(), dt=0.4, adaptive=False).u[-1]
    x, hv = tab.oscillator(0.4 * w) @ [0.7, 0.4 * 1.1]
    assert np.allclose(u, [x, hv / 0.4], rtol=1e-13)
    z = 1e-2  # eigenvalues exp(+-iz) up to the order
    angle = np.max(np.angle(np.linalg.eigvals(tab.oscillator(z))))
    assert abs(angle - z) < z ** (tab.order + 1) + 1e-15
    limit = tab.stability_limit
    assert 2 < limit < 3 and tab.amplification(limit) <= 1.01 < tab.amplification(limit + 0.02)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("name", ["kepler", "pendulum"])
def test_zoo_closed_forms(name, rtol):
    prob = getattr(sl.zoo, f"{name}_second_order")()
    end = getattr(sl.zoo, name).exact(prob.tspan[1], u0=prob.u0)
    sol = sl.solve(prob, sl.DPRKN6(), rtol=rtol, atol=rtol)
    assert sol.success
    error = np.sqrt(np.mean(((sol.u[-1] - end) / (rtol + rtol * np.abs(end))) ** 2))
    assert error < 10, error


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("name", ["outer_solar_system", "henon_heiles"])
def test_zoo_references(name, rtol):
    prob = getattr(sl.zoo, f"{name}_second_order")()
    end = getattr(sl.zoo, name).reference.u
    sol = sl.solve(prob, sl.DPRKN6(), rtol=rtol, atol=rtol / 100)
    assert np.linalg.norm(sol.u[-1] - end) < 10 * rtol * np.linalg.norm(end)


def test_fewer_accelerations_than_a_general_method_for_the_same_accuracy():
    """Tsit5, of order 5, takes 1.5 times as many on Kepler's problem and is less accurate."""
    prob = sl.zoo.kepler_second_order()
    end = sl.zoo.kepler.exact(20.0, u0=prob.u0)
    ours = sl.solve(prob, sl.DPRKN6(), rtol=1e-6, atol=1e-8, dense=False)
    other = sl.solve(prob, sl.Tsit5(), rtol=1e-8, atol=1e-10, dense=False)
    assert 1.5 * ours.stats.nf < other.stats.nf
    assert np.linalg.norm(ours.u[-1] - end) < np.linalg.norm(other.u[-1] - end)


def test_another_code_agrees():
    prob = coupled()
    other = solve_ivp(
        lambda t, u: prob.f(u, prob.p, t), (0, 3), prob.u0, method="DOP853", rtol=1e-12, atol=1e-13
    )
    sol = sl.solve(prob, sl.DPRKN6(), rtol=1e-11, atol=1e-12)
    assert np.allclose(sol.u[-1], other.y[:, -1], atol=1e-9)
    back = sl.solve(prob.replace(u0=sol.u[-1], tspan=(3.0, 0.0)), sl.DPRKN6(), rtol=1e-11)
    assert np.allclose(back.u[-1], prob.u0, atol=1e-8)


def test_cost():
    """Five accelerations per attempted step, and none for output in between."""
    prob = sl.zoo.kepler_second_order()
    sol = sl.solve(prob, sl.DPRKN6(), rtol=1e-6, atol=1e-6, dense=False)
    assert sol.stats.nf - 5 * sol.stats.nsteps <= 4  # f once, the first step, the check of v
    free = sl.solve(prob, sl.DPRKN6(), rtol=1e-6, atol=1e-6, saveat=np.linspace(0, 20, 501))
    assert free.stats.nf == sol.stats.nf  # dense output costs nothing


def test_events_and_output_times():
    """x'' = -g: a ball that bounces from the floor."""
    ball = sl.SecondOrderProblem(lambda x, v, p, t: -9.81 + 0 * x, [1.0], [0.0], (0.0, 1.0))
    floor = sl.Event(lambda u, p, t: u[0], lambda u, p, t: np.array([0.0, -0.5 * u[1]]))
    sol = sl.solve(ball, sl.DPRKN6(), callbacks=[floor])
    assert sol.success and abs(sol.events[0].t - np.sqrt(2 / 9.81)) < 1e-9


def test_misuse_gets_a_sentence():
    drag = sl.SecondOrderProblem(lambda x, v, p, t: -v, [1.0], [1.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="depends on the velocity.*Tsit5"):
        sl.solve(drag, sl.DPRKN6())
    with pytest.raises(TypeError, match="made for a SecondOrderProblem"):
        sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0, 1)), sl.DPRKN6())
    with pytest.raises(ValueError, match="dt is required"):
        sl.solve(coupled(), sl.Nystrom4())
    with pytest.raises(TypeError, match="must be a NystromTableau"):
        sl.Nystrom(sl.RK4().tableau)
    A, half = [[0, 0], [0.5, 0]], [0.5, 0]
    for match, arguments in (
        ("must be explicit", ([[0, 0], [0.5, 0.1]], half, [0.5, 0.5], [0, 1])),
        ("start at t", (A, half, [0.5, 0.5], [0.5, 1])),
        ("b_bar must sum to 0.5", (A, [1, 0], [0.5, 0.5], [0, 1])),
        ("b must sum to 1", (A, half, [0.5, 0.4], [0, 1])),
        ("c must have shape", (A, half, [0.5, 0.5], [0, 1, 1])),
        ("both or none", (A, half, [0.5, 0.5], [0, 1], [0.1, -0.1])),
        ("P must lead to b_bar", (A, half, [0.5, 0.5], [0, 1], None, None, [[1], [0.5]])),
    ):
        with pytest.raises(ValueError, match=match):
            sl.NystromTableau("mine", *arguments)
    with pytest.raises(TypeError, match="b_bar must be an array of real numbers"):
        sl.NystromTableau("mine", A, ["x", "y"], [0.5, 0.5], [0, 1])


@pytest.mark.parametrize("method", [sl.Nystrom4(), sl.VelocityVerlet()])
def test_a_failed_solve_is_explained(method):
    runaway = sl.SecondOrderProblem(lambda x, v, p, t: 1000 * x**3 - x, [1.0], [0.1], (0.0, 5.0))
    sol = sl.solve(runaway, method, dt=0.1)
    assert not sol.success and sol.diagnosis.verdict == "overflow" and len(sol.t) > 1
