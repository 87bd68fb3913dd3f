"""Exponential Rosenbrock methods on any problem: order, adaptivity, exact linear problems."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = (sl.Exprb32(), sl.Exprb43())


def nonlinear(u, p, t):
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_order(method):
    prob = sl.ODEProblem(nonlinear, [1.2, -0.4], (0.0, 2.0))
    exact = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14)
    counts = np.array([16, 24, 32, 48])
    sols = [sl.solve(prob, method, dt=2 / n, adaptive=False) for n in counts]
    errors = [np.max(np.abs(s.u[-1] - exact.u[-1])) for s in sols]
    assert abs(-np.polyfit(np.log(counts), np.log(errors), 1)[0] - method.order) < 0.25
    inside = [np.max(np.abs(s(0.7771) - exact(0.7771))) for s in sols]
    assert -np.polyfit(np.log(counts), np.log(inside), 1)[0] > 2.7


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_the_estimate_is_that_of_the_embedded_method(method):
    prob = sl.ODEProblem(nonlinear, [1.2, -0.4], (0.0, 2.0))
    f, sizes = method.side(prob, (2,)), []
    for h in (0.04, 0.02):
        sizes.append(np.max(np.abs(method.step(f, prob.u0, None, 0.0, h).error)))
    assert abs(np.log2(sizes[0] / sizes[1]) - method.error_order) < 0.3


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("n", [3, 60])
def test_linear_problems_are_exact_for_any_step(method, n):
    """Also with a right-hand side that is linear in t, with full matrices and Krylov spaces."""
    rates = -np.geomspace(1e-2, 1e2, n)
    prob = sl.ODEProblem(lambda u, p, t: rates * u + t, np.ones(n), (0.0, 1.0))
    exact = np.exp(rates) + (np.expm1(rates) - rates) / rates**2
    u = sl.solve(prob, method, dt=0.5, adaptive=False).u[-1]
    assert np.allclose(u, exact, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["hires", "rober"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_stiff_models(name, rtol):
    entry = getattr(sl.zoo, name)
    tspan = (0.0, 1e4) if name == "rober" else entry.tspan
    prob = entry(tspan=tspan)
    oracle = sl.solve(prob, sl.RadauIIA5(), rtol=1e-10, atol=1e-16, dense=False).u[-1]
    sol = sl.solve(prob, sl.Exprb43(), rtol=rtol, atol=1e-4 * rtol * np.max(np.abs(oracle)))
    error = np.max(np.abs(sol.u[-1] - oracle)) / np.max(np.abs(oracle))
    assert sol.success and error < 10 * rtol


def test_a_jacobian_that_is_not_finite_is_named():
    prob = sl.ODEProblem(lambda u, p, t: np.sqrt(u), [0.0], (0.0, 1.0))
    sol = sl.solve(prob, sl.Exprb43())
    assert not sol.success and "Jacobian" in sol.message
