"""Adaptive Verlet: a reversible map with variable steps, whose energy error stays bounded."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.measure import drift

PERIOD = 2 * np.pi


def monitor(q, v, p, t):
    return (q[0] * q[0] + q[1] * q[1]) ** 0.75


def rate(q, v, p, t):
    """d/dt log r^(3/2)."""
    return 1.5 * (q[0] * v[0] + q[1] * v[1]) / (q[0] * q[0] + q[1] * q[1])


def comet(periods, e=0.9, **changes):
    return sl.zoo.kepler_second_order(e, tspan=(0.0, periods * PERIOD)).replace(**changes)


def energy_error(sol):
    u = sol.u
    H = (u[:, 2] ** 2 + u[:, 3] ** 2) / 2 - 1 / np.hypot(u[:, 0], u[:, 1])
    return np.abs(H - H[0])


class ControlledVerlet(type(sl.VelocityVerlet())):
    """Verlet with an error estimate (its distance from Euler's method) and the usual control."""

    adaptive = True
    error_order = 2

    def step(self, f, u, p, t, h, k1=None):
        k1 = f(u, p, t) if k1 is None else k1
        step = super().step(f, u, p, t, h, k1)
        return step._replace(error=step.u - (u + h * k1))


def test_a_thousand_periods():
    """Steps by the monitor: bounded to the last digits. Steps by the error: the orbit decays."""
    sol = sl.solve(comet(1000), sl.AdaptiveVerlet(monitor, rate), dt=0.004, dense=False)
    error, tenth = energy_error(sol), len(sol.t) // 10
    assert sol.success and sol.stats.naccept / 1000 < 70
    assert np.max(error[-tenth:]) < 1.001 * np.max(error[:tenth]) < 0.031
    fit = drift(sol.t, error)
    assert abs(fit.slope) < 3 * fit.standard_error
    h = np.diff(sol.t)[:-1]
    assert np.max(h) > 70 * np.min(h)


def test_steps_by_an_error_estimate_drift():
    prob = comet(60)
    steady = sl.solve(prob, sl.AdaptiveVerlet(monitor, rate), dt=0.004, dense=False)
    control = sl.solve(prob, ControlledVerlet(), rtol=0.003, atol=0.003, dt=0.004, dense=False)
    assert control.success and control.stats.nsteps > 1.2 * steady.stats.nsteps
    lost, fit = energy_error(control), drift(control.t, energy_error(control))
    assert fit.slope > 10 * fit.standard_error
    assert lost[-1] > 5 * np.max(energy_error(steady))


def test_fewer_forces_than_fixed_steps_for_the_same_energy_error():
    prob = comet(5)
    varying = sl.solve(prob, sl.AdaptiveVerlet(monitor), dt=0.002, dense=False)
    fixed = sl.solve(prob, sl.VelocityVerlet(), dt=PERIOD / 2000, dense=False)
    assert np.max(energy_error(varying)) < np.max(energy_error(fixed))
    assert varying.stats.nf < fixed.stats.nf / 10
    assert fixed.stats.nf - fixed.stats.nsteps < 6  # one force a step: f at the start, the check


@pytest.mark.parametrize("given", [None, rate])
def test_it_goes_back_step_by_step(given):
    """Going back from the end with the last step retraces every step, up to rounding."""
    method = sl.AdaptiveVerlet(monitor, given)
    there = sl.solve(comet(3), method, dt=0.002)
    last = len(there.t) - 2  # the very last step is cut to arrive at the end
    end = comet(3, u0=there.u[last], tspan=(there.t[last], 0.0))
    back = sl.solve(end, method, dt=there.t[last] - there.t[last - 1])
    assert len(back.t) in (last + 1, last + 2)
    assert np.max(np.abs(back.t[:last] - there.t[last:0:-1])) < 1e-9
    assert np.max(np.abs(back.u[:last] - there.u[last:0:-1])) < 1e-9
    assert np.max(np.abs(back.u[-1] - there.u[0])) < 1e-9


def test_controlled_steps_do_not_go_back():
    there = sl.solve(comet(3), ControlledVerlet(), rtol=0.01, atol=0.01, dt=0.002)
    end = comet(3, u0=there.u[-1], tspan=(there.t[-1], 0.0))
    back = sl.solve(end, ControlledVerlet(), rtol=0.01, atol=0.01, dt=np.diff(there.t)[-2])
    assert np.max(np.abs(back.u[-1] - there.u[0])) > 1e-3


def test_a_mirrored_start_gives_the_mirrored_orbit():
    """From the perihelion both directions of time look alike."""
    ahead = sl.solve(comet(1), sl.AdaptiveVerlet(monitor), dt=0.003)
    behind = sl.solve(comet(1, tspan=(0.0, -PERIOD)), sl.AdaptiveVerlet(monitor), dt=0.003)
    assert np.allclose(ahead.t, -behind.t, rtol=0, atol=1e-12)
    assert np.allclose(ahead.u, behind.u * [1, -1, -1, 1], rtol=0, atol=1e-10)


def test_steps_follow_the_monitor():
    sol = sl.solve(comet(2), sl.AdaptiveVerlet(monitor), dt=0.001)
    middle = np.array([sol((a + b) / 2) for a, b in zip(sol.t[:-2], sol.t[1:-1], strict=True)])
    ratio = np.diff(sol.t)[:-1] / monitor(middle.T[:2], None, None, None)
    assert np.ptp(ratio) < 0.03 * np.mean(ratio)


@pytest.mark.parametrize("e", [0.2, 0.6])
def test_second_order(e):
    prob = comet(1, e)
    errors = []
    for dt in (0.004, 0.002, 0.001, 0.0005):
        sol = sl.solve(prob, sl.AdaptiveVerlet(monitor, rate), dt=dt, dense=False)
        errors.append(np.linalg.norm(sol.u[-1] - sl.zoo.kepler.exact(PERIOD, u0=prob.u0)))
    slope = np.polyfit(np.log([4, 2, 1, 0.5]), np.log(errors), 1)[0]
    assert abs(slope - 2) < 0.2, errors


def test_a_monitor_that_depends_on_everything():
    """Dual numbers give the rate by q, v and t; the pendulum as Hamilton's equations."""
    prob = sl.zoo.pendulum_hamiltonian(1.0, tspan=(0.0, 3.0))

    def mixed(q, v, p, t):
        return np.exp(0.1 * q[0] - 0.2 * v[0]) * (1 + 0.1 * np.sin(t))

    method = sl.AdaptiveVerlet(mixed)
    slope = np.array([0.3, -0.7])
    found = method.rate_at(np.array([0.5, 0.3]), slope, prob.p, 0.4)
    assert abs(found - (0.03 + 0.14 + 0.1 * np.cos(0.4) / (1 + 0.1 * np.sin(0.4)))) < 1e-14
    sol = sl.solve(prob, method, dt=0.005)
    exact = sl.zoo.pendulum.exact(3.0, u0=prob.u0)
    assert np.allclose(sol.u[-1], exact, atol=1e-3)


def test_a_constant_monitor_is_verlet():
    prob = comet(0.52, 0.3)
    fixed = sl.solve(prob, sl.VelocityVerlet(), dt=PERIOD / 128)
    for method, adaptive in ((sl.AdaptiveVerlet(lambda q, v, p, t: 1.0), None),
                             (sl.AdaptiveVerlet(monitor), False)):  # fmt: skip
        sol = sl.solve(prob, method, dt=PERIOD / 128, adaptive=adaptive)
        assert np.allclose(sol.t, fixed.t, rtol=1e-13) and np.allclose(sol.u, fixed.u, rtol=1e-12)


def test_events_and_records():
    """An event at every passage through the axis; the steps go on at the same pace behind it."""
    passage = sl.Event(lambda u, p, t: u[1], None)
    prob = comet(1.8)
    sol = sl.solve(prob, sl.AdaptiveVerlet(monitor), dt=0.002, callbacks=[passage])
    plain = sl.solve(prob, sl.AdaptiveVerlet(monitor), dt=0.002)
    times = [happening.t for happening in sol.events]
    assert sol.success and np.allclose(times, PERIOD * np.array([0.5, 1.0, 1.5]), atol=0.15)
    assert abs(sol.stats.naccept - plain.stats.naccept) < 10
    record = next(sl.steps(prob, sl.AdaptiveVerlet(monitor), dt=0.002))
    assert "times as long (by the monitor)" in record.reason


def test_misuse_gets_a_sentence():
    with pytest.raises(TypeError, match="monitor must be a function"):
        sl.AdaptiveVerlet(1.5)
    with pytest.raises(TypeError, match="rate must be a function"):
        sl.AdaptiveVerlet(monitor, rate=0.0)
    with pytest.raises(ValueError, match="dt is required: it is the first step"):
        sl.solve(comet(1), sl.AdaptiveVerlet(monitor))
    for wrong in (lambda q, v, p, t: q, lambda q, v, p, t: -1.0, lambda q, v, p, t: np.nan):
        with pytest.raises(ValueError, match="one positive number"):
            sl.solve(comet(1), sl.AdaptiveVerlet(wrong), dt=0.01)
    drag = sl.SecondOrderProblem(lambda x, v, p, t: -v, [1.0], [1.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="AdaptiveVerlet is for separable equations only"):
        sl.solve(drag, sl.AdaptiveVerlet(monitor), dt=0.1)


def test_print():
    method = sl.AdaptiveVerlet(monitor)
    assert repr(method) == "AdaptiveVerlet(monitor)" and "reversible, order 2" in str(method)
    assert method == sl.AdaptiveVerlet(monitor) != sl.AdaptiveVerlet(monitor, rate)


def test_a_failure_keeps_what_was_reached():
    sol = sl.solve(comet(1), sl.AdaptiveVerlet(monitor), dt=0.5)
    assert not sol.success and "monitor" in sol.message and "smaller dt" in sol.message
    runaway = sl.SecondOrderProblem(lambda x, v, p, t: 1000 * x**3, [1.0], [0.1], (0.0, 5.0))
    sol = sl.solve(runaway, sl.AdaptiveVerlet(lambda q, v, p, t: 1.0), dt=0.1)
    assert not sol.success and sol.diagnosis.verdict == "overflow" and len(sol.t) > 2
