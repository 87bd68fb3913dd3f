"""`InPage`: what an explorer does that runs in the reader's browser, and needs no Python to move.

Python and the page each hold the values of the controls. A program that sets one tells the page at
once; a reader who moves one is heard when he pauses, and Python draws when somebody asks.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from sciml_lab.transform.tree import TransformError
from sciml_lab_widgets import live
from sciml_lab_widgets.words import first_line


class InPage:
    """The part of `Explorer` that deals with the page.

    An explorer that can live there overrides `program`. All others get the sentence that says why
    they can't.
    """

    values: dict
    _said: str
    _drawn_png: bytes  # empty: nobody has asked for it yet
    picture: Any
    _failure: Exception | None
    _live: Any
    _behind: bool
    _reason = ""

    @property
    def words(self) -> str:
        """The sentence."""
        self._catch_up()
        return self._said

    @property
    def png(self) -> bytes:
        """The picture."""
        self._catch_up()
        self._drawn_png = self._drawn_png or self.picture.png()
        return self._drawn_png

    @property
    def error(self) -> Exception | None:
        """What went wrong in the last update."""
        self._catch_up()
        return self._failure

    def program(self) -> tuple[str, dict]:
        """The explorer in JavaScript and what it has to know, for those that have this form."""
        raise live.NotLive(f"{type(self).__name__} computes in Python at every move")

    @property
    def live(self):
        """The explorer as an anywidget that runs in the page; None where that is not possible.

        `why_not_live` says why. Values that a reader has moved there arrive here when he pauses;
        picture and words follow when they are asked for.
        """
        if self._live is None:
            self._live = self._make_live()
        return self._live or None

    def _make_live(self):
        """The widget, or False."""
        try:
            widget = live.widget(*self.program(), self.values)
        except (live.NotLive, TransformError, ImportError) as reason:
            self._reason = first_line(reason)
            return False
        widget.observe(self._heard, names="values")
        return widget

    @property
    def why_not_live(self) -> str:
        """Why the explorer does not run in the page, in one sentence; empty if it does."""
        return self._reason if self.live is None else ""

    def _heard(self, change) -> None:
        """Controls were moved in the page: take their values, and draw when somebody asks."""
        if change["new"] != self.values:
            self._move(change["new"])
            self._behind = True

    def _catch_up(self) -> None:
        """Draw what was moved in the page in the meantime."""
        if self._behind:
            self.update()

    def to_html(self, path) -> Path:
        """Write one page on which the explorer is alive without Python and without a network.

        Parameters
        ----------
        path : str or path
            File to write.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            If the explorer needs Python; the sentence says what for.

        Examples
        --------
        >>> from sciml_lab_widgets import Derivatives
        >>> Derivatives().to_html("derivatives.html")
        Traceback (most recent call last):
        ...
        ValueError: This explorer cannot live in a page without Python: Derivatives computes in
        Python at every move. Show its picture instead: static() makes one.
        """
        try:
            text, spec = self.program()
        except (live.NotLive, TransformError) as reason:
            raise ValueError(
                f"This explorer cannot live in a page without Python: {first_line(reason)} "
                "Show its picture instead: static() makes one."
            ) from None
        picture = base64.b64encode(self.png).decode()
        whole = live.page(
            text, spec, self.values, title=self.title(), words=self.words, png=picture
        )
        path = Path(path)
        path.write_text(whole, encoding="utf-8")
        return path

    def title(self) -> str:
        """Heading of a page of its own."""
        return type(self).__name__
