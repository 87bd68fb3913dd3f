"""A solve is one operation: to the tape, to autograd, to derivatives around it."""

import weakref

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.ad import Dual, Tape

EVERY = [sl.DiscreteAdjoint(), sl.DiscreteAdjoint(checkpoints=5), sl.ForwardSensitivity()]
TIMES = np.array([0.7, 1.5, 2.9])


def difference(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.mark.parametrize("sensitivity", EVERY, ids=repr)
@pytest.mark.parametrize("dt", [0.5, 0.01])
def test_one_entry_on_the_tape(predator_prey, sensitivity, dt):
    tape = Tape()
    prob = predator_prey.replace(p=tape.input(predator_prey.p), u0=tape.input(predator_prey.u0))
    sol = sl.solve(prob, sl.RK4(), dt=dt, sensitivity=sensitivity)
    assert [entry.name for entry in tape.entries] == ["input", "input", "solve"]
    assert tape.entries[2].parents == (1, 0) or list(tape.entries[2].parents) == [1, 0]
    assert sol.u.shape == (round(3 / dt) + 1, 2)


def test_no_tape_grows_with_the_number_of_steps(predator_prey, monkeypatch):
    alive, counts, lengths = weakref.WeakSet(), [], []

    class Measured(Tape):
        def __init__(self):
            super().__init__()
            alive.add(self)

        def sweep(self, seeds):
            counts.append(len(alive))
            lengths.append(sum(map(len, alive)))
            return super().sweep(seeds)

    def one_state(u, p, t):
        return predator_prey.f(u, p, t) if np.ndim(t) == 0 else None

    monkeypatch.setattr("sciml_lab.sensitivity.sweep.Tape", Measured)
    monkeypatch.setattr("sciml_lab.sensitivity.columns.Tape", Measured)
    peaks = []
    for f in (one_state, predator_prey.f):
        for dt in (0.06, 0.02):
            counts.clear(), lengths.clear()
            prob = predator_prey.replace(f=f)
            sl.ad.grad(
                lambda p: sl.solve(prob.replace(p=p), sl.RK4(), dt=dt).u[-1].sum(),  # noqa: B023
                prob.p,
            )
            if f is one_state:
                assert len(counts) == round(3 / dt) * 4  # one VJP of f for each stage
            assert max(counts) <= 4  # and the tapes of one step alive at a time
            peaks.append(max(lengths))
    assert peaks[0] == peaks[1] and peaks[2] == peaks[3]


@pytest.mark.parametrize("sensitivity", EVERY, ids=repr)
def test_all_sensitivities_agree(problem, scalar, frozen, sensitivity):
    options = frozen(problem, sl.Tsit5())
    start, end = problem.tspan
    times = start + (end - start) * np.array([0.0, 0.21, 0.8, 1.0])
    n = problem.u0.size

    def loss(x, sensitivity):
        prob = problem.replace(u0=x[:n], p=x[n:-2], tspan=(x[-2], x[-1]))
        sol = sl.solve(prob, sl.Tsit5(), saveat=times, sensitivity=sensitivity, **options)
        return scalar(sol.u)

    x = np.concatenate([problem.u0, problem.p, problem.tspan])
    found = sl.ad.grad(lambda x: loss(x, sensitivity), x)
    assert difference(found, sl.ad.grad(lambda x: loss(x, sl.ThroughSolver()), x)) < 1e-11


def test_against_central_differences(problem, scalar, central):
    def loss(p):
        return scalar(sl.solve(problem.replace(p=p), sl.Tsit5(), dt=0.05, adaptive=False).u[-1])

    assert difference(sl.ad.grad(loss, problem.p), central(loss, problem.p)) < 1e-8


@pytest.mark.parametrize("sensitivity", [None, *EVERY, sl.ThroughSolver()], ids=repr)
def test_autograd_gives_the_same_gradient(problem, scalar, frozen, sensitivity):
    options = frozen(problem, sl.Tsit5())
    start, end = problem.tspan
    n = problem.u0.size

    def loss(x, sensitivity=sensitivity):
        prob = problem.replace(u0=x[:n], p=x[n:-5], tspan=(x[-5], x[-4]))
        sol = sl.solve(prob, sl.Tsit5(), saveat=x[-3:], sensitivity=sensitivity, **options)
        return scalar(sol.u) + (sol.t**2).sum()

    times = start + (end - start) * np.array([0.21, 0.8, 0.95])
    x = np.concatenate([problem.u0, problem.p, problem.tspan, times])
    ours = sl.ad.grad(lambda x: loss(x, sl.DiscreteAdjoint()), x)
    assert difference(autograd.grad(loss)(x), ours) < 1e-11


def test_autograd_numpy_in_f(predator_prey):
    def f(u, p, t):
        return anp.array([p[0] * anp.sin(u[1]), -p[1] * u[0]]) + anp.exp(-t)

    prob = sl.ODEProblem(f, predator_prey.u0, (0.0, 2.0), [1.0, 2.0])

    def loss(p):
        return anp.sum(sl.solve(prob.replace(p=p), sl.DP5(), saveat=[1.0, 2.0]).u ** 2)

    def loss_of_ours(p):
        return (sl.solve(prob.replace(p=p), sl.DP5(), saveat=[1.0, 2.0]).u ** 2).sum()

    assert difference(autograd.grad(loss)(prob.p), sl.ad.grad(loss_of_ours, prob.p)) < 1e-12


def test_autograd_jacobian_and_steps_as_output(predator_prey, frozen):
    options = frozen(predator_prey, sl.BS3(), rtol=1e-2)

    def states(p):
        return sl.solve(predator_prey.replace(p=p), sl.BS3(), **options).u

    theirs = autograd.jacobian(states)(predator_prey.p)
    assert difference(theirs, sl.ad.jacobian(states, predator_prey.p, mode="dual")) < 1e-11


def test_autograd_twice_says_what_to_do(predator_prey):
    def loss(p, sensitivity=None):
        prob = predator_prey.replace(p=p, tspan=(0.0, 0.5))
        return sl.solve(prob, sl.RK4(), dt=0.1, sensitivity=sensitivity).u[-1].sum()

    with pytest.raises(TypeError, match="ThroughSolver"):
        autograd.hessian(loss)(predator_prey.p)
    exact = autograd.hessian(lambda p: loss(p, sl.ThroughSolver()))(predator_prey.p)
    assert difference(sl.ad.hessian(loss, predator_prey.p), exact) < 1e-10


@pytest.mark.parametrize("sensitivity", EVERY, ids=repr)
def test_hessian_times_vector_by_forward_over_reverse(problem, scalar, sensitivity):
    def loss(p, sensitivity):
        prob = problem.replace(p=p)
        return scalar(
            sl.solve(prob, sl.Tsit5(), dt=0.1, adaptive=False, sensitivity=sensitivity).u[5:]
        )

    def hessian_times(v, sensitivity):
        def slope(p):
            return sl.ad.grad(lambda p: loss(p, sensitivity), p)

        return sl.ad.jvp(slope, problem.p, v, mode="dual")[1]

    v = np.cos(np.arange(problem.p.size))
    found = hessian_times(v, sensitivity)
    h = 1e-6
    slopes = [sl.ad.grad(lambda p: loss(p, sensitivity), problem.p + s * h * v) for s in (1, -1)]
    assert difference(found, hessian_times(v, sl.ThroughSolver())) < 1e-10
    assert difference(found, (slopes[0] - slopes[1]) / (2 * h)) < 1e-6


def test_reverse_over_reverse_and_mixed_derivatives(predator_prey):
    def loss(p, weight):
        sol = sl.solve(predator_prey.replace(p=p), sl.RK4(), dt=0.25)
        return (weight * sol.u[-1]).sum()

    w = np.array([1.0, 2.0])
    slope = sl.ad.jacobian(
        lambda w: sl.ad.grad(lambda p: loss(p, w), predator_prey.p), w, mode="tape"
    )  # d/dw of dloss/dp is the Jacobian of the last state, transposed
    states = sl.ad.jacobian(
        lambda p: sl.solve(predator_prey.replace(p=p), sl.RK4(), dt=0.25).u[-1], predator_prey.p
    )
    assert difference(slope, states.T) < 1e-12
    twice = sl.ad.jacobian(
        lambda p: sl.ad.grad(lambda p: loss(p, w), p), predator_prey.p, mode="tape"
    )
    assert difference(twice, sl.ad.hessian(lambda p: loss(p, w), predator_prey.p)) < 1e-11


def test_dual_numbers_flow_through(predator_prey, frozen):
    p = Dual(predator_prey.p, np.eye(4))
    options = {"saveat": TIMES, **frozen(predator_prey, sl.Tsit5())}
    along = sl.ForwardSensitivity()
    exact = sl.solve(predator_prey, sl.Tsit5(), sensitivity=along, **options)
    for sensitivity in (None, *EVERY, sl.ThroughSolver()):
        prob = predator_prey.replace(p=p)
        sol = sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity, **options)
        assert isinstance(sol.u, Dual)
        assert difference(sol.u.tangent, exact.sensitivities.p) < 1e-12


