"""GMRES against other implementations, its preconditioners, and what is said when it fails."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg.krylov import Forcing, gmres
from sciml_lab.linalg.linearisation import Linearisation
from sciml_lab.linalg.matrix_free import JacobianProduct
from sciml_lab.linalg.multigrid import interpolations, line

sparse = pytest.importorskip("scipy.sparse")
linalg = pytest.importorskip("scipy.sparse.linalg")


def system(n, kind=float, seed=0):
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(n, n)) / np.sqrt(n) + 2 * np.eye(n), rng.normal(size=n)
    if kind is complex:
        A, b = A + 1j * rng.normal(size=(n, n)) / np.sqrt(n), b + 1j * rng.normal(size=n)
    return A, b


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("restart", [5, 10, 60])
def test_the_same_iterates_as_scipy(kind, restart):
    A, b = system(60, kind)
    norms = []
    linalg.gmres(
        A, b, rtol=1e-9, restart=restart, maxiter=300, callback=norms.append,
        callback_type="pr_norm",
    )  # fmt: skip
    found = gmres(A, b, rtol=1e-9, restart=restart)
    assert abs(found.count - len(norms)) <= 1
    assert found.residual <= 1e-9
    assert np.allclose(found.x, np.linalg.solve(A, b), rtol=1e-7)
    early = gmres(A, b, rtol=1e-30, restart=restart, limit=4)
    assert early.residual == pytest.approx(norms[3], rel=1e-10)


def test_the_residual_is_the_smallest_in_the_krylov_space():
    A, b = system(30)
    basis = [b]
    for k in range(1, 6):
        found = gmres(A, b, rtol=1e-30, limit=k)
        K = np.array(basis).T
        best = np.linalg.lstsq(A @ K, b)[0]
        assert np.linalg.norm(b - A @ K @ best) / np.linalg.norm(b) == pytest.approx(
            found.residual, rel=1e-9
        )
        basis.append(A @ basis[-1])


def test_it_ends_after_as_many_products_as_different_eigenvalues():
    found = gmres(np.diag([1.0, 1.0, 2.0, 5.0, 5.0, 5.0]), np.arange(1.0, 7.0), rtol=1e-12)
    assert found.count == 3
    assert found.residual < 1e-14
    assert gmres(np.eye(3), np.zeros(3)).count == 0


def test_complex_matrix_and_real_side():
    A, _ = system(20, complex)
    b = np.ones(20)
    assert np.allclose(gmres(A, b + 0j, rtol=1e-12).x, np.linalg.solve(A, b))
    lin = Linearisation(lambda u, p, t: -u, 3, linear_solver=sl.GMRES())
    lin.update(np.ones(3), None, 0.0)
    assert np.allclose(lin.factor(1j)(np.ones(3)), 1 / (1 + 1j))


def test_a_singular_system_with_a_solution():
    A = np.diag([1.0, 2.0, 0.0])
    found = gmres(A, np.array([1.0, 4.0, 0.0]), rtol=1e-12)
    assert np.allclose(found.x, [1.0, 2.0, 0.0])


def test_stagnation_is_told():
    """The cyclic shift moves a unit vector round: nothing is gained before the n-th product."""
    n = 12
    shift, b = np.roll(np.eye(n), 1, axis=0), np.eye(n)[0]
    found = gmres(shift, b, restart=n)
    assert (found.count, found.residual < 1e-12) == (n, True)
    found = gmres(shift, b, restart=n - 1)
    assert (found.count, found.residual) == (n - 1, pytest.approx(1.0))
    with pytest.raises(ArithmeticError, match=r"GMRES stagnates: after 11 iterations the residual"):
        sl.GMRES(restart=n - 1).prepare(shift)(b)


def test_a_singular_system_without_a_solution():
    found = gmres(np.diag([1.0, 0.0]), np.array([1.0, 1.0]))
    assert found.residual == pytest.approx(0.5**0.5)
    nothing = gmres(np.zeros((2, 2)), np.ones(2))
    assert nothing.residual == pytest.approx(1.0)


def heat(grid, ratio=300.0, periodic=False):
    """W of the heat equation with implicit steps far longer than an explicit method's."""
    parts = []
    for n in grid:
        L = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tolil()
        if periodic:
            L[0, -1] = L[-1, 0] = -1.0
        parts.append(L.tocsr())
    total = sparse.csr_array((1, 1))
    for L in parts:
        total = sparse.kron(total, sparse.eye_array(L.shape[0])) + sparse.kron(
            sparse.eye_array(total.shape[0]), L
        )
    return sparse.csc_array(sparse.eye_array(total.shape[0]) + ratio * total)


