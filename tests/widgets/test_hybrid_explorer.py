"""`HybridExplorer`: its closed form is right, and what it says is what the events are."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import HybridExplorer  # noqa: E402
from sciml_lab_widgets.bouncing import HEIGHT, exact, fall, time_to_rise  # noqa: E402
from sciml_lab_widgets.hybrid import matched, solved  # noqa: E402


@pytest.mark.parametrize("drag", [0.0, 0.3])
def test_sweep(drag):
    report = HybridExplorer(restitution=0.6, drag=drag, rtol=1e-3).sweep()
    assert report, str(report)


def test_every_control_changes_picture_and_words():
    start = {"restitution": 0.6, "drag": 0.2, "rtol": 1e-3, "beam": 0.3, "inside": True}
    explorer = HybridExplorer(**start)
    box = explorer.widget
    for name, control in explorer.controls.items():
        seen = []
        for value in (control.ends()[0], control.ends()[-1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        assert seen[0][1] != seen[1][1], f"{name} does not change the words"
        explorer.set(direction="both ways", **start)


def test_labels_twin_and_mime_bundle():
    explorer = HybridExplorer(restitution=0.5, beam=0.3)
    labels = [control.widget.description.strip() for control in explorer.controls.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    twin = explorer.static(inside=[True, False])
    assert twin.png.startswith(b"\x89PNG") and twin.height == 860
    assert "3 of 3 passages" in twin.alt and "1 of 3 passages" in twin.alt
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == explorer.words


@pytest.mark.parametrize("drag", [0.0, 1e-3, 0.1, 0.5])
def test_the_closed_form_is_that_of_the_equation(drag):
    """One flight upwards by a tight solve: highest point, passages and return."""
    speed, beam = 4.0, 0.3
    flight = sl.ODEProblem(fall, [0.0, speed], (0.0, 3.0), [0.9, drag])
    marks = [
        sl.Event(lambda u, p, t: u[0] - beam),
        sl.Event(lambda u, p, t: u[1]),
        sl.Event(lambda u, p, t: u[0], direction=-1, terminal=True),
    ]
    sol = sl.solve(flight, sl.DOP853(), rtol=1e-13, atol=1e-14, callbacks=marks)
    up, top, down, end = (one.t for one in sol.events)
    assert time_to_rise(speed, drag, beam) == pytest.approx(up, abs=1e-11)
    assert time_to_rise(speed, drag) == pytest.approx(top, abs=1e-11)
    assert up < top < down < end


@pytest.mark.parametrize("drag", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("restitution", [0.3, 0.7, 0.95])
def test_located_times_are_the_exact_ones(restitution, drag):
    _, hits, seen = solved(restitution, drag, 1e-10, 0.4, 0, True)
    impacts, up, down = exact(restitution, drag, 0.4, 6.0)
    n = min(len(hits), 20)
    assert n >= 3 and np.max(np.abs(hits[:n] - impacts[:n])) < 1e-8
    assert np.allclose(seen, np.union1d(up, down), rtol=0, atol=1e-8)


def test_free_fall_is_exact_at_every_tolerance():
    impacts = exact(0.8, 0.0, 1.9, 6.0)[0]
    for rtol in (1e-1, 1e-10):
        hits = solved(0.8, 0.0, rtol, 1.9, 0, True)[1]
        assert np.max(np.abs(hits[:20] - impacts[:20])) < 1e-11


def test_what_the_ends_of_steps_do_not_show():
    explorer = HybridExplorer(inside=False, beam=0.9)
    assert "1 of 3 passages found, 2 missed" in explorer.words
    assert "3 of 3 passages found;" in explorer.set(inside=True).words
    assert "1 of 1 passages found;" in explorer.set(direction="upwards").words
    assert "2 of 2 passages found;" in explorer.set(direction="downwards").words
    assert "0 of 0 passages found." in explorer.set(beam=1.9, direction="upwards").words


def test_zeno_is_said_where_the_series_ends():
    explorer = HybridExplorer(restitution=0.5)
    limit = np.sqrt(2 * HEIGHT / 9.81) * (1 + 0.5) / (1 - 0.5)
    assert f"Zeno: at t = {limit:.5g} s" in explorer.words
    assert "Zeno" not in explorer.set(restitution=0.95).words


def test_times_that_were_noticed_find_their_own():
    which, errors = matched(np.array([1.1, 1.2]), np.array([1.0]))
    assert which == [0] and errors == pytest.approx([0.1, np.inf])
