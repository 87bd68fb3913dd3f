"""Methods without a kernel take their readable step with a compiled f: the same numbers."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

from sciml_lab.backends.numba.compiled_f import CompiledF, compiled

PLATE = sl.zoo.brusselator_2d(8)(tspan=(0.0, 0.6))
SOLVER = sl.GMRES(precondition=sl.ILU(), rtol=1e-10)


def diffusion(u, p, t):
    return p[0] * (np.roll(u, 1) - 2 * u + np.roll(u, -1))


def reaction(u, p, t):
    return u * (p[1] - u) + np.sin(t)


RATES = np.array([40.0, 2.0])
START = 1 + np.sin(np.arange(30) * 0.2)
SPLIT = sl.SplitProblem(diffusion, reaction, START, (0.0, 1.0), RATES)
CIRCLE = np.roll(np.eye(30), 1, axis=0) + np.roll(np.eye(30), -1, axis=0) - 2 * np.eye(30)
SEMILINEAR = sl.SemilinearProblem(40 * CIRCLE, reaction, START, (0.0, 1.0), RATES)
CASES = {
    "QNDF": (PLATE, sl.QNDF()),
    "FBDF, matrix-free": (PLATE, sl.FBDF(linear_solver=sl.GMRES(limit=2000, rtol=1e-10))),
    "QNDF, GMRES": (PLATE, sl.QNDF(linear_solver=SOLVER)),
    "Kvaerno5, sparse": (PLATE, sl.Kvaerno5(linear_solver="sparse")),
    "KenCarp4, split": (SPLIT, sl.KenCarp4()),
    "Exprb43": (SPLIT, sl.Exprb43()),
    "ETDRK4": (SEMILINEAR, sl.ETDRK4()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_steps_and_values_as_with_the_readable_f(name):
    problem, method = CASES[name]
    options = {"dt": 0.02} if not method.adaptive else {"rtol": 1e-5, "atol": 1e-8}
    plain = sl.solve(problem, method, **options)
    quick = sl.solve(problem, method, backend="numba", **options)
    assert plain.success and quick.success and quick.problem is problem
    assert (quick.stats.naccept, quick.stats.nreject) == (plain.stats.naccept, plain.stats.nreject)
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-7)
    np.testing.assert_allclose(quick(0.3), plain(0.3), rtol=1e-7)
    assert "with f compiled (the loop ran in Python:" in quick.message


def test_products_with_the_jacobian_are_those_of_dual_numbers():
    f = CompiledF(PLATE.f, PLATE.u0, PLATE.p, 0.0)
    directions = np.random.default_rng(0).standard_normal((128, 5))
    found = f.derivative_along(PLATE.u0, PLATE.p, 0.5, directions)
    moved = [sl.ad.jvp(lambda u: PLATE.f(u, PLATE.p, 0.5), PLATE.u0, d)[1] for d in directions.T]
    np.testing.assert_allclose(found, np.stack(moved, axis=1), rtol=1e-12, atol=1e-9)


def test_what_is_no_plain_number_goes_to_f_as_it_was_written():
    f = CompiledF(reaction, START, RATES, 0.0)
    np.testing.assert_allclose(f(START, RATES, 0.5), reaction(START, RATES, 0.5), rtol=1e-14)
    assert f(START[:3], RATES, 0.5).shape == (3,)
    assert f(START + 0j, RATES, 0.5).dtype == complex
    slope = sl.ad.grad(lambda u: f(u, RATES, 0.5).sum(), START)
    np.testing.assert_allclose(slope, RATES[1] - 2 * START, rtol=1e-12)


def test_an_f_that_does_not_compile_stays_as_it_is():
    def odd(u, p, t):
        return -np.sort(u)

    problem = sl.ODEProblem(odd, [2.0, 1.0], (0.0, 0.5))
    assert compiled(problem) is None
    sol = sl.solve(problem, sl.QNDF(), backend="numba")
    assert sol.success and "f compiled" not in sol.message


def test_an_f_without_a_derivative_is_compiled_all_the_same():
    f = CompiledF(lambda u, p, t: -u * np.floor(u + 0.5), np.array([3.2, 1.1]), None, 0.0)
    np.testing.assert_allclose(f(np.array([3.2, 1.1]), None, 0.0), [-9.6, -1.1])
    along = f.derivative_along(np.array([3.2, 1.1]), None, 0.0, np.eye(2))
    np.testing.assert_allclose(along, np.diag([-3.0, -1.0]))


def test_a_callback_may_change_what_f_reads():
    valve = {"flow": 0.0}

    def f(u, p, t):
        return valve["flow"] + 0.0 * u

    def opens(u, p, t):
        valve["flow"] = 1.0

    problem = sl.ODEProblem(f, [0.0], (0.0, 2.0))
    for backend in ("numpy", "numba"):
        valve["flow"] = 0.0
        event = sl.Preset([1.0], lambda u, p, t: opens(u, p, t) or u)
        sol = sl.solve(problem, sl.QNDF(), backend=backend, callbacks=[event])
        assert abs(sol.u[-1, 0] - 1.0) < 1e-6
