"""`StepMicroscope`: a solve, attempt by attempt and stage by stage.

One attempt of a Runge-Kutta method is magnified: where each stage evaluates f and what it finds,
where the step ends, how large its error is estimated, and what the controller makes of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, VERMILLION
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab_widgets import microscope_page
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider
from sciml_lab_widgets.microscope_page import smooth
from sciml_lab_widgets.orbit import jacobian
from sciml_lab_widgets.words import number, sentence

MOST_ATTEMPTS = 600
MOST_STAGES = 40
CONTROLLERS = {"I": sl.IController, "PI": sl.PIController, "PID": sl.PIDController}
FIXED = "none (fixed step)"
ARROW = 0.4  # an arrow shows this part of h k: whole ones would hide each other


@dataclass
class Trace:
    """All attempts of one solve, and whether it arrived."""

    records: list
    arrived: bool

    @property
    def accepted(self) -> list:
        """The attempts that stand."""
        return [record for record in self.records if record.accepted]


class StepMicroscope(Explorer):
    """Explore how a solver steps: stages, error estimate, accept or reject, the next step size.

    Parameters
    ----------
    problem : ODEProblem, optional
        What is solved; Lotka-Volterra by default. With one unknown the plane is (t, u), with
        more it shows two of them.
    method : ExplicitRK, optional
        The method to begin with; others can be chosen.
    rtol : float
        Relative tolerance to begin with.
    dt : float, optional
        Step size where the step is fixed; a 40th of the interval by default.
    plane : (int, int)
        Which two unknowns are shown.
    labels : two str, optional
        Their names.

    Examples
    --------
    >>> microscope = StepMicroscope(rtol=1e-4)
    >>> microscope.set(attempt=3, stage=2).words.startswith("Attempt 3 of")
    True
    """

    def __init__(self, problem=None, method=None, *, rtol=1e-3, dt=None, plane=(0, 1), labels=None):
        if problem is None:
            problem, labels = sl.zoo.lotka_volterra(tspan=(0.0, 7.0)), ("prey x", "predators y")
        if np.ndim(problem.u0) != 1:
            raise ValueError(
                "problem must have a u0 of shape (n,): the microscope shows one solve."
            )
        method = sl.DP5() if method is None else method
        if not isinstance(method, ExplicitRK):
            raise TypeError(f"method must be a method such as sl.DP5() (got {method!r}).")
        self.problem, self.plane = problem, tuple(plane)
        self.one = len(problem.u0) == 1
        self.labels = labels or (
            ("time t", "u") if self.one else tuple(f"u{i + 1}" for i in self.plane)
        )
        self.methods = {name: make() for name, make in sl.METHODS.items()} | {method.name: method}
        self.reference = sl.solve(problem, sl.DOP853(), rtol=1e-10, atol=1e-12, max_steps=20_000)
        self.trace, self.key = Trace([], False), None
        self.last, self.shown = 1, None  # the attempt last shown
        span = abs(problem.tspan[1] - problem.tspan[0])
        dt = span / 40 if dt is None else dt
        controls = [
            Choice("method", "method", method.name, options=list(self.methods)),
            Choice("controller", "controller", "PI" if method.adaptive else FIXED,
                   options=[*CONTROLLERS, FIXED]),
            Slider("rtol", "tolerance rtol", rtol, low=1e-8, high=1e-1, log=True, step=0.25),
            Slider("dt", "fixed step h", dt, low=span / 500, high=max(span / 4, dt), log=True),
            Slider("attempt", "attempt", 1, low=1, high=MOST_ATTEMPTS),
            Slider("stage", "stages up to", method.tableau.stages, low=1, high=MOST_STAGES),
        ]  # fmt: skip
        super().__init__(controls, height=470)

    def program(self):
        """The equation and all methods in JavaScript: then the microscope needs no Python."""
        return microscope_page.program(self, CONTROLLERS, MOST_ATTEMPTS)

    def title(self):
        """Heading of a page of its own."""
        return "A solve under the microscope, step by step"

    # The picture -----------------------------------------------------------------------------

    def layout(self, picture):
        """The magnified step on the left; on the right the whole, the error, the step sizes."""
        self._layout_lens(picture)
        whole = picture.axes([0.665, 0.69, 0.32, 0.255], title="whole solution")
        x, y = self.place(*smooth(self.reference))
        whole.plot(x, y, color=GREY, linestyle="-", linewidth=1)
        (self.done,) = whole.plot([], [], color=BLUE, linestyle="-", marker="o", markersize=3, lw=1)
        (self.here,) = whole.plot([], [], "o", color=VERMILLION, markersize=8, fillstyle="none",
                                  markeredgewidth=2)  # fmt: skip
        gauge = picture.axes([0.665, 0.505, 0.32, 0.05], xscale="log", xlim=(1e-3, 1e3), yticks=[])
        gauge.set(ylim=(0, 1), xticks=[1e-2, 1, 1e2], title="estimated error / tolerance")
        gauge.axvspan(1e-3, 1, color=GREEN, alpha=0.25)
        gauge.axvspan(1, 1e3, color=VERMILLION, alpha=0.25)
        gauge.text(1.5e-3, 0.44, "accept", va="center", fontsize=9)
        gauge.text(7e2, 0.44, "reject", va="center", ha="right", fontsize=9)
        gauge.grid(False)
        (self.error_mark,) = gauge.plot([], [], "|", color=BLACK, markersize=22, markeredgewidth=3)
        self.sizes = picture.axes([0.665, 0.1, 0.32, 0.265], yscale="log", xlabel="time $t$")
        self.sizes.set_title("step size", fontsize=10.5)
        self.sizes.yaxis.set_minor_formatter("")
        self.sizes.set_xlim(*sorted(self.problem.tspan))
        (self.good,) = self.sizes.plot([], [], color=BLUE, linestyle="-", marker="o", markersize=3,
                                       linewidth=1)  # fmt: skip
        (self.bad,) = self.sizes.plot([], [], "x", color=VERMILLION, markersize=7,
                                      markeredgewidth=1.8)  # fmt: skip
        (self.now,) = self.sizes.plot([], [], "o", color=VERMILLION, markersize=9, fillstyle="none",
                                      markeredgewidth=2)  # fmt: skip
        dot = self.sizes.plot([], [], "o", color=BLUE, markersize=4)
        picture.figure.legend(
            handles=[*dot, self.bad], labels=["accepted", "rejected"], loc="upper right",
            bbox_to_anchor=(1.0, 0.432), ncols=2, fontsize=8.5, handlelength=0.7, columnspacing=0.8,
            handletextpad=0.4,
        )  # fmt: skip
        picture.moving(self.done, self.here, self.error_mark, self.good, self.bad, self.now)

    def _layout_lens(self, picture):
        """The magnified plane: coordinates from 0 to 1, so that its frame never has to change."""
        from matplotlib.patheffects import withStroke

        lens = picture.axes([0.045, 0.075, 0.55, 0.785], xlim=(0, 1), ylim=(0, 1))
        lens.set(xticks=[], yticks=[], xlabel=self.labels[0], ylabel=self.labels[1])
        lens.spines[["top", "right"]].set_visible(True)
        (self.exact,) = lens.plot(
            [], [], color=BLACK, linestyle=":", zorder=3.5, label="exact flow"
        )
        (self.path,) = lens.plot([], [], color=BLUE, linestyle="-", label="this step")
        (self.before,) = lens.plot(
            [], [], color=GREY, linestyle="-", lw=1, marker="o", markersize=3
        )
        (self.ways,) = lens.plot([], [], color=GREY, linestyle="--", lw=0.8)
        (self.points,) = lens.plot([], [], "o", color=GREEN, markersize=6, label="stage point",
                                   zorder=4)  # fmt: skip
        self.arrows = lens.quiver(
            *np.ones((4, MOST_STAGES)),
            angles="xy", scale_units="xy", scale=1, width=0.007, color=GREEN, zorder=3,
        )  # fmt: skip
        (self.start,) = lens.plot([], [], "o", color=BLACK, markersize=8, zorder=5, label="start")
        (self.end,) = lens.plot([], [], "s", color=BLUE, markersize=9, zorder=5, label="end",
                                markeredgewidth=2)  # fmt: skip
        halo = [withStroke(linewidth=3, foreground="white")]  # legible on lines and points
        self.names = [
            lens.text(0, 0, "", fontsize=11, ha="center", va="center", path_effects=halo)
            for _ in range(MOST_STAGES)
        ]
        self.scale = lens.text(0.015, 0.015, "", fontsize=9, color="#555555")
        arrow = lens.plot([], [], color=GREEN, linestyle="-", marker=">", label="slope $k_i$")
        picture.figure.legend(
            handles=[self.start, self.points, *arrow, self.path, self.exact, self.end], ncols=3,
            loc="upper left", bbox_to_anchor=(0.035, 1.0), fontsize=9.5, columnspacing=1.4,
        )  # fmt: skip
        picture.moving(self.exact, self.path, self.before, self.ways, self.points, self.arrows)
        picture.moving(self.start, self.end, self.scale, *self.names)

    def draw(self, values):
        """Solve again if something about the solve has changed; show one attempt."""
        self._solve(values)
        record = self.shown
        shown = self.controls["stage"].value
        x, y = self.place(record.t, record.u)
        done = [self.trace.records[0].t] + [r.t_new for r in self.trace.accepted]
        states = [self.trace.records[0].u] + [r.u_new for r in self.trace.accepted]
        before = np.array(done) <= record.t
        self.done.set_data(*self.place(np.array(done)[before], np.array(states)[before]))
        self.here.set_data([x], [y])
        self.error_mark.set_data([np.clip(record.error_norm, 1.2e-3, 8e2)], [0.5])
        self.error_mark.set_visible(bool(np.isfinite(record.error_norm)))
        self.now.set_data([record.t], [abs(record.h)])
        exact = sl.solve(
            self.problem.replace(u0=record.u, tspan=(record.t, record.t_new)), sl.DOP853(),
            rtol=1e-9, atol=1e-12, max_steps=2000,
        )  # fmt: skip
        self._draw_lens(record, shown, np.array(done)[before], np.array(states)[before], exact)
        return " ".join(self._say(record, shown, exact))

    def place(self, t, u):
        """Where a state is in the plane: two unknowns, or the only one over time."""
        u = np.asarray(u)
        if self.one:
            return np.asarray(t, dtype=float), u[..., 0]
        return u[..., self.plane[0]], u[..., self.plane[1]]

    def _draw_lens(self, record, shown, times, states, exact):
        """Stages up to `shown`; with the last one also the end of the step."""
        stages = len(record.stages)
        whole = shown >= stages
        v = np.stack(self.place(np.array(record.stage_times), np.array(record.stage_points)))
        k = np.array(record.stages) * record.h
        k = np.stack(self.place(np.full(stages, record.h), k)) * ARROW
        start = np.array(self.place(record.t, record.u))
        end = np.array(self.place(record.t_new, record.u_new))
        curve = np.stack(self.place(*smooth(exact, 30)))
        to_page = _window(np.column_stack([v, v + k, start, end, curve]))
        self.exact.set_data(*to_page(curve))
        self.before.set_data(*to_page(np.stack(self.place(times, states))))
        t = np.linspace(record.t, record.t_new, 25)
        path = (
            np.stack(self.place(t, np.array([record(s) for s in t]))) if whole else np.empty((2, 0))
        )
        self.path.set_data(*to_page(path))
        self.path.set_linestyle("-" if record.accepted else "--")
        self.start.set_data(*to_page(start[:, None]))
        self.end.set_data(*to_page(end[:, None] if whole else np.empty((2, 0))))
        self.end.set_markerfacecolor(BLUE if record.accepted else "white")
        self._draw_stages(to_page, start, v[:, :shown], k[:, :shown])
        box = to_page.size
        self.scale.set_text(f"window {number(box[0], 2)} × {number(box[1], 2)}")

    def _draw_stages(self, to_page, start, v, k):
        """Points, the ways to them, arrows and numbers of the stages; the last one stands out."""
        n = v.shape[1]
        ways = np.full((2, 3 * n), np.nan)
        ways[:, ::3], ways[:, 1::3] = start[:, None], v
        self.ways.set_data(*to_page(ways))
        page = to_page(v)
        self.points.set_data(*page)
        tips = to_page(v + k) - page
        offsets, u = np.full((MOST_STAGES, 2), -9.0), np.zeros((2, MOST_STAGES))
        offsets[:n], u[:, :n] = page.T, tips
        self.arrows.set_offsets(offsets)
        self.arrows.XY = offsets
        self.arrows.set_UVC(*u)
        colours = [GREEN] * MOST_STAGES
        colours[n - 1] = VERMILLION
        self.arrows.set_color(colours)
        for i, text in enumerate(self.names):
            text.set_visible(i < n and (n <= 7 or i == n - 1))
            if i < n:
                along = tips[:, i] / max(np.hypot(*tips[:, i]), 1e-9)
                across = np.array([-along[1], along[0]]) * (-1) ** i  # neighbours on two sides
                beside = 0.035 * along + 0.03 * across
                text.set_position(page[:, i] + tips[:, i] + beside)
                text.set_text(f"$k_{{{i + 1}}}$")
                text.set_color(colours[i])

    # The solve -------------------------------------------------------------------------------

    def _solve(self, values):
        """Run the solve if one of its settings has changed, and adapt the sliders to it."""
        key = tuple(values[name] for name in ("method", "controller", "rtol", "dt"))
        attempt, stage = self.controls["attempt"], self.controls["stage"]
        if key != self.key:
            method = self.methods[values["method"]]
            all_stages = stage.value == stage.high
            time = self.shown.t if self.shown is not None else -np.inf
            self.trace, self.key = run(self.problem, method, values), key
            fixed = is_fixed(method, values)
            self.controls["controller"].enable(method.adaptive)
            self.controls["rtol"].enable(not fixed)
            self.controls["dt"].enable(fixed)
            if (
                not self._behind and attempt.value == self.last
            ):  # not asked for one: stay at the same time
                starts = np.array([record.t for record in self.trace.records])
                attempt.move(int(np.argmin(np.abs(starts - time))) + 1)
            stage.limit(method.tableau.stages)
            if all_stages and not self._behind:  # the page has done this already
                stage.move(stage.high)
            self._draw_sizes()
        attempt.limit(len(self.trace.records))
        stage.limit(stage.high)
        self.last, self.shown = attempt.value, self.trace.records[attempt.value - 1]

    def _draw_sizes(self):
        """The history of step sizes."""
        good, bad = self.trace.accepted, [r for r in self.trace.records if not r.accepted]
        self.good.set_data([r.t for r in good], [abs(r.h) for r in good])
        self.bad.set_data([r.t for r in bad], [abs(r.h) for r in bad])
        h = np.array([abs(r.h) for r in self.trace.records])
        decades = np.log10([h.min() / 1.5, h.max() * 1.5])  # whole ones: few and legible ticks
        limits = (10 ** np.floor(decades[0]), 10 ** np.ceil(decades[1]))
        if limits != self.sizes.get_ylim():
            self.sizes.set_ylim(*limits)
            self.picture.redraw_all()

    # The words -------------------------------------------------------------------------------

    def _say(self, record, shown, exact):
        """The stage, the attempt, the whole solve."""
        total, method = len(self.trace.records), record.method
        where = f"starts at t = {number(record.t)} with h = {number(record.h)}"
        yield f"Attempt {self.last} of {total} {where}."
        if shown < len(record.stages):
            t = record.stage_times[shown - 1]
            yield (
                f"Stage {shown} of {len(record.stages)} evaluates f at t = {number(t)}; "
                "it is the last one shown."
            )
            return
        true = np.linalg.norm(record.u_new - exact.u[-1]) if exact.success else np.nan
        if method.adaptive and np.isfinite(record.error_norm):
            estimate = np.linalg.norm(record.error)
            yield f"Estimated error {number(estimate)}, true error of this step {number(true)}."
        elif np.isfinite(true):
            yield f"True error of this step {number(true)}; a fixed step looks at no estimate."
        yield sentence(record.reason)
        yield from self._say_stability(record)
        yield from self._say_whole()

    def _say_stability(self, record):
        """For one or two unknowns: how far the step lies from the border of stability."""
        if len(record.u) > 2:
            return
        rates = np.linalg.eigvals(jacobian(self.problem.f, record.u, self.problem.p, record.t))
        growth = np.abs(record.method.tableau.stability_function(record.h * rates))
        if np.all(rates.real < 0) and growth.max() > 1:
            factor = number(growth.max())
            yield f"Unstable: errors grow by {factor} in this step, though the solution decays."

    def _say_whole(self):
        """Cost and global error."""
        accepted = self.trace.accepted
        rejected = len(self.trace.records) - len(accepted)
        if not self.trace.arrived:
            yield f"The solve is cut off after {len(self.trace.records)} attempts."
        elif self.reference.success:
            error = np.linalg.norm(accepted[-1].u_new - self.reference.u[-1])
            yield (
                f"Whole solve: {len(accepted)} steps accepted, {rejected} rejected, "
                f"error at the end {number(error)}."
            )


def is_fixed(method, values) -> bool:
    """Whether the steps have one size: the reader wants it, or the method estimates no error."""
    return values["controller"] == FIXED or not method.adaptive


def run(problem, method, values) -> Trace:
    """All attempts of a solve, at most `MOST_ATTEMPTS`."""
    records = []
    options = (
        {"dt": values["dt"], "adaptive": False}
        if is_fixed(method, values)
        else {"controller": CONTROLLERS[values["controller"]]()}
    )
    for record in sl.steps(
        problem, method, rtol=values["rtol"], atol=1e-3 * values["rtol"], **options
    ):
        records.append(record)
        if len(records) == MOST_ATTEMPTS:
            break
    arrived = bool(records) and records[-1].accepted and records[-1].t_new == problem.tspan[1]
    return Trace(records, arrived)


def _window(points):
    """From the plane to a unit square that holds these points with a margin."""
    points = points[:, np.isfinite(points).all(axis=0)]
    low, high = points.min(axis=1), points.max(axis=1)
    size = np.maximum(high - low, 1e-9 * (1 + np.abs(high)))
    low, size = low - 0.14 * size, 1.28 * size

    def to_page(xy):
        return (xy - low[:, None]) / size[:, None]

    to_page.size = size
    return to_page
