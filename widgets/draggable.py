"""A picture with handles: points of the data that a reader drags with the pointer or the keys."""

from __future__ import annotations

import html
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from sciml_lab._optional import need
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.picture import SHARP

FOLDER = Path(__file__).parent / "js"


class Draggable(Explorer):
    """The part of an explorer that deals with points which a reader drags.

    A subclass says where its `points` are, and what `move_point` does. The page draws such a
    picture by itself, from strokes; the PNG is made when somebody asks for it.
    """

    _strokes = b""

    def points(self):
        """The points, as an array of shape ``(n, 2)``, and the axes in which they stand."""
        raise NotImplementedError

    def place_points(self):
        """Put the artists of the points where the points are now."""
        raise NotImplementedError

    def move_point(self, index, x, y):
        """Put a point somewhere else."""
        raise NotImplementedError

    def show_meanwhile(self, words):
        """Show where the points are now and some words, before a long update.

        Should the update fail, the last picture that worked is shown again.
        """
        kept = self.png, self._strokes
        self.place_points()
        self._render()
        self._show_picture()
        self._page.words.value = f"<p>{html.escape(words)}</p>"
        self._drawn_png, self._strokes = kept

    def _make_page(self):
        """The page of every explorer, with handles on the points where that is possible."""
        page = super()._make_page()
        if importlib.util.find_spec("anywidget") is None:
            return page
        self._strokes = self.picture.strokes()
        image = draggable_picture(self.picture, self._strokes, self._handles(), self._dropped)
        page.box.children = [image if part is page.image else part for part in page.box.children]
        page.image = image
        return page

    def _render(self):
        """Write down the strokes if the page draws them."""
        if self._page is None or not hasattr(self._page.image, "handles"):
            super()._render()
        else:
            self._drawn_png, self._strokes = b"", self.picture.strokes()

    def _show_picture(self):
        """Send the strokes, and where the handles are, in one message."""
        if not hasattr(self._page.image, "handles"):
            super()._show_picture()
            return
        with self._page.image.hold_sync():
            self._page.image.handles = self._handles()
            self._page.image.value = self._strokes

    def _handles(self):
        """Places of the points on the page."""
        points, axes = self.points()
        x, y = axes.transData.transform(points).T / SHARP
        return [[float(a), float(self.picture.height - b)] for a, b in zip(x, y, strict=True)]

    def _dropped(self, index, x, y):
        """A reader holds or lets go a point at this place of the page."""
        place = np.array([x, self.picture.height - y]) * SHARP
        self.move_point(index, *self.points()[1].transData.inverted().transform(place))


@cache
def _widget_class():
    """The widget's class, made when the first one is asked for."""
    anywidget = need("anywidget", extra="lab", what="a picture whose points can be dragged")
    traitlets = need("traitlets", extra="lab", what="a picture whose points can be dragged")
    script = "\n".join((FOLDER / part).read_text("utf-8") for part in ("strokes.js", "drag.js"))

    class DraggablePicture(anywidget.AnyWidget):
        """Draws `value` on a still picture; places in `handles` can be dragged, and say so."""

        _esm = script
        _css = FOLDER / "drag.css"
        still = traitlets.Bytes(b"").tag(sync=True)
        value = traitlets.Bytes(b"").tag(sync=True)
        width = traitlets.Int(0).tag(sync=True)
        handles = traitlets.List([]).tag(sync=True)

    return DraggablePicture


def draggable_picture(picture, strokes, handles, dropped):
    """Return a widget that shows a picture with handles on it.

    Parameters
    ----------
    picture : Picture
        Its still part is sent once.
    strokes : bytes
        The moving part; assign new ones to ``widget.value``.
    handles : list of (x, y)
        Places of the handles in pixels from the upper left corner; assign to ``widget.handles``.
    dropped : callable
        ``dropped(index, x, y)``: handle number `index` is at (x, y) now, still held or let go.

    Raises
    ------
    ImportError
        Where anywidget is missing, with the command that installs it.
    """
    widget = _widget_class()(
        still=picture.still_png(), value=strokes, width=picture.width, handles=handles
    )

    def heard(_, message, buffers):
        if message.get("kind") in ("drag", "drop"):
            dropped(int(message["index"]), float(message["x"]), float(message["y"]))
            widget.send({"kind": "done"})  # the page may send the next place

    widget.on_msg(heard)
    return widget
