"""`PipelineExplorer`: from f to a solved linear system, with every stage of it to be switched off.

Above the pattern of J with a colour for each column, what is stored of W in the order in which the
unknowns are eliminated, and the residuals of GMRES; below what a step costs, stage by stage, and
what it would cost with everything switched off.
"""

from __future__ import annotations

import numpy as np

from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION, looks
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider, Switch
from sciml_lab_widgets.pipeline_cases import CASES, system
from sciml_lab_widgets.pipeline_costs import PARTS, bare, clocked, counted
from sciml_lab_widgets.pipeline_stages import (
    COLOURS,
    ORDERS,
    PRECONDITIONERS,
    RTOL,
    SOLVERS,
    Plan,
    residuals,
)
from sciml_lab_widgets.pipeline_words import say

WIDTH, HEIGHT = 680, 520
SIDE = 182  # pixels of a side of the square panels
SPECK = 120  # unknowns from which an entry alone would be too small to see its colour
PIXELS = 273  # most entries along a side of a picture of a matrix
UNITS = {
    "operations": (1, (1e3, 3e9), "operations"),
    "time": (1e3, (1e-2, 3e4), "ms on this machine"),
}


class PipelineExplorer(Explorer):
    """Explore what each stage between f and a solved linear system is worth.

    Parameters
    ----------
    problem : str
        "Brusselator on a line", "Brusselator on a plate" or "heat in a plate".
    solver : str
        "full", "band", "sparse" or "GMRES".
    n : int
        Points on a side of the plate; the line has as many points as the plate.

    Examples
    --------
    >>> explorer = PipelineExplorer("Brusselator on a line", n=8)
    >>> "4 colours: J takes 4 directions instead of 128" in explorer.words
    True
    >>> "J takes 128 directions" in explorer.set(pattern=False).words
    True
    """

    def __init__(self, problem="Brusselator on a plate", solver="sparse", *, n=12):
        self.unit = None
        controls = [
            Choice("problem", "problem", problem, options=list(CASES)),
            Slider("n", "points on a side", n, low=4, high=20),
            Choice("solver", "W is solved as", solver, options=SOLVERS),
            Slider("gamma_h", "γh", 0.01, low=1e-5, high=1.0, log=True),
            Choice("order", "order", ORDERS[-1], options=ORDERS),
            Choice("precondition", "preconditioner", "none", options=PRECONDITIONERS),
            Choice("colours", "colours", "column", options=COLOURS),
            Choice("bars", "bars show", "operations", options=list(UNITS)),
            Switch("pattern", "use the pattern", True),
            Switch("matrix_free", "matrix-free", False),
        ]
        super().__init__(controls, width=WIDTH, height=HEIGHT)

    # The picture -----------------------------------------------------------------------------

    def layout(self, picture):
        """Three squares above, the bars below."""
        self.J, self.J_text = self._matrix(picture, 14, SIDE, "J, coloured")
        self.columns, self.columns_text = self._matrix(picture, 212, 30, "by colour")
        self.W, self.W_text = self._matrix(picture, 272, SIDE, "stored for W")
        for x, color, name in ((274, BLACK, "entries of W"), (372, VERMILLION, "fill")):
            picture.figure.text(x / WIDTH, 288 / HEIGHT, "■", color=color, fontsize=10)
            picture.figure.text((x + 14) / WIDTH, 288 / HEIGHT, name, fontsize=9)
        curves = self._place(picture, 508, SIDE - 20)
        curves.set(xscale="symlog", yscale="log", xlim=(0, 320), ylim=(1e-10, 3),
                   xlabel="iterations")  # fmt: skip
        curves.set_xscale("symlog", linthresh=1)
        curves.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        curves.xaxis.set_minor_formatter("")
        curves.set_title("residual of GMRES", fontsize=10, loc="left", pad=4)
        curves.axhline(RTOL, color=GREY, linewidth=0.8, linestyle=":")
        self.curves = {}
        for kind, look, marker in zip(PRECONDITIONERS, looks(5), "osD^v", strict=True):
            (self.curves[kind],) = curves.plot([], [], label=kind, marker=marker, markersize=3.5,
                                               **look)  # fmt: skip
        picture.figure.legend(
            handles=list(self.curves.values()), loc="upper left", fontsize=9, ncols=1,
            bbox_to_anchor=(532 / WIDTH, 246 / HEIGHT), handlelength=2.4, labelspacing=0.35,
        )  # fmt: skip
        self._layout_bars(picture)
        picture.moving(*self.curves.values())

    def _place(self, picture, left, width):
        """Axes of the upper row, so many pixels from the left."""
        return picture.axes([left / WIDTH, 312 / HEIGHT, width / WIDTH, SIDE / HEIGHT])

    def _matrix(self, picture, left, width, title):
        """A picture of a matrix, and a text that may stand in its place."""
        axes = self._place(picture, left, width)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        for spine in axes.spines.values():
            spine.set(visible=True, color=GREY, linewidth=0.8)
        axes.set_title(title, fontsize=10, loc="left" if width > 100 else "center", pad=4)
        image = axes.imshow(np.ones((2, 2, 3)), extent=(0, 1, 1, 0), aspect="auto",
                            interpolation="nearest")  # fmt: skip
        text = axes.text(0.5, 0.5, "", ha="center", va="center", fontsize=9.5)
        picture.moving(image, text)
        return image, text

    def _layout_bars(self, picture):
        """A bar for each part of a step, and a frame for what it costs with nothing used."""
        axes = picture.axes([112 / WIDTH, 52 / HEIGHT, 386 / WIDTH, 190 / HEIGHT])
        axes.set(xscale="log", ylim=(len(PARTS) - 0.4, -0.6), yticks=range(len(PARTS)))
        axes.set_yticklabels(PARTS)
        axes.tick_params(axis="y", length=0)
        axes.grid(False)
        axes.set_title(
            "one step of Rodas4 (frames: everything off)", fontsize=10, loc="left", pad=4
        )
        rows = np.arange(len(PARTS))
        self.frames = axes.barh(rows, 1.0, height=0.78, facecolor="none", edgecolor=GREY)
        self.filled = axes.barh(rows, 1.0, height=0.5, color=BLUE)
        self.numbers = [axes.text(1.0, k, "", fontsize=9, va="center", ha="left") for k in rows]
        self.bars = axes
        picture.moving(*self.frames, *self.filled, *self.numbers)

    def draw(self, values):
        """All panels, then the words."""
        bars = values["bars"]
        plan, remarks = Plan(
            values["problem"], values["n"], values["gamma_h"], values["pattern"],
            values["colours"], values["order"], values["solver"], values["precondition"],
            values["matrix_free"],
        ).settled()  # fmt: skip
        self._grey_out(values)
        found, cost = system(plan.name, plan.n), counted(plan)
        parts, without = cost.parts, bare(plan.name, plan.n)
        if bars == "time":
            off = Plan(plan.name, plan.n, plan.gamma_h, pattern=False, solver="full")
            parts, without = clocked(plan), clocked(off.settled()[0])
        self._draw_jacobian(plan, found)
        self._draw_stored(cost.ready, found.size)
        self._draw_curves(plan)
        self._draw_bars(bars, parts, without)
        return " ".join([*say(plan, found, cost, parts, without, bars), *remarks])

    def _grey_out(self, values):
        """Controls that have no effect just now."""
        krylov, entries = values["solver"] == "GMRES", not values["matrix_free"]
        entries = entries or not krylov
        self.controls["matrix_free"].enable(krylov)
        self.controls["precondition"].enable(krylov and entries and values["pattern"])
        self.controls["pattern"].enable(entries)
        self.controls["colours"].enable(entries and values["pattern"])
        ordered = values["solver"] in ("band", "sparse") and values["pattern"]
        self.controls["order"].enable(ordered)

    def _draw_jacobian(self, plan, found):
        """Entries in the colours of their columns, and J with the columns of a colour together."""
        n = found.size
        self.J_text.set_text("J v only" if plan.matrix_free else "" if plan.pattern else "unknown")
        self.columns_text.set_text("" if plan.pattern else "0" if plan.matrix_free else f"{n}")
        if not plan.pattern:
            blank = np.full((2, 2, 3), 1.0 if plan.matrix_free else 0.85)
            self.J.set_data(blank)
            self.columns.set_data(blank)
            return
        colors = plan.colors
        count = int(colors.max()) + 1
        i, j = found.pattern.tocoo().coords
        if count == n:  # each column by itself
            self.J.set_data(raster((n, n), (i, j, np.zeros(3))))
            self.columns_text.set_text(f"{n}")
            self.columns.set_data(np.ones((2, 2, 3)))
            return
        shades = palette(count)[colors[j]]
        specks = [(0, 0), (0, 1), (1, 0), (1, 1)] if n > SPECK else [(0, 0)]
        larger = [(np.minimum(i + di, n - 1), np.minimum(j + dj, n - 1)) for di, dj in specks]
        self.J.set_data(raster((n, n), *[(*where, shades) for where in larger]))
        self.columns.set_data(raster((n, count), (i, colors[j], shades)))

    def _draw_stored(self, ready, n):
        """Numbers that are stored: those of W black, the others vermillion."""
        self.W_text.set_text(ready.text)
        if ready.picture is None:
            self.W.set_data(np.ones((2, 2, 3)))
            return
        picture = ready.picture
        where = picture.tocoo().coords if hasattr(picture, "tocoo") else np.nonzero(picture)
        i, j = ready.own.tocoo().coords
        kept = np.zeros((n, n), bool)
        kept[where] = True
        both = kept[i, j]
        layers = (*where, rgb(VERMILLION)), (i[both], j[both], rgb(BLACK))
        self.W.set_data(raster((n, n), *layers))

    def _draw_curves(self, plan):
        """The residuals of all preconditioners; thick: the one that is used."""
        curves = residuals(plan.name, plan.n, plan.gamma_h)
        for kind, line in self.curves.items():
            line.set_data(curves[kind][0], np.maximum(curves[kind][1], 1e-10))
            used = plan.solver == "GMRES" and kind == plan.precondition
            line.set_linewidth(2.6 if used else 1.0)
            line.set_alpha(1.0 if used or plan.solver != "GMRES" else 0.6)

    def _draw_bars(self, bars, parts, without):
        """Bars, frames and numbers; a part that costs nothing has no bar."""
        factor, (low, high), label = UNITS[bars]
        if self.unit != bars:
            self.bars.set(xlim=(low, high), xlabel=label)
            self.picture.redraw_all()
            self.unit = bars
        for frame, fill, text, part, off in zip(
            self.frames, self.filled, self.numbers, parts, without, strict=True
        ):
            for bar, size in ((frame, off), (fill, part)):
                end = np.clip(factor * size, low, high)
                bar.set_x(low)
                bar.set_width(end - low)
            ends = [np.clip(factor * size, low, high) for size in (part, off)]
            beside = ends[1] < ends[0] or ends[1] > 25 * ends[0]  # room between bar and frame
            text.set_x(1.15 * (ends[0] if beside else ends[1]))
            text.set_text(short(factor * part) if part else "none")


