"""Reference values of the stiff zoo against SciPy; where M is singular, through an explicit ODE."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import null_space

import sciml_lab as sl

RING = sl.zoo.ring_modulator  # SciPy needs minutes for it: see the test of its own
ODES = [e for e in sl.zoo.all() if e.stiff and e.mass_matrix is None and e is not RING]
INDEX_3 = ("car_axis", "andrews_squeezer")  # see test_zoo_mechanisms
DAES = [
    e for e in sl.zoo.all() if e.mass_matrix is not None and e.name not in ("rober_dae", *INDEX_3)
]
TOLERANCES = {  # rtol, atol, and what the error then is at most
    "rober": (1e-9, 1e-21, 1e-9),
    "hires": (1e-9, 1e-15, 1e-9),
    "pollu": (1e-9, 1e-24, 1e-9),
    "van_der_pol_stiff": (1e-8, 1e-11, 1e-8),
    "van_der_pol_scaled": (1e-8, 1e-11, 1e-8),
    "oregonator": (1e-8, 1e-8, 1e-8),
    "e5": (1e-9, 1e-22, 1e-7),
    "prothero_robinson": (1e-8, 1e-11, 1e-8),
    "chemical_akzo_nobel": (1e-8, 1e-12, 1e-8),
    "transistor_amplifier": (1e-5, 1e-5, 1e-4),
}


def by_scipy(g, entry):
    """End value by a method and a program that have nothing in common with the reference's."""
    rtol, atol, _ = TOLERANCES[entry.name]
    sol = solve_ivp(g, entry.tspan, entry.u0, method="Radau", rtol=rtol, atol=atol)
    assert sol.success and entry.reference.t == entry.tspan[1] == sol.t[-1]
    return sol.y[:, -1]


@pytest.mark.parametrize("entry", ODES, ids=lambda entry: entry.name)
def test_reference_of_the_ode(entry):
    end = by_scipy(lambda t, u: entry.f(u, entry.p, t), entry)
    assert entry.reference.error(end) < TOLERANCES[entry.name][2]


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
    assert entry.reference.error(by_scipy(explicit(entry), entry)) < TOLERANCES[entry.name][2]


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


def test_ring_modulator_ends_at_the_published_values():
    """Those of the Test Set, computed with a relative tolerance of 1e-12."""
    published = [
        -0.2339057358486745e-1, -0.7367485485540825e-2, 0.2582956709291169, -0.4064465721283450,
        -0.4039455665149794, 0.2607966765422943, 0.1106761861269975, 0.2939904342435596e-6,
        -0.2840029933642329e-7, 0.7267198267264553e-3, 0.7929487196960840e-3,
        -0.7255283495698965e-3, -0.7941401968526521e-3, 0.7088495416976114e-4,
        0.2390059075236570e-4,
    ]  # fmt: skip
    assert RING.reference.error(published) < RING.reference.accuracy


def test_ring_modulator_starts_like_its_reference():
    """After a microsecond: SciPy against the program that computed the end value."""
    sol = solve_ivp(
        lambda t, u: RING.f(u, RING.p, t), (0.0, 1e-6), RING.u0, method="Radau", rtol=1e-7,
        atol=1e-13,
    )  # fmt: skip
    want = [
        1.615057518007399e-5, -5.154341029227231e-10, 4.055644754601563e-4,
        -3.897749355896705e-4, -3.978017726566352e-4, 3.975376383931916e-4,
        -1.644578876008995e-5, -9.0988567585844e-13, 1.6959e-17, -3.657926314251693e-7,
        -3.659905386897852e-7, 3.659410643276388e-7, 3.658421057873156e-7,
        7.722126588097581e-7, 3.62359829919599e-14,
    ]  # fmt: skip
    np.testing.assert_allclose(sol.y[:, -1], want, rtol=1e-5, atol=1e-11)
