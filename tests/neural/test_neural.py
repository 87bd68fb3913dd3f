"""Losses for neural ODEs: what they mean, that their gradients are right, and bad input."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab import ad, neural, nn

T = np.linspace(0, 2, 9)


def oscillator(u, p, t):
    return np.array([p[0] * u[1], -p[0] * u[0]])


DATA = np.stack([np.cos(2 * T), -np.sin(2 * T)], axis=1)
TRUE = np.array([2.0])


def losses(f, **options):
    return {
        "trajectory": neural.trajectory_loss(f, T, DATA, **options),
        "shooting": neural.multiple_shooting_loss(f, T, DATA, length=3, **options),
        "collocation": neural.collocation_loss(f, T, DATA),
    }


# --- predict -------------------------------------------------------------------------------------


def test_predict_is_the_solution_at_the_times():
    u = neural.predict(oscillator, TRUE, [1.0, 0.0], T, substeps=8)
    np.testing.assert_allclose(u, DATA, atol=1e-5)
    np.testing.assert_array_equal(u[0], [1.0, 0.0])


def test_predict_converges_with_the_order_of_its_method():
    errors = [
        np.max(np.abs(neural.predict(oscillator, TRUE, [1.0, 0.0], T, substeps=n) - DATA))
        for n in (4, 8)
    ]
    assert abs(np.log2(errors[0] / errors[1]) - 4) < 0.2


def test_predict_takes_a_batch_and_uneven_times():
    starts = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, -0.8]])
    t = np.array([0.0, 0.1, 0.4, 0.5])
    batch = neural.predict(oscillator, TRUE, starts, t, substeps=3)
    assert batch.shape == (4, 2, 3)
    for k in range(3):
        one = neural.predict(oscillator, TRUE, starts[:, k], t, substeps=3)
        np.testing.assert_allclose(batch[:, :, k], one, atol=1e-15)


def test_predict_raises_on_a_trajectory_that_blows_up():
    with pytest.raises(sl.SolveError):
        neural.predict(lambda u, p, t: p * u * u, np.array([9.0]), [5.0], T)


# --- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trajectory", "shooting", "collocation"])
def test_loss_is_smallest_at_the_truth(name):
    loss = losses(oscillator)[name]
    at = {w: float(loss(np.array([w]))) for w in (1.8, 2.0, 2.2)}
    assert at[2.0] < 1e-4 and at[2.0] < 0.1 * min(at[1.8], at[2.2])


@pytest.mark.parametrize("method", [sl.RK4(), sl.Tsit5()])
@pytest.mark.parametrize("name", ["trajectory", "shooting", "collocation"])
def test_gradient_of_a_neural_ode_is_the_complex_step_one(name, method):
    net = nn.MLP([2, 6, 5, 2], activation="tanh")
    p = net.init(3)
    loss = losses(net, **({"method": method} if method != sl.RK4() else {}))[name]
    value, gradient = ad.value_and_grad(loss, p)
    assert value == pytest.approx(float(loss(p)), rel=1e-14)
    tiny, directions = 1e-30, np.random.default_rng(0).normal(size=(4, p.size))
    want = np.array([loss(p + 1j * tiny * e).imag / tiny for e in directions])
    got = directions @ gradient
    assert np.linalg.norm(got - want) < 1e-12 * np.linalg.norm(want)


def test_gradient_with_respect_to_the_initial_state():
    net = nn.MLP([2, 6, 2])
    p, u0, tiny = net.init(0), np.array([1.0, 0.5]), 1e-30

    def end(v):
        return (neural.predict(net, p, v, T) ** 2).sum()

    want = [end(u0 + 1j * tiny * e).imag / tiny for e in np.eye(2)]
    np.testing.assert_allclose(ad.grad(end, u0), want, rtol=1e-12)


def test_losses_work_under_autograd():
    autograd = pytest.importorskip("autograd")
    net = nn.MLP([2, 5, 2], activation="gelu")
    p = net.init(1)
    loss = neural.multiple_shooting_loss(net, T, DATA)
    np.testing.assert_allclose(autograd.grad(loss)(p), ad.grad(loss, p), rtol=1e-11, atol=1e-14)


def test_segments_are_the_data_cut_and_shifted():
    starts, targets, local_t = neural.segments(T, DATA, length=4)
    assert starts.shape == (2, 6) and targets.shape == (3, 2, 6)
    np.testing.assert_array_equal(local_t, T[:4])
    for b in range(6):
        np.testing.assert_array_equal(starts[:, b], DATA[b])
        np.testing.assert_array_equal(targets[:, :, b], DATA[b + 1 : b + 4])


def test_whole_length_multiple_shooting_is_the_trajectory():
    p = np.array([1.7])
    single = neural.trajectory_loss(oscillator, T, DATA)(p) * len(T) / (len(T) - 1)
    multiple = neural.multiple_shooting_loss(oscillator, T, DATA, length=len(T))(p)
    assert multiple == pytest.approx(single, rel=1e-13)  # the start counts in one mean only


def test_growing_horizon_ends_with_the_whole():
    stages = neural.growing_horizon(oscillator, T, DATA, [3, 6, 9])
    p = np.array([1.9])
    assert stages[-1](p) == neural.trajectory_loss(oscillator, T, DATA)(p)
    assert stages[0](p) < stages[1](p) < stages[2](p)


def test_smoothing_removes_noise():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 6, 120)
    noisy = np.sin(t)[:, None] + 0.1 * rng.normal(size=(120, 1))
    inside = np.linspace(0.5, 5.5, 50)
    slopes = [neural.smooth(t, noisy, inside, s)[1][0] for s in (0.0, 0.05)]
    errors = [np.sqrt(np.mean((slope - np.cos(inside)) ** 2)) for slope in slopes]
    assert errors[1] < 0.15 < errors[0]


# --- training ------------------------------------------------------------------------------------


def test_stages_run_in_order_and_stop_together():
    wide = neural.growing_horizon(oscillator, T, DATA, [3, 9])
    plan = [(loss, sl.Adam(0.05), 40) for loss in wide] + [(wide[-1], sl.LBFGS(), 20)]
    runs = neural.train_stages(plan, [0.5], progress=False)
    assert len(runs) == 3 and runs[-1].p[0] == pytest.approx(2, abs=1e-2)
    np.testing.assert_array_equal(runs[1].loss[0], wide[-1](runs[0].p))
    stopped = neural.train_stages(plan, [0.5], progress=False, callback=lambda k, loss, p: k == 3)
    assert len(stopped) == 1 and stopped[0].steps == 3


def test_multiple_shooting_learns_a_circle_and_continues_it():
    """Sixteen points of one and a half turns; then three further turns within five percent."""
    t = np.linspace(0, 1.5 * np.pi, 16)
    data = np.stack([np.cos(2 * t), -np.sin(2 * t)], axis=1)
    net = nn.MLP([2, 8, 2])
    loss = neural.multiple_shooting_loss(net, t, data)
    run = sl.train(loss, net.init(0), optimizer=sl.LBFGS(), steps=60, progress=False)
    later = t[-1] + np.linspace(0, 3 * np.pi, 60)
    prob = sl.ODEProblem(net, data[0], (0.0, later[-1]), run.p)
    u = sl.solve(prob, saveat=later).u
    truth = np.stack([np.cos(2 * later), -np.sin(2 * later)], axis=1)
    assert neural.relative_error(u, truth) < 0.05


def test_standardised_has_the_units_of_the_data():
    data = np.array([[0.0, 100.0], [2.0, 300.0]])
    f = neural.standardised(lambda u, p: u * p, data, time_scale=2.0)
    u = np.array([2.0, 300.0])
    np.testing.assert_allclose(f(u, 3.0), [1 / 2 * 3, 100 / 2 * 3])
    np.testing.assert_allclose(f(np.stack([u, u], axis=1), 3.0)[:, 1], f(u, 3.0))
    net = nn.MLP([2, 4, 2])
    g = neural.standardised(net, data)
    grad = ad.grad(lambda p: g(u, p).sum(), net.init(0))
    tiny = 1e-30
    want = [g(u, net.init(0) + 1j * tiny * e).sum().imag / tiny for e in np.eye(net.size)]
    np.testing.assert_allclose(grad, want, rtol=1e-12)


# --- judging -------------------------------------------------------------------------------------


def test_relative_error_of_mean_and_of_nan():
    truth = np.random.default_rng(0).normal(size=(50, 2)) * [1, 100]
    assert neural.relative_error(np.broadcast_to(truth.mean(0), truth.shape), truth) == (
        pytest.approx(1)
    )
    assert neural.relative_error(truth, truth) == 0
    assert neural.relative_error(np.full_like(truth, np.nan), truth) == np.inf


def test_phase_error_is_the_delay():
    t = np.linspace(0, 25, 4001)
    assert neural.phase_error(t, np.cos(t - 0.3), np.cos(t)) == pytest.approx(0.3, abs=1e-4)
    assert neural.phase_error(t, np.cos(t + 0.3), np.cos(t)) == pytest.approx(-0.3, abs=1e-4)
    assert np.isnan(neural.phase_error(t, 0 * t, np.cos(t)))


def test_drift_of_an_exact_and_of_a_growing_circle():
    t = np.linspace(0, 10, 50)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    np.testing.assert_allclose(neural.drift(lambda u: u[0] ** 2 + u[1] ** 2, circle), 0, atol=1e-15)
    growing = neural.drift(lambda u: u[0] ** 2 + u[1] ** 2, circle * (1 + t[:, None]))
    np.testing.assert_allclose(growing, (1 + t) ** 2 - 1)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: neural.predict(oscillator, TRUE, [1.0, 0.0], [0.0]), "increasing"),
        (lambda: neural.predict(oscillator, TRUE, [1.0, 0.0], T[::-1]), "increasing"),
        (lambda: neural.predict(oscillator, TRUE, [1.0, 0.0], T, substeps=0), "substeps"),
        (lambda: neural.trajectory_loss(oscillator, T, DATA.T), "one row for each time"),
        (lambda: neural.trajectory_loss(oscillator, T, DATA * np.nan), "not finite"),
        (lambda: neural.trajectory_loss(oscillator, T, DATA, points=1), "points"),
        (lambda: neural.growing_horizon(oscillator, T, DATA, [5, 3]), "increasing"),
        (lambda: neural.growing_horizon(oscillator, T, DATA, []), "increasing"),
        (lambda: neural.segments(T**2, DATA), "equally spaced"),
        (lambda: neural.segments(T, DATA, length=1), "length"),
        (lambda: neural.segments(T, DATA, length=10), "length"),
        (lambda: neural.collocation_loss(oscillator, T, DATA, points=1), "points"),
        (lambda: neural.smooth(T, DATA, T, smoothing=-1.0), "smoothing"),
        (lambda: neural.train_stages([], [0.0]), "stages is empty"),
        (lambda: neural.standardised(oscillator, DATA[:, 0]), "shape"),
        (lambda: neural.standardised(oscillator, np.ones((3, 2))), "never changes"),
        (lambda: neural.standardised(oscillator, DATA, time_scale=0.0), "time_scale"),
        (lambda: neural.relative_error(DATA, DATA[:3]), "must agree"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
