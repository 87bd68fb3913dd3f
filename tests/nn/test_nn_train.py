"""Optimisers and the training loop: numbers by hand, resume to the bit, and every way to stop."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab import nn


def bowl(p):
    return ((p - np.array([1.0, -2.0])) ** 2 * np.array([1.0, 10.0])).sum()


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def quiet(loss, p0, **options):
    return sl.train(loss, p0, progress=False, **options)


# --- Adam ----------------------------------------------------------------------------------------


def test_adam_three_steps_by_hand():
    """Gradients 1, 2, 0 with beta1 = 1/2, beta2 = 3/4, lr = 1/10; every fraction on paper.

    m: 1/2, 5/4, 5/8; v: 1/4, 19/16, 57/64; corrected m: 1, 5/3, 5/7;
    corrected v: 1, (19/16)/(7/16) = 19/7, (57/64)/(37/64) = 57/37.
    """
    adam = sl.Adam(0.1, beta1=0.5, beta2=0.75, eps=1e-300)
    p, state = np.array([1.0]), {}
    moves = [1.0, (5 / 3) / np.sqrt(19 / 7), (5 / 7) / np.sqrt(57 / 37)]
    want = 1.0
    for step, (g, move) in enumerate(zip([1.0, 2.0, 0.0], moves, strict=True), start=1):
        p, state = adam.update(p, np.array([g]), state, step)
        want -= 0.1 * move
        assert p[0] == pytest.approx(want, abs=1e-15)


def test_adam_first_step_has_the_length_of_the_learning_rate():
    p, _ = sl.Adam(0.01).update(np.zeros(3), np.array([1e-3, -7.0, 1e5]), {}, 1)
    np.testing.assert_allclose(p, [-0.01, 0.01, -0.01], rtol=1e-4)


def test_adam_finds_the_bottom_of_a_bowl():
    run = quiet(bowl, [0.0, 0.0], optimizer=sl.Adam(0.05, schedule=nn.cosine(800)), steps=800)
    np.testing.assert_allclose(run.p, [1, -2], atol=1e-6)


def test_adam_follows_the_rosenbrock_valley():
    run = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.Adam(0.02), steps=6000)
    assert run.best_loss < 1e-6


def test_schedule_multiplies_the_rate():
    adam = sl.Adam(0.1, schedule=lambda step: 0.5)
    p, _ = adam.update(np.zeros(1), np.ones(1), {}, 1)
    assert p[0] == pytest.approx(-0.05)
    assert nn.cosine(10, floor=0.1)(10) == pytest.approx(0.1)
    assert nn.exponential(5)(10) == pytest.approx(0.01)


# --- L-BFGS --------------------------------------------------------------------------------------


def test_lbfgs_rosenbrock_to_many_digits():
    run = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(), steps=200)
    np.testing.assert_allclose(run.p, 1, atol=1e-7)
    assert run.steps < 100 and "gradient" in run.message
    assert np.all(np.diff(run.loss) <= 0)


def test_lbfgs_first_trial_step_has_the_length_asked_for():
    tried = []

    def both(p):
        tried.append(p)
        return bowl(p), 2 * (p - [1.0, -2.0]) * [1.0, 10.0]

    quiet(bowl, [0.0, 0.0], optimizer=sl.LBFGS(first_step=1e-3), steps=1, grad=both)
    assert np.linalg.norm(tried[1] - tried[0]) == pytest.approx(1e-3, rel=1e-9)


def test_lbfgs_recovers_from_trial_points_without_a_value():
    def wall(p):  # minimum at 1, no value beyond 1.5
        return (p[0] - 1) ** 2 if p[0] < 1.5 else p[0] * np.nan

    run = quiet(wall, [-40.0], optimizer=sl.LBFGS(first_step=100.0), steps=100)
    assert run.p[0] == pytest.approx(1, abs=1e-6)


def test_lbfgs_honours_steps_callback_and_ftol():
    assert quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(), steps=3).steps == 3
    stop = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(),
                 callback=lambda step, loss, p: step == 2)  # fmt: skip
    assert stop.steps == 2 and "callback" in stop.message
    loose = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(ftol=0.1))
    assert "ftol" in loose.message


def test_lbfgs_works_without_threadpoolctl(monkeypatch):
    usual = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(), steps=60)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    plain = quiet(rosenbrock, [-1.2, 1.0], optimizer=sl.LBFGS(), steps=60)
    np.testing.assert_array_equal(plain.loss, usual.loss)


# --- the loop ------------------------------------------------------------------------------------


def test_history_remembers_every_step_and_the_best():
    run = quiet(bowl, [5.0, 5.0], optimizer=sl.Adam(1.0), steps=60)
    assert run.loss.shape == run.times.shape == (61,) and run.steps == 60
    assert run.loss[0] == bowl(np.array([5.0, 5.0]))
    assert bowl(run.p) == run.best_loss == np.min(run.loss)
    assert bowl(run.p_last) == run.loss[-1]
    assert np.all(np.diff(run.times) >= 0)
    assert "60 steps" in repr(run)


def test_history_plots_itself():
    pytest.importorskip("matplotlib")
    assert quiet(bowl, [0.0, 0.0], steps=5).plot().axes[0].get_yscale() == "log"


def test_callback_hears_of_every_step_and_can_stop():
    seen = []

    def stop(step, loss, p):
        seen.append((step, loss, p.copy()))
        return step == 7

    run = quiet(bowl, [0.0, 0.0], steps=50, callback=stop)
    assert [step for step, _, _ in seen] == list(range(8)) and run.steps == 7
    np.testing.assert_array_equal([loss for _, loss, _ in seen], run.loss)
    assert "stopped by the callback" in run.message


def test_patience_stops_a_run_that_gets_no_better():
    run = quiet(lambda p: (p * p).sum(), [1.0], optimizer=sl.Adam(3.0), steps=500, patience=10)
    assert run.steps - run.best_step == 10 and "no smaller loss in 10 steps" in run.message


def test_own_gradient_and_other_modes():
    calls = []

    def both(p):
        calls.append(1)
        return bowl(p), 2 * (p - [1.0, -2.0]) * [1.0, 10.0]

    runs = [quiet(bowl, [0.0, 0.0], steps=30, grad=g) for g in ("tape", "dual", both)]
    assert len(calls) == 31
    for run in runs:
        np.testing.assert_allclose(run.loss, runs[0].loss, rtol=1e-12)


def test_interrupt_keeps_the_best():
    calls = []

    def loss(p):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return bowl(p)

    run = quiet(loss, [0.0, 0.0], steps=50)
    assert run.steps == 4 and "interrupted" in run.message
    assert bowl(run.p) == run.best_loss


@pytest.mark.parametrize("optimizer", [sl.Adam(0.3), sl.LBFGS()])
def test_a_loss_that_stops_being_finite_is_told_and_the_best_kept(optimizer):
    def cliff(p):  # downhill into a region without values
        return -p[0] if p[0] < 1.0 else p[0] * np.nan

    run = quiet(cliff, [0.0], optimizer=optimizer, steps=50)
    assert "not finite" in run.message
    assert 0 < run.p[0] < 1 and np.isfinite(run.best_loss)


def test_a_gradient_that_is_not_finite_is_told():
    def both(p):
        return float(bowl(p)), np.full(2, np.nan if p[0] else 1.0)

    run = quiet(bowl, [0.0, 0.0], steps=5, grad=both)
    assert "the gradient is not finite after step 1" in run.message


def test_a_failed_solve_ends_the_run_like_a_loss_without_a_value():
    def loss(p):  # u' = p u^2 from 1 is infinite at t = 1/p
        prob = sl.ODEProblem(lambda u, p, t: p * u * u, [1.0], (0.0, 1.0), p)
        return -sl.solve(prob, sl.RK4(), dt=0.01, sensitivity=sl.DiscreteAdjoint()).u[-1, 0]

    run = quiet(loss, [0.3], optimizer=sl.Adam(0.2), steps=30)
    assert "not finite" in run.message and 0.3 < run.p[0] < 1.5


def test_seed_gives_each_step_its_own_samples():
    def noisy(p, rng):
        return ((p - rng.normal(3.0, 0.1, size=50).mean()) ** 2).sum()

    first, second = (quiet(noisy, [0.0], steps=40, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.loss, second.loss)
    assert np.any(quiet(noisy, [0.0], steps=40, seed=4).loss != first.loss)
    generator = quiet(noisy, [0.0], steps=3, seed=np.random.default_rng(0))
    assert generator.steps == 3


# --- checkpoints ---------------------------------------------------------------------------------


def test_resume_is_identical_to_the_last_bit(tmp_path):
    net = nn.MLP([1, 6, 1])
    x = np.linspace(-1, 1, 20)[None]

    def loss(p, rng):
        rows = rng.integers(0, 20, size=8)
        return nn.mse(net(x[:, rows], p), np.sin(3 * x[:, rows]))

    p0, adam, file = net.init(0), sl.Adam(0.03, schedule=nn.cosine(60)), tmp_path / "run.npz"
    whole = quiet(loss, p0, optimizer=adam, steps=60, seed=1)
    part = quiet(loss, p0, optimizer=adam, steps=60, seed=1, checkpoint=file, checkpoint_every=10,
                 callback=lambda step, value, p: step == 37)  # fmt: skip
    assert part.steps == 37
    rest = quiet(loss, p0, optimizer=adam, steps=60, seed=1, checkpoint=file, resume=True)
    for a, b in ((rest.loss, whole.loss), (rest.p, whole.p), (rest.p_last, whole.p_last)):
        np.testing.assert_array_equal(a, b)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.npz"]  # no draft left behind


def test_resume_after_an_interrupt_and_without_a_file(tmp_path):
    file, calls = tmp_path / "run.npz", []

    def loss(p):
        calls.append(1)
        if len(calls) == 25:
            raise KeyboardInterrupt
        return bowl(p)

    options = {"steps": 40, "checkpoint": str(file), "resume": True}
    assert quiet(loss, [0.0, 0.0], **options).steps == 23  # no file yet: it began at p0
    assert quiet(loss, [0.0, 0.0], **options).steps == 40
    np.testing.assert_array_equal(
        quiet(loss, [0.0, 0.0], **options).p, quiet(bowl, [0.0, 0.0], steps=40).p
    )


def test_lbfgs_resumes(tmp_path):
    options = {"optimizer": sl.LBFGS(), "checkpoint": tmp_path / "run.npz", "resume": True}
    assert quiet(rosenbrock, [-1.2, 1.0], steps=8, **options).steps == 8
    run = quiet(rosenbrock, [-1.2, 1.0], steps=150, **options)
    assert run.best_loss < 1e-12 and run.loss.size > 9


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    quiet(bowl, [0.0, 0.0], steps=5, checkpoint=file)
    before = file.read_bytes()

    def full_disk(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        quiet(bowl, [1.0, 0.0], steps=5, checkpoint=file)
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": sl.Adam(0.07)}, "written with optimizer"),
        ({"seed": 3}, "written with seed"),
        ({"p0": [0.0]}, "parameters of shape"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, words):
    file = tmp_path / "run.npz"
    quiet(bowl, [0.0, 0.0], steps=5, checkpoint=file)
    options = {"p0": [0.0, 0.0], "steps": 9, "checkpoint": file, "resume": True, **change}
    with pytest.raises(ValueError, match=words):
        quiet(lambda p, *rng: (p * p).sum(), options.pop("p0"), **options)


def test_a_broken_checkpoint_is_named(tmp_path):
    file = tmp_path / "run.npz"
    file.write_bytes(b"PK but not a zip file")
    with pytest.raises(ValueError, match="can't be read"):
        quiet(bowl, [0.0, 0.0], checkpoint=file, resume=True)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"loss": 3.0}, TypeError, "loss must be a function"),
        ({"loss": lambda p: p}, TypeError, "loss must return one"),
        ({"loss": lambda p: p.sum() * np.nan}, ValueError, "loss at p0"),
        ({"p0": []}, ValueError, "p0"),
        ({"p0": [np.nan, 0.0]}, ValueError, "p0"),
        ({"p0": "zero"}, TypeError, "p0"),
        ({"steps": 0}, ValueError, "steps"),
        ({"steps": 2.5}, ValueError, "steps"),
        ({"optimizer": sl.Adam}, TypeError, "optimizer must be an object"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be an object"),
        ({"patience": -1}, ValueError, "patience"),
        ({"callback": 4}, TypeError, "callback"),
        ({"resume": True}, ValueError, "needs a checkpoint"),
        ({"checkpoint": "no/such/folder/run.npz"}, ValueError, "no folder"),
        ({"seed": "one"}, TypeError, "seed"),
        ({"grad": 1}, TypeError, "grad"),
        ({"grad": lambda p: (1.0, np.zeros(3))}, ValueError, "gradient of shape"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(options, kind, words):
    arguments = {"loss": bowl, "p0": [0.0, 0.0], "steps": 3, **options}
    with pytest.raises(kind, match=words) as caught:
        quiet(arguments.pop("loss"), arguments.pop("p0"), **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sl.Adam(-1.0), "lr"),
        (lambda: sl.Adam(np.nan), "lr"),
        (lambda: sl.Adam(0.1, beta1=1.0), "beta1"),
        (lambda: sl.Adam(0.1, eps=0.0), "eps"),
        (lambda: sl.Adam(0.1, schedule=3), "schedule"),
        (lambda: sl.LBFGS(memory=0), "memory"),
        (lambda: sl.LBFGS(gtol=-1.0), "gtol"),
        (lambda: sl.LBFGS(first_step=0.0), "first_step"),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_progress_bar_appears_and_is_not_needed(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    sl.train(bowl, [0.0, 0.0], steps=3)
    shown = capsys.readouterr()
    assert "train" in shown.err + shown.out
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert sl.train(bowl, [0.0, 0.0], steps=3).steps == 3
