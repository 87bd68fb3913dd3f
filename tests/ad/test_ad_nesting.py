"""Derivatives inside derivatives: no confusion of perturbations, in all combinations."""

import itertools

import numpy as np
import pytest

import sciml_lab.ad as ad

PAIRS = list(itertools.product(["dual", "tape"], repeat=2))
TRIPLES = list(itertools.product(["dual", "tape"], repeat=3))


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_perturbations_are_not_confused(outer, inner):
    def d(f, x, mode):
        return ad.derivative(f, x, mode=mode)

    # d/dx [x * d/dy (x + y)] = d/dx [x * 1] = 1, where confusion gives 2
    assert d(lambda x: x * d(lambda y: x + y, 1.0, inner), 1.0, outer) == 1.0
    # d/dx [x * d/dy (x * y)] = d/dx x^2 = 2x
    assert d(lambda x: x * d(lambda y: x * y, 2.0, inner), 3.0, outer) == 6.0
    # the inner function does not use x, or returns what only depends on x
    assert d(lambda x: x * d(lambda y: y * y, 2.0, inner), 3.0, outer) == 4.0
    assert d(lambda x: d(lambda y: x * x, 2.0, inner), 3.0, outer) == 0.0
    # at the same point: d/dx [d/dy (x y^2) at y = x] = d/dx 2 x^2
    assert d(lambda x: d(lambda y: x * y * y, x, inner), 3.0, outer) == 12.0


def test_higher_order_function_does_not_confuse():
    # Manzyuk et al.: s(x)(g)(y) = g(x + y), and its derivative used twice
    def s(x):
        return lambda g: lambda y: g(x + y)

    def shifted_derivative(g):
        return lambda y: ad.derivative(lambda x: s(x)(g)(y), 0.0)

    assert shifted_derivative(shifted_derivative(np.exp))(1.0) == pytest.approx(np.e, rel=1e-15)


@pytest.mark.parametrize("modes", TRIPLES)
def test_third_derivative(modes):
    f = np.sin
    for mode in modes:
        f = ad.derivative(f, mode=mode)
    assert f(0.7) == pytest.approx(-np.cos(0.7), rel=1e-14)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_hessian_of_a_small_network(outer, inner):
    rng = np.random.default_rng(0)
    W, b, u = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(3, 5))

    def loss(p):
        w, c = np.reshape(p[:12], (4, 3)), p[12:]
        return np.mean(np.tanh(w @ u + c[:, None]) ** 2)

    p = np.concatenate([W.ravel(), b])
    hessian = ad.jacobian(ad.grad(loss, mode=inner), p, mode=outer)
    differences = ad.jacobian(ad.grad(loss), p, mode="finite_difference")
    np.testing.assert_allclose(hessian, differences, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mode", ["complex_step", "finite_difference"])
@pytest.mark.parametrize("inner", ["dual", "tape"])
def test_steps_go_through_exact_derivatives(mode, inner):
    second = ad.derivative(ad.derivative(lambda x: np.exp(2 * x), mode=inner), 0.5, mode=mode)
    assert second == pytest.approx(4 * np.e, rel=1e-9)


@pytest.mark.parametrize("outer", ["dual", "tape"])
def test_exact_derivatives_go_through_differences(outer):
    slope = ad.derivative(lambda x: np.exp(2 * x), mode="finite_difference")
    assert ad.derivative(slope, 0.5, mode=outer) == pytest.approx(4 * np.e, rel=1e-8)


def test_pullback_is_differentiable_in_the_cotangent():
    def f(g):
        _, pullback = ad.vjp(lambda x: np.array([x[0] * x[1], x[0]]), [2.0, 3.0])
        return pullback(g)

    np.testing.assert_array_equal(ad.jacobian(f, [0.0, 0.0]), [[3.0, 1.0], [2.0, 0.0]])
    np.testing.assert_array_equal(ad.jacobian(f, [0.0, 0.0], mode="tape"), [[3, 1], [2, 0]])


def test_gradient_with_respect_to_what_an_inner_gradient_closes_over():
    def trained(rate):
        x = np.array([1.0, 2.0])
        for _ in range(3):
            x = x - rate * ad.grad(lambda x: np.sum(x**4), x)
        return np.sum(x * x)

    exact = ad.derivative(trained, 0.01, mode="finite_difference")
    for mode in ("dual", "tape"):
        assert ad.derivative(trained, 0.01, mode=mode) == pytest.approx(exact, rel=1e-6)


def test_own_duals_nest():
    x = ad.Dual(ad.Dual(3.0, 1.0), 1.0)
    y = x**3
    assert y.value.value == 27.0
    assert ad.primal(y.value.tangent) == 27.0 == ad.primal(y.tangent)
    assert y.tangent.tangent == 18.0  # second derivative
    slope = ad.derivative(lambda z: z * ad.Dual(2.0, 1.0), 5.0)
    assert (slope.value, slope.tangent) == (2.0, 1.0)


def test_needs_reverse_tells_who_acts_next():
    dual, var = ad.Dual(1.0, 1.0), ad.Var(1.0)
    assert not ad.needs_reverse(1.0) and not ad.needs_reverse(np.ones(2))
    assert ad.needs_reverse(var) and not ad.needs_reverse(dual)
    assert ad.needs_reverse([1.0, var]) and ad.needs_reverse(np.array([var, 2.0]))
    assert ad.needs_reverse(ad.Var(dual)) and ad.needs_reverse((dual, ad.Var(dual)))
    seen = []

    def f(x):
        seen.append(ad.needs_reverse(x))
        return x * x

    ad.grad(f, 1.0)
    ad.derivative(f, 1.0)
    ad.derivative(ad.grad(f), 1.0)
    ad.grad(lambda y: ad.derivative(f, y), 1.0)
    assert seen == [True, False, True, False]


def test_autograd_boxes_need_reverse():
    autograd = pytest.importorskip("autograd")
    seen = []

    def f(x):
        seen.append((ad.needs_reverse(x), ad.is_traced(x), float(ad.primal(x))))
        return x * x

    autograd.grad(f)(3.0)
    assert seen == [(True, True, 3.0)]
