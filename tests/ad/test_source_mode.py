"""mode="source": derivatives written from the text of f agree with all other ways."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sciml_lab as sl
from sciml_lab import ad
from sciml_lab.transform import TransformError

SCALE = 3.0


def wave(x):
    return np.sum(np.sin(x) * x**2) + x[0] * x[-1]


def chain(x):
    total = 0.0
    for k in range(len(x) - 1):
        total = total * 0.5 + np.exp(-x[k]) * x[k + 1]
    return total


def bent(x):
    y = x[0]
    if x[1] > 0:
        y = y * x[1]
    else:
        y = y - x[1] ** 3
    while abs(y) > 1.0:
        y = y / 2
    return y * x[2]


def scaled(x):
    return np.linalg.norm(SCALE * x[1:] - x[:-1])


def vector(x):
    return np.array([x[0] * x[1], np.exp(x[2]), x @ x])


@pytest.mark.parametrize("f", [wave, chain, bent, scaled])
@settings(max_examples=20, deadline=None)
@given(x=st.lists(st.floats(-2, 2), min_size=3, max_size=7))
def test_gradient_agrees_with_the_tape(f, x):
    x = np.array(x) + 0.01 * np.arange(1, len(x) + 1)
    g = ad.grad(f, x, mode="source")
    np.testing.assert_allclose(g, ad.grad(f, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("f", [wave, chain])
def test_hessian_agrees_with_duals_through_a_tape(f):
    x = np.random.default_rng(0).normal(size=5)
    np.testing.assert_allclose(
        ad.hessian(f, x, mode="source"), ad.hessian(f, x), rtol=1e-12, atol=1e-13
    )


def test_products_fit_together():
    """<w, J v> = <J^T w, v>, and both are those of the full Jacobian."""
    rng = np.random.default_rng(1)
    x, v, w = rng.normal(size=(3, 3))
    _, push = ad.jvp(vector, x, v, mode="source")
    _, pull = ad.vjp(vector, x, w, mode="source")
    J = ad.jacobian(vector, x, mode="source")
    np.testing.assert_allclose(w @ push, pull @ v, rtol=1e-14)
    np.testing.assert_allclose(J, ad.jacobian(vector, x), rtol=1e-14)
    np.testing.assert_allclose(J @ v, push, rtol=1e-14)


def test_several_arguments_and_numbers():
    y, bars = ad.vjp(lambda a, b: a * b, (2.0, 3.0), 1.0, mode="source")
    assert (float(y), *map(float, bars)) == (6.0, 3.0, 2.0)
    assert float(ad.derivative(lambda x: x**3, 2.0, mode="source")) == 12.0


def test_a_change_outside_is_seen(monkeypatch):
    x = np.array([1.0, 2.0, 4.0])
    before = ad.grad(scaled, x, mode="source")
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    after = ad.grad(scaled, x, mode="source")
    np.testing.assert_allclose(after, ad.grad(scaled, x), rtol=1e-14)
    assert np.max(np.abs(after - before)) > 0.1


def test_the_text_is_python_and_computes_the_adjoint():
    def f(u, p, t):
        x, y = u
        return np.array([y, -p[0] * np.sin(x)])

    text = ad.source(f, of="vjp")
    assert "def f_vjp(u, p, t, du_bar):" in text and "u_bar" in text and "# line" in text
    space = {"np": np}
    exec(text, space)
    u, p, g = np.array([0.3, -0.2]), np.array([9.8]), np.array([1.0, 2.0])
    u_bar, p_bar = space["f_vjp"](u, p, 0.0, g)
    expected = ad.vjp(lambda u, p: f(u, p, 0.0), (u, p), g)[1]
    np.testing.assert_allclose(u_bar, expected[0], rtol=1e-14)
    np.testing.assert_allclose(p_bar, expected[1], rtol=1e-14)


def test_sizes_come_from_the_source_a_problem_or_examples():
    problem = sl.zoo.lorenz()
    assert "lorenz" in ad.source(problem, of="jvp")
    assert "def wave_jvp" in ad.source(wave, np.ones(3), of="jvp")
    with pytest.raises(ValueError, match="size of x does not show in the source of wave"):
        ad.source(wave)
    with pytest.raises(ValueError, match="of must be one of 'function'"):
        ad.source(wave, of="gradient")


def test_generated_code_shows_in_tracebacks():
    from sciml_lab.ad.source_code import derived

    pull = derived(wave, [np.ones(3)], "vjp")
    assert "def wave_vjp" in inspect.getsource(inspect.unwrap(pull))


def test_what_is_not_covered_has_a_sentence():
    with pytest.raises(TransformError, match="a call of det can't be transformed"):
        ad.grad(np.linalg.det, np.eye(3), mode="source")
    with pytest.raises(TypeError, match="mode='source' differentiates plain numbers"):
        ad.grad(lambda x: ad.grad(wave, x, mode="source")[0], np.ones(3))
    with pytest.raises(TypeError, match="real numbers"):
        ad.jvp(wave, np.ones(3) * 1j, np.ones(3) * 1j, mode="source")
    with pytest.raises(ValueError, match="must return one number"):
        ad.grad(vector, np.ones(3), mode="source")
