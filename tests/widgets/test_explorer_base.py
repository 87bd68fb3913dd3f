"""The base of all explorers, on a small one: picture, words, twin, sweep, errors, pages."""

import base64
import io
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab_widgets import Button, Choice, Explorer, Slider, Switch  # noqa: E402


class Parabola(Explorer):
    """All kinds of controls; a curvature above 1.9 fails, a shift of 5 draws nothing."""

    def __init__(self):
        self.presses = 0
        super().__init__(
            [
                Slider("a", "curvature", 1.0, low=-2.0, high=2.0, unit="1/m"),
                Slider("n", "points", 50, low=2, high=90),
                Slider("h", "shift", 1e-3, low=1e-6, high=5.0, log=True),
                Choice("colour", "colour", "blue", options=("blue", "red")),
                Switch("grid", "grid", True),
                Button("again", "Once more"),
            ],
            width=300,
            height=200,
        )

    def layout(self, picture):
        axes = picture.axes([0.1, 0.1, 0.85, 0.85], xlim=(-1, 1), ylim=(-2, 2))
        (self.curve,) = picture.moving(*axes.plot([], [], label="curve"))

    def draw(self, values):
        if values["a"] > 1.9:
            raise ValueError("too steep.")
        x = np.linspace(-1, 1, values["n"])
        y = values["a"] * x**2 + values["h"]
        self.curve.set_data(x, np.full_like(y, np.nan) if values["h"] == 5 else y)
        self.curve.set_color(values["colour"])
        return f"Ends at {values['a'] + values['h']:g} with {values['again']} presses."


@pytest.fixture
def explorer():
    return Parabola()


def pixels(png):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_slider_changes_picture_and_words(explorer):
    box = explorer.widget
    _, image, words = box.children
    before = bytes(image.value), words.value
    explorer.controls["a"].widget.value = -1.5
    assert bytes(image.value) != before[0] and words.value != before[1]
    assert bytes(image.value) == explorer.png and explorer.words in words.value
    assert explorer.values["a"] == -1.5


def test_the_same_values_give_the_same_picture(explorer):
    first = explorer.png
    assert explorer.set(a=-1.0).png != first
    assert explorer.set(a=1.0).png == first


def test_blitting_leaves_no_trace_of_earlier_pictures(explorer):
    for a in np.linspace(-2, 1.8, 7):
        explorer.set(a=a)
    moved = pixels(explorer.set(a=0.5).png)
    explorer.picture.redraw_all()
    assert np.array_equal(moved, pixels(explorer.set(a=0.5).png))


def test_the_picture_keeps_its_size(explorer):
    sizes = {pixels(explorer.set(**v).png).shape for v in ({"a": 0.0}, {"n": 2}, {"colour": "red"})}
    assert sizes == {(300, 450, 3)}
    with pytest.raises(ValueError, match="width"):
        Explorer([], width=800)


def test_set_checks_names_and_values_before_it_moves_anything(explorer):
    with pytest.raises(TypeError, match="no control 'b': its controls are a, n"):
        explorer.set(a=0.0, b=1)
    assert explorer.values["a"] == 1.0
    for name, value in {"a": 3.0, "n": "many", "colour": "green", "grid": "yes"}.items():
        with pytest.raises(ValueError, match=name):
            explorer.set(**{name: value})


def test_set_moves_the_widgets_too(explorer):
    page = explorer.widget
    explorer.set(a=0.5, n=7, h=1e-6, colour="red", grid=False)
    shown = {name: c.widget.value for name, c in explorer.controls.items() if name != "again"}
    assert shown == {"a": 0.5, "n": 7, "h": pytest.approx(1e-6), "colour": "red", "grid": False}
    assert page.children[1].value == explorer.png


def test_a_button_counts_and_updates(explorer):
    explorer.controls["again"].widget.click()
    assert "1 presses" in explorer.words
    assert "2 presses" in explorer.set(again=True).words


def test_an_error_becomes_a_sentence_and_the_picture_stays(explorer):
    explorer.set(a=1.5)
    before = explorer.png
    explorer.widget  # noqa: B018
    explorer.controls["a"].widget.value = 2.0
    assert explorer.png == before == explorer.widget.children[1].value
    assert "too steep" in explorer.widget.children[2].value
    assert isinstance(explorer.error, ValueError)
    assert "Ends at" in explorer.set(a=0.0).words and explorer.error is None


