"""The measuring kit: orders of known methods, costs that agree with the solves themselves."""

import numpy as np
import pytest

import sciml_lab as sl


def test_convergence_of_known_orders():
    prob = sl.zoo.lotka_volterra(tspan=(0.0, 2.0))
    dts = 2.0 / np.array([20, 30, 40, 60, 80])
    methods = [sl.Euler(), sl.Heun(), sl.RK4(), sl.TRBDF2(), sl.Rosenbrock23()]
    table = sl.measure.convergence(prob, methods, dts)
    for method in methods[1:]:
        assert abs(table.orders[method.name] - method.order) < 0.3
    assert np.isnan(table.orders["Euler"])  # its errors are too large to mean anything
    assert "claimed" in str(table) and table.reference.accuracy < 1e-9


def test_a_claimed_order_that_does_not_hold_is_seen():
    """A tableau whose weights are wrong has order one, whatever its name."""
    lame = sl.Tableau(name="lame", A=[[0, 0], [0.5, 0]], b=[0.9, 0.1])
    prob = sl.zoo.lotka_volterra(tspan=(0.0, 1.0))
    table = sl.measure.convergence(prob, sl.ExplicitRK(lame), 1 / np.array([40, 80, 160]))
    assert abs(table.orders["lame"] - 1) < 0.2


def test_work_precision_knows_what_the_solves_cost():
    wp = sl.measure.work_precision(
        [sl.zoo.lotka_volterra, sl.zoo.kepler], [sl.Tsit5(), sl.DOP853()], [1e-4, 1e-7], cost="nf"
    )
    assert len(wp.points) == 8
    point = next(p for p in wp.points if p.method == "DOP853" and p.rtol == 1e-7)
    prob = sl.zoo.lotka_volterra()
    sol = sl.solve(prob, sl.DOP853(), rtol=1e-7, atol=1e-9, saveat=prob.tspan[1:], dense=False)
    assert point.stats.nf == sol.stats.nf
    errors, costs = wp.curves("kepler")["Tsit5"]
    assert errors[0] > errors[1] and costs[0] < costs[1]
    between = wp.at_error(np.sqrt(errors[0] * errors[1]), "kepler")["Tsit5"]
    assert costs[0] < between < costs[1]
    assert np.isnan(wp.at_error(1e-30, "kepler")["Tsit5"])


def test_a_failure_stays_in_the_table_with_its_reason():
    wp = sl.measure.work_precision(
        sl.zoo.rober, [sl.Tsit5(), sl.Rodas5P()], [1e-4], repeats=1, max_steps=2000
    )
    failed, good = wp.points
    assert np.isnan(failed.error) and "stiffness" in failed.message and "stiffness" in str(wp)
    assert good.error < 1e-2
    table = sl.measure.compare(sl.zoo.hires, [sl.Rodas5P(), sl.QNDF()], 1e-6)
    assert "njac" in table and len(table.splitlines()) == 3


def test_pictures():
    pytest.importorskip("matplotlib", reason="pictures need Matplotlib")
    wp = sl.measure.work_precision(
        {"a": sl.zoo.kepler, "b": sl.zoo.lotka_volterra}, [sl.Tsit5(), sl.BS3()], [1e-3, 1e-5],
        cost="nsteps", repeats=1,
    )  # fmt: skip
    figure = wp.plot()
    assert len(figure.axes) == 2 and "a with Tsit5, BS3" in figure.alt
    dts = [0.1, 0.05, 0.025]
    assert "slope" in sl.measure.convergence(sl.zoo.lotka_volterra, sl.RK4(), dts).plot().alt


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sl.measure.convergence(3, sl.RK4(), [1, 2, 3]), "problem must be"),
        (lambda: sl.measure.convergence(sl.zoo.kepler, sl.RK4(), [0.1]), "at least three"),
        (lambda: sl.measure.work_precision(sl.zoo.kepler, sl.RK4(), cost="money"), "cost must"),
        (lambda: sl.measure.work_precision(sl.zoo.kepler, sl.RK4(), repeats=0), "repeats must"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
