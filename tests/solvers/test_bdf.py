"""QNDF and FBDF at work: the zoo, the counters, an independent code, and what goes wrong."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sciml_lab as sl

METHODS = [sl.QNDF(), sl.FBDF()]
ATOL = {  # in units of rtol: what the smallest component needs
    "rober": np.array([1e-8, 1e-12, 1e-8]),
    "hires": 1e-5,
    "pollu": 1e-10,
    "van_der_pol_stiff": 1e-3,
    "oregonator": 1e-4,
}


def solved(name, method, rtol, **options):
    return sl.solve(
        getattr(sl.zoo, name)(), method, rtol=rtol, atol=ATOL[name] * rtol, dense=False, **options
    )


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("name", list(ATOL))
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_error_is_near_the_tolerance(method, name, rtol):
    sol = solved(name, method, rtol)
    assert sol.success
    assert getattr(sl.zoo, name).reference.error(sol.u[-1]) < 10 * rtol


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_tight_tolerance(method):
    sol = solved("hires", method, 1e-10)
    assert sl.zoo.hires.reference.error(sol.u[-1]) < 1e-9


@pytest.mark.parametrize("name", ["rober", "hires", "pollu"])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_linear_algebra_is_reused(method, name):
    """About as many Jacobians as SciPy's BDF takes, no more factors, fewer evaluations of f."""
    entry, rtol = getattr(sl.zoo, name), 1e-6
    stats = solved(name, method, rtol).stats
    peer = solve_ivp(
        lambda t, u: entry.f(u, entry.p, t), entry.tspan, entry.u0, method="BDF", rtol=rtol,
        atol=ATOL[name] * rtol,
    )  # fmt: skip
    assert stats.njac <= 1.5 * peer.njev
    assert stats.nlu <= 1.1 * peer.nlu
    assert stats.nf <= peer.nfev
    assert stats.nnewton < 2 * stats.nsteps


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_dense_output_between_the_steps(method):
    entry = sl.zoo.hires
    sol = sl.solve(entry(tspan=(0.0, 5.0)), method, rtol=1e-7, atol=1e-11)
    times = np.linspace(0.0, 5.0, 101)
    peer = solve_ivp(
        lambda t, u: entry.f(u, entry.p, t), (0, 5), entry.u0, method="Radau", rtol=1e-10,
        atol=1e-14, t_eval=times,
    )  # fmt: skip
    np.testing.assert_allclose(sol(times), peer.y.T, rtol=2e-5, atol=1e-9)
    for t, u in zip(sol.t, sol.u, strict=True):
        np.testing.assert_allclose(sol(t), u, rtol=1e-12)
    at = sl.solve(entry(tspan=(0.0, 5.0)), method, rtol=1e-7, atol=1e-11, saveat=times)
    np.testing.assert_allclose(at.u, sol(times), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_backward_in_time_and_any_shape(method):
    prob = sl.ODEProblem(lambda u, p, t: -p * u, np.ones((2, 3)), (0.0, -1.0), 2.0)
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(sol.u[-1], np.full((2, 3), np.exp(2.0)), rtol=1e-7)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_complex_state(method):
    prob = sl.ODEProblem(lambda u, p, t: 1j * u, [1 + 0j], (0.0, 3.0))
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10)
    assert abs(sol.u[-1, 0] - np.exp(3j)) < 1e-7


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_fixed_steps_raise_the_order(method):
    prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    first = sl.solve(prob, type(method)(max_order=1), dt=0.01, adaptive=False)
    second = sl.solve(prob, type(method)(max_order=3), dt=0.01, adaptive=False)
    assert len(first.t) == 101
    errors = [abs(sol.u[-1, 0] - np.exp(-1)) for sol in (first, second)]
    assert errors[1] < 0.05 * errors[0] < 1e-3


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_the_order_follows_the_tolerance(method):
    """A smooth problem at a tight tolerance is solved in fewer steps than order 2 would need."""
    prob = sl.ODEProblem(lambda u, p, t: np.array([u[1], -u[0]]), [1.0, 0.0], (0.0, 10.0))
    low = sl.solve(prob, type(method)(max_order=2), rtol=1e-6, atol=1e-8)
    high = sl.solve(prob, method, rtol=1e-6, atol=1e-8)
    assert high.stats.nsteps < 0.4 * low.stats.nsteps
    assert np.max(np.abs(high.u[-1] - [np.cos(10), -np.sin(10)])) < 1e-5


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_regular_mass_matrix(method):
    M = np.array([[2.0, 1.0], [0.0, 0.5]])
    prob = sl.ODEProblem(lambda u, p, t: -u * u, [1.0, 2.0], (0.0, 1.0))
    plain = prob.replace(f=lambda u, p, t: np.linalg.solve(M, -u * u))
    want = sl.solve(plain, sl.Vern9(), rtol=1e-12, atol=1e-14).u[-1]
    got = sl.solve(prob.replace(mass_matrix=M), method, rtol=1e-8, atol=1e-10).u[-1]
    np.testing.assert_allclose(got, want, rtol=1e-7)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_jump_in_the_state_starts_anew(method):
    """An event changes u: the past is forgotten, and order 1 begins again."""
    prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 2.0))
    kick = sl.Preset([1.0], lambda u, p, t: u + 1.0)
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10, callbacks=kick)
    assert sol.u[-1, 0] == pytest.approx((np.exp(-1) + 1) * np.exp(-1), rel=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_steps_show_their_reasons(method):
    records = list(sl.steps(sl.zoo.van_der_pol_stiff(), method, rtol=1e-4, atol=1e-6))
    assert any(not record.accepted for record in records)
    one = next(record for record in records if record.accepted and record.t > 10)
    np.testing.assert_allclose(one(one.t + one.h), one.u_new, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_failure_keeps_what_was_reached(method):
    prob = sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10)
    assert not sol.success
    assert sol.diagnosis.verdict == "finite-time blow-up"
    assert 0.99 < sol.t[-1] <= 1.0


@pytest.mark.parametrize("kind", [sl.QNDF, sl.FBDF])
@pytest.mark.parametrize("order", [0, 6, 2.5, True])
def test_an_impossible_order_is_refused(kind, order):
    with pytest.raises(ValueError, match="max_order must be a whole number from 1 to 5"):
        kind(max_order=order)


def test_names():
    assert repr(sl.QNDF()) == "QNDF()"
    assert repr(sl.FBDF(max_order=3)) == "FBDF(max_order=3)"
    assert sl.FBDF(max_order=3).order == 3


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_corners(method):
    """No motion at all, no relative tolerance, a jump of f, times far from zero."""
    decay = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    rest = sl.solve(decay.replace(f=lambda u, p, t: 0.0 * u), method)
    assert rest.success
    assert np.all(rest.u == 1.0)
    absolute = sl.solve(decay, method, rtol=0.0, atol=1e-6)
    assert absolute.u[-1, 0] == pytest.approx(np.exp(-1), abs=1e-5)
    jump = decay.replace(f=lambda u, p, t: np.array([1.0 if t < 0.5 else -1.0]), u0=[0.0])
    assert abs(sl.solve(jump, method).u[-1, 0]) < 1e-5
    late = sl.solve(decay.replace(tspan=(1e6, 1e6 + 1)), method, rtol=1e-6)
    assert late.u[-1, 0] == pytest.approx(np.exp(-1), rel=1e-5)
    assert late.stats.nlu < 0.6 * late.stats.nsteps  # h differs by the rounding of t only


@pytest.mark.parametrize("solver", ["dense", "banded", "sparse", sl.GMRES()], ids=str)
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_every_linear_solver_gives_the_same(method, solver):
    """Diffusion with a reaction on a line of 30 points."""

    def f(u, p, t):
        ends = np.concatenate([u[:1], u, u[-1:]])
        return 400.0 * (ends[2:] - 2 * u + ends[:-2]) + u - u**3

    prob = sl.ODEProblem(f, np.sin(np.linspace(0.0, 7.0, 30)), (0.0, 1.0))
    plain = sl.solve(prob, method, rtol=1e-7, atol=1e-9)
    other = sl.solve(prob, type(method)(linear_solver=solver), rtol=1e-7, atol=1e-9)
    assert other.success
    np.testing.assert_allclose(other.u[-1], plain.u[-1], rtol=1e-5, atol=1e-7)
    assert other.stats.njac <= 5
