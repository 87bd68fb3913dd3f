"""Diagonally implicit methods at work: measured orders, stiff problems, mass matrices, mistakes."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [
    sl.ImplicitEuler(), sl.Trapezoid(), sl.TRBDF2(), sl.Kvaerno3(), sl.Kvaerno5(), sl.KenCarp3(),
    sl.KenCarp4(), sl.KenCarp5(),
]  # fmt: skip
ADAPTIVE = [m for m in METHODS if m.tableau.b_error is not None]


def coupled(u, p, t):
    """Nonlinear, not autonomous, without symmetries that could hide a low order."""
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


START = np.array([1.2, -0.4])


def problem(end=2.0, **changes):
    return sl.ODEProblem(coupled, START, (0.0, end), **changes)


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order(method):
    exact = sl.solve(problem(), sl.Vern9(), dt=0.01, adaptive=False).u[-1]
    few = {1: 200, 2: 40, 3: 24, 4: 16, 5: 12}[method.order]
    counts = np.array([few, 2 * few, 4 * few])
    errors = [
        np.max(np.abs(sl.solve(problem(), method, dt=2.0 / n, adaptive=False).u[-1] - exact))
        for n in counts
    ]
    assert abs(slope(2.0 / counts, errors) - method.order) < 0.2


PLACE = np.array([0.3, 0.9])  # where no derivative of the solution is small


def one_step(method, h):
    """One step from the exact start."""
    f = method.side(problem(), (2,))
    return f, method.step(f, PLACE, None, 0.0, h)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order_of_dense_output(method):
    q, theta = method.tableau.dense_order, np.linspace(0.05, 0.95, 7)
    steps, errors = np.geomspace(0.2, 0.025, 5), []
    for h in steps:
        prob = problem(h).replace(u0=PLACE)
        exact = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14, saveat=h * theta).u
        f, step = one_step(method, h)
        k = method.dense_stages(f, PLACE, None, 0.0, h, step.k)
        found = np.array([method.interpolate(PLACE, k, h, x) for x in theta])
        errors.append(np.max(np.abs(found - exact)))
    assert abs(slope(steps, errors) - (q + 1)) < 0.2


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_measured_order_of_the_error_estimate(method):
    steps = np.geomspace(0.1, 0.01, 5)
    sizes = [np.max(np.abs(one_step(method, h)[1].error)) for h in steps]
    assert abs(slope(steps, sizes) - method.error_order) < 0.2


def test_the_trapezoidal_rule_sees_its_error_from_two_steps():
    steps, sizes, errors = np.geomspace(0.02, 0.004, 4), [], []
    for h in steps:
        prob = problem(3 * h).replace(u0=PLACE)
        records = list(sl.steps(prob, sl.Trapezoid(), adaptive=False, dt=h))
        third = records[2]
        sizes.append(np.max(np.abs(third.error)))
        exact = sl.solve(
            prob.replace(u0=third.u, tspan=(third.t, third.t_new)), sl.Vern9(), rtol=1e-12
        )
        errors.append(np.max(np.abs(third.u_new - exact.u[-1])))
    assert abs(slope(steps, sizes) - 3) < 0.2
    assert np.allclose(sizes, errors, rtol=0.2)


def test_the_trapezoidal_rule_holds_a_tolerance():
    exact = sl.solve(problem(), sl.Vern9(), rtol=1e-12).u[-1]
    sol = sl.solve(problem(), sl.Trapezoid(), rtol=1e-5, atol=1e-5)
    assert np.max(np.abs(sol.u[-1] - exact)) < 1e-5 * sol.stats.nsteps  # for each step as much
    assert sol.stats.nreject < 5
    stiff = sl.ODEProblem(prothero_robinson, [0.0], (0.0, 10.0), -1e6)
    assert sl.solve(stiff, sl.Trapezoid(), rtol=1e-5, atol=1e-7).stats.nsteps < 300


def prothero_robinson(u, p, t):
    """The solution is sin(t) for every p; p = -1e6 makes it stiff."""
    return p * (u - np.sin(t)) + np.cos(t)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_stiff_order_is_at_least_the_stage_order(method):
    lam, end = -1e6, 1.3
    counts, errors = np.array([10, 20, 40]), []
    for n in counts:
        prob = sl.ODEProblem(prothero_robinson, [0.0], (0.0, end), lam)
        sol = sl.solve(prob, method, dt=end / n, adaptive=False)
        errors.append(abs(sol.u[-1, 0] - np.sin(end)))
    assert slope(end / counts, errors) > method.tableau.stage_order - 0.2
    assert max(errors) < 1e-6  # the error is divided by lambda


CASES = [
    (name, tol)
    for name in ("rober", "hires", "pollu", "chemical_akzo_nobel", "e5", "rober_dae")
    for tol in (1e-4, 1e-6, 1e-8)
] + [(name, 1e-4) for name in ("van_der_pol_stiff", "transistor_amplifier")]


SENSITIVE = ("hires", "van_der_pol_stiff", "transistor_amplifier")  # KenCarp5 is off by more there


@pytest.mark.parametrize(
    ("method", "name", "tol"),
    [
        (method, name, tol)
        for method in (sl.Kvaerno5(), sl.KenCarp5())
        for name, tol in CASES
        if method == sl.Kvaerno5() or name not in SENSITIVE
    ],
)
def test_zoo_problems_are_as_accurate_as_asked_for(method, name, tol):
    entry = sl.zoo.get(name)
    size = np.abs(entry.reference.u)
    atol = tol * (entry.reference.floor or 1e-3 * np.min(size[size > 0]))
    sol = sl.solve(entry(), method, rtol=tol, atol=atol, dense=False)
    assert sol.success
    assert entry.reference.error(sol.u[-1]) < 10 * tol
    if tol == 1e-8:  # the Jacobian and the factors serve many steps
        assert sol.stats.njac < 0.4 * sol.stats.nsteps
        assert sol.stats.nlu < 0.8 * sol.stats.nsteps


@pytest.mark.parametrize("name", ["van_der_pol_stiff", "oregonator"])
@pytest.mark.parametrize("tol", [1e-4, 1e-6])
def test_kvaerno5_follows_the_jumps_of_a_relaxation_oscillation(name, tol):
    """KenCarp4 and KenCarp5 are off by up to 70 times the tolerance here."""
    entry = sl.zoo.get(name)
    atol = 1e-3 * tol * np.min(np.abs(entry.reference.u))
    sol = sl.solve(entry(), sl.Kvaerno5(), rtol=tol, atol=atol, dense=False)
    assert entry.reference.error(sol.u[-1]) < 10 * tol


def van_der_pol(u, p, t):
    """The equation with the small parameter 1e-6."""
    return np.array([u[1], ((1 - u[0] ** 2) * u[1] - u[0]) / 1e-6])


TIMES = np.array([0.4, 0.9, 2.0])


@pytest.fixture(scope="module")
def scipys_van_der_pol():
    integrate = pytest.importorskip("scipy.integrate")
    f = lambda t, u: van_der_pol(u, None, t)  # noqa: E731
    return integrate.solve_ivp(
        f, (0, 2), [2.0, -0.66], "Radau", TIMES, rtol=1e-7, atol=[1e-9, 1e-6]
    ).y.T


@pytest.mark.parametrize("method", ADAPTIVE[1:], ids=repr)
def test_van_der_pol_agrees_with_scipy(method, scipys_van_der_pol):
    prob = sl.ODEProblem(van_der_pol, [2.0, -0.66], (0.0, 2.0))
    tol = 1e-5 if method.order > 2 else 1e-3
    sol = sl.solve(prob, method, rtol=tol, atol=1e-2 * tol, saveat=TIMES, dense=False)
    assert np.allclose(sol.u, scipys_van_der_pol, rtol=30 * tol)  # between steps
    assert sol.stats.nsteps < 3000


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_backward_complex_and_any_shape(method):
    f = sl.ODEProblem(lambda u, p, t: 1j * u * np.array([[1.0], [-2.0]]), [[1.0], [1j]], (1.0, 0.0))
    f = f.replace(u0=np.array([[1.0 + 0j], [1j]]))
    sol = sl.solve(f, method, rtol=1e-5, atol=1e-7)
    assert sol.u.shape[1:] == (2, 1)
    exact = f.u0 * np.exp(-1j * np.array([[1.0], [-2.0]]))
    assert np.allclose(sol.u[-1], exact, rtol=0, atol=5e-3 if method.order < 2 else 5e-4)
    assert np.allclose(sol(0.4), f.u0 * np.exp(-0.6j * np.array([[1.0], [-2.0]])), atol=5e-3)


MASS = np.array([[2.0, 1.0], [1.0, 3.0]])


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_regular_mass_matrix_changes_nothing(method):
    with_mass = sl.ODEProblem(
        lambda u, p, t: MASS @ coupled(u, p, t), START, (0.0, 1.0), mass_matrix=MASS
    )
    a = sl.solve(with_mass, method, dt=0.05, adaptive=False)
    b = sl.solve(problem(1.0), method, dt=0.05, adaptive=False)
    assert np.allclose(a.u, b.u, rtol=0, atol=1e-11)
    assert np.allclose(a(0.33), b(0.33), rtol=0, atol=1e-10)


def index_one(u, p, t):
    """x = sin t and y = cos t."""
    x, y = u
    constraint = y**3 + y + x * (1 + t) - (np.cos(t) ** 3 + np.cos(t) + np.sin(t) * (1 + t))
    return np.array([y + 0.1 * (x - np.sin(t)), constraint])


DAE = sl.ODEProblem(index_one, [0.0, 1.0], (0.0, 5.0), mass_matrix=np.diag([1.0, 0.0]))


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_measured_order_on_a_dae_of_index_one(method):
    counts = np.array([40, 80, 160])
    errors = []
    for n in counts:
        sol = sl.solve(DAE, method, dt=5.0 / n, adaptive=False)
        errors.append(np.max(np.abs(sol.u[-1] - [np.sin(5), np.cos(5)])))
    assert slope(5.0 / counts, errors) > method.order - 0.3


@pytest.mark.parametrize("method", ADAPTIVE[1:], ids=repr)
@pytest.mark.parametrize("mixed", [False, True])
def test_tolerance_on_a_dae_whose_mass_matrix_may_be_full(method, mixed):
    """The second row added to the first in both sides: the same DAE, M not diagonal."""
    mix = np.array([[1.0, 1.0], [1.0, -1.0]]) if mixed else np.eye(2)
    prob = sl.ODEProblem(
        lambda u, p, t: mix @ index_one(u, p, t),
        DAE.u0,
        DAE.tspan,
        mass_matrix=mix @ DAE.mass_matrix,
    )
    sol = sl.solve(prob, method, rtol=1e-6, atol=1e-8)
    assert sol.success
    assert np.max(np.abs(sol.u - np.stack([np.sin(sol.t), np.cos(sol.t)], 1))) < 1e-4
    assert (
        np.max(np.abs([index_one(u, None, t)[1] for u, t in zip(sol.u, sol.t, strict=True)])) < 1e-6
    )


def test_robertson_as_a_dae_to_a_tolerance_below_the_rounding_of_its_constraint():
    """The third concentration starts at zero, and its constraint is ``a + b + c = 1``."""

    def f(u, p, t):
        a, b, c = u
        slow, back, fast = 0.04 * a, 1e4 * b * c, 3e7 * b * b
        return np.array([-slow + back, slow - back - fast, a + b + c - 1])

    prob = sl.ODEProblem(f, [1.0, 0.0, 0.0], (0.0, 1e11), mass_matrix=np.diag([1.0, 1.0, 0.0]))
    sol = sl.solve(prob, sl.Kvaerno5(), rtol=1e-6, atol=1e-20, dense=False)
    assert sol.success
    assert sl.zoo.rober.reference.error(sol.u[-1]) < 1e-5


def test_an_index_of_two_is_named():
    """u1' = u2, and the constraint does not hold u2."""
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([u[1], u[0] - np.sin(t)]), [0.0, 1.0], (0.0, 1.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="index above 1"):
        sol = sl.solve(prob, sl.Kvaerno5())
    assert not sol.success
    assert "index is above 1" in sol.message
    assert "RadauIIA5()" in sol.message


