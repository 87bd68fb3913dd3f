"""`TapeExplorer`: a small program written on a tape, and the reverse sweep one entry at a time.

Forward, every operation becomes an entry ``v = op(a, b)``. Backwards, an entry whose adjoint
``v̄ = dz/dv`` is known hands it on to what it was made from:

    ā += v̄ · ∂v/∂a        b̄ += v̄ · ∂v/∂b

The tape is `sciml_lab.ad.Tape` itself, swept by its own `walk_back`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider
from sciml_lab_widgets.words import number

SYMBOLS = {"add": "{} + {}", "subtract": "{} − {}", "multiply": "{} · {}", "divide": "{} / {}"}
BAR = "\u0304"  # a macron over the letter before it
COLUMNS = (0.02, 0.07, 0.28, 0.42, 0.76)  # of the table: left ends, in fractions of the width
HEADS = ("#", "entry", "value", "its slopes", "adjoint")


def loop(x, y):
    """Two turns of a loop: ``s = s·y + x``."""
    s = x
    for _ in range(2):
        s = s * y + x
    return s


def branch(x, y):
    """One of two branches."""
    if x > y:
        s = x * x
    else:
        s = np.sin(y)
    return s * y


#: Name -> function of two numbers.
FUNCTIONS: dict[str, Callable] = {
    "x·y + sin(x)": lambda x, y: x * y + np.sin(x),
    "x·exp(x·y)": lambda x, y: x * np.exp(x * y),
    "a loop: s = s·y + x": loop,
    "if x > y: x² · y, else sin(y) · y": branch,
}


class TapeExplorer(Explorer):
    """Explore the tape of a small program, and sweep it backwards step by step.

    Parameters
    ----------
    f : callable, optional
        Function of two numbers, of at most eight operations. Without it a list of functions can
        be chosen from.
    x, y : float
        Its arguments at first.

    Raises
    ------
    ValueError
        If f does no operation, or more than eight.

    Examples
    --------
    >>> explorer = TapeExplorer()
    >>> explorer.set(step=3, x=2.0, y=3.0).words
    'Step 3 of 3 goes back through v1 = x · y. Its adjoint is 1.00, so it adds 1.00 × 3.00 = 3.00
    to the adjoint of x and 1.00 × 2.00 = 2.00 to the adjoint of y. The sweep is done: one sweep
    gave dz/dx = 2.58 and dz/dy = 2.00.'
    """

    def __init__(self, f: Callable | None = None, x: float = 2.0, y: float = 1.5):
        self.functions = FUNCTIONS if f is None else {"": f}
        self.most = max(len(_record(g, x, y)[0]) - 2 for g in self.functions.values())
        if not 1 <= self.most <= 8:
            raise ValueError(
                f"f must do one to eight operations (it does {self.most}): a longer tape has no "
                "room in a picture; print(tape) shows it."
            )
        self._recorded = None  # what the still part shows
        controls = [
            Slider("step", "step of the sweep", 0, low=0, high=self.most),
            Slider("x", "input x", float(x), low=-3.0, high=3.0, step=0.1),
            Slider("y", "input y", float(y), low=-3.0, high=3.0, step=0.1),
        ]
        if f is None:
            first = next(iter(FUNCTIONS))
            controls.insert(0, Choice("function", "program", first, options=list(FUNCTIONS)))
        super().__init__(controls, height=450)

    def layout(self, picture):
        """The graph above, the tape below: each a still part, and what a step changes over it."""
        graph, table = [0.0, 0.44, 1.0, 0.56], [0.0, 0.0, 1.0, 0.44]
        self.graph, self.table, self.graph_now, self.table_now = (
            picture.axes(place, xlim=(0, 1), ylim=(0, 1)) for place in (graph, table, graph, table)
        )
        for axes in (self.graph, self.table, *picture.moving(self.graph_now, self.table_now)):
            axes.set_axis_off()

    def draw(self, values):
        """Record, sweep as far as asked, and draw both; a step alone moves little."""
        f = self.functions[values.get("function", "")]
        tape, z = _record(f, values["x"], values["y"])
        if z is None:
            raise ValueError("this program does no operation at all: its tape is empty.")
        names, slopes = _names(tape, z), [_slopes(entry) for entry in tape.entries]
        walk = [
            (k, list(g)) for k, g in tape.walk_back({z: np.float64(1.0)}) if tape.entries[k].rule
        ]
        control = self.controls["step"]
        control.limit(len(walk))
        step = control.value
        now, adjoints = walk[step - 1] if step else (None, [None] * len(tape))
        recorded = (f, values["x"], values["y"])
        if recorded != self._recorded:
            self._recorded = None
            self._draw_graph(_empty(self.graph), tape, names)
            self._draw_table(_empty(self.table), tape, names, slopes)
            self.picture.redraw_all()
            self._recorded = recorded
        self._draw_graph_now(_empty(self.graph_now), tape, names, slopes, now, adjoints)
        self._draw_table_now(_empty(self.table_now), tape, names, now, adjoints)
        return " ".join(_say(tape, names, walk, step, slopes))

    def _draw_graph(self, axes, tape, names):
        """Nodes from the inputs on the left to z on the right, with their values."""
        places = _places(tape)
        for child, parent, _, bend in _arrows(tape):
            ends = places[child], places[parent]
            _draw_arrow(axes, *ends, bend, arrowstyle="<|-", color=GREY, lw=1.2)
        for k, (x, y) in enumerate(places):
            colour = BLACK if tape.entries[k].rule else BLUE
            axes.plot(x, y, "o", markersize=23, zorder=3, markerfacecolor="white",
                      markeredgecolor=colour, markeredgewidth=1.4)  # fmt: skip
            axes.text(x, y, names[k], ha="center", va="center", fontsize=11, zorder=4)
            axes.text(x, y + 0.125, number(float(tape.entries[k].value)), ha="center",
                      va="bottom", fontsize=9.5, zorder=5, bbox=_PAPER)  # fmt: skip

    def _draw_graph_now(self, axes, tape, names, slopes, now, adjoints):
        """The arrows of this step, which go back, with what they carry; the adjoints so far."""
        places = _places(tape)
        arrows = [arrow for arrow in _arrows(tape) if arrow[0] == now]
        for child, parent, _, bend in arrows:  # the grey one below is covered first
            ends = places[child], places[parent]
            _draw_arrow(axes, *ends, bend, arrowstyle="-", color="white", lw=9)
        for child, parent, j, bend in arrows:
            (x0, y0), (x1, y1) = ends = places[parent], places[child]
            _draw_arrow(axes, *ends[::-1], bend, arrowstyle="-|>", color=VERMILLION, lw=2.6)
            share = float(adjoints[now]) * slopes[now][j]
            near = 0.5 if bend else min(0.5, 0.11 / (x1 - x0))  # near the end where it starts
            beside = -0.6 * bend if bend else -0.055 if y0 < y1 else 0.055
            axes.text(
                x1 - near * (x1 - x0), y1 - near * (y1 - y0) + beside, _signed(share),
                ha="center", va="center", fontsize=9.5, color=VERMILLION, zorder=6, bbox=_PAPER,
            )  # fmt: skip
        if now is not None:
            axes.plot(*places[now], "o", markersize=23, zorder=3, markerfacecolor="none",
                      markeredgecolor=VERMILLION, markeredgewidth=3)  # fmt: skip
        for name, adjoint, (x, y) in zip(names, adjoints, places, strict=True):
            if adjoint is not None:
                axes.text(x, y - 0.125, f"{_barred(name)} = {number(float(adjoint))}",
                          ha="center", va="top", fontsize=10, color=VERMILLION, weight="bold",
                          zorder=5, bbox=_PAPER)  # fmt: skip

    def _draw_table(self, axes, tape, names, slopes):
        """The tape: one row an entry."""
        ys, height = _rows(tape)
        for place, head in zip(COLUMNS, HEADS, strict=True):
            axes.text(place, ys[0] + height, head, va="center", fontsize=9.5, color="#555555")
        axes.plot([0.01, 0.99], [ys[0] + height / 2] * 2, color=GREY, linewidth=0.8, linestyle="-")
        for k, entry in enumerate(tape.entries):
            text = f"{names[k]} = {_formula(tape, names, k)}" if entry.rule else f"input {names[k]}"
            parts = [
                f"∂{names[k]}/∂{names[p]} = {number(d)}"
                for p, d in zip(entry.parents, slopes[k], strict=True)
            ]
            row = (str(k), text, number(float(entry.value)), ",  ".join(parts))
            for place, cell in zip(COLUMNS, row, strict=False):
                axes.text(place, ys[k], cell, va="center", fontsize=10)

    def _draw_table_now(self, axes, tape, names, now, adjoints):
        """The column of the adjoints, and a band on the row of this step."""
        ys, height = _rows(tape)
        for k, adjoint in enumerate(adjoints):
            text, look = "not yet", {"color": GREY}
            if adjoint is not None:
                later = any(k in entry.parents for entry in tape.entries[:now])
                text = f"{_barred(names[k])} = {number(float(adjoint))}"
                text, look = text + " so far" * later, {"color": VERMILLION, "weight": "bold"}
            axes.text(COLUMNS[-1], ys[k], text, va="center", fontsize=10, **look)
        if now is not None:
            low, high = ys[now] - height / 2, ys[now] + height / 2
            axes.axhspan(low, high, 0.01, 0.99, color=VERMILLION, alpha=0.15, zorder=0)
            axes.text(0.985, ys[now], "◀ now", va="center", ha="right", fontsize=9.5)


_PAPER = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def _record(f, x, y):
    """Run f on two taped inputs: the tape, and the number of the result's entry (None: no tape)."""
    tape = sl.ad.Tape()
    result = f(tape.input(float(x)), tape.input(float(y)))
    return tape, getattr(result, "index", None)


