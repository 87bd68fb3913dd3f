"""`Explorer`: controls, a picture that follows them, and a sentence that says what it shows.

An explorer is a function from the values of its controls to a picture and a sentence. A subclass
names its controls, draws the still part once in `layout`, and in `draw` moves the artists and
returns the sentence. Everything else lives here: the widgets, the blitted picture, the static
twin, the sweep, and what happens when something goes wrong.
"""

from __future__ import annotations

import contextlib
import html
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.plot import style
from sciml_lab_widgets.controls import Button, Control, Slider
from sciml_lab_widgets.in_page import InPage
from sciml_lab_widgets.picture import Picture, StaticPicture, mimebundle
from sciml_lab_widgets.words import first_line

SLOW = 0.05  # seconds: updates that take longer wait until the slider is let go


class Explorer(InPage):
    """The base of all explorers.

    To write one:

    1. call ``super().__init__(controls, width=..., height=...)`` last in ``__init__``;
    2. ``layout(self, picture)`` makes axes and artists, and hands what moves to
       ``picture.moving(...)``; it is called once;
    3. ``draw(self, values)`` moves the artists and returns the sentence; it is called for every
       new value of a control. It may raise: the sentence then says why, the picture stays.

    Parameters
    ----------
    controls : sequence of Control
        What can be moved.
    width, height : int
        Size of the picture on the page, in pixels (at most 700 wide).

    Attributes
    ----------
    words : str
        The sentence: result and text alternative of the picture.
    png : bytes
        The picture.
    error : Exception or None
        What went wrong in the last update.
    seconds : float
        How long the last update took.

    Examples
    --------
    >>> class Parabola(Explorer):
    ...     def __init__(self):
    ...         super().__init__([Slider("a", "curvature", 1.0, low=-2.0, high=2.0)], height=300)
    ...     def layout(self, picture):
    ...         axes = picture.axes([0.1, 0.1, 0.85, 0.85], xlim=(-1, 1), ylim=(-2, 2))
    ...         self.x = np.linspace(-1, 1)
    ...         (self.curve,) = picture.moving(*axes.plot(self.x, self.x))
    ...     def draw(self, values):
    ...         self.curve.set_ydata(values["a"] * self.x**2)
    ...         return f"The parabola ends at {values['a']:g}."
    >>> explorer = Parabola()
    >>> explorer.set(a=-1.5).words
    'The parabola ends at -1.5.'
    >>> bool(explorer.sweep())
    True
    """

    def __init__(self, controls: Sequence[Control], *, width: int = 680, height: int = 420):
        self.controls = {control.name: control for control in controls}
        self.picture = Picture(width, height)
        self._said, self._drawn_png, self._failure, self.seconds = "", b"", None, 0.0
        self.pace = 0.0  # what an update takes lately
        self._page = None  # the widgets: box, image and words
        self._live, self._behind = None, False  # the widget that runs in the page, see `InPage`
        with style():
            self.layout(self.picture)
        self.update()
        if self._failure is not None:  # nothing is on the page yet that could be kept
            raise self._failure
        for control in controls:
            control.listen(self.moved)

    def layout(self, picture: Picture) -> None:
        """Make axes and artists, once."""
        raise NotImplementedError

    def draw(self, values: dict) -> str:
        """Move the artists to these values and return the sentence."""
        raise NotImplementedError

    @property
    def values(self) -> dict:
        """The values of all controls by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values) -> Explorer:
        """Move controls from a program, then update once.

        Returns
        -------
        Explorer
            The explorer itself, so that ``explorer.set(h=0.1).words`` reads well.

        Raises
        ------
        TypeError, ValueError
            If there is no such control, or the value is outside its range.
        """
        for name in values:
            self._control(name)
        buttons = [name for name in values if isinstance(self.controls[name], Button)]
        self._move({name: value for name, value in values.items() if name not in buttons})
        for name in buttons:  # pressed last, when everything stands where it should
            self.controls[name].press()
        if not buttons:
            self.update()
        return self

    def _control(self, name: str) -> Control:
        if name not in self.controls:
            raise TypeError(
                f"{type(self).__name__} has no control {name!r}: its controls are "
                f"{', '.join(self.controls)}."
            )
        return self.controls[name]

    def moved(self, control: Control) -> None:
        """A reader has moved a control. Explorers that react to some in another way override it."""
        self.update()

    def update(self) -> None:
        """Draw the current values; on an error say why and keep the last picture."""
        began = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                self._said = self.draw(self.values)
                self._render()
            self._failure = None
        except Exception as error:
            self._failure = error
            self._said = (
                f"This cannot be drawn: {first_line(error)} "
                "The picture still shows the last setting that worked."
            )
        self._behind = False
        self.seconds = time.perf_counter() - began
        self.pace = 0.6 * self.pace + 0.4 * self.seconds
        if self._page is not None:
            self._show()
        if self._live:
            self._live.values = self.values

    def _render(self) -> None:
        """Draw for the page. An explorer whose page draws for itself overrides it."""
        self._drawn_png = self.picture.png()

    # Sent by Python ---------------------------------------------------------------------------

    @property
    def widget(self):
        """The whole explorer as one ipywidgets box, for use inside other boxes."""
        if self._page is None:
            self._page = self._make_page()
        return self._page.box

    def _make_page(self) -> _Page:
        """Controls in two columns, the picture below them, the words below the picture."""
        widgets = need("ipywidgets", extra="lab", what=f"the live {type(self).__name__}")
        width = f"{self.picture.width}px"
        controls = widgets.Box(
            [control.widget for control in self.controls.values()],
            layout=widgets.Layout(flex_flow="row wrap", width=width, margin="0"),
        )
        size = {"width": width, "height": f"{self.picture.height}px"}
        image = widgets.Image(value=self.png, format="png", layout=widgets.Layout(**size))
        words = widgets.HTML(layout=widgets.Layout(width=width, min_height="3.2em"))
        page = _Page(widgets.VBox([controls, image, words]), image, words)
        page.words.value = _paragraph(self.words)
        return page

    def _show(self) -> None:
        """Send picture and words to the page; wait for the release of sliders where it is slow."""
        self._show_picture()
        self._page.words.value = _paragraph(self.words)
        for control in self.controls.values():
            if isinstance(control, Slider):
                control.widget.continuous_update = control.live and self.pace < SLOW

    def _show_picture(self) -> None:
        """Send the picture."""
        self._page.image.value = self.png

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The live widget where there is one to show, and the picture everywhere else."""
        data, metadata = mimebundle(self.png, self.words, self.picture.width, self.picture.height)
        with contextlib.suppress(ImportError):  # without ipywidgets the picture is what remains
            view = (self.live or self.widget)._repr_mimebundle_()
            view = view[0] if isinstance(view, tuple) else view or {}
            data |= {kind: part for kind, part in view.items() if kind != "text/plain"}
        return data, metadata

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.words}"

    # Without a reader ------------------------------------------------------------------------

    def static(self, **values) -> StaticPicture:
        """Return the static twin: the picture and the words at these values, for any page.

        A list of values gives one picture below the other. The explorer itself does not move.

        Examples
        --------
        >>> from sciml_lab_widgets import Derivatives
        >>> twin = Derivatives().static(h=[1e-2, 1e-8])
        >>> twin.width, twin.height
        (680, 800)
        """
        for name in values:
            self._control(name)
        rows = max([len(v) for v in values.values() if isinstance(v, list | tuple)], default=1)
        kept, words, pictures = self.values, [], []
        try:
            for row in range(rows):
                now = {k: v[row] if isinstance(v, list | tuple) else v for k, v in values.items()}
                self._move(now)
                with np.errstate(all="ignore"):
                    words.append(self.draw(self.values))
                pictures.append(self.picture.sharp_pixels())
        finally:
            self._move({k: kept[k] for k in kept if not isinstance(self.controls[k], Button)})
            self.update()
        return StaticPicture(np.vstack(pictures), " ".join(words), width=self.picture.width)

    def _move(self, values: dict) -> None:
        """Move controls one after the other, without an update."""
        for name, value in values.items():
            self.controls[name].move(value)

    def sweep(self) -> Sweep:
        """Drive every control to all of its ends, the others staying where they are.

        Returns
        -------
        Sweep
            True where no update failed and no picture is empty; printed, it lists what happened.
        """
        report = Sweep(type(self).__name__)
        kept = self.values
        for name, control in self.controls.items():
            for value in control.ends():
                self.set(**{name: value})
                report.rows.append((name, value, self.seconds, self._complaint()))
            if not isinstance(control, Button):
                self.set(**{name: min(kept[name], control.high) if isinstance(control, Slider)
                            else kept[name]})  # fmt: skip
        return report

    def _complaint(self) -> str:
        """What is wrong with the present picture, in words; empty if nothing is."""
        if self.error is not None:
            return self.words
        empty = self.picture.empty_lines()
        if empty:
            return f"nothing can be drawn of {', '.join(empty)}"
        if not self.words.strip():
            return "the picture has no words"
        return "the words contain 'nan'" if "nan" in self.words.lower().split() else ""


@dataclass
class _Page:
    """The widgets of an explorer on a page."""

    box: Any
    image: Any
    words: Any


@dataclass
class Sweep:
    """What a sweep found: one row for each end of each control.

    Examples
    --------
    >>> report = Sweep("Parabola", [("a", -2.0, 0.01, ""), ("a", 2.0, 0.01, "too steep")])
    >>> report.ok, report.problems
    (False, ['a = 2.0: too steep'])
    """

    name: str
    rows: list = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """One sentence for each setting that failed."""
        return [f"{name} = {value}: {wrong}" for name, value, _, wrong in self.rows if wrong]

    @property
    def ok(self) -> bool:
        """Whether every setting gave a picture and words."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        slowest = max((row[2] for row in self.rows), default=0.0)
        head = f"{self.name}: {len(self.rows)} settings, slowest update {1000 * slowest:.0f} ms"
        return "\n".join([head + (", no problem" if self.ok else ""), *self.problems])


def _paragraph(words: str) -> str:
    """The sentence as HTML that a screen reader speaks when it changes."""
    return (
        '<p role="status" aria-live="polite" style="margin:0.3em 0;line-height:1.45">'
        f"{html.escape(words)}</p>"
    )
