"""Switching by measured stiffness: it happens where it must, and only there."""

import numpy as np
import pytest

import sciml_lab as sl


def van_der_pol(u, p, t):
    return np.array([u[1], p[0] * ((1 - u[0] ** 2) * u[1]) - u[0]])


@pytest.mark.parametrize("name", ["rober", "hires", "pollu"])
def test_stiff_models_without_a_word_about_the_method(name):
    entry = getattr(sl.zoo, name)
    sol = sl.solve(entry(), rtol=1e-6, atol=1e-12)
    assert sol.success and sol.switches[0].to == sl.Rodas5P()
    assert sol.switches[0].h_rho > 0.9 * sol.switches[0].limit
    assert "stiff: Rodas5P from t" in sol.message
    assert entry.reference.error(sol.u[-1]) < 1e-5


@pytest.mark.parametrize("name", ["lotka_volterra", "lorenz", "kepler"])
def test_other_models_stay_explicit_and_as_they_were(name):
    prob = getattr(sl.zoo, name)()
    sol, plain = sl.solve(prob), sl.solve(prob, sl.Tsit5())
    assert not sol.switches and np.array_equal(sol.u, plain.u) and sol.stats.njac == 0
    assert sol.stats.nf == plain.stats.nf


def test_to_and_fro():
    """A rate that is large for a while: the methods follow."""
    rate = sl.ODEProblem(
        lambda u, p, t: np.array([-(1e6 if 10 < t < 20 else 1.0) * (u[0] - np.sin(40 * t))]),
        [0.0],
        (0.0, 40.0),
    )
    stops = sl.Preset([10.0, 20.0], lambda u, p, t: u)
    sol = sl.solve(rate, sl.AutoSwitch(sl.Tsit5(), sl.Rodas5P()), callbacks=stops)
    assert sol.success
    kinds = [s.to.name for s in sol.switches]
    assert kinds[:2] == ["Rodas5P", "Tsit5"] and len(kinds) == 2
    assert 10 < sol.switches[0].t < 11 and 20 < sol.switches[1].t < 25


def test_dense_output_crosses_a_switch():
    prob = sl.ODEProblem(van_der_pol, [2.0, 0.0], (0.0, 30.0), [50.0])
    sol = sl.solve(prob, sl.AutoSwitch(), rtol=1e-8, atol=1e-10)
    oracle = sl.solve(prob, sl.RadauIIA5(), rtol=1e-10, atol=1e-12)
    ts = np.linspace(0.0, 30.0, 50)
    assert sol.switches and np.max(np.abs(sol(ts) - oracle(ts))) < 1e-5
    saved = sl.solve(prob, sl.AutoSwitch(), rtol=1e-8, atol=1e-10, saveat=ts)
    assert np.allclose(saved.u, sol(ts), rtol=1e-12, atol=1e-12)


def test_a_mass_matrix_gets_a_method_that_knows_it():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-u[0] + u[1], u[0] - 2 * u[1]]),
        [1.0, 0.5],
        (0.0, 1.0),
        mass_matrix=[[1.0, 0.0], [0.0, 0.0]],
    )
    sol = sl.solve(prob)
    assert sol.method == sl.Rodas5P() and abs(sol.u[-1, 0] - np.exp(-0.5)) < 1e-6


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: sl.AutoSwitch(sl.Rodas5P()), TypeError, "nonstiff must be"),
        (lambda: sl.AutoSwitch(sl.Tsit5(), sl.Tsit5()), TypeError, "stiff must be"),
        (lambda: sl.AutoSwitch(sl.RK4()), ValueError, "can't tell stiffness"),
    ],
)
def test_bad_pairs_get_a_sentence(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_what_has_no_derivative_says_so():
    prob = sl.ODEProblem(lambda u, p, t: -p * u, [1.0], (0.0, 1.0), [2.0])
    with pytest.raises(TypeError, match="Rodas5P can't be differentiated"):
        sl.ad.grad(lambda p: sl.solve(prob.replace(p=p), sl.Rodas5P()).u[-1, 0], [2.0])
    with pytest.raises(TypeError, match="Kvaerno5 can't be differentiated"):
        sl.solve(prob, sl.Kvaerno5(), sensitivity=sl.ForwardSensitivity())
    with pytest.raises(TypeError, match="QNDF can't be differentiated"):
        sl.ad.grad(lambda t: sl.solve(prob, sl.QNDF(), saveat=t).u[-1, 0], [0.5])
    # without a name the method is one that can
    slope = sl.ad.grad(lambda p: sl.solve(prob.replace(p=p)).u[-1, 0], [2.0])
    assert abs(slope[0] + np.exp(-2.0)) < 1e-5


def test_the_jacobian_of_one_part_is_not_taken_for_that_of_the_sum():
    split = sl.SplitProblem(
        lambda u, p, t: -1e3 * u,
        lambda u, p, t: np.cos(u) * 20,
        [1.0, 0.5],
        (0.0, 1.0),
        jac=lambda u, p, t: -1e3 * np.eye(2),
        sparsity=np.eye(2),
    )
    oracle = sl.solve(sl.ODEProblem(split.f, split.u0, split.tspan), sl.Tsit5(), rtol=1e-9).u[-1]
    for method in (sl.Rodas5P(), sl.QNDF(), sl.RadauIIA5(), sl.KenCarp4(), None):
        sol = sl.solve(split, method, rtol=1e-8, atol=1e-10)
        assert sol.success and np.allclose(sol.u[-1], oracle, rtol=1e-6)