def _names(tape, z):
    """What each entry is called: x, y, v1, v2, ..., and z for the result."""
    names = ["x", "y"] + [f"v{k}" for k in range(1, len(tape) - 1)]
    if z > 1:
        names[z] = "z"
    return names


def _signed(share):
    """A contribution with its sign: ``+ 2.00``, ``− 0.416``."""
    return f"{'−' if share < 0 else '+'} {number(abs(share))}"


def _barred(name):
    """The name of an adjoint: the letter with a bar over it."""
    return name[0] + BAR + name[1:]


def _slopes(entry):
    """The partial derivatives of an entry by each of its parents."""
    if entry.rule is None:
        return []
    one = np.float64(1.0)
    pulled = entry.rule.pull(entry.positions, one, entry.value, entry.values, entry.kwargs)
    return [float(share) for share in pulled]


def _formula(tape, names, k):
    """An entry as it would be written: ``x · y``, ``sin(x)``."""
    entry = tape.entries[k]
    parents = dict(zip(entry.positions, entry.parents, strict=True))
    args = [
        names[parents[j]] if j in parents else number(float(value))
        for j, value in enumerate(entry.values)
    ]
    return SYMBOLS.get(entry.name, entry.name + "({})").format(*args)


def _places(tape):
    """Where each node stands: as far right as its longest way from an input."""
    depth = []
    for entry in tape.entries:
        depth.append(1 + max((depth[p] for p in entry.parents), default=-1))
    places = []
    for k, column in enumerate(depth):
        members = [i for i, d in enumerate(depth) if d == column]
        share = members.index(k) / max(1, len(members) - 1)
        y = 0.5 if len(members) == 1 else 0.76 - 0.52 * share
        places.append((0.08 + 0.84 * column / max(1, *depth), y))
    return places


