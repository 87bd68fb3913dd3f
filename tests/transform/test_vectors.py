"""Loops for vector registers compute the same numbers, to the last bit."""

import ast
import operator

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.vectors import vectors
from sciml_lab.transform.vjp import vjp


def run(tree, *arguments):
    surroundings = {"np": np, "in_any_order": operator.add}
    exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), "<test>", "exec"), surroundings)
    surroundings[tree.name](*arguments)


def nests(tree):
    """How many loops stand directly inside another one."""
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For)]
    return sum(isinstance(s, ast.For) for loop in loops for s in loop.body)


def function(body):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return ast.parse(f"def f(du, u, p):\n{lines}").body[0]


ENTRIES = """for i in range(3):
    for j in range(4):
        du[4 * i + j] = {}"""


@pytest.mark.parametrize(
    "entry, inner",
    [
        ("u[4 * i + j] * u[4 * i + j + 12]", 0),  # all entries in their order
        ("p[j] / u[4 * i + j]", 1),  # the factor first
        ("p[i] / u[4 * i + j] ** 2.0", 1),
        ("p[j] / u[3 * j + i]", 1),  # it would not help: left as it is
        ("p[j] * u[4 * i + j]", 1),  # nothing slow waits: left as it is
        ("p[j] / (u[4 * i + j] + p[i])", 1),  # two factors: left as it is
        ("u[3 * j + i] / u[4 * i + j]", 1),  # another order of memory: left as it is
        ("i + u[4 * i + j]", 1),
        ("p[j] / du[4 * i + j]", 1),  # reads what it writes: left as it is
    ],
)
def test_the_numbers_stay_the_same(entry, inner):
    before = function(ENTRIES.format(entry))
    after = vectors(before)
    rng = np.random.default_rng(0)
    u, p, start = rng.uniform(1, 2, 24), rng.uniform(1, 2, 4), rng.uniform(1, 2, 12)
    results = []
    for tree in (before, after):
        du = start.copy()
        run(tree, du, u, p)
        results.append(du)
    assert np.array_equal(*results)
    assert nests(after) == inner


def test_numbers_with_a_name_go_with_the_slow_operation():
    named = ENTRIES.format("p[j] / (base * base)").replace(
        "        du", "        base = u[4 * i + j] + 1.0\n        du"
    )
    before, results = function(named), []
    after = vectors(before)
    assert nests(after) == 1 and ast.unparse(after).count("base = u[i] + 1.0") == 1
    for tree in (before, after):
        results.append(np.zeros(12))
        run(tree, results[-1], np.linspace(1, 2, 12), np.linspace(1, 3, 4))
    assert np.array_equal(*results)


def test_a_sum_over_a_row_keeps_its_loops():
    text = "for i in range(3):\n    s = 0.0\n    for j in range(4):\n        s += u[4 * i + j]\n"
    before = function(text + "    du[i] = s")
    assert ast.unparse(vectors(before)) == ast.unparse(before)


def test_loops_in_a_branch_are_found():
    inside = "\n".join(f"    {line}" for line in ENTRIES.format("u[4 * i + j]").splitlines())
    assert nests(vectors(function(f"if p[0] > 0.0:\n{inside}"))) == 0


def test_the_function_given_is_left_as_it_is():
    before = function(ENTRIES.format("u[4 * i + j]"))
    text = ast.unparse(before)
    vectors(before)
    assert ast.unparse(before) == text


@pytest.mark.parametrize("name", sl.zoo.NAMES)
def test_the_zoo_and_its_adjoints(name):
    entry = sl.zoo.get(name)
    lowered = sl.transform.lower(entry.f, entry.u0, entry.p, 0.0)
    u, p = np.asarray(entry.u0, dtype=float) + 0.1, np.asarray(entry.p)
    for form, backwards in ((inplace(lowered), False), (inplace(vjp(lowered), True), True)):
        results = []
        for tree in (form.tree, vectors(form.tree)):
            outs = [np.zeros(u.size), *([np.zeros(p.size)] if backwards else [])]
            rest = [np.linspace(1, 2, u.size)] if backwards else []
            constants = {k: np.ravel(v) for k, v in form.constants.items()}
            surroundings = {"np": np, "in_any_order": operator.add, **constants}
            exec(ast.unparse(tree), surroundings)
            surroundings[form.name](*outs, u, p, 0.0, *rest, np.empty(form.work + 1))
            results.append(np.concatenate(outs))
        assert np.array_equal(*results)


def test_only_what_a_loop_adds_to_a_derivative_may_come_in_any_order():
    text = """
        x_bar[0] += g[0]
        for i in range(4):
            x_bar[0] += g[i]
            y[0] += g[i]"""
    lines = [line[8:] for line in text.splitlines()[1:]]
    tree = function("\n".join(lines))
    assert "in_any_order" not in ast.unparse(vectors(tree))  # f itself
    tree.name = "f_vjp"
    assert ast.unparse(vectors(tree)).count("in_any_order") == 1
    assert "x_bar[0] = in_any_order(x_bar[0], g[i])" in ast.unparse(vectors(tree))


MOVES = """
x = g[0]
for i in range(9):
    u_bar[i] += g[i]
"""
STAYS = (
    "x = u_bar[0]", "g[0] = 2.0", "x = 2.0", "net(u_bar, g)", "if u_bar[0] > 0.0:\n    y = 1.0",
    "for i in range(9):\n    g[i] += 1.0", "du[0] = u_bar[0]",
)  # fmt: skip


@pytest.mark.parametrize("more", ["", *STAYS])
def test_many_single_entries_are_written_in_the_order_of_the_memory(more):
    places = [(array, k) for k in range(9, -1, -1) for array in ("p_bar", "u_bar")]
    lines = [f"{array}[{k}] += x * g[{k}]" for array, k in places]
    lines[3:3] = [*MOVES.strip().splitlines(), *more.splitlines()]
    lines.insert(0, lines.pop(3))
    text = "\n    ".join(["def f_vjp(u_bar, p_bar, g, du):", *lines])
    after = vectors(ast.parse(text).body[0])
    order = [ast.unparse(s.target) for s in after.body if isinstance(s, ast.AugAssign)]
    sort = [f"{array}[{k}]" for array in ("u_bar", "p_bar") for k in range(10)]
    assert order == ([f"{array}[{k}]" for array, k in places] if more else sort)
