"""The compiled loop of splitting methods: the readable one's steps, values, failures, messages."""

import ast
import os
import signal
import threading
import time

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

from sciml_lab.backends import unroll_symplectic
from sciml_lab.backends.numba import partitioned
from sciml_lab.measure import drift
from sciml_lab.solvers import symplectic

METHODS = list(symplectic.METHODS.values())


def weighted(q, p, params, t):
    return p / params


def pull(q, p, params, t):
    return np.sin(q) * (1 + 0.1 * np.cos(t)) + params * np.sum(q)


def driven(x, v, p, t):
    return [-p[0] * x[0] ** 3 + np.sin(t), x[0] - x[1]]


HAMILTONIAN = sl.HamiltonianProblem(
    weighted, pull, [1.2, 0.5, -0.3], [0.3, -0.4, 0.1], (0.0, 3.0), [1.0, 2.0, 3.0]
)
SECOND_ORDER = sl.SecondOrderProblem(driven, [1.0, 0.2], [0.0, 0.5], (0.0, 3.0), [2.0])
PROBLEMS = [HAMILTONIAN, SECOND_ORDER]


def same(problem, method, tolerance=1e-12, **options):
    """Solve with both backends and compare the counters, the messages and the values."""
    plain, quick = [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]
    assert (quick.success, quick.message) == (plain.success, plain.message)
    for name in ("nf", "nsteps", "naccept", "nreject"):
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    assert quick.u.shape == plain.u.shape
    np.testing.assert_allclose(quick.t, plain.t, rtol=1e-14)
    np.testing.assert_allclose(quick.u, plain.u, rtol=tolerance, atol=tolerance)
    return plain, quick


@pytest.mark.parametrize("problem", PROBLEMS, ids=["hamiltonian", "second order"])
@pytest.mark.parametrize("cls", METHODS)
def test_the_same_steps_and_values(problem, cls):
    plain, quick = same(problem, cls(), dt=0.07)
    times = np.linspace(0.0, 3.0, 11)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(quick(1.7), plain(1.7), rtol=1e-12)
    same(problem, cls(), dt=0.07, saveat=[0.0, 0.07, 0.5, 3.0], dense=False)


@pytest.mark.parametrize("problem", PROBLEMS, ids=["hamiltonian", "second order"])
def test_backwards_and_other_splittings(problem):
    back = problem.replace(tspan=(3.0, 0.5))
    same(back, sl.KahanLi6(), dt=0.1, saveat=[2.03, 0.97], dense=False)
    flows = ("A", 0.3), ("B", 0.6), ("A", 0.4), ("A", 0.3), ("B", 0.4)
    same(problem, symplectic.Splitting("of one's own", flows), dt=0.05)
    flows = ("B", 0.2), ("B", 0.3), ("A", 1.0), ("B", 0.5)
    same(problem, symplectic.Splitting("two kicks", flows), dt=0.05)


def test_numbers_and_arrays_as_parameters_and_other_starts():
    spring = sl.SecondOrderProblem(lambda x, v, p, t: -p * x, [1.0], [0.0], (0.0, 1.0), 4.0)
    same(spring, sl.VelocityVerlet(), dt=0.1)
    for u0, p in (([0.5, 2.0], 9.0), ([0.1, 0.0], 1.0)):
        same(spring.replace(u0=u0, p=p), sl.VelocityVerlet(), dt=0.1)
    prepared = sl.prepare(spring, sl.KahanLi6(), dt=0.1, saveat=[1.0], backend="numba")
    wanted = sl.solve(spring, sl.KahanLi6(), dt=0.1).u[-1]
    np.testing.assert_allclose(prepared().u[-1], wanted, rtol=1e-13)


