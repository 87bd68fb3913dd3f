"""Lesson 20: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "20_structure_preserving" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_20", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verlet(force, q, p, h, first=0.5, second=0.5):
    p = p + first * h * force(q)
    q = q + h * p
    return q, p + second * h * force(q)


def in_place(force, q, p, h):
    p += h / 2 * force(q)
    q += h * p
    p += h / 2 * force(q)
    return q, p


def drift_first(force, q, p, h):
    new = q + h * p
    return new, p + h / 2 * (force(q) + force(new))


def old_force(force, q, p, h):
    kick = h / 2 * force(q)
    return q + h * (p + kick), p + 2 * kick


def area_factor(step, q, p, h):
    return np.linalg.det(sl.ad.jacobian(lambda u: np.array(step(u[0], u[1], h)), np.array([q, p])))


def phi1(z):
    safe = np.where(z == 0, 1.0, z)
    return np.where(z == 0, 1.0, np.expm1(safe) / safe)


def etd1(L, N, u, t, h):
    return np.exp(h * L) * u + h * phi1(h * L) * N(u, t)


def etd1_in_place(L, N, u, t, h):
    slope = h * phi1(h * L) * N(u, t)
    u *= np.exp(h * L)
    u += slope
    return u


def gain(c, parts, nf):
    return nf * (1 + c) / (c * parts["f_slow"] + parts["f_fast"])


def nothing(*args):
    return None


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", verlet, "correct", "Kick, drift, kick"),
    ("ex1_1", nothing, "missing", "write your lines"),
    ("ex1_1", in_place, "not yet", "changes the old state"),
    ("ex1_1", lambda *a: verlet(*a)[0], "not yet", "return q, p"),
    ("ex1_1", lambda force, q, p, h: verlet(force, q, p, h / 2), "not yet", "a whole step"),
    ("ex1_1", lambda *a: verlet(*a, first=1.0, second=1.0), "not yet", "half a step"),
    ("ex1_1", drift_first, "not yet", "before the drift"),
    ("ex1_1", old_force, "not yet", "at the new position"),
    ("ex1_2", area_factor, "correct", "symplectic means"),
    ("ex1_2", nothing, "missing", "write your lines"),
    ("ex1_2", lambda step, q, p, h: np.eye(2), "not yet", "one number"),
    ("ex1_2", lambda step, q, p, h: 0.0, "not yet", "keep areas"),
    ("ex1_2", lambda step, q, p, h: 1.0, "not yet", "says that it does not"),
    ("ex1_2", lambda step, q, p, h: area_factor(step, p, q, h), "not yet", "at the point"),
    ("ex2_1", phi1, "correct", "np.expm1"),
    ("ex2_1", nothing, "missing", "write your lines"),
    ("ex2_1", lambda z: phi1(z)[0], "not yet", "same shape"),
    ("ex2_1", np.expm1, "not yet", "(exp(z) - 1)/z"),
    ("ex2_1", lambda z: (np.exp(z) - 1) / z, "not yet", "digits are lost"),
    ("ex2_1", lambda z: np.expm1(z) / z, "not yet", "the limit, 1"),
    ("ex2_2", etd1, "correct", "exact for any step"),
    ("ex2_2", nothing, "missing", "write your lines"),
    ("ex2_2", etd1_in_place, "not yet", "changes the old state"),
    ("ex2_2", lambda *a: etd1(*a)[:1], "not yet", "shape"),
    ("ex2_2", lambda L, N, u, t, h: u + h * (L * u + N(u, t)), "not yet", "entry by entry"),
    ("ex2_2", lambda L, N, u, t, h: np.exp(h * L) * (u + h * N(u, t)), "not yet", "constant N"),
    ("ex2_2", lambda L, N, u, t, h: etd1(L, N, u, t + h, h), "not yet", "old state and time"),
    ("ex3_1", gain, "correct", "what an evaluation costs"),
    ("ex3_1", nothing, "missing", "write your lines"),
    ("ex3_1", lambda c, parts, nf: np.ones(2), "not yet", "one number"),
    ("ex3_1", lambda *a: 1 / gain(*a), "not yet", "over the multirate one"),
    ("ex3_1", lambda c, parts, nf: gain(c, parts, nf) / (1 + c), "not yet", "nf (1 + c)"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message, verdict


def test_the_drawings_work_before_and_after_the_exercises(checks):
    counts = {20.0: ({"f_slow": 116, "f_fast": 1661}, 572)}
    before = [
        checks.show_1_1(nothing),
        checks.show_1_2(nothing, checks.STEPS),
        checks.show_2_1(nothing),
        checks.show_2_2(nothing),
        checks.show_3_1(nothing, counts),
    ]
    after = [
        checks.show_1_1(verlet),
        checks.show_1_2(area_factor, checks.STEPS),
        checks.show_2_1(phi1),
        checks.show_2_2(etd1),
        checks.show_3_1(gain, counts),
    ]
    for figure in (*before, *after):
        assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert all("appear" in figure.alt for figure in before)
    assert not any("appear" in figure.alt for figure in after)
    assert "Verlet 1.000" in after[1].alt and "w = 20 gains" in after[4].alt


def test_orbits_are_drawn(checks):
    planet = sl.zoo.kepler_hamiltonian(0.6, tspan=(0.0, 20.0))
    one = sl.solve(planet, sl.Tsit5(), rtol=1e-4, atol=1e-4)
    two = sl.solve(planet, sl.VelocityVerlet(), dt=0.07)
    assert "After 3 orbits" in checks.draw_start(planet, one, two).alt
    runs = {"fixed": (two.t, two.u), "other": (list(one.t), list(one.u))}
    assert "fixed" in checks.draw_comet(runs).alt
    assert checks.energy(two.u)[0] == pytest.approx(-0.5)


def test_the_steps_that_are_compared_are_the_methods_of_the_package(checks):
    """The pendulum, one step of each, against `sl.solve`."""
    problem = sl.zoo.pendulum_hamiltonian(1.1, tspan=(0.0, 0.5)).replace(p=[1.0])
    methods = {"Euler": sl.Euler(), "RK4": sl.RK4(), "Verlet": sl.VelocityVerlet()}
    for name, step in checks.STEPS.items():
        u = sl.solve(problem, methods[name], dt=0.5, adaptive=False).u[-1]
        assert np.allclose(step(1.1, 0.0, 0.5), u, rtol=1e-13, atol=1e-14), name


def test_areas(checks):
    angle = np.linspace(0, 2 * np.pi, 2001)[:-1]
    assert checks.area(np.cos(angle), 2 * np.sin(angle)) == pytest.approx(2 * np.pi, rel=1e-4)
    assert area_factor(checks.leapfrog, 0.4, 0.9, 0.5) == pytest.approx(1.0, abs=1e-14)
    assert area_factor(checks.rk4, 0.4, 0.9, 0.5) < 1 - 1e-6
