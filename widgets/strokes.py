"""Strokes: the moving part of a picture as lines, areas and small images, for a canvas in the page.

Matplotlib's artists say what the picture is. This pen writes down what they draw, and computes no
pixels; `js/strokes.js` draws it in the page. Measured for the picture of `NeuralODETrainer`: 4 ms
and 40 kB, where pixels and PNG take 35 ms and 210 kB.
"""

from __future__ import annotations

import json

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.path import Path

CAPS = {"projecting": "square"}  # where the canvas has another word


class Strokes(RendererBase):
    """A renderer that lists commands, and the numbers that they use up one after the other.

    Parameters
    ----------
    width, height : float
        Size of the picture in pixels.
    dpi : float
        Pixels for each inch.

    Examples
    --------
    >>> from matplotlib.lines import Line2D
    >>> pen = Strokes(100, 50, dpi=72)
    >>> Line2D([10, 90], [5, 40], linewidth=2).draw(pen)
    >>> pen.commands[0]["stroke"], pen.numbers[0].tolist()
    ('#1f77b4ff', [[nan, nan], [10.0, 45.0], [90.0, 10.0]])
    """

    def __init__(self, width: float, height: float, dpi: float):
        super().__init__()
        self.width, self.height, self.dpi = width, height, dpi
        self.commands: list[dict] = []
        self.numbers: list[np.ndarray] = []

    def append(self, other: Strokes) -> None:
        """Go on with what another pen has written."""
        self.commands += other.commands
        self.numbers += other.numbers

    def to_bytes(self) -> bytes:
        """Length of the commands, the commands as JSON, the numbers: each in fours of bytes."""
        text = json.dumps(self.commands).encode()
        text += b" " * (-len(text) % 4)
        parts = [np.ascontiguousarray(part).tobytes() for part in self.numbers]
        return b"".join([len(text).to_bytes(4, "little"), text, *parts])

    # What artists call --------------------------------------------------------------------------

    def draw_path(self, gc, path, transform, rgbFace=None):
        """A line, an area, or both."""
        self._path(gc, self._points(gc, path, transform, rgbFace), rgbFace)

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        """The same mark at all points of a path."""
        places = trans.transform(path.vertices)
        places = self._upright(places[np.isfinite(places).all(axis=1)])
        mark = self._points(gc, marker_path, marker_trans, rgbFace) - [0, self.height]
        self._path(gc, mark, rgbFace, places)

    def draw_path_collection(
        self, gc, master_transform, paths, all_transforms, offsets, offset_trans, facecolors,
        edgecolors, linewidths, *others, **more,
    ):  # fmt: skip
        """Areas of one colour without edges are one area; others are drawn one by one."""
        plain = len(facecolors) == 1 and not np.any(linewidths) and len(paths) == len(offsets)
        if plain and not len(all_transforms) and all(path.codes is None for path in paths):
            corners = master_transform.transform(np.concatenate([p.vertices for p in paths]))
            sizes = [len(path.vertices) for path in paths]
            corners += np.repeat(offset_trans.transform(offsets), sizes, axis=0)
            ends = np.cumsum([0, *sizes[:-1]])
            self._path(gc, self._upright(np.insert(corners, ends, np.nan, axis=0)), facecolors[0],
                       edge=False)  # fmt: skip
            return
        super().draw_path_collection(
            gc, master_transform, paths, all_transforms, offsets, offset_trans, facecolors,
            edgecolors, linewidths, *others, **more,
        )  # fmt: skip

    def draw_image(self, gc, x, y, im, transform=None):
        """An image with its own few pixels; `transform` says what becomes of a unit square."""
        size = im.shape[1::-1]
        corners = [(0, 0), size] if transform is None else transform.transform([(0, 0), (1, 1)])
        box = self._upright(np.add(corners, [x, y]))
        self._add(gc, {"image": size, "box": box.ravel().tolist()}, np.asarray(im, np.uint8))

    def option_scale_image(self):
        """The page scales images."""
        return True

    def points_to_pixels(self, points):
        """From typographic points to pixels."""
        return points * self.dpi / 72

    def get_canvas_width_height(self):
        """Size of the picture."""
        return self.width, self.height

    # How it is written down ---------------------------------------------------------------------

    def _points(self, gc, path, transform, face):
        """Corners of a path without curves; NaN lifts the pen."""
        far = (-self.width, -self.height, 2 * self.width, 2 * self.height)
        clean = path.cleaned(
            transform, remove_nans=True, clip=far if face is None else None, snap=gc.get_snap(),
            simplify=None if face is None else False,
            stroke_width=self.points_to_pixels(gc.get_linewidth()),
        )  # fmt: skip
        used = clean.codes != Path.STOP
        corners, codes = clean.vertices[used], clean.codes[used]
        begins = codes == Path.MOVETO
        first = np.maximum.accumulate(np.where(begins, np.arange(len(codes)), 0))
        corners = np.where((codes == Path.CLOSEPOLY)[:, None], corners[first], corners)
        return self._upright(np.insert(corners, np.flatnonzero(begins), np.nan, axis=0))

    def _upright(self, points):
        """Seen from the upper left corner, as the page does."""
        return np.array([0, self.height]) + np.array([1, -1]) * points

    def _path(self, gc, points, face, places=None, edge=True):
        """A command that draws a path, perhaps at several places."""
        command = {"points": len(points)}
        if places is not None:
            command["places"] = len(places)
        if face is not None:
            command["fill"] = _colour(face)
        if edge and gc.get_linewidth():
            start, dashes = gc.get_dashes()
            cap = gc.get_capstyle()
            command |= {
                "stroke": _colour(gc.get_rgb()),
                "width": self.points_to_pixels(gc.get_linewidth()),
                "cap": CAPS.get(cap, cap), "join": gc.get_joinstyle(),
                "dashes": [self.points_to_pixels(float(x)) for x in (dashes or ())],
                "start": self.points_to_pixels(start or 0),
            }  # fmt: skip
        parts = [points] if places is None else [points, places]
        self._add(gc, command, *(np.asarray(part, "<f4") for part in parts))

    def _add(self, gc, command, *numbers):
        """A command inside the clipping rectangle, and its numbers."""
        clip = gc.get_clip_rectangle()
        if clip is not None:
            command["clip"] = self._upright(clip.get_points()).ravel().tolist()
        self.commands.append(command)
        self.numbers += numbers


def _colour(rgba) -> str:
    from matplotlib.colors import to_hex

    return to_hex(rgba, keep_alpha=True)
