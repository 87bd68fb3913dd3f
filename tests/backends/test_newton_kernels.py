"""The compiled loop of methods that iterate: the readable one's steps, values, counts, messages."""

import inspect
import signal
import sys
import time
import warnings

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")
pytest.importorskip("scipy", reason="the readable methods factorise with SciPy")

from sciml_lab.backends.numba import newton_kernels
from sciml_lab.linalg.reuse import Reuse

NAMES = ("Trapezoid", "Kvaerno5", "KenCarp4")
COUNTS = ("nf", "nsteps", "naccept", "nreject", "njac", "nlu", "nnewton")


def van_der_pol(u, p, t):
    x, y = u
    return np.array([y, p[0] * (1 - x * x) * y - x])


def driven(u, p, t):
    return np.array([u[1] + np.sqrt(t), -50 * (u[1] - np.cos(t)) ** 3 + u[0]])


def square(u, p, t):
    return u**2


def root(u, p, t):
    return np.sqrt(u) + 1.0


def ending(u, p, t):
    return np.sqrt(1.0 - t) - 5.0 * u


def bend(u, p, t):
    return -np.exp(u)


def growth(u, p, t):
    return 10.0 * u


VDP = sl.ODEProblem(van_der_pol, [2.0, 0.0], (0.0, 2000.0), [1e3])
DRIVEN = sl.ODEProblem(driven, [1.0, 0.5], (0.0, 4.0))
STIFF = {name: sl.zoo.get(name)() for name in ("rober", "hires", "oregonator", "pollu")}
STIFF["van_der_pol"] = VDP.replace(tspan=(0.0, 700.0))  # up to the first jump
SMALLEST = {"rober": 1e-9, "van_der_pol": 1e-2}  # the absolute tolerance, by the relative one


def both(problem, method, **options):
    """The solve with either backend."""
    return [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]


def same(problem, method, tolerance=1e-10, **options):
    """Solve twice and compare all counters and the values."""
    plain, quick = both(problem, method, **options)
    assert "in Python" not in quick.message
    for name in COUNTS:
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    assert (quick.success, quick.message) == (plain.success, plain.message)
    assert quick.u.shape == plain.u.shape
    size = np.max(np.abs(plain.u), axis=0)
    np.testing.assert_allclose(quick.u / size, plain.u / size, rtol=0, atol=tolerance)
    return plain, quick


def sensitivity(problem, method, **options):
    """How far the readable method's values move if a number in the last digit does.

    Step sizes follow the last digits of the estimated error, and the values follow those.
    """
    plain, other = (
        sl.solve(problem.replace(u0=problem.u0 * (1 + k * 2.0**-52)), method, **options)
        for k in (0, 1)
    )
    size = np.max(np.abs(plain.u), axis=0)
    return np.max(np.abs(plain.u - other.u) / size)


@pytest.mark.parametrize(
    ("name", "tolerance"), [*((x, 1e-4) for x in NAMES[1:]), ("Kvaerno5", 1e-6)]
)
@pytest.mark.parametrize("problem", STIFF)
def test_the_same_steps_and_values(problem, name, tolerance):
    case, times = STIFF[problem], np.linspace(*STIFF[problem].tspan, 7)
    atol, method = tolerance * SMALLEST.get(problem, 1e-5), getattr(sl, name)()
    options = {"rtol": tolerance, "atol": atol, "saveat": times, "dense": False}
    bound = max(1e-10, 100 * sensitivity(case, method, **options))
    assert bound < 1e-5
    same(case, method, bound, **options)


@pytest.mark.parametrize("name", [*NAMES, "ImplicitEuler"])
def test_an_equation_that_reads_t_and_dense_output(name):
    method = getattr(sl, name)()
    plain, quick = same(DRIVEN, method, rtol=1e-3)
    np.testing.assert_allclose(quick.t, plain.t, rtol=1e-9)
    times = np.linspace(0.1, 3.9, 11)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-10)
    np.testing.assert_allclose(quick(1.7), plain(1.7), rtol=1e-10)
    back = DRIVEN.replace(tspan=(4.0, 3.995))
    same(back, method, rtol=1e-3, saveat=[3.997, 3.995])