@pytest.mark.parametrize(
    "iteration", [sl.FullNewton(), sl.FixedPoint(), sl.Anderson(), sl.SimplifiedNewton(kappa=1e-6)]
)
def test_every_iteration_finds_the_same_stages(iteration):
    a = sl.solve(problem(), sl.Kvaerno3(iteration), dt=0.1, adaptive=False)
    b = sl.solve(problem(), sl.Kvaerno3(), dt=0.1, adaptive=False)
    assert np.allclose(a.u, b.u, rtol=0, atol=1e-12)
    assert (a.stats.njac == 0) == (iteration.linear == "none")
    adaptive = sl.solve(problem(), sl.Kvaerno3(iteration), rtol=1e-6, atol=1e-8)
    assert np.allclose(adaptive.u[-1], b.u[-1], rtol=0, atol=2e-4)


def test_anderson_needs_fewer_evaluations_than_the_fixed_point_iteration():
    plain, fast = (
        sl.solve(problem(), sl.Kvaerno3(one), dt=0.2, adaptive=False).stats.nf
        for one in (sl.FixedPoint(), sl.Anderson())
    )
    assert fast < 0.8 * plain


def test_a_fixed_point_iteration_on_a_stiff_problem_fails_and_says_so():
    prob = sl.ODEProblem(prothero_robinson, [0.0], (0.0, 1.0), -1e6)
    sol = sl.solve(prob, sl.Kvaerno3(sl.FixedPoint()), dt=0.1, adaptive=False)
    assert not sol.success
    assert "diverges" in sol.message


