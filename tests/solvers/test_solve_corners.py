"""Corners of `solve` where the numbers of the computer end."""

import copy
import pickle

import numpy as np
import pytest

import sciml_lab as sl


def decay(u, p, t):
    return -p * u


@pytest.mark.parametrize(
    ("start", "length", "rate", "options"),
    [
        (1e15, 10.0, 1.0, {}),
        (1e15, -10.0, -1.0, {}),
        (1e9, 1.0, 1e9, {}),
        (1e15, 10.0, 1.0, {"dt": 1e-2, "adaptive": False}),
    ],
)
def test_a_step_below_the_spacing_of_times_ends_the_solve(start, length, rate, options):
    """It used to be taken for ever: a step of length zero has no error."""
    prob = sl.ODEProblem(decay, [1.0], (start, start + length), rate)
    sol = sl.solve(prob, sl.Tsit5(), **options)
    assert not sol.success
    assert sol.stats.nsteps == 0
    assert sol.diagnosis.verdict == "step size underflow"
    assert "t can't move" in sol.message
    assert "tspan starts at 0" in sol.message


def test_a_lane_whose_time_cannot_move_leaves_the_others_alone():
    rates = np.array([[1.0, 1e9, 2.0]])
    prob = sl.ODEProblem(decay, np.ones((1, 3)), (1e9, 1e9 + 1), rates, batch=True)
    sol = sl.solve(prob, sl.Tsit5())
    np.testing.assert_array_equal(sol.stats.lanes["success"], [True, False, True])
    np.testing.assert_allclose(sol.u[-1, 0, [0, 2]], np.exp([-1.0, -2.0]), rtol=1e-5)
    assert np.isnan(sol.u[-1, 0, 1])


def test_dense_output_at_no_time_and_at_a_matrix_of_times():
    sol = sl.solve(sl.ODEProblem(decay, [1.0, 2.0], (0.0, 1.0), 1.0))
    assert sol([]).shape == (0, 2)
    with pytest.raises(ValueError, match="t must be one time or a list of times"):
        sol(np.zeros((2, 2)))


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.DOP853(), sl.BS3(), sl.Vern7()])
@pytest.mark.parametrize("part", [slice(None), slice(0, 2)])
def test_f_may_return_the_same_array_every_time(method, part):
    """A buffer that f fills again and again must not change the stages that are kept."""
    buffer = np.zeros(2)

    def fills(u, p, t):
        np.multiply(u, -1.0, out=buffer)
        return buffer[part]

    fresh = sl.ODEProblem(lambda u, p, t: -u, [1.0, 2.0], (0.0, 1.0))
    expected = sl.solve(fresh, method, saveat=[0.3, 1.0])
    sol = sl.solve(fresh.replace(f=fills), method, saveat=[0.3, 1.0])
    np.testing.assert_array_equal(sol.u, expected.u)
    np.testing.assert_array_equal(sol(0.77), expected(0.77))
    assert sol.stats.nf == expected.stats.nf


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_methods_solutions_and_errors_survive_copies(again):
    """Process pools send them by pickle."""
    method = again(sl.Tsit5())
    assert method == sl.Tsit5()
    sol = sl.solve(sl.ODEProblem(decay, [1.0, 2.0], (0.0, 1.0), 1.0), method)
    twin = again(sol)
    np.testing.assert_array_equal(twin.u, sol.u)
    np.testing.assert_array_equal(twin(0.3), sol(0.3))
    for kind in (sl.SolveError, sl.SolveInterrupted):
        error = again(kind(sol))
        assert type(error) is kind
        assert error.solution.message == sol.message == str(error)


def test_steps_of_a_batch_can_be_printed():
    prob = sl.ODEProblem(decay, np.ones((1, 2)), (0.0, 1.0), [[1.0, 2.0]], batch=True)
    first = next(sl.steps(prob, sl.Tsit5(), dt=0.01))
    assert repr(first).startswith("StepRecord(0: t=0 to 0, h=0.01 to 0.01, 2 of 2 traj")


@pytest.mark.parametrize("spacing", [1e-12, 1e-320])
def test_a_spacing_of_outputs_that_no_memory_holds_is_refused(spacing):
    prob = sl.ODEProblem(decay, [1.0], (0.0, 1.0), 1.0)
    with pytest.raises(ValueError, match="choose a wider spacing"):
        sl.solve(prob, saveat=spacing)


MIXING = {
    "mean": lambda u, p, t: p[0] * (np.mean(u) - u),
    "norm": lambda u, p, t: -p[0] * u * np.linalg.norm(u),
    "roll": lambda u, p, t: p[0] * (np.roll(u, 1) - u),
    "sort": lambda u, p, t: -p[0] * np.sort(u),
    "last axis": lambda u, p, t: -p[0] * u * np.sum(u, axis=-1),
    "size": lambda u, p, t: -p[0] * u / u.size,
    "product": lambda u, p, t: p[0] * (u @ np.arange(9.0).reshape(3, 3)),
    "first": lambda u, p, t: -p[0] * u * u.ravel()[0],
}


@pytest.mark.parametrize("p", [[0.5], [[0.5, 0.5, 0.5]]])
@pytest.mark.parametrize("name", MIXING)
def test_an_f_that_mixes_the_trajectories_of_a_batch_is_refused(name, p):
    """Written for one trajectory, it would give wrong numbers without a sign of it."""
    prob = sl.ODEProblem(MIXING[name], np.ones((3, 3)), (0.0, 0.5), p, batch=True)
    with pytest.raises(ValueError, match=r"f mixes the trajectories .* \(axis=0\)"):
        sl.solve(prob, sl.Tsit5())


@pytest.mark.parametrize(
    "f",
    [
        lambda u, p, t: p[0] * (np.mean(u, axis=0) - u),
        lambda u, p, t: p[0] * (np.roll(u, 1, axis=0) - u),
        lambda u, p, t: -p[0] * np.array([0.3, 1.0, 2.0]) * u,  # one number for each trajectory
        lambda u, p, t: np.log(1.000_000_1 - u),  # defined at the initial state alone
        lambda u, p, t: (np.eye(3) - 1.0 / 3.0) @ u,  # nothing but rounding at equal components
        lambda u, p, t: 0.0 * u,
    ],
)
def test_an_f_that_keeps_the_trajectories_apart_is_taken(f):
    prob = sl.ODEProblem(f, np.ones((3, 3)), (0.0, 1e-8), [0.5], batch=True)
    assert sl.solve(prob, sl.Tsit5()).success


@pytest.mark.parametrize("name", ["u0", "p"])
def test_masked_entries_are_refused(name):
    """NumPy would hand out what lies under the mask."""
    prob = sl.ODEProblem(decay, [1.0, 2.0], (0.0, 1.0), [1.0, 1.0])
    masked = np.ma.array([1.0, -999.0], mask=[False, True])
    with pytest.raises(ValueError, match=f"{name} has masked entries"):
        prob.replace(**{name: masked})
    full = np.ma.array([1.0, 2.0], mask=False)
    assert getattr(prob.replace(**{name: full}), name).shape == (2,)


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.RK4(), sl.Vern7()])
def test_an_f_that_writes_into_u_later_is_refused(method):
    """A clamp inside f would change the state of the solver."""

    def clamps(u, p, t):
        if u[0] < 0:
            u[0] = 0.0
        return np.array([-1.0])

    prob = sl.ODEProblem(clamps, [0.5], (0.0, 1.0))
    with pytest.raises(ValueError, match=r"at t = .* f wrote into its argument u"):
        sl.solve(prob, method, dt=0.1)