@pytest.mark.parametrize("name", NAMES)
def test_fixed_steps(name):
    """Their equations are solved to rounding, so how often is a matter of rounding, too."""
    for start, dt in (([1.0, 0.5], 0.01), ([0.9, 0.6], 0.02)):
        problem = DRIVEN.replace(u0=start)
        plain, quick = both(problem, getattr(sl, name)(), dt=dt, adaptive=False)
        np.testing.assert_allclose(quick.u, plain.u, rtol=1e-11, atol=1e-12)
        assert quick.message == plain.message
        assert quick.stats.nnewton == pytest.approx(plain.stats.nnewton, rel=0.3)


def test_a_fixed_step_that_is_too_long_for_a_kept_jacobian_is_left_to_the_readable_loop():
    problem = sl.ODEProblem(bend, [10.0], (0.0, 2.0))
    plain, quick = both(problem, sl.Kvaerno5(), dt=2.0, adaptive=False)
    assert "(the loop ran in Python: a fixed step needs J anew" in quick.message
    np.testing.assert_array_equal(quick.u, plain.u)


def test_a_step_whose_matrix_has_no_inverse_is_tried_again_with_a_shorter_one():
    problem = sl.ODEProblem(growth, [1.0], (0.0, 0.3))
    plain, _ = same(problem, sl.ImplicitEuler(), dt=0.1, rtol=1e-2)  # W = 1 - 0.1 * 10
    assert plain.stats.nreject > 0 and plain.t[1] < 0.1