def iterations(W, precondition=None, rtol=1e-8):
    b = np.random.default_rng(1).normal(size=W.shape[0])
    apply = None if precondition is None else precondition.prepare(W)
    found = gmres(W, b, precondition=apply, rtol=rtol, limit=2000, restart=50)
    assert np.allclose(W @ found.x, b, atol=1e-6)
    return found.count


def test_incomplete_factors_need_few_iterations():
    W = heat((20, 20))
    assert iterations(W, sl.ILU(drop=1e-4)) < iterations(W, sl.ILU(drop=1e-2)) < iterations(W) / 2
    assert iterations(W, sl.ILU(drop=0.0, fill=50)) == 1
    assert iterations(heat((40, 40), 1600.0), sl.ILU()) <= 10


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("grids", [[(63,), (255,), (1000,)], [(8, 8), (16, 16), (31, 31)]])
def test_multigrid_does_not_care_how_fine_the_grid_is(grids, periodic):
    """The longest wave is as hard on every grid: the ratio of h to the time grows alike."""
    boundary = "periodic" if periodic else "wall"
    counts = [
        iterations(heat(grid, grid[0] ** 2, periodic), sl.Multigrid(grid, boundary=boundary))
        for grid in grids
    ]
    assert max(counts) <= 14
    assert counts[-1] <= counts[1] + 3


def test_multigrid_of_several_fields():
    heats = heat((16, 16))
    reaction = np.array([[1.0, -20.0], [30.0, 1.0]])
    unit = sparse.eye_array(256)
    points = sparse.csc_array(sparse.kron(heats, np.eye(2)) + sparse.kron(unit, reaction))
    fields = sparse.csc_array(sparse.kron(np.eye(2), heats) + sparse.kron(reaction, unit))
    counts = [
        iterations(points, sl.Multigrid((16, 16), 2, "points")),
        iterations(fields, sl.Multigrid((16, 16), 2, "fields")),
    ]
    assert max(counts) <= 15


def test_multigrid_of_closed_ends_and_thin_grids():
    n = 65
    L = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    L[0, 0] = L[-1, -1] = 1.0
    closed = sparse.csc_array(sparse.eye_array(n) + 1e3 * L)
    wide = sparse.csc_array(sparse.kron(closed, sparse.eye_array(3)))
    assert iterations(wide, sl.Multigrid((n, 3), boundary="closed")) <= 14
    assert iterations(heat((120, 3)), sl.Multigrid((120, 3))) <= 14


def test_interpolation_keeps_what_it_should():
    for n in (7, 8):
        assert np.allclose(line(n, "closed").sum(axis=1), 1.0)
        assert np.allclose(line(n, "periodic").sum(axis=1), 1.0)
    wall = line(7, "wall") @ np.array([2.0, 4.0, 6.0])
    assert np.allclose(wall[:-1], np.arange(1.0, 7.0))
    assert interpolations((4,), 1, "points", "wall") == ()


def test_blocks_help_where_reactions_couple():
    rng = np.random.default_rng(2)
    parts = [rng.normal(size=(3, 3)) * 10 + 25 * np.eye(3) for _ in range(30)]
    W = sparse.csc_array(sparse.block_diag(parts) + 0.5 * sparse.eye_array(90, k=3))
    assert iterations(W, sl.BlockJacobi(3)) < iterations(W, sl.Jacobi()) / 3
    order = np.arange(90).reshape(30, 3).T.ravel()
    moved = sparse.csc_array(W.tocsr()[order][:, order])
    assert iterations(moved, sl.BlockJacobi(3, "fields")) == iterations(W, sl.BlockJacobi(3))


