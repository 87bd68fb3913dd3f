"""The equations on a ring: two forms of one equation, and their end values."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sciml_lab as sl

ENTRIES = [sl.zoo.kuramoto_sivashinsky, sl.zoo.allen_cahn, sl.zoo.burgers]


def by_name(entry):
    return entry.name


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_both_forms_are_the_same_equation(entry):
    waves, points = entry.semilinear(), entry.split()
    np.testing.assert_allclose(np.fft.irfft(waves.u0, 128), points.u0, atol=1e-14)
    assert waves.tspan == points.tspan == entry.tspan
    u = points.u0 + 0.1 * np.random.default_rng(1).normal(size=128)
    one = np.fft.irfft(waves.f(np.fft.rfft(u), None, 0.0), 128)
    two = points.f(u, None, 0.0)
    np.testing.assert_allclose(one, two, atol=1e-12 * np.abs(points.f_stiff(u, None, 0.0)).max())


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_the_equation_is_the_one_in_the_text(entry):
    """For three waves, with the derivatives by hand."""
    x, w = entry.x(), 2 * np.pi / entry.length
    u = np.sin(3 * w * x) + 0.5 * np.cos(w * x)
    u1 = w * (3 * np.cos(3 * w * x) - 0.5 * np.sin(w * x))
    u2 = -(w**2) * (9 * np.sin(3 * w * x) + 0.5 * np.cos(w * x))
    u4 = w**4 * (81 * np.sin(3 * w * x) + 0.5 * np.cos(w * x))
    want = {
        "kuramoto_sivashinsky": -u2 - u4 - u * u1,
        "allen_cahn": 0.01 * u2 + u - u**3,
        "burgers": 0.05 * u2 - u * u1,
    }[entry.name]
    np.testing.assert_allclose(entry.split().f(u, None, 0.0), want, atol=1e-9)


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_split_parts_their_jacobian_and_their_lowering(entry):
    prob = entry.split(16)
    u = prob.u0 + 0.1 * np.arange(16)
    jac = sl.ad.jacobian(lambda u: prob.f_stiff(u, None, 0.0), u)
    np.testing.assert_allclose(prob.jac(u, None, 0.0), jac, rtol=1e-12, atol=1e-12)
    sl.transform.lower(prob.f, prob.u0, None, 0.0)
    L, D = entry.matrices(16)
    np.testing.assert_allclose(L, L.T, atol=1e-12 * np.abs(L).max())
    np.testing.assert_allclose(D, -D.T, atol=1e-14)


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_reference_by_scipy(entry):
    """By backward differences, from the values at the points."""
    prob = entry.split()
    sol = solve_ivp(
        lambda t, u: prob.f(u, None, t), entry.tspan, prob.u0, "LSODA", rtol=1e-9, atol=1e-11
    )
    assert entry.reference.t == entry.tspan[1]
    assert entry.reference.error(sol.y[:, -1]) < 1e-6


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_other_grids_and_times_and_bad_ones(entry):
    assert entry.semilinear(64, tspan=(0.0, 1.0)).u0.shape == (33,)
    assert entry.split(64, tspan=(0.0, 1.0)).tspan == (0.0, 1.0)
    for n in (127, 2, 64.0, True):
        with pytest.raises(ValueError, match=f"n of {entry.name} must be an even whole number"):
            entry.split(n)
    for word in (entry.title, entry.equation, entry.source, "split(n)", "reference:"):
        assert word in str(entry)
    assert entry.name in repr(entry)


def test_conserved_and_dissipated():
    """Burgers and Kuramoto-Sivashinsky keep the mean; Burgers loses energy."""
    for entry in (sl.zoo.burgers, sl.zoo.kuramoto_sivashinsky):
        start = entry.split().u0
        assert abs(entry.reference.u.mean() - start.mean()) < 1e-12
    assert np.sum(sl.zoo.burgers.reference.u**2) < np.sum(sl.zoo.burgers.split().u0 ** 2)
