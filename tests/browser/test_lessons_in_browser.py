"""Every lesson as a learner meets it: opened, run by the menu, sliders moved by keyboard."""

import json
import os
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.parent.name for path in ROOT.glob("lessons/*/lesson.ipynb"))
MOVES = 15

# Every code cell of the open notebook: its execution count, and how its run failed, if it did.
CELLS = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = panel.content.widgets.filter(cell => cell.model.type === "code");
    return cells.map(cell => {
        const shared = cell.model.sharedModel;
        const outputs = shared.getOutputs();
        const error = outputs.find(output => output.output_type === "error");
        const said = outputs.filter(output => output.name === "stderr").map(output => output.text);
        return {
            source: shared.getSource(),
            count: shared.execution_count,
            mayRaise: (shared.getMetadata("tags") || []).includes("raises-exception"),
            error: error ? `${error.ename}: ${error.evalue}` : null,
            warning: said.flat().join(""),
        };
    });
}"""

READY = """path => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.context?.path === path && panel.context.isReady
        && panel.sessionContext.session?.kernel?.status === "idle";
}"""

# Lab stops at the first cell that fails; otherwise every cell has to have run.
FINISHED = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = panel.content.widgets
        .filter(cell => cell.model.type === "code").map(cell => cell.model.sharedModel)
        .filter(shared => shared.getSource().trim());
    const fails = shared => shared.getOutputs().some(output => output.output_type === "error")
        && !(shared.getMetadata("tags") || []).includes("raises-exception");
    return panel.sessionContext.session.kernel.status === "idle"
        && (cells.some(fails) || cells.every(shared => shared.execution_count !== null));
}"""

# From the key press to the next picture on the screen whose pixels differ, in milliseconds. The
# picture comes from Python, or is drawn in the page.
WATCH = """explorer => {
    const live = explorer.querySelector(".sciml-explorer canvas");
    if (live) {
        const before = live.toDataURL();
        window.latency = new Promise(resolve => {
            const began = () => {
                const start = performance.now();
                const look = () => requestAnimationFrame(shown => {
                    if (live.toDataURL() !== before) resolve(shown - start);
                    else look();
                });
                look();
            };
            explorer.addEventListener("keydown", began, {capture: true, once: true});
        });
        return;
    }
    const image = explorer.querySelector("img.widget-image, .sciml-drag canvas");
    const news = image.tagName === "IMG" ? "load" : "drawn";
    const pixels = () => {
        const canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth || image.width;
        canvas.height = image.naturalHeight || image.height;
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.toDataURL();
    };
    const before = pixels();
    window.latency = new Promise(resolve => {
        let began = null;
        for (const kind of ["keydown", "pointermove"])
            explorer.addEventListener(kind, () => { began ??= performance.now(); },
                                      {capture: true, once: true});
        const look = () => requestAnimationFrame(() => {
            const shown = performance.now();
            if (began !== null && pixels() !== before) {
                image.removeEventListener(news, look);
                resolve(shown - began);
            }
        });
        image.addEventListener(news, look);
    });
}"""

