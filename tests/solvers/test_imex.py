"""Additive Runge-Kutta methods: conditions, measured orders, stiffness, counters, mistakes."""

import pickle

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.tableau import TOLERANCE
from sciml_lab.solvers.tableaus.imex import PAIRS
from sciml_lab.solvers.trees_additive import additive_order

FIXED = [sl.IMEXEuler(), sl.ARS222(), sl.ARS443()]
ADAPTIVE = [sl.KenCarp3(), sl.KenCarp4(), sl.KenCarp5()]
METHODS = FIXED + ADAPTIVE
ORDERS = {"IMEXEuler": 1, "ARS222": 2, "ARS443": 3, "KenCarp3": 3, "KenCarp4": 4, "KenCarp5": 5}


def stiff(u, p, t):
    x, y = u
    return np.array([-3 * x * (1 + 0.2 * np.sin(t)) + y, -0.5 * np.sin(x) - 2 * y + 0.3 * x * x])


def nonstiff(u, p, t):
    x, y = u
    return np.array([0.3 * np.sin(t) * x - 0.4 * y * y, -0.2 * y * x + 0.5 * np.cos(2 * t)])


PROBLEM = sl.SplitProblem(stiff, nonstiff, [1.2, -0.4], (0.0, 2.0))
EXACT = sl.solve(PROBLEM, sl.Vern9(), rtol=1e-13, atol=1e-14)


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


@pytest.mark.parametrize("name", PAIRS)
def test_every_coupling_condition_up_to_the_order_holds(name):
    explicit, implicit = PAIRS[name]
    for tab in (explicit, implicit):  # the root of a tree may have either colour
        assert additive_order((explicit.A, implicit.A), tab.b, TOLERANCE) >= ORDERS[name]


@pytest.mark.parametrize("name", ["IMEXEuler", "ARS222", "ARS443"])
def test_the_implicit_part_is_l_stable_and_ends_in_the_new_state(name):
    explicit, implicit = PAIRS[name]
    assert implicit.L_stable
    assert implicit.stiffly_accurate
    assert np.array_equal(explicit.A[-1], explicit.b)


def test_two_methods_of_order_three_need_not_make_one():
    """The halves of ARS443 with nodes as they are, the explicit one with another weight."""
    explicit, implicit = PAIRS["ARS443"]
    other = sl.Tableau(name="other", A=explicit.A, b=implicit.b)
    assert sl.AdditiveRK(other, implicit).order == 3  # both weights serve both parts
    A = np.array(explicit.A)
    A[3] += [0.3, 0.0, -0.3, 0.0, 0.0]
    A[3, 1] += 0.2
    A[3, 2] -= 0.1
    A[3, 0] -= 0.1
    wrong = sl.Tableau(name="wrong", A=A, b=explicit.b)
    assert sl.AdditiveRK(wrong, implicit).order < 3


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order(method):
    few = {1: 100, 2: 40, 3: 24, 4: 20, 5: 20}[method.order]
    counts, errors = np.array([few, 2 * few, 4 * few]), []
    for n in counts:
        sol = sl.solve(PROBLEM, method, dt=2.0 / n, adaptive=False)
        assert sol.method.order == ORDERS[method.name]
        errors.append(np.max(np.abs(sol.u[-1] - EXACT.u[-1])))
    assert abs(slope(2.0 / counts, errors) - method.order) < 0.2


@pytest.mark.parametrize("method", METHODS[1:], ids=repr)
def test_dense_output_between_the_steps(method):
    errors, steps, times = [], np.array([0.1, 0.05, 0.025]), np.linspace(0.03, 1.97, 61)
    for h in steps:
        sol = sl.solve(PROBLEM, method, dt=h, adaptive=False)
        errors.append(np.max(np.abs(sol(times) - EXACT(times))))
    order = {"ARS222": 2, "KenCarp3": 2, "ARS443": 3}.get(method.name, 3)
    assert slope(steps, errors) > order - 0.2


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_tolerance_is_met(method, tol):
    sol = sl.solve(PROBLEM, method, rtol=tol, atol=tol)
    assert sol.success
    assert np.max(np.abs(sol.u - EXACT(sol.t))) < 10 * tol


