"""The zoo against its reference values: errors small, and in proportion to the tolerance."""

import numpy as np
import pytest

import sciml_lab as sl

ENTRIES = [entry for entry in sl.zoo.all() if not entry.stiff]
TOLERANCES = (1e-5, 1e-7, 1e-9)


def end_error(entry, method, tol):
    prob = entry()
    sol = sl.solve(prob, method, rtol=tol, atol=0.01 * tol, saveat=[prob.tspan[1]], dense=False)
    assert sol.success
    return entry.reference.error(sol.u[-1])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("method", [sl.DP5(), sl.Tsit5(), sl.Vern7(), sl.DOP853()], ids=repr)
def test_error_is_proportional_to_the_tolerance(entry, method):
    errors = [end_error(entry, method, tol) for tol in TOLERANCES]
    slope = np.polyfit(np.log(TOLERANCES), np.log(errors), 1)[0]
    assert 0.7 < slope < 1.6  # 1 is proportional; the last tolerances gain from smaller steps
    assert errors[2] < 6e-6  # the Arenstorf orbit multiplies every error by some thousand
    assert errors[2] < 1e-2 * errors[0]


def test_arenstorf_orbit_closes():
    prob = sl.zoo.arenstorf()
    sol = sl.solve(prob, sl.DOP853(), rtol=1e-12, atol=1e-14)
    assert np.max(np.abs(sol.u[-1] - prob.u0)) < 1e-6


def test_pleiades_reaches_the_published_values():
    entry = sl.zoo.pleiades
    sol = sl.solve(entry(), sl.DOP853(), rtol=1e-12, atol=1e-13)
    assert entry.reference.error(sol.u[-1]) < 1e-9


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.invariants], ids=lambda e: e.name)
def test_invariants_stay_constant(entry):
    sol = sl.solve(entry(), sl.Vern9(), rtol=1e-11, atol=1e-13)
    for invariant in entry.invariants.values():
        values = np.array([invariant(u, entry.p) for u in sol.u])
        assert np.max(np.abs(values - values[0])) < 1e-7 * max(1.0, np.max(np.abs(values)))


@pytest.mark.parametrize("name", ["lotka_volterra", "pendulum", "brusselator", "fitzhugh_nagumo"])
@pytest.mark.parametrize("pair", [(sl.DP5(), "RK45"), (sl.DOP853(), "DOP853")], ids=str)
def test_scipy_agrees(name, pair):
    integrate = pytest.importorskip("scipy.integrate")
    method, theirs = pair
    prob = sl.zoo.get(name)()
    times = np.linspace(*prob.tspan, 21)
    ours = sl.solve(prob, method, rtol=1e-9, atol=1e-11, saveat=times)
    other = integrate.solve_ivp(
        lambda t, u: prob.f(u, prob.p, t), prob.tspan, prob.u0, theirs, times, rtol=1e-9, atol=1e-11
    )
    assert np.allclose(ours.u, other.y.T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["exponential", "pendulum", "kepler"])
def test_dense_output_follows_the_exact_solution(name):
    entry = sl.zoo.get(name)
    prob = entry()
    times = np.linspace(*prob.tspan, 97)
    sol = sl.solve(prob, sl.Vern7(), rtol=1e-9, atol=1e-11)
    assert np.max(np.abs(sol(times) - entry.exact(times))) < 1e-6
