"""`StructureExplorer`: what it says is what the theory of symplectic methods says."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import StructureExplorer  # noqa: E402
from sciml_lab_widgets.structure import METHODS, MOTIONS, STEPS, steps  # noqa: E402

SWINGS, DRIFTS = "It swings, and no drift is seen.", "It drifts:"


@pytest.mark.parametrize("motion", MOTIONS)
def test_sweep_from_every_motion(motion):
    explorer = StructureExplorer(motion, "VelocityVerlet", dt=0.2).set(periods=20)
    report = explorer.sweep()
    assert report, str(report)


def test_every_control_changes_picture_and_words():
    explorer = StructureExplorer("planet", "VelocityVerlet", dt=0.3, start=0.3)
    box = explorer.widget
    for name, control in explorer.controls.items():
        seen = []
        for value in (control.ends()[0], control.ends()[-2 if name == "method" else -1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        assert seen[0][1] != seen[1][1], f"{name} does not change the words"
        explorer.set(motion="planet", method="VelocityVerlet", dt=0.3, periods=60, start=0.3)


def test_labels_twin_and_mime_bundle():
    explorer = StructureExplorer("pendulum", dt=0.3)
    labels = [control.widget.description.strip() for control in explorer.controls.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    twin = explorer.static(dt=[0.2, 0.4])
    assert twin.png.startswith(b"\x89PNG") and twin.height == 800
    assert "dt = 0.200" in twin.alt and "dt = 0.400" in twin.alt
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == explorer.words


@pytest.mark.parametrize("name", ["SymplecticEuler", "VelocityVerlet", "KahanLi6"])
@pytest.mark.parametrize("motion", MOTIONS)
def test_symplectic_methods_swing(name, motion):
    assert SWINGS in StructureExplorer(motion, name, dt=0.1, start=0.5).words


@pytest.mark.parametrize("name", ["RK4", "Tsit5"])
@pytest.mark.parametrize("motion", MOTIONS)
def test_ordinary_methods_drift(name, motion):
    assert DRIFTS in StructureExplorer(motion, name, dt=0.2, start=0.5).words


def test_the_implicit_midpoint_rule_swings_and_may_end():
    explorer = StructureExplorer("pendulum", "ImplicitMidpoint", dt=0.3).set(periods=20)
    assert SWINGS in explorer.words
    assert "It ends after" in explorer.set(motion="planet", dt=1.0, start=0.9).words
    assert "too few periods" in explorer.words and explorer.error is None


def test_what_many_steps_cost_is_bounded_and_said():
    explorer = StructureExplorer("planet", "VelocityVerlet", dt=0.05).set(periods=200)
    assert f"as far as {STEPS} steps reach" in explorer.words


@pytest.mark.parametrize("motion", MOTIONS)
def test_periods_energies_and_exact_orbits_belong_together(motion):
    case = MOTIONS[motion]
    problem = case.problem(0.5)
    period = case.period(0.5)
    sol = sl.solve(problem.replace(tspan=(0.0, period)), sl.Vern9(), rtol=1e-11, atol=1e-12)
    assert np.allclose(sol.u[-1], sol.u[0], atol=1e-7)
    n = len(sol.u[0]) // 2
    known = [problem.H(u[:n], u[n:], problem.params, 0.0) for u in sol.u]
    assert np.allclose(case.energy(sol.u), known, rtol=1e-12)
    x, y = case.exact(0.5)
    gap = [np.min(np.hypot(x - a, y - b)) for a, b in zip(*case.where(sol.u), strict=True)]
    assert max(gap) < 0.05


@pytest.mark.parametrize("name", METHODS)
def test_steps_are_those_of_the_method(name):
    times, states, count = steps("planet", name, 0.1, 0.2, 5)
    assert len(times) == len(states) == 6 and count >= 5
    exact = sl.zoo.kepler.exact(0.5, u0=sl.zoo.kepler_hamiltonian(0.2).u0)
    assert np.allclose(states[-1], exact, atol=0.05)
