"""Events: located to the last digits, several at a time, none missed, chattering named."""

import numpy as np
import pytest

import sciml_lab as sl

G = 9.81


def fall(u, p, t):
    return np.array([u[1], -G + 0 * u[0]])


def bounce(u, p, t):
    return np.array([0.0, -0.9 * u[1]])


def spring(u, p, t):
    return np.array([u[1], -u[0]])


def ball(height=10.0, end=30.0):
    return sl.ODEProblem(fall, [height, 0.0], (0.0, end))


def impacts(count, height=10.0, restitution=0.9):
    """Times of the impacts of a ball that falls from rest: a geometric series."""
    first = np.sqrt(2 * height / G)
    flights = 2 * first * restitution ** np.arange(1, count)
    return first + np.concatenate(([0.0], np.cumsum(flights)))


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.DOP853(), sl.BS3(), sl.Vern7()])
def test_a_ball_bounces_twenty_times(method):
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    sol = sl.solve(ball(), method, rtol=1e-10, atol=1e-10, callbacks=[ground])
    times = np.array([one.t for one in sol.events])
    exact = impacts(len(times))
    assert len(times) >= 20
    assert np.max(np.abs(times[:20] - exact[:20])) < 1e-10


def test_the_pause_may_be_a_billionth_of_the_step():
    """Free fall has no error, so the steps are long, and bounces get short."""
    ground = sl.Event(lambda u, p, t: u[0], lambda u, p, t: np.array([0.0, -0.3 * u[1]]), -1)
    sol = sl.solve(ball(), sl.Tsit5(), callbacks=[ground])
    assert not sol.success and sol.diagnosis.verdict == "Zeno"
    limit = np.sqrt(2 * 10.0 / G) * (1 + 2 * 0.3 / 0.7)
    assert abs(sol.t[-1] - limit) < 1e-10 * 30.0  # where infinitely many are declared
    assert "0.3" in sol.message and np.all(sol.u[:, 0] > -1e-9)


def test_state_before_and_after():
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    sol = sl.solve(ball(end=2.0), sl.Tsit5(), callbacks=ground)
    at = np.flatnonzero(sol.t == sol.events[0].t)
    assert len(at) == 2
    before, after = sol.u[at]
    assert before[1] < 0 and after[1] == -0.9 * before[1]
    assert np.array_equal(sol.events[0].after, after)
    assert sol(sol.events[0].t)[1] == pytest.approx(before[1], abs=1e-12)
    assert sol(sol.events[0].t + 1e-9)[1] == pytest.approx(after[1], rel=1e-6)
    assert sol.success and sol.t[-1] == 2.0


def test_saveat_meets_every_time_once():
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    ts = np.linspace(0, 5, 51)
    sol = sl.solve(ball(end=5.0), sl.Tsit5(), rtol=1e-10, saveat=ts, callbacks=ground)
    assert np.array_equal(sol.t, ts)
    fine = sl.solve(ball(end=5.0), sl.Tsit5(), rtol=1e-10, callbacks=ground)
    assert np.allclose(sol.u, fine(ts), atol=1e-9)


def test_a_terminal_event_between_two_coarse_steps_is_not_missed():
    """The solution is a straight line for the solver, and the condition dips below zero briefly."""
    line = sl.ODEProblem(lambda u, p, t: np.ones(1), [0.0], (0.0, 100.0))
    for width in (3.0, 0.3, 0.03):
        dip = sl.Event(lambda u, p, t, w=width: (u[0] - 37.7) ** 2 - w**2, terminal=True)
        sol = sl.solve(line, sl.Tsit5(), callbacks=dip)
        assert abs(sol.t[-1] - (37.7 - width)) < 1e-10
        assert sol.success and "stopped by Event" in sol.message


@pytest.mark.parametrize(("direction", "count"), [(-1, 3), (0, 6), (1, 3)])
def test_direction(direction, count):
    zero = sl.Event(lambda u, p, t: u[0], direction=direction)
    prob = sl.ODEProblem(spring, [1.0, 0.0], (0.0, 6 * np.pi))
    sol = sl.solve(prob, sl.Tsit5(), rtol=1e-10, atol=1e-12, callbacks=zero)
    wanted = np.pi * (np.arange(6) + 0.5)
    wanted = {-1: wanted[::2], 0: wanted, 1: wanted[1::2]}[direction]
    assert len(sol.events) == count
    assert np.allclose([one.t for one in sol.events], wanted, atol=1e-8)


