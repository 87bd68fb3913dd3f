"""Whole solves with every linear solver: the same result, the same steps, the factors counted."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg.newton import FullNewton

sparse = pytest.importorskip("scipy.sparse")

LINE = sl.zoo.brusselator_1d(128)
PLATE = sl.zoo.brusselator_2d(16)
DIRECT = ["auto", "banded", "sparse"]


def apart(a, b, rtol=1e-5, atol=1e-7):
    """The largest difference, in units of the error that was allowed."""
    return float(np.max(np.abs(a - b) / (atol + rtol * np.abs(b))))


def run(prob, method, **options):
    sol = sl.solve(prob, method, rtol=1e-5, atol=1e-7, **options)
    assert sol.success, sol.message
    return sol


@pytest.fixture(scope="module")
def line_dense():
    return run(LINE(), sl.Rodas5P(linear_solver="dense"))


@pytest.mark.parametrize("solver", DIRECT)
def test_direct_solvers_on_a_line(solver, line_dense):
    sol = run(LINE(), sl.Rodas5P(linear_solver=solver))
    assert apart(sol.u[-1], line_dense.u[-1]) < 1e-4
    counts = [(s.stats.nf, s.stats.nsteps, s.stats.njac, s.stats.nlu) for s in (sol, line_dense)]
    assert counts[0] == counts[1]
    assert sol.stats.njac == sol.stats.naccept  # J is kept for a step that is tried again
    assert sol.stats.nlu == sol.stats.nsteps
    assert sol.stats.nkrylov == 0
    assert sol.stats.linear.startswith("sparse: " if solver == "sparse" else "banded: ")
    assert LINE.reference.error(sol.u[-1]) < 10 * 1e-5


@pytest.mark.parametrize(
    ("precondition", "each"), [(sl.ILU(), 3), (sl.Multigrid((128,), fields=2), 8)], ids=repr
)
def test_gmres_on_a_line(precondition, each, line_dense):
    sol = run(LINE(), sl.Rodas5P(linear_solver=sl.GMRES(precondition)))
    assert apart(sol.u[-1], line_dense.u[-1]) < 1e-2
    assert sol.stats.nsteps == line_dense.stats.nsteps
    assert 0 < sol.stats.nkrylov < each * 8 * sol.stats.nsteps


def test_matrix_free_gmres(line_dense):
    """No Jacobian is ever evaluated."""
    prob = sl.zoo.brusselator_1d(24)(tspan=(0.0, 2.0))
    dense = run(prob, sl.Rodas5P(linear_solver="dense"))
    sol = run(prob, sl.Rodas5P(linear_solver=sl.GMRES()))
    assert apart(sol.u[-1], dense.u[-1]) < 1e-2
    assert (sol.stats.njac, sol.stats.nsteps) == (0, dense.stats.nsteps)
    assert sol.stats.nkrylov > 0


@pytest.mark.parametrize("method", [sl.TRBDF2, sl.FBDF, sl.QNDF])
def test_newton_iterations(method):
    """Factors serve for several steps; GMRES need not be exact."""
    prob = LINE(tspan=(0.0, 3.0))
    dense = run(prob, method(linear_solver="dense"))
    band = run(prob, method(linear_solver="auto"))
    assert apart(band.u[-1], dense.u[-1]) < 1e-4
    assert band.stats.njac == dense.stats.njac < dense.stats.nlu < dense.stats.nsteps / 2
    krylov = run(prob, method(linear_solver=sl.GMRES(sl.ILU())))
    assert apart(krylov.u[-1], dense.u[-1]) < 3
    assert 0 < krylov.stats.nkrylov < 6 * krylov.stats.nnewton + 6 * krylov.stats.nsteps
    assert krylov.stats.nsteps < 1.1 * dense.stats.nsteps


def test_full_newton_with_forcing_terms():
    """J anew for every correction: the systems are solved ever better, as it pays."""
    prob = sl.zoo.brusselator_1d(40)(tspan=(0.0, 1.0))
    counts = []
    for rtol in (None, 1e-8):
        solver = sl.GMRES(sl.ILU(drop=0.1, fill=1), rtol=rtol)
        sol = run(prob, sl.TRBDF2(FullNewton(), linear_solver=solver))
        counts.append(sol.stats)
    dense = run(prob, sl.TRBDF2(FullNewton(), linear_solver="dense"))
    loose, tight = counts
    assert loose.nkrylov < 0.7 * tight.nkrylov
    assert tight.nnewton == dense.stats.nnewton
    assert loose.nnewton < 1.5 * dense.stats.nnewton
    assert apart(sol.u[-1], dense.u[-1]) < 1e-2


@pytest.mark.parametrize("solver", [*DIRECT, sl.GMRES(sl.ILU())], ids=str)
def test_complex_w_of_radau(solver):
    prob = LINE(tspan=(0.0, 1.0))
    dense = run(prob, sl.RadauIIA5(linear_solver="dense"))
    sol = run(prob, sl.RadauIIA5(linear_solver=solver))
    assert apart(sol.u[-1], dense.u[-1]) < 1


STEP = sl.Preset([1.1], lambda u, p, t: u)  # the forcing sets in there


@pytest.fixture(scope="module")
def plate_dense():
    return run(PLATE(tspan=(0.0, 2.0)), sl.FBDF(linear_solver="dense"), callbacks=STEP)


@pytest.mark.parametrize(
    "solver",
    [*DIRECT, sl.GMRES(sl.Multigrid((16, 16), 2, "fields", "periodic")), sl.GMRES(sl.ILU())],
    ids=str,
)
def test_a_plate(solver, plate_dense):
    sol = run(PLATE(tspan=(0.0, 2.0)), sl.FBDF(linear_solver=solver), callbacks=STEP)
    assert apart(sol.u[-1], plate_dense.u[-1]) < (1e-2 if isinstance(solver, str) else 5)
    assert sol.stats.nlu < sol.stats.nsteps / 2
    assert (sol.stats.nkrylov > 0) == (not isinstance(solver, str))


def test_a_larger_plate():
    """2048 equations; the iterations of GMRES with multigrid are as few as on the small plate."""
    prob, each = sl.zoo.brusselator_2d(32)(tspan=(0.0, 0.3)), []
    auto = run(prob, sl.FBDF())
    assert auto.stats.linear.startswith("sparse: 2048 unknowns, 6.0 entries a column")
    for n, problem in ((16, PLATE(tspan=(0.0, 0.3))), (32, prob)):
        solver = sl.GMRES(sl.Multigrid((n, n), 2, "fields", "periodic"))
        sol = run(problem, sl.FBDF(linear_solver=solver))
        each.append(sol.stats.nkrylov / sol.stats.nnewton)
    assert apart(sol.u[-1], auto.u[-1]) < 5
    assert each[1] < 1.3 * each[0] < 5


def test_a_large_dae_with_a_sparse_mass_matrix():
    """Diffusion with given ends: two equations without u', 198 with; M of finite elements."""
    n = 200
    hat = sparse.diags_array([1 / 6, 4 / 6, 1 / 6], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    hat[[0, -1]] = 0.0
    x = np.linspace(0.0, 1.0, n)

    def f(u, p, t):
        inner = (u[2:] - 2 * u[1:-1] + u[:-2]) * (n - 1) ** 2
        return np.concatenate([u[:1], inner, u[-1:]])

    prob = sl.ODEProblem(f, np.sin(np.pi * x), (0.0, 0.1), mass_matrix=hat.tocsr())
    sols = [run(prob, sl.Rodas5P(linear_solver=s)) for s in ("dense", "auto")]
    assert apart(sols[1].u[-1], sols[0].u[-1]) < 1e-3
    assert np.allclose(sols[1].u[-1], np.exp(-(np.pi**2) * 0.1) * np.sin(np.pi * x), atol=1e-4)


@pytest.mark.parametrize("method", [sl.Rodas5P, sl.TRBDF2, sl.FBDF])
def test_gmres_that_stagnates_fails_the_step_with_a_sentence(method):
    method = method(linear_solver=sl.GMRES(restart=2, limit=2))
    sol = sl.solve(LINE(tspan=(0.0, 1.0)), method, dt=0.1, rtol=1e-5, atol=1e-7, max_steps=3)
    assert not sol.success
    assert "GMRES stagnates: after 2 iterations the residual is" in str(sol.diagnosis)
    assert sol.stats.nreject > 0  # a shorter step was tried


def test_a_fixed_step_says_why_it_failed():
    method = sl.Rodas5P(linear_solver=sl.GMRES(restart=2, limit=2))
    sol = sl.solve(LINE(tspan=(0.0, 1.0)), method, dt=0.1, adaptive=False)
    assert not sol.success
    assert "GMRES stagnates: after 2 iterations the residual is" in sol.message
    assert sol.u.shape == (1, 256)
