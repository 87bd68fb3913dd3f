"""The pendulum in all its forms: what drifts, what mends it; and consistent initial values."""

import numpy as np
import pytest

import sciml_lab as sl

RTOL = 1e-6


def solved(motion, form, method=None, **options):
    return sl.solve(
        motion.problem(**form), method or sl.FBDF(), rtol=RTOL, atol=RTOL, dense=False, **options
    )


def drift(motion, sol):
    """How far the constraint and its derivative are violated, at most."""
    off = np.array([motion.manifold(u, motion.p, t) for t, u in zip(sol.t, sol.u, strict=True)])
    return np.max(np.abs(off), axis=0)


def position(time):
    angle = sl.zoo.pendulum.exact(time, [np.pi / 2, 0.0], [9.81, 1.0])[0]
    return np.array([np.sin(angle), -np.cos(angle)])


@pytest.mark.parametrize("method", [sl.FBDF(), sl.QNDF()], ids=repr)
@pytest.mark.parametrize("form", [{"index": 1}, {"stabilisation": "baumgarte"}], ids=str)
def test_forms_of_index_one(form, method):
    sol = solved(sl.zoo.pendulum_motion(tspan=(0.0, 2.0)), form, method)
    assert sol.success
    assert np.max(np.abs(sol.u[-1, :2] - position(2.0))) < 10 * RTOL


@pytest.mark.parametrize("method", [sl.FBDF(), sl.QNDF()], ids=repr)
@pytest.mark.parametrize("form", [{"index": 2}, {"stabilisation": "ggl"}], ids=str)
def test_forms_of_index_two(form, method):
    sol = solved(sl.zoo.pendulum_motion(tspan=(0.0, 2.0)), form, method)
    assert sol.success
    assert np.max(np.abs(sol.u[-1, :2] - position(2.0))) < 10 * RTOL


def test_drift_is_there_and_every_remedy_mends_it():
    motion = sl.zoo.pendulum_motion(tspan=(0.0, 10.0))
    free = drift(motion, solved(motion, {"index": 1}))[0]
    assert free > 2 * RTOL
    assert drift(motion, solved(motion, {"stabilisation": "baumgarte"}))[0] < 0.2 * free
    assert np.max(drift(motion, solved(motion, {"stabilisation": "ggl"}))) < RTOL
    project = sl.Project(motion.manifold)
    held = solved(motion, {"index": 0}, sl.Tsit5(), callbacks=[project])
    assert np.max(drift(motion, held)) < 1e-12
    loose = solved(motion, {"index": 0}, sl.Tsit5())
    assert drift(motion, loose)[0] > RTOL


def test_drift_grows_with_time():
    """Of index 1, g'' = 0 is solved: the violation of g grows."""
    motion = sl.zoo.pendulum_motion(tspan=(0.0, 20.0))
    sol = solved(motion, {"index": 1})
    off = np.array([abs(motion.manifold(u, motion.p, 0.0)[0]) for u in sol.u])
    assert np.max(off[sol.t > 15]) > 3 * np.max(off[sol.t < 3])


# -- consistent initial values --------------------------------------------------------------------


def semi_explicit(u, p, t):
    x, y, z = u
    return np.array([-y, z - y + t, z**3 + z - x])  # x' = -y, and two constraints


PROBLEM = sl.ODEProblem(
    semi_explicit, [2.0, 0.0, 0.0], (0.0, 1.0), mass_matrix=np.diag([1.0, 0.0, 0.0])
)


@pytest.mark.parametrize("variant", ["brown", "shampine"])
def test_a_mass_matrix_problem(variant):
    found = sl.consistent(PROBLEM, variant)
    assert isinstance(found, sl.ODEProblem)
    np.testing.assert_allclose(found.f(found.u0, None, 0.0)[1:], 0.0, atol=1e-5)
    np.testing.assert_allclose(found.u0, [2.0, 1.0, 1.0], atol=1e-4)
    if variant == "brown":
        assert found.u0[0] == 2.0
        np.testing.assert_allclose(found.u0, [2.0, 1.0, 1.0], rtol=1e-14)
        for method in (sl.FBDF(), sl.QNDF(), sl.Rodas5P()):
            assert sl.solve(found, method).success


def test_a_start_that_is_consistent_stays_as_it_is():
    found = sl.consistent(PROBLEM.replace(u0=[2.0, 1.0, 1.0]))
    np.testing.assert_allclose(found.u0, [2.0, 1.0, 1.0], rtol=1e-15)
    ode = sl.zoo.lorenz()
    assert sl.consistent(ode) is ode
    regular = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0), mass_matrix=[[2.0]])
    assert sl.consistent(regular) is regular


