"""Forward sensitivities: exact formulas, the variational equation, shapes and bad input."""

import numpy as np
import pytest

import sciml_lab as sl


def difference(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


def test_exponential_is_known_exactly():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u + p[1], [2.0], (0.0, 1.5), [-1.3, 0.7])
    sol = sl.solve(prob, sl.Vern7(), rtol=1e-12, atol=1e-13, sensitivity=sl.ForwardSensitivity())
    t, (a, b) = sol.t, prob.p
    e = np.exp(a * t)
    by_a = 2.0 * t * e + b * (t * e * a - (e - 1)) / a**2
    assert sol.sensitivities.p.shape == (len(t), 1, 2)
    assert np.allclose(sol.sensitivities.u0[:, 0, 0], e, rtol=1e-9)
    assert np.allclose(sol.sensitivities.p[:, 0, 0], by_a, rtol=1e-9, atol=1e-11)
    assert np.allclose(sol.sensitivities.p[:, 0, 1], (e - 1) / a, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", sl.METHODS)
def test_is_the_variational_equation_solved_by_the_same_method(predator_prey, name):
    """The dual part of the solver's numbers is the solution of S' = J S + df/dp."""
    f, n, m = predator_prey.f, 2, 4

    def jacobians(u, p):
        x, y = u
        a, b, c, d = p
        by_u = np.array([[a - b * y, -b * x], [d * y, -c + d * x]])
        by_p = np.array([[x, -x * y, 0.0, 0.0], [0.0, 0.0, -y, x * y]])
        return by_u, by_p

    def variational(w, p, t):
        u, s, r = w[:2], w[2:10].reshape(n, m), w[10:].reshape(n, n)
        by_u, by_p = jacobians(u, p)
        return np.concatenate([f(u, p, t), (by_u @ s + by_p).ravel(), (by_u @ r).ravel()])

    w0 = np.concatenate([predator_prey.u0, np.zeros(n * m), np.eye(n).ravel()])
    big = sl.ODEProblem(variational, w0, predator_prey.tspan, predator_prey.p)
    options = {"dt": 0.1, "adaptive": False, "saveat": [0.03, 1.0, 2.95, 3.0]}
    method = sl.METHODS[name]()
    w = sl.solve(big, method, **options).u
    found = sl.solve(predator_prey, method, sensitivity=sl.ForwardSensitivity(), **options)
    assert difference(found.u, w[:, :2]) < 1e-12
    assert difference(found.sensitivities.p, w[:, 2:10].reshape(-1, n, m)) < 1e-12
    assert difference(found.sensitivities.u0, w[:, 10:].reshape(-1, n, n)) < 1e-12


def test_steps_are_those_of_the_plain_solve(predator_prey):
    plain = sl.solve(predator_prey, sl.Tsit5())
    along = sl.solve(predator_prey, sl.Tsit5(), sensitivity=sl.ForwardSensitivity())
    assert type(along.u) is np.ndarray
    assert along.stats.naccept == plain.stats.naccept
    assert np.allclose(along.t, plain.t, rtol=1e-6) and np.allclose(along.u, plain.u, rtol=1e-6)
    assert along.problem is predator_prey
    assert np.allclose(along(1.23), plain(1.23), rtol=1e-8)
    assert plain.sensitivities is None


def test_choice_of_what_to_differentiate_by(predator_prey):
    only = sl.solve(predator_prey, sensitivity=sl.ForwardSensitivity(wrt="p")).sensitivities
    assert only.u0 is None and only.p.shape[1:] == (2, 4)
    assert "p (" in repr(only) and "u0" not in repr(only)
    assert sl.ForwardSensitivity(wrt=("u0", "p")) == sl.ForwardSensitivity(("u0", "p"))


def test_without_parameters_only_the_initial_state():
    prob = sl.ODEProblem(lambda u, p, t: -u, [1.0, 2.0], (0.0, 1.0))
    found = sl.solve(prob, sensitivity=sl.ForwardSensitivity()).sensitivities
    assert found.p is None
    assert np.allclose(found.u0[-1], np.exp(-1.0) * np.eye(2), rtol=1e-5)
    with pytest.raises(ValueError, match="the problem has none"):
        sl.solve(prob, sensitivity=sl.ForwardSensitivity(wrt="p"))


@pytest.mark.parametrize("wrt", ["q", (), ("p", "t"), "up"])
def test_wrt_is_checked(wrt):
    with pytest.raises(ValueError, match="wrt must hold"):
        sl.ForwardSensitivity(wrt=wrt)


def test_matrix_state_and_scalar_state():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u, np.ones((2, 3)), (0.0, 1.0), [1.0])
    found = sl.solve(prob, rtol=1e-9, sensitivity=sl.ForwardSensitivity()).sensitivities
    assert found.p.shape[1:] == (2, 3, 1) and found.u0.shape[1:] == (2, 3, 6)
    assert np.allclose(found.u0[-1].reshape(6, 6), np.e * np.eye(6), rtol=1e-8)
    prob = sl.ODEProblem(lambda u, p, t: p * u, 1.0, (0.0, 1.0), 1.0)
    found = sl.solve(prob, rtol=1e-9, sensitivity=sl.ForwardSensitivity()).sensitivities
    assert np.allclose(found.p[-1], [np.e], rtol=1e-8)


def test_a_failed_solve_keeps_its_part():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u**2, [1.0], (0.0, 2.0), [1.0])
    sol = sl.solve(prob, sl.Tsit5(), sensitivity=sl.ForwardSensitivity())
    assert not sol.success
    half = np.searchsorted(sol.t, 0.5)
    exact = 1 / (1 - sol.t[half])  # u = 1/(1/u0 - p t), du/du0 = u**2/u0**2
    assert np.isclose(sol.sensitivities.u0[half, 0, 0], exact**2, rtol=1e-4)


def test_a_second_derivative_by_a_dual_number_outside(predator_prey):
    """The sensitivities themselves are differentiable: second-order sensitivities."""

    def states(p):
        return sl.solve(predator_prey.replace(p=p), sl.RK4(), dt=0.1).u[-1]

    def first(p):
        sol = sl.solve(
            predator_prey.replace(p=p), sl.RK4(), dt=0.1, sensitivity=sl.ForwardSensitivity()
        )
        return sol.sensitivities.p[-1]

    p = predator_prey.p
    plain = sl.ad.jacobian(states, p, mode="dual")
    assert difference(first(p), plain) < 1e-12
    twice = sl.ad.jacobian(lambda p: sl.ad.jacobian(states, p, mode="dual"), p, mode="dual")
    assert twice.shape == (2, 4, 4)
    assert difference(twice, np.swapaxes(twice, 1, 2)) < 1e-11  # mixed derivatives commute
    assert difference(sl.ad.jacobian(first, p, mode="dual"), twice) < 1e-11