def rgb(color):
    """A colour by its name ``#rrggbb`` as three numbers.

    Examples
    --------
    >>> rgb("#ff0000").tolist()
    [1.0, 0.0, 0.0]
    """
    return np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def palette(count):
    """So many colours that differ in brightness, neighbours most.

    Examples
    --------
    >>> palette(3).shape
    (3, 3)
    """
    from matplotlib import colormaps

    places = np.linspace(0.0, 0.88, count)
    half = (count + 1) // 2
    turns = np.empty(count, int)
    turns[0::2], turns[1::2] = np.arange(half), np.arange(half, count)
    return colormaps["cividis"](places[turns])[:, :3]


def raster(shape, *layers):
    """A picture of a matrix: white, with layers of (rows, columns, colours) painted on it.

    Examples
    --------
    >>> raster((2, 2), (np.array([0]), np.array([1]), np.zeros(3)))[:, :, 0].tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    height, width = (min(size, PIXELS) for size in shape)
    picture = np.ones((height, width, 3))
    for rows, columns, colors in layers:
        picture[rows * height // shape[0], columns * width // shape[1]] = colors
    return picture


def short(x):
    """A number beside a bar.

    Examples
    --------
    >>> short(0.0312), short(512.3), short(3.4e7)
    ('0.031', '512', '3.4e7')
    """
    if x >= 1e4:
        mantissa, power = f"{x:.1e}".split("e")
        return f"{mantissa}e{int(power)}"
    return f"{x:.2g}" if x < 10 else f"{x:.0f}"
