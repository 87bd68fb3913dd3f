"""Measured orders: of the method, of its dense output, and of its error estimate.

Regressions use a linear problem with a known solution, where the leading error term rules over
several decades (methods of order 5 and more are built to have a tiny one). A nonlinear problem
then shows that nothing is lost off the linear case; there the slope may come out higher.
"""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [cls() for cls in sl.METHODS.values()]
ADAPTIVE = [method for method in METHODS if method.adaptive]
EPS = np.finfo(float).eps


def spiral(u, p, t):
    """Rotation and growth: u' = p u with a complex p."""
    return p * u


def swing(u, p, t):
    """The solution is exp(sin(t + 1) - sin(1))."""
    return np.cos(t + 1) * u


def nonlinear(u, p, t):
    """A coupled system without symmetries that could hide a low order."""
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


START, END = np.array([1.2, -0.4]), 2.0


def problem(end=END):
    return sl.ODEProblem(nonlinear, START, (0.0, end))


def order(h, errors, low, high):
    """Slope of log error against log h in the window (low, high)."""
    h, errors = np.array(h), np.array(errors)
    window = (errors > low) & (errors < high)
    assert window.sum() >= 5
    return np.polyfit(np.log(h[window]), np.log(errors[window]), 1)[0]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order(method):
    z, end = 1 + 1j, 4.0
    prob = sl.ODEProblem(spiral, [1 + 0j], (0.0, end), z)
    most = {1: 20000, 2: 2000}.get(method.order, 400 if method.order < 7 else 60)
    counts = np.unique(np.round(np.geomspace(3, most, 30)).astype(int))
    ends = [sl.solve(prob, method, dt=end / n, adaptive=False, dense=False).u[-1] for n in counts]
    errors = [abs(u[0] / np.exp(z * end) - 1) for u in ends]
    high = {1: 3e-2, 2: 1e-2, 3: 1e-3, 4: 1e-4}.get(method.order, 1e-8)
    measured = order(end / counts, errors, 4e-14, high)
    assert abs(measured - method.order) < 0.2


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_order_on_a_nonlinear_problem(method):
    exact = sl.solve(problem(), sl.Vern9(), dt=0.01, adaptive=False).u[-1]
    counts = {1: (200, 400, 800), 2: (40, 80, 160), 9: (3, 4, 6)}.get(method.order, (6, 9, 13))
    errors = [
        np.max(np.abs(sl.solve(problem(), method, dt=END / n, adaptive=False).u[-1] - exact))
        for n in counts
    ]
    measured = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert measured > method.order - 0.25
    assert errors[-1] > 10 * EPS


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order_of_dense_output(method):
    """After one step from the exact start the interpolant's error is ``O(h**(q + 1))``."""
    q, theta = method.tableau.dense_order, np.linspace(0.05, 0.95, 12)
    steps, errors = np.geomspace(2, 1e-4, 80), []
    for h in steps:
        u, k = np.ones(1), method.step(swing, np.ones(1), None, 0.0, h).k
        k = method.dense_stages(swing, u, None, 0.0, h, k)
        found = np.array([method.interpolate(u, k, h, x)[0] for x in theta])
        exact = np.exp(np.sin(theta * h + 1) - np.sin(1))
        errors.append(np.max(np.abs(found - exact)))
    rounding = EPS * (20 + 0.03 * np.abs(method.tableau.P).sum() * steps)
    measured = order(steps, errors, rounding, 10.0 ** -(3 + min(q, 4)))
    assert abs(measured - (q + 1)) < 0.2


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_measured_order_of_the_error_estimate(method):
    steps = np.geomspace(3, 1e-4, 60)
    start = np.array([1 + 0j])
    sizes = [abs(method.step(spiral, start, -1 + 1j, 0.0, h).error[0]) for h in steps]
    measured = order(steps, sizes, 3e-15, 10.0 ** -(1 + method.error_order))
    assert abs(measured - method.error_order) < 0.2


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
@pytest.mark.parametrize("h", [0.02, 0.05, 0.1])
def test_error_estimate_bounds_the_error_of_one_step(method, h):
    step = method.step(nonlinear, START, None, 0.0, h)
    exact = sl.solve(problem(h), sl.Vern9(), dt=h / 10, adaptive=False).u[-1]
    assert np.linalg.norm(step.u - exact) <= np.linalg.norm(step.error) + 4 * EPS


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_error_falls_with_the_tolerance(method):
    exact = sl.solve(problem(), sl.Vern9(), dt=0.01, adaptive=False).u[-1]
    errors = []
    for tol in (1e-4, 1e-6, 1e-8) if method.order > 2 else (1e-3, 1e-4, 1e-5):
        sol = sl.solve(problem(), method, rtol=tol, atol=tol)
        errors.append(np.max(np.abs(sol.u[-1] - exact)))
        assert sol.success
        assert errors[-1] < 20 * tol
    assert errors[2] < errors[1] < errors[0]
