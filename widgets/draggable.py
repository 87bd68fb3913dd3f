"""A picture with handles: points of the data that a reader drags with the pointer or the keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sciml_lab._optional import need

FOLDER = Path(__file__).parent / "js"


@cache
def _widget_class():
    """The widget's class, made when the first one is asked for."""
    anywidget = need("anywidget", extra="lab", what="a picture whose points can be dragged")
    traitlets = need("traitlets", extra="lab", what="a picture whose points can be dragged")

    class DraggablePicture(anywidget.AnyWidget):
        """Shows `value`, a PNG; the places in `handles` can be dragged, and say so by a message."""

        _esm = FOLDER / "drag.js"
        _css = FOLDER / "drag.css"
        value = traitlets.Bytes(b"").tag(sync=True)
        alt = traitlets.Unicode("").tag(sync=True)
        width = traitlets.Int(0).tag(sync=True)
        height = traitlets.Int(0).tag(sync=True)
        handles = traitlets.List([]).tag(sync=True)

    return DraggablePicture


def draggable_picture(png, width, height, handles, dropped):
    """Return a widget that shows a picture with handles on it.

    Parameters
    ----------
    png : bytes
        The picture; assign a new one to ``widget.value``.
    width, height : int
        Its size on the page.
    handles : list of (x, y)
        Places of the handles in pixels from the upper left corner; assign to ``widget.handles``.
    dropped : callable
        ``dropped(index, x, y, done)``: handle number `index` is at (x, y) now; `done` says whether
        it has been let go.

    Raises
    ------
    ImportError
        Where anywidget is missing, with the command that installs it.
    """
    widget = _widget_class()(value=png, width=width, height=height, handles=handles)

    def heard(_, message, buffers):
        if message.get("kind") in ("drag", "drop"):
            place = float(message["x"]), float(message["y"])
            dropped(int(message["index"]), *place, message["kind"] == "drop")

    widget.on_msg(heard)
    return widget
