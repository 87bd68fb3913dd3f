"""The discrete adjoint against complex steps, plain tracing and differences."""

import math

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.sensitivity.sweep import BLOCK

# Every method with an error estimate runs adaptive here, and every method also with fixed steps.
ADAPTIVE = [name for name, method in sl.METHODS.items() if method().adaptive]
INSIDE = np.array([0.0, 0.13, 0.5, 0.51, 0.777, 1.0])  # fractions of the time interval


def times_of(problem, fractions=INSIDE):
    start, end = problem.tspan
    return np.clip(start + (end - start) * fractions, min(start, end), max(start, end))


def difference(a, b):
    """Relative difference of two gradients."""
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.mark.parametrize("saveat", [False, True], ids=["steps", "saveat"])
def test_agrees_with_complex_step_to_rounding(problem, scalar, complex_step, frozen, saveat):
    options = frozen(problem, sl.Tsit5(), rtol=1e-6, atol=1e-8)
    options["saveat"] = times_of(problem) if saveat else None

    def loss(u0, p):
        return scalar(sl.solve(problem.replace(u0=u0, p=p), sl.Tsit5(), **options).u)

    u0, p = problem.u0, problem.p
    by_p = sl.ad.grad(lambda p: loss(u0, p), p)
    by_u0 = sl.ad.grad(lambda u0: loss(u0, p), u0)
    assert difference(by_p, complex_step(lambda p: loss(u0, p), p)) < 1e-11
    assert difference(by_u0, complex_step(lambda u0: loss(u0, p), u0)) < 1e-11


@pytest.mark.parametrize("saveat", [False, True], ids=["steps", "saveat"])
@pytest.mark.parametrize("name", ADAPTIVE)
def test_every_adaptive_method(predator_prey, scalar, complex_step, frozen, name, saveat):
    method = sl.METHODS[name]()
    options = frozen(predator_prey, method, rtol=1e-4, atol=1e-6)
    options["saveat"] = times_of(predator_prey) if saveat else None

    def loss(p):
        return scalar(sl.solve(predator_prey.replace(p=p), method, **options).u)

    p = predator_prey.p
    assert difference(sl.ad.grad(loss, p), complex_step(loss, p)) < 1e-11


@pytest.mark.parametrize("saveat", [False, True], ids=["steps", "saveat"])
@pytest.mark.parametrize("name", sl.METHODS)
def test_every_method_with_fixed_steps(swing, scalar, complex_step, name, saveat):
    method = sl.METHODS[name]()
    options = {"dt": 0.3, "adaptive": False, "saveat": times_of(swing) if saveat else None}

    def loss(x):
        return scalar(sl.solve(swing.replace(u0=x[:2], p=x[2:]), method, **options).u)

    x = np.concatenate([swing.u0, swing.p])
    assert difference(sl.ad.grad(loss, x), complex_step(loss, x)) < 1e-11


@pytest.mark.parametrize("name", ["Euler", "RK4", "BS3", "Tsit5", "DOP853"])
def test_own_tableau_and_backward_in_time(swing, scalar, complex_step, name):
    tableau = sl.METHODS[name]().tableau
    back = swing.replace(tspan=(4.0, 0.5))

    def loss(p):
        sol = sl.solve(
            back.replace(p=p), sl.ExplicitRK(tableau), dt=0.2, adaptive=False,
            saveat=times_of(back),
        )  # fmt: skip
        return scalar(sol.u)

    assert difference(sl.ad.grad(loss, swing.p), complex_step(loss, swing.p)) < 1e-11


def test_rejected_steps_do_not_disturb(swing, scalar, complex_step, frozen):
    options = frozen(swing, sl.DP5(), rtol=1e-9, atol=1e-11, dt=2.0)  # far too long at first

    def loss(p):
        return scalar(sl.solve(swing.replace(p=p), sl.DP5(), **options).u)

    assert sl.solve(swing, sl.DP5(), **options).stats.nreject > 0
    assert difference(sl.ad.grad(loss, swing.p), complex_step(loss, swing.p)) < 1e-11


