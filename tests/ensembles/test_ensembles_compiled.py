"""Ensembles in one compiled loop: the same numbers, however they are laid out."""

import _thread
import threading
import time

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend is optional")

LORENZ = sl.zoo.lorenz
RNG = np.random.default_rng(0)
COUNT = 21  # no multiple of the lanes
U0 = np.asarray(LORENZ.u0)[:, None] + RNG.normal(0.0, 1.0, (3, COUNT))
P = LORENZ.p[:, None] * RNG.uniform(0.9, 1.1, (3, COUNT))
MANY = sl.Ensemble(sl.ODEProblem(LORENZ.f, U0[:, 0], (0.0, 1.0), P[:, 0]), u0=U0, p=P)


def test_lanes_are_single_solves_to_rounding():
    """With outputs at the start, inside of steps, twice at the same time, and at the end."""
    times = [0.0, 0.1, 0.1, 0.10001, 0.77, 1.0]
    plain = MANY.solve(sl.Tsit5(), rtol=1e-8, saveat=times)
    for lanes in (1, 8):
        sol = MANY.solve(sl.Tsit5(), rtol=1e-8, saveat=times, backend="numba", lanes=lanes)
        assert sol.success.all() and sol.u.shape == (6, 3, COUNT)
        np.testing.assert_allclose(sol.u, plain.u, rtol=1e-9, atol=1e-9)
        for name in ("naccept", "nreject", "t"):
            assert np.array_equal(sol.stats.lanes[name], plain.stats.lanes[name])
        assert sol.stats.nf == plain.stats.nf
        assert sol[3].stats.nf == plain[3].stats.nf


@pytest.mark.parametrize(
    ("method", "settings"),
    [(sl.DOP853(), {}), (sl.RK4(), {"dt": 0.013}), (sl.Tsit5(), {"dt": 0.01, "adaptive": False})],
)
def test_other_methods(method, settings):
    """Extra stages for dense output, no stage to take over, a fixed step; backward in time."""
    back = sl.ODEProblem(LORENZ.f, U0[:, 0], (1.0, 0.9), P[:, 0])
    ensemble = sl.Ensemble(back, u0=U0[:, :9], p=P[:, :9])
    plain = ensemble.solve(method, saveat=0.014, **settings)
    sol = ensemble.solve(method, saveat=0.014, backend="numba", **settings)
    assert "8 side by side" in sol.message
    np.testing.assert_allclose(sol.u, plain.u, rtol=1e-9, atol=1e-9)
    assert np.array_equal(sol.stats.lanes["naccept"], plain.stats.lanes["naccept"])
    assert sol.stats.nf == plain.stats.nf


@pytest.mark.parametrize("lanes", [1, 8])
def test_threads_change_no_bit(lanes):
    settings = {"saveat": 0.25, "backend": "numba", "lanes": lanes}
    alone = MANY.solve(sl.Tsit5(), **settings)
    for threads in (1, 2, 3, 5):
        sol = MANY.solve(sl.Tsit5(), executor="threads", threads=threads, **settings)
        assert np.array_equal(sol.u, alone.u) and sol.stats.nf == alone.stats.nf
    few = sl.Ensemble(MANY.problem, u0=U0[:, 5:9], p=P[:, 5:9]).solve(sl.Tsit5(), **settings)
    assert np.array_equal(few.u, alone.u[..., 5:9])
    cut = MANY.solve(sl.Tsit5(), executor="threads", **settings)
    spread = MANY.solve(sl.Tsit5(), executor="processes", threads=2, **settings)
    assert np.array_equal(spread.u, cut.u)