def test_backward_in_time():
    zero = sl.Event(lambda u, p, t: u[0])
    prob = sl.ODEProblem(spring, [0.0, 1.0], (10.0, 5.0))
    sol = sl.solve(prob, sl.Tsit5(), rtol=1e-10, atol=1e-12, callbacks=zero)
    assert np.allclose([one.t for one in sol.events], [10 - np.pi], atol=1e-8)


def test_two_at_one_time_happen_in_the_order_given():
    log = []

    def note(name):
        def affect(u, p, t):
            log.append((name, t))
            return u

        return affect

    events = [
        sl.Event(lambda u, p, t: u[0] - 1.0, note("first")),
        sl.Event(lambda u, p, t: 3 * (u[0] - 1.0), note("second")),
        sl.Event(lambda u, p, t: u[0] - 1.5, note("later")),
    ]
    prob = sl.ODEProblem(lambda u, p, t: np.ones(1), [0.0], (0.0, 2.0))
    sl.solve(prob, sl.Tsit5(), callbacks=events)
    assert [name for name, _ in log] == ["first", "second", "later"]
    assert log[0][1] == log[1][1] == pytest.approx(1.0, abs=1e-14)


def test_an_event_may_change_p():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * np.ones(1), [0.0], (0.0, 3.0), [1.0])
    turn = sl.Event(lambda u, p, t: u[0] - 1.0, lambda u, p, t: (u, -p))
    sol = sl.solve(prob, sl.Vern7(), callbacks=turn)  # its dense output calls f later
    assert sol.u[-1, 0] == pytest.approx(-1.0, abs=1e-12)
    assert sol(np.array([0.5, 1.5]))[:, 0] == pytest.approx([0.5, 0.5], abs=1e-12)


def test_an_event_may_change_the_length_of_u():
    """Cells that divide: every daughter goes on growing."""
    prob = sl.ODEProblem(lambda u, p, t: np.log(2) * u, [1.0], (0.0, 3.5))
    divide = sl.Event(lambda u, p, t: np.max(u) - 2, lambda u, p, t: np.repeat(u / 2, 2))
    sol = sl.solve(prob, sl.Tsit5(), rtol=1e-10, callbacks=divide)
    assert [len(u) for u in (sol.u[0], sol.u[-1])] == [1, 8]
    assert [round(one.t, 8) for one in sol.events] == [1.0, 2.0, 3.0]
    assert np.sum(sol.u[-1]) == pytest.approx(2**3.5, rel=1e-8)
    assert sol(2.5).shape == (4,) and sol(0.5).shape == (1,)


def test_preset_and_periodic_doses():
    """Two doses of a drug that decays: superposition is exact."""
    decay = sl.ODEProblem(lambda u, p, t: -u, [0.0], (0.0, 10.0))
    dose = sl.Preset([2.0, 3.5], lambda u, p, t: u + 1.0)
    sol = sl.solve(decay, sl.DOP853(), rtol=1e-11, atol=1e-13, callbacks=dose)
    assert sol.u[-1, 0] == pytest.approx(np.exp(-8) + np.exp(-6.5), rel=1e-8)
    assert {2.0, 3.5} <= set(sol.t)
    daily = sl.Periodic(1.0, lambda u, p, t: u + 1.0)
    sol = sl.solve(decay, sl.DOP853(), rtol=1e-11, atol=1e-13, callbacks=daily)
    assert len(sol.events) == 10  # the last one at the very end
    assert sol.u[-1, 0] == pytest.approx(np.sum(np.exp(-np.arange(10.0))), rel=1e-9)


@pytest.mark.parametrize("late", [0.0, 1e-3])
def test_an_event_where_a_preset_time_is(late):
    """The steps end at t = 1 exactly, where the condition is zero: both happen, in this order."""
    prob = sl.ODEProblem(lambda u, p, t: np.ones(1), [0.0], (0.0, 2.0))
    crossing = sl.Event(lambda u, p, t: u[0] - 1.0, lambda u, p, t: u + 0.25)
    preset = sl.Preset([1.0 + late], lambda u, p, t: 2 * u)
    sol = sl.solve(prob, sl.RK4(), dt=0.25, callbacks=[crossing, preset])
    assert [one.event for one in sol.events] == [crossing, preset]
    assert sol.u[-1, 0] == pytest.approx(2 * (1.25 + late) + 1.0 - late, abs=1e-12)
    assert np.all(np.isfinite(sol(np.linspace(0.0, 2.0, 9))))