@pytest.mark.parametrize("sensitivity", EVERY, ids=repr)
def test_dense_output_has_a_gradient(predator_prey, frozen, sensitivity):
    if sensitivity == sl.DiscreteAdjoint(checkpoints=5):
        with pytest.raises(ValueError, match="list the times in saveat"):
            sl.ad.grad(
                lambda p: sl.solve(predator_prey.replace(p=p), sensitivity=sensitivity)(1.0).sum(),
                predator_prey.p,
            )
        return

    options = frozen(predator_prey, sl.Tsit5())

    def by_call(p):
        prob = predator_prey.replace(p=p)
        sol = sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity, **options)
        return (sol(TIMES) ** 2).sum() + 3 * sol(1.0)[0]

    def by_saveat(p):
        times = np.array([TIMES[0], 1.0, *TIMES[1:]])
        u = sl.solve(predator_prey.replace(p=p), sl.Tsit5(), saveat=times, **options).u
        return (u**2).sum() - (u[1] ** 2).sum() + 3 * u[1, 0]

    p = predator_prey.p
    assert difference(sl.ad.grad(by_call, p), sl.ad.grad(by_saveat, p)) < 1e-12
    assert difference(autograd.grad(by_call)(p), sl.ad.grad(by_saveat, p)) < 1e-12


