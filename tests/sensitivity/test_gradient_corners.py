"""Gradients of solves whose f holds more than its arguments show."""

import numpy as np
import pytest

import sciml_lab as sl

FIXED = {"dt": 0.05, "adaptive": False}
U0 = np.array([1.0, 1.2])


def slope_at_the_start(a):
    """The inner gradient is by u0; f holds a, which an outer derivative may trace."""

    def f(u, p, t):
        return np.array([a * u[0] - u[0] * u[1], -3.0 * u[1] + u[0] * u[1]])

    def loss(u0):
        sol = sl.solve(sl.ODEProblem(f, u0, (0.0, 2.0)), sl.Tsit5(), saveat=[0.9, 2.0], **FIXED)
        return np.sum(sol.u**2)

    return sl.ad.grad(loss, U0)[0]


@pytest.mark.parametrize("mode", ["dual", "tape"])
def test_an_outer_derivative_by_what_f_holds(mode):
    exact = sl.ad.derivative(slope_at_the_start, 1.5, mode="finite_difference")
    found = sl.ad.derivative(slope_at_the_start, 1.5, mode=mode)
    assert found == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("scale", [1.0, 1e-13])
def test_units_do_not_decide_whether_f_takes_columns(scale):
    """A sum over all entries couples the columns; in small units it is small, but not zero."""

    def f(u, p, t):
        return -p[0] * u + p[1] / scale * np.sum(u * u)

    def loss(p, sensitivity):
        prob = sl.ODEProblem(f, np.array([1.0, 0.5]) * scale, (0.0, 1.0), p)
        return sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity, **FIXED).u[-1, 0] / scale

    p = np.array([1.0, 0.1])
    found = sl.ad.grad(lambda p: loss(p, sl.DiscreteAdjoint()), p)
    expected = sl.ad.grad(lambda p: loss(p, sl.ThroughSolver()), p)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("closure", [False, True])
def test_autograd_through_the_steps_of_a_batch_is_refused(closure):
    autograd = pytest.importorskip("autograd")

    def loss(p):
        f = (lambda u, q, t: -p * u) if closure else (lambda u, q, t: -q * u)
        prob = sl.ODEProblem(f, np.ones((1, 2)), (0.0, 1.0), None if closure else p, batch=True)
        sensitivity = None if closure else sl.ThroughSolver()
        return autograd.numpy.sum(sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity).u)

    with pytest.raises(TypeError, match=r"take sl\.ad\.grad"):
        autograd.grad(loss)(np.array([[1.0, 2.0]]))


@pytest.mark.parametrize("mode", ["dual", "tape"])
@pytest.mark.parametrize("way", ["p", "closure", "through"])
def test_no_derivative_of_half_a_solution(mode, way):
    """u' = p u^2 is infinite at t = 1/p: nothing is there to differentiate at t = 2."""

    def last(p):
        f = (lambda u, _, t: p * u**2) if way == "closure" else (lambda u, q, t: q * u**2)
        prob = sl.ODEProblem(f, [1.0], (0.0, 2.0), None if way == "closure" else p)
        sensitivity = sl.ThroughSolver() if way == "through" else None
        return sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity).u[-1, 0]

    with pytest.raises(sl.SolveError, match="that of a partial solution would be wrong") as caught:
        sl.ad.grad(last, 1.0, mode=mode)
    assert 0.9 < sl.ad.primal(caught.value.solution.t[-1]) < 1.1
