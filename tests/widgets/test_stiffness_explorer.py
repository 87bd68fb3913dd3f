"""`StiffnessExplorer`: what it says is what the theory says, at every setting."""

import re

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import StiffnessExplorer  # noqa: E402
from sciml_lab_widgets.stiff_cases import STEPS, cases  # noqa: E402
from sciml_lab_widgets.stiffness import METHODS, from_page, to_page  # noqa: E402

PAIR, VDP = "two rates, 1 and 100", "Van der Pol, mu = 1000"


@pytest.mark.parametrize("problem", cases())
def test_sweep_from_every_problem(problem):
    report = StiffnessExplorer(problem).sweep()
    assert report, str(report)


def test_every_control_changes_picture_and_words():
    explorer = StiffnessExplorer(PAIR, h=0.05)
    box = explorer.widget
    for name, control in explorer.controls.items():
        seen = []
        for value in (control.ends()[0], control.ends()[-1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        if name != "push":
            assert seen[0][1] != seen[1][1], f"{name} does not change the words"
        explorer.set(problem=PAIR, method="Tsit5", h=0.05, place=51, push=True)


def test_labels_twin_and_mime_bundle():
    explorer = StiffnessExplorer(PAIR)
    labels = [control.widget.description.strip() for control in explorer.controls.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    twin = explorer.static(h=[1e-3, 0.1])
    assert twin.png.startswith(b"\x89PNG") and twin.height == 840
    assert "h = 0.00100" in twin.alt and "h = 0.100" in twin.alt
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == explorer.words


def test_the_border_of_stability_is_where_the_theory_puts_it():
    explorer = StiffnessExplorer(PAIR)
    for name in ("Euler", "Tsit5"):
        border = METHODS[name]().tableau.real_stability / 100
        calm = explorer.set(method=name, h=0.98 * border, place=90).words
        assert "no decaying part is unstable" in calm and "stay near" in calm
        wild = explorer.set(h=1.2 * border).words
        assert "1 of 2 points h λ lies outside, unstable" in wild and "leave the window" in wild
        said = re.search(r"is stable up to h = ([\d.]+) here", wild)
        assert said and float(said[1]) == pytest.approx(border, rel=2e-3)


@pytest.mark.parametrize("name", ["ImplicitEuler", "TRBDF2", "Rodas5P", "RadauIIA5"])
def test_an_l_stable_method_stays_on_van_der_pol_at_any_step(name):
    explorer = StiffnessExplorer(VDP, name)
    for h in (1e-3, 0.1, 10.0):
        assert "The ten steps stay near the solution." in explorer.set(h=h).words


def test_trapezoid_remembers():
    words = StiffnessExplorer(PAIR, "Trapezoid", h=1.0).set(place=90).words
    assert "what should be gone stays for many steps" in words
    assert "multiplies its part by 0.961 in size" in words  # |1 - 50|/|1 + 50|


def test_growing_parts_are_told_from_unstable_ones():
    explorer = StiffnessExplorer(VDP, "RadauIIA5").set(place=30)
    assert "parts grow" in explorer.words or "part grows" in explorer.words
    assert len(explorer.growing.get_xdata()) >= 1 and len(explorer.bad.get_xdata()) == 0


@pytest.mark.parametrize("name", cases())
def test_the_push_is_multiplied_by_the_stability_function(name):
    """On the fastest eigenvector, after one small step of a method."""
    case, method = cases()[name], sl.TRBDF2()
    t = case.place(60.0)
    rate = case.eigenvalues(t)[0]
    h = 1.0 / abs(rate)
    pushed, straight = (case.steps(method, t, h, push).u for push in (True, False))
    off = np.linalg.norm(pushed - straight, axis=1)
    assert len(off) == STEPS + 1 and off[0] > 0
    wanted = abs(method.tableau.stability_function(h * rate))
    assert off[1] / off[0] == pytest.approx(wanted, rel=0.25)


def test_the_page_is_linear_inside_and_logarithmic_outside():
    x = np.array([-1e6, -50.0, -5.0, -1.0, 0.0, 2.0, 80.0])
    assert np.allclose(from_page(to_page(x)), x)
    assert np.all(np.diff(to_page(x)) > 0)
    decades = to_page(np.array([-1e3, -1e4, -1e5]))
    assert np.allclose(np.diff(decades), decades[1] - decades[0])


def test_a_failing_iteration_is_told():
    explorer = StiffnessExplorer(VDP, "ImplicitEuler").set(place=20, h=10.0)
    assert "The steps end after" in explorer.words and explorer.error is None
