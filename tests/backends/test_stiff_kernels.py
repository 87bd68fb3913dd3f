"""The compiled loop of Rosenbrock methods: the readable one's steps, values, failures, messages."""

import ast
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")
pytest.importorskip("scipy", reason="the readable methods factorise with SciPy")

from sciml_lab.backends import unroll_implicit
from sciml_lab.backends.numba import implicit, kernels, linear_algebra
from sciml_lab.transform import TransformError

NAMES = ("Rosenbrock23", "Rodas4", "Rodas5P")


def van_der_pol(u, p, t):
    x, y = u
    return np.array([y, p[0] * (1 - x * x) * y - x])


def driven(u, p, t):
    return np.array([u[1] + np.sqrt(t), -50 * (u[1] - np.cos(t)) + u[0]])


def square(u, p, t):
    return u**2


def decay(u, p, t):
    return -u


def root(u, p, t):
    return np.sqrt(u) + 1.0


def undetermined(u, p, t):
    return np.array([u[1] - t, u[1] - t])


VDP = sl.ODEProblem(van_der_pol, [2.0, 0.0], (0.0, 2000.0), [1e3])
DRIVEN = sl.ODEProblem(driven, [1.0, 0.5], (0.0, 4.0))
STIFF = {name: sl.zoo.get(name)() for name in ("rober", "hires", "oregonator", "pollu")}
STIFF["van_der_pol"] = VDP
SMALLEST = {"rober": 1e-9, "van_der_pol": 1e-2}  # the absolute tolerance, by the relative one
LOOSE = {("rober", 1e-4): 1e-8, ("oregonator", 1e-4): 1e-7}
"""Where a parameter changed in its last digit moves NumPy's own values by more than 1e-10: step
sizes follow the last digits of the estimated error."""


def both(problem, method, **options):
    """The solve with either backend."""
    return [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]


def same(problem, method, tolerance=1e-10, **options):
    """Solve twice and compare all counters and the values."""
    plain, quick = both(problem, method, **options)
    assert "in Python" not in quick.message
    for name in ("nf", "nsteps", "naccept", "nreject", "njac", "nlu"):
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    wanted = plain.stats.linear.replace("Jacobian: duals", "Jacobian: source")
    assert quick.stats.linear == wanted  # a kernel has its Jacobian from the source, always
    assert (quick.success, quick.message) == (plain.success, plain.message)
    assert quick.u.shape == plain.u.shape
    size = np.max(np.abs(plain.u), axis=0)
    np.testing.assert_allclose(quick.u / size, plain.u / size, rtol=0, atol=tolerance)
    return plain, quick


@pytest.mark.parametrize("tolerance", [1e-4, 1e-8])
@pytest.mark.parametrize("problem", STIFF)
def test_the_same_steps_and_values(problem, tolerance):
    case = STIFF[problem]
    times = np.linspace(*case.tspan, 7)
    for name in NAMES if tolerance > 1e-6 else NAMES[2:]:
        atol = tolerance * SMALLEST.get(problem, 1e-5)
        options = {"rtol": tolerance, "atol": atol, "saveat": times, "dense": False}
        same(case, getattr(sl, name)(), LOOSE.get((problem, tolerance), 1e-10), **options)


@pytest.mark.parametrize("name", NAMES)
def test_an_equation_that_reads_t_and_dense_output(name):
    plain, quick = same(DRIVEN, getattr(sl, name)(), rtol=1e-4)
    np.testing.assert_allclose(quick.t, plain.t, rtol=1e-9)
    times = np.linspace(0.1, 3.9, 11)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-10)
    np.testing.assert_allclose(quick(1.7), plain(1.7), rtol=1e-10)
    back = DRIVEN.replace(tspan=(4.0, 3.5))
    same(back, getattr(sl, name)(), rtol=1e-4, saveat=[3.9, 3.7, 3.5])
    same(DRIVEN, getattr(sl, name)(), dt=0.01, adaptive=False)


