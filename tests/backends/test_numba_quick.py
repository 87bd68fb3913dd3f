"""The short ways: a plain solve without ceremony, and one that is prepared for many calls."""

import pickle
import threading

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.rhs import RightHandSide

pytest.importorskip("numba", reason="the compiled backend needs Numba")


def pendulum(u, p, t):
    return np.array([u[1], -p[0] * np.sin(u[0])])


PENDULUM = sl.ODEProblem(pendulum, [1.0, 0.0], (0.0, 5.0), [9.81])
TIMES = np.linspace(0.0, 5.0, 11)


def careful(problem=PENDULUM, **options):
    """A solve that takes the careful way, because of the seed."""
    return sl.solve(problem, sl.Tsit5(), backend="numba", seed=0, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dense": False},
        {"saveat": TIMES},
        {"saveat": [0.0, 5.0], "rtol": 1e-9, "atol": 1e-11},
        {"rtol": 1e-12, "atol": 1e-12},
        {"rtol": 1e-12, "atol": 1e-12, "saveat": TIMES, "dense": False},
        {"max_steps": 7},
        {"saveat": tuple(TIMES)},
        {"saveat": 0.7},
        {"saveat": [0, 2, 5], "dense": False},
        {"saveat": np.arange(5)},
        {"rtol": np.float64(1e-9), "atol": 1e-12},
    ],
    ids=str,
)
def test_the_short_way_gives_the_same_to_the_last_digit(options):
    sl.solve(PENDULUM, sl.Tsit5(), backend="numba")  # from now on the short way is open
    slow = careful(**options)
    for quick in (sl.solve(PENDULUM, sl.Tsit5(), backend="numba", **options) for _ in range(3)):
        np.testing.assert_array_equal(quick.t, slow.t)
        np.testing.assert_array_equal(quick.u, slow.u)
        assert (quick.success, quick.message) == (slow.success, slow.message)
        assert quick.stats.nf == slow.stats.nf and quick.stats.nsteps == slow.stats.nsteps
        if options.get("dense", True):
            inside = slow.t[-1] * np.array([0.1, 0.77])
            np.testing.assert_array_equal(quick(inside), slow(inside))


def test_a_solve_backward_in_time_and_without_a_method():
    backward = PENDULUM.replace(tspan=(5.0, 0.0))
    for options in ({}, {"saveat": [4.0, 1.0]}, {"saveat": 1.5}, {"rtol": 1e-9}):
        slow = sl.solve(backward, backend="numba", seed=0, **options)
        for quick in (sl.solve(backward, backend="numba", **options) for _ in range(3)):
            np.testing.assert_array_equal(quick.t, slow.t)
            np.testing.assert_array_equal(quick.u, slow.u)
            assert quick.method == slow.method and quick.message == slow.message


def test_what_has_changed_since_the_last_solve_is_seen():
    saveat, strength = [1.0, 2.0], {"g": 9.81}

    def swing(u, p, t):
        return np.array([u[1], -strength["g"] * p[0] * np.sin(u[0])])

    problem = sl.ODEProblem(swing, [1.0, 0.0], (0.0, 5.0), [1.0])
    for change in (
        lambda: saveat.__setitem__(1, 3.0), lambda: saveat.append(4.5),
        lambda: strength.update(g=1.62), lambda: None,
    ):  # fmt: skip
        for changed in (problem, problem.replace(u0=[0.5, 0.1]), problem.replace(p=[2.0])):
            wanted = sl.solve(changed, sl.Tsit5(), saveat=saveat)
            for _ in range(2):
                got = sl.solve(changed, sl.Tsit5(), saveat=saveat, backend="numba")
                np.testing.assert_array_equal(got.t, wanted.t)
                np.testing.assert_allclose(got.u, wanted.u, rtol=1e-10, atol=1e-12)
        change()


GRAVITY = 9.81


def swing(u, p, t):
    return np.array([u[1], -GRAVITY * p[0] * np.sin(max(u[0], -9.0))])


def test_another_meaning_of_a_name_outside_is_seen(monkeypatch):
    problem = sl.ODEProblem(swing, [1.0, 0.0], (0.0, 5.0), [1.0])

    def as_in_python():
        wanted = sl.solve(problem, sl.Tsit5(), saveat=TIMES).u
        for _ in range(3):
            got = sl.solve(problem, sl.Tsit5(), saveat=TIMES, backend="numba").u
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)
        return wanted

    before = as_in_python()
    monkeypatch.setitem(globals(), "GRAVITY", 1.62)
    on_the_moon = as_in_python()
    monkeypatch.setitem(globals(), "max", min)  # it was the one of Python
    backwards = as_in_python()
    assert not np.allclose(before, on_the_moon) and not np.allclose(backwards, on_the_moon)


