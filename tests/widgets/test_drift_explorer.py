"""`DriftExplorer`: what it says is what each form does to a constraint."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import DriftExplorer  # noqa: E402
from sciml_lab_widgets.drift import FORMS, envelope, solved  # noqa: E402

FREE, DAMPED = "acceleration (index 0)", "Baumgarte (index 1)"


@pytest.mark.parametrize("form", [FREE, DAMPED])
def test_sweep(form):
    report = DriftExplorer(form, rtol=1e-3, seconds=3.0).sweep()
    assert report, str(report)


def test_every_control_changes_picture_and_words():
    start = {"form": DAMPED, "rtol": 1e-3, "alpha": 1.0, "seconds": 4.0}
    explorer = DriftExplorer(**start)
    box = explorer.widget
    for name, control in explorer.controls.items():
        seen = []
        for value in (control.ends()[0], control.ends()[-1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        assert seen[0][1] != seen[1][1], f"{name} does not change the words"
        explorer.set(**start)


def test_the_damping_is_greyed_out_where_nothing_is_damped():
    explorer = DriftExplorer(FREE, seconds=2.0)
    assert not explorer.controls["alpha"].enabled
    assert explorer.set(form=DAMPED).controls["alpha"].enabled


def test_labels_twin_and_mime_bundle():
    explorer = DriftExplorer(FREE, seconds=2.0)
    labels = [control.widget.description.strip() for control in explorer.controls.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    twin = explorer.static(form=[FREE, "projection (index 0)"])
    assert twin.png.startswith(b"\x89PNG") and twin.height == 800
    assert "g is rounding" in twin.alt
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == explorer.words


def test_what_drifts_and_what_does_not():
    said = {name: DriftExplorer(name, rtol=1e-3, seconds=10.0).words for name in FORMS}
    for name in (FREE, "acceleration (index 1)"):
        assert said[name].endswith("The residual of g grows."), said[name]
    for name in (DAMPED, "GGL (index 2)"):
        assert said[name].endswith("The residual of g does not grow."), said[name]
    assert said["projection (index 0)"].endswith("The residual of g is rounding.")


def test_every_remedy_is_better_than_none():
    worst = {}
    for name in FORMS:
        sol, g = solved(name, 10.0, 1e-4, 10.0)
        assert sol.success and sol.t[-1] == 10.0
        assert np.allclose(g[:, 0], (sol.u[:, 0] ** 2 + sol.u[:, 1] ** 2 - 1) / 2, atol=1e-14)
        worst[name] = np.abs(g[:, 0]).max()
    for name in (DAMPED, "GGL (index 2)"):
        assert worst[name] < 0.1 * worst["acceleration (index 1)"]
    assert worst["projection (index 0)"] < 1e-14 < 1e-2 < worst[FREE]


def test_a_solve_that_fails_is_said():
    """At a coarse tolerance the free pendulum falls into its pivot."""
    explorer = DriftExplorer(FREE, rtol=1e-2, seconds=20.0)
    assert "It fails there: " in explorer.words and explorer.error is None


def test_an_envelope_keeps_the_largest_values_and_no_empty_parts():
    t, top = envelope(np.array([0.0, 0.1, 10.0]), np.array([[1.0, 4.0], [2.0, 3.0], [5.0, 6.0]]))
    assert len(t) == 2 and top.tolist() == [[2.0, 4.0], [5.0, 6.0]]


def test_a_constraint_that_holds_is_no_certificate():
    """At a coarse tolerance the projected pendulum swings over the top: only its length is kept."""
    sol, g = solved("projection (index 0)", 10.0, 1e-2, 20.0)
    assert np.abs(g).max() < 1e-13 and sol.u[:, 1].max() > 0.5
