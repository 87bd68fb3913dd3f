"""Lesson 07: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "07_stiffness" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_07", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stable_step(J, limit):
    return limit / np.abs(np.linalg.eigvals(J)).max()


def newton(f, jac, u, p, t, h, v, when=1.0, at=None):
    at = v if at is None else u
    W = np.eye(len(u)) - h * jac(at, p, t + when * h)
    return np.linalg.solve(W, u + h * f(v, p, t + when * h) - v)


def implicit_step(f, jac, u, p, t, h, times=10):
    v = u
    for _ in range(times):
        v = v + newton(f, jac, u, p, t, h, v)
    return v


def in_place(f, jac, u, p, t, h):
    for _ in range(10):
        u += newton(f, jac, u, p, t, h, u)
    return u


def growth(theta, z):
    return (1 + (1 - theta) * z) / (1 - theta * z)


def rosenbrock_step(f, jac, u, p, t, h):
    return u + h * np.linalg.solve(np.eye(len(u)) - h * jac(u, p, t), f(u, p, t))


def nothing(*args):
    return None


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", stable_step, "correct", "farthest eigenvalue"),
    ("ex1_1", nothing, "missing", "write your lines"),
    ("ex1_1", lambda J, limit: limit / np.abs(np.linalg.eigvals(J)), "not yet", "one number"),
    ("ex1_1", lambda J, limit: 1 / np.abs(np.linalg.eigvals(J)).max(), "not yet", "0.035"),
    ("ex1_1", lambda J, limit: -limit / np.linalg.eigvals(J).real.min(), "not yet", "modulus"),
    ("ex1_1", lambda J, limit: limit / np.linalg.norm(J, 2), "not yet", "not the entries"),
    ("ex2_1", newton, "correct", "better than before"),
    ("ex2_1", lambda *a: ..., "missing", "write your lines"),
    ("ex2_1", lambda *a: newton(*a)[:1], "not yet", "shape"),
    ("ex2_1", lambda *a: a[-1] + newton(*a), "not yet", "the correction is wanted"),
    ("ex2_1", lambda *a: -newton(*a), "not yet", "(I - h J) d"),
    ("ex2_1", lambda *a: newton(*a, when=0.0), "not yet", "time t + h"),
    ("ex2_1", lambda *a: newton(*a, at="u"), "not yet", "at the guess v"),
    ("ex2_2", implicit_step, "correct", "no stiffness"),
    ("ex2_2", nothing, "missing", "write your lines"),
    ("ex2_2", in_place, "not yet", "changes the old state"),
    ("ex2_2", lambda *a: implicit_step(*a)[:1], "not yet", "shape"),
    ("ex2_2", lambda *a: implicit_step(*a, times=0), "not yet", "start from v = u"),
    ("ex2_2", lambda *a: implicit_step(*a, times=1), "not yet", "repeat the correction"),
    ("ex3_1", growth, "correct", "fastest parts"),
    ("ex3_1", nothing, "missing", "write your lines"),
    ("ex3_1", lambda theta, z: 1 / (1 - z), "not yet", "Euler's, whose growth"),
    ("ex3_1", lambda theta, z: 1 + z, "not yet", "goes to the other side"),
    ("ex3_1", lambda theta, z: growth(1.0 if theta else 0.0, z), "not yet", "-1/3"),
    ("ex3_1", lambda theta, z: growth(theta, np.real(z)), "not yet", "complex z"),
    ("ex4_1", rosenbrock_step, "correct", "nothing is iterated"),
    ("ex4_1", nothing, "missing", "write your lines"),
    ("ex4_1", lambda *a: rosenbrock_step(*a)[:1], "not yet", "shape"),
    ("ex4_1", implicit_step, "not yet", "once is enough"),
    ("ex4_1", lambda f, jac, u, p, t, h: u + h * f(u, p, t), "not yet", "implicit Euler method"),
    ("ex4_1", lambda f, jac, u, p, t, h: rosenbrock_step(f, jac, u, p, t + h, h), "not yet",
     "old state u and time t"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message, verdict


@pytest.fixture(scope="module")
def calm():
    return sl.solve(sl.zoo.van_der_pol_stiff(), sl.Rodas5P(), rtol=1e-4, atol=1e-6)


def test_the_start_is_drawn(checks, calm):
    stuck = sl.solve(calm.problem, sl.Tsit5(), max_steps=300)
    figure = checks.draw_start(calm.problem, calm, stuck)
    assert "two jumps" in figure.alt and "of 2000" in figure.alt


def test_the_drawings_work_before_and_after_the_exercises(checks, calm):
    rober = sl.zoo.rober()

    def jac(u, p, t):
        return sl.ad.jacobian(lambda v: rober.f(v, p, t), u)

    before = [
        checks.show_1_1(nothing, calm.problem, calm, 3.5),
        checks.show_2_2(nothing, rober, jac),
        checks.show_3_1(nothing),
        checks.show_4_1(nothing, nothing),
    ]
    after = [
        checks.show_1_1(stable_step, calm.problem, calm, 3.5),
        checks.show_2_2(implicit_step, rober, jac),
        checks.show_3_1(growth),
        checks.show_4_1(implicit_step, rosenbrock_step),
    ]
    for figure in (*before, *after):
        assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert all("appear" in figure.alt for figure in before)
    assert not any("appear" in figure.alt for figure in after)
    assert "0.0012 at the start" in after[0].alt
    assert "theta = 1/2 stays at 1" in after[2].alt and "yours, one solve" in after[3].alt


def test_implicit_euler_follows_rober_to_the_end_of_time(checks):
    rober = sl.zoo.rober()
    times = np.concatenate([[0.0], np.geomspace(1e-4, rober.tspan[1], 160)])

    def jac(u, p, t):
        return sl.ad.jacobian(lambda v: rober.f(v, p, t), u)

    end = checks.with_growing_steps(implicit_step, rober, jac, times)[-1]
    assert abs(end.sum() - 1) < 1e-9  # the sum of the three is kept by every step
    assert abs(end[0] / sl.zoo.rober.reference.u[0] - 1) < 0.3