@pytest.mark.parametrize("name", NAMES[1:])
def test_mass_matrices(name):
    sparse = pytest.importorskip("scipy.sparse")
    dae = sl.zoo.get("rober_dae")().replace(tspan=(0.0, 1e4))
    full = np.array([[2.0, 0.3], [0.1, 1.0]])
    method = getattr(sl, name)()
    same(dae, method, tolerance=1e-7, rtol=1e-5, atol=1e-12, saveat=[1.0, 1e2, 1e4])
    for mass in (full, sparse.csc_array(full), 3 * full):
        same(DRIVEN.replace(mass_matrix=mass), method, rtol=1e-5, saveat=[1.0, 4.0])
    same(DRIVEN, method, rtol=1e-5, saveat=[1.0, 4.0])
    with pytest.raises(ValueError, match="u0"):
        sl.solve(dae.replace(u0=[1.0, 0.0, 0.5]), method, backend="numba")


def test_a_second_solve_takes_the_short_way():
    options = {"rtol": 1e-6, "saveat": [1.0, 4.0], "backend": "numba"}
    first, second = (sl.solve(DRIVEN, sl.Rodas5P(), **options) for _ in range(2))
    assert type(second).__name__ == "LateSolution"
    np.testing.assert_array_equal(first.u, second.u)
    np.testing.assert_array_equal(first(2.0), second(2.0))
    for name in ("nf", "njac", "nlu", "linear", "nsteps"):
        assert getattr(first.stats, name) == getattr(second.stats, name)
    solver = sl.prepare(DRIVEN, sl.Rodas5P(), saveat=[1.0, 4.0], backend="numba", rtol=1e-6)
    np.testing.assert_array_equal(solver().u, first.u)
    assert solver().stats.njac == first.stats.njac


def test_many_steps_and_a_short_memory():
    problem = VDP.replace(tspan=(0.0, 1e4))
    options = {"rtol": 1e-6, "atol": 1e-8, "saveat": [1e4], "dense": False}
    quick = same(problem, sl.Rodas4(), tolerance=1e-7, **options)[1]
    assert quick.stats.nsteps > 4096  # more than one store holds