def test_a_first_picture_that_fails_is_an_error():
    class Broken(Parabola):
        def draw(self, values):
            raise RuntimeError("nothing works")

    with pytest.raises(RuntimeError, match="nothing works"):
        Broken()


def test_sweep_finds_what_fails_and_what_is_empty(explorer):
    report = explorer.sweep()
    assert not report
    assert len(report.rows) == 2 + 2 + 2 + 2 + 2 + 1
    assert [p.split(":")[0] for p in report.problems] == ["a = 2.0", "h = 5.0"]
    assert "too steep" in str(report) and "nothing can be drawn of curve" in str(report)
    values = explorer.values
    values.pop("again")
    assert values == {"a": 1.0, "n": 50, "h": 1e-3, "colour": "blue", "grid": True}


def test_static_twin_has_picture_and_words_and_moves_nothing(explorer):
    before = explorer.png, explorer.words, explorer.values
    twin = explorer.static(a=-1.0)
    assert (explorer.png, explorer.words, explorer.values) == before
    assert twin.alt.startswith("Ends at -0.999")
    data, metadata = twin._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == twin.png
    assert data["text/plain"] == twin.alt == metadata["image/png"]["alt"]
    assert pixels(twin.png).shape == (400, 600, 3)
    assert f'alt="{twin.alt}"' in twin._repr_html_()


def test_static_twin_of_several_values_is_a_column(explorer):
    twin = explorer.static(a=[-1.0, 0.0, 1.0], colour="red")
    assert (twin.width, twin.height) == (300, 600)
    assert twin.alt.count("Ends at") == 3


def test_static_twin_says_what_is_wrong(explorer):
    with pytest.raises(TypeError, match="no control"):
        explorer.static(b=1)
    with pytest.raises(ValueError, match="too steep"):
        explorer.static(a=2.0)
    assert explorer.values["a"] == 1.0 and explorer.error is None


def test_mime_bundle_holds_the_widget_and_a_picture(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.widget.model_id
    assert data["text/plain"] == explorer.words
    assert metadata["image/png"]["width"] == 300
    assert metadata["image/png"]["alt"] == explorer.words


def test_two_explorers_do_not_know_each_other(explorer):
    other = Parabola()
    explorer.widget, other.widget  # noqa: B018
    before = other.png, other.words
    explorer.controls["a"].widget.value = -1.0
    assert (other.png, other.words) == before and other.values["a"] == 1.0
    assert explorer.widget.model_id != other.widget.model_id


def test_every_control_has_a_description_with_its_unit_and_takes_the_keyboard(explorer):
    for control in explorer.controls.values():
        assert control.widget.description == control.label
        assert control.widget.tabbable is not False
    assert "[1/m]" in explorer.controls["a"].widget.description
    assert explorer.controls["a"].widget.readout


def test_a_slow_update_waits_for_the_release(explorer):
    explorer.widget  # noqa: B018
    slider = explorer.controls["a"]
    explorer.pace = 0.2
    explorer._show()
    assert not slider.widget.continuous_update
    explorer.pace = 0.01
    explorer._show()
    assert slider.widget.continuous_update
    slider.live = False
    explorer._show()
    assert not slider.widget.continuous_update


def test_words_are_text_not_html(explorer):
    explorer.draw = lambda values: "1 < 2 & <b>3</b>"
    explorer.widget  # noqa: B018
    explorer.update()
    assert "1 &lt; 2 &amp; &lt;b&gt;" in explorer.widget.children[2].value


def test_a_range_that_depends_on_other_controls(explorer):
    control = explorer.controls["n"]
    control.widget  # noqa: B018
    control.limit(10)
    assert control.value == control.widget.value == control.widget.max == 10
    control.limit(60)
    control.move(55)
    assert control.widget.value == 55 and control.ends() == (2, 60)


def test_without_ipywidgets_the_picture_remains(explorer, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert explorer.set(a=-1.0).static().png.startswith(b"\x89PNG")
    with pytest.raises(ImportError, match=r"sciml-lab\[lab\]"):
        explorer.widget  # noqa: B018


def test_the_package_loads_nothing_until_it_is_used():
    import subprocess

    code = "import sciml_lab_widgets, sys; print({'ipywidgets', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