def _arrows(tape):
    """Each arrow: numbers of child and parent, which argument it is, and how it is bent."""
    for k, entry in enumerate(tape.entries):
        twice = len(set(entry.parents)) < len(entry.parents)
        for j, parent in enumerate(entry.parents):
            yield k, parent, j, (-0.25, 0.25)[j] if twice else 0.0


def _draw_arrow(axes, child, parent, bend, **look):
    """Draw an arrow between two nodes."""
    look |= {
        "capstyle": "butt",
        "shrinkA": 17,
        "shrinkB": 17,
        "connectionstyle": f"arc3,rad={bend}",
    }
    axes.annotate("", parent, child, arrowprops=look)


def _rows(tape):
    """The heights of the rows of the table, and the distance of two."""
    height = min(0.115, 0.96 / (len(tape) + 1))
    return [0.985 - (k + 1.5) * height for k in range(len(tape))], height


def _empty(axes):
    """The axes with nothing in them."""
    for artist in [*axes.texts, *axes.lines, *axes.patches]:
        artist.remove()
    return axes


def _say(tape, names, walk, step, slopes):
    """The sentences: what this step does, and at the end what the sweep has found."""
    if step == 0:
        count = len(tape) - 2
        result = number(float(tape.entries[walk[0][0]].value))
        yield (
            f"Forward: the program ran once and left {count} "
            f"{'entry' if count == 1 else 'entries'} behind its two inputs; z = {result}."
        )
        yield "No adjoint is known yet. The sweep will begin at z, whose adjoint is dz/dz = 1."
        return
    k, adjoints = walk[step - 1]
    g = float(adjoints[k])
    yield f"Step {step} of {len(walk)} goes back through {names[k]} = {_formula(tape, names, k)}."
    shares = [
        f"{number(g)} × {number(d)} = {number(g * d)} to the adjoint of {names[p]}"
        for p, d in zip(tape.entries[k].parents, slopes[k], strict=True)
    ]
    yield f"Its adjoint is {number(g)}, so it adds {' and '.join(shares)}."
    if step == len(walk):
        found = [
            f"dz/d{name} = {number(float(adjoints[i] or 0.0))}" for i, name in enumerate(names[:2])
        ]
        yield f"The sweep is done: one sweep gave {' and '.join(found)}."
