"""The neural ODE trainer: it learns, it goes on from where it was, it tells where it is blind."""

import re

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")
pytest.importorskip("scipy", reason="the trainer uses splines and L-BFGS of SciPy")

from sciml_lab_widgets import NeuralODETrainer

LONG = np.inf  # no clock decides what these tests see


@pytest.fixture(scope="module")
def trained():
    return NeuralODETrainer(budget=LONG)


def small(**options):
    return NeuralODETrainer(width=6, steps=4, budget=LONG, quick=LONG, **options)


def percent(words, after):
    return float(re.search(after + r" by ([\d.]+) %", words).group(1))


def test_sixteen_points_extrapolate_over_three_periods(trained):
    assert "it holds" in trained.words
    assert trained.loss < 1e-4
    near, off = percent(trained.words, "learned field is wrong"), percent(trained.words, "data:")
    assert near < 10 < off


def test_the_same_settings_give_the_same_training():
    assert small().loss == small().loss
    assert small(seed=1).loss != small(seed=2).loss


def test_data_goes_on_from_the_present_weights_and_seed_begins_anew():
    trainer = small()
    before = trainer.p.copy()
    trainer.set(points=20)
    assert trainer.trained > 4 and trainer.net.sizes[1] == 6
    assert np.linalg.norm(trainer.p - before) < 0.5 * np.linalg.norm(before)
    trainer.set(seed=3, points=16)
    assert trainer.loss == small(seed=3).loss
    trainer.set(width=9)
    assert len(trainer.p) == len(sl.nn.MLP([2, 9, 2]).init(0))


def test_the_button_trains_longer():
    trainer = small()
    trainer.widget  # noqa: B018
    steps, loss = trainer.trained, trainer.loss
    trainer.controls["train"].widget.click()
    assert trainer.trained > steps and trainer.loss < loss
    assert trainer.error is None


def test_redrawing_does_not_train():
    trainer = small()
    before = trainer.p
    trainer.update()
    assert trainer.p is before


def test_sweep_to_both_ends():
    report = small().sweep()
    print(report)
    assert report, str(report)


def test_sliders_change_picture_and_words():
    trainer = small()
    box = trainer.widget
    for name in ("points", "noise", "horizon", "width", "seed"):
        before = bytes(box.children[1].value), box.children[2].value
        control = trainer.controls[name]
        assert not control.widget.continuous_update
        control.widget.value = control.high
        assert bytes(box.children[1].value) != before[0] and box.children[2].value != before[1]
    assert trainer.error is None


def test_static_twin_is_trained_from_the_beginning_and_moves_nothing():
    trainer = small()
    before = trainer.p, trainer.png, trainer.values
    twin = trainer.static(points=12, seed=4)
    assert (trainer.p is before[0]) and (trainer.png, trainer.values) == before[1:]
    again = trainer.static(points=12, seed=4)
    clock = r"took [\d.]+ m?s"
    assert re.sub(clock, "", twin.alt) == re.sub(clock, "", again.alt) and twin.png == again.png
    with pytest.raises(ValueError, match="points"):
        trainer.static(points=1000)


def test_a_budget_of_nothing_still_draws():
    trainer = NeuralODETrainer(width=4, budget=0.0)
    assert trainer.error is None and trainer.trained <= 4


def test_two_trainers_do_not_know_each_other():
    one, other = small(), small()
    p = other.p
    one.set(points=30)
    assert other.p is p and other.values["points"] == 16


def test_new_data_are_shown_before_the_training_ends():
    trainer = NeuralODETrainer(noise=0.1, width=8, steps=3)
    page = trainer.widget
    image, words = page.children[1], page.children[2]
    shown = []
    image.observe(lambda change: shown.append((change["new"], words.value)), "value")
    before = image.value
    trainer.controls["seed"].widget.value = 5
    assert len(shown) == 2
    (first, _), (last, _) = shown
    assert len({before, first, last}) == 3
    assert "After" in words.value and "Training" not in words.value


def test_a_point_can_be_moved_and_training_goes_on():
    trainer = small()
    before, loss = trainer.p.copy(), trainer.loss
    trainer.move_point(5, 4.0, 2.0)
    _, data = trainer.data(trainer.values)
    np.testing.assert_allclose(data[5], [4.0, 2.0], rtol=1e-15)
    assert trainer.trained > 4 and np.any(trainer.p != before) and trainer.loss != loss
    trainer.set(noise=0.05)
    assert np.any(trainer.data(trainer.values)[1][5] != [4.0, 2.0])  # the noise comes on top
    trainer.set(points=20)
    np.testing.assert_allclose(trainer.data({**trainer.values, "noise": 0.0})[1],
                               trainer.truth(trainer.data(trainer.values)[0]))  # fmt: skip
    with pytest.raises(ValueError, match="index must be 0 to 19"):
        trainer.move_point(20, 1.0, 1.0)


def test_another_width_keeps_what_was_learned():
    trainer = NeuralODETrainer(width=6, steps=4, budget=LONG, quick=0.0)
    before = trainer.wide(trainer.p)
    u = np.random.default_rng(0).uniform(1, 4, (2, 7))
    learned = trainer.field(u, before)
    trainer.quick = trainer.budget = 0.0
    trainer.set(width=12)
    p = trainer.wide(trainer.p)
    one_step = np.linalg.norm(trainer.field(u, p) - learned) / np.linalg.norm(learned)
    assert len(trainer.p) == sl.nn.MLP([2, 12, 2]).size and one_step < 0.5


def test_handles_sit_on_the_points_and_bring_them_along():
    pytest.importorskip("anywidget", reason="points are dragged in an anywidget")
    trainer = small()
    picture = trainer.widget.children[1]
    assert len(picture.handles) == 16
    x, y = picture.handles[3]
    trainer._dropped(3, x + 20.0, y)
    (moved_x, moved_y), (dx, dy) = picture.handles[3], trainer.moved_points[3]
    assert abs(moved_x - x - 20.0) < 1e-6 and abs(moved_y - y) < 1e-6
    assert dx > 0 and abs(dy) < 1e-9


def test_a_failure_leaves_the_last_picture_that_worked(monkeypatch):
    trainer, twin = small(), small()
    image = trainer.widget.children[1]
    before = image.value

    def fails(u0):
        raise ValueError("the trajectory is lost.")

    monkeypatch.setattr(trainer, "_trajectory", fails)
    for name, value in (("points", 20), ("seed", 3)):  # the seed first shows the new data
        trainer.controls[name].widget.value = value
        assert "cannot be drawn: the trajectory is lost." in trainer.words
        assert image.value == before and trainer.png == twin.png
    monkeypatch.undo()
    trainer.controls["points"].widget.value = 16
    assert trainer.error is None and image.value != before and trainer.png != twin.png