def test_shared_parameters_and_shared_states():
    one = sl.ODEProblem(LORENZ.f, U0[:, 0], (0.0, 0.5), P[:, 0])
    shared = sl.Ensemble(one, u0=U0)
    repeated = sl.Ensemble(one, u0=U0, p=np.repeat(P[:, :1], COUNT, axis=1))
    varied = sl.Ensemble(one, lambda prob, i: prob.replace(u0=U0[:, i]), COUNT)
    a, b, c = (e.solve(sl.Tsit5(), backend="numba") for e in (shared, repeated, varied))
    assert np.array_equal(a.u, c.u)
    np.testing.assert_allclose(a.u, b.u, rtol=1e-11)
    same = sl.Ensemble(one, p=P).solve(sl.Tsit5(), backend="numba")
    np.testing.assert_allclose(same.u[0], np.repeat(U0[:, :1], COUNT, axis=1))
    np.testing.assert_allclose(same.u, sl.Ensemble(one, p=P).solve(sl.Tsit5()).u, rtol=1e-9)


def test_no_parameters_and_a_state_with_two_axes():
    prob = sl.ODEProblem(lambda u, p, t: -u * t, np.ones((2, 1)), (0.0, 1.0))
    ensemble = sl.Ensemble(prob, u0=np.arange(1.0, 21.0).reshape(2, 1, 10))
    sol = ensemble.solve(sl.Tsit5(), backend="numba")
    np.testing.assert_allclose(sol.u, ensemble.solve(sl.Tsit5()).u, rtol=1e-12)


def branchy(u, p, t):
    # So smooth where two branches meet that the step sizes do not jump with the last digit.
    x, v = u
    force = -x if x < 0.0 else -x - 0.2 * x**5
    if v > 0.0:
        drag = 0.1 * v**5
    else:
        drag = 0.3 * v**5
    return np.array([v, force - drag + 0.3 * np.sin(t) + 0.1 * np.exp(-(x**2))])


def test_branches_are_taken_lane_by_lane():
    prob = sl.ODEProblem(branchy, [1.0, 0.0], (0.0, 5.0))
    ensemble = sl.Ensemble(prob, u0=RNG.normal(0.0, 1.0, (2, 16)))
    sol = ensemble.solve(sl.Tsit5(), saveat=1.0, backend="numba")
    assert "8 side by side" in sol.message
    np.testing.assert_allclose(sol.u, ensemble.solve(sl.Tsit5(), saveat=1.0).u, rtol=1e-8)


def newton(u, p, t):
    x = 1.0
    while abs(x * x - u[0]) > 1e-12 * u[0]:
        x = 0.5 * (x + u[0] / x)
    return np.array([x - u[0]])


NET = sl.nn.MLP([2, 300, 2])


@pytest.mark.parametrize(
    ("problem", "count", "reason"),
    [
        (sl.ODEProblem(newton, [2.0], (0.0, 1.0)), 9, "`while` loop of f depends on its state"),
        (sl.ODEProblem(lambda u, p, t: NET(u, p), [1.0, 0.0], (0.0, 1.0), NET.init(0)), 9, "512"),
        (sl.ODEProblem(lambda u, p, t: -u, np.ones(300), (0.0, 1.0)), 9, "more than"),
        (sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0)), 3, "fewer than 8"),
    ],
)
def test_one_lane_where_several_do_not_pay(problem, count, reason):
    u0 = np.asarray(problem.u0)[:, None] * np.linspace(1.0, 2.0, count)
    ensemble = sl.Ensemble(problem, u0=u0)
    sol = ensemble.solve(sl.Tsit5(), backend="numba")
    assert "one after the other, as" in sol.message and reason in sol.message
    np.testing.assert_allclose(sol.u, ensemble.solve(sl.Tsit5()).u, rtol=1e-9, atol=1e-12)


def explosion(u, p, t):
    return np.array([p[0] * u[0] ** 2])