def test_fixed_steps_go_on_from_the_event():
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    sol = sl.solve(ball(end=2.0), sl.RK4(), dt=0.05, callbacks=ground)
    assert abs(sol.events[0].t - impacts(1)[0]) < 1e-12  # a parabola is exact
    after = sol.t[sol.t > sol.events[0].t]
    assert np.allclose(np.diff(after)[:-1], 0.05)


def test_projection_keeps_the_energy_and_the_order():
    kepler = sl.zoo.kepler()
    energy = sl.zoo.kepler.invariants["energy"]
    first = energy(kepler.u0, kepler.p)
    project = sl.Project(lambda u, p, t: np.array([energy(u, p) - first]))
    plain = sl.solve(kepler, sl.Tsit5(), rtol=1e-5)
    kept = sl.solve(kepler, sl.Tsit5(), rtol=1e-5, callbacks=project)
    drift = [abs(energy(s.u[-1], kepler.p) - first) for s in (plain, kept)]
    assert drift[1] < 1e-13 < 1e-6 < drift[0]


def test_projection_off_the_manifold_says_so():
    prob = sl.ODEProblem(spring, [1.0, 0.0], (0.0, 1.0))
    never = sl.Project(lambda u, p, t: np.array([u @ u + 1.0]))
    sol = sl.solve(prob, sl.Tsit5(), callbacks=never)
    assert not sol.success and "manifold" in sol.message and len(sol.t) >= 2


def test_positive_and_steady_state_and_limit():
    def overshoot(u, p, t):
        return np.array([-50.0 * np.sqrt(np.abs(u[0])) * np.sign(u[0]), u[0] - u[1]])

    prob = sl.ODEProblem(overshoot, [1.0, 1.0], (0.0, 50.0))
    sol = sl.solve(prob, sl.BS3(), rtol=1e-3, callbacks=[sl.Positive([0]), sl.SteadyState(1e-4)])
    assert np.all(sol.u[:, 0] >= 0) and "steady state" in sol.message and sol.t[-1] < 20
    rest = sl.ODEProblem(lambda u, p, t: 0 * u, [1.0], (0.0, 10.0))
    sol = sl.solve(rest, sl.Tsit5(), callbacks=sl.StepLimit(lambda u, p, t: 0.1 + t))
    assert np.all(np.diff(sol.t) <= 0.1 + sol.t[:-1] + 1e-15)


def test_a_pulse_is_seen_with_a_step_limit():
    pulse = sl.ODEProblem(lambda u, p, t: np.array([float(5.0 < t < 5.01)]), [0.0], (0.0, 10.0))
    assert sl.solve(pulse, sl.Tsit5(), callbacks=sl.StepLimit(2e-3)).u[-1, 0] == pytest.approx(
        0.01, rel=1e-3
    )


def test_saving_at_every_step_and_at_times():
    prob = sl.ODEProblem(spring, [1.0, 0.0], (0.0, 3.0))
    every, some = sl.Saving(lambda u, p, t: u @ u), sl.Saving(lambda u, p, t: t, when=[1, 2])
    sol = sl.solve(prob, sl.Tsit5(), callbacks=[every, some])
    assert every.t == sol.t[1:].tolist() and some.values == [1.0, 2.0]


def test_chattering_is_named():
    """A relay without hysteresis: the affect leaves the state on the switching line."""
    prob = sl.ODEProblem(lambda u, p, t: -p * np.ones(1), [1.0], (0.0, 5.0), [1.0])
    relay = sl.Event(lambda u, p, t: u[0], lambda u, p, t: (u, -p), direction=0)
    still = sl.solve(prob, sl.Tsit5(), callbacks=relay)
    assert still.success and len(still.events) == 1  # it turns back: that is no chattering

    tight = [  # hysteresis of the size of rounding
        sl.Event(lambda u, p, t: u[0] + 1e-14, lambda u, p, t: (u, 0 * p - 1), -1),
        sl.Event(lambda u, p, t: u[0] - 1e-14, lambda u, p, t: (u, 0 * p + 1), 1),
    ]
    sol = sl.solve(prob, sl.Tsit5(), callbacks=tight)
    assert not sol.success and sol.diagnosis.verdict == "chattering"
    assert sol.t[-1] == pytest.approx(1.0) and sol.stats.naccept < 100


