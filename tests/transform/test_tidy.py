"""Simplification: what goes, what stays, and that no bit of a result changes."""

import numpy as np
import pytest

from sciml_lab.transform.algebra import fill, show
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import read
from sciml_lab.transform.tidy import tidy

FOLDED = {
    "1.0 * x": "x", "x * 1": "x", "x + 0.0": "x", "0 + x": "x", "x - 0": "x", "0 - x": "-x",
    "x / 1": "x", "x ** 1": "x", "--x": "x", "-(x - y)": "y - x", "x + -y": "x - y",
    "x - -y": "x + y", "-x * y": "-(x * y)", "x * -y": "-(x * y)", "-x / y": "-(x / y)",
    "x * -1.0": "-x", "2 * 3 + 1": "7", "2.0 * 0.5": "1.0", "x + (-2)": "x - 2",
    "x if True else y": "x", "x if c else x": "x",
    # These would change a result, or are no business of ours.
    "0.0 * x": "0.0 * x", "x - x": "x - x", "x * 2.0 * 3.0": "x * 2.0 * 3.0", "1 / 0": "1 / 0",
    "x / x": "x / x", "(x + y) - y": "x + y - y",
}  # fmt: skip


@pytest.mark.parametrize("source", FOLDED)
def test_fold(source):
    assert show(fill(source)) == FOLDED[source]


def tidied(source, made=(), **shapes):
    """The tidied text; the names in `made` were given by a pass."""
    lowered = read(source, **shapes)
    for s in lowered.tree.body:
        target = getattr(s, "targets", [None])[0]
        s.made = getattr(target, "id", None) in made
    return text(tidy(lowered)), lowered


def test_what_no_result_needs_goes():
    source = """def f(u):
    v = np.empty(3)
    w = np.empty(3)
    unused = np.sin(u[0])
    for i in range(3):
        v[i] = u[i]
        w[i] = v[i] + 1.0
    s = 0.0
    for i in range(3):
        s_next = s + w[i]
        s = s_next
    if u[0] > 0.0:
        w[0] = 2.0
    y = u[0]
    return y"""
    printed, _ = tidied(source, u=(3,))
    assert [line.split("  #")[0] for line in printed.splitlines()] == [
        "def f(u):", "    y = u[0]", "    return y",
    ]  # fmt: skip


def test_half_of_a_branch_goes():
    source = """def f(a):
    y = a
    if a > 0.0:
        z = 1.0
    else:
        y = 2.0
    return y"""
    printed, lowered = tidied(source)
    assert "if not a > 0.0:" in printed and "else" not in printed
    assert [float(compiled(tidy(lowered))(a)) for a in (3.0, -1.0)] == [3.0, 2.0]


def test_names_of_the_user_stay_and_helpers_are_put_in_place():
    source = "def f(a):\n    x = a * a\n    g = x + 1.0\n    y = g * x\n    return y"
    printed, _ = tidied(source, made={"g"})
    assert "y = (x + 1.0) * x" in printed and "x = a * a" in printed


def test_a_helper_is_not_moved_over_a_change_of_what_it_reads():
    source = """def f(u):
    v = np.empty(1)
    v[0] = u[0]
    g = v[0] * 2.0
    v[0] = 7.0
    y = g + v[0]
    return y"""
    printed, lowered = tidied(source, made={"g"}, u=(1,))
    assert "g = v[0] * 2.0" in printed
    assert compiled(tidy(lowered))([1.0]) == 9.0


def test_a_helper_is_not_moved_into_a_loop():
    source = """def f(u):
    y = np.empty(3)
    g = np.exp(u[0])
    for i in range(3):
        y[i] = g
    return y"""
    printed, _ = tidied(source, made={"g"}, u=(1,))
    assert "g = np.exp(u[0])" in printed


def test_a_copy_is_read_through():
    printed, _ = tidied("def f(a):\n    g = a\n    y = g * g\n    return y", made={"g"})
    assert "y = a * a" in printed


def test_a_number_set_again_in_a_loop_is_no_copy():
    source = """def f(a):
    x = a
    for i in range(3):
        old = x
        x_next = old * 2.0
        x = x_next
    y = x + a
    return y"""
    _, lowered = tidied(source, made={"x"})
    assert compiled(tidy(lowered))(1.0) == 9.0


def test_values_stay_the_same_to_the_last_bit():
    source = "def f(a, b):\n    y = a * 3.0 * -b + 0.0 - -(a / b) - (a - b) + 1.0 * a\n    return y"
    _, lowered = tidied(source)
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(50, 2)):
        assert compiled(tidy(lowered))(a, b) == compiled(lowered)(a, b)
