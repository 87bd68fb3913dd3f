"""The derivative functions in all modes, and the two methods that take steps."""

import numpy as np
import pytest

import sciml_lab.ad as ad

MODES = ["dual", "tape", "complex_step", "finite_difference", "autograd"]
TOLERANCE = {"finite_difference": 1e-8}


def close(a, b, mode, scale=1.0):
    np.testing.assert_allclose(a, b, rtol=TOLERANCE.get(mode, 1e-13) * scale, atol=1e-13 * scale
                               if mode != "finite_difference" else 1e-8 * scale)  # fmt: skip


def library(mode):
    return pytest.importorskip("autograd.numpy") if mode == "autograd" else np


@pytest.mark.parametrize("mode", MODES)
def test_derivative(mode):
    anp = library(mode)
    close(ad.derivative(lambda x: anp.sin(x) * x, 0.7, mode=mode),
          np.cos(0.7) * 0.7 + np.sin(0.7), mode)  # fmt: skip
    curve = ad.derivative(lambda x: anp.array([x * x, anp.exp(x)]), mode=mode)
    close(curve(0.5), [1.0, np.exp(0.5)], mode)


@pytest.mark.parametrize("mode", MODES)
def test_gradient_of_scalars_and_arrays(mode):
    anp = library(mode)

    def f(x):
        return anp.sum(anp.sin(x) * x**2)

    for x in (np.array([[0.3, 1.2], [-0.4, 2.0]]), np.array([1.5]), np.float64(0.7)):
        value, gradient = ad.value_and_grad(f, x, mode=mode)
        close(gradient, np.cos(x) * x**2 + 2 * x * np.sin(x), mode)
        close(value, f(x), mode)
        assert np.shape(gradient) == np.shape(x)
        close(ad.grad(f, mode=mode)(x), gradient, mode)


@pytest.mark.parametrize("mode", MODES)
def test_jacobian_has_the_shape_of_y_then_x(mode):
    anp = library(mode)
    x = np.array([[0.3, 1.2, 0.1], [0.4, 2.0, 0.2]])

    def f(x):
        return anp.exp(x[:, :2]) * x[0, 2]

    jacobian = ad.jacobian(f, x, mode=mode)
    assert jacobian.shape == (2, 2, 2, 3)
    close(jacobian[1, 0, 1, 0], np.exp(0.4) * 0.1, mode)
    close(jacobian[1, 0, 0, 2], np.exp(0.4), mode)
    close(ad.jacobian(lambda x: x, 2.0, mode=mode), 1.0, mode)


@pytest.mark.parametrize("mode", MODES)
def test_hessian(mode):
    anp = library(mode)
    x = np.array([0.3, 1.2, 0.5])

    def f(x):
        return anp.sin(x[0] * x[1]) + x[2] ** 3 * x[0]

    s, c = np.sin(0.36), np.cos(0.36)
    exact = [[-1.44 * s, c - 0.36 * s, 3 * 0.25], [c - 0.36 * s, -0.09 * s, 0], [0.75, 0, 6 * 0.15]]
    close(ad.hessian(f, x, mode=mode), exact, mode, scale=30)
    assert ad.hessian(lambda x: x**3, 2.0, mode=mode) == pytest.approx(12.0, rel=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_jvp_and_vjp_of_tuples(mode):
    library(mode)
    A, x, b = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.3, -1.0]), np.float64(0.5)
    tangents = (np.ones((3, 2)), np.array([1.0, 0.0]), np.float64(2.0))

    def f(A, x, b):
        return b * (A @ x)

    y, y_dot = ad.jvp(f, (A, x, b), tangents, mode=mode)
    close(y, f(A, x, b), mode)
    close(y_dot, 2.0 * A @ x + b * (tangents[0] @ x + A @ tangents[1]), mode)
    g = np.array([1.0, -2.0, 0.5])
    y, x_bar = ad.vjp(f, (A, x, b), g, mode=mode)
    close(y, f(A, x, b), mode)
    for part, exact in zip(x_bar, (b * np.outer(g, x), b * A.T @ g, g @ (A @ x)), strict=True):
        assert np.shape(part) == np.shape(exact)
        close(part, exact, mode)
    y, pullback = ad.vjp(f, (A, x, b), mode=mode)
    close(pullback(g)[1], x_bar[1], mode)
    close(pullback(2 * g)[1], 2 * x_bar[1], mode)


@pytest.mark.parametrize("mode", MODES)
def test_jvp_and_vjp_of_one_array(mode):
    anp = library(mode)
    x = np.array([0.3, 1.0])
    _y, y_dot = ad.jvp(anp.sin, x, [1.0, 0.0], mode=mode)
    close(y_dot, [np.cos(0.3), 0.0], mode)
    _, x_bar = ad.vjp(anp.sin, x, [0.0, 1.0], mode=mode)
    close(x_bar, [0.0, np.cos(1.0)], mode)