def test_stiff_methods_and_events():
    """A stiff method goes on from an event with a new Jacobian and a new history."""
    prob = sl.ODEProblem(lambda u, p, t: -p[0] * (u - np.cos(t)), [0.5], (0.0, 10.0), [1e4])
    zero = sl.Event(lambda u, p, t: u[0], lambda u, p, t: u - 0.5, direction=-1)
    for method in (sl.Rosenbrock23(), sl.Rodas5P()):
        sol = sl.solve(prob, method, rtol=1e-6, callbacks=zero)
        assert sol.success and len(sol.events) == 2
        found = np.array([e.t for e in sol.events])
        assert np.allclose(found, np.pi * np.array([0.5, 2.5]), atol=1e-3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sl.Event(3.0), ("condition must be a function", "u, p, t")),
        (lambda: sl.Event(lambda u: u), ("three arguments", "condition")),
        (lambda: sl.Event(lambda u, p, t: 1.0, direction=2), ("direction", "-1")),
        (lambda: sl.Preset("noon", lambda u, p, t: u), ("when must be",)),
        (lambda: sl.Periodic(0.0, lambda u, p, t: u), ("period must be",)),
        (lambda: sl.StepLimit(-1.0), ("limit must be",)),
        (lambda: sl.Event(lambda u, p, t: 1.0, samples=0), ("samples",)),
    ],
)
def test_bad_events_get_a_sentence(make, words):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert all(word in str(error.value) for word in words)


def test_bad_affects_get_a_sentence():
    prob = ball(end=2.0)
    for affect, word in (
        (lambda u, p, t: None, "returned None"),
        (lambda u, p, t: 1.0, "single number"),
        (lambda u, p, t: (u, p, t), "tuple of 3"),
    ):
        with pytest.raises(TypeError, match=word):
            sl.solve(prob, sl.Tsit5(), callbacks=sl.Event(lambda u, p, t: u[0], affect))
    with pytest.raises(TypeError, match="neither"):
        sl.solve(prob, sl.Tsit5(), callbacks=[3])
    with pytest.raises(TypeError, match="neither"):
        sl.solve(prob, sl.Tsit5(), callbacks=sl.SteadyState)
    batch = sl.ODEProblem(fall, np.ones((2, 3)), (0.0, 1.0), batch=True)
    with pytest.raises(ValueError, match="one by one"):
        sl.solve(batch, sl.Tsit5(), callbacks=sl.Event(lambda u, p, t: u[0]))
    with pytest.raises(TypeError, match="events"):
        sl.ad.grad(
            lambda x: np.sum(
                sl.solve(prob.replace(u0=x), callbacks=sl.Event(lambda u, p, t: u[0])).u[-1]
            )
        )(np.array([1.0, 0.0]))


def test_a_failure_after_an_event_keeps_what_was_computed():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u**2, [0.5], (0.0, 10.0), [0.0])
    start = sl.Preset([1.0], lambda u, p, t: (u, np.array([1.0])))
    sol = sl.solve(prob, sl.Tsit5(), callbacks=start)
    assert not sol.success and sol.diagnosis.verdict == "finite-time blow-up"
    assert sol.t[-1] == pytest.approx(3.0, abs=1e-3) and sol.events[0].t == 1.0


def test_interrupt_keeps_the_events():
    def stop(u, p, t):
        raise KeyboardInterrupt

    events = [sl.Preset([1.0], lambda u, p, t: u), sl.Preset([2.0], stop)]
    with pytest.raises(sl.SolveInterrupted) as stopped:
        sl.solve(sl.ODEProblem(spring, [1.0, 0.0], (0.0, 3.0)), sl.Tsit5(), callbacks=events)
    assert stopped.value.solution.t[-1] == 2.0 and len(stopped.value.solution.events) == 1


def test_a_solution_whose_state_changes_its_shape_can_be_printed():
    split = sl.Event(lambda u, p, t: u[0] - 2.0, lambda u, p, t: np.array([1.0, 1.0]))
    prob = sl.ODEProblem(lambda u, p, t: u, [1.0], (0.0, 1.0))
    assert "u of several shapes" in repr(sl.solve(prob, sl.Tsit5(), callbacks=[split]))


def test_a_constant_condition_costs_no_search():
    asked = []

    def constant(u, p, t):
        asked.append(t)
        return 1.0

    prob = sl.ODEProblem(spring, [1.0, 0.0], (0.0, 10.0))
    sol = sl.solve(prob, sl.Tsit5(), callbacks=sl.Event(constant))
    assert len(asked) <= 14 * sol.stats.naccept


def test_an_event_costs_few_evaluations():
    """The samples, some to tell rounding from a sign, and the search for the root."""
    asked = []

    def ground(u, p, t):
        asked.append(t)
        return u[0]

    sol = sl.solve(ball(end=5.0), sl.Tsit5(), callbacks=sl.Event(ground, bounce, -1))
    assert len(asked) < 20 * sol.stats.naccept + 20 * len(sol.events)