def test_many_kinds_of_solves_in_turns():
    """More than are kept ready, with more memory than is kept."""
    spans = [(0.0, 1.0 + 0.1 * i) for i in range(40)]
    for _ in range(2):
        for span in spans:
            problem = PENDULUM.replace(tspan=span)
            got = sl.solve(problem, sl.Tsit5(), saveat=0.05, backend="numba")
            np.testing.assert_array_equal(got.u, careful(problem, saveat=0.05).u)
    times = np.linspace(0.0, 5.0, 20_000)
    for _ in range(3):
        got = sl.solve(PENDULUM, sl.Tsit5(), saveat=times, backend="numba")
        np.testing.assert_array_equal(got.u, careful(saveat=times).u)


@pytest.mark.parametrize("end", [5.0, -5.0])
@pytest.mark.parametrize("method", [sl.Tsit5(), sl.BS3(), sl.Vern7()], ids=repr)
def test_dense_output_at_many_times(method, end):
    problem = PENDULUM.replace(tspan=(0.0, end))
    times = np.random.default_rng(1).permutation(np.linspace(0.0, end, 301))
    plain, quick = (sl.solve(problem, method, backend=b) for b in ("numpy", "numba"))
    np.testing.assert_allclose(quick(times), plain(times), rtol=0, atol=1e-9)
    assert quick(times[:0]).shape == (0, 2)
    for wrong in (-1.001 * times, 3 * times):
        with pytest.raises(ValueError, match="outside the solution"):
            quick(wrong)


def pairs(u, p, t):
    return np.array([[u[0, 1], u[1, 1]], [-p[0] * u[0, 0] * t, -p[1] * u[1, 0]]]).T


WAYS = {
    "solve": lambda problem, **options: sl.solve(problem, backend="numba", **options),
    "carefully": lambda problem, **options: sl.solve(problem, backend="numba", seed=0, **options),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", [sl.Vern7(), sl.Vern9(), sl.DOP853()], ids=repr)
@pytest.mark.parametrize("end", [3.0, -3.0])
def test_the_extra_stages_of_dense_output_are_compiled(method, end, way, monkeypatch):
    start = np.array([[1.0, 0.0], [0.5, -0.2]])
    problems = (
        sl.ODEProblem(pairs, start, (0.0, end), [2.0, 0.5]),
        sl.ODEProblem(lambda u, p, t: -u * np.cos(t), [1.0], (0.0, end)),
    )
    for problem in problems:
        sol = [WAYS[way](problem, method=method, rtol=1e-9) for _ in range(3)][-1]
        times = np.random.default_rng(1).uniform(min(0, end), max(0, end), 40)
        there = pickle.loads(pickle.dumps(sol)) if problem.f is pairs else None
        with monkeypatch.context() as patch:
            patch.setattr(RightHandSide, "__call__", lambda *_: pytest.fail("f in Python"))
            many, single = sol(times), np.array([sol(t) for t in times])
        wanted = sl.solve(problem, method, rtol=1e-9)(times)
        np.testing.assert_allclose(many, wanted, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(single, many, rtol=1e-13, atol=1e-14)
        if there is not None:
            np.testing.assert_allclose(there(times), many, rtol=1e-13, atol=1e-14)


def test_dense_output_of_a_batch_with_extra_stages():
    start = np.array([[1.0, 0.3, -0.4], [0.0, 0.1, 0.9]])
    batch = sl.ODEProblem(pendulum, start, (0.0, 2.0), [[9.81, 5.0, 1.0]], batch=True)
    plain, quick = (sl.solve(batch, sl.Vern7(), backend=b) for b in ("numpy", "numba"))
    times = np.linspace(0.0, 2.0, 9)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-10, atol=1e-12)


def test_solutions_do_not_share_memory():
    first = sl.solve(PENDULUM, sl.Tsit5(), saveat=TIMES, backend="numba")
    kept = first.u.copy(), first(2.2)
    other = PENDULUM.replace(u0=[0.3, 1.0])
    for _ in range(3):
        sl.solve(other, sl.Tsit5(), saveat=TIMES, backend="numba")
    np.testing.assert_array_equal(first.u, kept[0])
    np.testing.assert_array_equal(first(2.2), kept[1])


def test_a_solution_can_be_sent_to_another_process():
    batch = sl.ODEProblem(pendulum, np.ones((2, 3)), (0.0, 1.0), [9.81], batch=True)
    for problem in (PENDULUM, batch):
        sol = sl.solve(problem, sl.Tsit5(), backend="numba")
        there = pickle.loads(pickle.dumps(sol))
        np.testing.assert_array_equal(there.u, sol.u)
        np.testing.assert_array_equal(there(0.4), sol(0.4))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(sol))(0.4), sol(0.4))


