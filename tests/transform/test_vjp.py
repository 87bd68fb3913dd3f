"""The reverse sweep: one test for each construct of the lowered language, and the texts."""

import warnings

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.problems import zoo
from sciml_lab.transform import TransformError, lower
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import read
from sciml_lab.transform.vjp import vjp

U, P, T = np.array([0.4, -0.7, 0.9]), np.array([0.8, 1.3]), 0.25
W = np.array([0.5, -1.5, 2.0])

# Bodies of f(u, p, t) with u of 3 and p of 2 entries, which write the 3 entries of du.
CONSTRUCTS = {
    "number": "x = u[0] * u[1]\ndu[0] = x * x - x\ndu[1] = x + p[0] * t\ndu[2] = -x / (2.0 + x)",
    "constant": "du[0] = 3.0\ndu[1] = t\ndu[2] = u[0]",
    "powers": "du[0] = u[2] ** 3\ndu[1] = p[0] ** u[0]\ndu[2] = u[2] ** -2 + (2.0 + u[0]) ** p[1]",
    "whole numbers": "for i in range(3):\n    du[i] = u[i] * (i // 2 + i % 2) * float(i) + int(t)",
    "entry set twice": "du[0] = u[0]\ndu[0] = u[1] * du[0]\ndu[1] = u[2]\ndu[2] = du[0] * u[1]",
    "entry added to": "du[0] = u[0]\ndu[0] += u[1] * u[1]\ndu[1] = 0.0\ndu[2] = du[0] * du[0]",
    "loop": "for i in range(3):\n    x = u[i] * p[0]\n    du[i] = x * np.exp(x)",
    "loop of one turn in three": "du[1] = u[1]\nfor i in range(0, 3, 2):\n    du[i] = u[i] * u[1]",
    "backward loop": "x = p[0]\nfor i in range(2, -1, -1):\n    x_next = x * u[i]\n    x = x_next\n"
    "    du[i] = x * x",
    "empty loop": "x = u[0]\nfor i in range(2, 2):\n    x_next = x * x\n    x = x_next\n"
    "for i in range(3):\n    du[i] = x * u[i]",
    "carried number": "s = 1.0\nfor i in range(3):\n    s_next = s * u[i] + np.sin(s)\n"
    "    s = s_next\nfor i in range(3):\n    du[i] = s * u[i]",
    "last value": "s = u[0]\nfor i in range(3):\n    s_next = u[i] * u[i]\n    s = s_next\n"
    "for i in range(3):\n    du[i] = s * p[0]",
    "one name in two loops": "s = u[0]\nfor i in range(3):\n    s_next = s * u[i]\n    s = s_next\n"
    "for i in range(3):\n    du[i] = s\n    s_next = s * s + p[1]\n    s = s_next",
    "nested loops": "for i in range(3):\n    s = 0.0\n    for j in range(3):\n"
    "        s_next = s * u[j] + u[i] * p[0]\n        s = s_next\n    du[i] = s * s",
    "triangle": "for i in range(3):\n    s = u[i]\n    for j in range(i):\n"
    "        s_next = s * np.cos(u[j])\n        s = s_next\n    du[i] = s",
    "number through both loops": "s = p[0]\nfor i in range(3):\n    for j in range(2):\n"
    "        s_next = s * u[j] + u[i]\n        s = s_next\n    du[i] = s * s",
    "branch": "x = u[0]\nif x > p[0]:\n    y = x * x\nelse:\n    z = np.exp(-x)\n    y = z * x\n"
    "du[0] = y\ndu[1] = y * y\ndu[2] = u[2]",
    "branch without else": "for i in range(3):\n    du[i] = u[i]\n"
    "if u[2] > 0.0 and not t > 1.0:\n    du[1] = u[0] * u[1] * u[2]",
    "branch in a loop": "s = p[0]\nfor i in range(3):\n    if u[i] > 0.0:\n        y = s * u[i]\n"
    "    else:\n        y = s - u[i] * u[i]\n    s_next = y\n    s = s_next\n    du[i] = s * s",
    "choice": "for i in range(3):\n    du[i] = np.sqrt(u[i]) * u[i] if u[i] > 0.0 else u[i] ** 3",
    "minimum and maximum": "du[0] = min(u[0], u[1])\ndu[1] = max(u[0] * u[2], p[0])\n"
    "du[2] = abs(u[1])",
    "while": "x = 1.0\nd = 1.0\nwhile d > 1e-9:\n    x_next = 0.5 * (x + p[0] / x)\n"
    "    d_next = abs(x_next - x)\n    x = x_next\n    d = d_next\n"
    "for i in range(3):\n    du[i] = x * u[i]",
    "while in a loop": "for i in range(3):\n    x = u[i]\n    n = 0.0\n    while n < 2.0:\n"
    "        x_next = np.sin(x) * p[0]\n        n_next = n + 1.0\n"
    "        x = x_next\n        n = n_next\n    du[i] = x",
    "array": "v = np.empty(3)\nfor i in range(3):\n    v[i] = u[i] * u[i]\nfor i in range(3):\n"
    "    du[i] = v[i] * v[(i + 1) % 3]",
    "matrix": "A = np.empty((3, 2))\nfor i in range(3):\n    for j in range(2):\n"
    "        A[i, j] = u[i] * p[j]\nfor i in range(3):\n    du[i] = A[i, 0] * A[2 - i, 1]",
    "array that changes": "v = np.zeros(3)\nfor k in range(3):\n    for i in range(3):\n"
    "        v[i] += u[i] * v[i] + p[0]\nfor i in range(3):\n    du[i] = v[i] * v[i]",
    "array that changes in a branch": "v = np.empty(2)\nv[0] = u[0]\nv[1] = u[1]\nif v[0] > 0.0:\n"
    "    v[0] = v[0] * v[1]\nv[1] = v[0] * v[0]\ndu[0] = v[0]\ndu[1] = v[1]\ndu[2] = v[0] * v[1]",
    "read guarded by a condition": "v = np.zeros(3)\nfor k in range(2):\n    for i in range(3):\n"
    "        v[i] = u[i] * (v[i - 1] * v[i - 1] if i > 0 else p[0])\n"
    "for i in range(3):\n    du[i] = v[i]",
}  # fmt: skip


