"""Ensembles with the readable solvers: what varies, who solves, what comes back."""

import _thread
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.ensembles import executors

DECAY = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [1.0])


def lotka_volterra(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


PREY = sl.ODEProblem(lotka_volterra, [1.0, 1.0], (0.0, 3.0), [1.5, 1.0, 3.0, 1.0])


def vary_both(prob, i, rng):
    return prob.replace(u0=rng.uniform(0.5, 2.0, 2), p=prob.p * rng.uniform(0.9, 1.1, 4))


def test_trajectories_are_those_of_single_solves():
    ensemble = sl.Ensemble(PREY, vary_both, 4, seed=3)
    sol = ensemble.solve(sl.Tsit5(), rtol=1e-7, saveat=[0.0, 1.0, 3.0])
    assert sol.t.tolist() == [0.0, 1.0, 3.0] and sol.u.shape == (3, 2, 4) and len(sol) == 4
    nf = 0
    for i, one in enumerate(sol):
        alone = sl.solve(ensemble[i], sl.Tsit5(), rtol=1e-7, saveat=[0.0, 1.0, 3.0])
        assert np.array_equal(one.u, alone.u) and np.array_equal(sol.u[..., i], alone.u)
        assert one.success and one.stats.nf == alone.stats.nf
        assert np.array_equal(one.problem.u0, alone.problem.u0)
        nf += alone.stats.nf
    assert sol.stats.nf == nf and sol.stats.nsteps == sol.stats.naccept + sol.stats.nreject
    assert sol.stats.lanes["t"].tolist() == [3.0] * 4 and sol.success.all()
    assert sol.message.startswith("4 of 4 trajectories reached t = 3")


def test_the_state_may_have_any_shape_and_time_may_run_backward():
    prob = sl.ODEProblem(lambda u, p, t: -u, np.ones((2, 3)), (1.0, 0.0))
    sol = sl.Ensemble(prob, u0=np.arange(24.0).reshape(2, 3, 4)).solve(sl.DOP853())
    assert sol.u.shape == (2, 2, 3, 4)
    np.testing.assert_allclose(sol.u[-1], np.arange(24.0).reshape(2, 3, 4) * np.e, rtol=1e-5)


def test_draws_depend_on_seed_and_number_alone():
    def states(ensemble, order):
        return [ensemble[i].u0.tolist() for i in order]

    def another(n, seed):
        return sl.Ensemble(PREY, vary_both, n, seed=seed)

    forward = states(another(5, 7), range(5))
    assert states(another(9, 7), [4, 3, 2, 1, 0]) == forward[::-1]
    assert states(another(5, 8), range(5)) != forward
    assert len({tuple(u0) for u0 in forward}) == 5
    unseeded = another(5, None)
    assert states(unseeded, range(5)) == states(unseeded, range(5))
    assert states(unseeded, range(5)) != states(another(5, None), range(5))
    first, second = (np.random.default_rng(1) for _ in range(2))
    assert states(another(2, first), [0, 1]) == states(another(2, second), [0, 1])
    assert states(another(2, first), [0, 1]) != states(another(2, np.random.default_rng(1)), [0, 1])


def test_two_arguments_and_arrays():
    by_function = sl.Ensemble(DECAY, lambda prob, i: prob.replace(p=[1.0 + i]), 3)
    by_array = sl.Ensemble(DECAY, p=[[1.0, 2.0, 3.0]])
    a, b = (e.solve(sl.BS3(), saveat=0.5) for e in (by_function, by_array))
    assert np.array_equal(a.u, b.u) and a.u.shape == (3, 1, 3)
    both = sl.Ensemble(DECAY, u0=[[1.0, 2.0]], p=[[1.0, 2.0]])
    assert len(both) == 2 and both[-1].u0.tolist() == [2.0] and both[1].p.tolist() == [2.0]
    assert "2 trajectories" in repr(both)


class Client:
    """Like dask's: only `submit`, and futures of its own."""

    def __init__(self):
        self.calls = 0

    def submit(self, function, *arguments):
        self.calls += 1
        future = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


def test_every_executor_gives_the_same_numbers():
    ensemble = sl.Ensemble(PREY, vary_both, 7, seed=1)
    serial = ensemble.solve(sl.Tsit5(), saveat=1.0)
    client = Client()
    with ThreadPoolExecutor(2) as pool:
        for settings in ({"executor": "threads", "threads": 3}, {"executor": pool},
                         {"executor": client, "chunk": 3}):  # fmt: skip
            sol = ensemble.solve(sl.Tsit5(), saveat=1.0, **settings)
            assert np.array_equal(sol.u, serial.u) and sol.stats.nf == serial.stats.nf
        assert pool.submit(int).result() == 0  # is left open
    assert client.calls == 3


def test_processes_get_functions_of_a_module():
    """`zoo.lotka_volterra.f` stands in a module; that of this test file can't be imported."""
    entry = sl.zoo.lotka_volterra
    prob = sl.ODEProblem(entry.f, entry.u0, (0.0, 1.0), entry.p)
    ensemble = sl.Ensemble(prob, u0=np.array([[1.0, 2.0, 1.5], [1.0, 1.0, 2.0]]))
    sol = ensemble.solve(sl.Tsit5(), executor="processes", threads=2)
    assert np.array_equal(sol.u, ensemble.solve(sl.Tsit5()).u)


@pytest.mark.parametrize("make", [lambda: "processes", ProcessPoolExecutor])
def test_what_cannot_be_pickled_is_named(make):
    with pytest.raises(TypeError, match="f can't be sent to another process.*'threads'"):
        sl.Ensemble(DECAY, p=[[1.0]]).solve(sl.Tsit5(), executor=make())
    entry = sl.zoo.lotka_volterra
    prob = sl.ODEProblem(entry.f, entry.u0, (0.0, 1.0), entry.p)
    with pytest.raises(TypeError, match="vary can't be sent"):
        sl.Ensemble(prob, lambda prob, i: prob, 3).solve(sl.Tsit5(), executor=make())


def test_a_failed_trajectory_leaves_the_others():
    explosion = sl.ODEProblem(lambda u, p, t: p[0] * u**2, [1.0], (0.0, 2.0), [1.0])
    ensemble = sl.Ensemble(explosion, p=[[0.1, 1.0, 0.2]])
    sol = ensemble.solve(sl.Tsit5(), saveat=[0.5, 2.0])
    assert sol.success.tolist() == [True, False, True]
    assert (
        "2 of 3 trajectories" in sol.message and "trajectory 1 failed: finite-time" in sol.message
    )
    np.testing.assert_allclose(sol.u[-1, 0, [0, 2]], [1 / 0.8, 1 / 0.6], rtol=1e-5)
    assert np.isnan(sol.u[-1, 0, 1]) and abs(sol.u[0, 0, 1] - 2.0) < 1e-5
    one = sol[1]
    assert not one.success and one.t.tolist() == [0.5] and "blow-up" in one.message
    assert 0.99 < sol.stats.lanes["t"][1] < 1.01
    np.testing.assert_allclose(sol.mean()[1, 0], np.mean([1 / 0.8, 1 / 0.6]), rtol=1e-5)


def test_mean_and_quantiles():
    sol = sl.Ensemble(DECAY, u0=[[1.0, 2.0, 3.0, 4.0, 5.0]]).solve(sl.Tsit5(), saveat=0.5)
    assert np.array_equal(sol.mean(), np.mean(sol.u, axis=-1))
    assert np.array_equal(sol.quantile(0.5), np.median(sol.u, axis=-1))
    assert np.array_equal(sol.quantile([0.1, 0.9]), np.quantile(sol.u, [0.1, 0.9], axis=-1))


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_an_error_names_the_trajectory(executor):
    def vary(prob, i):
        if i == 3:
            raise ZeroDivisionError("by hand")
        return prob

    def f(u, p, t):
        if p[0] == 2.0:
            raise ZeroDivisionError("by hand")
        return -u

    with pytest.raises(ZeroDivisionError) as caught:
        sl.Ensemble(DECAY, vary, 5).solve(sl.Tsit5(), executor=executor)
    assert "vary, called for trajectory 3" in caught.value.__notes__[0]
    with pytest.raises(ZeroDivisionError) as caught:
        sl.Ensemble(DECAY.replace(f=f), p=[[0.0, 1.0, 2.0]]).solve(sl.Tsit5(), executor=executor)
    assert "while trajectory 2 of the ensemble" in caught.value.__notes__[0]


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_an_interruption_keeps_what_is_finished(executor):
    """Ctrl-C, sent to the main thread while trajectory 4 is under way."""
    started = threading.Event()

    def f(u, p, t):
        if p[0] == 4.0 and not started.is_set():
            started.set()
            _thread.interrupt_main()
            time.sleep(0.5)  # long enough for the main thread, however busy the machine is
        return -u

    ensemble = sl.Ensemble(DECAY.replace(f=f), p=np.arange(12.0)[None])
    with pytest.raises(sl.SolveInterrupted) as caught:
        ensemble.solve(sl.Tsit5(), executor=executor, threads=1, chunk=4)
        time.sleep(1.0)  # for the signal, if the solve should ever outrun it
    sol = caught.value.solution
    assert sol.success[:4].all() and not sol.success[-1]
    assert sol.message.startswith("interrupted") and not np.isnan(sol.u[:, :, :4]).any()


def test_progress(monkeypatch):
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
    sl.Ensemble(DECAY, u0=np.ones((1, 3))).solve(sl.RK4(), dt=0.5, progress=True)
    assert seen == [3, 1, 2, 3, "closed"]


def plain(prob, i):
    return prob


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sl.Ensemble(None, plain, 3), "ODEProblem"),
        (lambda: sl.Ensemble(DECAY), "vary is missing"),
        (lambda: sl.Ensemble(DECAY, 3, plain), "vary must be a function"),
        (lambda: sl.Ensemble(DECAY, lambda: None, 3), "vary must be a function"),
        (lambda: sl.Ensemble(DECAY, plain), "n, the number"),
        (lambda: sl.Ensemble(DECAY, plain, 0), "n, the number"),
        (lambda: sl.Ensemble(DECAY, plain, 3, seed="a"), "seed"),
        (lambda: sl.Ensemble(DECAY, plain, 3, p=[[1.0]]), "function or by arrays"),
        (lambda: sl.Ensemble(DECAY, n=2, p=[[1.0, 2.0, 3.0]]), "n = 2"),
        (lambda: sl.Ensemble(DECAY, p=[1.0, 2.0]), r"shape \(2,\).*\(1, 'N'\)"),
        (lambda: sl.Ensemble(DECAY, u0="many"), "u0 must be an array of numbers"),
        (lambda: sl.Ensemble(DECAY, u0=[[1.0, np.nan]]), "trajectory 1"),
        (lambda: sl.Ensemble(DECAY, u0=np.ones((1, 2)), p=np.ones((1, 3))), "same number"),
        (
            lambda: sl.Ensemble(
                sl.ODEProblem(DECAY.f, np.ones((1, 2)), (0.0, 1.0), [1.0], batch=True), plain, 2
            ),
            "batch already",
        ),
        (lambda: sl.Ensemble(DECAY, lambda prob, i: None, 2).solve(), "vary returned NoneType"),
        (
            lambda: sl.Ensemble(DECAY, lambda prob, i: prob.replace(tspan=(0, 2)), 2).solve(),
            "vary changed tspan",
        ),
        (
            lambda: sl.Ensemble(DECAY, lambda prob, i: prob.replace(u0=[1, 2]), 2).solve(),
            "vary changed the shape of u0",
        ),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(executor="cloud"), "executor must be"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(executor=ThreadPoolExecutor), "executor must"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(threads=0), "threads must be"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(chunk=1.5), "chunk must be"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(lanes=3), "lanes must be"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(progress=1), "progress must be"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(sl.RK4()), "dt is required"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve(saveat=[2.0]), "outside tspan"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve().__getitem__(0.5), "number of a trajectory"),
        (lambda: sl.Ensemble(DECAY, plain, 2).solve()[2], "there are 2"),
        (lambda: sl.Ensemble(DECAY, plain, 2)[2], "there are 2"),
    ],
)
def test_a_mistake_gets_a_sentence(make, words):
    with pytest.raises((TypeError, ValueError, IndexError), match=words):
        make()


def test_parts_cover_everything():
    for count in (1, 7, 64, 1000):
        for chunk in (None, 1, 3, 5000):
            cuts = executors.bounds(count, chunk, 3)
            assert [i for a, b in cuts for i in range(a, b)] == list(range(count))
