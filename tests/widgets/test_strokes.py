"""Strokes: what Matplotlib's artists draw, written down for a canvas in the page."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="strokes are written by Matplotlib's artists")

from matplotlib.patches import Circle

from sciml_lab_widgets.picture import Picture, encode
from sciml_lab_widgets.strokes import Strokes


def read(strokes):
    """Each command with its numbers, as the page reads them."""
    length = int.from_bytes(strokes[:4], "little")
    place, found = 4 + length, []
    for command in json.loads(strokes[4:place]):
        if "image" in command:
            width, height = command["image"]
            shapes = [(np.uint8, (height, width, 4))]
        else:
            shapes = [("<f4", (command["points"], 2))]
            if "places" in command:
                shapes.append(("<f4", (command["places"], 2)))
        numbers = []
        for kind, shape in shapes:
            size = np.dtype(kind).itemsize * int(np.prod(shape))
            numbers.append(np.frombuffer(strokes[place : place + size], kind).reshape(shape))
            place += size
        found.append((command, *numbers))
    assert place == len(strokes)
    return found


@pytest.fixture
def picture():
    return Picture(200, 100)


@pytest.fixture
def axes(picture):
    return picture.axes([0.1, 0.1, 0.8, 0.8], xlim=(0, 8), ylim=(0, 4))


SIZE = np.array([300, 150])  # one and a half pixels for each one of the page


def place(x, y):
    """Where a point of the axes is in the picture."""
    return np.array([0.1 + 0.8 * x / 8, 0.9 - 0.8 * y / 4]) * SIZE


def test_a_line_with_a_gap_and_dashes(picture, axes):
    style = {
        "color": "#D55E00",
        "linewidth": 2,
        "linestyle": (0, (3, 2)),
        "solid_capstyle": "round",
    }
    picture.moving(*axes.plot([1, 2, np.nan, 4, 5], [1, 3, 2, 1, 2.5], **style))
    ((command, points),) = read(picture.strokes())
    pixel = 150 / 72
    assert command["stroke"] == "#d55e00ff" and command["width"] == pytest.approx(2 * pixel)
    assert command["dashes"] == pytest.approx([6 * pixel, 4 * pixel])  # in widths of the line
    np.testing.assert_allclose(command["clip"], [*(place(0, 0)), *place(8, 4)], atol=1e-9)
    nan = [np.nan, np.nan]
    want = [nan, place(1, 1), place(2, 3), nan, place(4, 1), place(5, 2.5)]
    np.testing.assert_allclose(points, want, rtol=1e-6)


def test_marks_are_one_shape_at_many_places(picture, axes):
    picture.moving(*axes.plot([1, 2, np.nan], [1, 3, 2], "s", color="black", markersize=6))
    ((command, shape, places),) = read(picture.strokes())
    np.testing.assert_allclose(places, [place(1, 1), place(2, 3)], rtol=1e-6)
    assert command["fill"] == command["stroke"] == "#000000ff"
    np.testing.assert_allclose(np.nanmax(shape, 0) - np.nanmin(shape, 0), 6 * 150 / 72, atol=1)


def test_arrows_are_one_area(picture, axes):
    x, y = np.array([1.0, 4.0, 7.0]), np.array([1.0, 2.0, 3.0])
    look = {"angles": "xy", "scale_units": "xy", "scale": 1.0}
    picture.moving(axes.quiver(x, y, np.ones(3), np.zeros(3), color="#0072B2", **look))
    ((command, points),) = read(picture.strokes())
    assert command["fill"] == "#0072b2ff" and "stroke" not in command
    arrows = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))[1:]
    assert len(arrows) == 3
    for arrow, tail in zip(arrows, zip(x, y, strict=True), strict=True):
        np.testing.assert_allclose(np.nanmin(arrow[:, 0]), place(*tail)[0], rtol=1e-5)
        np.testing.assert_allclose(np.nanmax(arrow[:, 0]), place(tail[0] + 1, 0)[0], rtol=1e-5)
        np.testing.assert_allclose(np.nanmean([np.nanmin(arrow[:, 1]), np.nanmax(arrow[:, 1])]),
                                   place(*tail)[1], rtol=1e-5)  # fmt: skip


def test_areas_of_several_colours_are_drawn_one_by_one(picture, axes):
    picture.moving(axes.scatter([1, 2, 3], [1, 2, 3], color=["red", "green", "blue"]))
    fills = [command["fill"] for command, *_ in read(picture.strokes())]
    assert fills == ["#ff0000ff", "#008000ff", "#0000ffff"]


def test_an_image_keeps_its_own_pixels(picture, axes):
    values = np.arange(6.0).reshape(2, 3)
    image = axes.imshow(values, extent=(2, 6, 1, 3), origin="lower", aspect="auto", cmap="gray",
                        interpolation="none")  # fmt: skip
    axes.set(xlim=(0, 8), ylim=(0, 4))
    picture.moving(image)
    ((command, pixels),) = read(picture.strokes())
    assert command["image"] == [3, 2]
    np.testing.assert_allclose(command["box"], [*place(2, 1), *place(6, 3)], rtol=1e-9)
    np.testing.assert_array_equal(pixels[..., 0], [[0, 51, 102], [153, 204, 255]])


def test_a_curve_is_closed(picture):
    circle = Circle((150, 75), 30, facecolor="none", edgecolor="black")
    pen = Strokes(*SIZE, dpi=150)
    circle.draw(pen)
    ((_, points),) = read(pen.to_bytes())
    np.testing.assert_array_equal(points[1], points[-1])
    np.testing.assert_allclose(np.hypot(*(points[1:] - [150, 75]).T), 30, rtol=0.01)


def test_text_becomes_outlines(picture, axes):
    picture.moving(axes.text(4, 2, "dy"))
    (found,) = read(picture.strokes())
    assert "fill" in found[0] and "stroke" not in found[0]
    assert np.all(np.abs(np.nanmean(found[1], 0) - place(4, 2)) < 30)


def test_what_is_far_away_is_cut_off(picture, axes):
    picture.moving(*axes.plot([0, 8], [0, 1e12]))
    ((_, points),) = read(picture.strokes())
    assert len(points) == 3 and np.nanmax(np.abs(points)) <= 600


def test_what_never_changes_is_written_once(picture, axes):
    (below,) = picture.moving(*axes.plot([0, 8], [0, 4]))
    (above,) = picture.moving(*axes.plot([0, 8], [4, 0]))
    picture.same_strokes(above)
    first = read(picture.strokes())
    below.set_ydata([1, 1])
    above.draw = None  # is not asked again
    second = read(picture.strokes())
    np.testing.assert_array_equal(first[1][1], second[1][1])
    assert first[1][0] == second[1][0] and np.any(first[0][1][1:] != second[0][1][1:])


def test_what_is_not_visible_is_left_out(picture, axes):
    (line,) = picture.moving(*axes.plot([0, 8], [0, 4]))
    line.set_visible(False)
    assert read(picture.strokes()) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7, 3), (40, 3, 3)])
def test_the_png_holds_the_pixels(shape, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the PNG back")
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(encode(pixels))
    with image.open(path) as read_back:
        read_back.load()
        np.testing.assert_array_equal(np.asarray(read_back), pixels)
