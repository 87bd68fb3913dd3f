"""Jacobians: the text entry by entry, by directions, and by colours."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.problems import zoo
from sciml_lab.transform import lower
from sciml_lab.transform.jacobian import compressed, jacobian
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import read
from sciml_lab.transform.sparsity import pattern

MODELS = ["lotka_volterra", "lorenz", "pollu", "pleiades", "arenstorf", "hires", "rober"]


@pytest.mark.parametrize("name", MODELS)
def test_zoo(name):
    problem = getattr(zoo, name)()
    f, u, p = problem.f, np.asarray(problem.u0), np.asarray(problem.p)
    J = compiled(jacobian(lower(f, u, p, 0.1)))(u, p, 0.1)
    dense = sl.ad.jacobian(lambda u: f(u, p, 0.1), mode="dual")(u)
    np.testing.assert_allclose(J, dense, rtol=1e-12, atol=1e-12 * np.max(np.abs(dense)))


def test_reads_like_a_jacobian_written_by_hand():
    source = text(jacobian(lower(zoo.lotka_volterra().f, [1.0, 1.0], [1.5, 1.0, 3.0, 1.0], 0.0)))
    for line in ("J[0, 0] = a - b * y", "J[0, 1] = -b * x", "J[1, 0] = d * y"):
        assert line in source
    assert "du" not in source


def test_entries_that_are_zero_do_not_occur():
    source = text(jacobian(lower(zoo.lorenz().f, np.ones(3), np.ones(3), 0.0)))
    assert "J[0, 2]" not in source and source.count("J[") == 8


def test_a_number_in_between_and_an_entry_set_twice():
    source = """def f(u):
    y = np.empty(2)
    w = u[0] * u[1]
    s = np.sqrt(w * w + 1.0)
    y[0] = s * u[0]
    y[0] = y[0] * u[1]
    y[1] = w
    y[1] += s
    return y"""
    u, h = np.array([0.7, -0.4]), 1e-6
    lowered = read(source, u=(2,))
    f, J = compiled(lowered), compiled(jacobian(lowered))(u)
    columns = [(f(u + h * e) - f(u - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(J, np.stack(columns, axis=1), rtol=1e-8)


LORENZ96 = """def f(u, p):
    du = np.empty(12)
    for i in range(12):
        du[i] = (u[(i + 1) % 12] - u[(i - 2) % 12]) * u[(i - 1) % 12] - u[i] + p[0]
    return du"""


def test_by_directions_and_by_colours():
    lowered = read(LORENZ96, u=(12,), p=(1,))
    u, nonzero = np.linspace(-1.0, 2.0, 12), pattern(lowered)
    J = compiled(jacobian(lowered))(u, [8.0])
    assert np.array_equal(J != 0, nonzero)
    colors = [j % 4 for j in range(12)]
    packed = compressed(lowered, colors)
    assert packed.shapes["J"] == (12, 4)
    assert np.array_equal(np.where(nonzero, compiled(packed)(u, [8.0])[:, colors], 0.0), J)


def test_colours_of_a_straight_text():
    source = """def f(u):
    y = np.empty(2)
    y[0] = 3.0 * u[0]
    y[1] = u[1] * u[1]
    return y"""
    lowered = read(source, u=(2,))
    assert np.array_equal(compiled(compressed(lowered, [0, 0]))([1.0, 2.0]), [[3.0], [4.0]])


def test_by_a_number_and_of_a_number():
    source = """def f(t):
    y = np.empty(2)
    for i in range(2):
        y[i] = t * t * i
    return y"""
    by_time = read(source)
    assert np.array_equal(compiled(jacobian(by_time, wrt="t"))(3.0), [[0.0], [6.0]])
    energy = read("def f(u):\n    e = u[0] * u[0] + u[1]\n    return e", u=(2,))
    assert np.array_equal(compiled(jacobian(energy))([3.0, 1.0]), [[6.0, 1.0]])


def test_of_a_matrix_valued_state():
    source = """def f(u):
    y = np.empty((2, 3))
    for i in range(2):
        for j in range(3):
            y[i, j] = u[i, j] * u[1 - i, j]
    return y"""
    lowered = read(source, u=(2, 3))
    u = np.arange(1.0, 7.0).reshape(2, 3)
    dense = sl.ad.jacobian(lambda u: u * u[::-1], mode="dual")(u).reshape(6, 6)
    assert np.array_equal(compiled(jacobian(lowered))(u), dense)
    assert np.array_equal(pattern(lowered), dense != 0)


def test_what_is_the_same_for_all_columns_is_computed_once():
    source = """def f(u, p):
    y = np.empty(3)
    k = np.exp(p[0])
    for i in range(3):
        y[i] = k * u[i]
    return y"""
    printed = text(jacobian(read(source, u=(3,), p=(1,))))
    assert printed.index("np.exp") < printed.index("for column")