def test_dense_output_at_traced_times_and_in_a_batch(predator_prey, frozen):
    herd = predator_prey.replace(u0=[[1.0, 2.0], [1.0, 0.3]], batch=True)
    options = frozen(herd, sl.Tsit5(), dt=0.2)

    def late(x, sensitivity):
        sol = sl.solve(herd.replace(p=x[:4]), sl.Tsit5(), sensitivity=sensitivity, **options)
        return (sol(x[4:]) ** 2).sum()

    x = np.concatenate([herd.p, TIMES])
    adjoint = sl.ad.grad(lambda x: late(x, sl.DiscreteAdjoint()), x)
    assert difference(adjoint, sl.ad.grad(lambda x: late(x, sl.ThroughSolver()), x)) < 1e-11
    with pytest.raises(TypeError, match="list the times in saveat"):
        sl.ad.grad(lambda x: late(x, sl.ForwardSensitivity()), x)


@pytest.mark.parametrize("sensitivity", [None, *EVERY], ids=repr)
def test_no_gradient_of_a_failed_solve(sensitivity):
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u**2, [1.0], (0.0, 2.0), [1.0])

    def loss(p):
        return sl.solve(prob.replace(p=p), sl.Tsit5(), sensitivity=sensitivity).u[-1, 0]

    for grad in (sl.ad.grad, lambda f, x: autograd.grad(f)(x)):
        with pytest.raises(sl.SolveError, match="No derivative was taken") as caught:
            grad(loss, prob.p)
        solution = caught.value.solution
        assert type(solution.u) is np.ndarray
        assert 0.99 < solution.t[-1] < 1.001
    plain = sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity)
    assert not plain.success


