"""Reference values of the stiff zoo against SciPy; where M is singular, through an explicit ODE."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import null_space

import sciml_lab as sl

ODES = [e for e in sl.zoo.all() if e.stiff and e.mass_matrix is None]
DAES = [e for e in sl.zoo.all() if e.mass_matrix is not None and e.name != "rober_dae"]
TOLERANCES = {  # rtol and atol
    "rober": (1e-9, 1e-21),
    "hires": (1e-9, 1e-15),
    "pollu": (1e-9, 1e-24),
    "van_der_pol_stiff": (1e-8, 1e-11),
    "van_der_pol_scaled": (1e-8, 1e-11),
    "oregonator": (1e-8, 1e-8),
    "e5": (1e-8, 1e-20),
    "prothero_robinson": (1e-8, 1e-11),
    "chemical_akzo_nobel": (1e-8, 1e-12),
    "transistor_amplifier": (1e-4, 1e-4),
}


def by_scipy(g, entry):
    """End value by a method and a program that have nothing in common with the reference's."""
    rtol, atol = TOLERANCES[entry.name]
    sol = solve_ivp(g, entry.tspan, entry.u0, method="Radau", rtol=rtol, atol=atol)
    assert sol.success and entry.reference.t == entry.tspan[1] == sol.t[-1]
    return sol.y[:, -1]


@pytest.mark.parametrize("entry", ODES, ids=lambda entry: entry.name)
def test_reference_of_the_ode(entry):
    end = by_scipy(lambda t, u: entry.f(u, entry.p, t), entry)
    assert entry.reference.error(end) < TOLERANCES[entry.name][0]


def explicit(entry):
    """The DAE as u' = g(t, u), with its constraints N^T f = 0 differentiated by t."""
    M, p = entry.mass_matrix, entry.p
    left = null_space(M.T).T
    rows = null_space(left).T
    steps = 1e-100j * np.eye(len(entry.u0))

    def g(t, u):
        J = entry.f(u[:, None] + steps, p, t).imag / 1e-100
        slope = entry.f(u + 0j, p, t + 1e-100j).imag / 1e-100
        known = np.concatenate([rows @ entry.f(u, p, t), -left @ slope])
        return np.linalg.solve(np.vstack([rows @ M, left @ J]), known)

    return g


@pytest.mark.parametrize("entry", DAES, ids=lambda entry: entry.name)
def test_reference_of_the_dae(entry):
    assert entry.reference.error(by_scipy(explicit(entry), entry)) < TOLERANCES[entry.name][0]


@pytest.mark.parametrize("entry", [*DAES, sl.zoo.rober_dae], ids=lambda entry: entry.name)
def test_daes_have_index_one_and_begin_and_end_on_their_constraints(entry):
    M, p = entry.mass_matrix, entry.p
    left, right = null_space(M.T), null_space(M)
    assert left.shape[1] == len(M) - np.linalg.matrix_rank(M) > 0
    for u, t in ((entry.u0, entry.tspan[0]), (entry.reference.u, entry.reference.t)):
        f = entry.f(u, p, t)
        assert np.max(np.abs(left.T @ f)) < 1e-12 * max(1.0, np.max(np.abs(f)))
        J = sl.ad.jacobian(lambda u, t=t: entry.f(u, p, t), u)
        assert np.linalg.cond(left.T @ J @ right) < 1e8  # the constraints fix what M leaves free


def test_rober_as_a_dae_is_the_same_equation():
    ode, dae = sl.zoo.rober, sl.zoo.rober_dae
    u = np.array([0.3, 1e-5, 0.7 - 1e-5])
    np.testing.assert_array_equal(dae.f(u, dae.p, 0.0)[:2], ode.f(u, ode.p, 0.0)[:2])
    assert abs(dae.f(u, dae.p, 0.0)[2]) < 1e-15 and dae.f(2 * u, dae.p, 0.0)[2] == 1.0


def test_an_entry_with_a_mass_matrix_gives_it_to_its_problem_and_says_so():
    prob = sl.zoo.transistor_amplifier()
    np.testing.assert_array_equal(prob.mass_matrix, sl.zoo.transistor_amplifier.mass_matrix)
    assert "M of rank 5 of 8" in str(sl.zoo.transistor_amplifier)
    assert sl.zoo.rober_dae(k1=np.array([0.04, 0.05])).batch
