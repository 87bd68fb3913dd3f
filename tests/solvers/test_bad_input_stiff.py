"""Bad input of implicit, constrained, structured and event-driven solves: one sentence each.

What is wrong at the start raises; what shows later ends the solve, and the part before is kept.
"""

import numpy as np
import pytest

import sciml_lab as sl

SINGULAR = np.diag([1.0, 0.0])
IMPLICIT = [sl.Rodas5P(), sl.Kvaerno5(), sl.RadauIIA5(), sl.QNDF(), sl.FBDF()]


def follows(u, p, t):
    """x' = -x, 0 = x - y."""
    return np.array([-u[0], u[0] - u[1]])


def dae(f=follows, u0=(1.0, 1.0), **options):
    return sl.ODEProblem(f, u0, (0.0, 1.0), mass_matrix=SINGULAR, **options)


def stiff(u, p, t):
    return np.array([-1000.0 * u[0] + u[1], u[0] - u[1] ** 3])


def one_sentence(caught, *words):
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert len(message) < 300


# -- at the start: nothing is solved ---------------------------------------------------------------


@pytest.mark.parametrize("method", IMPLICIT, ids=lambda m: m.name)
def test_a_start_off_the_constraints(method):
    with pytest.raises(ValueError, match="u0 is inconsistent") as caught:
        sl.solve(dae(u0=[1.0, 3.0]), method)
    one_sentence(caught, "equation [1]", "residual -2", "u0[1]", "sl.consistent(problem)")
    assert sl.solve(sl.consistent(dae(u0=[1.0, 3.0])), method).success


