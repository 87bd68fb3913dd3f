"""`solve` and `steps`: outputs, options, cost, interruption, and what they leave behind."""

import signal

import numpy as np
import pytest

import sciml_lab as sl

ADAPTIVE = [cls() for cls in sl.METHODS.values() if cls().adaptive]


def oscillator(u, p, t):
    return np.array([u[1], -u[0]])


def problem(end=5.0, **options):
    return sl.ODEProblem(oscillator, [1.0, 0.0], (0.0, end), **options)


def exact(t):
    return np.stack([np.cos(t), -np.sin(t)], axis=-1)


# output times


def test_every_accepted_step_is_saved():
    sol = sl.solve(problem(), sl.Tsit5())
    assert len(sol.t) == sol.stats.naccept + 1
    assert (sol.t[0], sol.t[-1]) == (0.0, 5.0)
    assert sol.u.shape == (len(sol.t), 2)
    assert np.all(np.diff(sol.t) > 0)


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_saveat_takes_no_extra_steps_and_keeps_accuracy(method):
    times = np.array([0.0, 0.1, 0.1, 2.5, 4.999, 5.0])
    sol = sl.solve(problem(), method, rtol=1e-7, atol=1e-7, saveat=times)
    free = sl.solve(problem(), method, rtol=1e-7, atol=1e-7)
    assert sol.t.tolist() == times.tolist()
    assert np.max(np.abs(sol.u - exact(times))) < 1e-4
    assert sol.stats.nsteps == free.stats.nsteps


@pytest.mark.parametrize(
    ("spacing", "times"),
    [(2.0, [0.0, 2.0, 4.0, 5.0]), (2.5, [0.0, 2.5, 5.0]), (1, [0, 1, 2, 3, 4, 5]), (9.0, [0, 5])],
)
def test_saveat_as_a_spacing(spacing, times):
    assert sl.solve(problem(), saveat=spacing).t.tolist() == times


def test_a_spacing_that_does_not_divide_evenly_in_binary():
    t = sl.solve(problem(1.0), saveat=0.1).t
    assert len(t) == 11
    assert t[-1] == 1.0


def test_backward_in_time():
    sol = sl.solve(sl.ODEProblem(oscillator, exact(5.0), (5.0, 0.0)), sl.DP5(), rtol=1e-9)
    assert sol.t[0] == 5.0
    assert np.all(np.diff(sol.t) < 0)
    assert np.allclose(sol.u[-1], [1.0, 0.0], atol=1e-7)
    assert np.allclose(sol(2.0), exact(2.0), atol=1e-6)
    saved = sl.solve(sl.ODEProblem(oscillator, exact(5.0), (5.0, 0.0)), saveat=2.0)
    assert saved.t.tolist() == [5.0, 3.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="decreasing"):
        sl.solve(sl.ODEProblem(oscillator, [1.0, 0.0], (5.0, 0.0)), saveat=[1.0, 2.0])


def test_dense_output_of_one_and_of_many_times():
    sol = sl.solve(problem(), sl.Vern9(), rtol=1e-10, atol=1e-12)
    assert sol(1.0).shape == (2,)
    assert sol(np.array([1.0, 2.0])).shape == (2, 2)
    assert np.array_equal(sol(0.0), sol.u[0])
    assert np.allclose(sol(sol.t), sol.u, rtol=0, atol=1e-10)
    assert np.allclose(sol(np.linspace(0, 5, 57)), exact(np.linspace(0, 5, 57)), atol=1e-8)


def test_extra_stages_are_evaluated_only_where_asked_for():
    sol = sl.solve(problem(), sl.Vern7())
    before = sol.stats.nf
    run = sol.record.run
    assert run.f.count == before
    sol(1.0), sol(1.0)
    assert run.f.count == before + 6


# shapes of the state


@pytest.mark.parametrize("shape", [(), (1,), (3, 2), (2, 2, 2)])
def test_states_of_any_shape(shape):
    prob = sl.ODEProblem(lambda u, p, t: -u, np.ones(shape), (0.0, 1.0))
    for method in (sl.Tsit5(), sl.DOP853()):
        sol = sl.solve(prob, method, rtol=1e-8, saveat=[0.5, 1.0])
        assert sol.u.shape == (2, *shape)
        assert np.allclose(sol.u[1], np.exp(-1.0), rtol=1e-6)