@pytest.mark.parametrize("mode", ["dual", "tape", "finite_difference", "autograd"])
def test_function_that_does_not_depend_on_x(mode):
    library(mode)
    assert ad.grad(lambda x: 3.0, 2.0, mode=mode) == 0.0
    np.testing.assert_array_equal(ad.jacobian(lambda x: np.ones(2), np.ones(3), mode=mode),
                                  np.zeros((2, 3)))  # fmt: skip
    np.testing.assert_array_equal(ad.vjp(lambda x, y: y, (1.0, 2.0), 1.0, mode=mode)[1], (0.0, 1.0))


def test_integers_and_lists_become_floats():
    assert ad.grad(lambda x: x * x, 3) == 6.0
    gradient = ad.grad(lambda x: np.sum(x**2) / 2, [1, 2, 3])
    assert gradient.dtype == np.float64
    single = np.array([1.0, 2.0], dtype=np.float32)
    assert ad.grad(np.sum, single, mode="finite_difference") == pytest.approx(1.0, rel=1e-9)
    np.testing.assert_array_equal(gradient, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(ad.derivative(lambda x: [x, x * x], 3), [1.0, 6.0])


def test_gradients_are_arrays_of_their_own():
    x = np.ones(3)
    for f in (np.sum, lambda x: np.sum(x + 0.0), lambda x: x[0]):
        gradient = ad.grad(f, x)
        gradient += 1.0  # writable
    a, b = ad.vjp(lambda a, b: a + b, (x, x), np.ones(3))[1]
    assert not np.shares_memory(a, b)
    y, _ = ad.vjp(lambda x: x, x)
    assert not np.shares_memory(x, y)


def test_the_published_number_of_squire_and_trapp():
    def f(x):
        return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)

    published = 4.05342789389862
    assert abs(ad.complex_step(f, 1.5) - published) < 5e-14
    for mode, error in (("dual", 5e-14), ("tape", 5e-14), ("finite_difference", 5e-9)):
        assert abs(ad.derivative(f, 1.5, mode=mode) - published) < error


def test_central_difference_error_is_a_v():
    hs = 10.0 ** np.arange(-14, 0)
    errors = [abs(ad.central_difference(np.exp, 1.0, h=h) - np.e) for h in hs]
    best = int(np.argmin(errors))
    assert 1e-8 < hs[best] < 1e-3
    slopes = np.diff(np.log10(errors))
    assert np.all(np.abs(slopes[-3:] - 2) < 0.1)  # cut-off falls like h^2
    assert np.max(errors[:3]) > 1e3 * errors[best]  # rounding grows like 1/h
    assert abs(ad.central_difference(np.exp, 1.0) - np.e) < 1e-9
    assert abs(ad.central_difference(np.exp, 1.0, richardson=True) - np.e) < 1e-11


def test_differences_fit_the_size_of_x():
    for x in (1e6, 1e-3, -250.0):
        assert ad.derivative(lambda x: x**3, x, mode="finite_difference") == pytest.approx(
            3 * x * x, rel=1e-5, abs=1e-9
        )
    np.testing.assert_allclose(
        ad.jacobian(np.square, [1e8, 1.0], mode="finite_difference"),
        np.diag([2e8, 2.0]),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.real(x * np.conj(x)) + x,
        lambda x: np.conj(x) * 1.0,
        lambda x: np.abs(x) * x,
        lambda x: np.abs(x),
        lambda x: np.maximum(np.real(x), 0.0),
    ],
)
def test_complex_step_refuses_what_is_not_analytic(f):
    with pytest.raises((TypeError, ValueError), match="use mode='dual'"):
        ad.derivative(f, -1.3, mode="complex_step")


def test_complex_step_lets_analytic_comparisons_pass():
    def f(x):
        return np.where(np.real(x) > 0, x * x, -x)

    assert ad.derivative(f, 2.0, mode="complex_step") == 4.0
    assert ad.derivative(f, -2.0, mode="complex_step") == -1.0


def test_the_complex_step_is_believed_where_scales_differ_by_many_orders():
    def f(x):
        return np.array([-0.04 * x[0] + x[4] * x[1] * x[2], x[3] * x[1] ** 2])

    x = np.array([1.0, 3e-5, 0.0, 3e7, 1e4])
    slopes = ad.jacobian(f, x, mode="complex_step")
    np.testing.assert_allclose(slopes, ad.jacobian(f, x, mode="dual"), rtol=1e-14)
    with pytest.raises(ValueError, match="not analytic"):
        ad.jacobian(lambda x: f(x) + 1e3 * abs(x[0]), x, mode="complex_step")


def test_the_complex_step_is_believed_where_differences_are_noise():
    def f(x):
        return np.sin(x) + 1e-4 * np.round(1e9 * x.real % 7)  # what adaptive steps do to a solve

    assert abs(ad.derivative(f, 0.3, mode="finite_difference") - np.cos(0.3)) > 1.0
    assert abs(ad.derivative(f, 0.3, mode="complex_step") - np.cos(0.3)) < 1e-15
