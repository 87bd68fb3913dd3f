"""Stiff problems of the zoo: the error at the end is within ten times the tolerance asked for.

What takes longer (finer tolerances, the ring modulator, Medical Akzo Nobel) is in
benchmarks/tolerance.py, with the same measure.
"""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.strictness import accumulated, blindness, of_step

HIGH = [
    sl.Rodas4(), sl.Rodas4P(), sl.Rodas5P(), sl.Kvaerno5(), sl.KenCarp4(), sl.KenCarp5(),
    sl.RadauIIA5(), sl.QNDF(), sl.FBDF(), None,
]  # fmt: skip
LOW = [sl.Rosenbrock23(), sl.Trapezoid(), sl.TRBDF2(), sl.Kvaerno3(), sl.KenCarp3()]
PROBLEMS = ("rober", "hires", "pollu", "chemical_akzo_nobel", "van_der_pol_stiff", "oregonator")
QUICK = ("rober", "hires", "pollu", "chemical_akzo_nobel")


def error_in_tolerances(name, method, tol):
    """The largest relative error of a component, in units of rtol."""
    entry = sl.zoo.get(name)
    size = np.abs(entry.reference.u)
    atol = tol * 1e-3 * np.min(size[size > 0])
    sol = sl.solve(entry(), method, rtol=tol, atol=atol, dense=False)
    assert sol.success
    return entry.reference.error(sol.u[-1]) / tol


@pytest.mark.parametrize("method", HIGH, ids=repr)
@pytest.mark.parametrize("name", PROBLEMS)
def test_methods_of_high_order_at_a_loose_tolerance(name, method):
    assert error_in_tolerances(name, method, 1e-4) < 10


@pytest.mark.parametrize("method", [m for m in HIGH if m is not None], ids=repr)
@pytest.mark.parametrize(("name", "tol"), [
    ("hires", 1e-6), ("pollu", 1e-6), ("chemical_akzo_nobel", 1e-6), ("chemical_akzo_nobel", 1e-8),
])  # fmt: skip
def test_methods_of_high_order_at_finer_tolerances(name, tol, method):
    assert error_in_tolerances(name, method, tol) < 10


@pytest.mark.parametrize("method", LOW, ids=repr)
def test_methods_of_low_order(method):
    """Their errors add up most where the step is short: in the jumps of the Oregonator."""
    assert error_in_tolerances("hires", method, 1e-4) < 10
    assert error_in_tolerances("oregonator", method, 1e-3) < 10


def pulled(u, p, t):
    """The stiff part of the equation of Prothero and Robinson: u is pulled to sin(t)."""
    return -1e6 * (u - np.sin(t))


@pytest.mark.parametrize("method", [sl.KenCarp3(), sl.KenCarp4(), sl.KenCarp5()], ids=repr)
@pytest.mark.parametrize("tol", [1e-4, 1e-5])
def test_imex_methods_on_the_equation_of_prothero_and_robinson(tol, method):
    prob = sl.SplitProblem(pulled, lambda u, p, t: np.cos(t) + 0 * u, [0.5], (0.0, 3.0))
    sol = sl.solve(prob, method, rtol=tol, atol=0.01 * tol, dense=False)
    late = sol.t > 1
    exact = np.sin(sol.t[late])
    assert np.max(np.abs(sol.u[late, 0] - exact) / (0.01 + np.abs(exact))) < 10 * tol


def test_rkc_on_diffusion():
    """The Fourier modes of the heat equation, and a source."""
    rates = np.arange(1, 40) ** 2

    def f(u, p, t):
        return -rates * u + np.cos(t)

    prob = sl.ODEProblem(f, np.zeros(39), (0.0, 5.0))
    exact = (rates * np.cos(5) + np.sin(5)) / (rates**2 + 1)  # the start is forgotten
    exact = exact - rates / (rates**2 + 1) * np.exp(-5.0 * rates)
    sol = sl.solve(prob, sl.RKC(), rtol=1e-5, atol=1e-8, dense=False)
    assert np.max(np.abs(sol.u[-1] - exact) / (1e-3 + np.abs(exact))) < 10e-5


def test_the_errors_of_many_steps_are_proportional_to_the_tolerance():
    """Order 2 with an estimate of order 3: without strictness 1/4.6 of this ratio."""
    errors = [error_in_tolerances("hires", sl.Rosenbrock23(), tol) for tol in (1e-3, 1e-5)]
    assert 0.5 < errors[0] / errors[1] < 2


def test_explicit_methods_and_those_that_need_none_have_no_strictness():
    for method in (sl.Tsit5(), sl.Vern9(), sl.Rodas5P(), sl.RadauIIA5(), sl.ImplicitEuler()):
        assert method.strictness(1e-9) == 1.0


def test_strictness_leaves_room_for_rounding():
    assert of_step(sl.TRBDF2(), 1e-13) < 100 < sl.TRBDF2().strictness(1e-13)
    assert of_step(sl.TRBDF2(), np.array([1e-3, 1e-6])) == sl.TRBDF2().strictness(1e-6)
    assert sl.solve(sl.zoo.pendulum(tspan=(0.0, 0.01)), sl.KenCarp5(), rtol=1e-13).success


def test_blindness_is_what_the_linear_equation_shows():
    """A step of the method against the exact solution, where the estimate misses most."""
    method, z = sl.KenCarp4(), -100.0
    prob = sl.ODEProblem(lambda u, p, t: z * u, [1.0], (0.0, 1.0))
    step = method.step(method.side(prob, (1,)), prob.u0, None, 0.0, 1.0)
    seen = abs(step.u[0] - np.exp(z)) / abs(step.error[0])
    assert 0.5 * blindness(method.tableau) < seen <= 1.001 * blindness(method.tableau)


def test_a_fixed_step_does_not_know_of_tolerances():
    prob = sl.zoo.pendulum(tspan=(0.0, 1.0))
    a, b = (sl.solve(prob, sl.TRBDF2(), dt=0.1, adaptive=False, rtol=r) for r in (1e-3, 1e-9))
    assert np.array_equal(a.u, b.u)


def test_accumulated_is_one_at_loose_tolerances():
    assert accumulated(0.1, 3, 2) == 1.0
    assert accumulated(0.0, 4, 3) > 1.0
