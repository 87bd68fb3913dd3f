"""`SourceExplorer`: a function, and beside it the derivative that was written from its source.

The text on the right is what `sciml_lab.ad.source` returns. Each of its lines comes from a line on
the left, whose number stands before it:

    du = f(u, p, t)          jvp: du_dot = J u_dot + J_p p_dot      in the order of the source
                             vjp: u_bar += Jᵀ du_bar, p_bar ...     in the opposite order
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider

CHIPS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)  # one a line, then again
KINDS = {
    "vjp: reverse": "vjp",
    "jvp: forward": "jvp",
    "jacobian": "jacobian",
    "the function, as loops": "function",
}
LEFT, RIGHT = 32, 48  # characters of a line on each side
LEADING = 15.5  # pixels from line to line
CODE = {"family": "monospace", "fontsize": 8.6, "va": "center"}


def lotka_volterra(u, p, t):  # noqa: D103 - shown as it stands
    x, y = u
    a, b, c, d = p
    dx = a * x - b * x * y
    dy = d * x * y - c * y
    return np.array([dx, dy])


def pendulum(u, p, t):  # noqa: D103
    angle, speed = u
    g, drag = p
    pull = -g * np.sin(angle)
    return np.array([speed, pull - drag * speed])


def logistic(x, r):  # noqa: D103
    for turn in range(30):  # noqa: B007
        x = r * x * (1 - x)
    return x


def spring(u, p, t):  # noqa: D103
    x, v = u
    soft, hard = p
    if x < 0:
        force = -soft * x
    else:
        force = -hard * x**3
    return np.array([v, force])


def network(u, p, t):  # noqa: D103
    W = p[:4].reshape(2, 2)
    b = p[4:6]
    hidden = np.tanh(W @ u + b)
    out = p[6:8]
    return out @ hidden


#: Name -> function, and arguments of the shapes meant.
FUNCTIONS: dict[str, tuple[Callable, tuple]] = {
    "Lotka-Volterra": (lotka_volterra, (np.ones(2), np.ones(4), 0.0)),
    "pendulum": (pendulum, (np.ones(2), np.ones(2), 0.0)),
    "a loop: the logistic map": (logistic, (0.5, 3.0)),
    "a branch: two springs": (spring, (np.ones(2), np.ones(2), 0.0)),
    "a small network": (network, (np.ones(2), np.ones(8), 0.0)),
}


class SourceExplorer(Explorer):
    """Explore the derivative of a function as a program beside the source it was written from.

    Parameters
    ----------
    f : callable, optional
        Function of numbers and arrays. Without it one of five can be chosen.
    *examples : numbers and arrays
        Arguments of f, of the shapes meant; may be left out where the source tells them.
    of : str
        What is shown at first: ``"vjp"``, ``"jvp"``, ``"jacobian"`` or ``"function"``.

    Raises
    ------
    TransformError
        If f is outside of the subset of Python that can be transformed.

    Examples
    --------
    >>> explorer = SourceExplorer()
    >>> explorer.set(line=4).words
    'Line 4, “dx = a * x - b * x * y”, is answered by ... lines of the vjp...'
    """

    def __init__(self, f: Callable | None = None, *examples, of: str = "vjp"):
        self.functions = FUNCTIONS if f is None else {"": (f, examples)}
        longest = max(len(_listing(g)) for g, _ in self.functions.values())
        self._written = None  # what the page shows
        kinds = {kind: name for name, kind in KINDS.items()}
        controls = [
            Choice("of", "written from it", kinds.get(of, of), options=list(KINDS)),
            Slider("line", "line of the source", 2, low=1, high=longest),
        ]
        if f is None:
            first = next(iter(FUNCTIONS))
            controls.insert(0, Choice("function", "source", first, options=list(FUNCTIONS)))
        super().__init__(controls, height=460)

    def layout(self, picture):
        """Two columns of text, and over them what marks the chosen line."""
        whole = {"xlim": (0, picture.width), "ylim": (picture.height, 0)}
        self.page, self.marks = (picture.axes([0, 0, 1, 1], **whole) for _ in range(2))
        picture.moving(self.marks)
        for axes in (self.page, self.marks):
            axes.set_axis_off()

    def draw(self, values):
        """Write both texts and mark what belongs together; then the words."""
        f, examples = self.functions[values.get("function", "")]
        kind = KINDS[values["of"]]
        listing = _listing(f)
        self.controls["line"].limit(len(listing))
        line = self.controls["line"].value
        made = generated(f, *examples, of=kind)
        columns = (
            (14, LEFT, "source", list(enumerate(listing, 1))),
            (292, RIGHT, f"what was written: {kind}", made),
        )
        if self._written != made:  # the line alone moves only the marks
            self._written = None
            _clear(self.page)
            for left, width, title, rows in columns:
                self._write(left, width, title, rows)
            self.picture.redraw_all()
            self._written = made
        _clear(self.marks)
        for left, width, _, rows in columns:
            self._mark(left, width, rows, line)
        return " ".join(_say(kind, listing, made, line))

    def _write(self, left, width, title, rows):
        """One text: number of the source line, then the code."""
        self.page.text(left, 16, title, fontsize=10, va="center", color="#555555")
        right = left + 27 + 7.2 * width
        self.page.plot([left, right], [28, 28], color=GREY, linewidth=0.8, linestyle="-")
        for number, parts, ys in self._places(rows, width):
            if number is not None:
                self.page.text(
                    left + 10, ys[0], str(number), ha="center", va="center", fontsize=8,
                    color="white", bbox={"boxstyle": "round,pad=0.22", "edgecolor": "none",
                                         "facecolor": CHIPS[(number - 1) % len(CHIPS)]},
                )  # fmt: skip
            for part, y in zip(parts, ys, strict=True):
                self.page.text(left + 24, y, part, color="#333333", **CODE)

    def _mark(self, left, width, rows, line):
        """A band over the lines that belong to the chosen one, and their text in bold."""
        size = self.picture.width
        for number, parts, ys in self._places(rows, width):
            if number == line:
                half = self._leading(rows, width) / 2
                span = left / size, (left + 27 + 7.2 * width) / size
                self.marks.axhspan(ys[0] - half, ys[-1] + half, *span, color=VERMILLION,
                                   alpha=0.15, linewidth=0)  # fmt: skip
                for part, y in zip(parts, ys, strict=True):
                    self.marks.text(left + 24, y, part, weight="bold", **CODE)

    def _leading(self, rows, width):
        """The distance of two lines: less where the text is long."""
        count = sum(len(_wrapped(code, width)) for _, code in rows)
        return min(LEADING, (self.picture.height - 50) / count)

    def _places(self, rows, width):
        """Number, pieces that fit, and their heights, for each line of a text."""
        y, leading = 42.0, self._leading(rows, width)
        for number, code in rows:
            parts = _wrapped(code, width)
            yield number, parts, [y + k * leading for k in range(len(parts))]
            y += len(parts) * leading


def generated(f, *examples, of="vjp"):
    """Return the lines of a derivative, each with the number of the line of f that it comes from.

    Parameters
    ----------
    f, examples, of
        As for `sciml_lab.ad.source`.

    Returns
    -------
    list of (int or None, str)
        Counted from the ``def`` of f, which is line 1; None for what has no line of its own.

    Examples
    --------
    >>> generated(pendulum, of="jacobian")[-2]
    (5, '    J[1, 1] = -drag')
    """
    first = inspect.unwrap(f).__code__.co_firstlineno
    rows, number = [], None
    for text in sl.ad.source(f, *examples, of=of).splitlines():
        code, _, note = text.partition("  # line ")
        number = int(note) - first + 1 if note else number
        own = not re.match(
            r"def |\s+else:|\s+return |\s+\w+ = np\.(zeros|empty)\(|\s+\w+ = \[\]", code
        )
        rows.append((number if own else None, code))
    return rows


def _listing(f):
    """The source of f, line by line."""
    code = textwrap.dedent(inspect.getsource(f)).splitlines()
    return [text.partition("  #")[0] for text in code]


def _wrapped(code, width):
    """A line of code cut into pieces that fit, the later ones further in."""
    indent = " " * (len(code) - len(code.lstrip()))
    return textwrap.wrap(
        code, width, subsequent_indent=indent + "    ", break_long_words=False,
        drop_whitespace=True, initial_indent="",
    ) or [code]  # fmt: skip


def _clear(axes):
    """Take everything off the axes."""
    for artist in [*axes.texts, *axes.lines, *axes.patches]:
        artist.remove()


def _say(kind, listing, made, line):
    """The sentences: what became of the chosen line, and how long both texts are."""
    own = [code.strip() for number, code in made if number == line]
    code = listing[line - 1].strip()
    if line == 1:
        yield f"Line 1 names the function; the {kind} begins “{made[0][1].strip()}”."
    elif own:
        lines = "1 line" if len(own) == 1 else f"{len(own)} lines"
        shown = "; ".join(f"“{text}”" for text in own[:6]) + ("; ..." if len(own) > 6 else "")
        yield f"Line {line}, “{code}”, is answered by {lines} of the {kind}: {shown}."
    else:
        yield f"Line {line}, “{code}”, needs no line of its own in the {kind}."
    yield f"The source has {len(listing)} lines, the {kind} {len(made)}."