STANDS_AT = """([handle, x, y]) => {
    const box = handle.getBoundingClientRect();
    return Math.abs(box.x - x) < 3 && Math.abs(box.y - y) < 3;
}"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson(page, lab, lesson):
    """All cells run, and the first slider of every explorer moves its picture."""
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    _open_and_run(page, lab, f"{lesson}/lesson.ipynb")

    cells = page.evaluate(CELLS)
    failed = [cell for cell in cells if cell["error"] and not cell["mayRaise"]]
    assert not failed, "\n\n".join(f"{cell['error']}\n{cell['source']}" for cell in failed)
    warned = [cell for cell in cells if "Warning" in cell["warning"]]
    assert not warned, "\n\n".join(f"{cell['warning']}\n{cell['source']}" for cell in warned)
    assert page.get_by_text("Error displaying widget").count() == 0
    assert not trouble, trouble

    explorers = page.locator(
        ".jp-OutputArea-output:has(img.widget-image, .sciml-drag canvas):has(.noUi-handle), "
        ".jp-OutputArea-output:has(.sciml-explorer)"
    )
    notebook = json.loads((ROOT / "lessons" / lesson / "lesson.ipynb").read_text("utf-8"))
    uses = any("sciml_lab_widgets" in "".join(cell["source"]) for cell in notebook["cells"])
    assert explorers.count() > 0 or not uses, "the lesson imports explorers and shows none"
    for k in range(explorers.count()):
        explorer = explorers.nth(k)
        explorer.scroll_into_view_if_needed()
        times = [_move_first_slider(page, explorer, k) for k in range(MOVES)]
        print(
            f"\n{lesson}, explorer {k + 1}: slider to pixels {statistics.median(times):.0f} ms "
            f"median, {min(times):.0f} to {max(times):.0f} ms in {MOVES} moves"
        )
        if explorer.locator(".sciml-drag-handle").count():
            times = [_drag_a_point(page, explorer, k) for k in range(MOVES)]
            print(
                f"{lesson}: point dropped to pixels {statistics.median(times):.0f} ms median, "
                f"{min(times):.0f} to {max(times):.0f} ms in {MOVES} drops"
            )
        _screenshot(explorer, f"{lesson}_explorer{k + 1}.png")
    _screenshot(page, f"{lesson}.png")


def _open_and_run(page, lab, path):
    """Open a notebook, run it by Lab's own menu, wait for the last cell."""
    # Lab draws only the cells in view; here all of them are looked at.
    setting = "@jupyterlab/notebook-extension:tracker"
    page.request.put(f"{lab}/lab/api/settings/{setting}", data={"raw": '{"windowingMode": "none"}'})
    page.goto(f"{lab}/lab/tree/{path}?reset")
    page.wait_for_function(READY, arg=path, timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(FINISHED, timeout=240_000)


def _move_first_slider(page, explorer, k):
    """Press an arrow key on the first slider; the milliseconds until its picture has changed.

    A slider that is greyed out, since it has no effect just now, is passed over.
    """
    handle = explorer.locator(
        ".noUi-target:not([disabled]) .noUi-handle, input[type=range]:not([disabled])"
    ).first
    handle.focus()
    now, low, high = handle.evaluate(
        """handle => handle.type === "range" ? [handle.value, handle.min, handle.max].map(Number)
        : ["now", "min", "max"].map(name => Number(handle.getAttribute(`aria-value${name}`)))"""
    )
    key = "ArrowRight" if now < (low + high) / 2 or (now < high and k % 2) else "ArrowLeft"
    explorer.evaluate(WATCH)
    page.keyboard.press(key)
    milliseconds = page.evaluate(
        "() => Promise.race([window.latency, new Promise(done => setTimeout(done, 30000))])"
    )
    assert milliseconds is not None, f"30 s after {key} the picture is still the same"
    return milliseconds


def _drag_a_point(page, explorer, k):
    """Drag a data point aside, or back; milliseconds from the last move to a changed picture."""
    way = 1 if k % 2 == 0 else -1
    handle = explorer.locator(".sciml-drag-handle").nth(3)
    before = handle.bounding_box()
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20 * way, y - 15 * way, steps=4)
    page.wait_for_timeout(500)  # what it has told on its way is drawn
    explorer.evaluate(WATCH)
    page.mouse.move(x + 30 * way, y - 15 * way)
    page.mouse.up()
    milliseconds = page.evaluate(
        "() => Promise.race([window.latency, new Promise(done => setTimeout(done, 30000))])"
    )
    assert milliseconds is not None, "30 s after a point was dropped the picture is still the same"
    target = [before["x"] + 30 * way, before["y"] - 15 * way]
    page.wait_for_function(STANDS_AT, arg=[handle.element_handle(), *target], timeout=30_000)
    return milliseconds


def _screenshot(target, name):
    """Keep a picture of it in the folder that the environment variable SCREENSHOTS names."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        target.screenshot(path=str(Path(folder) / name))
