"""Lesson 18: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]
G = 9.81


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "18_delay_dae_hybrid" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_18", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def locate(g, a, b, times=100):
    for _ in range(times):
        c = (a + b) / 2
        if c in (a, b):
            break
        a, b = (a, c) if (g(a) > 0) != (g(c) > 0) else (c, b)
    return b


def rising_only(g, a, b):
    for _ in range(60):
        c = (a + b) / 2
        a, b = (a, c) if g(c) > 0 else (c, b)
    return b


def endless(g, a, b):
    while a < b:
        g((a + b) / 2)


def impacts(height, e, n, power=1):
    first = np.sqrt(2 * height / G)
    return first + np.append(0.0, np.cumsum(2 * first * e ** (power * np.arange(1, n))))


def thermostat(low, high, power=15.0, ways=(-1, 1)):
    on = sl.Event(lambda u, p, t: u[0] - low, lambda u, p, t: (u, [power]), ways[0])
    off = sl.Event(lambda u, p, t: u[0] - high, lambda u, p, t: (u, [0.0]), ways[1])
    return [on, off]


def without_off(low, high):
    return [thermostat(low, high)[0], sl.Event(lambda u, p, t: 1.0)]


def jumping(low, high):
    on = sl.Event(lambda u, p, t: u[0] - low, lambda u, p, t: (u + 1, [15.0]), -1)
    return [on, thermostat(low, high)[1]]


def multiplier(x, v, a):
    return (v @ v + x @ a) / (x @ x)


def project(x, v):
    x = x / np.linalg.norm(x)
    return x, v - (x @ v) * x


def in_place(x, v):
    x /= np.linalg.norm(x)
    v -= (x @ v) * x
    return x, v


def old_normal(x, v):
    return x / np.linalg.norm(x), v - (x @ v) * x


def nothing(*args):
    return None


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", locate, "correct", "no number between"),
    ("ex1_1", nothing, "missing", "write your lines"),
    ("ex1_1", lambda g, a, b: (a, b), "not yet", "one number"),
    ("ex1_1", lambda g, a, b: (a + b) / 2, "not yet", "keep the half"),
    ("ex1_1", rising_only, "not yet", "falling function"),
    ("ex1_1", lambda g, a, b: locate(g, a - 1, b), "not yet", "inside of [a, b]"),
    ("ex1_1", lambda *a: locate(*a, times=20), "not yet", "missed by"),
    ("ex1_1", endless, "not yet", "asked a thousand times"),
    ("ex1_2", impacts, "correct", "geometric series"),
    ("ex1_2", nothing, "missing", "write your lines"),
    ("ex1_2", lambda h, e, n: impacts(h, e, n)[-1], "not yet", "one array"),
    ("ex1_2", lambda h, e, n: impacts(h, e, n) + 1, "not yet", "at t = 1"),
    ("ex1_2", lambda h, e, n: impacts(h, e, n, power=2), "not yet", "one second later"),
    ("ex1_2", lambda h, e, n: 1.0 + np.arange(n), "not yet", "e times the one before"),
    ("ex1_2", lambda h, e, n: impacts(G / 2, e, n), "not yet", "depends on the height"),
    ("ex2_1", thermostat, "correct", "another one"),
    ("ex2_1", nothing, "missing", "write your lines"),
    ("ex2_1", lambda low, high: thermostat(low, high)[0], "not yet", "list of two events"),
    ("ex2_1", lambda *a: thermostat(*a, ways=(1, 1)), "not yet", "does not come on"),
    ("ex2_1", without_off, "not yet", "does not go off"),
    ("ex2_1", jumping, "not yet", "the same before and after"),
    ("ex2_1", lambda *a: thermostat(*a, power=12.0), "not yet", "power should be 15"),
    ("ex2_1", lambda low, high: thermostat(18.0, 22.0), "not yet", "numbers that are given"),
    ("ex3_1", multiplier, "correct", "the rod pulls"),
    ("ex3_1", nothing, "missing", "write your lines"),
    ("ex3_1", lambda x, v, a: x, "not yet", "one number"),
    ("ex3_1", lambda x, v, a: -multiplier(x, v, a), "not yet", "carry the weight"),
    ("ex3_1", lambda x, v, a: x @ a / (x @ x), "not yet", "don't forget v.v"),
    ("ex3_1", lambda x, v, a: v @ v + x @ a, "not yet", "divide by x @ x"),
    ("ex3_2", project, "correct", "both constraints hold"),
    ("ex3_2", nothing, "missing", "write your lines"),
    ("ex3_2", in_place, "not yet", "in place"),
    ("ex3_2", lambda x, v: project(x, v)[0], "not yet", "new x and a new v"),
    ("ex3_2", lambda x, v: (x, v), "not yet", "length 1"),
    ("ex3_2", lambda x, v: (np.array([0.0, -1.0]), v), "not yet", "nearest point"),
    ("ex3_2", old_normal, "not yet", "perpendicular"),
    ("ex3_2", lambda x, v: (project(x, v)[0], 0 * v), "not yet", "along the circle"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message, verdict


def fall(u, p, t):
    return np.array([u[1], -G])


def bounce(u, p, t):
    return np.array([0.0, -0.9 * u[1]])


@pytest.fixture(scope="module")
def located():
    ball = sl.ODEProblem(fall, [10.0, 0.0], (0.0, 24.0))
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    return sl.solve(ball, sl.Tsit5(), rtol=1e-10, atol=1e-10, callbacks=ground)


def test_the_drawings_work_before_and_after_the_exercises(checks, located):
    before = [
        checks.show_1_1(nothing),
        checks.show_1_2(nothing, located),
        checks.show_2_1(nothing),
        checks.show_3_1(nothing),
        checks.show_3_2(nothing),
    ]
    after = [
        checks.show_1_1(locate),
        checks.show_1_2(impacts, located),
        checks.show_2_1(thermostat),
        checks.show_3_1(multiplier),
        checks.show_3_2(project),
    ]
    for figure in (*before, *after):
        assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert all("appear" in figure.alt for figure in before)
    assert not any("appear" in figure.alt for figure in after)
    assert "20 impacts" in after[1].alt and "22 switches" in after[2].alt
    assert "without care up to 0.2; yours up to" in after[4].alt


def test_a_ball_that_is_looked_at_too_late_is_drawn(checks, located):
    late = sl.Discrete(lambda u, p, t: u[0] < 0, bounce)
    naive = sl.solve(located.problem.replace(tspan=(0.0, 20.0)), sl.Tsit5(), callbacks=late)
    figure = checks.draw_start(naive, located, 10.0)
    assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert "under the ground before it is noticed" in figure.alt


def test_a_block_that_sticks_and_slips_is_drawn(checks):
    rest = sl.Event(lambda u, p, t: u[1], lambda u, p, t: (np.array([u[0], 0.0]), 0 * p))
    prob = sl.ODEProblem(lambda u, p, t: np.array([u[1], -p[0]]), [0.0, 1.0], (0.0, 2.0), [1.0])
    sol = sl.solve(prob, sl.Tsit5(), callbacks=rest)
    figure = checks.draw_friction(sol, np.sin, 0.6)
    assert "at 1 events" in figure.alt and "50 % of the time" in figure.alt


def test_the_pendulum_with_the_multiplier_is_that_of_the_zoo(checks):
    sol = sl.solve(checks.swing(multiplier), sl.Tsit5(), rtol=1e-9, atol=1e-9)
    angle = sl.zoo.pendulum.exact(2.0, [np.pi / 2, 0.0], [G, 1.0])[0]
    assert np.allclose(sol.u[-1, :2], [np.sin(angle), -np.cos(angle)], atol=1e-6)
