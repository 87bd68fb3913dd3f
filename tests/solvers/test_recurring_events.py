"""Events that coincide, recur, or rest on zero: none missed, none twice, chattering named."""

import numpy as np
import pytest

import sciml_lab as sl


def sliding(u, p, t):
    """A block on a slope; p is the sign of its velocity."""
    return np.array([u[1], -0.3 - 0.6 * p[0]])


def friction(dead_zone, kind=lambda v: v):
    """The two events of a bare relay, with a dead zone between them."""
    return [
        sl.Event(lambda u, p, t: kind(u[1] + dead_zone), lambda u, p, t: (u, [-1.0]), -1),
        sl.Event(lambda u, p, t: kind(u[1] - dead_zone), lambda u, p, t: (u, [1.0]), 1),
    ]


THROW = sl.ODEProblem(sliding, [0.0, 1.0], (0.0, 5.0), [1.0])


@pytest.mark.parametrize(
    "kind", [lambda v: v, lambda v: v**3, lambda v: 3 * v], ids=["v", "v^3", "3 v"]
)
@pytest.mark.parametrize("first", [1, -1])
def test_two_events_at_the_same_condition_are_both_met(first, kind):
    """Neither of the two slides: each brings the block back to where the other happens."""
    sol = sl.solve(THROW, sl.Tsit5(), callbacks=friction(0.0, kind)[::first], max_steps=500)
    assert not sol.success and sol.diagnosis.verdict == "chattering"
    assert sol.t[-1] == pytest.approx(1 / 0.9, abs=1e-6) and abs(sol.u[-1, 1]) < 1e-6


@pytest.mark.parametrize("dead_zone", [1e-14, 1e-12, 1e-10, 1e-7])
def test_chattering_is_named_at_once_whatever_the_dead_zone(dead_zone):
    def pushed(u, p, t):
        return np.array([u[1], 0.3 * np.sin(t) - 0.6 * p[0]])

    for problem in (THROW, THROW.replace(f=pushed)):
        sol = sl.solve(problem, sl.Tsit5(), callbacks=friction(dead_zone), max_steps=500)
        assert sol.diagnosis.verdict == "chattering" and len(sol.events) < 30


def test_events_end_when_max_steps_are_spent():
    """Even if every piece has no more than one step."""
    sol = sl.solve(THROW, sl.Tsit5(), callbacks=friction(1e-3), max_steps=100)
    assert not sol.success and sol.diagnosis.verdict == "max_steps reached"
    assert sol.stats.naccept == 100 and sol.t[-1] < 2.0


def test_a_thermostat_that_switches_often_does_not_chatter():
    """Pauses of a three-hundredth of the interval, in steps that could be as long as that is."""
    room = sl.ODEProblem(lambda u, p, t: p[0] * np.ones(1), [0.0], (0.0, 1.0), [1.0])
    events = [
        sl.Event(lambda u, p, t: u[0] - 1e-4, lambda u, p, t: (u, [-1.0]), 1),
        sl.Event(lambda u, p, t: u[0] + 1e-4, lambda u, p, t: (u, [1.0]), -1),
    ]
    sol = sl.solve(room.replace(tspan=(0.0, 0.06)), sl.Tsit5(), callbacks=events)
    assert sol.success and len(sol.events) == 300
    late = room.replace(tspan=(0.0, 1e9))  # a clock of seconds, and an interval of years
    sol = sl.solve(late, sl.Tsit5(), callbacks=[
        sl.Event(lambda u, p, t: np.sin(np.minimum(u[0], 30 * np.pi))), sl.StepLimit(1e8),
    ])  # fmt: skip
    assert sol.success


def test_many_events_at_one_instant_are_no_chattering():
    """Twenty clocks that strike together, thrice."""
    clocks = sl.ODEProblem(lambda u, p, t: np.ones(20), np.zeros(20), (0.0, 3.5))

    def strike(i):
        def affect(u, p, t):
            u[i] = 0.0
            return u

        return sl.Event(lambda u, p, t: u[i] - 1.0, affect, 1)

    sol = sl.solve(clocks, sl.Tsit5(), callbacks=[strike(i) for i in range(20)])
    assert sol.success and len(sol.events) == 60


def test_an_affect_that_moves_the_condition_far_gives_it_a_sign_of_its_own():
    """Whatever fires and starts anew from zero: the next time lies inside of the next step."""
    charge = sl.ODEProblem(lambda u, p, t: np.ones(1), [0.0], (0.0, 30.5))
    fire = sl.Event(lambda u, p, t: u[0] - 1.0, lambda u, p, t: 0 * u)
    sol = sl.solve(charge, sl.Tsit5(), callbacks=fire)
    assert np.allclose([one.t for one in sol.events], np.arange(1.0, 31.0), atol=1e-12)


def test_an_event_that_only_watches_happens_once_beside_another():
    """Roots that differ by rounding, at one condition: each happens once."""
    seen = sl.Event(lambda u, p, t: 7 * u[0] / 3 - 7 / 3 * 0.7)
    stop = sl.Event(lambda u, p, t: u[0] - 0.7, lambda u, p, t: (u, -p))
    for events in ([seen, stop], [stop, seen]):
        prob = sl.ODEProblem(lambda u, p, t: p[0] * np.exp(-u), [0.0], (0.0, 2.0), [1.0])
        sol = sl.solve(prob, sl.Tsit5(), callbacks=events)
        assert sol.success and sorted(map(id, (e.event for e in sol.events))) == sorted(
            map(id, events)
        )


def test_a_condition_that_rests_on_zero_is_not_crossed_when_it_leaves():
    """At the start, and where something else lets it go."""
    prob = sl.ODEProblem(lambda u, p, t: p[0] * np.ones(1), [0.0], (0.0, 2.0), [0.0])
    push = sl.Preset([0.5], lambda u, p, t: (u, np.array([1.0])))
    let_go = sl.Event(lambda u, p, t: t - 1.0, lambda u, p, t: (u, np.array([1.0])))
    for start in ([push], [let_go], []):
        given = prob if start else prob.replace(p=[1.0])
        sol = sl.solve(given, sl.Tsit5(), callbacks=[sl.Event(lambda u, p, t: u[0]), *start])
        assert [one.event for one in sol.events] == start and sol.u[-1, 0] > 0.9