def test_mistakes_get_their_sentences_on_the_short_way_too():
    solve = {"backend": "numba"}
    with pytest.raises(ValueError, match="rtol must be positive"):
        sl.solve(PENDULUM, sl.Tsit5(), rtol=-1.0, **solve)
    with pytest.raises(ValueError, match="saveat holds t = 9"):
        sl.solve(PENDULUM, sl.Tsit5(), saveat=[0.0, 9.0], **solve)
    with pytest.raises(ValueError, match="saveat must be ordered"):
        sl.solve(PENDULUM, sl.Tsit5(), saveat=[0.0, 3.0, 2.0, 5.0], **solve)
    with pytest.raises(TypeError, match="callbacks must be"):
        sl.solve(PENDULUM, sl.Tsit5(), callbacks=5, **solve)
    with pytest.raises(TypeError, match="method must be an object"):
        sl.solve(PENDULUM, "Tsit5", **solve)
    with pytest.raises(TypeError, match="problem must be an ODEProblem"):
        sl.solve(pendulum, sl.Tsit5(), **solve)
    with pytest.raises(TypeError, match="dense must be"):
        sl.solve(PENDULUM, sl.Tsit5(), dense=1, **solve)


def test_threads_do_not_disturb_each_other():
    starts = np.linspace(0.1, 2.0, 24)
    wanted = [careful(PENDULUM.replace(u0=[x, 0.0]), saveat=TIMES).u for x in starts]
    found = {}

    def work(part):
        for j in part:
            problem = PENDULUM.replace(u0=[starts[j], 0.0])
            found[j] = sl.solve(problem, sl.Tsit5(), saveat=TIMES, backend="numba").u

    threads = [threading.Thread(target=work, args=(range(k, 24, 4),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for j, u in enumerate(wanted):
        np.testing.assert_array_equal(found[j], u)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_a_prepared_solver(backend):
    solver = sl.prepare(PENDULUM, sl.Vern7(), rtol=1e-8, saveat=TIMES, backend=backend)
    for u0, p in ((None, None), (np.array([0.2, 0.1]), None), (None, np.array([3.0]))):
        changes = {name: x for name, x in (("u0", u0), ("p", p)) if x is not None}
        wanted = sl.solve(PENDULUM.replace(**changes), sl.Vern7(), rtol=1e-8, saveat=TIMES)
        got = solver(u0, p)
        np.testing.assert_allclose(got.u, wanted.u, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(got.t, wanted.t)
        assert got.success and got.stats.nsteps == wanted.stats.nsteps
        assert "accepted" in got.message
    first = solver()
    kept = first.u.copy()
    solver(np.array([2.0, 0.0]))
    np.testing.assert_array_equal(first.u, kept)


def test_a_prepared_solver_that_fails():
    problem = sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    solver = sl.prepare(problem, sl.Tsit5(), saveat=[0.0, 0.5, 2.0], backend="numba")
    failed = solver()
    assert not failed.success and "blow-up" in failed.message
    np.testing.assert_array_equal(np.isnan(failed.u[:, 0]), [False, False, True])
    assert solver(np.array([0.1])).success


def test_a_prepared_solver_refuses_what_does_not_fit():
    solver = sl.prepare(PENDULUM, sl.Tsit5(), backend="numba")
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1,\)"):
        solver(np.ones(3))
    with pytest.raises(ValueError, match="rtol must be positive"):
        sl.prepare(PENDULUM, sl.Tsit5(), rtol=-1.0)

    class Own:
        name = "own"

        def start(self):
            return ()

        def decide(self, error, k, memory):
            return error <= 1, 0.9, ()

    with pytest.raises(ValueError, match="the controller is a Python object"):
        sl.prepare(PENDULUM, sl.Tsit5(), controller=Own(), backend="numba")


def test_a_prepared_solver_of_many_steps():
    long = PENDULUM.replace(tspan=(0.0, 200.0))
    solver = sl.prepare(long, sl.Tsit5(), rtol=1e-10, atol=1e-12, backend="numba")
    wanted = sl.solve(
        long, sl.Tsit5(), rtol=1e-10, atol=1e-12, saveat=[0.0, 200.0], backend="numba"
    )
    for _ in range(2):
        got = solver()
        np.testing.assert_array_equal(got.u, wanted.u)
        assert got.stats.naccept == wanted.stats.naccept > 2000