def test_a_fine_tolerance_is_met_by_the_highest_order():
    sol = sl.solve(PROBLEM, sl.KenCarp5(), rtol=1e-10, atol=1e-10)
    assert np.max(np.abs(sol.u - EXACT(sol.t))) < 1e-9


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_stiff_pull_to_a_curve_and_a_nonstiff_drive(method):
    """Prothero and Robinson, split: the pull is stiff, the slope of the curve is not."""
    prob = sl.SplitProblem(
        lambda u, p, t: -1e6 * (u - np.sin(t)), lambda u, p, t: np.cos(t) + 0 * u, [0.0], (0.0, 2.0)
    )
    sol = sl.solve(prob, method, dt=0.05, adaptive=False)
    assert sol.success
    assert np.max(np.abs(sol.u[:, 0] - np.sin(sol.t))) < 1e-3
    assert sol.stats.njac <= 2


@pytest.mark.parametrize("method", FIXED, ids=repr)
def test_methods_that_end_in_their_last_stage_stay_on_the_curve(method):
    """Error about h/|lambda|: nothing of the explicit part's error is left."""
    errors = []
    for rate in (1e3, 1e5):
        prob = sl.SplitProblem(
            lambda u, p, t: -p[0] * (u - np.sin(t)), lambda u, p, t: np.cos(t) + 0 * u,
            [0.0], (0.0, 2.0), [rate],
        )  # fmt: skip
        errors.append(abs(sl.solve(prob, method, dt=0.1).u[-1, 0] - np.sin(2.0)))
    assert errors[0] < 0.1 / 1e3
    assert errors[1] < 0.1 / 1e5


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize(("model", "method"), [("burgers", 4), ("allen_cahn", 5)])
def test_tolerance_is_met_on_spectral_equations(model, method, tol):
    entry = getattr(sl.zoo, model)
    sol = sl.solve(entry.split(), ADAPTIVE[method - 3], rtol=tol, atol=tol, dense=False)
    assert sol.success
    assert entry.reference.error(sol.u[-1]) < 10 * tol


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_adaptive_steps_on_the_stiff_pull_are_few(method):
    prob = sl.SplitProblem(
        lambda u, p, t: -1e6 * (u - np.sin(t)), lambda u, p, t: np.cos(t) + 0 * u, [0.5], (0.0, 5.0)
    )
    sol = sl.solve(prob, method, rtol=1e-5, atol=1e-7)
    assert np.abs(sol.u[-1, 0] - np.sin(5.0)) < 1e-4
    assert sol.stats.nsteps < 1000


def test_kencarp_is_implicit_alone_and_additive_where_there_are_two_parts():
    whole = sl.ODEProblem(PROBLEM.f, PROBLEM.u0, PROBLEM.tspan)
    a, b = sl.solve(whole, sl.KenCarp4(), rtol=1e-8), sl.solve(PROBLEM, sl.KenCarp4(), rtol=1e-8)
    assert type(a.method) is sl.KenCarp4
    assert type(b.method) is sl.AdditiveRK
    assert repr(a.method) == repr(b.method) == "KenCarp4()"
    assert np.allclose(a.u[-1], b.u[-1], rtol=0, atol=1e-6)
    assert a.stats.parts == {}
    assert "additive Runge-Kutta method of order 4, embedded order 3" in str(b.method)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_counters_count_what_was_called(method):
    calls = {"f_stiff": 0, "f_nonstiff": 0}

    def counted(f, name):
        def g(u, p, t):
            calls[name] += 1
            return f(u, p, t)

        return g

    prob = sl.SplitProblem(
        counted(stiff, "f_stiff"), counted(nonstiff, "f_nonstiff"), [1.2, -0.4], (0.0, 1.0),
        jac=lambda u, p, t: np.array(
            [[-3 * (1 + 0.2 * np.sin(t)), 1.0], [-0.5 * np.cos(u[0]) + 0.6 * u[0], -2.0]]
        ),
    )  # fmt: skip
    sol = sl.solve(prob, method, dt=0.1, adaptive=False)
    assert sol.stats.parts == calls
    assert sol.stats.nf == sum(calls.values())
    explicit_stages = {"IMEXEuler": 1, "ARS222": 2, "ARS443": 4}
    if method.name in explicit_stages:  # and one call to see what f returns
        assert calls["f_nonstiff"] == 10 * explicit_stages[method.name] + 1