def test_a_start_of_a_residual_problem():
    def residual(du, u, p, t):
        return np.array([du[0] + u[0], u[1] - u[0]])

    for du0, u0, words in (
        ([-1.0, -1.0], [1.0, 2.0], "u0 is inconsistent"),
        ([5.0, 0.0], [1.0, 1.0], "du0 is inconsistent"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            sl.solve(sl.DAEProblem(residual, du0, u0, (0.0, 1.0)))
        one_sentence(caught, "equation [", "sl.consistent(problem)")


@pytest.mark.parametrize(
    ("M", "words"),
    [
        (np.eye(3), "must have shape (2, 2)"),
        ([1.0, 0.0], "must have shape (2, 2)"),
        ([[1.0, np.nan], [0.0, 1.0]], "must be finite"),
        ("identity", "mass_matrix must"),
    ],
    ids=str,
)
def test_a_mass_matrix_that_does_not_fit(M, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        sl.ODEProblem(follows, [1.0, 1.0], (0.0, 1.0), mass_matrix=M)
    one_sentence(caught, "mass_matrix", words)


def test_a_method_that_leaves_the_constraints():
    with pytest.warns(UserWarning, match=r"Rosenbrock23 is not stiffly accurate: .* Rodas5P\(\)"):
        assert sl.solve(dae(), sl.Rosenbrock23()).success
    with pytest.raises(ValueError, match="does not end on the constraints") as caught:
        sl.solve(dae(), sl.Gauss(2), dt=0.1)
    one_sentence(caught, "Kvaerno5() or RadauIIA5()")
    with pytest.raises((TypeError, ValueError), match="mass_matrix is set"):
        sl.solve(dae(), sl.Tsit5())


@pytest.mark.parametrize("method", IMPLICIT, ids=lambda m: m.name)
def test_a_wrong_jacobian(method):
    def jac(u, p, t):
        return np.array([[1000.0, 1.0], [1.0, -3 * u[1] ** 2]])  # the sign of the first entry

    prob = sl.ODEProblem(stiff, [1.0, 1.0], (0.0, 1.0), jac=jac)
    with pytest.raises(ValueError, match="is wrong") as caught:
        sl.solve(prob, method)
    one_sentence(caught, "entry [0, 0] is 1000", "differences of f give -1000")


def test_a_symplectic_method_where_it_makes_no_sense():
    drag = sl.SecondOrderProblem(lambda x, v, p, t: -x - 0.1 * v, [1.0], [0.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="separable") as caught:
        sl.solve(drag, sl.VelocityVerlet(), dt=0.1)
    one_sentence(caught, "the force depends on the momenta", "Gauss(2)")
    with pytest.raises(TypeError, match="is made for a HamiltonianProblem") as caught:
        sl.solve(dae().replace(mass_matrix=None), sl.KahanLi8(), dt=0.1)
    one_sentence(caught, "ODEProblem")
    with pytest.raises(ValueError, match="adaptive=True needs an error estimate"):
        sl.solve(sl.zoo.kepler_second_order(), sl.Yoshida6(), dt=0.1, adaptive=True)
    with pytest.raises(ValueError, match="acceleration depends on the velocity"):
        sl.solve(drag, sl.DPRKN6())


# -- later: the part that was solved is kept -------------------------------------------------------


def kept(sol, verdict, least, *words):
    """A failed solve that says why in its message, and has got so far."""
    assert not sol.success
    assert sol.diagnosis is not None and sol.diagnosis.verdict == verdict, sol.message
    assert all(word in sol.message for word in words), sol.message
    assert "\n" not in sol.message
    assert sol.t[-1] >= least and np.all(np.isfinite(sol.u)) and len(sol.t) == len(sol.u)
    with pytest.raises(sl.SolveError):
        raise sl.SolveError(sol)


def opening(u, p, t):
    """From t = 0.5 on the second equation reaches the first."""
    return np.array([-u[0] + (30.0 * (t - 0.5) * u[1] if t > 0.5 else 0.0), 1.0 - u[1]])


@pytest.mark.parametrize("method", [sl.Rodas5P(), sl.Rodas4()], ids=lambda m: m.name)
def test_an_entry_that_sparsity_misses_and_that_shows_up_later(method):
    prob = sl.ODEProblem(opening, [1.0, 1.0], (0.0, 5.0), sparsity=np.eye(2))
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10)
    kept(sol, "wrong Jacobian", 0.5, "sparsity misses the entry [0, 1]", "leave sparsity out")
    np.testing.assert_allclose(sol(0.4), [np.exp(-0.4), 1.0], rtol=1e-5)
    with pytest.raises(sl.SolveError, match="misses the entry"):
        sl.solve(prob, method, rtol=1e-8, atol=1e-10, on_failure="raise")


def test_a_jacobian_that_changes_its_shape():
    def jac(u, p, t):
        return np.array([[-1000.0, 1.0], [1.0, -3.0]]) if t < 0.3 else np.eye(3)

    prob = sl.ODEProblem(stiff, [1.0, 1.0], (0.0, 1.0), jac=jac)
    kept(sl.solve(prob, sl.Rodas5P()), "wrong Jacobian", 0.3, "of shape (3, 3)", "(2, 2)")


@pytest.mark.parametrize("method", [sl.Rodas5P(), sl.Kvaerno5()], ids=lambda m: m.name)
def test_a_jacobian_that_becomes_wrong_is_found_by_the_doctor(method):
    """Right at the start; after t = 0.5 its first entry has the wrong sign."""

    def f(u, p, t):
        return np.array([-1e4 * (u[0] - np.cos(4 * t)), u[0] - u[1] ** 3])

    def jac(u, p, t):
        return np.array([[-1e4 if t < 0.5 else 1e7, 0.0], [1.0, -3 * u[1] ** 2]])

    prob = sl.ODEProblem(f, [1.0, 1.0], (0.0, 2.0), jac=jac)
    sol = sl.solve(prob, method, rtol=1e-6, atol=1e-8, max_steps=2000)
    kept(sol, "wrong Jacobian", 0.5, "its entry [0, 0] is 1e+07", "-10000")


@pytest.mark.parametrize("method", IMPLICIT, ids=lambda m: m.name)
def test_a_singular_matrix(method):
    """No equation holds the second unknown, so that W has no inverse."""
    nothing = dae(lambda u, p, t: np.array([-u[0], 0 * u[1] + u[0] - np.exp(-t)]), [1.0, 3.0])
    with pytest.warns(UserWarning, match=r"do not determine the algebraic .*\(index above 1\)"):
        sol = sl.solve(nothing, method)
    assert not sol.success and "\n" not in sol.message
    assert "do not determine u'" in sol.message
    assert sol.t[0] == 0.0 and np.all(np.isfinite(sol.u))


def test_a_constraint_that_loses_its_solution_on_the_way():
    """0 = y^2 + x - 1 with x' = 1: W becomes singular at x = 1."""
    prob = dae(lambda u, p, t: np.array([1.0 + 0 * u[0], u[1] ** 2 + u[0] - 1]), [0.0, 1.0])
    prob = prob.replace(tspan=(0.0, 2.0))
    for method in IMPLICIT:
        sol = sl.solve(prob, method)
        assert not sol.success and "\n" not in sol.message
        assert 0.9 < sol.t[-1] < 1.01
        np.testing.assert_allclose(sol(0.5), [0.5, np.sqrt(0.5)], rtol=1e-4)


def test_an_event_that_never_resets():
    """Two switches that hand over to each other: time stands still, and that is said."""
    prob = sl.ODEProblem(lambda u, p, t: -p * np.ones(1), [1.0], (0.0, 5.0), [1.0])
    switches = [
        sl.Event(lambda u, p, t: u[0] + 1e-14, lambda u, p, t: (u, 0 * p - 1), -1),
        sl.Event(lambda u, p, t: u[0] - 1e-14, lambda u, p, t: (u, 0 * p + 1), 1),
    ]
    sol = sl.solve(prob, sl.Tsit5(), callbacks=switches)
    kept(sol, "chattering", 0.999, "the affect move the state off")
    np.testing.assert_allclose(sol(0.5), [0.5], rtol=1e-9)
