"""Lesson 02: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "02_scientific_structure" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_02", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_room(u, p, t, *, sign=1.0, both=False, forget=False):
    x, y = u
    a, b, c, d, room = p
    births = a * x if forget else a * x * (1 - sign * x / room)
    meetings = x * y * (1 - x / room) if both else x * y
    return np.array([births - b * meetings, d * x * y - c * y])


def variant(**changes):
    return lambda u, p, t: with_room(u, p, t, **changes)


def centred(r):
    r = r - np.mean(r)
    return np.sum(r[1:] * r[:-1]) / np.sum(r * r)


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", with_room, "correct", "finite size"),
    ("ex1_1", lambda u, p, t: ..., "missing", "write your lines"),
    ("ex1_1", lambda u, p, t: [u[0], u[1]], "not yet", "array of two numbers"),
    ("ex1_1", variant(forget=True), "not yet", "nothing should change"),
    ("ex1_1", variant(sign=-1.0), "not yet", "nothing should change"),
    ("ex1_1", variant(both=True), "not yet", "births alone"),
    ("ex1_1", lambda u, p, t: u / 0 + q, "not yet", "NameError"),  # noqa: F821
    ("ex2_1", lambda p: np.array([p[2] / p[3], p[0] / p[1]]), "correct", "two divisions"),
    ("ex2_1", lambda p: [p[2] / p[3], p[0] / p[1]], "correct", "two divisions"),
    ("ex2_1", lambda p: None, "missing", "write your lines"),
    ("ex2_1", lambda p: np.zeros(2), "not yet", "positive"),
    ("ex2_1", lambda p: np.array([p[0] / p[1], p[2] / p[3]]), "not yet", "still changes"),
    ("ex2_1", lambda p: np.array([3.0, 1.5]), "not yet", "still changes"),
    ("ex2_1", lambda p: 3.0, "not yet", "two numbers"),
    ("ex3_1", centred, "correct", "only noise"),
    ("ex3_1", lambda r: None, "missing", "write your lines"),
    ("ex3_1", lambda r: np.sum(r[1:] * r[:-1]) / np.sum(r * r), "not yet", "subtract the mean"),
    ("ex3_1", lambda r: np.mean((r - r.mean())[1:] * (r - r.mean())[:-1]), "not yet", "slow wave"),
    ("ex3_1", lambda r: r[1:] * r[:-1], "not yet", "one number"),
    ("ex3_1", lambda r: np.corrcoef(r[1:], r[:-1])[0, 1], "correct", "only noise"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message or words.capitalize() in verdict.message, verdict


def test_the_drawings_work_before_and_after_the_exercise(checks):
    before, after = checks.show_1_1(lambda u, p, t: None), checks.show_1_1(with_room)
    assert "appears when" in before.alt and "winds inwards" in after.alt
    year, hare, lynx = sl.zoo.hudson_bay()
    curve = (year, hare, lynx)
    figure = checks.draw_record(year, hare, lynx, [curve, curve], 1914, ["one", "two"])
    assert "one and two" in figure.alt and sl.plot.png(figure)[:4] == b"\x89PNG"
    figure = checks.draw_residuals(year, np.stack([np.sin(year), np.cos(year)], axis=1))
    assert "largest misses" in figure.alt
