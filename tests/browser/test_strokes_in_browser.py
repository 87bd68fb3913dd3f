"""The page draws strokes as Matplotlib draws the artists that wrote them."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")

from sciml_lab_widgets.draggable import FOLDER
from sciml_lab_widgets.picture import Picture

DRAW = """async ([still, strokes]) => {
    const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes(still)], {type: "image/png"}));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    const pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    drawStrokes(pen, new DataView(bytes(strokes).buffer));
    return canvas.toDataURL().split(",")[1];
}"""


@pytest.mark.browser
def test_the_canvas_shows_what_matplotlib_shows(page):
    picture = Picture(400, 250)
    axes = picture.axes([0.1, 0.15, 0.85, 0.8], xlim=(0, 8), ylim=(-2, 2))
    x = np.linspace(0, 8, 200)
    shades = axes.imshow(np.outer([0.1, 0.3, 0.9], [0.2, 1.0, 0.6, 0.1]), extent=(1, 5, -1.5, 1),
                         origin="lower", aspect="auto", cmap="Oranges", vmin=0, vmax=1,
                         interpolation="none", zorder=0)  # fmt: skip
    axes.set(xlim=(0, 8), ylim=(-2, 2))
    picture.moving(shades, *axes.plot(x, np.sin(x), "--", x, 3 * np.cos(x), "-", linewidth=2))
    picture.moving(*axes.plot(x[::20], np.sin(x[::20]), "o", color="black"))
    places, slopes = (x[::20], x[::20] / 4 - 1), (np.cos(x[::20]), np.sin(x[::20]))
    arrows = axes.quiver(*places, *slopes, color="#0072B2")
    picture.moving(arrows, axes.text(5.5, -1.5, "a word", fontsize=14))

    still, strokes = picture.still_png(), picture.strokes()
    page.goto("about:blank")
    page.add_script_tag(content=(FOLDER / "strokes.js").read_text("utf-8"))
    drawn = page.evaluate(DRAW, [base64.b64encode(part).decode() for part in (still, strokes)])
    matplotlib, before = picture.pixels().astype(float), read(still)
    canvas = read(base64.b64decode(drawn))
    _keep("strokes_canvas.png", base64.b64decode(drawn))
    _keep("strokes_matplotlib.png", picture.png())

    assert canvas.shape == matplotlib.shape
    apart, moving = np.abs(canvas - matplotlib).mean(), np.abs(before - matplotlib).mean()
    print(f"\ncanvas and Matplotlib are {apart:.2f} apart, of {moving:.2f} that strokes change")
    assert apart < 0.1 * moving  # edges are smoothed in another way
    assert blurred(canvas - matplotlib).max() < 50  # and no spot is missing


def read(png):
    """Pixels of a PNG."""
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the canvas")
    return np.asarray(image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


def blurred(apart, size=6):
    """Mean of each square of pixels."""
    height, width = (n - n % size for n in apart.shape[:2])
    squares = apart[:height, :width].reshape(height // size, size, width // size, size, 3)
    return np.abs(squares.mean(axis=(1, 3)))


def _keep(name, png):
    """Keep a picture in the folder that the environment variable SCREENSHOTS names."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_bytes(png)
