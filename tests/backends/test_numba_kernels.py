"""The compiled loop is the readable one: same steps, same values to rounding, same failures."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

RATES = [1.5, 1.0, 3.0, 1.0]


def prey(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def driven(u, p, t):
    return np.array([u[1], -u[0] + np.sin(3 * t)])


def square(u, p, t):
    return u**2


def decay(u, p, t):
    return -p[0] * u


def jump(u, p, t):
    return np.array([1e10 * (t > 0.5)])


def root(u, p, t):
    return np.sqrt(1.0 - t) * u


LOTKA = sl.ODEProblem(prey, [1.0, 1.0], (0.0, 8.0), RATES)
DRIVEN = sl.ODEProblem(driven, [1.0, 0.5], (2.0, 9.0))
BACK = sl.ODEProblem(prey, [1.0, 1.0], (3.0, -1.0), RATES)
GRID = sl.ODEProblem(decay, np.arange(1.0, 7.0).reshape(2, 3), (0.0, 2.0), [0.7])


def both(problem, method, **options):
    """The solve with either backend."""
    return [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]


def same(problem, method, tolerance=1e-7, **options):
    """Solve twice and compare everything that a solution knows.

    The estimated error is a small difference of large numbers, so its own rounding, some 1e-8 of
    it, moves the ends of the steps. Values at given times agree much better than values there.
    """
    plain, quick = both(problem, method, **options)
    wanted, got = plain.stats, quick.stats
    assert (got.naccept, got.nreject) == (wanted.naccept, wanted.nreject)
    assert got.nf == wanted.nf or problem.batch  # one call of NumPy's f serves a whole batch
    assert (quick.success, quick.method) == (plain.success, plain.method)
    assert quick.u.shape == plain.u.shape and quick.t.shape == plain.t.shape
    size = np.max(np.abs(plain.u))
    np.testing.assert_allclose(quick.t, plain.t, rtol=0, atol=tolerance * np.ptp(plain.t))
    np.testing.assert_allclose(quick.u, plain.u, rtol=0, atol=tolerance * size)
    return plain, quick


@pytest.mark.parametrize("name", sl.METHODS)
def test_every_method_takes_the_same_steps(name):
    method = sl.METHODS[name]()
    step = {"rtol": 1e-5, "atol": 1e-7} if method.adaptive else {"dt": 0.01}
    for problem in (LOTKA, DRIVEN, BACK):
        same(problem, method, **step)
        times = np.linspace(*problem.tspan, 23)
        plain, quick = same(problem, method, saveat=times, tolerance=1e-11, **step)
        np.testing.assert_allclose(quick(times[5]), plain(times[5]), rtol=1e-10)
        np.testing.assert_allclose(quick(times[::-1]), plain(times[::-1]), rtol=1e-10)


@pytest.mark.parametrize("name", ["BS3", "Tsit5", "Vern7", "DOP853"])
def test_tight_tolerances(name):
    tight = {"rtol": 1e-10, "atol": 1e-12, "saveat": np.linspace(0.0, 8.0, 7)}
    if name == "BS3":
        tight = {"rtol": 1e-7, "atol": 1e-9, "saveat": [0.0, 8.0]}
    same(LOTKA, sl.METHODS[name](), tolerance=1e-12, dense=False, **tight)


@pytest.mark.parametrize(
    "options",
    [
        {"dt": 0.05, "adaptive": False},
        {"dt": 0.3},
        {"rtol": [1e-4, 1e-6], "atol": [1e-5, 1e-8]},
        {"controller": sl.PIDController()},
        {"controller": sl.IController(safety=0.8, max_factor=3.0)},
        {"controller": sl.PIController(kP=0.1)},
        {"saveat": 0.37},
        {"saveat": [0.0, 0.0, 1.0, 1.0, 8.0]},
        {"saveat": [], "expected": ValueError},
        {"rtol": 1e-4, "dense": False},
    ],
    ids=str,
)
def test_options(options):
    expected = options.pop("expected", None)
    if expected is None:
        same(LOTKA, sl.Tsit5(), **options)
        return
    with pytest.raises(expected, match="saveat"):
        sl.solve(LOTKA, sl.Tsit5(), backend="numba", **options)


FAILURES = {
    "blow-up": (sl.ODEProblem(square, [1.0], (0.0, 2.0)), {}, "finite-time blow-up"),
    "jump": (sl.ODEProblem(jump, [0.0], (0.0, 1.0)), {}, "discontinuity"),
    "not finite": (sl.ODEProblem(root, [1.0], (0.0, 5.0)), {}, "f is not finite"),
    "roundoff": (LOTKA, {"rtol": 0.0, "atol": 1e-18}, "tolerance below roundoff"),
    "max_steps": (
        sl.ODEProblem(decay, [1.0], (0.0, 5.0), [1e6]), {"max_steps": 3000}, "stiffness",
    ),
    "fixed step": (
        sl.ODEProblem(decay, [1.0], (0.0, 50.0), [1e3]), {"dt": 0.05, "adaptive": False},
        "unstable step",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("dense", [True, False])
def test_failures_keep_the_part_and_the_evidence(name, dense):
    problem, options, verdict = FAILURES[name]
    times = None if dense else np.linspace(*problem.tspan, 9)
    plain, quick = both(problem, sl.Tsit5(), dense=dense, saveat=times, **options)
    assert not quick.success and quick.diagnosis.verdict == plain.diagnosis.verdict == verdict
    assert np.isfinite(quick.u).all()
    if name in ("not finite", "jump"):  # there the last digits decide where a step ends
        assert not dense or abs(quick.t[-1] - plain.t[-1]) < 1e-5
    else:
        assert quick.t.shape == plain.t.shape
        assert quick.stats.naccept == plain.stats.naccept
        assert quick.stats.nreject == plain.stats.nreject
    n = min(len(plain.t), len(quick.t)) // 2
    np.testing.assert_allclose(quick.u[:n], plain.u[:n], rtol=1e-6)
    with pytest.raises(sl.SolveError):
        sl.solve(problem, sl.Tsit5(), backend="numba", on_failure="raise", **options)


def test_any_shape_of_the_state():
    same(GRID, sl.Tsit5(), saveat=[0.5, 2.0])
    same(sl.ODEProblem(lambda u, p, t: -p * u, 2.0, (0.0, 1.0), 3.0), sl.Tsit5())
    same(sl.ODEProblem(lambda u, p, t: -u, [1.0, 2.0], (0.0, 1.0)), sl.Vern7())


def test_a_batch_solves_every_trajectory_with_its_own_steps():
    start = np.array([[1.0, 0.8, 1.4], [1.0, 1.2, 0.7]])
    rates = np.array(RATES)[:, None] * np.array([1.0, 1.2, 0.9])
    batch = sl.ODEProblem(prey, start, (0.0, 4.0), rates, batch=True)
    plain, quick = same(batch, sl.Tsit5(), saveat=[1.0, 2.5, 4.0])
    for name in ("naccept", "nreject", "success", "t"):
        np.testing.assert_array_equal(quick.stats.lanes[name], plain.stats.lanes[name])
    np.testing.assert_allclose(quick([0.3, 3.9]), plain([0.3, 3.9]), rtol=1e-9)
    same(batch, sl.DOP853())


def test_a_lane_that_fails_does_not_stop_the_others():
    batch = sl.ODEProblem(square, [[1.0, 0.1, -1.0]], (0.0, 2.0), batch=True)
    plain, quick = both(batch, sl.Tsit5(), saveat=[0.5, 2.0])
    assert quick.diagnosis.verdict == plain.diagnosis.verdict
    np.testing.assert_array_equal(quick.stats.lanes["success"], [False, True, True])
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-9)
    np.testing.assert_allclose(quick(1.5), plain(1.5), rtol=1e-9)


def test_a_tableau_of_the_user():
    tableau = sl.Tableau(
        name="mine", A=[[0, 0, 0], [0.5, 0, 0], [-1, 2, 0]], b=[1 / 6, 2 / 3, 1 / 6],
        b_error=[1 / 6, -1 / 3, 1 / 6],
    )  # fmt: skip
    same(LOTKA, sl.ExplicitRK(tableau), saveat=np.linspace(0, 8, 5))


def test_the_store_of_steps_grows():
    problem = sl.ODEProblem(driven, [1.0, 0.5], (0.0, 1000.0))
    whole = sl.solve(problem, sl.RK4(), dt=0.01, backend="numba")
    assert whole.stats.naccept == 100_000 and whole.u.shape == (100_001, 2)
    assert np.all(np.diff(whole.t) > 0)
    part = sl.solve(problem, sl.RK4(), dt=0.01, backend="numba", dense=False, saveat=[500.0, 1e3])
    np.testing.assert_array_equal(part.u[1], whole.u[-1])
    np.testing.assert_allclose(whole(500.003), whole(500.0030000001), atol=1e-8)
    np.testing.assert_allclose(whole(500.0), part.u[0], rtol=1e-12)


def test_progress_is_shown(capsys):
    pytest.importorskip("tqdm", reason="the bar is drawn by tqdm")
    sl.solve(LOTKA, sl.Tsit5(), backend="numba", progress=True)
    assert "100%" in capsys.readouterr().err


def test_what_python_has_to_do_runs_in_python():
    seen = []

    class Own(sl.PIController):
        def decide(self, error, k, memory):
            seen.append(error)
            return super().decide(error, k, memory)

    sol = sl.solve(LOTKA, sl.Tsit5(), backend="numba", controller=Own())
    assert sol.success and len(seen) == sol.stats.nsteps
    times = []
    sl.solve(LOTKA, sl.Tsit5(), backend="numba", callbacks=lambda record: times.append(record.t))
    assert len(times) == sol.stats.naccept


def test_gradients_go_through():
    def loss(p, backend):
        return sl.solve(LOTKA.replace(p=p), sl.Tsit5(), saveat=[3.0], backend=backend).u[0, 0]

    p = np.array(RATES)
    slopes = [sl.ad.grad(lambda q, b=b: loss(q, b), p) for b in ("numpy", "numba")]
    np.testing.assert_allclose(slopes[1], slopes[0], rtol=1e-8)


def test_complex_states_are_refused():
    problem = sl.ODEProblem(lambda u, p, t: 1j * u, [1.0 + 0j], (0.0, 1.0))
    with pytest.raises(TypeError, match="real numbers.*backend='numpy'"):
        sl.solve(problem, sl.Tsit5(), backend="numba")


def test_a_callback_runs_the_loop_in_python_and_the_message_says_so():
    seen = []
    problem = sl.zoo.lotka_volterra()
    sol = sl.solve(problem, sl.Tsit5(), backend="numba", callbacks=lambda r: seen.append(r.t))
    assert len(seen) == sol.stats.naccept
    assert sol.message.endswith("(the loop ran in Python: a callback looks at every step)")
    assert "in Python" not in sl.solve(problem, sl.Tsit5(), backend="numba").message
