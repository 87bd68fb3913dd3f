"""Controls: what a reader may move, with its label, its unit and both of its ends.

A control is a value with a range. The ipywidget that shows it is made only when an explorer is
displayed (or asked for its `widget`), so a program, a test or a printed page can use explorers
without ipywidgets. Every control is a slider, a list, a check box or a button: each of them can
be reached with Tab and moved with the keyboard alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sciml_lab._optional import need

LABEL_WIDTH, CONTROL_WIDTH, SWITCH_WIDTH = "130px", "335px", "165px"


class Control:
    """What all controls share: a name, a label with its unit, a value, and perhaps a widget.

    Parameters
    ----------
    name : str
        Name under which a program sets it.
    label : str
        What stands beside it on the page.
    value : object
        Where it stands at first.
    unit : str
        Unit of the value, shown after the label.
    """

    def __init__(self, name: str, label: str, value, *, unit: str = ""):
        self.name, self.value = name, value
        self.label = f"{label} [{unit}]" if unit else label
        self.enabled = True
        self._widget = None
        self._listener: Callable[[Control], None] | None = None
        self._quiet = False

    @property
    def widget(self):
        """The ipywidget that shows this control; made when first asked for."""
        if self._widget is None:
            widgets = need("ipywidgets", extra="lab", what="a live explorer")
            look = {
                "description": self.label,
                "style": {"description_width": LABEL_WIDTH},
                "layout": widgets.Layout(width=CONTROL_WIDTH),
            }
            self._widget = self._make(widgets, look)
            self._widget.disabled = not self.enabled
            self._widget.observe(self._moved, names="value")
        return self._widget

    def listen(self, listener: Callable[[Control], None]) -> None:
        """Call `listener` with this control whenever the reader moves it."""
        self._listener = listener

    def move(self, value) -> None:
        """Set the value from a program; the widget follows, the listener is not called."""
        self.value = self.checked(value)
        if self._widget is not None:
            self._quiet = True
            try:
                self._show()
            finally:
                self._quiet = False

    def enable(self, enabled: bool) -> None:
        """Grey it out on the page, where it has no effect just now; a program may still move it."""
        self.enabled = enabled
        if self._widget is not None:
            self._widget.disabled = not enabled

    def _moved(self, change) -> None:
        """The widget has a new value."""
        if self._quiet:
            return
        self.value = self._read(change["new"])
        if self._listener is not None:
            self._listener(self)

    def checked(self, value):
        """Return the value if it is possible, else say in one sentence what is."""
        return value

    def ends(self) -> tuple:
        """The values that a sweep drives this control to."""
        raise NotImplementedError

    def _make(self, widgets, look):
        """Make the ipywidget."""
        raise NotImplementedError

    def _read(self, shown):
        """From what the widget holds to the value."""
        return shown

    def _show(self):
        """From the value to what the widget holds."""
        self._widget.value = self.value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.label!r}, value={self.value!r})"


class Slider(Control):
    """A number between two ends.

    Parameters
    ----------
    name, label, value, unit
        See `Control`. A whole number as value makes a slider of whole numbers.
    low, high : float
        Both ends.
    step : float, optional
        Distance of two positions; on a logarithmic slider in decades.
    log : bool
        Equal ways are equal factors.
    live : bool
        Follow while the reader drags; False waits until the slider is let go, for what takes
        longer than about 50 ms.

    Examples
    --------
    >>> h = Slider("h", "step size", 0.1, low=1e-3, high=1.0, log=True, unit="years")
    >>> h.label, h.ends()
    ('step size [years]', (0.001, 1.0))
    >>> h.move(3.0)
    Traceback (most recent call last):
    ...
    ValueError: h must be a number between 0.001 and 1 (got 3.0): move it inside this range.
    """

    def __init__(self, name, label, value, *, low, high, step=None, unit="", log=False, live=True):
        super().__init__(name, label, value, unit=unit)
        self.whole = isinstance(value, int) and not log
        self.low, self.high, self.log, self.live = low, high, log, live
        self.highest = high  # `limit` may narrow the range shown, never what may be asked for
        self.step = step if step is not None else 1 if self.whole else 0.05 if log else 0.01
        self.value = self.checked(value)

    def checked(self, value):
        """Return the number; refuse what is none, or lies outside."""
        slack = 1e-9 * max(abs(self.low), abs(self.high))
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not self.low - slack <= number <= self.highest + slack:
            raise ValueError(
                f"{self.name} must be a number between {self.low:g} and {self.highest:g} "
                f"(got {value!r}): move it inside this range."
            )
        number = min(max(number, self.low), self.highest)
        return round(number) if self.whole else number

    def limit(self, high) -> None:
        """Narrow the range shown (and the value with it): it depends on other controls."""
        self.high = min(max(high, self.low), self.highest)
        self.move(min(self.value, self.high))

    def ends(self):
        """Both ends."""
        return (self.low, self.high)

    def _make(self, widgets, look):
        look = look | {"step": self.step, "continuous_update": self.live, "readout": True}
        if self.log:
            ends = {"min": math.log10(self.low), "max": math.log10(self.high), "base": 10}
            return widgets.FloatLogSlider(self.value, readout_format=".1e", **ends, **look)
        kind = widgets.IntSlider if self.whole else widgets.FloatSlider
        form = {} if self.whole else {"readout_format": ".2f" if self.step >= 0.01 else ".3f"}
        return kind(self.value, min=self.low, max=self.high, **form, **look)

    def _show(self):
        if not self.log:
            self._widget.max = max(self.high, self.value)
        self._widget.value = self.value

    def _read(self, shown):
        return min(max(shown, self.low), self.high)  # 10**log10(x) may miss x by a rounding


class Choice(Control):
    """One of several names.

    Examples
    --------
    >>> Choice("method", "method", "RK4", options=("Euler", "RK4")).ends()
    ('Euler', 'RK4')
    """

    def __init__(self, name, label, value, *, options: Sequence[str], unit=""):
        super().__init__(name, label, value, unit=unit)
        self.options = tuple(options)
        self.value = self.checked(value)

    def checked(self, value):
        """Return the option; refuse what is none."""
        if value not in self.options:
            names = ", ".join(map(repr, self.options))
            raise ValueError(f"{self.name} must be one of {names} (got {value!r}).")
        return value

    def ends(self):
        """All options."""
        return self.options

    def _make(self, widgets, look):
        return widgets.Dropdown(options=self.options, value=self.value, **look)


class Switch(Control):
    """On or off.

    Examples
    --------
    >>> Switch("nullclines", "show nullclines", True).ends()
    (False, True)
    """

    def checked(self, value):
        """Return True or False; refuse anything else."""
        if value not in (True, False):
            raise ValueError(f"{self.name} must be True or False (got {value!r}).")
        return bool(value)

    def ends(self):
        """Off and on."""
        return (False, True)

    def _make(self, widgets, look):
        # The words stand behind the box, so no width is kept free for them.
        layout = widgets.Layout(width=SWITCH_WIDTH)
        return widgets.Checkbox(self.value, **(look | {"indent": False, "layout": layout}))


class Button(Control):
    """Something that happens on a press; its value counts the presses.

    Examples
    --------
    >>> train = Button("train", "Train 200 more steps")
    >>> train.value, train.ends()
    (0, (1,))
    """

    def __init__(self, name, label, value: int = 0):
        super().__init__(name, label, value)

    @property
    def widget(self):
        """The ipywidgets button."""
        if self._widget is None:
            widgets = need("ipywidgets", extra="lab", what="a live explorer")
            self._widget = widgets.Button(
                description=self.label, layout=widgets.Layout(width=CONTROL_WIDTH)
            )
            self._widget.on_click(lambda _: self.press())
        return self._widget

    def press(self) -> None:
        """Press it."""
        self.value += 1
        if self._listener is not None:
            self._listener(self)

    def ends(self):
        """One more press."""
        return (self.value + 1,)

    def _show(self):
        """A button shows no value."""
