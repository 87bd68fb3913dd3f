"""J and W: where they come from, when they are made anew, and what is said of bad ones."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg import generated as texts
from sciml_lab.linalg.jacobians import differences, jacobian_function, time_difference
from sciml_lab.linalg.linearisation import Linearisation, SingularMatrix
from sciml_lab.linalg.mass_matrix import Mass

sparse = pytest.importorskip("scipy.sparse")
U = np.array([1.3, -0.4])


def formulas(u, p, t):
    x, y = u
    return np.array([y * np.sin(t) * x, -p[0] * np.sin(x) * y**2])


def with_a_loop(u, p, t):
    rest = 1.0 * u
    while np.max(rest) > 1:
        rest = 0.5 * rest
    return rest * u[::-1] * np.sin(t)


def opaque(u, p, t):
    """Lowering has no word for `sorted`, dual numbers can't pass `float`."""
    x, y = (float(x) for x in sorted(u))
    return np.array([x * y * t, x + y**2])


P = np.array([2.0])


@pytest.mark.parametrize(
    ("f", "how"), [(formulas, "source"), (with_a_loop, "duals"), (opaque, "differences")]
)
def test_sources_of_the_jacobian(f, how):
    jac = jacobian_function(f)
    J = jac(U, P, 0.7)
    assert jac.how == how
    assert np.allclose(J, differences(f, U, P, 0.7), rtol=1e-6, atol=1e-7)
    by_time = jac.by_time(U, P, 0.7, 0.1, f(U, P, 0.7))
    central = (f(U, P, 0.7 + 1e-6) - f(U, P, 0.7 - 1e-6)) / 2e-6
    assert np.allclose(by_time, central, rtol=1e-7, atol=1e-9)


def test_generated_text_agrees_with_duals_to_rounding():
    for name in ("rober", "hires", "pollu", "brusselator"):
        prob = sl.zoo.get(name)()
        u = prob.u0 + 0.1
        J = jacobian_function(prob.f)(u, prob.p, 0.0)
        exact = sl.ad.jacobian(lambda x, q=prob: q.f(x, q.p, 0.0), u)
        assert np.allclose(J, exact, rtol=1e-13, atol=0)


def test_text_is_written_once_for_each_f_and_shape():
    first = texts.generated(formulas, U, P, 0.0)
    assert texts.generated(formulas, U, P, 5.0) is first
    assert texts.generated(formulas, U, np.ones(2), 0.0) is not first
    assert texts.generated(opaque, U, P, 0.0) is None


def test_functions_that_are_gone_are_forgotten():
    def scaled(c):
        return lambda u, p, t: c * u

    one = np.ones(1)
    for c in range(texts.KEPT + 3):
        assert texts.generated(scaled(float(c)), one, None, 0.0).jacobian(one, None, 0.0) == c
    assert len(texts._known) == texts.KEPT


def test_text_follows_what_f_reads_from_outside():
    rate = 2.0

    def f(u, p, t):
        return np.array([-rate * u[0]])

    one = np.ones(1)
    assert jacobian_function(f)(one, None, 0.0)[0, 0] == -2
    rate = 3.0
    assert jacobian_function(f)(one, None, 0.0)[0, 0] == -3


@pytest.mark.parametrize("u", [np.float64(0.5), np.array([[1.0, 2.0], [3.0, 4.0]])])
def test_states_of_any_shape(u):
    u = np.asarray(u)
    jac = jacobian_function(lambda u, p, t: u**2 * t)
    assert np.allclose(jac(u, None, 2.0), np.diag(np.atleast_1d(4 * u.ravel())))
    assert np.allclose(jac.by_time(u, None, 2.0, 0.1, 2 * u**2), u**2)


def test_division_by_zero_gives_infinity_not_an_error():
    def f(u, p, t):
        return np.array([np.sqrt(u[0]) + u[1] / t, u[1]])

    with np.errstate(all="ignore"):
        J = jacobian_function(f)(np.array([0.0, 1.0]), None, 0.0)
    assert np.isinf(J[0]).all()


def test_a_complex_state_takes_duals():
    jac = jacobian_function(lambda u, p, t: 1j * u**2)
    assert np.allclose(jac(np.array([1 + 1j]), None, 0.0), [[2j * (1 + 1j)]])
    assert jac.how == "duals"


def test_a_real_jacobian_of_a_complex_state():
    prob = sl.ODEProblem(
        lambda u, p, t: -3.0 * u, [1 + 2j], (0.0, 1.0), jac=lambda u, p, t: -3.0 * np.eye(1)
    )
    end = sl.solve(prob, sl.Rodas5P(), rtol=1e-8, atol=1e-10).u[-1, 0]
    assert end == pytest.approx((1 + 2j) * np.exp(-3), rel=1e-7)


