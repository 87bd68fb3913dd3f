"""Splitting methods: order by words and by measurement, symplectic maps, energy that stays."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import symplectic, words

METHODS = list(symplectic.METHODS.values())
ORDERS = dict(zip((cls.__name__ for cls in METHODS), (1, 2, 3, 4, 5, 6, 6, 8), strict=True))


def pendulum(end=2.0):
    return sl.HamiltonianProblem(
        lambda q, p, c, t: p / c[0],
        lambda q, p, c, t: c[0] * np.sin(q),
        [1.2, 0.5],
        [0.3, -0.4],
        (0.0, end),
        [1.3],
        H=lambda q, p, c, t: np.sum(p**2 / 2 / c[0] - c[0] * np.cos(q)),
    )


@pytest.mark.parametrize("cls", METHODS)
def test_order_by_words(cls):
    method, order = cls(), ORDERS[cls.__name__]
    assert method.order == order
    defects = words.defects(method.flows, order + 1, method.quadratic)
    assert max(defects[:-1]) < 1e-14 < defects[-1]


def test_words_against_trees():
    """A Runge-Kutta-Nystrom fact: without the vanishing commutator McAte4 has order 3."""
    assert words.order_of(sl.McAte4().flows) == 3
    assert words.order_of(sl.McAte4().flows, quadratic=True) == 4


@pytest.mark.parametrize("cls", METHODS)
def test_order_by_measurement(cls):
    prob, method = pendulum(), cls()
    exact = sl.solve(prob, sl.Vern9(), rtol=1e-14, atol=1e-15).u[-1]
    first = {1: 200, 2: 60, 3: 40, 4: 20, 5: 16, 6: 12, 8: 6}[method.order]
    counts = first * np.array([1.0, 1.5, 2.0, 3.0])
    errors = [
        np.linalg.norm(sl.solve(prob, method, dt=2.0 / n, dense=False).u[-1] - exact)
        for n in counts
    ]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - method.order) < 0.2, (slope, errors)


@pytest.mark.parametrize("cls", METHODS)
def test_one_step_is_a_symplectic_map(cls):
    """D^T S D = S for the derivative D of one step, S the symplectic matrix."""
    prob, method, n = pendulum(), cls(), 2
    f = method.side(prob, (2 * n,))
    D = sl.ad.jacobian(lambda u: method.step(f, u, prob.p, 0.0, 0.3).u, prob.u0)
    S = np.block([[np.zeros((n, n)), np.eye(n)], [-np.eye(n), np.zeros((n, n))]])
    assert np.max(np.abs(D.T @ S @ D - S)) < 2e-13


@pytest.mark.parametrize("cls", [c for c in METHODS if c.__name__ not in ("SymplecticEuler",
                                 "Ruth3", "McAte4", "McAte5")])  # fmt: skip
def test_symmetric_methods_go_back(cls):
    prob, method = pendulum(), cls()
    there = sl.solve(prob, method, dt=0.1)
    back = sl.solve(
        prob.replace(q0=there.u[-1][:2], p0=there.u[-1][2:], tspan=(2.0, 0.0)), method, dt=0.1
    )
    assert np.max(np.abs(back.u[-1] - prob.u0)) < 1e-13


@pytest.mark.parametrize("cls", METHODS)
def test_forces_are_shared_between_steps(cls):
    method = cls()
    sol = sl.solve(pendulum(), method, dt=0.02, dense=False)
    assert sol.stats.nf - method.stages * sol.stats.nsteps <= 6  # f at the start, the check


@pytest.mark.parametrize("method", [sl.VelocityVerlet(), sl.McAte4(), sl.DPRKN6()])
def test_functions_may_return_lists(method):
    listed = sl.SecondOrderProblem(lambda x, v, p, t: [-x[0]], [1.0], [0.0], (0.0, 1.0))
    plain = listed.replace(acceleration=lambda x, v, p, t: -x)
    assert np.array_equal(*(sl.solve(p, method, dt=0.1).u for p in (listed, plain)))


def test_energy_stays_for_the_symplectic_one_and_drifts_for_the_other():
    prob = pendulum(end=400.0)

    def energy_error(sol):
        H = [prob.H(u[:2], u[2:], prob.p, t) for u, t in zip(sol.u, sol.t, strict=True)]
        return np.abs(np.array(H) - H[0])

    for method, other in ((sl.VelocityVerlet(), sl.Heun()), (sl.McAte4(), sl.RK4())):
        kept = energy_error(sl.solve(prob, method, dt=0.2, saveat=1.0))
        lost = energy_error(sl.solve(prob, other, dt=0.2, adaptive=False, saveat=1.0))
        third = len(kept) // 3
        assert np.max(kept[-third:]) < 1.2 * np.max(kept[:third])
        assert np.max(lost[-third:]) > 1.8 * np.max(lost[:third])


def test_newton_and_hamilton_agree():
    newton = sl.SecondOrderProblem(lambda x, v, p, t: -np.sin(x), [1.0], [0.2], (0.0, 3.0))
    hamilton = sl.HamiltonianProblem(
        lambda q, p, c, t: p, lambda q, p, c, t: np.sin(q), [1.0], [0.2], (0.0, 3.0)
    )
    one, two = (sl.solve(prob, sl.KahanLi8(), dt=0.25) for prob in (newton, hamilton))
    assert np.array_equal(one.u, two.u)
    general = sl.solve(newton, sl.Vern9(), rtol=1e-13, atol=1e-14)
    assert np.allclose(one.u[-1], general.u[-1], atol=1e-8)
    assert np.allclose(one(1.1), general(1.1), atol=1e-3)


def test_a_force_that_depends_on_time():
    """x'' = -x + cos(2 t): closed form x = (4 cos t - cos 2t)/3 from x = 1, v = 0."""
    prob = sl.SecondOrderProblem(lambda x, v, p, t: -x + np.cos(2 * t), [1.0], [0.0], (0.0, 5.0))
    errors = []
    for dt in (0.1, 0.05):
        x = sl.solve(prob, sl.KahanLi6(), dt=dt).u[-1, 0]
        errors.append(abs(x - (4 * np.cos(5.0) - np.cos(10.0)) / 3))
    assert np.log2(errors[0] / errors[1]) > 5.5


def test_misuse_gets_a_sentence():
    mixed = sl.HamiltonianProblem(
        lambda q, p, c, t: p * q, lambda q, p, c, t: p**2 / 2, [1.0], [1.0], (0.0, 1.0)
    )
    with pytest.raises(ValueError, match="separable equations only.*velocity depends"):
        sl.solve(mixed, sl.VelocityVerlet(), dt=0.1)
    drag = sl.SecondOrderProblem(lambda x, v, p, t: -v, [1.0], [1.0], (0.0, 1.0))
    with pytest.raises(ValueError, match="force depends on the momenta.*Gauss"):
        sl.solve(drag, sl.KahanLi6(), dt=0.1)
    with pytest.raises(ValueError, match="dt is required"):
        sl.solve(pendulum(), sl.McAte5())
    with pytest.raises(ValueError, match="error estimate"):
        sl.solve(pendulum(), sl.McAte5(), adaptive=True, dt=0.1)
    with pytest.raises(TypeError, match="made for a HamiltonianProblem or SecondOrderProblem"):
        sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0, 1)), sl.Ruth3(), dt=0.1)
    with pytest.raises(ValueError, match="add up to 1"):
        symplectic.Splitting("half", (("A", 0.5), ("B", 1.0)))


def test_print():
    text = str(sl.VelocityVerlet())
    assert "order 2" in text and text.count("kick") == 2 and sl.VelocityVerlet().stages == 1
    assert sl.KahanLi8().stages == 17 and repr(sl.KahanLi8()) == "KahanLi8()"