@pytest.mark.parametrize("lanes", [1, 8])
def test_failures_stay_in_their_lane(lanes):
    p = np.array([[0.1, 1.0, 0.2, 0.3, 2.0, 0.1, 0.0, 0.1, 1.5, 0.2]])
    ensemble = sl.Ensemble(sl.ODEProblem(explosion, [1.0], (0.0, 2.0), [1.0]), p=p)
    plain = ensemble.solve(sl.Tsit5(), saveat=[0.25, 2.0])
    sol = ensemble.solve(sl.Tsit5(), saveat=[0.25, 2.0], backend="numba", lanes=lanes)
    assert np.array_equal(sol.success, p[0] < 0.5) and np.array_equal(sol.success, plain.success)
    np.testing.assert_allclose(sol.u, plain.u, rtol=1e-8)
    assert "7 of 10 trajectories" in sol.message and "trajectory 1 failed: finite-" in sol.message
    assert not sol[4].success and sol[4].t.tolist() == [0.25]
    np.testing.assert_allclose(sol.stats.lanes["t"], plain.stats.lanes["t"], rtol=1e-6)
    few = ensemble.solve(sl.Tsit5(), max_steps=3, backend="numba", lanes=lanes)
    assert not few.success[0] and "max_steps" in few.message
    assert (few.stats.lanes["naccept"] + few.stats.lanes["nreject"]).max() == 3


def test_states_that_are_not_finite():
    root = sl.ODEProblem(lambda u, p, t: -np.sqrt(u), [1.0], (0.0, 1.0))
    u0 = np.array([[1.0, -1.0, 4.0, 9.0, 2.0, 3.0, 5.0, 6.0]])
    sol = sl.Ensemble(root, u0=u0).solve(sl.Tsit5(), backend="numba", lanes=8)
    assert np.array_equal(sol.success, u0[0] > 0) and np.isnan(sol.u[-1, 0, 1])
    assert sol.u[0, 0, 1] == -1.0


def oscillator(u, p, t):
    return np.array([u[1], -u[0] * p[0]])


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_an_interruption_keeps_what_is_finished(executor):
    prob = sl.ODEProblem(oscillator, [1.0, 0.0], (0.0, 100.0), [1.0])
    p = np.full((1, 40), 1.0)
    p[0, 20:] = 1e12  # these take a hundred million steps
    ensemble = sl.Ensemble(prob, p=p)
    settings = {"backend": "numba", "max_steps": 10**9, "executor": executor}
    ensemble.solve(sl.Tsit5(), backend="numba", max_steps=2)  # compile
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(sl.SolveInterrupted) as caught:
        ensemble.solve(sl.Tsit5(), **settings)
    assert time.perf_counter() - began < 20.0
    sol = caught.value.solution
    assert sol.success[:16].all() and not sol.success[20:].any()
    assert sol.message.startswith("interrupted")


def test_progress_counts_trajectories(monkeypatch):
    import tqdm.auto

    seen = []

    class Bar:
        n = 0

        def __init__(self, total, **words):
            seen.append(total)

        def update(self, by):
            self.n += by
            seen.append(self.n)

        def close(self):
            seen.append("closed")

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    MANY.solve(sl.Tsit5(), backend="numba", executor="threads", progress=True)
    assert seen[0] == COUNT and seen[-2:] == [COUNT, "closed"]


class Own(sl.PIController):
    def decide(self, error, k, memory):
        return super().decide(error, k, memory)


def other(u, p, t):
    return -u


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MANY.solve(sl.Tsit5(), backend="numba", controller=Own()), "laws of its own"),
        (
            lambda: sl.Ensemble(MANY.problem, lambda prob, i: prob.replace(f=other), 2).solve(
                sl.Tsit5(), backend="numba"
            ),
            "vary changed f",
        ),
        (
            lambda: sl.Ensemble(
                sl.ODEProblem(other, [1j], (0.0, 1.0)), lambda prob, i: prob, 2
            ).solve(sl.Tsit5(), backend="numba"),
            "real numbers",
        ),
        (
            lambda: sl.Ensemble(
                sl.ODEProblem(other, [1.0], (0.0, 1.0), [1.0]),
                lambda prob, i: prob.replace(p=np.ones(i + 1)),
                2,
            ).solve(sl.Tsit5(), backend="numba"),
            "length of p",
        ),
    ],
)
def test_a_mistake_gets_a_sentence(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()