def test_an_infinite_derivative_by_time_is_no_obstacle():
    prob = sl.ODEProblem(lambda u, p, t: np.sqrt(t) * u, [1.0], (0.0, 1.0))
    sol = sl.solve(prob, sl.Rodas5P(), rtol=1e-6, atol=1e-9)
    assert sol.success
    assert sol.u[-1, 0] == pytest.approx(np.exp(2 / 3), rel=1e-5)


def test_time_difference_stays_inside_of_the_step():
    times = []

    def f(u, p, t):
        times.append(t)
        return np.array([np.sin(t)])

    for t, h in ((1e8, 1e-3), (0.0, -0.5)):
        times.clear()
        found = time_difference(f, U, None, t, h, np.sin([t]))
        assert all(0 < (s - t) / h <= 1 for s in times)
    assert found == pytest.approx(1, abs=1e-9)


def test_j_and_w_are_made_when_needed_only():
    lin = Linearisation(lambda u, p, t: -p * u, 2)
    u = np.ones(2)
    lin.update(u, 3.0, 0.0)
    lin.update(u, 3.0, 0.0)
    solve = lin.factor(0.5)
    assert lin.factor(0.5) is solve
    assert lin.factor(0.25) is not solve
    assert (lin.njac, lin.nlu) == (1, 2)
    lin.update(u, 3.0, 1.0)
    lin.factor(0.25)
    assert (lin.njac, lin.nlu) == (2, 3)


class Inverse:
    """A linear solver of one's own."""

    def prepare(self, W):
        inverse = np.linalg.inv(W)
        return lambda b: inverse @ b


def test_a_linear_solver_of_ones_own():
    prob = sl.ODEProblem(cubic, [1.0, 0.5], (0.0, 1.0))
    plain, own = (sl.solve(prob, sl.Rodas5P(linear_solver=s)) for s in ("dense", Inverse()))
    assert np.allclose(plain.u[-1], own.u[-1], rtol=1e-10)
    with pytest.raises(ValueError, match="linear_solver must be 'auto', 'dense', 'banded'"):
        sl.solve(prob, sl.Rodas5P(linear_solver="magic"))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("matrix", [[[2.0, 0.0], [0.0, 0.0]], [[2.0, 1.0], [0.5, 3.0]]])
def test_mass_matrices_in_w(kind, matrix):
    J = np.array([[1.0, 2.0], [3.0, 4.0]])
    lin = Linearisation(lambda u, p, t: J @ u, 2, mass=kind(matrix))
    lin.update(U, None, 0.0)
    b = np.array([1.0, -2.0])
    assert np.allclose(lin.factor(0.3)(b), np.linalg.solve(np.array(matrix) - 0.3 * J, b))
    assert np.allclose(lin.times_mass(U), np.array(matrix) @ U)


SINGULAR = [
    np.diag([1.0, 0.0, 2.0]),
    np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 3.0]]),
    np.zeros((3, 3)),
    np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, 0.0]]),
]


@pytest.mark.parametrize("matrix", SINGULAR)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_what_a_singular_mass_matrix_leaves_open(matrix, kind):
    mass, inverse = Mass(kind(matrix)), np.linalg.pinv(matrix)
    x = np.array([1.0, 2.0, 3.0])
    assert mass.singular
    assert np.allclose(mass.slope(x), inverse @ x)
    assert np.allclose(mass.times(x), matrix @ x)
    missing = 3 - np.linalg.matrix_rank(matrix)
    assert mass.constraints.shape == mass.algebraic.shape == (3, missing)
    assert np.abs(mass.constraints.T @ matrix).max() < 1e-14
    assert np.abs(matrix @ mass.algebraic).max() < 1e-14


def test_a_large_sparse_mass_matrix():
    n = 1500
    matrix = sparse.diags([np.full(n - 1, 0.2), np.ones(n)], [1, 0]).tolil()
    matrix[7] = 0
    matrix[:, 7] = 0
    mass, x = Mass(matrix.tocsr()), np.arange(1.0, n + 1)
    slope = mass.slope(x)
    assert mass.singular
    assert slope[7] == 0
    assert np.allclose(np.delete(mass.times(slope), 7), np.delete(x, 7))


def test_regular_mass_matrices_have_no_constraints():
    assert not Mass(np.array([[2.0, 1.0], [0.5, 3.0]])).singular
    assert not Mass(sparse.identity(3, format="csr")).singular