def test_an_adaptive_pair_of_one_s_own():
    """Euler's pair, whose error the trapezoidal rule judges in both parts."""
    euler = sl.Tableau(name="E", A=[[0, 0], [1, 0]], b=[1, 0], b_error=[0.5, -0.5])
    back = sl.Tableau(name="I", A=[[0, 0], [0, 1]], b=[0, 1], b_error=[-0.5, 0.5])
    method = sl.AdditiveRK(euler, back)
    assert method.adaptive
    assert (method.order, method.embedded_order, method.error_order) == (1, 2, 2)
    for tol in (1e-4, 1e-5):
        sol = sl.solve(PROBLEM, method, rtol=tol, atol=tol)
        assert sol.success
        # On a problem that damps errors: at most what all steps together may do.
        assert np.max(np.abs(sol.u - EXACT(sol.t))) < sol.stats.naccept * tol


def test_only_the_stiff_part_is_differentiated():
    """f_nonstiff has no derivative anywhere near: a table lookup."""
    steps = np.linspace(0.0, 1.0, 11)
    prob = sl.SplitProblem(
        lambda u, p, t: -100 * u, lambda u, p, t: np.array([float(np.searchsorted(steps, u[0]))]),
        [1.0], (0.0, 1.0),
    )  # fmt: skip
    sol = sl.solve(prob, sl.ARS222(), dt=0.05)
    assert sol.success
    assert sol.stats.njac == 1


def test_a_linear_stiff_part_needs_one_factorisation():
    prob = sl.zoo.kuramoto_sivashinsky.split(32, tspan=(0.0, 1.0))
    sol = sl.solve(prob, sl.ARS443(), dt=0.05)
    oracle = sl.solve(prob, sl.KenCarp5(), rtol=1e-8, atol=1e-8)
    assert sol.stats.njac == sol.stats.nlu == 1
    assert np.allclose(sol.u[-1], oracle.u[-1], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "iteration", [sl.FullNewton(), sl.FixedPoint(), sl.Anderson(), sl.SimplifiedNewton(kappa=1e-6)]
)
def test_every_iteration_finds_the_same_stages(iteration):
    for cls in (sl.ARS443, sl.KenCarp4, sl.SBDF2):
        a = sl.solve(PROBLEM, cls(iteration), dt=0.1, adaptive=False)
        b = sl.solve(PROBLEM, cls(), dt=0.1, adaptive=False)
        assert np.allclose(a.u, b.u, rtol=0, atol=1e-11)
        assert (a.stats.njac == 0) == (iteration.linear == "none")


N = 60
GRID = np.linspace(0.0, 1.0, N + 2)[1:-1]
NEAR = np.eye(N) + np.eye(N, k=1) + np.eye(N, k=-1)


def diffusion(u, p, t):
    padded = np.concatenate(([0.0], u, [0.0]))
    return 0.1 * (N + 1) ** 2 * (padded[2:] - 2 * u + padded[:-2])


@pytest.mark.parametrize("solver", ["dense", "banded", "sparse", sl.GMRES()], ids=str)
@pytest.mark.parametrize("cls", [sl.ARS443, sl.KenCarp4, sl.SBDF3])
def test_every_linear_solver_serves_the_stiff_part(cls, solver):
    prob = sl.SplitProblem(
        diffusion, lambda u, p, t: u - u**3, np.sin(np.pi * GRID), (0.0, 0.5), sparsity=NEAR
    )
    sol = sl.solve(prob, cls(linear_solver=solver), dt=0.025, adaptive=False)
    usual = sl.solve(prob, cls(), dt=0.025, adaptive=False)
    assert sol.success
    assert np.allclose(sol.u, usual.u, rtol=0, atol=1e-10)
    assert "linear_solver=" in repr(sol.method)


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_reaction_and_diffusion_agree_with_scipy(method):
    integrate = pytest.importorskip("scipy.integrate")
    prob = sl.SplitProblem(
        diffusion, lambda u, p, t: u - u**3 + t, np.sin(np.pi * GRID), (0.0, 0.5), sparsity=NEAR
    )
    sol = sl.solve(prob, method, rtol=1e-6, atol=1e-6, dense=False)
    oracle = integrate.solve_ivp(
        lambda t, u: prob.f(u, None, t), prob.tspan, prob.u0, "Radau", rtol=1e-9, atol=1e-10
    )
    assert np.max(np.abs(sol.u[-1] - oracle.y[:, -1])) < 1e-5
    assert sol.stats.njac == 1