def test_the_step_is_written_by_the_readable_one():
    """Run as Python, what was unrolled is one step of the readable method."""
    method, h = sl.McAte5(), 0.1
    f = method.side(HAMILTONIAN, (6,))
    u, p, n = HAMILTONIAN.u0, HAMILTONIAN.p, 3
    names = {
        "np": np,
        "force": lambda a, q, v, p, t, work: np.copyto(a, pull(q, v, p, t)),
        "velocity": lambda a, q, v, p, t, work: np.copyto(a, weighted(q, v, p, t)),
    }
    exec(ast.unparse(unroll_symplectic.step(method).tree), names)
    new, a = np.zeros(6), f.force(u[:n], u[n:], p, 0.4)
    calls = names["step"](u[:n], u[n:], new[:n], new[n:], a, np.zeros(n), p, 0.4, h, None, n)
    f.count = 0
    taken = method.step(f, u, p, 0.4, h, f(u, p, 0.4))
    np.testing.assert_allclose(new, taken.u, rtol=1e-14)
    assert calls == f.count - 1
    text = partitioned.text(method, True)
    assert ast.unparse(unroll_symplectic.step(method).tree).splitlines()[4].strip() in text


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_equations_that_are_not_separable_get_one_sentence(backend):
    mixed = sl.HamiltonianProblem(
        lambda q, p, c, t: p * q, lambda q, p, c, t: q, [1.0], [1.0], (0.0, 1.0)
    )
    rubbing = sl.SecondOrderProblem(lambda x, v, p, t: -x - 0.1 * v, [1.0], [0.0], (0.0, 1.0))
    for problem, what in (
        (mixed, "velocity depends on the positions"),
        (rubbing, "force depends on the momenta"),
    ):
        with pytest.raises(ValueError, match=f"KahanLi8 is for separable .*{what}.*Gauss"):
            sl.solve(problem, sl.KahanLi8(), dt=0.1, backend=backend)
    plain = sl.ODEProblem(lambda u, p, t: -u, [1.0, 0.0], (0.0, 1.0))
    with pytest.raises(TypeError, match="HamiltonianProblem"):
        sl.solve(plain, sl.KahanLi8(), dt=0.1, backend=backend)


def test_steps_by_a_monitor_are_taken_in_python():
    method = sl.AdaptiveVerlet(lambda q, v, p, t: np.sum(q * q) ** 0.75)
    comet = sl.zoo.kepler_second_order(0.9, tspan=(0.0, 3.0))
    plain, quick = [sl.solve(comet, method, dt=0.002, backend=b) for b in ("numpy", "numba")]
    np.testing.assert_array_equal(quick.u, plain.u)
    assert "AdaptiveVerlet has no compiled kernel" in quick.message


def test_failures_are_explained_alike():
    falls = sl.SecondOrderProblem(lambda x, v, p, t: 1e3 * x**3, [1.0], [0.0], (0.0, 5.0))
    plain, quick = [
        sl.solve(falls, sl.KahanLi8(), dt=0.1, backend=b) for b in ("numpy", "numba")
    ]  # fmt: skip
    assert not quick.success and quick.message == plain.message
    assert quick.t[-1] == plain.t[-1] and np.all(np.isfinite(quick.u))
    plain, quick = same(HAMILTONIAN, sl.VelocityVerlet(), dt=1e-2, max_steps=7)
    assert not quick.success and len(quick.t) == 8


def test_a_long_solve_keeps_no_steps_and_can_be_stopped():
    prob = sl.zoo.kepler_second_order(tspan=(0.0, 1e8))
    short = prob.replace(tspan=(0.0, 1.0))
    sl.solve(short, sl.KahanLi8(), dt=0.1, saveat=[1.0], dense=False, backend="numba")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.perf_counter()
    with pytest.raises(sl.SolveInterrupted) as stopped:
        options = {"dt": 0.1, "saveat": [1.0, 1e8], "dense": False, "max_steps": 10**10}
        sl.solve(prob, sl.KahanLi8(), backend="numba", **options)
    timer.join()
    assert time.perf_counter() - began < 30  # of hours
    part = stopped.value.solution
    assert part.t.tolist() == [1.0] and part.stats.naccept > 1000


def test_a_store_of_steps_grows():
    prob = sl.zoo.kepler_second_order(0.3, tspan=(0.0, 500.0))
    plain, quick = same(prob, sl.VelocityVerlet(), tolerance=1e-9, dt=0.1)
    times = np.linspace(1.0, 499.0, 50)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-8, atol=1e-9)


def energy(u):
    return (u[:, 2] ** 2 + u[:, 3] ** 2) / 2 - 1 / np.hypot(u[:, 0], u[:, 1])


def test_energy_over_a_thousand_orbits():
    """KahanLi8 keeps the energy of Kepler's problem within a bound; Tsit5 loses it steadily."""
    prob = sl.zoo.kepler_second_order(0.6, tspan=(0.0, 1000 * 2 * np.pi))
    kept = sl.solve(prob, sl.KahanLi8(), dt=0.13, backend="numba", dense=False)
    lost = sl.solve(prob, sl.Tsit5(), rtol=1e-8, atol=1e-8, backend="numba", dense=False)
    bounded, drifts = (drift(sol.t, energy(sol.u)) for sol in (kept, lost))
    assert abs(bounded.significance) < 3 and drifts.significance > 30
    assert drifts.slope > 100 * (abs(bounded.slope) + bounded.standard_error)
