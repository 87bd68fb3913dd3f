"""Rosenbrock methods at work: measured orders, stiff problems, DAEs, counters, bad input."""

import numpy as np
import pytest

import sciml_lab as sl

METHODS = [cls() for cls in sl.ROSENBROCK_METHODS.values()]
EPS = np.finfo(float).eps
each = pytest.mark.parametrize("method", METHODS, ids=repr)


def nonlinear(u, p, t):
    """A coupled system without symmetries that could hide a low order."""
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


START, END = np.array([1.2, -0.4]), 2.0


def problem(end=END):
    return sl.ODEProblem(nonlinear, START, (0.0, end))


def slope(counts, errors):
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


@pytest.fixture(scope="module")
def exact():
    return sl.solve(problem(), sl.Vern9(), dt=0.01, adaptive=False)


@each
def test_measured_order(method, exact):
    counts = np.array([40, 80, 160] if method.order == 2 else [20, 28, 40, 56])
    ends = [sl.solve(problem(), method, dt=END / n, adaptive=False).u[-1] for n in counts]
    errors = [np.max(np.abs(u - exact.u[-1])) for u in ends]
    assert abs(slope(counts, errors) - method.order) < 0.2
    assert errors[-1] > 100 * EPS


@each
def test_measured_order_of_dense_output(method):
    """One step from the exact start: the interpolant's error is ``O(h**(q + 1))``."""
    side, theta, errors = method.side(problem(), (2,)), np.linspace(0.1, 0.9, 9), []
    counts = np.array([4, 8, 16, 32])
    for h in 1 / counts:
        step = method.step(side, START, None, 0.0, h)
        exact = sl.solve(problem(h), sl.Vern9(), dt=h / 8, adaptive=False, saveat=theta * h).u
        found = np.array([method.interpolate(START, step.k, h, x) for x in theta])
        errors.append(np.max(np.abs(found - exact)))
    assert abs(slope(counts, errors) - (method.tableau.dense_order + 1)) < 0.25


@each
def test_measured_order_of_the_error_estimate(method):
    side, counts = method.side(problem(), (2,)), np.array([16, 32, 64, 128])
    sizes = [np.max(np.abs(method.step(side, START, None, 0.0, 1 / n).error)) for n in counts]
    assert abs(slope(counts, sizes) - method.error_order) < 0.2


@each
def test_the_interpolant_meets_both_ends(method):
    step = method.step(method.side(problem(), (2,)), START, None, 0.0, 0.3)
    assert np.allclose(method.interpolate(START, step.k, 0.3, 0.0), START, rtol=0, atol=0)
    assert np.allclose(method.interpolate(START, step.k, 0.3, 1.0), step.u, rtol=0, atol=1e-13)


@each
def test_measured_stiff_order(method):
    """With lambda h held fixed, the error falls with the order of the certificate."""
    counts, errors = np.array([40, 80, 160]), []
    for n in counts:
        found = []
        for rate in np.array([-2.0, -5.0, -20.0, -100.0]) * n / 2:
            prob = sl.ODEProblem(
                lambda u, p, t: p[0] * (u - np.sin(t + 0.5)) + np.cos(t + 0.5),
                [np.sin(0.5)], (0.0, 2.0), [rate],
            )  # fmt: skip
            end = sl.solve(prob, method, dt=2 / n, adaptive=False, dense=False).u[-1, 0]
            found.append(abs(end - np.sin(2.5)))
        errors.append(max(found))
    assert abs(slope(counts, errors) - method.tableau.stiff_order) < 0.4


def robertson(u, p, t):
    a, b, c = u
    slow, fast, back = 0.04 * a, 3e7 * b * b, 1e4 * b * c
    return np.array([-slow + back, slow - back - fast, a + b + c - 1])


ROBERTSON = sl.ODEProblem(
    robertson, [1.0, 0.0, 0.0], (0.0, 1e11), mass_matrix=np.diag([1.0, 1.0, 0.0])
)


@pytest.mark.parametrize("method", METHODS[1:], ids=repr)
def test_linear_constraints_hold(method):
    sol = sl.solve(ROBERTSON, method, rtol=1e-4, atol=1e-10)
    assert sol.success
    assert np.max(np.abs(sol.u.sum(axis=1) - 1)) < 1e-12


def on_a_curve(u, p, t):
    """y' = -z y + cos t with z from a cubic equation."""
    y, z = u
    return np.array([-z * y + np.cos(t), z + 0.1 * z**3 - y * y - np.sin(t) - 1.1])


def dae(mass):
    y = np.sqrt(1.0 + 0.1 - 1.1 + 0.25)  # z = 1 with y = 0.5 leaves a residual: shift y
    start = [y, np.roots([0.1, 0.0, 1.0, -y * y - 1.1])[-1].real]
    return sl.ODEProblem(on_a_curve, start, (0.0, 2.0), mass_matrix=mass)


@pytest.mark.filterwarnings("ignore:mass_matrix is singular")
@each
def test_order_on_a_dae(method):
    prob, counts = dae(np.diag([1.0, 0.0])), np.array([20, 40, 80])
    exact = sl.solve(prob, sl.Rodas5P(), dt=2e-3, adaptive=False).u[-1]
    ends = [sl.solve(prob, method, dt=2 / n, adaptive=False).u[-1] for n in counts]
    errors = np.array([np.abs(u - exact) for u in ends])
    expected = method.tableau.dae_order
    assert slope(counts, errors[:, 0]) > expected[0] - 0.3
    assert slope(counts, errors[:, 1]) > expected[1] - 0.3


