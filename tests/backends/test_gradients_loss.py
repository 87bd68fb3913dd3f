"""A loss in one compiled call, and training in compiled code: the readable numbers, to rounding."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.backends.numba import gradient_layout, layout
from sciml_lab.nn.compiled import compiled_training
from sciml_lab.nn.optimisers import Evaluation

T = np.linspace(0.0, 3.0, 16)
DATA = sl.solve(
    sl.ODEProblem(
        lambda u, p, t: np.array([1.5 * u[0] - u[0] * u[1], -3.0 * u[1] + u[0] * u[1]]),
        [1.0, 1.0], (0.0, 3.0),
    ), sl.Tsit5(), rtol=1e-9, saveat=T,
).u  # fmt: skip
NET = sl.nn.MLP([2, 12, 2])
HOW = {
    "Tsit5": {"method": sl.Tsit5(), "rtol": 1e-6, "atol": 1e-8},
    "fixed RK4": {"substeps": 3},
    "DOP853": {"method": sl.DOP853(), "rtol": 1e-8},
}


def f(u, p, t):
    return NET(u, p)


def pair(make, *arguments, **options):
    """The same loss for both backends."""
    return [make(*arguments, backend=b, **options) for b in ("numpy", "numba")]


def agree(readable, compiled, p, rtol=1e-11):
    value, slope = sl.ad.value_and_grad(readable, p)
    quick, quick_slope = sl.ad.value_and_grad(compiled, p)
    assert compiled.compiled(p) is not None and readable.compiled(p) is None
    assert abs(quick - value) <= rtol * value
    assert np.max(np.abs(quick_slope - slope)) <= rtol * np.max(np.abs(slope))
    assert abs(compiled(p) - quick) <= rtol * value


@pytest.mark.parametrize("how", HOW)
def test_one_trajectory(how):
    agree(*pair(sl.neural.trajectory_loss, f, T, DATA, **HOW[how]), NET.init(1))


@pytest.mark.parametrize("how", HOW)
def test_many_short_trajectories(how):
    agree(*pair(sl.neural.multiple_shooting_loss, f, T, DATA, length=4, **HOW[how]), NET.init(1))


@pytest.mark.parametrize("shared_steps", [False, True])
def test_many_long_trajectories(shared_steps):
    starts = np.array([[1.0, 0.9, 1.2], [1.0, 1.1, 0.7]])
    data = np.stack([np.outer(1 + 0.1 * T, start) for start in starts.T], axis=-1)
    options = {**HOW["Tsit5"], "shared_steps": shared_steps}
    agree(*pair(sl.neural.trajectory_loss, f, T, data, **options), NET.init(1))


def test_the_first_points_only():
    agree(*pair(sl.neural.trajectory_loss, f, T, DATA, points=5, **HOW["Tsit5"]), NET.init(2))


def test_an_f_without_a_network():
    def lotka_volterra(u, p, t):
        return np.array([p[0] * u[0] - p[1] * u[0] * u[1], -p[2] * u[1] + p[3] * u[0] * u[1]])

    p = np.array([1.4, 1.1, 2.9, 1.0])
    agree(*pair(sl.neural.trajectory_loss, lotka_volterra, T, DATA, **HOW["Tsit5"]), p)


def test_many_steps_between_two_points():
    """The store is too small at first, and a call of the kernel ends before the solve does."""

    def wild(u, p, t):
        return np.array([u[1], -p[0] * u[0]])

    t, p = np.array([0.0, 20.0]), np.array([200.0])
    data = np.array([[1.0, 0.0], [0.3, 2.0]])
    readable, compiled = pair(sl.neural.trajectory_loss, wild, t, data, rtol=1e-7)
    agree(readable, compiled, p, rtol=1e-8)
    compiled.compiled(p).drive.integers[layout.BUDGET] = 7
    compiled.compiled(p).way.integers[gradient_layout.BUDGET_BACK] = 5
    agree(readable, compiled, p, rtol=1e-8)


def test_a_failed_solve_says_why():
    def explosive(u, p, t):
        return p[0] * u * u

    data = np.where(T == 0, 1.0, 3.0)[:, None]
    for loss in pair(sl.neural.trajectory_loss, explosive, T, data, rtol=1e-6):
        with pytest.raises(sl.SolveError):
            sl.ad.value_and_grad(loss, np.array([1.0]))
        run = sl.train(loss, [0.1], optimizer=sl.Adam(10.0), steps=9, progress=False)
        assert "not finite" in run.message and np.isnan(run.loss[-1]) and np.all(run.p == [0.1])


class Plain:
    """Hides that a loss can be compiled."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, p):
        return self.loss(p)