def test_a_kept_jacobian_that_is_wrong_for_a_fixed_step_is_replaced():
    """A step through the fast part of an oscillation: only Newton with a fresh J gets there."""
    sol = sl.solve(DAE, sl.ImplicitEuler(), dt=5.0 / 80, adaptive=False)
    assert sol.success


def test_an_inconsistent_start_is_named():
    with pytest.raises(ValueError, match="u0 is inconsistent"):
        sl.solve(DAE.replace(u0=[0.0, 1.1]), sl.Kvaerno5())


class Inverse:
    """A linear solver of one's own."""

    prepared = 0

    def prepare(self, W):
        self.prepared += 1
        return lambda b: (np.linalg.inv(W) @ b.ravel()).reshape(b.shape)


@pytest.mark.parametrize("method", [sl.Kvaerno5, sl.RadauIIA5, sl.ImplicitMidpoint])
def test_a_linear_solver_of_ones_own(method):
    own = Inverse()
    assert "linear_solver=" in repr(method(linear_solver=own))
    assert method(linear_solver=own) != method()
    a = sl.solve(problem(), method(linear_solver=own), dt=0.1, adaptive=False)
    assert np.allclose(a.u, sl.solve(problem(), method(), dt=0.1, adaptive=False).u, atol=1e-12)
    assert own.prepared == a.stats.nlu > 0
    with pytest.raises(ValueError, match="linear_solver must be"):
        sl.solve(problem(), method(linear_solver="magic"), dt=0.1, adaptive=False)