@each
def test_a_regular_mass_matrix(method):
    mass = np.array([[2.0, 1.0], [0.5, 3.0]])
    prob = sl.ODEProblem(nonlinear, START, (0.0, END), mass_matrix=mass)
    plain = sl.ODEProblem(
        lambda u, p, t: np.linalg.solve(mass, nonlinear(u, p, t)), START, (0, END)
    )
    ours = sl.solve(prob, method, dt=0.05, adaptive=False).u[-1]
    assert np.allclose(ours, sl.solve(plain, method, dt=0.05, adaptive=False).u[-1], atol=1e-11)


def test_rosenbrock23_warns_of_a_dae():
    with pytest.warns(UserWarning, match="Rosenbrock23 is not stiffly accurate"):
        sl.solve(ROBERTSON.replace(tspan=(0.0, 1.0)), sl.Rosenbrock23())


def test_counters():
    """A rejected step keeps J and f; an accepted one costs one of each."""
    sol = sl.solve(sl.zoo.hires(), sl.Rodas4(), rtol=1e-4, atol=1e-6)
    stats = sol.stats
    assert stats.nreject > 0
    assert stats.njac == stats.naccept
    assert stats.nlu == stats.nsteps
    assert stats.nf == 2 + 5 * stats.nsteps + stats.naccept - 1


def test_a_step_whose_matrix_is_singular_is_tried_shorter():
    """u' = u with gamma h = 1: W = 0."""
    prob = sl.ODEProblem(lambda u, p, t: u, [1.0], (0.0, 5.0))
    records = list(sl.steps(prob, sl.Rodas4(), dt=4.0))
    assert "W = M - gamma h J is singular" in records[0].trouble
    assert "singular" in records[0].reason
    assert not records[0].accepted
    assert records[1].h < 4
    assert records[-1].u_new[0] == pytest.approx(np.exp(5), rel=1e-4)


def test_a_failed_solve_keeps_its_part():
    sol = sl.solve(sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0)), sl.Rodas5P())
    assert not sol.success
    assert sol.diagnosis.verdict == "finite-time blow-up"
    assert sol.t[-1] == pytest.approx(1, abs=1e-3)
    assert sol(0.5)[0] == pytest.approx(2, rel=1e-5)


def test_autonomous_problems_save_the_derivative_by_t():
    for prob, reads_t in ((sl.zoo.rober(), False), (problem(), True)):
        linear = sl.Rodas4().side(prob, prob.u0.shape).linear
        found = linear.by_time(prob.u0, prob.p, 0.3, 0.1, prob.f(prob.u0, prob.p, 0.3))
        assert (found is not None) == reads_t


def test_scipy_agrees():
    integrate = pytest.importorskip("scipy.integrate")
    prob = sl.zoo.pollu()
    times = np.linspace(0, 60, 13)
    ours = sl.solve(prob, sl.Rodas5P(), rtol=1e-8, atol=1e-12, saveat=times)
    other = integrate.solve_ivp(
        lambda t, u: prob.f(u, prob.p, t),
        prob.tspan,
        prob.u0,
        "Radau",
        times,
        rtol=1e-8,
        atol=1e-12,
    )
    assert np.allclose(ours.u, other.y.T, rtol=1e-6, atol=1e-10)


def test_complex_states_matrices_and_backward_time():
    z = -40 + 30j
    prob = sl.ODEProblem(lambda u, p, t: z * u, [[1 + 0j, 2j]], (0.0, 0.5))
    sol = sl.solve(prob, sl.Rodas5P(), rtol=1e-8, atol=1e-10)
    assert sol.u.shape[1:] == (1, 2)
    assert np.allclose(sol.u[-1], np.exp(z * 0.5) * prob.u0, atol=1e-8)
    back = sl.solve(problem().replace(tspan=(END, 0.0)), sl.Rodas5P(), rtol=1e-9, atol=1e-9)
    there = sl.solve(problem().replace(u0=back.u[-1]), sl.Vern9(), rtol=1e-11, atol=1e-12)
    assert np.allclose(there.u[-1], START, atol=1e-7)


def test_a_scalar_state():
    prob = sl.ODEProblem(lambda u, p, t: -50 * (u - np.cos(t)), 0.0, (0.0, 1.0))
    end = (2500 * np.cos(1.0) + 50 * np.sin(1.0) - 2500 * np.exp(-50)) / 2501
    assert float(sl.solve(prob, sl.Rodas4(), rtol=1e-8, atol=1e-8).u[-1]) == pytest.approx(end)


def test_a_tableau_of_ones_own():
    theta = sl.RosenbrockTableau(name="mine", alpha=[[0]], Gamma=[[0.5]], b=[1])
    mine = sl.Rosenbrock(theta)
    assert repr(mine) == "Rosenbrock('mine')"
    assert not mine.adaptive
    errors = []
    for n in (40, 80):
        end = sl.solve(problem(), mine, dt=END / n).u[-1]
        errors.append(np.abs(end - sl.solve(problem(), sl.Vern9()).u[-1]).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_names():
    assert repr(sl.Rodas5P()) == "Rodas5P()"
    assert sl.Rodas4() == sl.Rodas4()
    assert sl.Rodas4() != sl.Rodas4P()
    assert repr(sl.Rodas4(linear_solver="dense")) == "Rodas4(linear_solver='dense')"
    with pytest.raises(TypeError, match="tableau must be a RosenbrockTableau"):
        sl.Rosenbrock([[1.0]])
