"""The user's f, and elementary functions, for several trajectories at once."""

import ast
import ctypes

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform.tree import TransformError

pytest.importorskip("numba", reason="the compiled backend is optional")

from numba import njit

from sciml_lab.backends.numba import functions, lanes_function, lanes_kernel, lanes_math
from sciml_lab.backends.numba.lanes_access import memory
from sciml_lab.backends.numba.lanes_drive import address, aligned
from sciml_lab.backends.numba.lanes_rewrite import Powers, rewritten

WIDTH = 8
RNG = np.random.default_rng(1)


def lanes_of(f, u, p, t, own=True):
    """Call the lanes' form of f: u (n, 8), p (m, 8) or (m,), t (8,)."""
    one, its = u[:, 0], p[:, 0] if own else p
    function = functions.right_hand_side(f, one, its, 0.0)
    machine = lanes_function.compile_lanes(function, one, its, own, WIDTH)
    arrays = [aligned(*x.shape) for x in (u, u, p, t)] + [aligned(function.work + 1, WIDTH)]
    for array, x in zip(arrays[1:4], (u, p, t), strict=True):
        array[...] = x
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(machine.address)(*map(address, arrays))
    return arrays[0]


def arithmetic(u, p, t):
    x, y = u
    return np.array([p[0] * x**2 - y / p[1] + t, -(x**3) + 2 * y**0 + abs(x - y) ** 1.5])


def jumps(u, p, t):
    x, y = u
    if x > 0.5 and y < 1.0 and not t > 0.5:
        a = 1.0
        if y > 0.0:
            b = x
        else:
            b = 2.0 * x
    else:
        a, b = -y, 3.0
    return np.array([a if 0.0 < x <= 1.0 or y == 0.0 else p[0], b])


def arrays_in_branches(u, p, t):
    du = np.zeros(4)
    for i in range(4):
        if i > 0 and u[i] > u[i - 1]:
            du[i] = u[i] * p[0]
        else:
            du[i] += 2.0 * u[i]
    return du


def parameters_decide(u, p, t):
    if p[0] > 1.0:
        return np.array([u[0], -u[1]])
    return np.array([-u[0], u[1]])


def limits(u, p, t):
    return np.array([max(u[0], 0.2), min(u[1], p[0])]) + np.clip(u, -0.5, 0.5) * np.sign(u)


def loops(u, p, t):
    total = 0.0
    for i in range(len(u)):
        total += u[i] * p[i % 2]
    return np.roll(u, 1) * total + np.where(u > 0, u, 0.1 * u) @ np.ones(len(u))


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("f", "n"),
    [(arithmetic, 2), (jumps, 2), (arrays_in_branches, 4), (parameters_decide, 2), (limits, 2),
     (loops, 5)],
)  # fmt: skip
def test_f_is_the_same_in_every_lane(f, n, own):
    for scale in (0.5, 1.0, 3.0):
        u, t = RNG.normal(0.3, scale, (n, WIDTH)), RNG.uniform(0.0, 1.0, WIDTH)
        p = RNG.uniform(0.5, 1.5, (2, WIDTH) if own else 2)
        one = [f(u[:, i], p[:, i] if own else p, t[i]) for i in range(WIDTH)]
        np.testing.assert_allclose(lanes_of(f, u, p, t, own), np.stack(one, axis=-1), rtol=1e-13)


NAMES = (
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sqrt", "log", "log1p", "log2", "log10"),
    *("expm1", "arcsin", "arccos", "arctan", "arcsinh", "arctanh", "cbrt", "floor", "ceil", "sign"),
)


@pytest.mark.parametrize("name", NAMES)
def test_elementary_functions(name):
    function = getattr(np, name)
    u = RNG.uniform(0.05, 0.95, (3, WIDTH))
    found = lanes_of(lambda u, p, t: function(u), u, np.ones((1, WIDTH)), np.zeros(WIDTH))
    np.testing.assert_allclose(found, function(u), rtol=1e-14)