def made(body):
    lines = ["du = np.empty(3)", *body.split("\n")]
    source = "\n".join(["def f(u, p, t):", *("    " + line for line in lines), "    return du"])
    return read(source, u=(3,), p=(2,))


def by_differences(f, w):
    """``w^T J`` by central differences."""
    h = 1e-6

    def slope(k, x):
        e = np.zeros(x.size)
        e[k] = h
        up, down = (f(U + d, P, T) if x is U else f(U, P + d, T) for d in (e, -e))
        return w @ (up - down) / (2 * h)

    return [np.array([slope(k, x) for k in range(x.size)]) for x in (U, P)]


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct(name):
    lowered = made(CONSTRUCTS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # sqrt(-1) in the arm that is not taken
        u_bar, p_bar = compiled(vjp(lowered))(U, P, T, W)
        expected = by_differences(compiled(lowered), W)
        np.testing.assert_allclose(u_bar, expected[0], rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(p_bar, expected[1], rtol=1e-7, atol=1e-8)
        du_dot = compiled(jvp(lowered))(U, P, T, U[::-1], P[::-1])
    assert np.isclose(W @ du_dot, u_bar @ U[::-1] + p_bar @ P[::-1], rtol=1e-13)


MODELS = ["lotka_volterra", "lorenz", "pollu", "pleiades", "arenstorf", "hires", "kepler",
          "brusselator", "pendulum", "rober"]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_zoo(name):
    problem = getattr(zoo, name)()
    f, u, p = problem.f, np.asarray(problem.u0), np.asarray(problem.p)
    w = np.random.default_rng(0).normal(size=u.shape)
    u_bar, p_bar = compiled(vjp(lower(f, u, p, 0.1)))(u, p, 0.1, w)
    taped = sl.ad.grad(lambda u: np.sum(w * f(u, p, 0.1)))(u)
    np.testing.assert_allclose(u_bar, taped, rtol=1e-12, atol=1e-12 * np.max(np.abs(taped)))
    taped = sl.ad.grad(lambda p: np.sum(w * f(u, p, 0.1)))(p)
    np.testing.assert_allclose(p_bar, taped, rtol=1e-12, atol=1e-12 * np.max(np.abs(taped)))


def test_text_reads_as_if_written_by_hand():
    lowered = lower(zoo.lotka_volterra().f, [1.0, 1.0], [1.5, 1.0, 3.0, 1.0], 0.0)
    source = text(vjp(lowered))
    assert "p_bar[0] += du_bar[0] * x" in source
    assert "u_bar[1] += " in source and "np.empty" not in source
    assert source.count("# line") >= 3


def test_lorenz96_is_one_loop_that_keeps_nothing():
    source = """def f(u, p, t):
    du = np.empty(40)
    for i in range(40):
        du[i] = (u[(i + 1) % 40] - u[(i - 2) % 40]) * u[(i - 1) % 40] - u[i] + p[0]
    return du"""
    derived = text(vjp(read(source, u=(40,), p=(1,))))
    assert derived.count("for ") == 1 and "kept" not in derived


def test_a_sum_is_not_run_forwards():
    source = """def f(u):
    s = 0.0
    for i in range(9):
        s_next = s + u[i] * u[i]
        s = s_next
    return s"""
    derived = text(vjp(read(source, u=(9,)), "u"))
    assert derived.count("for ") == 1 and "kept" not in derived


def test_temporary_array_is_computed_again():
    body = """v = np.empty(4)
for i in range(3):
    for j in range(4):
        v[j] = np.tanh(u[i] * j)
    s = 0.0
    for j in range(4):
        s_next = s + v[j] * v[j]
        s = s_next
    du[i] = s"""
    lowered = made(body)
    lowered.temporaries = {"v"}
    derived = vjp(lowered)
    assert "kept" not in text(derived) and text(derived).count("np.tanh") == 1
    expected = by_differences(compiled(lowered), W)
    np.testing.assert_allclose(compiled(derived)(U, P, T, W)[0], expected[0], rtol=1e-7)


def test_what_occurs_twice_is_computed_once():
    body = """r = u[0] - u[1]
du[0] = p[0] * r / (r * r + 1.0) ** 1.5
du[1] = p[1] * r / (r * r + 1.0) ** 1.5
du[2] = 0.0"""
    derived = text(vjp(made(body)))
    assert derived.count("** 1.5") == 1 and derived.count("np.sqrt") == 1


def test_number_as_output_and_input():
    lowered = read("def f(a, b):\n    y = a * b\n    return y")
    assert [float(x) for x in compiled(vjp(lowered, ("a", "b")))(2.0, 3.0, 10.0)] == [30.0, 20.0]


def test_inactive_input_has_a_zero_adjoint():
    lowered = made("for i in range(3):\n    du[i] = u[i]")
    assert not np.any(compiled(vjp(lowered))(U, P, T, W)[1])


def test_network_is_differentiated_by_its_own_rule():
    net = sl.nn.MLP([2, 5, 2], activation="tanh")
    p = np.concatenate([[0.7], net.init(0)])
    u, w = np.array([0.3, -0.4]), np.array([1.0, -2.0])

    def f(u, p, t):
        v = net(np.sin(u), p[1:])
        return net(v * u, p[1:]) - p[0] * u

    derived = vjp(lower(f, u, p, 0.0))
    assert "_vjp(" in text(derived)
    u_bar, p_bar = compiled(derived)(u, p, 0.0, w)
    np.testing.assert_allclose(u_bar, sl.ad.grad(lambda u: np.sum(w * f(u, p, 0.0)))(u), rtol=1e-13)
    np.testing.assert_allclose(p_bar, sl.ad.grad(lambda p: np.sum(w * f(u, p, 0.0)))(p), rtol=1e-13)


def test_what_has_no_rule_is_named():
    lowered = made("for i in range(3):\n    du[i] = np.i0(u[i])")
    for derive in (vjp, jvp):
        with pytest.raises(
            TransformError, match=r"derivative of np\.i0.*derivatives\.py"
        ) as caught:
            derive(lowered)
        assert caught.value.line == 4


def test_while_over_an_array_that_changes_deeper_inside():
    body = """v = np.zeros(3)
n = 0.0
while n < 2.0:
    for i in range(3):
        v[i] = v[i] * v[i] + u[i]
    n_next = n + 1.0
    n = n_next
for i in range(3):
    du[i] = v[i]"""
    with pytest.raises(TransformError, match="unknown length"):
        vjp(made(body))