@pytest.mark.parametrize("saveat", [None, [1.0, 2.2, 3.9], [0.5, 1.0, 4.0]])
@pytest.mark.parametrize("dt", [0.25, 3.5, None], ids=["many steps", "one step", "rejections"])
def test_ends_of_tspan_match_plain_tracing(swing, scalar, frozen, saveat, dt):
    options = {"dt": dt, "adaptive": False} if dt else frozen(swing, sl.Tsit5(), dt=2.0)

    def loss(ends, sensitivity):
        prob = swing.replace(tspan=(ends[0], ends[1]))
        sol = sl.solve(prob, sl.Tsit5(), saveat=saveat, sensitivity=sensitivity, **options)
        return scalar(sol.u) + (sol.t * sol.t).sum()

    ends = np.array([0.5, 4.0])
    adjoint = sl.ad.grad(lambda x: loss(x, sl.DiscreteAdjoint()), ends)
    traced = sl.ad.grad(lambda x: loss(x, sl.ThroughSolver()), ends)
    assert difference(adjoint, traced) < 1e-12


def test_end_of_tspan_is_the_slope_of_the_solution(swing):
    def last(end):
        prob = swing.replace(tspan=(0.5, end))
        return sl.solve(prob, sl.Vern7(), rtol=1e-10, atol=1e-12).u[-1]

    end = 4.0
    jacobian = sl.ad.jacobian(lambda x: last(x[0]), np.array([end]), mode="tape")[:, 0]
    assert np.allclose(jacobian, swing.f(last(end), swing.p, end), rtol=1e-6)


def test_start_of_tspan_against_differences(swing, central):
    def loss(start):
        prob = swing.replace(tspan=(start[0], 4.0))
        return sl.solve(prob, sl.Vern7(), rtol=1e-12, atol=1e-12, saveat=[2.0, 4.0]).u.sum()

    start = np.array([0.5])
    assert np.allclose(sl.ad.grad(loss, start), central(loss, start, h=1e-3), rtol=1e-6)


def test_output_times(swing, scalar, central):
    def loss(s, sensitivity=None):
        sol = sl.solve(
            swing, sl.Tsit5(), dt=0.35, adaptive=False, saveat=s, sensitivity=sensitivity
        )
        return scalar(sol.u) + (sol.t**2).sum()

    s = np.array([0.61, 1.0, 2.22, 3.9])  # none where two steps meet
    gradient = sl.ad.grad(loss, s)
    assert difference(gradient, sl.ad.grad(lambda s: loss(s, sl.ThroughSolver()), s)) < 1e-12
    assert difference(gradient, central(loss, s)) < 1e-8


def test_output_at_both_ends_has_the_slope_of_f(swing):
    def ends(s):
        return sl.solve(swing, sl.Tsit5(), rtol=1e-8, saveat=s).u

    s = np.array(swing.tspan)
    jacobian = sl.ad.jacobian(ends, s, mode="tape")
    for row in range(2):
        slope = swing.f(ends(s)[row], swing.p, s[row])
        assert np.allclose(jacobian[row, :, row], slope, rtol=1e-6)
        assert np.all(jacobian[row, :, 1 - row] == 0.0)


def test_one_traced_output_time_and_traced_lists(predator_prey):
    def late(s):
        return sl.solve(predator_prey, saveat=s).u[0, 0]

    slope = sl.ad.grad(lambda s: late(s), 1.0)
    slope_in_list = sl.ad.grad(lambda s: late([s[0], s[1]]), np.array([1.0, 2.0]))
    assert np.isclose(slope, slope_in_list[0], rtol=1e-12)
    assert slope_in_list[1] == 0.0


def test_everything_at_once(swing, scalar, frozen):
    options = frozen(swing, sl.DP5())

    def loss(x, sensitivity):
        prob = swing.replace(u0=x[:2], p=x[2:5], tspan=(x[5], x[6]))
        return scalar(sl.solve(prob, sl.DP5(), saveat=x[7:], sensitivity=sensitivity, **options).u)

    x = np.concatenate([swing.u0, swing.p, swing.tspan, [0.9, 1.7, 3.1]])
    adjoint = sl.ad.grad(lambda x: loss(x, sl.DiscreteAdjoint()), x)
    assert difference(adjoint, sl.ad.grad(lambda x: loss(x, sl.ThroughSolver()), x)) < 1e-12


