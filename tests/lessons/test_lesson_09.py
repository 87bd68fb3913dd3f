"""Lesson 09: its checks judge and hint, its drawings work, and its table is what was measured."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

FOLDER = Path(__file__).parents[2] / "lessons" / "09_neural_ode"


def load(name):
    spec = importlib.util.spec_from_file_location(f"{name}_09", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def checks():
    pytest.importorskip("matplotlib", reason="the drawings need Matplotlib")
    return load("checks")


@pytest.fixture(scope="module")
def shifted(checks):
    t, data = checks._data()
    truth = checks._truth()

    def make(scale=1.0, average=np.mean, sign=1.0):
        return lambda shift: scale * average((truth(t + sign * shift) - data) ** 2)

    return make


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({}, "correct", "sixth of a period"),
        ({"average": np.sum}, "not yet", "whole factor"),
        ({"average": lambda r: r}, "not yet", "one number"),
        ({"sign": 1.5}, "not yet", "should be"),
        ({"average": lambda r: np.mean(np.sqrt(r))}, "not yet", "the square of"),
    ],
)
def test_shifted_loss_is_judged(checks, shifted, options, status, words):
    verdict = checks.ex1_1.verdict(shifted(**options))
    assert verdict.status == status and words in verdict.message, verdict


def cut(data):
    return data[:-2].T, np.stack([data[1:-1].T, data[2:].T])


def relative(learned, true):
    return np.linalg.norm(learned - true, axis=0) / np.linalg.norm(true, axis=0)


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", lambda shift: ..., "missing", "write your lines"),
    ("ex2_1", cut, "correct", "one array"),
    ("ex2_1", lambda data: None, "missing", "write your lines"),
    ("ex2_1", lambda data: data[:-2].T, "not yet", "two arrays"),
    ("ex2_1", lambda data: (data[:-2], cut(data)[1]), "not yet", "transpose"),
    ("ex2_1", lambda data: (data[:-1].T, cut(data)[1]), "not yet", "data[:-2]"),
    ("ex2_1", lambda data: (cut(data)[0], data[1:-1].T), "not yet", "two later times"),
    ("ex2_1", lambda data: (cut(data)[0], cut(data)[1][::-1]), "not yet", "next two points"),
    ("ex2_1", lambda data: (data[1:-1].T, cut(data)[1]), "not yet", "starts should be the points"),
    ("ex3_1", relative, "correct", "field itself"),
    ("ex3_1", lambda a, b: ..., "missing", "write your lines"),
    ("ex3_1", lambda a, b: np.linalg.norm(a - b), "not yet", "three errors"),
    ("ex3_1", lambda a, b: np.linalg.norm(a - b, axis=0), "not yet", "divide by"),
    ("ex3_1", lambda a, b: np.linalg.norm(a, axis=0), "not yet", "error zero"),
    ("ex3_1", lambda a, b: np.linalg.norm((a - b) / b, axis=0) / 2**0.5, "not yet", "length of"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status and words in verdict.message, verdict


def test_the_drawings_say_in_words_what_they_show(checks, shifted):
    assert "worse than that" not in checks.draw_shift(lambda shift: ...).alt
    assert "from 0.15 to 0.85 periods" in checks.draw_shift(shifted()).alt
    flat = {"flat": lambda times: np.ones((len(times), 2))}
    assert "flat: error" in checks.draw_series(flat).alt
    truth = checks._truth()
    assert "exact 0 %" in checks.draw_remedies({"exact": truth, "again": truth}).alt
    problem = sl.zoo.lotka_volterra()
    figure = checks.draw_starts(problem.f, problem.p, [(1.0, 1.0), (2.0, 1.5)])
    assert "from (2, 1.5)" in figure.alt and sl.plot.png(figure)[:4] == b"\x89PNG"


def test_the_table_is_complete_and_says_what_the_lesson_says(checks, capsys):
    found = checks.measured()
    script = load("measure_success")
    assert found["limit"] == script.LIMIT and found["seeds"] == script.SEEDS == 20
    runs = {(row["recipe"], row["seed"]): row for row in found["runs"]}
    assert set(runs) == {(r, s) for r in script.recipes() for s in range(script.SEEDS)}
    figure = checks.success_table()
    printed = capsys.readouterr().out
    assert printed.count(" of 20") == 2 * len(script.recipes())
    assert "multiple shooting, raw units: " in figure.alt


@pytest.mark.slow
def test_a_measured_run_can_be_repeated(checks):
    """Another machine rounds differently, so the run is held to its class, not to its digits."""
    script = load("measure_success")
    again = script.one_run("multiple shooting, raw units", seed=3)
    kept = next(row for row in checks.measured()["runs"]
                if row["recipe"] == again["recipe"] and row["seed"] == 3)  # fmt: skip
    assert (again["error_later"] < script.LIMIT) == (kept["error_later"] < script.LIMIT)
    assert again["gradients"] == kept["gradients"]
