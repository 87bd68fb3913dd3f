"""Reverse loops that gather: every entry written once, and sums taken along."""

import ast

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform.printing import text
from sciml_lab.transform.vjp import vjp

N = 12


def both_sides(u, p, t):
    du = np.zeros(N)
    for i in range(1, N - 1):
        du[i] = p[0] * u[i - 1] * u[i] - p[1] * u[i + 1] ** 2
    return du


def ahead(u, p, t):
    du = np.zeros(N)
    for i in range(N - 3):
        du[i] = p[0] * u[i + 1] * u[i + 3]
    return du


def and_one_fixed(u, p, t):
    du = np.zeros(N)
    for i in range(1, N - 1):
        du[i] = p[0] * u[i - 1] + u[i + 1] * u[0]
    return du


def rolled(u, p, t):
    return (np.roll(u, -1) - np.roll(u, 2)) * np.roll(u, 1) - p[0] * u + p[1]


def backward(f):
    lowered = sl.transform.lower(f, np.ones(N), np.ones(2), 0.0)
    return vjp(lowered, ("u", "p"))


@pytest.mark.parametrize("f", [both_sides, ahead, and_one_fixed, rolled])
def test_the_derivative_is_that_of_the_function(f):
    rng = np.random.default_rng(0)
    u, p, g = rng.uniform(0.5, 1.5, N), rng.uniform(0.5, 1.5, 2), rng.uniform(-1, 1, N)
    names = {"np": np}
    exec(text(backward(f)), names)
    u_bar, p_bar = names[f"{f.__name__}_vjp"](u, p, 0.0, g)
    eps = 1e-6
    for x, bar, side in ((u, u_bar, 0), (p, p_bar, 1)):
        for k in range(len(x)):
            step = eps * np.eye(len(x))[k]
            moved = [(u + s * step, p) if side == 0 else (u, p + s * step) for s in (1, -1)]
            slope = g @ (f(*moved[0], 0.0) - f(*moved[1], 0.0)) / (2 * eps)
            assert bar[k] == pytest.approx(slope, rel=1e-8, abs=1e-8)


def loops(f):
    return [s for s in ast.walk(ast.parse(text(backward(f)))) if isinstance(s, ast.For)]


def test_a_sum_is_taken_along_where_its_turns_are_those_of_the_loop():
    (one,) = loops(both_sides)
    assert [ast.unparse(s.target) for s in one.body] == ["u_bar[i]", "p_bar[0]", "p_bar[1]"]
    (one,) = loops(rolled)
    assert {ast.unparse(s.target) for s in one.body} == {"u_bar[i]", "p_bar[0]", "p_bar[1]"}


def test_a_sum_has_a_loop_of_its_own_where_they_are_not():
    assert [len(one.body) for one in loops(ahead)] == [1, 1]  # the other loop runs further
    targets = [[ast.unparse(s.target) for s in one.body] for one in loops(and_one_fixed)]
    assert ["u_bar[0]"] in targets  # the other loop writes there