@pytest.mark.parametrize(
    "precondition", [sl.Jacobi(), sl.BlockJacobi(2), sl.ILU(), sl.Multigrid((200,))], ids=repr
)
def test_preconditioners_are_linear_and_take_complex_matrices(precondition):
    rng = np.random.default_rng(0)
    W = sparse.csc_array(heat((200,)) * (1 + 0.5j) + 0.3j * sparse.eye_array(200))
    apply = precondition.prepare(W)
    x, y = rng.normal(size=(2, 200)) + 1j * rng.normal(size=(2, 200))
    assert np.allclose(apply(x + 2j * y), apply(x) + 2j * apply(y))
    assert iterations(W, precondition) <= 400


def plain(u, p, t):
    return np.array([u[0] * u[1], np.sin(u[1]) * t, u[0] ** 2])


def opaque(u, p, t):
    x, y, _ = (float(x) for x in u)
    return np.array([x * y, np.sin(y) * t, x**2])


@pytest.mark.parametrize(
    ("f", "accuracy", "how"), [(plain, 1e-14, "duals"), (opaque, 1e-6, "differences")]
)
def test_products_without_a_matrix(f, accuracy, how):
    u = np.array([1.0, 2.0, 3.0])
    J = JacobianProduct(f, f, u, None, 0.5)
    exact = sl.ad.jacobian(lambda x: plain(x, None, 0.5), u)
    for v in (np.array([1.0, -2.0, 0.5]), np.array([1j, 2.0, 0.0]), np.eye(3), np.zeros(3)):
        assert np.allclose(J @ v, exact @ v, rtol=accuracy, atol=accuracy)
    assert J.how == how


def test_forcing_terms_of_an_iteration():
    forcing = Forcing()
    terms = [forcing.next(size) for size in (1.0, 0.1, 0.01, 1e-9, 2.0)]
    assert terms[0] == terms[-1] == 1e-2
    assert terms[1] == pytest.approx(0.009)
    assert terms[2] == pytest.approx(0.009)
    assert terms[3] == pytest.approx(1e-8, rel=1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: sl.GMRES(restart=0), "restart must be a whole number, at least 1"),
        (lambda: sl.GMRES(limit=2.5), "limit must be a whole number"),
        (lambda: sl.GMRES(rtol=2.0), "rtol must lie between 0 and 1"),
        (lambda: sl.GMRES(precondition="ilu"), r"precondition must be an object .* sl.ILU\(\)"),
        (lambda: sl.GMRES(precondition=sl.ILU), "precondition must be an object"),
        (lambda: sl.ILU(drop=-1), "drop must lie between 0 and 1"),
        (lambda: sl.ILU(fill=0.5), "fill must be at least 1"),
        (lambda: sl.BlockJacobi(0), "size must be a whole number"),
        (lambda: sl.BlockJacobi(2, "rows"), "order must be 'points' or 'fields'"),
        (lambda: sl.BlockJacobi(2).prepare(heat((5,))), "5 unknowns can't be put into blocks of 2"),
        (lambda: sl.Multigrid((8, 0)), "grid, fields and sweeps must be positive whole numbers"),
        (lambda: sl.Multigrid((8,), boundary="open"), "boundary must be 'wall', 'closed' or"),
        (lambda: sl.Multigrid((8,), damping=0), "damping must lie between 0 and 1"),
        (lambda: sl.Multigrid((8,)).prepare(heat((9,))), "8 in all, and u has 9 entries"),
    ],
)
def test_bad_arguments_are_named(make, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        make()


@pytest.mark.parametrize("precondition", [sl.BlockJacobi(2), sl.ILU()])
def test_singular_blocks_and_factors_are_named(precondition):
    W = sparse.csc_array(np.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(ArithmeticError, match="singular"):
        precondition.prepare(W)
