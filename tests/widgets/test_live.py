"""Explorers in the page: node runs what the browser would, and both say what Python says."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")
pytest.importorskip("anywidget", reason="explorers live in the page by anywidget")

from sciml_lab_widgets import Derivatives, PhasePlane, Slider, StepMicroscope
from sciml_lab_widgets.words import number

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="node, which runs JavaScript, is not installed"
)

# What a browser has and node has not: enough of it for an explorer to draw into nothing.
BROWSER = """
const nothing = () => {};
const measured = () => ({width: 9});
const pen = new Proxy({}, {get: (_, name) => name === "measureText" ? measured : nothing});
const node = () => ({
  style: {setProperty: nothing}, classList: {toggle: nothing, add: nothing, remove: nothing},
  append: nothing, setAttribute: nothing, addEventListener: nothing, getContext: () => pen,
  getBoundingClientRect: () => ({width: 680}), replaceChildren(root) { this.root = root; },
});
globalThis.document = {createElement: node};
globalThis.window = {devicePixelRatio: 1};
globalThis.requestAnimationFrame = f => (f(), 0);
globalThis.cancelAnimationFrame = globalThis.setTimeout = globalThis.clearTimeout = nothing;
globalThis.Path2D = class { moveTo() {} lineTo() {} closePath() {} };
globalThis.ResizeObserver = class { observe() {} disconnect() {} };
"""

# Mount the explorer, then set its controls as Python would, time after time.
MOVES = """
const state = {spec: SPEC, values: VALUES}, el = node();
let tell = nothing;
const model = {get: name => state[name], set: nothing, save_changes: nothing, off: nothing,
               on: (_, heard) => { tell = heard; }};
