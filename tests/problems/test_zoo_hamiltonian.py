"""Motion in two forms, and the problem of two speeds: exact solutions, energies, parts."""

import numpy as np
import pytest

import sciml_lab as sl

PAIRS = [
    (sl.zoo.kepler_hamiltonian(), sl.zoo.kepler_second_order(), "kepler"),
    (sl.zoo.pendulum_hamiltonian(), sl.zoo.pendulum_second_order(), "pendulum"),
    (sl.zoo.henon_heiles_hamiltonian(), sl.zoo.henon_heiles_second_order(), "henon_heiles"),
    (
        sl.zoo.outer_solar_system_hamiltonian(),
        sl.zoo.outer_solar_system_second_order(),
        "outer_solar_system",
    ),
]


@pytest.mark.parametrize(("hamiltonian", "newton", "name"), PAIRS, ids=lambda x: str(x)[:12])
def test_both_forms_are_the_motion_of_the_entry(hamiltonian, newton, name):
    entry = sl.zoo.get(name)
    assert isinstance(hamiltonian, sl.HamiltonianProblem)
    assert isinstance(newton, sl.SecondOrderProblem)
    p = entry.p if name != "pendulum" else [9.81, 1.0]
    masses = np.tile(p[:6], 3) if name == "outer_solar_system" else 1.0
    u = newton.u0 + 0.1
    want = entry.f(u, p, 0.0)
    for prob, m in ((hamiltonian, masses), (newton, 1.0)):
        unit = np.concatenate([np.ones(n := len(u) // 2), m * np.ones(n)])  # of a momentum
        np.testing.assert_allclose(prob.u0, unit * newton.u0, rtol=1e-15)
        np.testing.assert_allclose(prob.f(unit * u, prob.p, 0.0), unit * want, rtol=1e-12)
        sl.transform.lower(prob.f, prob.u0, prob.p, 0.0)


@pytest.mark.parametrize(("hamiltonian", "newton", "name"), PAIRS, ids=lambda x: str(x)[:12])
def test_the_energy_gives_the_equations(hamiltonian, newton, name):
    """dq/dt = dH/dp and dp/dt = -dH/dq, by the complex step."""
    prob, n = hamiltonian, hamiltonian.q0.size
    u = prob.u0 + 0.1
    moved = u[:, None] + 1e-100j * np.eye(2 * n)
    slopes = [np.imag(prob.H(x[:n], x[n:], prob.params, 0.0)) / 1e-100 for x in moved.T]
    want = np.concatenate([slopes[n:], -np.array(slopes[:n])])
    np.testing.assert_allclose(prob.f(u, prob.params, 0.0), want, rtol=1e-12)


@pytest.mark.parametrize("e", [0.0, 0.6, 0.9])
def test_kepler_ends_where_the_closed_form_says(e):
    prob = sl.zoo.kepler_hamiltonian(e, tspan=(0.0, 7.0))
    sol = sl.solve(prob, sl.Vern9(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(sol.u[-1], sl.zoo.kepler.exact(7.0, u0=prob.u0), atol=1e-8)
    np.testing.assert_array_equal(prob.u0, sl.zoo.kepler_second_order(e).u0)


def test_a_bad_eccentricity():
    for e in (-0.1, 1.0, 2.0):
        with pytest.raises(ValueError, match="e must be an eccentricity, 0 <= e < 1"):
            sl.zoo.kepler_hamiltonian(e)


def test_pendulum_ends_where_the_closed_form_says():
    prob = sl.zoo.pendulum_second_order(2.0)
    sol = sl.solve(prob, sl.Vern9(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(sol.u[-1], sl.zoo.pendulum.exact(10.0, u0=prob.u0), atol=1e-9)


def test_slow_fast_in_parts():
    entry = sl.zoo.slow_fast
    prob = entry.split(w=30.0, tspan=(0.0, 1.0))
    assert isinstance(prob, sl.SplitProblem) and prob.tspan == (0.0, 1.0) and prob.p[3] == 30.0
    u = np.array([1.1, 1.4])
    slow, fast = prob.f_slow(u, prob.p, 0.2), prob.f_fast(u, prob.p, 0.2)
    assert slow[1] == 0.0 == fast[0] and slow[0] != 0.0 != fast[1]
    np.testing.assert_array_equal(prob.f(u, prob.p, 0.2), entry.f(u, prob.p, 0.2))
    sol = sl.solve(prob, sl.Vern7(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(sol.u[-1], entry.exact(1.0, p=prob.p), rtol=1e-8)
    with pytest.raises(ValueError, match="for its default u0 only"):
        entry.exact(1.0, u0=[1.0, 1.0])


def test_prothero_robinson_forgets_its_start():
    entry = sl.zoo.prothero_robinson
    p = np.array([-50.0])
    sol = sl.solve(entry([2.0], (0.0, 1.0), rate=-50.0), sl.Vern7(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(sol.u[-1], entry.exact(1.0, [2.0], p), rtol=1e-9)
    np.testing.assert_allclose(entry.exact(0.1, [2.0], p), [np.sin(0.1) + 2 * np.exp(-5)])
