"""Long rows of like assignments become loops, with the same meaning."""

import ast

import numpy as np
import pytest

from sciml_lab.transform import lower
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.reroll import rolled
from sciml_lab.transform.sparsity import pattern
from sciml_lab.transform.vjp import vjp

N = 120
ORDERS = {
    "in turn": np.arange(2 * N).reshape(2, N).T.ravel(),
    "three": np.arange(2 * N).reshape(3, 80).T.ravel(),
    "backwards": np.arange(2 * N)[::-1],
    "odd, even": np.concatenate([np.arange(1, 2 * N, 2), np.arange(0, 2 * N, 2)]),
    "any": np.random.default_rng(3).permutation(2 * N),
}


def statements(lines):
    return [ast.parse(line).body[0] for line in lines]


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_entries_is_kept(name):
    order = ORDERS[name]

    def f(u, p, t):
        x, y = u[:N], u[N:]
        return np.concatenate([x * y + p[0], np.sin(y) - t * x])[order]

    u, p, t = np.linspace(-1, 1, 2 * N), np.array([0.3]), 0.7
    lowered = lower(f, u, p, t)
    assert len(lowered.tree.body) < 30
    shuffled = np.zeros((2 * N, 2 * N), bool)  # of x * y: row i reads entries i and i + N of u
    shuffled[range(2 * N), range(2 * N)] = shuffled[range(N), range(N, 2 * N)] = True
    shuffled[range(N, 2 * N), range(N)] = True
    np.testing.assert_array_equal(pattern(lowered), shuffled[order])
    np.testing.assert_allclose(compiled(lowered)(u, p, t), f(u, p, t), rtol=1e-14)
    direction, weight = np.cos(u), np.sin(3 * u)
    moved = (f(u + 1e-6 * direction, p, t) - f(u - 1e-6 * direction, p, t)) / 2e-6
    along = compiled(jvp(lowered, "u"))(u, p, t, direction)
    np.testing.assert_allclose(along, moved, atol=1e-8)
    back = compiled(vjp(lowered, "u"))(u, p, t, weight)
    np.testing.assert_allclose(np.dot(back, direction), np.dot(weight, along), rtol=1e-12)


def test_places_in_any_order():
    order = ORDERS["any"]
    back = np.argsort(order)

    def f(u, p, t):
        v = u[back]
        return (np.concatenate((v[1:], [0.0])) - v * v)[order]

    u = np.linspace(-1, 1, 2 * N)
    lowered = lower(f, u, None, 0.0)
    assert len(lowered.tree.body) < 15
    np.testing.assert_allclose(compiled(lowered)(u, 0.0), f(u, None, 0.0), rtol=1e-14)
    assert pattern(lowered).sum() == 4 * N - 1


def test_rows_that_are_not_regular_stay():
    rows = statements(f"du[{k}] = x[{k * k}]" for k in range(20))
    assert rolled(rows, "i", None) == rows
    three = statements(f"du[{k}] = x[{k}]" for k in range(3))
    assert rolled(three, "i", None) == three


def test_an_irregular_row_parts_two_loops():
    rows = statements(
        [*(f"a[{k}] = b[{k + 5}, 3]" for k in range(9)), "a[9] = 2 * b[0, 0]"]
        + [f"a[{k}] = 2.0 * b[0, {40 - 3 * k}]" for k in range(10, 14)]
    )
    text = [ast.unparse(s) for s in rolled(rows, "k", None)]
    assert text == [
        "for k in range(9):\n    a[k] = b[k + 5, 3]",
        "a[9] = 2 * b[0, 0]",
        "for k in range(4):\n    a[k + 10] = 2.0 * b[0, 10 - k * 3]",
    ]
