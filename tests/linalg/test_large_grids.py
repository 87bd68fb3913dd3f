"""What makes large grids affordable: coarse grids found in the matrix, and preconditioners kept."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg.aggregation import aggregate, smoothed, strongly
from sciml_lab.linalg.choice import choose, is_diffusion
from sciml_lab.linalg.krylov import gmres
from sciml_lab.linalg.linearisation import Linearisation
from sciml_lab.linalg.precondition import Blocks, Kept, inverses

sparse = pytest.importorskip("scipy.sparse", reason="SciPy is an extra")


def plate(n, ratio):
    """W of diffusion on n x n points."""
    L = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    one = sparse.eye_array(n)
    return sparse.csc_array(
        sparse.eye_array(n * n) + ratio * (sparse.kron(L, one) + sparse.kron(one, L))
    )


def iterations(W, apply, rtol=1e-6):
    b = np.random.default_rng(0).normal(size=W.shape[0])
    found = gmres(W, b, precondition=apply, rtol=rtol)
    assert np.linalg.norm(W @ found.x - b) <= 1.01 * rtol * np.linalg.norm(b)
    return found.count


def test_algebraic_multigrid_hardly_cares_how_fine_the_grid_is():
    method = sl.AlgebraicMultigrid()
    counts = [iterations(plate(n, n**2), method.prepare(plate(n, n**2))) for n in (20, 40, 80)]
    assert max(counts) <= 20
    assert counts[2] <= counts[0] + 6
    assert iterations(plate(40, 1600.0), sl.Jacobi().prepare(plate(40, 1600.0))) > 60


def test_aggregates_are_small_and_reach_everybody():
    graph = strongly(plate(30, 1.0).tocsr(), 0.08)
    members = aggregate(graph)
    assert members.min() == 0
    sizes = np.bincount(members)
    assert sizes.min() >= 3 and sizes.max() <= 25
    assert 5 < sizes.mean() < 12
    P = smoothed(plate(30, 1e9).tocsr(), members)  # inside, a constant is interpolated exactly
    inner = (P @ np.ones(P.shape[1])).reshape(30, 30)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 1.0, rtol=1e-6)


def test_points_without_strong_neighbours_are_left_to_the_smoothing():
    W = sparse.csc_array(plate(30, 1e-3))
    assert iterations(W, sl.AlgebraicMultigrid().prepare(W)) <= 6
    assert (aggregate(strongly(W.tocsr(), 0.08)) == -1).all()


def test_one_family_serves_all_step_sizes():
    J, M = -plate(30, 900.0), sparse.diags_array(1.0 + np.arange(900) % 3).tocsc()
    for method in (sl.Multigrid((30, 30)), sl.AlgebraicMultigrid()):
        family, y = method.family(J, M), np.sin(np.arange(900.0))
        for gamma_h in (1.0, 1.1, 0.9):
            W = sparse.csc_array(M - gamma_h * J)
            assert iterations(W, family(gamma_h)) <= 20
        exact = method.prepare(sparse.csc_array(M - 1.0 * J))(y)
        np.testing.assert_allclose(method.family(J, M)(1.0)(y), exact, rtol=1e-10)


def test_a_preconditioner_is_kept_while_it_serves():
    W, kept = plate(10, 1.0), Kept(sl.ILU())
    first = kept.serve(W, 1.0, None, None)
    kept.note(5)
    assert kept.serve(W, 1.25, None, None) is first
    kept.note(13)  # more than twice as many as with a new one
    second = kept.serve(W, 1.25, None, None)
    assert second is not first and kept.made == 2
    kept.note(5)
    assert kept.serve(W, 1.7, None, None) is not second


def test_small_inverses_are_those_of_numpy():
    rng = np.random.default_rng(1)
    for size in (1, 2, 3):
        matrices = rng.normal(size=(7, size, size)) + 1j * rng.normal(size=(7, size, size))
        np.testing.assert_allclose(inverses(matrices), np.linalg.inv(matrices), rtol=1e-9)
        with pytest.raises(ArithmeticError, match="block on the diagonal of W is singular"):
            inverses(np.zeros((2, size, size)))
    W = sparse.csr_array(rng.normal(size=(6, 6)))
    places = np.array([[0, 3], [1, 4], [2, 5]])
    found = Blocks(W, places).inverse(W).toarray()
    for place in places:
        own = np.ix_(place, place)
        np.testing.assert_allclose(found[own] @ W.toarray()[own], np.eye(2), atol=1e-9)


def test_what_is_chosen_and_why():
    J = -plate(90, 1e3)
    chosen = choose(J, None, J)
    assert chosen.name == "krylov" and "like diffusion" in chosen.why
    assert choose(J).name == choose(J, None, J, inexact=False).name == "sparse"
    assert choose(-plate(40, 1e3), None, -plate(40, 1e3)).name == "banded"
    shift = sparse.csc_array(J + sparse.diags_array(4e3 * np.ones(8100)))
    assert not is_diffusion(shift) and choose(shift, None, shift).name == "sparse"


def diffusion(u, p, t):
    """On a torus; the reaction pulls to 1."""
    x = u.reshape(60, 60)
    near = np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1)
    return (p[0] * (near - 4 * x) + p[1] * x * (1 - x)).ravel()


START = np.random.default_rng(2).uniform(0.1, 2.0, 3600)


def test_a_large_grid_is_solved_by_gmres_and_as_well_as_by_factors():
    problem = sl.ODEProblem(diffusion, START, (0.0, 0.3), [1e4, 3.0])
    found = [sl.solve(problem, sl.QNDF(linear_solver=s)) for s in ("auto", "sparse")]
    assert found[0].stats.linear.startswith("krylov: 3600 unknowns")
    assert found[0].stats.nkrylov > 0 and found[1].stats.nkrylov == 0
    np.testing.assert_allclose(found[0].u[-1], found[1].u[-1], rtol=1e-5)
    assert abs(found[0].stats.nsteps - found[1].stats.nsteps) <= 3


def test_an_iteration_nobody_asked_for_gives_way_to_factors():
    linear = Linearisation(diffusion, 3600)
    linear.inexact = True
    linear.update(START, np.array([1e4, 3.0]), 0.0)
    b, solve = np.cos(np.arange(3600.0)), linear.factor(0.1)
    W = linear._assembly.matrix(0.1, linear.J)
    assert linear.choice.name == "krylov"
    assert np.linalg.norm(W @ solve(b) - b) <= 1.01e-2 * np.linalg.norm(b)
    linear.iterative = sl.GMRES(precondition=sl.Jacobi(), limit=2)
    linear._kept, linear._solve = None, None
    np.testing.assert_allclose(W @ linear.factor(0.1)(b), b, atol=1e-9)
    assert str(linear.choice).startswith("sparse: the iteration was given up")


def test_complex_factors_of_radau_are_served_too():
    W = sparse.csc_array(plate(30, 900.0 * (1 + 0.6j)))
    apply, (x, y) = (
        sl.AlgebraicMultigrid().prepare(W),
        np.random.default_rng(3).normal(size=(2, 900)),
    )
    np.testing.assert_allclose(apply(x + 1j * y), apply(x + 0j) + 1j * apply(y + 0j), rtol=1e-9)
    found = gmres(W, x + 1j * y, precondition=apply, rtol=1e-8)
    assert found.residual <= 1e-8 and found.count <= 30
    problem = sl.ODEProblem(diffusion, START, (0.0, 0.1), [1e4, 3.0])
    radau, qndf = (sl.solve(problem, m, rtol=1e-7) for m in (sl.RadauIIA5(), sl.QNDF()))
    assert radau.stats.linear.startswith("krylov") and radau.success
    np.testing.assert_allclose(radau.u[-1], qndf.u[-1], rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: sl.AlgebraicMultigrid(strong=1.5), "strong must lie between 0 and 1"),
        (lambda: sl.AlgebraicMultigrid(sweeps=0), "sweeps must be a positive whole number"),
        (lambda: sl.AlgebraicMultigrid(damping=2.0), "damping must lie between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
