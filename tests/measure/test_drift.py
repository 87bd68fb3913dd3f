"""A drift of the energy is told from a swing: known noise, and methods that keep it or do not."""

import numpy as np
import pytest
from scipy.signal import lfilter

import sciml_lab as sl
from sciml_lab.measure import drift


def correlated(rng, count, phi):
    """Noise of variance 1 that remembers: x_n = phi x_(n-1) + ..., far from where it starts."""
    x = 10 + lfilter([np.sqrt(1 - phi**2)], [1.0, -phi], rng.standard_normal(count + 1000))[1000:]
    x[0] = 0.0
    return x


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.97])
def test_false_alarms_are_rare_though_the_noise_is_correlated(phi):
    rng, t = np.random.default_rng(3), np.arange(4000.0)
    found = np.array([drift(t, correlated(rng, 4000, phi)).significance for _ in range(200)])
    assert np.mean(np.abs(found) > 3) <= 0.02
    assert np.std(found) > 0.5  # and the errors are not made large to hide everything


def test_the_usual_formula_would_cry_wolf():
    rng, t = np.random.default_rng(4), np.arange(4000.0)
    alarms = 0
    for _ in range(50):
        x = correlated(rng, 4000, 0.97)
        line, cov = np.polyfit(t, x, 1, cov=True)
        alarms += abs(line[0]) > 3 * np.sqrt(cov[0, 0])
    assert alarms > 20


def test_a_known_slope_is_found_within_its_errors():
    rng, t = np.random.default_rng(5), np.linspace(0, 100, 4000)
    found = [drift(t, correlated(rng, 4000, 0.9) + 0.05 * t) for _ in range(100)]
    slope, error = np.array(found).T
    assert np.all(slope > 3 * error)
    assert abs(np.mean(slope) - 0.05) < 3 * np.std(slope) / 10
    assert np.mean(np.abs(slope - 0.05) < 3 * error) > 0.96


def kepler_energy(u):
    return (u[:, 2] ** 2 + u[:, 3] ** 2) / 2 - 1 / np.hypot(u[:, 0], u[:, 1])


def test_kepler_symplectic_against_runge_kutta():
    prob = sl.zoo.kepler_hamiltonian(0.6, tspan=(0.0, 60 * 2 * np.pi))
    kept = sl.solve(prob, sl.KahanLi8(), dt=0.13, dense=False)
    lost = sl.solve(prob, sl.Tsit5(), rtol=1e-6, atol=1e-6, dense=False)
    bounded, drifts = (drift(sol.t, kepler_energy(sol.u)) for sol in (kept, lost))
    assert abs(bounded.slope) < 3 * bounded.standard_error and "no drift seen" in str(bounded)
    assert drifts.slope > 30 * drifts.standard_error and "drifts" in str(drifts)
    assert drifts.slope > 1000 * (abs(bounded.slope) + 3 * bounded.standard_error)


def test_properties_of_the_fit():
    t = np.linspace(0.0, 50.0, 800)
    swing = np.sin(7 * t) ** 2 + 0.003 * t
    one = drift(t, swing)
    slope, error = one  # it unpacks
    assert (slope, error) == (one.slope, one.standard_error) and one.significance == slope / error
    assert np.allclose(drift(t, 5 * swing), 5 * np.array(one))
    assert np.allclose(drift(10 * t, swing), np.array(one) / 10)
    assert np.allclose(drift(t, -1 - swing), one)  # the size of the error counts, not its sign
    assert drift(-t, swing).slope < 0 < one.slope
    assert drift(t, 0 * t).significance == 0 and drift(t, t).significance > 1e6


def test_misuse_gets_a_sentence():
    t = np.arange(20.0)
    for match, times, energies in (
        ("two vectors of the same length", t, t[1:]),
        ("16 at least", t[:15], t[:15]),
        ("must be finite", t, np.full(20, np.nan)),
        ("must advance", np.zeros(20), t),
    ):
        with pytest.raises(ValueError, match=match):
            drift(times, energies)
