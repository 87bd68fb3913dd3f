"""Lesson 05: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "05_reverse_ad" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_05", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class MyVar:
    def __init__(self, value, tape, parents=(), slopes=()):
        self.value, self.tape, self.place = value, tape, len(tape)
        tape.append((parents, slopes))


def multiply(x, y, *, swap=True, twice=False):
    slopes = (y.value, x.value) if swap else (x.value, y.value)
    if twice:
        MyVar(0.0, x.tape)
    return MyVar(x.value * y.value, x.tape, (x.place, y.place), slopes)


def sweep(tape, *, add=True, forwards=False):
    adjoints = [0.0] * len(tape)
    adjoints[-1] = 1.0
    order = range(len(tape)) if forwards else reversed(range(len(tape)))
    for k in order:
        for parent, slope in zip(*tape[k], strict=True):
            adjoints[parent] = slope * adjoints[k] + (adjoints[parent] if add else 0.0)
    return adjoints


def swing_vjp(u, p, t, du_bar, *, sign=-1.0, forget=False):
    (angle, speed), (g, drag) = u, p
    p_bar = np.array([-np.sin(angle), -speed]) * du_bar[1]
    second = -drag * du_bar[1] + (0.0 if forget else du_bar[0])
    return np.array([sign * g * np.cos(angle) * du_bar[1], second]), p_bar


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", [1000, 1, 1, 2], "correct", "shorter side"),
    ("ex1_1", [..., ..., ..., ...], "missing", "still a `...`"),
    ("ex1_1", [1000, 1], "not yet", "four numbers"),
    ("ex1_1", [1, 1, 1, 2], "not yet", "first number"),
    ("ex1_1", [1000, 1000, 1, 2], "not yet", "second number"),
    ("ex1_1", [1000, 1, 1000, 2], "not yet", "third number"),
    ("ex1_1", [1000, 1, 1, 3], "not yet", "count the outputs"),
    ("ex2_2", sweep, "correct", "backpropagation"),
    ("ex2_2", lambda tape: None, "missing", "write your lines"),
    ("ex2_2", lambda tape: 1.0, "not yet", "one adjoint for each entry"),
    ("ex2_2", lambda tape: [0.0] * len(tape), "not yet", "result is 1"),
    ("ex2_2", lambda tape: sweep(tape, forwards=True), "not yet", "from the last entry"),
    ("ex2_2", lambda tape: sweep(tape, add=False), "not yet", "+= and not ="),
    ("ex4_1", swing_vjp, "correct", "transformed a program"),
    ("ex4_1", lambda u, p, t, du_bar: None, "missing", "write your lines"),
    ("ex4_1", lambda u, p, t, g: np.zeros(2), "not yet", "return u_bar, p_bar"),
    ("ex4_1", lambda *a: swing_vjp(*a, sign=1.0), "not yet", "adjoint of the angle"),
    ("ex4_1", lambda *a: swing_vjp(*a, forget=True), "not yet", "both components"),
    ("ex4_1", lambda *a: (swing_vjp(*a)[0], np.zeros(2)), "not yet", "p_bar is not right"),
    ("ex5_1", lambda g, y, x: g * (1 - np.exp(-y)), "correct", "takes your word"),
    ("ex5_1", lambda g, y, x: g / (1 + np.exp(-x)), "correct", "takes your word"),
    ("ex5_1", lambda g, y, x: None, "missing", "write your lines"),
    ("ex5_1", lambda g, y, x: g * np.exp(-y), "not yet", "dual numbers"),
    ("ex5_1", lambda g, y, x: 1 - np.exp(-y), "not yet", "multiply the slope"),
    ("ex5_1", lambda g, y, x: g * np.exp(x) / (1 + np.exp(x)), "not yet", "overflows"),
    ("ex6_1", "bcab", "correct", "four letters"),
    ("ex6_1", ["B", "C", "A", "B"], "correct", "four letters"),
    ("ex6_1", ..., "missing", "Nothing is there yet"),
    ("ex6_1", "bc", "not yet", "four letters"),
    ("ex6_1", "acab", "not yet", "question 1"),
    ("ex6_1", "bcaa", "not yet", "before anything has run"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message or words.capitalize() in verdict.message, verdict


PRODUCTS = [
    (multiply, "correct", "Sum, product and sine"),
    (lambda x, y: None, "missing", "write your lines"),
    (lambda x, y: x.value * y.value, "not yet", "return a MyVar"),
    (lambda x, y: MyVar(x.value + y.value, x.tape), "not yet", "15"),
    (lambda x, y: multiply(x, y, twice=True), "not yet", "one entry"),
    (lambda x, y: MyVar(15.0, x.tape, (0, 0), (5.0, 3.0)), "not yet", "places of x and y"),
    (lambda x, y: multiply(x, y, swap=False), "not yet", "respect to x is y"),
]


@pytest.mark.parametrize(("answer", "status", "words"), PRODUCTS)
def test_the_entry_of_a_product(checks, answer, status, words):
    verdict = checks.ex2_1.verdict(answer, MyVar)
    assert verdict.status == status and words in verdict.message, verdict


def test_the_text_appears_when_the_rule_is_written(checks, capsys):
    def growth(u, p, t):
        x, y = u
        return np.array([soft(x) - y, x * p[0]])

    soft = sl.ad.primitive(checks.softplus_value, vjp=lambda g, y, x: ..., name="soft")
    checks.show_5_1(growth)
    assert "appears here when the rule is written" in capsys.readouterr().out
    rule = lambda g, y, x: g * (1.0 - np.exp(-y))  # noqa: E731
    soft = sl.ad.primitive(checks.softplus_value, vjp=rule, name="soft")
    checks.show_5_1(growth)
    assert "np.exp(-soft(x))" in capsys.readouterr().out


def test_tables_and_pictures(checks, capsys):
    assert [checks.in_words(t) for t in (2.0, 3e-3, 4.56e-6, 7e-9)] == [
        "2 s", "3 ms", "4.56 µs", "7 ns",
    ]  # fmt: skip
    figure = checks.draw_directions([10, 100], {"forward": [1e-3, 1e-2], "reverse": [1e-3, 1e-3]})
    assert "forward mode from 1 ms to 10 ms" in figure.alt
    ratios = checks.tape_costs({"a square": (lambda x: x * x, 2.0)})
    out = capsys.readouterr().out
    assert set(ratios) == {"a square"} and " 2 " in out and "MB" in out
    figure, best = checks.race({"one": lambda: None, "none": None}, reference="one")
    assert set(best) == {"one"} and "one" in figure.alt and "first call" in capsys.readouterr().out


def test_without_numba_two_rows_are_left_out(checks, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert checks.compile_with_numba(lambda x: x) is None
    assert "Numba is not installed" in capsys.readouterr().out
