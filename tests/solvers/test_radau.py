"""RadauIIA5: its coefficients, orders, the stiffest problems, DAEs of index 1 to 3."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.radau import _estimate, radau_tableau

TAB = radau_tableau()


def test_coefficients():
    r = np.sqrt(6)
    A = [
        [(88 - 7 * r) / 360, (296 - 169 * r) / 1800, (-2 + 3 * r) / 225],
        [(296 + 169 * r) / 1800, (88 + 7 * r) / 360, (-2 - 3 * r) / 225],
        [(16 - r) / 36, (16 + r) / 36, 1 / 9],
    ]
    assert np.allclose(TAB.A, A, rtol=0, atol=1e-15)
    assert (TAB.order, TAB.dense_order, TAB.stage_order) == (5, 3, 3)
    assert TAB.stiffly_accurate
    assert TAB.L_stable


def test_the_numbers_of_scipy():
    radau = pytest.importorskip("scipy.integrate._ivp.radau")
    gamma, e = _estimate()
    assert gamma == pytest.approx(1 / radau.MU_REAL, rel=1e-14)
    assert np.allclose(e, gamma * radau.E, rtol=1e-13)
    complex_gamma = next(g for g in sl.RadauIIA5().gammas if isinstance(g, complex))
    assert min(
        abs(1 / complex_gamma - x) for x in (radau.MU_COMPLEX, np.conj(radau.MU_COMPLEX))
    ) < (1e-13)
    at_nodes = TAB.P @ np.array([0.3, 0.3**2, 0.3**3])  # b_i(0.3) of k; SciPy's takes Z
    of_z = at_nodes @ np.linalg.inv(TAB.A)
    assert np.allclose(of_z, radau.P @ np.array([0.3, 0.3**2, 0.3**3]), rtol=1e-12)


def coupled(u, p, t):
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


def problem(end=2.0):
    return sl.ODEProblem(coupled, [0.3, 0.9], (0.0, end))


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


def test_measured_order():
    exact = sl.solve(problem(), sl.Vern9(), rtol=1e-14, atol=1e-15).u[-1]
    counts = np.array([8, 16, 32])
    errors = [
        np.max(np.abs(sl.solve(problem(), sl.RadauIIA5(), dt=2 / n, adaptive=False).u[-1] - exact))
        for n in counts
    ]
    assert abs(slope(2.0 / counts, errors) - 5) < 0.2


def test_measured_order_of_dense_output_and_of_the_error_estimate():
    method, theta = sl.RadauIIA5(), np.array([0.08, 0.4, 0.8])
    steps, errors, estimates = np.geomspace(0.1, 0.01, 4), [], []
    for h in steps:
        exact = sl.solve(problem(h), sl.Vern9(), rtol=1e-14, atol=1e-15, saveat=h * theta).u
        step = method.step(method.side(problem(), (2,)), problem().u0, None, 0.0, h)
        found = np.array([method.interpolate(problem().u0, step.k, h, x) for x in theta])
        errors.append(np.max(np.abs(found - exact)))
        estimates.append(np.max(np.abs(step.error)))
    assert abs(slope(steps, errors) - 4) < 0.2
    assert abs(slope(steps, estimates) - method.error_order) < 0.2


def test_stiff_order():
    """Prothero and Robinson: order 3, the stage order, or more where lambda is large."""
    lam, counts, errors = -1e6, np.array([5, 10, 20]), []
    for n in counts:
        prob = sl.ODEProblem(
            lambda u, p, t: p * (u - np.sin(t)) + np.cos(t), [0.0], (0.0, 1.3), lam
        )
        sol = sl.solve(prob, sl.RadauIIA5(), dt=1.3 / n, adaptive=False)
        errors.append(abs(sol.u[-1, 0] - np.sin(1.3)))
    assert slope(1.3 / counts, errors) > 2.8


STIFF = ["rober", "hires", "pollu", "van_der_pol_stiff", "oregonator", "chemical_akzo_nobel", "e5"]
CASES = [(name, tol) for name in STIFF for tol in (1e-4, 1e-6)]
CASES += [(name, 1e-8) for name in ("rober", "hires", "pollu", "chemical_akzo_nobel", "e5")]
CASES += [("hires", 1e-10), ("chemical_akzo_nobel", 1e-10)]
CASES += [("rober_dae", 1e-4), ("rober_dae", 1e-6), ("transistor_amplifier", 1e-4)]


@pytest.mark.parametrize(("name", "tol"), CASES)
def test_zoo_problems_are_as_accurate_as_asked_for(name, tol):
    entry = sl.zoo.get(name)
    size = np.abs(entry.reference.u)
    atol = tol * (entry.reference.floor or 1e-3 * np.min(size[size > 0]))
    sol = sl.solve(entry(), sl.RadauIIA5(), rtol=tol, atol=atol, dense=False)
    assert sol.success
    assert entry.reference.error(sol.u[-1]) < 3 * tol
    if tol < 1e-6:
        assert sol.stats.njac < 0.2 * sol.stats.nsteps


@pytest.mark.parametrize("name", ["rober", "hires"])
def test_as_many_steps_as_scipy(name):
    integrate = pytest.importorskip("scipy.integrate")
    prob = sl.zoo.get(name)()
    sol = sl.solve(prob, sl.RadauIIA5(), rtol=1e-6, atol=1e-12, dense=False)
    other = integrate.solve_ivp(
        lambda t, u: prob.f(u, prob.p, t), prob.tspan, prob.u0, "Radau", rtol=1e-6, atol=1e-12
    )
    assert np.allclose(sol.u[-1], other.y[:, -1], rtol=1e-5)
    assert sol.stats.naccept < 1.3 * (len(other.t) - 1)
    assert sol.stats.nf < 1.3 * other.nfev
    assert sol.stats.njac < other.njev + 40


def test_the_predictive_controller_rejects_fewer_steps():
    prob = sl.zoo.van_der_pol_stiff()
    own, plain = (
        sl.solve(prob, sl.RadauIIA5(), rtol=1e-5, atol=1e-8, dense=False, controller=c)
        for c in (None, sl.IController())
    )
    assert own.stats.nreject < 0.5 * plain.stats.nreject
    assert own.stats.nnewton < 0.9 * plain.stats.nnewton
    again = sl.solve(
        prob, sl.RadauIIA5(), rtol=1e-5, atol=1e-8, dense=False,
        controller=sl.PredictiveController(),
    )  # fmt: skip
    assert again.stats.nsteps == own.stats.nsteps


def test_the_predictive_controller_decides_the_same_for_one_and_for_many():
    c, errors = sl.PredictiveController(), [0.3, 0.9, 3.0, 0.2, np.nan, 0.5, 0.5, 1e-9]
    one, many = c.start(), c.start()
    for error in errors:
        a, b = c.decide(error, 4, one), c.decide(np.array([error, error]), 4, many)
        assert isinstance(a.factor, float)
        assert np.allclose(b.factor, a.factor, rtol=1e-14)
        assert b.accept.tolist() == [a.accept, a.accept]
        one, many = a.memory, b.memory
    assert c.decide(0.9, 4, c.start()).factor < 1
    assert c.decide(0.5, 4, (0.5, 1.0, False)).factor == 1.0  # 1.07 is not worth new factors
    assert c.decide(np.inf, 4, (0.5, 1.0, False)).factor == 0.2


def test_a_kept_step_keeps_its_factors():
    prob = sl.ODEProblem(lambda u, p, t: -100 * (u - np.cos(t)), [1.0], (0.0, 20.0))
    sol = sl.solve(prob, sl.RadauIIA5(), rtol=1e-6, atol=1e-8)
    assert sol.stats.njac == 1  # f is linear in u
    assert sol.stats.nlu < sol.stats.nsteps  # two a factorisation, one of them complex


GRAVITY = 9.81


def pendulum(index):
    """A pendulum in Cartesian coordinates; its constraint differentiated 3 - index times."""

    def f(u, p, t):
        x, y, vx, vy, tension = u
        constraint = {
            3: x * x + y * y - 1,
            2: x * vx + y * vy,
            1: vx * vx + vy * vy - tension - y * GRAVITY,
        }[index]
        return np.array([vx, vy, -x * tension, -y * tension - GRAVITY, constraint])

    start = [1.0, 0.0, 0.0, 0.0, 0.0]
    return sl.ODEProblem(f, start, (0.0, 2.0), mass_matrix=np.diag([1.0, 1.0, 1.0, 1.0, 0.0]))


@pytest.fixture(scope="module")
def position():
    """The same pendulum by its angle."""
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([u[1], -GRAVITY * np.cos(u[0])]), [0.0, 0.0], (0.0, 2.0)
    )
    angle = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14).u[-1, 0]
    return np.array([np.cos(angle), np.sin(angle)])


INDICES = {1: None, 2: [1, 1, 1, 1, 2], 3: [1, 1, 2, 2, 3]}


@pytest.mark.parametrize("index", INDICES)
def test_pendulum_of_every_index(index, position):
    for tol in (1e-5, 1e-7):
        method = sl.RadauIIA5(index=INDICES[index])
        sol = sl.solve(pendulum(index), method, rtol=tol, atol=tol, dense=False)
        assert sol.success
        assert np.max(np.abs(sol.u[-1, :2] - position)) < 10 * tol
    if index == 3:  # the constraint itself is solved in every step
        assert np.max(np.abs(sol.u[:, 0] ** 2 + sol.u[:, 1] ** 2 - 1)) < 1e-7


@pytest.mark.parametrize("index", INDICES)
def test_the_index_need_not_be_told(index, position):
    told, found = (
        sl.solve(pendulum(index), method, rtol=1e-6, atol=1e-6, dense=False)
        for method in (sl.RadauIIA5(index=INDICES[index]), sl.RadauIIA5())
    )
    np.testing.assert_array_equal(told.u, found.u)
    assert np.max(np.abs(found.u[-1, :2] - position)) < 1e-5


def test_a_dae_of_index_one_and_its_dense_output():
    def f(u, p, t):
        x, y = u
        return np.array([y, y**3 + y + x - np.cos(t) ** 3 - np.cos(t) - np.sin(t)])

    prob = sl.ODEProblem(f, [0.0, 1.0], (0.0, 5.0), mass_matrix=np.diag([1.0, 0.0]))
    sol = sl.solve(prob, sl.RadauIIA5(), rtol=1e-7, atol=1e-9)
    t = np.linspace(0, 5, 101)
    assert np.allclose(sol(t), np.stack([np.sin(t), np.cos(t)], 1), rtol=0, atol=1e-5)
    counts, errors = np.array([20, 40, 80]), []
    for n in counts:
        sol = sl.solve(prob, sl.RadauIIA5(), dt=5 / n, adaptive=False)
        errors.append(np.max(np.abs(sol.u[-1] - [np.sin(5), np.cos(5)])))
    assert abs(slope(5.0 / counts, errors) - 5) < 0.25


def test_complex_states_and_backward_in_time():
    z = np.array([[1j, -2 + 1j], [-40.0, 0.5j]])
    prob = sl.ODEProblem(lambda u, p, t: z * u, np.ones((2, 2), complex), (0.0, 1.0))
    sol = sl.solve(prob, sl.RadauIIA5(), rtol=1e-8, atol=1e-10)
    assert np.allclose(sol.u[-1], np.exp(z), rtol=0, atol=1e-7)
    back = sl.ODEProblem(coupled, sl.solve(problem(), sl.Vern9(), rtol=1e-12).u[-1], (2.0, 0.0))
    end = sl.solve(back, sl.RadauIIA5(), rtol=1e-8, atol=1e-10).u[-1]
    assert np.allclose(end, [0.3, 0.9], rtol=0, atol=1e-6)


@pytest.mark.parametrize("iteration", [sl.FullNewton(), sl.FixedPoint(), sl.Anderson()])
def test_the_iterations_agree(iteration):
    a = sl.solve(problem(), sl.RadauIIA5(iteration), rtol=1e-8, atol=1e-10)
    b = sl.solve(problem(), sl.RadauIIA5(), rtol=1e-8, atol=1e-10)
    assert np.allclose(a.u[-1], b.u[-1], rtol=0, atol=1e-7)


def test_names_and_mistakes():
    assert repr(sl.RadauIIA5()) == "RadauIIA5()"
    assert repr(sl.RadauIIA5(index=[1, 2])) == "RadauIIA5(index=[1, 2])"
    assert sl.RadauIIA5() == sl.RadauIIA5() != sl.RadauIIA5(index=[1, 2])
    assert "L-stable; stage order 3" in str(sl.RadauIIA5())
    for index in ([1, 4], [0.5, 1], [], "two"):
        with pytest.raises(ValueError, match="index must hold one whole number from 1 to 3"):
            sl.RadauIIA5(index=index)
    with pytest.raises(ValueError, match="index has the shape"):
        sl.solve(problem(), sl.RadauIIA5(index=[1, 1, 2]))