FAILURES = {
    "blow-up": (sl.ODEProblem(square, [1.0], (0.0, 2.0)), {}, "finite-time blow-up"),
    "jacobian": (sl.ODEProblem(root, [0.0], (0.0, 1.0)), {}, "Jacobian is not finite"),
    "singular": (
        sl.ODEProblem(undetermined, [0.0, 0.0], (0.0, 1.0), mass_matrix=np.diag([0.0, 1.0])),
        {"dt": 0.1}, None,
    ),
    "max_steps": (sl.ODEProblem(decay, [1.0], (0.0, 9.0)), {"max_steps": 4}, "max_steps reached"),
    "no inverse": (
        sl.ODEProblem(square, [0.0], (0.0, 1.0), mass_matrix=np.zeros((1, 1))), {"dt": 0.1},
        "singular matrix",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_failures_keep_the_part_and_the_evidence(name):
    problem, options, verdict = FAILURES[name]
    for dense in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of index above 1
            times = None if dense else np.linspace(*problem.tspan, 9)
            plain, quick = both(problem, sl.Rodas5P(), dense=dense, saveat=times, **options)
        assert quick.success == plain.success
        if verdict:
            assert not quick.success
            assert quick.diagnosis.verdict == plain.diagnosis.verdict == verdict
        if name == "blow-up":  # the last steps before it are made of rounding
            assert abs(quick.diagnosis.numbers["time"] - 1.0) < 1e-5
        else:
            assert quick.message == plain.message or name == "max_steps"  # it tells 10 digits of t
            assert quick.stats.naccept == plain.stats.naccept
        n = min(len(plain.u), len(quick.u)) // 2
        np.testing.assert_allclose(quick.u[:n], plain.u[:n], rtol=1e-6)


def test_what_has_no_kernel_runs_in_python_and_the_message_says_why():
    def ends(problem, method, reason):
        sol = sl.solve(problem, method, backend="numba")
        assert sol.success and sol.message.endswith(f"(the loop ran in Python: {reason})")

    short = DRIVEN.replace(tspan=(0.0, 0.1))
    ends(short, sl.FBDF(), "FBDF has no compiled kernel yet")
    ends(short, sl.Rodas5P(linear_solver="sparse"), "linear_solver='sparse' has no compiled form")
    same(short, sl.Rodas5P(), rtol=1e-3)
    jac = short.replace(jac=lambda u, p, t: np.array([[0.0, 1.0], [1.0, -50.0]]))
    ends(jac, sl.Rodas5P(), "jac is a Python function")
    large = sl.ODEProblem(lambda u, p, t: -u - np.sum(u), np.ones(501), (0.0, 0.1))
    why = "the 501 x 501 matrices call for a linear solver that has no compiled form"
    ends(large, sl.Rodas5P(), why)
    ends(large, sl.Rodas5P(linear_solver="dense"), why)
    many = sl.ODEProblem(lambda u, p, t: -u, np.ones(5001), (0.0, 0.1))
    ends(many, sl.Rodas5P(), "the pattern of a Jacobian of 5001 columns takes long to read")
    same(many.replace(u0=np.ones(201)), sl.Rodas5P(linear_solver="dense"))


@pytest.mark.parametrize("n", [40, 150])
def test_bands(n):
    def heat(u, p, t):
        before, after = np.concatenate(([0.0], u[:-1])), np.concatenate((u[1:], [0.0]))
        return p[0] * (before - 2 * u + after) - u**3 + np.sin(t)

    start = np.sin(np.arange(n) * 1.0) + 1
    problem = sl.ODEProblem(heat, start, (0.0, 1.0), [1e4])
    method = sl.Rodas5P(linear_solver="dense")
    plain, quick = both(problem, method, rtol=1e-4, saveat=[0.5, 1.0])
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-10, atol=1e-12)
    assert (quick.stats.nlu, quick.stats.nf) == (plain.stats.nlu, plain.stats.nf)
    assert "in Python" not in quick.message and quick.stats.linear.startswith("dense")


def part(memory, offset):
    return memory[offset:]


def linear_algebra_in_python():
    """The functions of a kernel, as plain Python: memory is an array, its address a name."""
    names = {"BLOCK": kernels.BLOCK, "SHORT": 8, "part": part, "np": np}
    places = "JACOBIAN", "FACTORS", "DIAGONAL", "ORDER", "VECTOR", "MASS"
    counts = "LOWER", "UPPER", "TROUBLE", "NLU", "BANDED"
    names.update({name: name for name in (*places, *counts)})
    names.update(numbers=lambda x, _: x, integers=lambda x: x)
    for function in vars(linear_algebra).values():
        if inspect.isfunction(function):
            exec(inspect.getsource(function), names)
    return names


def factorised(names, W):
    """The memory of a kernel after it has factorised W = 1 - J."""
    n, wide = len(W), names["padded"](len(W))
    J = (np.eye(n) - W).ravel()
    memory = {"JACOBIAN": J, "FACTORS": np.zeros(wide * wide), "NLU": 0, "MASS": 0}
    memory |= {"DIAGONAL": np.zeros(n), "ORDER": np.zeros(n, int), "VECTOR": np.zeros(wide)}
    memory["BANDED"] = 0
    names["factorise"](1.0, n, memory)
    return memory


@pytest.mark.parametrize("pivoting", [True, False])
@pytest.mark.parametrize("band", [None, (0, 0), (1, 1), (2, 5), (4, 0)])
def test_the_linear_algebra_solves_linear_systems(band, pivoting):
    rng, names = np.random.default_rng(3), linear_algebra_in_python()
    for n in (*range(1, 10), 21):
        W = rng.normal(size=(n, n)) * 10.0 ** rng.integers(-6, 6, size=(n, 1))
        W[rng.random((n, n)) < 0.3] = 0.0
        if band is not None:
            W = np.triu(np.tril(W, band[1]), -band[0])
        if pivoting and band is None:
            W[np.arange(n), rng.permutation(n)] += 1.0
        elif pivoting:
            W.flat[:: n + 1] = rng.normal(size=n)
        else:
            W += np.diag(1.0 + abs(W).sum(axis=0))  # the largest one of its column
        W = np.eye(n) - (np.eye(n) - W)  # as it will be rounded
        memory, b = factorised(names, W), rng.normal(size=n)
        assert (memory["TROUBLE"], memory["NLU"]) == (0, 1)
        assert pivoting or (memory["ORDER"] == np.arange(n)).all()
        x = b.copy()
        names["back_substitute"](x, n, memory)
        size = np.abs(W) @ np.abs(x) + np.abs(b)
        assert np.max(np.abs(W @ x - b)) < 1e-15 * n * np.max(size)


def test_the_linear_algebra_finds_what_has_no_inverse():
    names = linear_algebra_in_python()
    for n in (1, 3, 9, 14):
        W = np.eye(n)
        W[:, n // 2] = 0.0
        assert factorised(names, W)["TROUBLE"] == n // 2 + 1
        W[n // 2, n - 1] = np.nan
        assert factorised(names, W)["TROUBLE"] == -1 - (n // 2 * n + n - 1)


def test_a_step_is_written_down_with_its_numbers():
    method = sl.Rosenbrock(sl.RosenbrockTableau(name="mine", alpha=[[0]], Gamma=[[1]], b=[1]))
    text = ast.unparse(unroll_implicit.step(method).tree)
    assert "U1[i] = h * slope[i] + s2 * by_time[i]" in text or "gamma_h * slope[i]" in text
    plain, quick = both(DRIVEN, method, dt=0.05)
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-12)


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_an_ensemble_of_stiff_equations(executor):
    rates = np.array([0.04, 3e7, 1e4])[:, None] * np.linspace(0.5, 1.5, 6)
    problem = sl.zoo.get("rober")().replace(tspan=(0.0, 1e5))
    ensemble = sl.Ensemble(problem, p=rates)
    options = {"saveat": [1e5], "executor": executor, "rtol": 1e-5, "atol": 1e-12}
    plain, quick = (ensemble.solve(sl.Rodas5P(), backend=b, **options) for b in ("numpy", "numba"))
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-7)
    assert quick.success.all()


def test_an_ensemble_with_a_failure():
    ensemble = sl.Ensemble(FAILURES["blow-up"][0], u0=np.array([[0.1, 1.0, -1.0]]))
    many = ensemble.solve(sl.Rodas5P(), backend="numba", saveat=[0.5, 2.0])
    np.testing.assert_array_equal(many.success, [True, False, True])


TWO = """
    import numpy as np, sciml_lab as sl
    from sciml_lab.backends.numba import cache
    for f in (lambda u, p, t: -p * u, lambda u, p, t: -p * u**3 + t):
        problem = sl.ODEProblem(f, [1.0], (0.0, 1.0), [1e4])
        assert sl.solve(problem, sl.Rosenbrock23(), backend="numba").success
    print(len(list(cache.folder().glob("*.kernel"))), len(list(cache.folder().rglob("*.nbc"))))
"""


def run(tmp_path, script, **environment):
    """Run a script in a process of its own; returns its last line."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script), "utf-8")
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, **environment}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_one_kernel_on_disk_serves_every_f(tmp_path):
    folder = tmp_path / "kernels"
    assert run(tmp_path, TWO, SCIML_LAB_CACHE=str(folder)) == "1 1"
    before = [path.stat().st_mtime_ns for path in folder.rglob("*.nbc")]
    run(tmp_path, TWO, SCIML_LAB_CACHE=str(folder))
    assert [path.stat().st_mtime_ns for path in folder.rglob("*.nbc")] == before


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_is_heard_within_a_second():
    problem = VDP.replace(tspan=(0.0, 1e9))
    options = {"rtol": 1e-8, "dense": False, "saveat": [1e9], "max_steps": 10**9}
    sl.solve(VDP, sl.Rodas5P(), backend="numba", **{**options, "saveat": [2000.0]})
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    old = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    began = time.perf_counter()
    try:
        with pytest.raises(sl.SolveInterrupted) as stopped:
            sl.solve(problem, sl.Rodas5P(), backend="numba", **options)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert time.perf_counter() - began < 10.0  # a second, and patience for a busy machine
    assert "interrupted at t" in stopped.value.solution.message


def test_an_f_whose_jacobian_cannot_be_written_is_solved_in_python(monkeypatch):
    def refuse(lowered, wrt):
        raise TransformError("a thing", "do without.", None, None)

    monkeypatch.setattr(implicit, "jacobian", refuse)
    problem = sl.ODEProblem(lambda u, p, t: -5.0 * u, [1.0], (0.0, 1.0))
    for _ in range(2):  # the short way knows it too
        sol = sl.solve(problem, sl.Rodas5P(), backend="numba")
        assert sol.success and "f has no compiled Jacobian: " in sol.message