def right(u, p, t):
    return np.array([[0.0, 1.0], [-3.0 * u[0] ** 2, -0.1]])


def cubic(u, p, t):
    return np.array([u[1], -(u[0] ** 3) - 0.1 * u[1]])


def wrong_at(i, j, value):
    def jac(u, p, t):
        J = right(u, p, t)
        J[i, j] = value
        return J

    return jac


@pytest.mark.parametrize(("i", "j", "value"), [(1, 0, 3.0), (0, 1, 0.0), (1, 1, 0.1), (0, 0, 0.5)])
def test_a_wrong_jacobian_is_named(i, j, value):
    prob = sl.ODEProblem(cubic, [1.0, 0.5], (0.0, 1.0), jac=wrong_at(i, j, value))
    with pytest.raises(ValueError, match=rf"jac\(u, p, t\) is wrong: .* entry \[{i}, {j}\] is"):
        sl.solve(prob, sl.Rodas5P())


def test_a_right_jacobian_passes():
    prob = sl.ODEProblem(cubic, [1.0, 0.5], (0.0, 1.0), jac=right)
    without = prob.replace(jac=None)
    assert np.allclose(
        sl.solve(prob, sl.Rodas5P()).u[-1], sl.solve(without, sl.Rodas5P()).u[-1], atol=1e-12
    )
    as_sparse = prob.replace(jac=lambda u, p, t: sparse.csr_matrix(right(u, p, t)))
    assert sl.solve(as_sparse, sl.Rodas5P()).success


@pytest.mark.parametrize("entry", [e for e in sl.zoo.all() if e.stiff], ids=lambda e: e.name)
def test_right_jacobians_of_stiff_models_pass(entry):
    """Cancellation and sizes over many powers of ten are no reason for an alarm."""
    prob = entry()
    exact = jacobian_function(prob.f)
    jac = jacobian_function(prob.f, lambda u, p, t: exact(u, p, t))
    assert np.array_equal(jac(prob.u0, prob.p, prob.tspan[0]), exact(prob.u0, prob.p, 0.0))


def test_a_kink_is_no_reason_to_doubt_a_jacobian():
    prob = sl.ODEProblem(
        lambda u, p, t: -np.maximum(u, 0.0), [0.0], (0.0, 1.0), jac=lambda u, p, t: -np.ones((1, 1))
    )
    assert sl.solve(prob, sl.Rodas4()).success


def test_a_jacobian_of_the_wrong_shape():
    prob = sl.ODEProblem(cubic, [1.0, 0.5], (0.0, 1.0), jac=lambda u, p, t: np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"jac returned an array of shape \(2, 3\)"):
        sl.solve(prob, sl.Rodas5P())


def test_singular_w():
    lin = Linearisation(lambda u, p, t: u, 1)
    lin.update(np.ones(1), None, 0.0)
    with pytest.raises(SingularMatrix, match="W = M - gamma h J is singular"):
        lin.factor(1.0)


def test_an_infinite_jacobian_is_named():
    sol = sl.solve(sl.ODEProblem(lambda u, p, t: np.sqrt(u), [0.0], (0.0, 1.0)), sl.Rodas5P())
    assert not sol.success
    assert sol.diagnosis.verdict == "Jacobian is not finite"
    assert "the entry [0, 0] = inf" in sol.message
    assert sol.u.tolist() == [[0.0]]


def test_an_undetermined_unknown_is_named():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-u[0], u[0] - 1.0]), [1.0, 0.0], (0.0, 1.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="do not determine the algebraic variables"):
        sol = sl.solve(prob, sl.Rodas5P())
    assert not sol.success
    assert sol.diagnosis.verdict == "singular matrix"


def test_an_inconsistent_start_is_named():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-u[0], u[1] - u[0] ** 2]), [2.0, 3.0], (0.0, 1.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"equation \[1\] .* has the residual -1 .*consistent"):
        sl.solve(prob, sl.Rodas5P())
    assert sl.solve(prob.replace(u0=[2.0, 4.0]), sl.Rodas5P()).success


def test_the_first_step_of_a_dae_does_not_look_at_constraints():
    """The same equation, with a constraint of any scale beside it, starts with the same step."""
    plain = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    first = sl.solve(plain, sl.Rodas5P()).t[1]
    for scale in (1e-6, 1e6):
        prob = sl.ODEProblem(
            lambda u, p, t, c=scale: np.array([-u[0], c * (u[1] - u[0])]), [1.0, 1.0], (0.0, 1.0),
            mass_matrix=np.diag([1.0, 0.0]),
        )  # fmt: skip
        assert 0.5 < sl.solve(prob, sl.Rodas5P()).t[1] / first < 2