def test_backward_in_time_complex_and_any_shape():
    prob = sl.SplitProblem(
        lambda u, p, t: 2.0 * u, lambda u, p, t: 1j * u, np.array([[1.0 + 0j], [2.0]]), (1.0, 0.0)
    )
    sol = sl.solve(prob, sl.KenCarp4(), rtol=1e-7, atol=1e-9)
    assert np.allclose(sol.u[-1], prob.u0 * np.exp(-2.0 - 1j), rtol=1e-5)


def test_a_failed_solve_keeps_what_it_has():
    prob = sl.SplitProblem(lambda u, p, t: u**2, lambda u, p, t: 0 * u, [1.0], (0.0, 2.0))
    sol = sl.solve(prob, sl.KenCarp4(), rtol=1e-6)
    assert not sol.success
    assert 0.9 < sol.t[-1] < 1.01


def test_mistakes_get_a_sentence():
    explicit, implicit = PAIRS["ARS222"]
    whole = sl.ODEProblem(PROBLEM.f, PROBLEM.u0, PROBLEM.tspan)
    with pytest.raises(TypeError, match="ARS222 is made for a SplitProblem"):
        sl.solve(whole, sl.ARS222(), dt=0.1)
    with pytest.raises(ValueError, match="adaptive=True needs an error estimate"):
        sl.solve(PROBLEM, sl.ARS222(), dt=0.1, adaptive=True)
    with pytest.raises(ValueError, match="dt is required"):
        sl.solve(PROBLEM, sl.ARS443())
    with pytest.raises(TypeError, match="implicit must be a Tableau"):
        sl.AdditiveRK(explicit, [[1.0]])
    with pytest.raises(ValueError, match="swap the two"):
        sl.AdditiveRK(implicit, explicit)
    with pytest.raises(ValueError, match="entries on the diagonal"):
        sl.AdditiveRK(explicit, explicit)
    with pytest.raises(ValueError, match="same nodes"):
        sl.AdditiveRK(explicit, PAIRS["IMEXEuler"].implicit)
    bare = sl.Tableau(name="bare", A=PAIRS["KenCarp3"].implicit.A, b=PAIRS["KenCarp3"].implicit.b)
    with pytest.raises(ValueError, match="b_error in both"):
        sl.AdditiveRK(PAIRS["KenCarp3"].explicit, bare)
    with pytest.raises(ValueError, match="P must end in the weights"):
        sl.AdditiveRK(explicit, implicit, P=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="one row for each of the 3 stages"):
        sl.AdditiveRK(explicit, implicit, P=np.zeros((2, 2)))
    with pytest.raises(TypeError, match="iteration must be an iteration"):
        sl.ARS222("newton")


def test_a_part_with_the_wrong_shape_is_noticed():
    prob = sl.SplitProblem(lambda u, p, t: -u, lambda u, p, t: np.ones(3), [1.0, 2.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="shape"):
        sl.solve(prob, sl.ARS222(), dt=0.1)


def test_names_and_equality():
    assert repr(sl.ARS443()) == "ARS443()"
    assert repr(sl.AdditiveRK(*PAIRS["ARS222"])) == "ARS222()"
    own = sl.AdditiveRK(
        sl.Tableau(name="E", A=[[0, 0], [1, 0]], b=[1, 0]),
        sl.Tableau(name="I", A=[[0, 0], [0, 1]], b=[0, 1]),
    )
    assert repr(own) == "AdditiveRK('E', 'I')"
    assert sl.ARS222() == sl.ARS222()
    assert sl.ARS222() != sl.ARS222(sl.FullNewton())
    assert len({sl.KenCarp4(), sl.KenCarp4()}) == 1
    for method in (*METHODS, sl.SBDF3(), sl.MRIGARKERK45a(substeps=3)):
        again = pickle.loads(pickle.dumps(method))
        assert type(again) is type(method)
        assert repr(again) == repr(method)