render({model, el});
const said = [];
for (const values of MOVES) {
  state.values = values;
  tell();
  said.push({words: el.root.words, values: {...el.root.values}});
}
console.log(JSON.stringify(said));
"""


def in_node(text):
    """What a program prints, from JSON."""
    done = subprocess.run(
        [NODE, "--input-type=module"], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def both(explorer, moves):
    """Words of Python and of the page after each move, which is what `set` is given."""
    text, spec = explorer.program()
    first, python = explorer.values, []
    for move in moves:
        explorer.set(**move)
        assert explorer.error is None, explorer.words
        python.append({"words": explorer.words, "values": explorer.values})
    program = MOVES.replace("SPEC", json.dumps(spec)).replace("VALUES", json.dumps(first))
    program = program.replace("of MOVES", f"of {json.dumps([p['values'] for p in python])}")
    return python, in_node(f"{BROWSER}\n{text}\n{program}")


def assert_same(python, page):
    """The same sentences; numbers that measure rounding may differ."""
    for mine, theirs in zip(python, page, strict=True):
        a, b = _numbers(mine["words"]), _numbers(theirs["words"])
        assert a[0] == b[0], f"{mine['words']}\n{theirs['words']}"
        np.testing.assert_allclose(a[1], b[1], rtol=0.011, atol=1e-9, err_msg=mine["words"])
        for name, value in mine["values"].items():
            assert theirs["values"][name] == value, name


_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def _numbers(words):
    """The sentences without their numbers, and the numbers."""
    words = re.sub(r" × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"e{m[1].translate(_RAISED)}", words)
    pattern = r"-?\d+\.?\d*(?:e[-+]?\d+)?"
    return re.sub(pattern, "#", words), [float(x) for x in re.findall(pattern, words)]


# What the page says --------------------------------------------------------------------------


@needs_node
def test_numbers_are_written_as_in_python():
    x = [0.0, 1.0, 0.125, 2.5, 0.5, -0.0625, 1e-3, 9.9949e-4, 1e4, 9999.5, -123.45, 1e300, 6.02e23,
         1e-5, 0.00012345, 99999.5, 1.5e-7, -2e5, 0.3, 2 / 3]  # fmt: skip
    text = (sys.modules["sciml_lab_widgets.live"].FOLDER / "words.js").read_text("utf-8")
    show = "x => [number(x), number(x, 2), general(x, 3), general(x, 2)]"
    page = in_node(f"{text}\nconsole.log(JSON.stringify({json.dumps(x)}.map({show})));")
    assert page == [[number(y), number(y, 2), f"{y:.3g}", f"{y:.2g}"] for y in x]


@needs_node
def test_phase_plane_of_lotka_and_volterra_says_the_same():
    explorer = PhasePlane()
    moves = [
        {}, {"a": 2.5, "c": 1.1}, {"predation": False}, {"prey_growth": False, "predation": True},
        {"predator_death": False}, {"prey_growth": True, "predator_growth": False},
        {"predator_death": True}, {"predator_growth": True, "start_x": 3.0, "start_y": 1.4},
        {"nullclines": False, "start_x": 7.0}, {"b": 0.0}, {"d": 2.0, "b": 2.0}, {"a": 0.0},
    ]  # fmt: skip
    assert_same(*both(explorer, moves))


PLANES = [
    name
    for name in sl.zoo.__all__
    if len(getattr(getattr(sl.zoo, name), "states", ())) == 2
    and name != "slow_fast"  # its plane moves with t, and its solution ends where x = 0
]


@needs_node
@pytest.mark.parametrize("name", PLANES)
def test_phase_plane_of_the_zoo_says_the_same(name):
    explorer = PhasePlane(getattr(sl.zoo, name))
    moves = [{}]
    for control in [c for c in explorer.controls.values() if isinstance(c, Slider)]:
        low, high = control.ends()
        moves.append({control.name: low + 0.3 * (high - low)})
    assert explorer.why_not_live == ""
    assert_same(*both(explorer, moves))


MICROSCOPES = {
    "Lotka-Volterra": lambda: StepMicroscope(),
    "Lorenz": lambda: StepMicroscope(sl.zoo.lorenz(tspan=(0.0, 2.0)), sl.Tsit5(), plane=(0, 2)),
    "one unknown": lambda: StepMicroscope(sl.zoo.exponential(), sl.Heun()),
    "van der Pol": lambda: StepMicroscope(sl.zoo.van_der_pol(tspan=(0.0, 3.0)), sl.BS3()),
}


@needs_node
@pytest.mark.parametrize("make", MICROSCOPES.values(), ids=MICROSCOPES)
def test_step_microscope_says_the_same(make):
    explorer = make()
    assert explorer.why_not_live == ""
    moves = [{}, {"attempt": 4}, {"stage": 2}, {"stage": 3, "rtol": 1e-5}, {"controller": "PID"},
             {"controller": "none (fixed step)"}, {"dt": 0.02}, {"attempt": 9, "method": "RK4"},
             {"stage": 4}, {"method": "Vern9", "controller": "I", "rtol": 1e-2, "stage": 16},
             {"attempt": 2, "method": "DOP853"}, {"method": "Euler"}]  # fmt: skip
    moves += [{"method": name, "rtol": 1e-3} for name in sl.METHODS]
    assert_same(*both(explorer, moves))


@needs_node
def test_a_solve_that_fails_is_told_with_its_time():
    """Python knows the cause and the evidence as well; the page gives the time."""

    def f(u, p, t):
        return np.array([1.0, np.sqrt(1.0 - u[0])])

    with np.errstate(invalid="ignore"):
        explorer = PhasePlane(sl.ODEProblem(f, [0.0, 0.0], (0.0, 2.0)), box=(0, 2, 0, 2))
        (python,), (page,) = both(explorer, [{}])
    assert "f is not finite: just after t = 0.98" in python["words"]  # 1 - start_x
    assert page["words"].endswith("The trajectory ends at t = 0.980: f is not finite beyond it.")


# The widget ----------------------------------------------------------------------------------


def test_values_moved_in_the_page_arrive_and_are_drawn_when_asked_for():
    explorer = PhasePlane()
    before = explorer.png
    explorer.live.values = explorer.values | {"a": 2.5, "predation": False}  # as the page sends it
    assert explorer.values["a"] == 2.5 and explorer.values["predation"] is False
    assert explorer._drawn_png == before, "nothing is drawn before somebody asks"
    assert "leaves the window" in explorer.words and explorer.png != before
    assert explorer.words == PhasePlane().set(a=2.5, predation=False).words


def test_values_set_in_python_go_to_the_page():
    explorer = PhasePlane()
    live = explorer.live
    assert live is explorer.live and explorer.set(c=2.0).words
    assert live.values == explorer.values and live.values["c"] == 2.0


def test_step_microscope_follows_the_page_to_another_method():
    explorer = StepMicroscope()
    moved = {"method": "Vern9", "attempt": 2, "stage": 7}
    explorer.live.values = explorer.values | moved
    assert explorer.words.startswith("Attempt 2 of") and "Stage 7 of 16" in explorer.words
    assert {name: explorer.values[name] for name in moved} == moved


def test_what_a_notebook_shows_is_the_live_widget_and_the_picture():
    explorer = PhasePlane()
    data, metadata = explorer._repr_mimebundle_()
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.live.model_id and data["text/plain"] == explorer.words
    assert data["image/png"] and metadata["image/png"]["alt"] == explorer.words


def test_two_explorers_share_nothing_in_the_page():
    one, two = PhasePlane(), PhasePlane(sl.zoo.pendulum)
    one.live.values = one.values | {"a": 2.5}
    assert "a" not in two.live.values and one.live.spec != two.live.spec
    assert one.live._esm != two.live._esm


# Where it can't ------------------------------------------------------------------------------


def test_without_anywidget_the_python_explorer_serves(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    explorer = PhasePlane()
    data, _ = explorer._repr_mimebundle_()
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.widget.model_id and explorer.live is None
    assert "sciml-lab[lab]" in explorer.why_not_live


class Outside:
    """An equation that no transformation can read."""

    def __call__(self, u, p, t):
        return np.array([eval("u[1]"), -u[0]])


def test_an_equation_outside_of_the_subset_stays_in_python(tmp_path):
    explorer = PhasePlane(sl.ODEProblem(Outside(), [1.0, 0.0], (0.0, 7.0)))
    assert "closes after 6.28" in explorer.words and explorer.live is None
    assert "can't be transformed" in explorer.why_not_live
    data, _ = explorer._repr_mimebundle_()
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.widget.model_id
    with pytest.raises(ValueError, match=r"can't be transformed: .* static\(\)"):
        explorer.to_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_explorers_that_compute_in_python_say_so(tmp_path):
    explorer = Derivatives()
    assert explorer.live is None
    assert explorer.why_not_live == "Derivatives computes in Python at every move."
    with pytest.raises(ValueError, match="cannot live in a page without Python: Derivatives"):
        explorer.to_html(tmp_path / "page.html")


# A page of its own ---------------------------------------------------------------------------


@pytest.mark.parametrize("make", [PhasePlane, StepMicroscope])
def test_the_page_holds_everything(make, tmp_path):
    explorer = make()
    path = explorer.to_html(tmp_path / "page.html")
    text = path.read_text("utf-8")
    assert text.count("<script") == text.count("</script>") == 1
    assert not re.findall(r"(?:src|href)=\"(?!data:)|https?://|@import|url\(", text)
    assert explorer.title() in text and "<noscript>" in text


def test_labels_cannot_break_out_of_the_page(tmp_path):
    labels = ("</script><b>x", 'y"&<i>')
    text = PhasePlane(labels=labels).to_html(tmp_path / "page.html").read_text("utf-8")
    assert text.count("</script>") == 1 and "<b>" not in text and "<i>" not in text