def test_one_tolerance_for_each_component():
    loose = sl.solve(problem(), rtol=1e-3, atol=1e-3).stats.nsteps
    mixed = sl.solve(problem(), rtol=[1e-3, 1e-9], atol=[1e-3, 1e-9]).stats.nsteps
    assert mixed > 2 * loose


# cost


def test_first_same_as_last_saves_one_evaluation_a_step():
    sol = sl.solve(problem(), sl.Tsit5())
    # f at the start, one more to guess the first step, then six a step, accepted or not.
    assert sol.stats.nf == 2 + 6 * sol.stats.nsteps


@pytest.mark.parametrize("method", ADAPTIVE, ids=repr)
def test_evaluations_are_counted_exactly(method):
    calls = 0

    def f(u, p, t):
        nonlocal calls
        calls += 1
        return np.array([u[1], 5 * (1 - u[0] ** 2) * u[1] - u[0]])

    prob = sl.ODEProblem(f, [2.0, 0.0], (0.0, 20.0))
    sol = sl.solve(prob, method, rtol=1e-5, atol=1e-5, dense=False)
    # f at the start, once more to guess the first step, and all stages but the first of each step;
    # that one is known: from the step before (first same as last), or from the rejected attempt.
    expected = 2 + (method.tableau.stages - 1) * sol.stats.nsteps
    if not method.tableau.fsal:
        expected += sol.stats.naccept - 1
    assert calls == sol.stats.nf == expected
    assert sol.stats.nsteps == sol.stats.naccept + sol.stats.nreject


def test_fixed_steps_cost_what_they_should():
    sol = sl.solve(problem(1.0), sl.RK4(), dt=0.1)
    assert (sol.stats.nf, sol.stats.nsteps, sol.stats.nreject) == (40, 10, 0)
    assert sol.t.tolist() == pytest.approx([0.1 * i for i in range(11)])


def test_a_fixed_step_that_does_not_fit_ends_exactly_at_the_end():
    sol = sl.solve(problem(1.0), sl.RK4(), dt=0.3)
    assert np.allclose(np.diff(sol.t), [0.3, 0.3, 0.3, 0.1])
    assert sol.t[-1] == 1.0


# methods and controllers


@pytest.mark.parametrize(
    ("rtol", "name"), [(1e-3, "Tsit5"), (1e-8, "Tsit5"), (1e-9, "Vern7"), (1e-12, "Vern9")]
)
def test_the_method_is_chosen_by_tolerance(rtol, name):
    assert sl.solve(problem(), rtol=rtol).method.name == name


def test_methods_of_the_user():
    tab = sl.Tableau(
        name="Kutta's third",
        A=[[0, 0, 0], [0.5, 0, 0], [-1, 2, 0]],
        b=[1 / 6, 2 / 3, 1 / 6],
        b_error=[1 / 6, -1 / 3, 1 / 6],
    )
    method = sl.ExplicitRK(tab)
    assert (method.order, method.tableau.embedded_order, method.adaptive) == (3, 2, True)
    sol = sl.solve(problem(), method, rtol=1e-6, atol=1e-6)
    assert np.allclose(sol.u[-1], exact(5.0), atol=1e-4)
    assert np.allclose(sol(2.2), exact(2.2), atol=1e-4)
    assert "Kutta" in repr(sol)


@pytest.mark.parametrize(
    "controller", [sl.IController(), sl.PIController(), sl.PIDController()], ids=lambda c: c.name
)
def test_controllers_hold_the_tolerance(controller):
    sol = sl.solve(problem(20.0), sl.DP5(), rtol=1e-7, atol=1e-7, controller=controller)
    assert np.max(np.abs(sol.u - exact(sol.t))) < 1e-5
    assert sol.stats.nreject < 0.1 * sol.stats.nsteps


def test_a_controller_of_the_user():
    class Halving:
        name = "halving"

        def start(self):
            return ()

        def decide(self, error, k, memory):
            return error <= 1, 1.0 if error <= 1 else 0.5, ()

    sol = sl.solve(problem(), sl.Tsit5(), controller=Halving(), rtol=1e-5)
    assert sol.success
    reasons = [r.reason for r in sl.steps(problem(), sl.Tsit5(), controller=Halving())]
    assert all("halving control" in reason for reason in reasons)


