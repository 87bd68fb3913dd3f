"""The compiled loop of Nystrom methods: the readable one's stages, steps, values and failures."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

from sciml_lab.backends.numba import nystrom as compiled
from sciml_lab.solvers import nystrom

METHODS = list(nystrom.METHODS.values())


def swing(x, v, p, t):
    return -np.sin(x) * (1 + 0.3 * np.cos(2 * t)) - p[0] * x[::-1] ** 2


SWING = sl.SecondOrderProblem(swing, [1.2, 0.4], [0.3, -0.5], (0.0, 10.0), [0.1])


def same(problem, method, tolerance=1e-7, **options):
    """Solve with both backends and compare the counters, the messages and the values.

    The length of a step follows the last digits of the estimated error, so the ends of the steps
    move a little; with fixed steps the values agree to rounding.
    """
    plain, quick = [sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba")]
    assert (quick.success, quick.message) == (plain.success, plain.message)
    for name in ("nf", "nsteps", "naccept", "nreject"):
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    np.testing.assert_allclose(quick.t, plain.t, rtol=tolerance)
    np.testing.assert_allclose(quick.u, plain.u, rtol=tolerance, atol=tolerance)
    return plain, quick


@pytest.mark.parametrize("cls", METHODS)
def test_the_same_steps_and_values(cls):
    options = {"rtol": 1e-6} if cls().adaptive else {"dt": 0.05}
    plain, quick = same(SWING, cls(), **options)
    times = np.linspace(0.01, 9.99, 23)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(quick(5.5), plain(5.5), rtol=1e-10)
    same(SWING, cls(), tolerance=1e-11, saveat=[0.0, 0.31, 7.7], dense=False, **options)
    same(SWING.replace(tspan=(2.0, 1.0)), cls(), **options)
    other = SWING.replace(u0=[0.3, 0.1, 0.0, 0.2], p=[0.2])
    same(other, cls(), tolerance=1e-12, dt=0.03, adaptive=False)


def test_rejected_steps_and_other_numbers_of_unknowns():
    kepler = sl.zoo.kepler_second_order(0.9, tspan=(0.0, 30.0))
    plain, _ = same(kepler, sl.DPRKN6(), tolerance=1e-6, rtol=1e-7, atol=1e-7)
    assert plain.stats.nreject > 5
    spring = sl.SecondOrderProblem(lambda x, v, p, t: -p * x, np.ones(3), np.zeros(3), (0, 9), 2.0)
    same(spring, sl.DPRKN6(), rtol=1e-9)
    planets = sl.zoo.outer_solar_system_second_order(tspan=(0.0, 4000.0))
    same(planets, sl.DPRKN6(), tolerance=1e-8, rtol=1e-6, atol=1e-8)


def test_a_tableau_of_ones_own():
    verlet = sl.NystromTableau("my Verlet", [[0, 0], [0.5, 0]], [0.5, 0], [0.5, 0.5], [0, 1])
    plain, quick = same(SWING, nystrom.Nystrom(verlet), dt=0.05)
    np.testing.assert_allclose(quick(3.3), plain(3.3), rtol=1e-11)


def test_the_text_holds_the_readable_numbers():
    table = sl.DPRKN6().tableau
    assert repr(float(table.b[2])) in compiled.text(sl.DPRKN6())


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_an_acceleration_that_depends_on_the_velocity_gets_one_sentence(backend):
    rubbing = sl.SecondOrderProblem(lambda x, v, p, t: -x - 0.1 * v, [1.0], [0.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="DPRKN6 solves x'' = a.*depends on the velocity"):
        sl.solve(rubbing, sl.DPRKN6(), backend=backend)


def test_failures_are_explained_alike():
    falls = sl.SecondOrderProblem(lambda x, v, p, t: x**3, [1.0], [1.0], (0.0, 5.0))
    plain, quick = [sl.solve(falls, sl.DPRKN6(), backend=b) for b in ("numpy", "numba")]
    assert not quick.success and quick.message.split(":")[0] == plain.message.split(":")[0]
    assert abs(quick.t[-1] - plain.t[-1]) < 1e-6
    plain, quick = same(SWING, sl.DPRKN6(), rtol=1e-10, max_steps=9)
    assert not quick.success