@pytest.mark.parametrize("optimizer", [sl.Adam(0.02), sl.Adam(0.01, 0.8, 0.99, 1e-6)], ids=repr)
def test_compiled_adam_is_adam(optimizer):
    readable, compiled = pair(sl.neural.trajectory_loss, f, T, DATA, **HOW["Tsit5"])
    p = NET.init(1)
    options = {"optimizer": optimizer, "steps": 60, "progress": False}
    slow, quick = sl.train(readable, p, **options), sl.train(compiled, p, **options)
    assert quick.steps == slow.steps == 60 and quick.best_step == slow.best_step
    assert np.all(np.diff(quick.times) >= 0) and len(quick.times) == 61
    np.testing.assert_allclose(quick.loss, slow.loss, rtol=1e-8)
    np.testing.assert_allclose(quick.p, slow.p, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(quick.p_last, slow.p_last, rtol=1e-7, atol=1e-9)
    assert abs(compiled(quick.p) - quick.best_loss) < 1e-9 * quick.best_loss
    assert quick.message == slow.message


def test_the_best_parameters_are_kept():
    """A learning rate that is far too large: the loss goes up and down."""
    _, compiled = pair(sl.neural.multiple_shooting_loss, f, T, DATA, length=2, **HOW["fixed RK4"])
    options = {"optimizer": sl.Adam(3.0), "progress": False}
    loss = sl.train(compiled, NET.init(1), steps=40, **options).loss
    rise = int(np.argmax(np.diff(loss) > 0)) + 1  # the first step that made it worse
    run = sl.train(compiled, NET.init(1), steps=rise, **options)
    assert run.best_step < run.steps == rise and run.loss[-1] == loss[rise] > run.best_loss
    assert abs(compiled(run.p) - run.best_loss) < 1e-9 * run.best_loss
    assert abs(compiled(run.p_last) - run.loss[-1]) < 1e-9 * run.loss[-1]


def test_when_training_goes_step_by_step(tmp_path):
    """A callback, a schedule and a checkpoint look at every step; the numbers stay the same."""
    _, compiled = pair(sl.neural.trajectory_loss, f, T, DATA, **HOW["fixed RK4"])
    p, seen = NET.init(1), []
    options = {"steps": 20, "progress": False}
    quick = sl.train(compiled, p, optimizer=sl.Adam(0.02), **options)
    ways = {
        "callback": {"callback": lambda *step: seen.append(step)},
        "patience": {"patience": 20},
        "checkpoint": {"checkpoint": tmp_path / "run.npz"},
        "schedule": {"optimizer": sl.Adam(0.02, schedule=lambda step: 1.0)},
    }
    for more in ways.values():
        slow = sl.train(compiled, p, **{"optimizer": sl.Adam(0.02), **options, **more})
        np.testing.assert_allclose(slow.loss, quick.loss, rtol=1e-9)
    assert len(seen) == 21
    first = Evaluation(0, p, 1.0, p, {})
    assert compiled_training(lambda p: 0.0, sl.Adam(0.1), first, 3, 1.0) is None
    assert compiled_training(compiled, sl.LBFGS(), first, 3, 1.0) is None
    assert compiled_training(compiled, ways["schedule"]["optimizer"], first, 3, 1.0) is None


def test_an_interrupt_keeps_what_there_is(monkeypatch):
    _, compiled = pair(sl.neural.trajectory_loss, f, T, DATA, **HOW["fixed RK4"])
    p = NET.init(1)
    made, calls = compiled.compiled(p), []
    kernels = made.kernels
    made.drive.integers[layout.BUDGET] = 7  # most calls end in the middle of a solve

    class Interrupted:
        value_and_grad = staticmethod(kernels.value_and_grad)

        @staticmethod
        def train(block):
            calls.append(block)
            if len(calls) == 100:
                raise KeyboardInterrupt
            return kernels.train(block)

    monkeypatch.setattr(made, "kernels", Interrupted)
    run = sl.train(compiled, p, optimizer=sl.Adam(0.02), steps=10**6, progress=False)
    assert run.message.startswith("interrupted") and 0 < run.steps < 10**6
    assert len(run.times) == len(run.loss) and np.all(np.isfinite(run.loss))
    assert abs(compiled(run.p_last) - run.loss[-1]) < 1e-9 * run.loss[-1]


RATE = 1.0


def test_f_may_change_under_the_loss(monkeypatch):
    """A constant that f takes from outside: the loss is compiled anew."""

    def decay(u, p, t):
        return -RATE * p[0] * u

    loss = sl.neural.trajectory_loss(decay, T, np.exp(-T)[:, None], rtol=1e-8, backend="numba")
    small = sl.ad.value_and_grad(loss, np.ones(1))[0]
    monkeypatch.setattr(f"{__name__}.RATE", 2.0)
    large = sl.ad.value_and_grad(loss, np.ones(1))[0]
    assert small < 1e-12 < 1e-3 < large and abs(large - loss(np.ones(1))) < 1e-9
