"""The forward sweep: its text, the value beside it, and what it shares with the reverse sweep."""

import ast

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform import lower
from sciml_lab.transform.algebra import names
from sciml_lab.transform.derivatives import PARTIALS
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import read
from sciml_lab.transform.vjp import vjp


def test_every_statement_is_followed_by_its_derivative():
    lowered = read("def f(a, b):\n    x = a * b\n    y = x * np.exp(x)\n    return y")
    source = text(jvp(lowered, ("a", "b")))
    assert source.index("x = a * b") < source.index("x_dot = a_dot * b + a * b_dot")
    assert "exp_x" in source and source.count("np.exp") == 1


def test_the_value_comes_first_where_it_is_asked_for():
    lowered = read("def f(a):\n    y = a * a\n    return y")
    assert [float(x) for x in compiled(jvp(lowered, "a", value=True))(3.0, 1.0)] == [9.0, 6.0]


def test_output_that_does_not_change():
    lowered = read("def f(a, b):\n    y = b\n    return y")
    assert compiled(jvp(lowered, "a"))(3.0, 1.0, 1.0) == 0.0


def test_network():
    net = sl.nn.MLP([2, 5, 2], activation="tanh")
    p, u = net.init(0), np.array([0.3, -0.4])
    lowered = lower(lambda u, p, t: net(u * u, p), u, p, 0.0)
    u_dot, p_dot, w = np.array([1.0, 2.0]), np.cos(np.arange(p.size)), np.array([1.0, -2.0])
    u_bar, p_bar = compiled(vjp(lowered))(u, p, 0.0, w)
    along = compiled(jvp(lowered))(u, p, 0.0, u_dot, p_dot)
    assert np.isclose(w @ along, u_bar @ u_dot + p_bar @ p_dot, rtol=1e-12)


ARGUMENTS = {"np.arccosh(a)": 1.7, "np.log(a)": 0.6, "np.cbrt(a)": 0.9}
KINKS = {"a % b", "a // b", "int(a)", "np.heaviside(a, b)"}


@pytest.mark.parametrize("line", sorted(set(PARTIALS) - KINKS))
def test_line_of_the_table(line):
    """Each partial derivative against a central difference."""
    inputs = sorted(names(ast.parse(line)))
    lowered = read(f"def f({', '.join(inputs)}):\n    y = {line}\n    return y")
    at, h = [ARGUMENTS.get(line, 0.6), 0.35][: len(inputs)], 1e-6
    f, derived = compiled(lowered), compiled(vjp(lowered, inputs))
    bars = np.atleast_1d(derived(*at, 1.0))
    for k in range(len(inputs)):
        up, down = ([x + s * h * (j == k) for j, x in enumerate(at)] for s in (1, -1))
        assert np.isclose(bars[k], (f(*up) - f(*down)) / (2 * h), rtol=1e-8, atol=1e-9), line


@pytest.mark.parametrize("exponent", [-2, -1.5, -1, 0, 0.5, 0.7, 1, 1.5, 2, 2.5, 3, 3.5, 4])
def test_power_with_a_constant_exponent(exponent):
    lowered = read(f"def f(a):\n    y = a ** {exponent}\n    return y")
    derived = compiled(vjp(lowered, "a"))
    assert np.isclose(derived(1.7, 1.0), exponent * 1.7 ** (exponent - 1), rtol=1e-15)
    if exponent >= 1:
        assert derived(0.0, 1.0) == (exponent == 1)


@pytest.mark.parametrize("line", ["min(a, b)", "max(a, b)", "abs(a)"])
def test_slope_at_a_kink_is_the_mean(line):
    inputs = "a, b" if "b)" in line else "a"
    lowered = read(f"def f({inputs}):\n    y = {line}\n    return y")
    at = (0.5, 0.5) if "," in inputs else (0.0,)
    derived = compiled(vjp(lowered, tuple(inputs.split(", "))))
    bars = np.atleast_1d(derived(*at, 1.0))
    assert np.all(bars == (0.5 if len(at) == 2 else 0.0))


def test_remainder():
    lowered = read("def f(a, b):\n    y = a % b\n    return y")
    assert [float(x) for x in compiled(vjp(lowered, ("a", "b")))(7.5, 2.0, 1.0)] == [1.0, -3.0]
