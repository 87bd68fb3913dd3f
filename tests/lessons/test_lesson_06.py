"""Lesson 06: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "06_solvers" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_06", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def midpoint(f, u, p, t, h, when=0.5, far=0.5):
    k1 = f(u, p, t)
    return u + h * f(u + far * h * k1, p, t + when * h)


def in_place(f, u, p, t, h):
    u += h * f(u, p, t)
    return u


def heun_euler(f, u, p, t, h, whole=0.5, flat=False, sign=1.0):
    k1 = f(u, p, t)
    k2 = f(u + h * k1, p, t + h)
    error = sign * whole * h * (k2 - k1)
    return u + h / 2 * (k1 + k2), float(np.linalg.norm(error)) if flat else error


def growth(step, z):
    return step(lambda u, p, t: z * u, 1.0, None, 0.0, 1.0)


def euler(f, u, p, t, h):
    return u + h * f(u, p, t)


def rk4(f, u, p, t, h):
    return sl.RK4().step(f, u, p, t, h).u


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", midpoint, "correct", "square of h"),
    ("ex1_1", lambda f, u, p, t, h: ..., "missing", "write your lines"),
    ("ex1_1", euler, "not yet", "time t + h/2"),
    ("ex1_1", in_place, "not yet", "changes the old state"),
    ("ex1_1", lambda *a: midpoint(*a, when=1.0), "not yet", "time t + h/2"),
    ("ex1_1", lambda *a: midpoint(*a, far=1.0), "not yet", "it should be 2"),
    ("ex1_1", rk4, "not yet", "another method"),
    ("ex1_1", lambda f, u, p, t, h: u[:1], "not yet", "shape"),
    ("ex2_1", heun_euler, "correct", "how wrong it is"),
    ("ex2_1", lambda *a: heun_euler(*a, sign=-1.0), "correct", "how wrong it is"),
    ("ex2_1", lambda f, u, p, t, h: None, "missing", "write your lines"),
    ("ex2_1", lambda *a: heun_euler(*a)[0], "not yet", "two things"),
    ("ex2_1", lambda *a: (euler(*a), heun_euler(*a)[1]), "not yet", "Heun's"),
    ("ex2_1", lambda *a: heun_euler(*a, flat=True), "not yet", "each unknown"),
    ("ex2_1", lambda *a: heun_euler(*a, whole=1.0), "not yet", "Euler's answer"),
    ("ex3_1", growth, "correct", "stable"),
    ("ex3_1", lambda step, z: None, "missing", "write your lines"),
    ("ex3_1", lambda step, z: 1 + z, "not yet", "that you are given"),
    ("ex3_1", lambda step, z: step(lambda u, p, t: u, 1.0, None, 0.0, z), "correct", "stable"),
    ("ex3_1", lambda step, z: growth(step, z) - 1, "not yet", "growth is 1"),
    ("ex3_1", lambda step, z: abs(growth(step, z)), "not yet", "complex"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message or words.capitalize() in verdict.message, verdict


def integrate(step, problem, n):
    h, path = (problem.tspan[1] - problem.tspan[0]) / n, [problem.u0]
    for k in range(n):
        path.append(step(problem.f, path[-1], problem.p, problem.tspan[0] + k * h, h))
    return np.array(path)


def adaptive(pair, problem, tol):
    t = np.sqrt(np.linspace(0, problem.tspan[1] ** 2, 40))
    return t, np.array([pair(problem.f, problem.u0, problem.p, s, 0.1)[0] for s in t])


def test_the_drawings_work_before_and_after_the_exercises(checks):
    problem = sl.zoo.lotka_volterra()
    before = [
        checks.show_1_1(integrate, euler, lambda *a: None, problem, n=400),
        checks.show_2_1(adaptive, lambda *a: None, problem),
        checks.show_3_1(lambda step, z: None, {"Euler": euler}),
    ]
    after = [
        checks.show_1_1(integrate, euler, midpoint, problem, n=400),
        checks.show_2_1(adaptive, heun_euler, problem),
        checks.show_3_1(growth, {"Euler": euler, "stub": lambda *a: None, "RK4": rk4}),
    ]
    for figure in (*before, *after):
        assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert all("appear when" in figure.alt for figure in before[1:])
    assert "midpoint" in after[0].alt and "39 steps" in after[1].alt
    assert "Euler to -2.0" in after[2].alt and "RK4 to -2.78" in after[2].alt


def test_arenstorf_is_drawn_with_its_work(checks):
    sol = sl.solve(sl.zoo.arenstorf(), sl.DOP853(), rtol=1e-6, atol=1e-6)
    figure = checks.draw_arenstorf(sol, {"DOP853": [(700, 1e-1), (4075, 1e-9)]})
    assert "DOP853 1.0e-09 for 4075 evaluations" in figure.alt