def test_an_index_above_one_is_left_to_the_readable_loop():
    problem = sl.ODEProblem(square, [0.0], (0.0, 1.0), mass_matrix=np.zeros((1, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so too
        plain, quick = both(problem, sl.Kvaerno5(), dt=0.1)
    assert (quick.success, quick.t.tolist()) == (plain.success, plain.t.tolist())
    assert "the constraints do not determine u'" in quick.message


def test_mass_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    dae = sl.zoo.get("rober_dae")().replace(tspan=(0.0, 1e4))
    full = np.array([[2.0, 0.3], [0.1, 1.0]])
    method = sl.Kvaerno5()
    for tolerance in (1e-4, 1e-6):
        options = {"rtol": tolerance, "atol": 1e-3 * tolerance, "saveat": [1.0, 1e2, 1e4]}
        same(dae, method, 1e-9, **options)
    for mass in (full, sparse.csc_array(full), 3 * full):
        same(DRIVEN.replace(mass_matrix=mass), method, rtol=1e-5, saveat=[1.0, 4.0])
    same(DRIVEN, method, rtol=1e-5, saveat=[1.0, 4.0])
    with pytest.raises(ValueError, match="u0"):
        sl.solve(dae.replace(u0=[1.0, 0.0, 0.5]), method, backend="numba")


@pytest.mark.parametrize("n", [3, 120])
def test_bands(n):
    def heat(u, p, t):
        before, after = np.concatenate(([0.0], u[:-1])), np.concatenate((u[1:], [0.0]))
        return p[0] * (before - 2 * u + after) - u**3 + np.sin(t)

    start = np.sin(np.arange(n) * 1.0) + 1
    problem = sl.ODEProblem(heat, start, (0.0, 1.0), [1e3])
    for solver in ("auto", "banded"):
        method = sl.KenCarp4(linear_solver=solver)
        quick = same(problem, method, rtol=1e-4, saveat=[0.5, 1.0])[1]
        banded = solver == "banded" or n > 100
        assert quick.stats.linear.startswith("banded" if banded else "dense")


def test_a_second_solve_takes_the_short_way():
    options = {"rtol": 1e-6, "saveat": [1.0, 4.0], "backend": "numba"}
    first, second = (sl.solve(DRIVEN, sl.Kvaerno5(), **options) for _ in range(2))
    assert type(second).__name__ == "LateSolution"
    np.testing.assert_array_equal(first.u, second.u)
    np.testing.assert_array_equal(first(2.0), second(2.0))
    for name in (*COUNTS, "linear"):
        assert getattr(first.stats, name) == getattr(second.stats, name)
    solver = sl.prepare(DRIVEN, sl.Kvaerno5(), saveat=[1.0, 4.0], backend="numba", rtol=1e-6)
    for _ in range(2):  # nothing is left of the solve before
        np.testing.assert_array_equal(solver().u, first.u)
        assert solver().stats.nnewton == first.stats.nnewton


def test_many_steps_and_a_short_memory():
    problem, method = VDP.replace(tspan=(0.0, 2e4)), sl.KenCarp4()
    options = {"rtol": 1e-6, "atol": 1e-8, "saveat": [2e4], "dense": False}
    quick = same(problem, method, 1e-5, **options)[1]
    assert quick.stats.nsteps > 4096  # more than one store holds


FAILURES = {
    "blow-up": (sl.ODEProblem(square, [1.0], (0.0, 2.0)), {}, "finite-time blow-up"),
    "jacobian": (sl.ODEProblem(root, [0.0], (0.0, 1.0)), {}, None),
    "iteration": (sl.ODEProblem(ending, [1.0], (0.0, 2.0)), {}, None),
    "max_steps": (VDP, {"max_steps": 9}, "max_steps reached"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_keep_the_part_and_the_evidence(name):
    problem, options, verdict = FAILURES[name]
    for dense in (True, False):
        times = None if dense else np.linspace(*problem.tspan, 9)
        plain, quick = both(problem, sl.Kvaerno5(), dense=dense, saveat=times, **options)
        assert not quick.success and not plain.success
        assert quick.diagnosis.verdict == plain.diagnosis.verdict
        assert verdict in (None, plain.diagnosis.verdict)
        if name == "blow-up":  # the last steps before it are made of rounding
            assert abs(quick.diagnosis.numbers["time"] - 1.0) < 1e-5
        else:
            assert quick.message == plain.message
            near = 5 if name == "iteration" else 0  # steps of rounding size, towards t = 1
            assert abs(quick.stats.naccept - plain.stats.naccept) <= near
        n = min(len(plain.u), len(quick.u)) // 2
        np.testing.assert_allclose(quick.u[:n], plain.u[:n], rtol=1e-6)


def test_what_has_no_kernel_runs_in_python_and_the_message_says_why():
    def ends(method, reason, **options):
        sol = sl.solve(DRIVEN.replace(tspan=(0.0, 0.1)), method, backend="numba", **options)
        assert sol.success and f"(the loop ran in Python: {reason})" in sol.message

    ends(sl.Kvaerno5(iteration=sl.Anderson()), "iteration=Anderson() has no compiled form")
    ends(sl.Kvaerno5(iteration=sl.FullNewton()), "iteration=FullNewton() has no compiled form")
    ends(sl.Kvaerno5(linear_solver="sparse"), "linear_solver='sparse' has no compiled form")
    two = sl.SDIRK(sl.Tableau(name="two", A=[[0.3, 0], [0.5, 0.5]], b=[0.5, 0.5]))
    ends(two, "two has several numbers on the diagonal of A", dt=0.01)
    half = sl.SDIRK(sl.Tableau(name="half", A=[[0.5]], b=[1.0]))
    ends(half, "the last stage of half is not its new state", dt=0.01)
    same(DRIVEN, sl.Kvaerno5(iteration=sl.SimplifiedNewton(kappa=1e-3, limit=6)), rtol=1e-4)


def test_what_decides_is_the_source_of_the_readable_functions():
    text = newton_kernels.in_memory(Reuse.note, "rate, h, y")
    assert "y[OLD] = rate > SLOWEST" in text

    def strange(self):
        return self.something

    with pytest.raises(NotImplementedError, match="strange"):
        newton_kernels.in_memory(strange, "y")
    assert "self" not in inspect.getsource(newton_kernels.newton_loop)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_is_heard_within_a_second():
    problem = VDP.replace(tspan=(0.0, 1e9))
    options = {"rtol": 1e-8, "dense": False, "saveat": [1e9], "max_steps": 10**9}
    sl.solve(VDP, sl.Kvaerno5(), backend="numba", **{**options, "saveat": [2000.0]})
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    old = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    began = time.perf_counter()
    try:
        with pytest.raises(sl.SolveInterrupted) as stopped:
            sl.solve(problem, sl.Kvaerno5(), backend="numba", **options)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert time.perf_counter() - began < 10.0  # a second, and patience for a busy machine
    assert "interrupted at t" in stopped.value.solution.message
