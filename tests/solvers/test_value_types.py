"""One source for every kind of number: each method on floats, complex, duals, tapes and boxes."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [cls() for cls in sl.METHODS.values()]
P = np.array([1.5, 1.1])


def f(u, p, t):
    x, y = u
    return np.array([p[0] * x - p[1] * x * y, -y + x * y * np.exp(-t)])


def end(p, method, **options):
    prob = sl.ODEProblem(f, [1.0, 0.7], (0.0, 1.0), p)
    options = {"dt": 0.1, "adaptive": False, "sensitivity": sl.ThroughSolver(), **options}
    return sl.solve(prob, method, **options).u[-1]


@pytest.fixture(scope="module")
def jacobians():
    """Derivatives by complex step: the solver on complex numbers."""
    return {
        m.name: sl.ad.jacobian(lambda p, m=m: end(p, m), P, mode="complex_step") for m in METHODS
    }


@pytest.mark.parametrize("mode", ["dual", "tape", "autograd"])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_every_method_runs_on_traced_values(method, mode, jacobians):
    if mode == "autograd":
        pytest.importorskip("autograd")
    found = sl.ad.jacobian(lambda p: end(p, method), P, mode=mode)
    assert np.allclose(found, jacobians[method.name], rtol=0, atol=1e-13)


@pytest.mark.parametrize("method", [m for m in METHODS if m.adaptive], ids=repr)
def test_derivatives_ride_along_without_steering(method):
    """With error control the traced solve takes the steps of the plain one.

    The first step is long enough for every error estimate to be more than rounding: the sizes of
    steps chosen from rounding would depend on the order of each sum.
    """
    adaptive = {"dt": 0.3, "adaptive": True, "rtol": 1e-6}
    plain = end(P, method, **adaptive)
    dual = sl.ad.jvp(lambda p: end(p, method, **adaptive), P, np.array([1.0, 0.0]))[0]
    assert np.allclose(plain, dual, rtol=0, atol=1e-13)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_complex_state(method):
    prob = sl.ODEProblem(lambda u, p, t: 1j * u, [1.0 + 0j], (0.0, 1.0))
    options = {} if method.adaptive else {"dt": 1e-3}
    sol = sl.solve(prob, method, **options)
    assert sol.u.dtype == complex
    assert abs(sol.u[-1, 0] - np.exp(1j)) < 1e-3
    assert sol(0.5).dtype == complex


def test_dense_output_carries_derivatives():
    def middle(p):
        prob = sl.ODEProblem(f, [1.0, 0.7], (0.0, 1.0), p)
        return sl.solve(prob, sl.Vern7(), rtol=1e-8, sensitivity=sl.ThroughSolver())(0.37)

    dual = sl.ad.jacobian(middle, P, mode="dual")
    step = sl.ad.jacobian(middle, P, mode="complex_step")
    assert np.allclose(dual, step, rtol=0, atol=1e-12)


def test_end_time_has_a_derivative():
    def last(t):
        prob = sl.ODEProblem(f, [1.0, 0.7], (0.0, t), P)
        return sl.solve(prob, sl.DOP853(), rtol=1e-10, atol=1e-12).u[-1]

    slope = sl.ad.derivative(last, 1.0, mode="dual")
    assert np.allclose(slope, f(last(1.0), P, 1.0), rtol=1e-7)
