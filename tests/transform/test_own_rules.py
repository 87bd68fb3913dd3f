"""A function with its own derivative keeps it in the generated text, in every mode alike."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform import TransformError


@sl.ad.primitive(vjp=lambda g, y, x: g / (1.0 + np.exp(-x)), jvp=lambda t, y, x: t * y)
def softplus(x):
    return np.log(1.0 + np.exp(x))


@sl.ad.primitive(jvp=lambda t, y, x: t / (1.0 + np.exp(-x)))
def forwards(x):
    return np.log(1.0 + np.exp(x))


@sl.ad.primitive(vjp=lambda g, y, a, b: (g * b, g * a))
def product(a, b):
    return a * b


@sl.ad.primitive(
    vjp=(lambda g, y, a, b: g * y / a, lambda g, y, a, b: g * y / b),
)
def apart(a, b):
    return a * b


@sl.ad.primitive(vjp=lambda g, y, x: 7.0 * g)
def wrong(x):
    return x


def several(u, p, t):
    x, y = u
    return np.array([softplus(p[0] * x) * softplus(x), product(x * x, apart(y, x) + 1.0)])


def entries(u, p, t):
    return p[0] * softplus(u)


def in_a_loop(u, p, t):
    x, y = u
    for _ in range(30):
        x = 0.9 * softplus(x) - y
    return np.array([x, y])


U, P, G = np.array([0.3, -0.4]), np.array([1.3]), np.array([1.0, 2.0])


@pytest.mark.parametrize("f", [several, entries, in_a_loop])
def test_source_agrees_with_the_tape_and_with_differences(f):
    (u_source, p_source), (u_tape, p_tape) = (
        sl.ad.vjp(lambda u, p: f(u, p, 0.0), (U, P), G, mode=mode)[1] for mode in ("source", "tape")
    )
    assert np.allclose(u_source, u_tape, rtol=1e-13) and np.allclose(p_source, p_tape, rtol=1e-13)
    slopes = sl.ad.jacobian(lambda u: f(u, P, 0.0), U, mode="finite_difference")
    assert np.allclose(u_source, G @ slopes, rtol=1e-7)


def test_the_rule_itself_stands_in_the_text():
    text = sl.ad.source(entries, U, P, 0.0, of="vjp")
    assert "/ (1.0 + np.exp(-u[1]))" in text and "softplus(u[1])" in text
    assert "7.0" in sl.ad.source(lambda x: wrong(x) * x, 1.0)


def test_a_wrong_rule_is_used_as_it_is():
    assert sl.ad.grad(lambda x: wrong(x * x), 2.0, mode="source") == 28.0


def test_a_rule_for_one_direction_serves_both():
    for mode in ("source", "dual"):
        slope = sl.ad.derivative(lambda x: forwards(x) ** 2, 0.3, mode=mode)
        want = 2.0 * np.log(1.0 + np.exp(0.3)) / (1.0 + np.exp(-0.3))
        assert np.isclose(slope, want, rtol=1e-14)


def test_long_arrays_and_the_function_itself():
    u, W = np.linspace(-1.0, 1.0, 50), np.cos(np.arange(2500.0)).reshape(50, 50)
    f = lambda u: softplus(W @ u + 1.0)  # noqa: E731
    g = np.sin(np.arange(50.0))
    source, tape = (sl.ad.vjp(f, u, g, mode=mode)[1] for mode in ("source", "tape"))
    assert np.allclose(source, tape, rtol=1e-12)
    assert sl.ad.grad(wrong, 2.0, mode="source") == 7.0
    report = sl.ad.check(lambda x: softplus(x) * x, 0.4, modes=["tape", "source"], second=False)
    assert report, str(report)


def test_compiled_as_well():
    pytest.importorskip("numba", reason="compiled solves need Numba")
    problem = sl.ODEProblem(entries, [1.0, -2.0], (0.0, 1.0), [0.5])
    plain, fast = (
        sl.solve(problem, sl.Tsit5(), backend=backend).u[-1] for backend in ("numpy", "numba")
    )
    assert np.allclose(plain, fast, rtol=1e-13)


def test_what_is_no_formula_is_named():
    @sl.ad.primitive(vjp=lambda g, y, x: g)
    def looped(x):
        for _ in range(100):
            x = np.sin(x)
        return x

    with pytest.raises(TransformError, match="one formula of numbers"):
        sl.ad.source(lambda x: looped(x), 1.0)

    @sl.ad.primitive(vjp=lambda g, y, x: g * x)
    def norm(x):
        return np.sum(x * x)

    with pytest.raises(TransformError, match="norm here, which has its own derivative"):
        sl.ad.source(lambda u: norm(u), U)
