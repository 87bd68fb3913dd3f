"""Each explorer: it sweeps, its words are right, its picture follows."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import Derivatives, PhasePlane, StepMicroscope  # noqa: E402
from sciml_lab_widgets.derivatives import FUNCTIONS  # noqa: E402
from sciml_lab_widgets.orbit import classify, first_return, fixed_points  # noqa: E402

EXPLORERS = [PhasePlane, Derivatives, StepMicroscope]


@pytest.mark.parametrize("make", EXPLORERS)
def test_sweep_to_both_ends(make, record_property):
    report = make().sweep()
    print(report)
    assert report, str(report)


@pytest.mark.parametrize("make", EXPLORERS)
def test_every_slider_changes_picture_and_words(make):
    explorer = make()
    box = explorer.widget
    for name, control in explorer.controls.items():
        if "controller" in explorer.controls:
            explorer.set(controller="none (fixed step)" if name == "dt" else "PI")
        low, high = control.ends()[0], control.ends()[-1]
        seen = []
        for value in (low, high):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        if name not in ("nullclines",):
            assert seen[0][1] != seen[1][1], f"{name} does not change the words"
        if isinstance(control.widget, widgets.Checkbox):
            control.widget.value = True


@pytest.mark.parametrize("make", EXPLORERS)
def test_controls_have_labels_and_a_readout(make):
    explorer = make()
    for control in explorer.controls.values():
        assert control.widget.description.strip()
        assert getattr(control.widget, "readout", True)
    labels = [c.label for c in explorer.controls.values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("make", EXPLORERS)
def test_static_twin_and_mime_bundle(make):
    explorer = make()
    twin = explorer.static()
    assert twin.png.startswith(b"\x89PNG") and twin.alt == explorer.words
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["width"] <= 700


# The phase plane ------------------------------------------------------------------------------


def test_phase_plane_knows_lotka_and_volterra():
    words = PhasePlane().words
    assert "(3.00, 1.50): a centre, turning once in 2.96" in words  # 2 pi/sqrt(a c)
    assert "closes after 3.32" in words  # sl.zoo.lotka_volterra.facts["period"]


def test_phase_plane_without_predation_leaves_the_window():
    explorer = PhasePlane()
    words = explorer.set(predation=False).words
    assert "leaves the window" in words and "closes" not in words and "invariant" not in words
    assert "(0, 0): a saddle" in words


def test_phase_plane_of_a_model_of_the_zoo():
    explorer = PhasePlane(sl.zoo.pendulum)
    assert set(sl.zoo.pendulum.parameters) <= set(explorer.controls)
    assert "centre" in explorer.words and "closes" in explorer.words
    assert explorer.sweep(), str(explorer.sweep())


def test_phase_plane_of_own_terms():
    terms = {
        "spring": lambda u, p, t: np.array([u[1], -u[0]]),
        "friction": lambda u, p, t: np.array([0 * u[0], -p[0] * u[1]]),
    }
    problem = sl.ODEProblem(
        lambda u, p, t: np.array([u[1], -u[0] - p[0] * u[1]]), [1.0, 0.0], (0.0, 20.0), [0.3]
    )
    explorer = PhasePlane(problem, terms, labels=("x", "v"), box=(-1.5, 1.5, -1.5, 1.5))
    assert "a stable spiral" in explorer.words
    assert "a centre" in explorer.set(friction=False).words


def test_phase_plane_of_a_vector_of_three_is_one_sentence():
    with pytest.raises(ValueError, match="problem must have two components"):
        PhasePlane(sl.zoo.lorenz())


def test_a_trajectory_that_cannot_go_on_is_told():
    problem = sl.ODEProblem(
        lambda u, p, t: np.array([1.0, np.sqrt(1.0 - u[0])]), [0.0, 0.0], (0.0, 2.0)
    )
    with np.errstate(invalid="ignore"):
        explorer = PhasePlane(problem, box=(0, 2, 0, 2))
    assert "f is not finite" in explorer.words


@pytest.mark.parametrize(
    "matrix, name",
    [
        ([[-1, 0], [0, -2]], "a stable node"),
        ([[1, 0], [0, 2]], "an unstable node"),
        ([[1, 0], [0, -2]], "a saddle"),
        ([[0, 1], [-1, 0]], "a centre"),
        ([[-0.1, 1], [-1, -0.1]], "a stable spiral"),
        ([[0.1, 1], [-1, 0.1]], "an unstable spiral"),
    ],
)
def test_fixed_points_are_found_and_named(matrix, name):
    A, centre = np.array(matrix, dtype=float), np.array([0.3, -0.2])

    def f(u, p, t):
        return A @ (u - centre.reshape((2,) + (1,) * (np.ndim(u) - 1)))

    (point,) = fixed_points(f, None, (-1, 1, -1, 1))
    assert np.allclose(point, centre)
    assert classify(f, point, None).startswith(name)


def test_a_whole_line_of_zeros_is_no_fixed_point():
    assert fixed_points(lambda u, p, t: np.array([u[0], 0 * u[1]]), None, (-1, 1, -1, 1)) == []


def test_first_return_is_the_period():
    problem = sl.ODEProblem(lambda u, p, t: np.array([u[1], -4 * u[0]]), [1.0, 0.0], (0.0, 5.0))
    sol = sl.solve(problem, sl.Tsit5(), rtol=1e-9, atol=1e-12)
    period, gap = first_return(problem.f, None, sol)
    assert period == pytest.approx(np.pi, abs=1e-5) and gap < 1e-5
    decays = sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0, 2.0], (0.0, 5.0)))
    assert first_return(decays.problem.f, None, decays)[0] is None


# Derivatives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivatives_by_hand_are_right(name):
    f, by_hand = FUNCTIONS[name]
    for x in (0.3, 1.1, 1.9):
        assert float(by_hand(x)) == pytest.approx(sl.ad.derivative(f, x, mode="dual"), rel=1e-13)


def test_derivatives_of_an_own_function_that_refuses_complex_numbers():
    def f(x):
        if isinstance(x, complex):
            raise TypeError("real numbers only")
        return x**3

    explorer = Derivatives(f, x=2.0)
    assert "refuses complex numbers" in explorer.words
    assert set(explorer.controls) == {"x", "h"} and explorer.sweep()


def test_derivatives_say_why():
    explorer = Derivatives()
    assert "rounds to x itself" in explorer.set(h=1e-16).words
    assert "rounding error of f" in explorer.set(h=1e-12).words
    assert "Taylor series" in explorer.set(h=1e-2).words
    assert "complex step is wrong" in explorer.set(function="|x|³ (not analytic)").words


def test_derivatives_measure_the_textbooks_best_steps():
    curves = Derivatives().curves
    best = {}
    for name in ("forward", "central"):
        h, error = curves[name].get_data()
        smooth = [np.median(error[max(0, i - 4) : i + 5]) for i in range(len(h))]
        best[name] = h[int(np.argmin(smooth))]
    assert 1e-9 < best["forward"] < 1e-7  # eps**(1/2)
    assert 1e-6 < best["central"] < 1e-4  # eps**(1/3)


# The step microscope --------------------------------------------------------------------------


def test_microscope_shows_what_steps_records():
    explorer = StepMicroscope(rtol=1e-4)
    settings = {"rtol": 1e-4, "atol": 1e-7, "controller": sl.PIController()}
    records = list(sl.steps(explorer.problem, sl.DP5(), **settings))
    assert len(explorer.trace.records) == len(records)
    for i in (1, len(records)):
        words = explorer.set(attempt=i).words
        assert f"Attempt {i} of {len(records)}" in words
        assert records[i - 1].reason[1:] in words


def test_microscope_finds_a_rejected_step():
    explorer = StepMicroscope(rtol=1e-3)
    rejected = [r.index + 1 for r in explorer.trace.records if not r.accepted]
    assert rejected
    assert "Rejected: error" in explorer.set(attempt=rejected[0]).words
    assert explorer.end.get_markerfacecolor() == "white"


@pytest.mark.parametrize("name", sl.METHODS)
def test_microscope_under_every_method(name):
    explorer = StepMicroscope()
    words = explorer.set(method=name, attempt=2).words
    assert explorer.error is None, words
    assert explorer.values["stage"] == sl.METHODS[name]().tableau.stages
    assert ("fixed step" in words) == (not sl.METHODS[name]().adaptive)


def test_microscope_stays_at_its_time_when_the_tolerance_moves():
    explorer = StepMicroscope().set(attempt=10)
    t = explorer.shown.t
    explorer.set(rtol=1e-6)
    assert abs(explorer.shown.t - t) < 0.2 and explorer.values["attempt"] > 10


def test_microscope_of_one_unknown_tells_of_instability():
    decay = sl.ODEProblem(lambda u, p, t: -10 * u, [1.0], (0.0, 3.0))
    explorer = StepMicroscope(decay, sl.Euler(), dt=0.25)
    assert "Unstable: errors grow by 1.50" in explorer.words
    assert "Unstable" not in explorer.set(dt=0.1).words
    assert explorer.sweep(), str(explorer.sweep())


def test_microscope_cuts_off_what_never_ends():
    explorer = StepMicroscope(sl.zoo.lorenz(tspan=(0.0, 60.0)), rtol=1e-8)
    assert "cut off after 600 attempts" in explorer.set(rtol=1e-8).words


def test_microscope_takes_a_user_tableau():
    mine = sl.ExplicitRK(sl.Tableau(name="mine", A=[[0, 0], [0.5, 0]], b=[0, 1]))
    explorer = StepMicroscope(method=mine)
    assert explorer.values["method"] == "mine"
    with pytest.raises(TypeError, match="method must be"):
        StepMicroscope(method="Euler")


def test_microscope_greys_out_what_has_no_effect():
    explorer = StepMicroscope()
    explorer.widget  # noqa: B018
    off = lambda: {n for n, c in explorer.controls.items() if c.widget.disabled}  # noqa: E731
    assert off() == {"dt"}
    explorer.set(controller="none (fixed step)")
    assert off() == {"rtol"}
    explorer.set(method="RK4")
    assert off() == {"rtol", "controller"}