@pytest.mark.parametrize("sensitivity", EVERY, ids=repr)
def test_interrupt_leaves_nothing_broken(predator_prey, sensitivity):
    calls = []

    def f(u, p, t):
        calls.append(t)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return predator_prey.f(u, p, t)

    def loss(p):
        prob = sl.ODEProblem(f, predator_prey.u0, predator_prey.tspan, p)
        return sl.solve(prob, sl.Tsit5(), sensitivity=sensitivity).u[-1].sum()

    with pytest.raises(sl.SolveInterrupted) as caught:
        sl.ad.grad(loss, predator_prey.p)
    assert type(caught.value.solution.u) is np.ndarray
    again = sl.ad.grad(loss, predator_prey.p)  # the 40th call is over
    exact = sl.ad.grad(
        lambda p: sl.solve(predator_prey.replace(p=p), sl.Tsit5()).u[-1].sum(), predator_prey.p
    )
    assert difference(again, exact) < 1e-12


@pytest.mark.parametrize("sensitivity", [None, *EVERY], ids=repr)
def test_a_traced_value_hidden_in_f_is_not_lost_in_silence(sensitivity):
    def hidden(theta):
        prob = sl.ODEProblem(lambda u, p, t: -theta * p[0] * u, [1.0], (0.0, 1.0), [theta])
        return sl.solve(prob, sl.RK4(), dt=0.1, sensitivity=sensitivity).u[-1, 0]

    with pytest.raises(TypeError, match="pass it to f through p"):
        sl.ad.grad(hidden, 1.0)


def test_a_hidden_value_alone_is_traced_straight_through():
    def hidden(theta):
        prob = sl.ODEProblem(lambda u, p, t: -theta * u, [1.0], (0.0, 1.0))
        return sl.solve(prob, sl.RK4(), dt=0.05).u[-1, 0]

    assert np.isclose(sl.ad.grad(hidden, 1.0), -np.exp(-1.0), rtol=1e-6)


def test_stop_by_a_callback_gives_the_gradient_up_to_there(predator_prey, frozen):
    options = frozen(predator_prey, sl.Tsit5())

    def loss(p, sensitivity):
        sol = sl.solve(
            predator_prey.replace(p=p), sl.Tsit5(), saveat=TIMES, sensitivity=sensitivity,
            callbacks=lambda record: bool(sl.ad.primal(record.t_new) > 2.0), **options,
        )  # fmt: skip
        assert len(sol.t) == 2
        return (sol.u**2).sum()

    p = predator_prey.p
    found = sl.ad.grad(lambda p: loss(p, sl.DiscreteAdjoint()), p)
    assert difference(found, sl.ad.grad(lambda p: loss(p, sl.ThroughSolver()), p)) < 1e-12


def test_solution_of_a_gradient_is_a_solution(predator_prey):
    kept = {}

    def loss(p):
        sol = kept["sol"] = sl.solve(predator_prey.replace(p=p), sl.Tsit5())
        return sol.u[-1].sum()

    sl.ad.grad(loss, predator_prey.p)
    plain = sl.solve(predator_prey, sl.Tsit5())
    sol = kept["sol"]
    assert sol.success and "Solution(Tsit5()" in repr(sol)
    assert sol.stats.nf == plain.stats.nf and np.array_equal(sol.t, plain.t)
    assert np.array_equal(sl.ad.primal(sol.u), plain.u)