def test_pi_control_is_smoother_at_the_stability_limit():
    """The textbook controller bounces off the limit and rejects; PI settles."""
    prob = sl.ODEProblem(lambda u, p, t: -2000 * (u - np.cos(t)), [1.0], (0.0, 1.0))
    plain = sl.solve(prob, sl.DP5(), controller=sl.IController(), rtol=1e-4, atol=1e-4)
    smooth = sl.solve(prob, sl.DP5(), rtol=1e-4, atol=1e-4)
    assert smooth.stats.nreject < 0.5 * plain.stats.nreject


def test_the_batched_controller_is_the_single_one_lane_by_lane():
    rng = np.random.default_rng(1)
    errors = 10.0 ** rng.uniform(-6, 3, size=(8, 5))
    errors[2, 3] = np.nan
    for controller in (sl.IController(), sl.PIController(), sl.PIDController()):
        memory, memories = controller.start(), [controller.start() for _ in range(5)]
        for row in errors:
            batch = controller.decide(row, 5, memory)
            memory = batch.memory
            for lane in range(5):
                one = controller.decide(row[lane], 5, memories[lane])
                memories[lane] = one.memory
                assert batch.accept[lane] == one.accept
                assert batch.factor[lane] == pytest.approx(one.factor, rel=1e-14)


# batches


def test_a_batch_equals_single_runs():
    def f(u, p, t):
        x, y = u
        return np.array([p[0] * x - x * y, -3 * y + p[1] * x * y])

    u0 = np.array([[1.0, 2.0, 0.5, 1.5], [1.0, 1.0, 3.0, 0.2]])
    p = np.array([[1.5, 1.2, 2.0, 0.5], [1.0, 1.0, 0.7, 1.3]])
    times = np.linspace(0.0, 6.0, 13)
    options = {"rtol": 1e-8, "atol": 1e-10, "saveat": times}
    for method in (sl.Tsit5(), sl.Vern7()):
        batch = sl.solve(sl.ODEProblem(f, u0, (0.0, 6.0), p, batch=True), method, **options)
        assert batch.u.shape == (13, 2, 4)
        for lane in range(4):
            one = sl.ODEProblem(f, u0[:, lane], (0.0, 6.0), p[:, lane])
            single = sl.solve(one, method, **options)
            assert batch.stats.lanes["naccept"][lane] == single.stats.naccept
            assert batch.stats.lanes["nreject"][lane] == single.stats.nreject
            assert np.allclose(batch.u[..., lane], single.u, rtol=1e-11, atol=1e-12)
            assert np.allclose(batch(2.345)[:, lane], single(2.345), rtol=1e-10, atol=1e-11)


def test_each_trajectory_has_its_own_step_size():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([u[1], -(p**2) * u[0]]),
        np.array([[1.0, 1.0], [0.0, 0.0]]),
        (0.0, 10.0),
        np.array([[1.0, 20.0]]),
        batch=True,
    ).replace(f=lambda u, p, t: np.array([u[1], -(p[0] ** 2) * u[0]]))
    slow, fast = sl.solve(prob, sl.Tsit5()).stats.lanes["naccept"]
    assert fast > 8 * slow


def test_batches_of_fixed_steps_and_backward():
    u0 = np.array([[1.0, 2.0], [0.0, 0.0]])
    prob = sl.ODEProblem(oscillator, u0, (0.0, -2.0), batch=True)
    sol = sl.solve(prob, sl.RK4(), dt=0.01)
    assert np.allclose(sol.u[-1], exact(-2.0)[:, None] * [1.0, 2.0], atol=1e-8)


# stepping, callbacks, interruption


def test_steps_show_everything():
    records = list(sl.steps(problem(), sl.DP5(), rtol=1e-8, dt=2.0))
    assert not records[0].accepted
    assert "rejected" in records[0].reason
    assert [r.index for r in records] == list(range(len(records)))
    accepted = [r for r in records if r.accepted]
    assert accepted[-1].t_new == 5.0
    for r in accepted:
        assert r.error_norm <= 1
        assert r.t_new == r.t + r.h
        assert len(r.stages) == len(r.stage_points) == len(r.stage_times) == 7
        for k, v, t in zip(r.stages, r.stage_points, r.stage_times, strict=True):
            assert np.allclose(k, oscillator(v, None, t), rtol=0, atol=1e-15)
        assert np.allclose(r(r.t + r.h / 2), exact(r.t + r.h / 2), atol=1e-6)
    assert "accepted" in repr(accepted[0])


