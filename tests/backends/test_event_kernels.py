"""Events in a compiled solve: the readable loop's steps, events, states and messages."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")
pytest.importorskip("scipy", reason="the readable implicit methods factorise with SciPy")

from sciml_lab.backends.numba import kernels
from sciml_lab.solvers import locate


def falling(u, p, t):
    return np.array([u[1], -p[0]])


def height(u, p, t):
    return u[0]


def bounce(u, p, t):
    return np.array([0.0, -0.9 * u[1]])


def room(u, p, t):
    return np.array([p[0] - 0.5 * (u[0] - 10.0)])


def warm(u, p, t):
    return u[0] - 22.0


def cold(u, p, t):
    return u[0] - 18.0


def swing(u, p, t):
    return np.array([u[1], -np.sin(u[0]) + 0.3 * np.cos(2.0 * t)])


def middle(u, p, t):
    return u[0]


def growing(u, p, t):
    return u * (1.0 - 0.1 * t)


def large(u, p, t):
    return np.max(u) - 2.0


def divide(u, p, t):
    i = int(np.argmax(u))
    return np.concatenate([u[:i], [u[i] / 2, u[i] / 2], u[i + 1 :]])


def decay(u, p, t):
    return -p[0] * u


def rober_first(u, p, t):
    return u[0] - 0.5


BALL = sl.ODEProblem(falling, [10.0, 0.0], (0.0, 20.0), [9.81])
HEATED = sl.ODEProblem(room, [15.0], (0.0, 12.0), [8.0])
SWING = sl.ODEProblem(swing, [1.0, 0.0], (0.0, 60.0))
CELLS = sl.ODEProblem(growing, [1.0], (0.0, 3.0))
DOSED = sl.ODEProblem(decay, [1.0], (0.0, 10.0), [0.7])

THERMOSTAT = [
    sl.Event(warm, lambda u, p, t: (u, np.array([0.0])), direction=1),
    sl.Event(cold, lambda u, p, t: (u, np.array([8.0])), direction=-1),
]
CASES = {
    "ball": (BALL, [sl.Event(height, bounce, direction=-1)]),
    "thermostat": (HEATED, THERMOSTAT),
    "crossings": (SWING, [sl.Event(middle)]),
    "rising only": (SWING, [sl.Event(middle, direction=1, samples=3)]),
    "cells": (CELLS, [sl.Event(large, divide, direction=1)]),
    "doses": (DOSED, [sl.Periodic(1.5, lambda u, p, t: u + 1.0)]),
    "dose at once": (DOSED, [sl.Preset([2.0, 2.5], lambda u, p, t: u + 1.0), sl.Event(warm)]),
    "terminal": (BALL, [sl.Event(height, terminal=True)]),
}


def both(problem, method, events, **options):
    """The solve by either backend."""
    options = {"rtol": 1e-7, "atol": 1e-9, "callbacks": events, **options}
    return [sl.solve(problem, method, backend=name, **options) for name in ("numpy", "numba")]


def same(readable, compiled):
    """Compare two solutions: counts, events, times and states."""
    assert compiled.message == readable.message  # so the loop did not run in Python
    for name in ("naccept", "nreject"):
        assert getattr(compiled.stats, name) == getattr(readable.stats, name)
    assert [e.event for e in compiled.events] == [e.event for e in readable.events]
    for one, other in zip(compiled.events, readable.events, strict=True):
        assert one.t == pytest.approx(other.t, rel=1e-9, abs=1e-10)
        np.testing.assert_allclose(one.after, other.after, rtol=1e-8, atol=1e-9)
    # Step sizes follow the last digits of the estimated error, and so do the ends of steps.
    np.testing.assert_allclose(compiled.t, readable.t, rtol=1e-6)
    for one, other in zip(compiled.u, readable.u, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"saveat": 0.25}, {"dense": False}], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_explicit_methods_take_the_same_steps_to_the_same_events(name, options):
    problem, events = CASES[name]
    same(*both(problem, sl.Tsit5(), events, **options))


@pytest.mark.parametrize("name", ["ball", "thermostat", "crossings", "cells"])
@pytest.mark.parametrize("method", [sl.Vern7(), sl.Rodas5P()], ids=repr)
def test_other_methods_do_too(name, method):
    problem, events = CASES[name]
    same(*both(problem, method, events, saveat=0.25))


def test_the_solution_between_the_steps_is_that_of_its_piece():
    problem, events = CASES["ball"]
    readable, compiled = both(problem, sl.Vern7(), events)
    times = np.linspace(0.0, 20.0, 401)
    np.testing.assert_allclose(compiled(times), readable(times), rtol=1e-7, atol=1e-7)


def test_fixed_steps_end_at_events_too():
    problem, events = CASES["ball"]
    same(*both(problem, sl.RK4(), events, dt=0.05))


def test_backwards_in_time():
    problem = sl.ODEProblem(swing, [0.3, 0.1], (20.0, 0.0))
    same(*both(problem, sl.Tsit5(), [sl.Event(middle, direction=-1)], saveat=0.5))


def test_a_singular_mass_matrix_and_an_event():
    problem = sl.zoo.rober_dae(tspan=(0.0, 1e5))
    readable, compiled = both(problem, sl.Rodas5P(), [sl.Event(rober_first, terminal=True)])
    assert compiled.message == readable.message
    assert compiled.events[0].t == pytest.approx(readable.events[0].t, rel=1e-6)


def test_two_crossings_between_two_coarse_steps_are_not_missed():
    def line(u, p, t):
        return np.array([1.0])

    def close(u, p, t):
        return (u[0] - 0.33) * (u[0] - 0.34)

    problem = sl.ODEProblem(line, [0.0], (0.0, 1.0))
    sol = sl.solve(problem, sl.Tsit5(), dt=1.0, backend="numba", callbacks=[sl.Event(close)])
    np.testing.assert_allclose([e.t for e in sol.events], [0.33, 0.34], rtol=1e-12)


def test_impact_20_of_a_bouncing_ball_is_exact_to_ten_digits():
    problem = sl.ODEProblem(falling, [10.0, 0.0], (0.0, 26.0), [9.81])
    sol = sl.solve(problem, sl.Tsit5(), rtol=1e-9, atol=1e-9, backend="numba",
                   callbacks=[sl.Event(height, bounce, direction=-1)])  # fmt: skip
    first = (2 * 10.0 / 9.81) ** 0.5
    impacts = first + 2 * first * np.cumsum(0.9 ** np.arange(1, 20))
    assert abs(sol.events[19].t - impacts[18]) < 1e-10


@pytest.mark.parametrize(("end", "verdict"), [(60.0, "Zeno")], ids=["a ball that comes to rest"])
def test_too_many_events_are_named(end, verdict):
    problem = sl.ODEProblem(falling, [10.0, 0.0], (0.0, end), [9.81])
    readable, compiled = both(problem, sl.Tsit5(), CASES["ball"][1])
    assert not compiled.success
    assert verdict in compiled.message
    assert compiled.diagnosis.verdict == readable.diagnosis.verdict
    assert abs(len(compiled.events) - len(readable.events)) <= 1


def sliding(u, p, t):
    return np.array([u[1], -0.3 - 0.6 * p[0]])


def speed(u, p, t):
    return u[1]


def test_a_relay_without_a_dead_zone_chatters_in_a_kernel_too():
    events = [
        sl.Event(speed, lambda u, p, t: (u, np.array([-1.0])), -1),
        sl.Event(speed, lambda u, p, t: (u, np.array([1.0])), 1),
    ]
    problem = sl.ODEProblem(sliding, [0.0, 1.0], (0.0, 5.0), [1.0])
    readable, compiled = both(problem, sl.Tsit5(), events, max_steps=500)
    assert compiled.diagnosis.verdict == readable.diagnosis.verdict == "chattering"
    assert len(compiled.events) == len(readable.events)


def test_what_fires_and_starts_anew_fires_each_time():
    problem = sl.ODEProblem(lambda u, p, t: np.ones(1), [0.0], (0.0, 30.5))
    fire = sl.Event(lambda u, p, t: u[0] - 1.0, lambda u, p, t: 0 * u)
    same(*both(problem, sl.Tsit5(), [fire], saveat=0.25))


def test_a_failure_between_events_keeps_what_there_is():
    def explode(u, p, t):
        return u * u

    problem = sl.ODEProblem(explode, [1.0], (0.0, 2.0))
    events = [sl.Event(lambda u, p, t: u[0] - 5.0)]
    readable, compiled = both(problem, sl.Tsit5(), events)
    assert not compiled.success
    assert compiled.diagnosis.verdict == readable.diagnosis.verdict
    assert compiled.t[-1] == pytest.approx(1.0, abs=1e-6)
    assert len(compiled.events) == 1


def test_what_does_not_compile_runs_in_python_and_says_so():
    seen = []

    def condition(u, p, t):
        seen.append(t)
        return u[0]

    sol = sl.solve(BALL, sl.Tsit5(), backend="numba", callbacks=[sl.Event(condition, bounce)])
    assert sol.success
    assert seen
    assert "the loop ran in Python" in sol.message


@pytest.mark.parametrize(
    "callback",
    [sl.Positive(), sl.Saving(lambda u, p, t: u[0]), lambda record: None],
    ids=["Positive", "Saving", "a function"],
)
def test_what_looks_at_every_step_runs_in_python(callback):
    sol = sl.solve(DOSED, sl.Tsit5(), backend="numba", callbacks=[callback])
    assert sol.success
    assert "looks at every step" in sol.message


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_an_interruption_keeps_the_part_up_to_there():
    def slow(u, p, t):
        return np.array([u[1], -u[0]])

    problem = sl.ODEProblem(slow, [1.0, 0.0], (0.0, 1e7))
    event = sl.Event(lambda u, p, t: u[0] - 2.0)
    sl.solve(problem, sl.Tsit5(), backend="numba", callbacks=[event], max_steps=10)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.perf_counter()
    with pytest.raises(sl.SolveInterrupted) as stopped:
        sl.solve(
            problem, sl.Tsit5(), rtol=1e-10, atol=1e-10, backend="numba", callbacks=[event],
            dense=False, saveat=[1e7], max_steps=10**9,
        )  # fmt: skip
    assert time.perf_counter() - began < 2.0
    assert stopped.value.solution.stats.naccept > 100


def test_the_kernel_asks_by_the_readable_rules():
    text = kernels.text(sl.Tsit5(), watched="events")
    for rule in (locate.changes, locate.dips):
        assert kernels._without_docstring(rule) in text
    assert "suspicious" not in kernels.text(sl.Tsit5())
