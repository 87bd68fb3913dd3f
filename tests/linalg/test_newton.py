"""Iterations for the equations of a step: they converge where they should, and say why if not."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg.anderson import Mixer
from sciml_lab.linalg.linearisation import Linearisation
from sciml_lab.linalg.newton import forcing_term, scaled_norm
from sciml_lab.linalg.reuse import Reuse
from sciml_lab.linalg.slopes import slope_at

UNIT = scaled_norm(np.array(1.0))


def circle(z):
    """Zero at (0.6, 0.8) on the unit circle."""
    return np.array([z[0] ** 2 + z[1] ** 2 - 1, 4 * z[0] - 3 * z[1]])


def slope(z):
    return np.array([[2 * z[0], 2 * z[1]], [4.0, -3.0]])


START = np.array([0.7, 0.7])


@pytest.mark.parametrize("kappa", [1e-3, 1e-6, 1e-9])
def test_the_rest_is_smaller_than_kappa(kappa):
    W = slope(START)
    outcome = sl.SimplifiedNewton(kappa=kappa, limit=40).solve(
        lambda z: -np.linalg.solve(W, circle(z)), START, UNIT
    )
    assert not outcome.trouble
    assert UNIT(outcome.z - [0.6, 0.8]) < kappa
    assert 0 < outcome.rate < 0.5


def test_full_newton_converges_quadratically():
    outcome = sl.FullNewton(kappa=1e-13).solve(
        lambda z: -np.linalg.solve(slope(z), circle(z)), START, UNIT
    )
    assert outcome.count <= 5
    assert np.allclose(outcome.z, [0.6, 0.8], rtol=0, atol=1e-15)


@pytest.mark.parametrize("size", [0.9, 1.5, 40.0])
def test_divergence_is_predicted_long_before_the_limit(size):
    outcome = sl.SimplifiedNewton(limit=10).solve(lambda z: -size * z, np.ones(2) * 1e3, UNIT)
    good = size < 1
    assert bool(outcome.trouble) != good
    outcome = sl.SimplifiedNewton(limit=10).solve(lambda z: -(1 + size) * z, np.ones(2) * 1e3, UNIT)
    assert outcome.count <= 3
    assert "diverges" in outcome.trouble if size > 1 else "too slow" in outcome.trouble


def test_a_value_that_is_not_finite_ends_the_iteration():
    outcome = sl.SimplifiedNewton().solve(lambda z: z * np.nan, np.ones(2), UNIT)
    assert outcome.count == 1
    assert "not finite" in outcome.trouble


def test_rounding_ends_the_iteration():
    """Corrections of the size of rounding errors do not shrink, and need not."""
    rng = np.random.default_rng(0)
    outcome = sl.SimplifiedNewton(kappa=1e-20, limit=9).solve(
        lambda z: 1 - z + 1e-16 * rng.standard_normal(3), np.zeros(3), UNIT, floor=1e-15
    )
    assert not outcome.trouble
    assert outcome.count == 2


def test_one_correction_is_enough_if_the_last_ones_converged_fast():
    W = slope(START)
    newton = sl.SimplifiedNewton(kappa=1e-2)
    first = newton.solve(lambda z: -np.linalg.solve(W, circle(z)), START, UNIT)
    near = np.array([0.6 + 1e-3, 0.8 - 1e-3])
    again = newton.solve(lambda z: -np.linalg.solve(W, circle(z)), near, UNIT, eta=first.eta)
    assert again.count == 1


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
def test_anderson_solves_a_linear_problem_in_as_many_steps_as_unknowns(depth):
    rng = np.random.default_rng(depth)
    B = rng.standard_normal((depth, depth))
    z, mixer = np.zeros(depth), Mixer(depth)
    for _ in range(depth + 2):
        z = mixer.next(z, B @ z + 1 - z)
    assert np.allclose(z, np.linalg.solve(np.eye(depth) - B, np.ones(depth)), rtol=1e-6)


def test_anderson_takes_any_shape_and_complex_numbers():
    B = np.array([[0.3j, 0.5], [2.0, 0.1]])
    z, mixer = np.zeros((2, 1), complex), Mixer(3)
    for _ in range(6):
        z = mixer.next(z, B @ z + 1 - z)
    assert np.allclose(z, np.linalg.solve(np.eye(2) - B, np.ones((2, 1))))


def test_forcing_terms_follow_the_convergence():
    assert forcing_term(1e-2, 1.0, 0.1) == pytest.approx(9e-5)
    assert forcing_term(0.99, 1.0, 0.1) == pytest.approx(0.9 * 0.99**2)
    assert forcing_term(2.0, 1.0, 0.1) == 0.9  # never above the limit
    assert forcing_term(1e-8, 1.0, 0.8) == pytest.approx(0.9 * 0.64)  # nor too abruptly below


def linear(lam=-2.0):
    return Linearisation(lambda u, p, t: lam * u, 1)


def test_factors_survive_small_changes_of_the_step_and_no_large_ones():
    lin, u = linear(), np.ones(1)
    reuse = Reuse(lin, (0.5,))
    for h in (0.1, 0.1, 0.11, 0.09, 0.119):
        reuse.ready(u, None, 0.0, h)
    assert (lin.njac, lin.nlu) == (1, 1)
    assert reuse.relaxation(0.11) == pytest.approx(2 / 2.1)
    reuse.ready(u, None, 0.0, 0.13)
    assert (lin.njac, lin.nlu) == (1, 2)


def test_slow_convergence_asks_for_a_new_jacobian():
    lin, u = linear(), np.ones(1)
    reuse = Reuse(lin, (0.5,))
    for t, rate in enumerate((1e-3, 1e-3, 0.2, 1e-3, 1e-3)):
        reuse.ready(u, None, float(t), 0.1)
        reuse.note(rate, 0.1)
    assert lin.njac == 2


def test_after_a_failure_whatever_is_old_is_made_anew_once():
    lin, u = linear(), np.ones(1)
    reuse = Reuse(lin, (0.5,))
    reuse.ready(u, None, 0.0, 0.1)
    assert not reuse.renew(u, None, 0.0, 0.1)  # nothing is old
    assert reuse.renew(u, None, 1.0, 0.1)
    assert not reuse.renew(u, None, 1.0, 0.1)
    assert (lin.njac, lin.nlu) == (2, 2)


def dae(u, p, t):
    """x = sin t, y = cos t, with the constraint in both equations of a singular M."""
    x, y = u
    rest = y + x - np.sin(t) - np.cos(t)
    return np.array([y + rest, y - 3 * rest])


@pytest.mark.parametrize("t", [0.0, 0.7, 2.0])
def test_slope_of_a_dae(t):
    M = np.array([[1.0, 0.0], [1.0, 0.0]])
    lin = Linearisation(dae, 2, mass=M)
    u = np.array([np.sin(t), np.cos(t)])
    found = slope_at(lin, u, None, t, 1e-3, dae(u, None, t))
    assert np.allclose(found, [np.cos(t), -np.sin(t)], rtol=0, atol=1e-6)


def test_slope_with_a_regular_mass_matrix_and_without_one():
    f0 = np.array([2.0, 9.0])
    assert slope_at(linear(), f0, None, 0.0, 0.1, f0) is f0
    lin = Linearisation(dae, 2, mass=np.diag([2.0, 3.0]))
    assert np.allclose(slope_at(lin, f0, None, 0.0, 0.1, f0), [1.0, 3.0])


def test_no_slope_where_the_index_is_above_one():
    lin = Linearisation(lambda u, p, t: np.array([u[1], u[0]]), 2, mass=np.diag([1.0, 0.0]))
    assert slope_at(lin, np.zeros(2), None, 0.0, 0.1, np.zeros(2)) is None
