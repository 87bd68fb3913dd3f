"""The compiled loop of RKC: the readable one's stages, steps, values and failures."""

import ast
import signal
import sys
import threading
import time

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

from sciml_lab.backends import unroll_stabilized
from sciml_lab.backends.numba import functions, layout
from sciml_lab.backends.numba import stabilized as compiled
from sciml_lab.solvers import stabilized


def rod(n=60, end=0.5):
    """Heat and growth on a rod."""
    x = np.arange(1, n) / n

    def f(u, p, t):
        wide = np.concatenate(([0.0], u, [0.0]))
        return (wide[2:] - 2 * u + wide[:-2]) * p[0] + p[1] * u * (1 - u) * np.cos(t)

    start = np.sin(np.pi * x) + np.sin(3 * np.pi * x)
    return sl.ODEProblem(f, start, (0.0, end), [float(n * n), 3.0])


ROD = rod()


def same(problem, method, tolerance=1e-6, **options):
    """Solve with both backends and compare the counters, the messages and the values.

    The estimate of the error is a small difference of large numbers, and the length of a step
    follows its last digits; with fixed steps the values agree to rounding.
    """
    plain, quick = [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]
    assert (quick.success, quick.message) == (plain.success, plain.message)
    for name in ("nf", "nsteps", "naccept", "nreject"):
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    np.testing.assert_allclose(quick.t, plain.t, rtol=tolerance)
    np.testing.assert_allclose(quick.u, plain.u, rtol=tolerance, atol=tolerance)
    return plain, quick


def test_the_same_steps_and_values():
    plain, quick = same(ROD, sl.RKC(), rtol=1e-4, atol=1e-4)
    times = np.linspace(0.01, 0.49, 9)
    np.testing.assert_allclose(quick(times), plain(times), atol=1e-7)
    np.testing.assert_allclose(quick(0.3), plain(0.3), atol=1e-7)
    for start in (ROD.u0, ROD.u0[::-1] / 2):  # the second takes the short way
        same(ROD.replace(u0=start), sl.RKC(), rtol=1e-6, saveat=[0.1, 0.37, 0.5], dense=False)
    same(ROD, sl.RKC(), tolerance=1e-12, dt=0.013, adaptive=False)
    same(ROD.replace(tspan=(0.2, 0.1)), sl.RKC(), rtol=1e-3, dt=1e-6, max_steps=40)


def test_a_radius_that_is_given():
    plain, _ = same(ROD, sl.RKC(lambda u, p, t: 4 * p[0] + p[1]), rtol=1e-4)
    assert plain.stats.nf < sl.solve(ROD, sl.RKC(), rtol=1e-4).stats.nf


class Stiffness:
    value = 1e4


def test_a_radius_follows_what_it_reads_and_may_have_no_compiled_form():
    method = sl.RKC(lambda u, p, t: 2 * Stiffness.value)
    for Stiffness.value in (1e4, 4e4, 1e4):
        same(ROD, method, rtol=1e-4, saveat=[0.5], dense=False)
    method = sl.RKC(lambda u, p, t: float(str(4 * p[0])))
    for _ in range(2):
        sol = sl.solve(ROD, method, rtol=1e-4, backend="numba")
        assert sol.success and "spectral_radius has no compiled form" in sol.message


def test_the_plate_of_the_brusselator():
    plate = sl.zoo.brusselator_2d(8)().replace(tspan=(0.0, 2.0))
    plain, _ = same(plate, sl.RKC(), rtol=1e-4, atol=1e-4, dense=False, saveat=[1.0, 2.0])
    assert plain.stats.nreject > 0  # after which the radius is measured again


def test_a_start_at_rest_gets_a_direction_from_elsewhere():
    rest = sl.ODEProblem(lambda u, p, t: 50 * t**3 - 100 * u, np.zeros(3), (0.0, 1.0))
    for _ in range(2):
        same(rest, sl.RKC(), rtol=1e-5)
    same(sl.ODEProblem(lambda u, p, t: 0 * u, np.zeros(3), (0.0, 1.0)), sl.RKC(), rtol=1e-5)


def test_the_radius_is_measured_again_with_fixed_steps_too():
    """The stiffness grows while the steps stay: stages that are not adapted would blow up."""
    grows = sl.ODEProblem(lambda u, p, t: -(100 + 4 * t) * (u - 1), np.full(2, 2.0), (0.0, 100.0))
    plain, _ = same(grows, sl.RKC(), dt=0.2, adaptive=False)
    assert np.max(np.abs(plain.u[-1] - 1)) < 1e-3


def test_failures_are_explained_alike():
    def stiffer(u, p, t):
        return -1e16 * (u - np.cos(t))

    plain, quick = [
        sl.solve(sl.ODEProblem(stiffer, [2.0], (0.0, 1e3)), sl.RKC(), rtol=0.5, dt=1e3,
                 adaptive=False, backend=b) for b in ("numpy", "numba")
    ]  # fmt: skip
    assert not quick.success and quick.message == plain.message
    assert "stages, and rounding allows" in quick.message
    gone = sl.ODEProblem(lambda u, p, t: np.sqrt(1e-9 - u) * 1e8, [0.0], (0.0, 1.0))
    plain, quick = [sl.solve(gone, sl.RKC(), backend=b) for b in ("numpy", "numba")]
    assert not quick.success and quick.message.split(":")[0] == plain.message.split(":")[0]


def test_the_formulas_of_a_stage_are_the_readable_ones():
    rng = np.random.default_rng(1)
    u, f0, before, now, slope = rng.standard_normal((5, 4))
    shares = rng.standard_normal(4)
    wanted = stabilized.next_stage(u, f0, before, now, slope, 0.1, *shares)
    names = {"np": np}
    exec(ast.unparse(unroll_stabilized.next_stage().tree), names)
    names["next_stage"](before, u, f0, now, slope, 0.1, *shares, 4)
    np.testing.assert_allclose(before, wanted, rtol=1e-14)
    assert not {*compiled.CONSTANTS, *compiled.NAMES} & set(vars(layout))
    text = compiled.text()
    assert "def needed(h, rho):" in text and "points" not in text


def test_memory_is_a_few_vectors_however_many_stages():
    n = 2**17
    f = functions.right_hand_side(lambda u, p, t: -u, np.ones(n), None, 0.0)
    drive = compiled.drive(f, sl.RKC(), np.ones(n), None, None, ((n,), 0, False, False))
    arrays = [*vars(drive).values(), *vars(drive.store).values()]
    sizes = [x.nbytes for x in arrays if isinstance(x, np.ndarray) and x.base is None]
    assert sum(sizes) + drive.store.u.nbytes < 25 * 8 * n


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_is_heard():
    problem = sl.zoo.brusselator_2d(32)().replace(tspan=(0.0, 1e6))
    options = {"rtol": 1e-6, "dense": False, "max_steps": 10**9}
    sl.solve(problem.replace(tspan=(0.0, 1e-3)), sl.RKC(), backend="numba", **options)
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    began = time.perf_counter()
    with pytest.raises(sl.SolveInterrupted) as stopped:
        sl.solve(problem, sl.RKC(), backend="numba", saveat=[1e6], **options)
    timer.join()
    assert time.perf_counter() - began < 10.0  # a second, and patience for a busy machine
    assert stopped.value.solution.stats.naccept > 0
