"""A compiled solve that changes its method: the readable loop's steps, switches and states."""

import pickle

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")
pytest.importorskip("scipy", reason="the readable implicit methods factorise with SciPy")

from sciml_lab.backends.numba import kernels
from sciml_lab.solvers import autoswitch


def decay(u, p, t):
    return -p[0] * (u - np.cos(t))


def explode(u, p, t):
    return np.array([u[0] ** 2, -1e4 * u[1]])


STIFF = ("rober", "hires", "oregonator", "pollu", "van_der_pol_stiff")
STEP_BY_STEP = ("hires", "pollu", "van_der_pol_stiff")
SMALLEST = {"rober": 1e-12, "hires": 1e-10, "pollu": 1e-12}  # absolute tolerances


def both(problem, method=None, **options):
    options = {"rtol": 1e-6, "atol": 1e-9, **options}
    return [sl.solve(problem, method, backend=name, **options) for name in ("numpy", "numba")]


def same(readable, compiled):
    """Compare step by step."""
    assert compiled.message == readable.message  # it names the switches, and when
    for name in ("naccept", "nreject", "njac"):
        assert getattr(compiled.stats, name) == getattr(readable.stats, name)
    np.testing.assert_allclose(compiled.t, readable.t, rtol=1e-7)
    alike(readable, compiled, 0.0, 1e-8)


def alike(readable, compiled, times, states):
    """Compare where a step at the limit of stability has a say.

    There the estimated error consists of rounding errors that grow until they are noticed, and
    the first step of a kind falls here or there.
    """
    assert [switch.to for switch in compiled.switches] == [s.to for s in readable.switches]
    for one, other in zip(compiled.switches, readable.switches, strict=True):
        assert one.t == pytest.approx(other.t, rel=times or 1e-9)
    scale = np.max(np.abs(readable.u), axis=0)
    np.testing.assert_allclose(compiled.u[-1] / scale, readable.u[-1] / scale, rtol=0, atol=states)


@pytest.mark.parametrize("name", STIFF)
def test_the_default_switches_as_in_the_readable_loop(name):
    readable, compiled = both(sl.zoo.get(name)(), atol=SMALLEST.get(name, 1e-9))
    assert readable.switches
    if name in STEP_BY_STEP:
        same(readable, compiled)
    alike(readable, compiled, 0.1, 1e-5)


@pytest.mark.parametrize("options", [{"saveat": 7.0}, {"dense": False}, {"rtol": 1e-9}], ids=str)
def test_outputs_lie_where_they_are_asked_for(options):
    readable, compiled = both(sl.zoo.oregonator(tspan=(0.0, 40.0)), **options)
    alike(readable, compiled, 0.1, 1e-5)
    if "saveat" in options:
        np.testing.assert_array_equal(compiled.t, readable.t)
        np.testing.assert_allclose(compiled.u, readable.u, rtol=1e-4)


def test_the_solution_between_the_steps_is_that_of_the_method_at_work():
    readable, compiled = both(sl.zoo.oregonator(tspan=(0.0, 40.0)))
    times = np.linspace(0.0, 40.0, 301)
    np.testing.assert_allclose(compiled(times), readable(times), rtol=1e-4)


def test_other_pairs_of_methods():
    pair = sl.AutoSwitch(sl.Vern7(), sl.Rodas4())
    alike(*both(sl.zoo.van_der_pol_stiff(), pair, rtol=1e-8), 0.1, 1e-6)


def test_a_solve_that_is_repeated_takes_the_short_way_and_switches_as_before():
    problem = sl.zoo.hires()
    first, second, third = (
        sl.solve(problem, rtol=1e-6, atol=1e-10, backend="numba") for _ in range(3)
    )
    for sol in (second, third):
        assert sol.message == first.message
        np.testing.assert_array_equal(sol.u, first.u)


def test_what_is_not_stiff_stays_with_the_explicit_method():
    problem = sl.zoo.lorenz(tspan=(0.0, 3.0))
    for _ in range(2):
        sol = sl.solve(problem, rtol=1e-6, backend="numba")
        assert (sol.method, list(sol.switches)) == (sl.Tsit5(), [])


def test_several_solves_in_turns_count_their_steps_apart():
    mild = sl.ODEProblem(decay, [1.0], (0.0, 1.0), [1.0])
    stiff = mild.replace(p=[1e5])
    for _ in range(3):
        assert not sl.solve(mild, backend="numba").switches
        assert sl.solve(stiff, backend="numba").switches[0].to == sl.Rodas5P()


def test_a_failure_after_a_switch_keeps_what_there_is():
    problem = sl.ODEProblem(explode, [1.0, 1.0], (0.0, 2.0))
    readable, compiled = both(problem)
    assert not compiled.success
    assert compiled.switches
    assert compiled.diagnosis.verdict == readable.diagnosis.verdict
    assert compiled.t[-1] == pytest.approx(1.0, abs=1e-4)


def test_max_steps_holds_for_all_pieces_together():
    sol = sl.solve(sl.zoo.rober(), atol=1e-12, max_steps=60, backend="numba")
    assert not sol.success
    assert sol.switches
    assert sol.stats.naccept + sol.stats.nreject == 60


def test_backwards_in_time():
    problem = sl.ODEProblem(lambda u, p, t: 1e4 * (u - np.sin(t)), [0.5], (1.0, 0.0))
    same(*both(problem))


def test_a_solution_can_be_sent():
    sol = sl.solve(sl.zoo.hires(), rtol=1e-6, atol=1e-10, backend="numba")
    copy = pickle.loads(pickle.dumps(sol))
    np.testing.assert_array_equal(copy(100.0), sol(100.0))


def test_the_kernels_decide_by_the_readable_rules():
    rule = kernels._without_docstring(autoswitch.stiffening)
    assert rule in kernels.text(sl.Tsit5(), watched="stiffness")
    assert kernels._without_docstring(autoswitch.easing) in kernels.text(
        sl.Rodas5P(), watched="calm"
    )
