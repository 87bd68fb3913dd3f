"""Derivatives at corners where a rule could give a wrong number without a sign of it."""

import itertools

import numpy as np
import pytest

import sciml_lab.ad as ad

EXACT = ("dual", "tape")


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(EXACT, EXACT)))
def test_mixed_second_derivative_of_a_power_at_exponent_zero(outer, inner):
    """d2/dxdy x**y at y = 0 is 1/x."""
    by_x = ad.derivative(lambda y: ad.derivative(lambda x: x**y, 2.0, mode=inner), 0.0, mode=outer)
    by_y = ad.derivative(lambda x: ad.derivative(lambda y: x**y, 0.0, mode=inner), 2.0, mode=outer)
    assert by_x == pytest.approx(0.5, rel=1e-14)
    assert by_y == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize("mode", EXACT)
def test_powers_of_zero(mode):
    slopes = [ad.derivative(lambda x, k=k: x**k, 0.0, mode=mode) for k in (0, 0.0, 1, 1.0, 2, 3.0)]
    assert slopes == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("outer", EXACT)
def test_a_complex_step_inside_an_exact_derivative(outer):
    def f(x):
        return x * ad.derivative(lambda y: x * y * y, 3.0, mode="complex_step")

    assert ad.derivative(f, 2.0, mode=outer) == pytest.approx(24.0, rel=1e-14)
    assert np.ndim(ad.derivative(f, 2.0, mode=outer)) == 0


def test_the_check_of_a_complex_step_sees_every_entry():
    """|x_2| is not analytic: its entry would come out as 0."""
    with pytest.raises(ValueError, match="not analytic"):
        ad.grad(lambda x: x[0] + 3.0 * np.abs(x[2]), np.array([0.3, 0.7, 1.1]), mode="complex_step")
    slopes = ad.grad(lambda x: x[0] * x[1] - x[2], np.array([0.3, 0.7, 1.1]), mode="complex_step")
    np.testing.assert_allclose(slopes, [0.7, 0.3, -1.0], rtol=1e-14)


@pytest.mark.parametrize("mode", ["dual", "tape", "complex_step", "finite_difference"])
def test_no_inputs_have_an_empty_derivative(mode):
    assert ad.jacobian(lambda x: np.array([1.0, 2.0]) + np.sum(x), [], mode=mode).shape == (2, 0)


@pytest.mark.parametrize("outer", EXACT)
def test_autograd_inside_a_derivative_of_ours_is_refused(outer):
    """Otherwise the inner gradient would be zero."""
    anp = pytest.importorskip("autograd.numpy")

    def f(s):
        return ad.grad(lambda y: anp.sum(y * s), np.ones(3), mode="autograd")[0]

    with pytest.raises(TypeError, match="with sciml_lab.ad on both"):
        ad.derivative(f, 1.0, mode=outer)


@pytest.mark.parametrize("mode", EXACT)
def test_settings_by_position_and_those_without_a_rule(mode):
    x = np.array([[3.0, 1.0], [2.0, 5.0]])
    total = ad.jacobian(lambda x: np.sum(x, 0, None, None, True), x, mode=mode)
    np.testing.assert_array_equal(total, ad.jacobian(lambda x: x[:1] + x[1:], x))
    largest = ad.grad(lambda x: np.max(x, None, None), x, mode=mode)
    np.testing.assert_array_equal(largest, [[0.0, 0.0], [0.0, 1.0]])
    ordered = ad.grad(lambda x: np.sort(x, axis=None) @ np.arange(4.0), x, mode=mode)
    np.testing.assert_array_equal(ordered, [[2.0, 0.0], [1.0, 3.0]])
    for f in (lambda x: np.sum(x, where=x > 2), lambda x: np.max(x, initial=9.0)):
        with pytest.raises(TypeError, match="choose entries by indexing"):
            ad.grad(f, x, mode=mode)


OBJECT_ARRAYS = {
    "a plain number inside": lambda gather, x: np.sum(np.sin(gather([x[0], 1.0]))),
    "a mean": lambda gather, x: np.mean(gather([x[0], x[1] ** 2])),
    "a matrix": lambda gather, x: np.linalg.solve(gather([[x[0], 1.0], [2.0, x[1]]]), np.ones(2))[
        0
    ],
}


@pytest.mark.parametrize("mode", EXACT)
@pytest.mark.parametrize("name", OBJECT_ARRAYS)
def test_object_arrays_that_numpy_cannot_use_are_named_with_the_remedy(mode, name):
    f, x = OBJECT_ARRAYS[name], np.array([0.7, 3.0])
    with pytest.raises(TypeError, match=r"sl\.ad\.collect"):
        ad.grad(lambda x: f(np.array, x), x, mode=mode)
    exact = ad.grad(lambda x: f(np.array, x), x, mode="finite_difference")
    np.testing.assert_allclose(ad.grad(lambda x: f(ad.collect, x), x, mode=mode), exact, rtol=1e-6)