def test_a_mass_matrix_without_rows_of_zeros():
    """Only the sum of both equations is a constraint, only u0 - u1 is differential."""
    M = np.array([[1.0, -1.0], [-1.0, 1.0]])
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-u[0], 8.0 - u[1] ** 2]), [5.0, 1.0], (0.0, 1.0), mass_matrix=M
    )
    found = sl.consistent(prob)
    assert found.u0[0] - found.u0[1] == pytest.approx(4.0, rel=1e-14)
    assert np.sum(found.f(found.u0, None, 0.0)) == pytest.approx(0.0, abs=1e-12)


def test_a_residual_gets_both_u_and_slope():
    def residual(du, u, p, t):
        return np.array([du[0] + 0.1 * du[0] ** 3 + u[1], u[1] - np.exp(t) * u[0]])

    prob = sl.DAEProblem(residual, [0.0, 0.0], [1.0, 7.0], (0.0, 1.0))
    found = sl.consistent(prob)
    assert found.u0[0] == 1.0
    np.testing.assert_allclose(residual(found.du0, found.u0, None, 0.0), 0.0, atol=1e-12)
    assert found.du0[1] == pytest.approx(found.du0[0] + 1.0, rel=1e-6)  # the constraint's slope
    assert sl.solve(found).success
    with pytest.raises(ValueError, match="u0 is inconsistent"):
        sl.solve(prob)


def test_shampine_ends_on_the_constraints_of_index_two():
    """A velocity that leads off the circle is turned by an impulse of the rod."""
    prob = sl.zoo.pendulum_dae(stabilisation="ggl", tspan=(0.0, 1.0))
    pushed = prob.replace(u0=prob.u0 + np.array([0, 0, 0.3, 0.2, 1.0, 0.0]))
    with pytest.raises(ValueError, match="index is above 1"):
        sl.consistent(pushed)
    found = sl.consistent(pushed, "shampine")
    x, v = found.u0[:2], found.u0[2:4]
    assert abs(x @ x - 1) < 1e-9
    assert abs(x @ v) < 1e-9
    np.testing.assert_allclose(v, [0.0, 0.2], atol=1e-4)
    assert sl.solve(found, sl.FBDF(), rtol=1e-6).success


def test_no_solution_is_said():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-u[0], u[1] ** 2 + u[0]]), [1.0, 0.5], (0.0, 1.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"no consistent start near u0: .* equation \[1\] of M u'"):
        sl.consistent(prob)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((PROBLEM, "guess"), ValueError, "variant must be one of 'brown', 'shampine'"),
        ((3,), TypeError, "problem must be an ODEProblem with a mass matrix or a DAEProblem"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        sl.consistent(*arguments)


# -- events ---------------------------------------------------------------------------------------


def follows(u, p, t):
    """x' = -y, and y = x p."""
    return np.array([-u[1], u[1] - u[0] * p[0]])


FOLLOWS = sl.ODEProblem(follows, [1.0, 1.0], (0.0, 2.0), [1.0], mass_matrix=np.diag([1.0, 0.0]))
AS_RESIDUAL = sl.DAEProblem(
    lambda du, u, p, t: np.array([du[0] + u[1], u[1] - u[0] * p[0]]),
    [-1.0, -1.0], [1.0, 1.0], (0.0, 2.0), [1.0],
)  # fmt: skip


@pytest.mark.parametrize("prob", [FOLLOWS, AS_RESIDUAL], ids=["mass matrix", "residual"])
@pytest.mark.parametrize("method", [sl.QNDF(), sl.FBDF()], ids=repr)
def test_the_algebraic_part_follows_an_event(method, prob):
    """The affect adds to x alone (and doubles p); y = p x holds again at once."""
    kick = sl.Preset([1.0], lambda u, p, t: (u + np.array([1.0, 0.0]), 2 * p))
    sol = sl.solve(prob, method, rtol=1e-8, atol=1e-10, callbacks=kick)
    assert sol.success
    want = (np.exp(-1.0) + 1.0) * np.exp(-2.0)
    np.testing.assert_allclose(sol.u[-1], [want, 2 * want], rtol=1e-6)


def test_an_event_that_the_constraints_forbid_keeps_the_part_before():
    prob = sl.ODEProblem(
        lambda u, p, t: np.array([-1.0 + 0 * u[0], u[1] ** 2 - u[0]]), [4.0, 2.0], (0.0, 2.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    push = sl.Preset([1.0], lambda u, p, t: u - np.array([5.0, 0.0]))
    sol = sl.solve(prob, sl.QNDF(), callbacks=push)
    assert not sol.success
    assert sol.t[-1] == 1.0
    assert "no consistent start" in sol.message