@pytest.mark.parametrize("k", [1, 3, 1000])
def test_checkpoints_change_nothing(problem, scalar, k):
    def loss(p, sensitivity):
        sol = sl.solve(
            problem.replace(p=p), sl.Tsit5(), saveat=times_of(problem), sensitivity=sensitivity
        )
        return scalar(sol.u)

    kept = sl.ad.grad(lambda p: loss(p, sl.DiscreteAdjoint()), problem.p)
    again = sl.ad.grad(lambda p: loss(p, sl.DiscreteAdjoint(checkpoints=k)), problem.p)
    assert difference(again, kept) < 1e-13


def test_checkpoints_keep_fewer_states(predator_prey):
    from sciml_lab.sensitivity.sweep import Trajectory

    every, tenth = Trajectory(1), Trajectory(10)
    sl.solve(predator_prey, sl.Euler(), dt=0.01, callbacks=[every.take, tenth.take])
    assert len(every.u) == 300 and len(tenth.u) == 30
    f = sl.solve(predator_prey, sl.Euler(), dt=0.01).record.run.f
    blocks = list(tenth.blocks_backwards(sl.Euler(), f, predator_prey.p))
    again = [step for block in blocks for step in reversed(block)]
    assert [index for index, *_ in again] == list(range(299, -1, -1))
    assert all(np.array_equal(u, every.u[index]) for index, _, _, u, _ in again)


def counted(f, columns):
    """f with a list of the times of its calls; without columns it insists on one state."""
    calls = []

    def g(u, p, t):
        calls.append(t)
        if not columns and np.ndim(t):
            raise AssertionError("one state at a time, please")
        return f(u, p, t)

    return g, calls


@pytest.mark.parametrize("name, stages", [("Tsit5", 6), ("RK4", 4), ("DOP853", 12)])
@pytest.mark.parametrize("columns", [True, False])
def test_number_of_calls_of_f(predator_prey, name, stages, columns):
    f, calls = counted(predator_prey.f, columns)
    prob = sl.ODEProblem(f, predator_prey.u0, predator_prey.tspan, predator_prey.p)
    method, steps = sl.METHODS[name](), BLOCK

    def last(p):
        return sl.solve(prob.replace(p=p), method, dt=3.0 / steps, adaptive=False).u[-1].sum()

    last(prob.p)
    forward = len(calls)
    calls.clear()
    gradient = sl.ad.grad(last, prob.p)
    # All stages in one call and one state to compare; or a refusal, then one call for each stage.
    assert len(calls) == forward + (2 if columns else 1 + stages * steps)
    assert difference(gradient, sl.ad.grad(last, prob.p, mode="dual")) < 1e-13


@pytest.mark.parametrize("saveat", [False, True], ids=["steps", "saveat"])
@pytest.mark.parametrize("name", ["BS3", "Tsit5", "DOP853"])
def test_columns_give_the_same_gradient_as_single_stages(problem, scalar, name, saveat):
    method, gradients = sl.METHODS[name](), []
    times = times_of(problem) if saveat else None
    for columns in (True, False):
        f, _ = counted(problem.f, columns)

        def loss(x, f=f):
            prob = problem.replace(f=f, u0=x[:2], p=x[2:])
            return scalar(sl.solve(prob, method, dt=0.05, adaptive=False, saveat=times).u)

        gradients.append(sl.ad.grad(loss, np.concatenate([problem.u0, problem.p])))
    assert difference(*gradients) < 1e-12


def matrix_vjp_of_one_state(g, answer, w, u):
    """Right for a vector u; for columns it has the right shape and the wrong numbers."""
    return g.reshape(2, -1)[:, :1] * u.reshape(2, -1)[:, 0]