def test_bring_your_own_tableau():
    g = 1 - np.sqrt(0.5)
    table = sl.Tableau(name="Alexander", A=[[g, 0], [1 - g, g]], b=[1 - g, g])
    method = sl.SDIRK(table)
    assert repr(method) == "SDIRK('Alexander')"
    assert "L-stable" in str(method)
    exact = sl.solve(problem(), sl.Vern9(), dt=0.01, adaptive=False)
    errors = []
    for n in (20, 40, 80):
        sol = sl.solve(problem(), method, dt=2.0 / n)
        errors.append(np.max(np.abs(sol.u[-1] - exact.u[-1])))
    assert abs(slope([4.0, 2.0, 1.0], errors) - 2) < 0.2
    assert np.allclose(sol(1.234), exact(1.234), rtol=0, atol=1e-3)


def test_a_table_with_several_entries_on_the_diagonal():
    table = sl.Tableau(name="two", A=[[1 / 4, 0], [1 / 2, 1 / 3]], b=[0.6, 0.4])
    method = sl.SDIRK(table)
    assert method.gammas == (1 / 4, 1 / 3)
    z = -3.0
    prob = sl.ODEProblem(lambda u, p, t: z * u, [1.0], (0.0, 1.0))
    sol = sl.solve(prob, method, dt=1.0)
    assert sol.u[-1, 0] == pytest.approx(table.stability_function(z), rel=1e-12)


def test_names_and_equality():
    assert repr(sl.Kvaerno5()) == "Kvaerno5()"
    assert repr(sl.TRBDF2(sl.FixedPoint())).startswith("TRBDF2(iteration=FixedPoint(")
    assert sl.Kvaerno5() == sl.Kvaerno5()
    assert sl.Kvaerno5() != sl.Kvaerno5(sl.FullNewton())
    assert len({sl.Kvaerno5(), sl.Kvaerno5(), sl.Kvaerno3()}) == 2


def test_what_sdirk_does_not_take():
    with pytest.raises(TypeError, match="tableau must be a Tableau"):
        sl.SDIRK([[1.0]])
    with pytest.raises(ValueError, match="fully implicit"):
        sl.SDIRK(sl.RadauIIA5().tableau)
    with pytest.raises(ValueError, match="explicit stage"):
        sl.SDIRK(sl.RK4().tableau)
    with pytest.raises(TypeError, match="iteration must be an iteration"):
        sl.Kvaerno5("newton")
    with pytest.raises(ValueError, match="knows no linear algebra"):
        sl.solve(DAE, sl.Kvaerno5(sl.FixedPoint()))
    open_end = sl.Tableau(name="open", A=[[0.3, 0], [0.4, 0.3]], b=[0.5, 0.5])
    with pytest.raises(ValueError, match="does not end on the constraints"):
        sl.solve(DAE, sl.SDIRK(open_end), dt=0.1)


def test_a_failed_solve_keeps_what_it_has():
    prob = sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    sol = sl.solve(prob, sl.Kvaerno5(), rtol=1e-6)
    assert not sol.success
    assert 0.9 < sol.t[-1] < 1.01
    assert np.allclose(sol(0.5), 2.0, rtol=1e-4)


def test_a_wrong_step_of_newton_is_a_step_record_with_a_reason():
    prob = sl.ODEProblem(lambda u, p, t: np.sqrt(u) * -1e3, [1.0], (0.0, 1.0))
    records = []
    for record in sl.steps(prob, sl.Kvaerno3(), rtol=1e-3, dt=0.5):
        records.append(record)
        if len(records) == 3:
            break
    assert not records[0].accepted
    assert records[0].trouble in records[0].reason
    assert records[0].h_next == pytest.approx(0.25)
