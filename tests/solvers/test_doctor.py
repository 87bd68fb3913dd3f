"""The failure doctor: each kind of failure gets its verdict, with evidence and a remedy."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.diagnose import diagnose
from sciml_lab.solvers.spectrum import dominant_eigenvalue


def van_der_pol(u, p, t):
    return np.array([u[1], 1e4 * (1 - u[0] ** 2) * u[1] - u[0]])


def failed(f, u0, tspan, method=None, **options):
    sol = sl.solve(sl.ODEProblem(f, u0, tspan), method or sl.Tsit5(), **options)
    assert not sol.success
    assert sol.message == str(sol.diagnosis)
    assert sol.message.count(".") >= 2  # evidence and remedy, each a sentence
    assert np.all(np.isfinite(sol.t))
    return sol


def test_stiffness():
    sol = failed(van_der_pol, [2.0, 0.0], (0.0, 100.0), max_steps=2000)
    numbers = sol.diagnosis.numbers
    assert sol.diagnosis.verdict == "stiffness"
    assert numbers["radius"] == pytest.approx(3e4, rel=0.05)
    assert numbers["limit"] == pytest.approx(sl.Tsit5().tableau.real_stability, rel=1e-6)
    assert numbers["radius"] * numbers["step"] == pytest.approx(numbers["limit"], rel=0.4)
    assert "implicit" in sol.message
    assert sol.stats.nsteps == 2000


@pytest.mark.parametrize("method", [sl.BS3(), sl.Tsit5(), sl.DOP853()], ids=repr)
def test_blow_up(method):
    sol = failed(lambda u, p, t: u**2, [1.0], (0.0, 2.0), method, rtol=1e-8)
    assert sol.diagnosis.verdict == "finite-time blow-up"
    assert sol.diagnosis.numbers["time"] == pytest.approx(1.0, abs=1e-5)
    assert sol.diagnosis.numbers["exponent"] == pytest.approx(1.0, abs=0.05)
    assert "end tspan before" in sol.message


def test_blow_up_backward_in_time_and_of_another_power():
    sol = failed(lambda u, p, t: -(u**3), [1.0], (0.0, -2.0), rtol=1e-8)
    assert sol.diagnosis.verdict == "finite-time blow-up"
    assert sol.diagnosis.numbers["time"] == pytest.approx(-0.5, abs=1e-5)
    assert sol.diagnosis.numbers["exponent"] == pytest.approx(2.0, abs=0.1)


def test_nan_ahead_and_its_origin():
    def f(u, p, t):
        return np.array([1.0, np.sqrt(1 - t)])

    sol = failed(f, [0.0, 0.0], (0.0, 2.0))
    assert sol.diagnosis.verdict == "f is not finite"
    assert sol.diagnosis.numbers["index"] == (1,)
    assert sol.diagnosis.numbers["time"] == pytest.approx(1.0, abs=1e-6)
    assert "sqrt" in sol.message
    assert "f(u, p, t)[1]" in sol.message


def test_nan_from_the_state():
    sol = failed(lambda u, p, t: np.array([-1 - 0 * np.log(u[0])]), [1.0], (0.0, 2.0))
    assert sol.diagnosis.verdict == "f is not finite"
    assert "log" in sol.message


def test_nan_at_the_start():
    sol = failed(lambda u, p, t: np.log(-u), [1.0], (0.0, 1.0))
    assert sol.diagnosis.verdict == "f is not finite"
    assert sol.stats.nsteps == 0
    assert sol.t.tolist() == [0.0]


@pytest.mark.parametrize("rtol", [1e-17, 1e-30, 0.0])
def test_tolerance_below_roundoff(rtol):
    sol = failed(lambda u, p, t: -u, [1.0], (0.0, 1.0), rtol=rtol, atol=1e-30)
    assert sol.diagnosis.verdict == "tolerance below roundoff"
    assert "rtol of at least 1e-13" in sol.message


def test_tolerance_of_zero_with_a_fair_atol_is_fine():
    prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    assert sl.solve(prob, rtol=0.0, atol=1e-8).success


def test_discontinuity():
    sol = failed(lambda u, p, t: np.array([1e10 * (t > 0.5)]), [0.0], (0.0, 1.0))
    assert sol.diagnosis.verdict == "discontinuity"
    assert sol.diagnosis.numbers["time"] == pytest.approx(0.5, abs=1e-6)
    assert sol.diagnosis.numbers["jump"] == pytest.approx(1e10, rel=1e-3)
    assert "Split the solve" in sol.message


def test_chattering_is_a_discontinuity_too():
    sol = failed(lambda u, p, t: -1e3 * np.sign(u), [1.0], (0.0, 1.0), max_steps=3000)
    assert sol.diagnosis.verdict == "discontinuity"


def test_unstable_fixed_step():
    sol = failed(lambda u, p, t: -1e3 * u, [1.0], (0.0, 10.0), sl.RK4(), dt=0.005)
    assert sol.diagnosis.verdict == "unstable step"
    assert sol.diagnosis.numbers["limit"] == pytest.approx(2.785, abs=1e-3)
    assert "Take dt below 0.00279" in sol.message


def test_simply_not_enough_steps():
    sol = failed(lambda u, p, t: np.array([u[1], -u[0]]), [1.0, 0.0], (0.0, 1e3), max_steps=50)
    assert sol.diagnosis.verdict == "max_steps reached"
    assert "Raise max_steps" in sol.message


def test_the_failed_trajectory_of_a_batch_is_explained_and_the_others_arrive():
    u0 = np.array([[1.0, -1.0, 0.1]])
    prob = sl.ODEProblem(lambda u, p, t: u**2, u0, (0.0, 2.0), batch=True)
    sol = sl.solve(prob, sl.Tsit5(), rtol=1e-8)
    assert sol.diagnosis.verdict == "finite-time blow-up"
    assert sol.stats.lanes["success"].tolist() == [False, True, True]
    assert np.isnan(sol.u[-1, 0, 0])
    assert sol.stats.lanes["t"] == pytest.approx([1.0, 2.0, 2.0], abs=1e-5)
    assert np.allclose(sol.u[-1, 0, 1:], [-1 / 3, 0.1 / 0.8], rtol=1e-6)


def test_a_trajectory_that_is_not_finite_at_the_start_does_not_stop_the_others():
    prob = sl.ODEProblem(lambda u, p, t: np.log(u), [[-1.0, 2.0]], (0.0, 0.5), batch=True)
    sol = sl.solve(prob, sl.Tsit5())
    assert sol.stats.lanes["success"].tolist() == [False, True]
    assert sol.stats.lanes["t"].tolist() == [0.0, 0.5]
    assert sol.diagnosis.verdict == "f is not finite"


def test_partial_solution_can_still_be_read():
    sol = failed(lambda u, p, t: u**2, [1.0], (0.0, 2.0), rtol=1e-9)
    assert sol(0.5)[0] == pytest.approx(2.0, rel=1e-6)
    with pytest.raises(ValueError, match="lies outside the solution"):
        sol(1.5)


def test_failure_can_raise():
    prob = sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    with pytest.raises(sl.SolveError, match="blow-up") as caught:
        sl.solve(prob, sl.Tsit5(), on_failure="raise")
    assert caught.value.solution.t[-1] < 1.001


def test_complex_states_are_diagnosed_too():
    sol = failed(lambda u, p, t: u**2, [1.0 + 0j], (0.0, 2.0), rtol=1e-8)
    assert sol.diagnosis.verdict == "finite-time blow-up"


def test_power_iteration_finds_the_eigenvalue_of_large_systems():
    rates = -np.linspace(1, 500, 200)
    found = dominant_eigenvalue(lambda u, t: rates * u, np.ones(200), 0.0, sweeps=400)
    assert found.real == pytest.approx(-500, rel=0.02)


def test_track_keeps_the_end_and_an_even_spread():
    track = Track()
    for i in range(10_000):
        track.add(float(i), i)
    times = [t for t, _ in track.points()]
    assert times[-50:] == [float(i) for i in range(9950, 10_000)]
    assert len(times) <= 151
    assert times == sorted(set(times))
    assert max(np.diff(times)) <= 256


def test_a_step_that_nothing_explains_says_so():
    finding = diagnose(
        "min_step", f=lambda u, p, t: -u, u=np.ones(1), p=None, t=0.5, h=1e-16,
        method=sl.Tsit5(), times=[0.4, 0.5], states=[np.ones(1)] * 2, rtol=1e-6, atol=1e-9,
        tspan=(0.0, 1.0),
    )  # fmt: skip
    assert finding.verdict == "step size underflow"