def test_two_arguments():
    def f(u, p, t):
        x, y = u
        return np.array([np.arctan2(x, y) + np.hypot(x, y), np.maximum(x, y) - np.minimum(x, 0.1)])

    u = RNG.normal(0.0, 1.0, (2, WIDTH))
    found = lanes_of(f, u, np.ones((1, WIDTH)), np.zeros(WIDTH))
    np.testing.assert_allclose(found, f(u, None, None), rtol=1e-14)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "softplus"])
def test_networks(activation, own):
    net = sl.nn.MLP([2, 9, 5, 2], activation=activation)

    def f(u, p, t):
        return net(u**3, p) - t

    u, t = RNG.normal(0.0, 1.0, (2, WIDTH)), RNG.uniform(0.0, 1.0, WIDTH)
    p = np.stack([net.init(i if own else 0) for i in range(WIDTH)], axis=-1)
    one = np.stack([f(u[:, i], p[:, i], t[i]) for i in range(WIDTH)], axis=-1)
    found = lanes_of(f, u, p if own else p[:, 0], t, own)
    np.testing.assert_allclose(found, one, rtol=1e-12, atol=1e-13)


def half(u, p, t):
    x = u[0]
    while x > 1.0:
        x = 0.5 * x
    return np.array([x])


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (half, "`while` loop"),
        (lambda u, p, t: u % 2.0, "remainder"),
        (lambda u, p, t: u // 2.0, "remainder"),
        (lambda u, p, t: np.array([float(int(u[0]))]), "whole numbers"),
    ],
)
def test_what_has_no_lanes_says_so(f, words):
    try:
        function = functions.right_hand_side(f, np.ones(1), None, 0.0)
    except TransformError as error:
        pytest.fail(f"the subset shrank: {error}")
    with pytest.raises(lanes_function.NoLanes, match=words):
        lanes_function.compile_lanes(function, np.ones(1), None, False, WIDTH)


@pytest.mark.parametrize("width", [1, 8])
def test_the_logarithm_and_the_exponential(width):
    functions_ = lanes_math.compiled()

    for name, exact in (("logarithm", np.log), ("exp", np.exp), ("tanh", np.tanh)):
        function = functions_[name]

        @njit
        def run(x, y, count, function=function):
            origin, target = memory(x, "any", width), memory(y, "any", width)
            for i in range(count):
                target[i] = function(origin[i])

        x, y = aligned(64, 8), aligned(64, 8)
        if name == "logarithm":
            x[...] = np.exp(RNG.uniform(-300.0, 300.0, x.shape))
            x[:4] = 1.0 + RNG.uniform(-1e-3, 1e-3, (4, 8))
            x[4] = [0.0, np.inf, np.nan, -1.0, 1.0, 2.0, 0.5, 1e-4]
        else:
            x[...] = RNG.uniform(-30.0, 30.0, x.shape)
        run(address(x), address(y), x.size // width)
        with np.errstate(all="ignore"):
            np.testing.assert_array_max_ulp(y, exact(x), maxulp=2)


def test_rewriting():
    assert rewritten("a if x < 1 else b") == "where(x < 1, a, b)"
    assert rewritten("not (a < b < c)") == "~((a < b) & (b < c))"
    assert rewritten("(a, True) if q else (b, False)") == "(where(q, a, b), where(q, True, False))"
    tree = Powers().visit(ast.parse("s * e ** (-b) * x ** c"))
    assert ast.unparse(tree) == "exp(logarithm(s) + -b * logarithm(e) + c * logarithm(x))"


def test_the_text_of_a_kernel_is_the_readable_step():
    text = lanes_kernel.text(sl.Tsit5(), 8)
    assert "v[i] = u[i] + h * (0.161 * k1[i])" in text
    assert "where(accept, " in text and "logarithm(e)" in text
    assert "** (-b1)" in lanes_kernel.text(sl.Tsit5(), 1)