WEIGHTED = sl.ad.primitive(
    lambda w, u: w @ u,
    jvp=(lambda t, y, w, u: np.tensordot(t, u, (1, 0)), lambda t, y, w, u: w @ t),
    vjp=(matrix_vjp_of_one_state, lambda g, y, w, u: w.T @ g),
    name="weighted",
)
AGAINST_COLUMNS = {
    "a branch": lambda u, p, t: -p[0] * u if t < 0.5 else -p[1] * u,
    "the math module": lambda u, p, t: -p[0] * u * math.cos(t),
    "a row vector": lambda u, p, t: -p[0] * u @ np.array([[1.0, 0.3], [0.0, 2.0]]),
    "all entries": lambda u, p, t: -p[0] * u * np.sum(u) - p[3] * u,
    "a mean that hides": lambda u, p, t: -p[0] * (u - u[:1] + np.mean(u[:1])) + p[1],
    "a rule for vectors": lambda u, p, t: -WEIGHTED(p.reshape(2, 2), u),
}


@pytest.mark.parametrize("name", AGAINST_COLUMNS)
def test_an_f_that_takes_no_columns_is_served_stage_by_stage(scalar, central, name):
    prob = sl.ODEProblem(AGAINST_COLUMNS[name], [1.0, 0.6], (0.0, 1.0), [1.0, 0.2, 0.1, 0.7])

    def loss(p):
        return scalar(sl.solve(prob.replace(p=p), sl.Tsit5(), dt=0.1, adaptive=False).u)

    gradient = sl.ad.grad(loss, prob.p)
    assert np.allclose(gradient, central(loss, prob.p), rtol=1e-8, atol=1e-9)


def test_outputs_that_the_loss_does_not_use_cost_nothing(predator_prey):
    f, calls = counted(predator_prey.f, columns=True)
    prob = sl.ODEProblem(f, predator_prey.u0, predator_prey.tspan, predator_prey.p)

    def loss(p, row):
        options = {"saveat": [0.11, 1.33, 3.0], "dt": 0.1, "adaptive": False}
        return sl.solve(prob.replace(p=p), sl.DOP853(), **options).u[row].sum()

    def evaluations(row):
        calls.clear()
        sl.ad.grad(lambda p: loss(p, row), prob.p)
        return len(calls)

    assert evaluations(0) == evaluations(1) == evaluations(2) + 4  # extra stages of one step
    gradient = sl.ad.grad(lambda p: loss(p, 1), prob.p)
    traced = sl.ad.grad(lambda p: loss(p, 1), prob.p, mode="dual")
    assert difference(gradient, traced) < 1e-12


@pytest.mark.parametrize("k", [0, -3, 2.5, True, "10"])
def test_checkpoints_must_be_a_whole_number(k):
    with pytest.raises(ValueError, match="checkpoints must be a positive whole number"):
        sl.DiscreteAdjoint(checkpoints=k)


def test_plain_numbers_stay_plain(predator_prey):
    plain = sl.solve(predator_prey)
    same = sl.solve(predator_prey, sensitivity=sl.DiscreteAdjoint())
    assert type(same.u) is np.ndarray
    assert np.array_equal(plain.u, same.u)
    assert same.stats.nf == plain.stats.nf


def test_state_of_any_shape_and_no_parameters(scalar, frozen):
    rotate = np.array([[0.0, 1.0], [-1.0, 0.0]])
    prob = sl.ODEProblem(lambda u, p, t: rotate @ u - 0.1 * u**3, np.ones((2, 3)), (0.0, 1.0))
    u0 = np.arange(6.0).reshape(2, 3) / 5
    options = frozen(prob.replace(u0=u0), sl.Tsit5())

    def loss(u0, sensitivity):
        sol = sl.solve(prob.replace(u0=u0), sl.Tsit5(), sensitivity=sensitivity, **options)
        return scalar(sol.u)

    adjoint = sl.ad.grad(lambda u0: loss(u0, sl.DiscreteAdjoint()), u0)
    assert adjoint.shape == (2, 3)
    assert difference(adjoint, sl.ad.grad(lambda u0: loss(u0, sl.ThroughSolver()), u0)) < 1e-12


def test_scalar_state_and_scalar_parameter():
    def last(p):
        prob = sl.ODEProblem(lambda u, p, t: p * u, 1.0, (0.0, 1.0), p)
        return sl.solve(prob, sl.DP5(), rtol=1e-10, atol=1e-12).u[-1]

    assert np.isclose(sl.ad.grad(last, 1.0), np.e, rtol=1e-8)