def test_steps_are_lazy():
    calls = []
    prob = sl.ODEProblem(lambda u, p, t: calls.append(t) or -u, [1.0], (0.0, 1.0))
    iterator = sl.steps(prob, sl.RK4(), dt=0.25)
    assert not calls
    next(iterator)
    assert len(calls) == 4


def test_callbacks_see_accepted_steps_and_may_stop():
    seen = []
    sol = sl.solve(problem(), callbacks=[lambda r: seen.append(r.t_new), lambda r: r.t_new > 2])
    assert seen == sol.t[1:].tolist()
    assert sol.success
    assert 2 < sol.t[-1] < 5
    assert "stopped by a callback" in sol.message


def test_interruption_keeps_what_was_computed():
    def f(u, p, t):
        if t > 2:
            signal.raise_signal(signal.SIGINT)  # what Ctrl-C does
        return oscillator(u, p, t)

    prob = sl.ODEProblem(f, [1.0, 0.0], (0.0, 5.0))
    with pytest.raises(sl.SolveInterrupted, match=r"interrupted at t = 1\.") as caught:
        sl.solve(prob, sl.Tsit5())
    sol = caught.value.solution
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not sol.success
    assert sol.problem is prob
    assert 1 < sol.t[-1] <= 2
    assert np.allclose(sol.u[-1], exact(sol.t[-1]), atol=1e-4)
    assert np.allclose(sol(0.9), exact(0.9), atol=1e-4)


def test_progress_bar_reaches_the_end(capsys):
    pytest.importorskip("tqdm")
    sol = sl.solve(problem(), sl.Tsit5(), progress=True)
    assert sol.success
    shown = capsys.readouterr()
    assert "Tsit5" in shown.err + shown.out
    assert "100%" in shown.err + shown.out


# what comes back


def test_the_solution_says_how_it_went():
    sol = sl.solve(problem(), sl.Tsit5(), seed=0)
    assert sol.success
    assert sol.diagnosis is None
    counts = f"{sol.stats.naccept} accepted and {sol.stats.nreject} rejected steps"
    assert sol.message == f"reached t = 5 in {counts}"
    assert repr(sol).startswith("Solution(Tsit5(), success: ")
    assert sol.stats.seconds > 0
    assert sol.problem.tspan == (0.0, 5.0)


def test_problems_are_left_as_they_were():
    u0 = np.array([1.0, 0.0])
    prob = sl.ODEProblem(oscillator, u0, (0.0, 1.0))
    sl.solve(prob)
    assert u0.tolist() == prob.u0.tolist() == [1.0, 0.0]


def test_tiny_and_shifted_time_intervals():
    for start, width in [(0.0, 1e-12), (1e6, 1e-3), (-3.0, 1e-9), (1e-300, 1e-300)]:
        prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (start, start + width))
        sol = sl.solve(prob)
        assert sol.success, (start, width, sol.message)
        assert sol.t[-1] == start + width


def test_zero_slope_reaches_the_end():
    sol = sl.solve(sl.ODEProblem(lambda u, p, t: 0 * u, [0.0, 3.0], (0.0, 1e6)))
    assert sol.success
    assert sol.stats.nsteps < 60
    assert sol.u[-1].tolist() == [0.0, 3.0]


def test_warnings_of_numpy_are_off_in_f_and_on_in_callbacks():
    seen = []

    def f(u, p, t):
        return u + np.nan_to_num(np.log(-np.ones(1)))

    def callback(record):
        seen.append(np.geterr()["invalid"])

    prob = sl.ODEProblem(f, [1.0], (0.0, 1.0))
    with np.errstate(invalid="raise"):
        assert sl.solve(prob, sl.Tsit5(), callbacks=callback).success
        for _ in sl.steps(prob, sl.Tsit5()):
            seen.append(np.geterr()["invalid"])
    assert set(seen) == {"raise"}
