"""RKC: order, stability interval, stages that follow the stiffness."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import stabilized


def heat(n=100, end=0.5):
    """u_t = u_xx + x on a rod, by finite differences; the exact solution of these is known."""
    h = 1 / n
    x = np.arange(1, n) * h
    lam = -((2 / h * np.sin(np.pi * np.arange(1, n) * h / 2)) ** 2)

    def f(u, p, t):
        wide = np.concatenate(([0.0], u, [0.0]))
        return (wide[2:] - 2 * u + wide[:-2]) / h**2

    exact = np.exp(lam[0] * end) * np.sin(np.pi * x) + np.exp(lam[2] * end) * np.sin(3 * np.pi * x)
    u0 = np.sin(np.pi * x) + np.sin(3 * np.pi * x)
    return sl.ODEProblem(f, u0, (0.0, end)), exact


@pytest.mark.parametrize("s", [2, 3, 7, 20, 100])
def test_coefficients_have_order_two_and_the_interval_is_stable(s):
    """One step on u' = z u gives a polynomial in z: 1 + z + z^2/2 + ..., at most 1 where stable."""
    method, z = sl.RKC(), np.linspace(-stabilized.REACH * (s**2 - 1), 0.0, 2001)
    R = method.step(lambda u, p, t: z * u, np.ones_like(z), None, 0.0, 1.0, stages=s).u
    assert np.max(np.abs(R)) <= 1 + 1e-10
    w = 1e-3 * np.exp(2j * np.pi * np.arange(16) / 16)
    R = method.step(lambda u, p, t: w * u, np.ones_like(w), None, 0.0, 1.0, stages=s).u
    taylor = [np.mean(R * (w / 1e-3) ** -k) / 1e-3**k for k in range(3)]
    assert np.allclose(taylor, [1, 1, 0.5], atol=1e-7)
    assert stabilized.coefficients(s).nodes[-1] == 1.0


def test_measured_order():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([u[1] + 0.3 * np.sin(t), -np.sin(u[0]) - 0.2 * u[1]]),
        [1.2, -0.4],
        (0.0, 2.0),
    )
    exact = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14)
    counts = np.array([40, 60, 80, 120])
    sols = [sl.solve(prob, sl.RKC(), dt=2 / n, adaptive=False) for n in counts]
    errors = [np.max(np.abs(s.u[-1] - exact.u[-1])) for s in sols]
    assert abs(-np.polyfit(np.log(counts), np.log(errors), 1)[0] - 2) < 0.2
    inside = [np.max(np.abs(s(0.777) - exact(0.777))) for s in sols]
    assert -np.polyfit(np.log(counts), np.log(inside), 1)[0] > 1.7


def test_stages_grow_and_work_does_not():
    """Four times the stiffness costs twice the evaluations; a plain explicit method pays four."""
    costs = []
    for n in (50, 100, 200):
        prob, exact = heat(n)
        sol = sl.solve(prob, sl.RKC(), rtol=1e-4, atol=1e-7)
        assert sol.success and np.max(np.abs(sol.u[-1] - exact)) < 1e-4
        costs.append(sol.stats.nf)
    assert costs[1] < 3 * costs[0] and costs[2] < 3 * costs[1]
    plain = sl.solve(prob, sl.BS3(), rtol=1e-4, atol=1e-7)
    assert plain.stats.nf > 4 * costs[2]


def test_a_given_radius_saves_evaluations():
    prob, exact = heat(100)
    measured = sl.solve(prob, sl.RKC(), rtol=1e-4)
    given = sl.solve(prob, sl.RKC(lambda u, p, t: 4 * 100**2), rtol=1e-4)
    assert given.stats.nf < measured.stats.nf
    assert np.max(np.abs(given.u[-1] - exact)) < 1e-3


def test_the_measured_radius_is_a_little_above_the_true_one():
    prob, _ = heat(100)
    f, u = sl.RKC().side(prob, prob.u0.shape), np.random.default_rng(0).standard_normal(99)
    rho, _ = sl.RKC().radius(f, u, None, 0.0, f(u, None, 0.0))
    assert 1.0 < rho / (4 * 100**2) < 1.25


def test_bad_radius():
    with pytest.raises(TypeError, match="spectral_radius must be a function"):
        sl.RKC(3.0)
