"""Full, banded and sparse factors of W: the same answers, and which one is chosen and why."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg.assembly import Assembly
from sciml_lab.linalg.banded import Band, banded_lu
from sciml_lab.linalg.choice import choose
from sciml_lab.linalg.dense_lu import dense_lu
from sciml_lab.linalg.linearisation import Linearisation, SingularMatrix
from sciml_lab.linalg.mass_matrix import Mass
from sciml_lab.linalg.sparse_lu import is_symmetric, sparse_lu

sparse = pytest.importorskip("scipy.sparse")
RNG = np.random.default_rng(0)


def random_sparse(n, kind=float, density=0.1, seed=0):
    rng = np.random.default_rng(seed)
    A = np.where(rng.random((n, n)) < density, rng.normal(size=(n, n)), 0.0) + 4 * np.eye(n)
    if kind is complex:
        A = A + 1j * np.where(A != 0, rng.normal(size=(n, n)), 0.0)
    return sparse.csc_array(A)


def shuffled_band(n, kind=float):
    """A tridiagonal matrix whose unknowns come in any order."""
    order = RNG.permutation(n)
    A = np.diag(np.full(n, 3.0)) + np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    A = A.astype(kind) * (1 + 0.5j if kind is complex else 1)
    return sparse.csc_array(A[order][:, order])


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("make", [random_sparse, shuffled_band])
def test_factors_of_all_kinds_solve(make, kind):
    W = make(40, kind)
    b = RNG.normal(size=(8, 5))
    expected = np.linalg.solve(W.toarray(), b.ravel()).reshape(8, 5)
    for solve in (dense_lu(W.toarray()), banded_lu(W), sparse_lu(W)):
        assert np.allclose(solve(b), expected, rtol=1e-12, atol=1e-13)


def test_a_shuffled_band_is_found():
    W = shuffled_band(60)
    band = Band(W)
    assert (band.kl, band.ku) == (1, 1)
    assert band.order is not None
    assert Band(sparse.csc_array(np.eye(4))).order is None


@pytest.mark.parametrize("factorise", [banded_lu, sparse_lu, lambda W: dense_lu(W.toarray())])
def test_singular_matrices_are_named(factorise):
    W = sparse.csc_array(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]]))
    with pytest.raises(SingularMatrix, match="W = M - gamma h J is singular"):
        factorise(W)


@pytest.mark.parametrize("small", [0.0, 1e-14])
def test_pivots_off_the_diagonal(small):
    """Constraints have (almost) nothing on the diagonal of W: rows have to be exchanged."""
    n, m = 60, 20
    A = (diagonals(n, -1, 1) + 3 * diagonals(n, 0)).toarray()
    B = np.eye(n)[:, ::3] + 0.3 * np.eye(n)[:, 1::3]
    full = np.block([[A, B], [B.T, small * np.eye(m)]])
    W, b = sparse.csc_array(full), RNG.normal(size=n + m)
    assert is_symmetric(W)
    for solve in (banded_lu(W), sparse_lu(W), sparse_lu(W, symmetric=False)):
        assert np.allclose(solve(b), np.linalg.solve(full, b), rtol=1e-11, atol=1e-11)


MASSES = [
    None,
    np.diag([1.0, 0.0, 2.0, 3.0]),
    np.array([[2.0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]),
]


@pytest.mark.parametrize("mass", MASSES)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("gamma_h", [0.3, 0.2 - 0.7j])
def test_w_is_put_together(mass, kind, gamma_h):
    mass = None if mass is None else kind(mass)
    J = sparse.csc_array(np.array([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 0, 4], [0, 5, 6, 0]]))
    M = np.eye(4) if mass is None else mass
    M = M.toarray() if hasattr(M, "toarray") else M
    wrapped = None if mass is None else Mass(mass)
    W = Assembly(J, wrapped).matrix(gamma_h, J)
    assert np.allclose(W.toarray(), M - gamma_h * J.toarray(), rtol=1e-15)


@pytest.mark.parametrize("mass", MASSES[1:])
@pytest.mark.parametrize("solver", ["dense", "banded", "sparse", sl.GMRES(sl.ILU()), sl.GMRES()])
def test_mass_matrices_with_every_solver(solver, mass):
    J = np.array([[-1.0, 1, 0, 0], [3, -2, 0, 0], [0, 0, -1, 4], [0, 5, 6, -9]])
    b = np.array([1.0, -2.0, 0.5, 3.0])
    for kind in (np.asarray, sparse.csc_matrix):
        lin = Linearisation(lambda u, p, t: J @ u, 4, mass=kind(mass), linear_solver=solver)
        lin.update(np.ones(4), None, 0.0)
        assert np.allclose(lin.factor(0.3)(b), np.linalg.solve(mass - 0.3 * J, b), rtol=1e-5)


def diagonals(n, *offsets):
    parts = [np.ones(n)] * len(offsets)
    return sparse.csc_array(sparse.diags_array(parts, offsets=offsets, shape=(n, n)))


def test_choices_and_their_reasons():
    assert "in a band of 3 diagonals, as they come" in str(choose(diagonals(500, -1, 0, 1)))
    shuffled = choose(shuffled_band(300))
    assert shuffled.name == "banded"
    assert "after reverse Cuthill-McKee" in shuffled.why
    full = choose(sparse.csc_array(np.ones((120, 120))))
    assert str(full) == "dense: 100% of the 120 x 120 entries may be nonzero"
    arrow = np.eye(900)
    arrow[0] = arrow[:, 0] = 1
    assert choose(sparse.csc_array(arrow)).name == "sparse"


def chain(u, p, t):
    return np.concatenate([u[1:], u[-1:]]) - 2 * u + np.concatenate([u[:1], u[:-1]])


def everyone(u, p, t):
    return np.sum(u) / len(u) - u


def test_auto_by_size_and_pattern():
    for f, n, name in ((chain, 20, "dense"), (chain, 150, "banded"), (everyone, 120, "dense")):
        lin = Linearisation(f, n)
        lin.update(np.ones(n), None, 0.0)
        assert lin.choice.name == name
        assert f"{n} " in lin.choice.why
        b = RNG.normal(size=n)
        W = np.eye(n) - 0.1 * np.asarray(lin.jacobian(np.ones(n), None, 0.0) @ np.eye(n))
        assert np.allclose(W @ lin.factor(0.1)(b), b)


def test_auto_tells_of_colours():
    lin = Linearisation(chain, 150)
    lin.update(np.ones(150), None, 0.0)
    assert "pattern: source; 3 colours for 150 columns, by duals" in str(lin.choice)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("solver", ["auto", "dense", "banded", "sparse", sl.GMRES(sl.Jacobi())])
def test_the_users_jacobian_of_any_kind(kind, solver):
    n = 120
    J = (diagonals(n, -1, 1) - 2.5 * diagonals(n, 0)).toarray()
    lin = Linearisation(lambda u, p, t: J @ u, n, jac=lambda u, p, t: kind(J), linear_solver=solver)
    lin.update(np.ones(n), None, 0.0)
    wanted = {"auto": "banded"}.get(solver, solver) if isinstance(solver, str) else "krylov"
    assert lin.choice.name == wanted
    b = RNG.normal(size=n)
    assert np.allclose(lin.factor(0.4)(b), np.linalg.solve(np.eye(n) - 0.4 * J, b), rtol=1e-6)


def test_a_jacobian_whose_zeros_move():
    """The pattern is read anew from every J that the user gives."""
    J = [np.diag([1.0, 2.0, 3.0]), np.array([[1.0, 0, 5], [0, 2, 0], [7, 0, 3]])]
    for solver in ("banded", "sparse"):
        lin = Linearisation(
            lambda u, p, t: J[int(t)] @ u, 3, jac=lambda u, p, t: J[int(t)], linear_solver=solver
        )
        for t in (0.0, 1.0, 0.0):
            lin.update(np.ones(3), None, t)
            b = np.array([1.0, 2.0, 3.0])
            assert np.allclose(lin.factor(0.3)(b), np.linalg.solve(np.eye(3) - 0.3 * J[int(t)], b))


@pytest.mark.parametrize("solver", ["banded", "sparse"])
def test_factors_are_made_when_needed_only(solver):
    lin, u = Linearisation(chain, 150, linear_solver=solver), np.ones(150)
    lin.update(u, None, 0.0)
    lin.update(u, None, 0.0)
    solve = lin.factor(0.5)
    assert lin.factor(0.5) is solve
    assert lin.factor(0.25) is not solve
    assert (lin.njac, lin.nlu) == (1, 2)


@pytest.mark.parametrize("solver", ["banded", "sparse", sl.GMRES(sl.ILU())])
def test_an_infinite_entry_of_a_sparse_jacobian_is_named(solver):
    prob = sl.ODEProblem(lambda u, p, t: np.sqrt(u), [1.0, 0.0, 1.0], (0.0, 1.0))
    sol = sl.solve(prob, sl.Rodas4(linear_solver=solver))
    assert not sol.success
    assert "the entry [1, 1] = inf" in sol.message


@pytest.mark.parametrize("mass", [None, np.diag([1.0] * 119 + [0.0])])
def test_an_infinite_entry_where_nothing_is_chosen_yet(mass):
    def f(u, p, t):
        return np.concatenate([np.sqrt(u[:-1]), u[-1:]])

    prob = sl.ODEProblem(f, np.zeros(120), (0.0, 1.0), mass_matrix=mass)
    sol = sl.solve(prob, sl.Rodas5P())
    assert not sol.success
    assert "the entry [0, 0] = inf" in sol.message


def test_w_of_complex_states():
    n = 110
    prob = sl.ODEProblem(
        lambda u, p, t: 1j * chain(u, p, t), np.exp(1j * np.arange(n)), (0.0, 0.2),
        jac=lambda u, p, t: 1j * (diagonals(n, -1, 1) - 2.0 * diagonals(n, 0) + ends(n)),
    )  # fmt: skip
    full, band = (sl.solve(prob, sl.Rodas4(linear_solver=s)) for s in ("dense", "auto"))
    assert np.allclose(full.u[-1], band.u[-1], rtol=1e-10)


def ends(n):
    corner = np.zeros(n)
    corner[[0, -1]] = 1.0
    return sparse.diags_array(corner)


@pytest.mark.parametrize("wrong", ["magic", 3, sl.GMRES, None])
def test_wrong_solvers_are_named(wrong):
    prob = sl.ODEProblem(chain, np.ones(5), (0.0, 1.0))
    with pytest.raises(ValueError, match=r"linear_solver must be .*sl.GMRES\(\.\.\.\)"):
        sl.solve(prob, sl.Rodas4(linear_solver=wrong))
