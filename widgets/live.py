"""Explorers that live in the page: the equation, the steps and the drawing run in the browser.

The equation and the methods are printed as JavaScript from the Python source (`sl.transform`); the
files in `js/` draw, drag and say. The same text runs in a notebook, as an anywidget, and on a page
of its own without Python.
"""

from __future__ import annotations

import functools
import html
import json
from pathlib import Path

from sciml_lab._optional import need
from sciml_lab.backends.javascript import solver as javascript_solver
from sciml_lab.backends.javascript.definitions import definitions, join
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower
from sciml_lab_widgets.controls import Choice, Slider, Switch

FOLDER = Path(__file__).parent / "js"
COMMON = ("chart.js", "words.js", "plane.js", "explorer.js")


class NotLive(ValueError):
    """Why an explorer needs Python: one sentence."""


class Program:
    """JavaScript printed from Python: functions, the scratch memory they need, and an object.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> program = Program()
    >>> program.right_hand_side("f", sl.zoo.exponential.f, [1.0], [1.0])
    >>> "f_(out, u, p, t, work);" in program.text({"f": "f"})
    True
    """

    def __init__(self):
        self.texts, self.work = {}, 0

    def right_hand_side(self, name, f, u, p):
        """``f(u, p, t)`` as ``name(du, u, p, t, work)``."""
        self._add(name, f, {"u": u, "p": p, "t": 0.0})

    def measure(self, name, g, u, p):
        """``g(u, p)``, a number, as ``name(u, p)``."""
        self._add(f"{name}_of", g, {"u": u, "p": p})
        self.texts[name] = (
            f"function {name}(u, p) {{\n  const out = [NaN];\n"
            f"  {name}_of(out, u, p, 0, scratch);\n  return out[0];\n}}"
        )

    def _add(self, name, function, arguments):
        """Lower a function, and call it with u, p, t and work, whatever it reads of them."""
        printed = inplace(lower(function, *arguments.values(), outputs=("out",)))
        self.work = max(self.work, printed.work)
        self.texts |= definitions(printed, f"{name}_")
        given = [key for key, value in arguments.items() if value is not None]  # None is frozen
        inner = ", ".join(["out", *given, "work"])
        self.texts[name] = f"function {name}(out, u, p, t, work) {{\n  {name}_({inner});\n}}"

    def method(self, name, method):
        """A method, under this name."""
        self.texts |= _method(method, name)

    def controller(self, name, controller):
        """A controller, under this name."""
        self.texts |= javascript_solver.controller(controller, name)

    def text(self, members: dict) -> str:
        """Everything in a scope of its own; `members` are what is seen of it from outside."""
        scratch = f"const scratch = new Float64Array({self.work + 1});"
        pairs = ", ".join(f"{name}: {value}" for name, value in members.items())
        body = join({"scratch": scratch} | self.texts)
        return (
            f"const program = (() => {{\n{body}\n\nreturn {{work: {self.work}, {pairs}}};\n}})();"
        )


@functools.lru_cache(maxsize=64)
def _method(method, name):
    return javascript_solver.method(method, name)


def members(names: dict) -> str:
    """An object of JavaScript: names as a reader knows them, and what they stand for."""
    return "{" + ", ".join(f"{_json(key)}: {value}" for key, value in names.items()) + "}"


def controls(explorer) -> list:
    """What the page has to know of the controls."""
    return [_control(control) for control in explorer.controls.values()]


def _control(control):
    kinds = {Slider: "slider", Choice: "choice", Switch: "switch"}
    kind = next((name for type_, name in kinds.items() if isinstance(control, type_)), None)
    if kind is None:
        raise NotLive(f"its control {control.name!r} has no counterpart in a page")
    facts = {"kind": kind, "enabled": control.enabled}
    names = {
        "slider": ("low", "high", "step", "log", "whole"), "choice": ("options",), "switch": (),
    }[kind]  # fmt: skip
    facts |= {name: getattr(control, name) for name in ("name", "label", "value", *names)}
    if kind == "slider":
        facts["high"] = control.highest
    return facts


def script(name: str, file: str, program: str) -> str:
    """Return the module of an explorer: what is common, what is its own, what was printed."""
    parts = [*javascript_solver.loop().values()]
    parts += [(FOLDER / part).read_text("utf-8") for part in (*COMMON, file)]
    used = "\n".join(parts)
    render = f"const render = ({{model, el}}) => mount(el, model, {name}, program);"
    return "\n\n".join([used, program, render])


def style() -> str:
    """Return the style sheet."""
    return (FOLDER / "live.css").read_text("utf-8")


def widget(text: str, spec: dict, values: dict):
    """Return the explorer as an anywidget, with the traits `spec` and `values`."""
    anywidget = need("anywidget", extra="lab", what="an explorer that runs in the page")
    traitlets = need("traitlets", extra="lab", what="an explorer that runs in the page")
    members = {
        "_esm": text + "\n\nexport default {render};\n",
        "_css": style(),
        "spec": traitlets.Dict().tag(sync=True),
        "values": traitlets.Dict().tag(sync=True),
    }
    return type("LiveExplorer", (anywidget.AnyWidget,), members)(spec=spec, values=values)


def page(text: str, spec: dict, values: dict, *, title: str, words: str, png: str) -> str:
    """Return a page of its own, which needs neither a network nor Python.

    Parameters
    ----------
    text : str
        The module from `script`.
    spec, values : dict
        What the explorer shows, and where its controls stand.
    title, words : str
        Heading of the page; what the picture shows.
    png : str
        The picture in base 64, for a reader without JavaScript.
    """
    state = _json({"spec": spec, "values": values})
    title, words = html.escape(title), html.escape(words, quote=True)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: {spec["width"]}px; padding: 0 1rem; background: white;
  color: #222222; font-family: "DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif; }}
h1 {{ font-size: 1.15rem; font-weight: 600; margin: 0 0 1rem; }}
{style()}</style>
</head>
<body>
<h1>{title}</h1>
<main id="explorer"><noscript>
<img src="data:image/png;base64,{png}" width="{spec["width"]}" alt="{words}"><p>{words}</p>
</noscript></main>
<script type="module">
{text}

const state = {state};
const model = {{
  get: name => state[name],
  set: (name, value) => {{ state[name] = value; }},
  save_changes() {{}}, on() {{}}, off() {{}},
}};
render({{model, el: document.getElementById("explorer")}});
</script>
</body>
</html>
"""


def _json(value) -> str:
    """JSON that may stand in a page: nothing in it looks like a tag."""
    return json.dumps(value).replace("<", "\\u003c")
