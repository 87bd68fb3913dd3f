"""Explorers that run in the page: in JupyterLab with a kernel, and on a page of their own."""

import ast
import json
import os
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
pytest.importorskip("anywidget", reason="explorers live in the page by anywidget")

from sciml_lab_widgets import PhasePlane, StepMicroscope

EXPLORERS = {
    "PhasePlane": (("a", "start_x"), PhasePlane),
    "StepMicroscope": (("attempt", "rtol"), StepMicroscope),
}
SECONDS = 2

# Sixty inputs a second on a slider; the pictures drawn in that time, and the inputs sent.
DRAG = """async ([name, seconds]) => {
    const root = document.querySelector(".sciml-explorer");
    const input = root.querySelector(`input[id^="sciml-${name}-"]`);
    const [low, high] = [Number(input.min), Number(input.max)];
    const before = root.updates, began = performance.now();
    let sent = 0;
    await new Promise(done => {
        const timer = setInterval(() => {
            const now = (performance.now() - began) / 1000;
            if (now > seconds) {
                clearInterval(timer);
                return done();
            }
            while (sent < 60 * now) {
                input.value = low + (high - low) * (0.5 + 0.4 * Math.sin(2 * now + 0.001 * sent));
                input.dispatchEvent(new Event("input", {bubbles: true}));
                sent += 1;
            }
        }, 8);
    });
    return [root.updates - before, sent, (performance.now() - began) / 1000];
}"""

STATE = """() => {
    const root = document.querySelector(".sciml-explorer");
    const text = root.querySelector(".sciml-words").textContent.replaceAll("\\u00a0", " ");
    return {words: root.words, text, values: {...root.values}};
}"""

# Whether something is drawn: how many different colours the canvas has.
COLOURS = """() => {
    const canvas = document.querySelector(".sciml-explorer canvas");
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""


def drag(page, names, where):
    """Print how many pictures a second a drag gives; the state after it."""
    for name in names:
        updates, sent, seconds = page.evaluate(DRAG, [name, SECONDS])
        rates = f"{updates / seconds:.0f} updates a second of {sent / seconds:.0f} inputs"
        print(f"\n{where}, {name}: {rates}")
    assert updates > 2 and page.evaluate(COLOURS) > 20
    return page.evaluate(STATE)


def screenshot(target, name):
    """Keep a picture of it in the folder that the environment variable SCREENSHOTS names."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        target.screenshot(path=str(Path(folder) / name))


@pytest.fixture
def trouble(page):
    """What went wrong in the page."""
    found = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda text: found.append(text.text) if text.type == "error" else None)
    return found


@pytest.mark.browser
@pytest.mark.parametrize("kind", EXPLORERS)
def test_a_page_of_its_own_is_alive_without_kernel_and_network(page, trouble, tmp_path, kind):
    names, make = EXPLORERS[kind]
    explorer = make()
    address = explorer.to_html(tmp_path / "explorer.html").as_uri()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function("() => document.querySelector('.sciml-explorer')?.words")
    assert page.evaluate(STATE) == {
        "words": explorer.words, "text": explorer.words, "values": explorer.values
    }  # fmt: skip
    state = drag(page, names, f"{kind} on a page of its own")
    assert all(state["values"][name] != explorer.values[name] for name in names)
    assert state["words"] == state["text"] != explorer.words
    assert explorer.set(**state["values"]).words.split()[:4] == state["words"].split()[:4]
    assert set(asked) == {address} and not trouble
    screenshot(page, f"{kind}_page.png")


@pytest.mark.browser
def test_mouse_and_keyboard_move_the_start(page, trouble, tmp_path):
    explorer = PhasePlane()
    page.goto(explorer.to_html(tmp_path / "explorer.html").as_uri())
    canvas = page.locator(".sciml-explorer canvas")
    box = canvas.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y - 20, steps=5)
    page.mouse.up()
    page.mouse.move(x + 90, y + 90)
    page.wait_for_timeout(100)
    held = page.evaluate(STATE)["values"]
    assert held["start_x"] == pytest.approx(
        explorer.box[1] * ((x + 30 - box["x"]) / 680 - 0.085) / 0.5, 0.02
    )
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    moved = page.evaluate(STATE)["values"]
    assert moved["start_x"] > held["start_x"] and moved["start_y"] == held["start_y"]
    page.keyboard.press("Shift+Tab")  # back to the last check box: the nullclines
    page.keyboard.press("Space")
    page.wait_for_timeout(100)
    assert page.evaluate(STATE)["values"]["nullclines"] is False
    page.wait_for_timeout(500)
    assert canvas.get_attribute("aria-label") == page.evaluate(STATE)["words"]
    assert not trouble


METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CELLS = """from sciml_lab_widgets import KIND
explorer = KIND()
explorer"""


def cell(source):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [],
            "execution_count": None, "id": f"c{abs(hash(source))}"[:8]}  # fmt: skip


RUN = """async source => {
    const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
    let said = "";
    const future = kernel.requestExecute({code: source});
    future.onIOPub = message => {
        if (message.header.msg_type === "stream") said += message.content.text;
        if (message.header.msg_type === "error") said += message.content.traceback.join("\\n");
    };
    await future.done;
    return said;
}"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", EXPLORERS)
def test_in_jupyterlab_python_hears_of_it_and_can_move_it(page, trouble, lab, lab_root, kind):
    names, _ = EXPLORERS[kind]
    cells = [cell(CELLS.replace("KIND", kind))]
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    (lab_root / f"live_{kind}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    page.goto(f"{lab}/lab/tree/live_{kind}.ipynb?reset")
    ready = """() => "idle" ===
        window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"""
    page.wait_for_function(ready, timeout=40_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function("() => document.querySelector('.sciml-explorer')?.words", timeout=40_000)
    state = drag(page, names, f"{kind} in JupyterLab")
    page.wait_for_timeout(1500)
    values, words = ast.literal_eval(page.evaluate(RUN, "print((explorer.values, explorer.words))"))
    assert values == pytest.approx(state["values"])
    assert words == state["words"]
    moves = "explorer.set(a=2.5)" if kind == "PhasePlane" else "explorer.set(method='RK4')"
    words = page.evaluate(RUN, f"print({moves}.words)").strip()
    page.wait_for_timeout(1000)
    assert page.evaluate(STATE)["words"] == words
    screenshot(page.locator(".sciml-explorer"), f"{kind}_lab.png")
    assert not [error for error in trouble if "sciml" in error or "widget" in error.lower()]
