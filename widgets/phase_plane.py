"""`PhasePlane`: direction field, nullclines and one trajectory of an equation with two unknowns.

For Lotka-Volterra each of the four terms can be switched off, which turns the equation into four
others: growth without limit, decay, and what is in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import sciml_lab as sl
from sciml_lab import plot
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, PURPLE, VERMILLION
from sciml_lab_widgets import live
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Slider, Switch
from sciml_lab_widgets.orbit import classify, first_return, fixed_points
from sciml_lab_widgets.words import number, sentence

#: The four terms of Lotka and Volterra: prey x, predators y.
LOTKA_VOLTERRA = {
    "prey growth": lambda u, p, t: np.array([p[0] * u[0], 0 * u[1]]),
    "predation": lambda u, p, t: np.array([-p[1] * u[0] * u[1], 0 * u[1]]),
    "predator death": lambda u, p, t: np.array([0 * u[0], -p[2] * u[1]]),
    "predator growth": lambda u, p, t: np.array([0 * u[0], p[3] * u[0] * u[1]]),
}
FINE, COARSE = 100, 20  # points along each side: nullclines, arrows
MOST_STEPS = 2000


class PhasePlane(Explorer):
    """Explore an equation with two unknowns in its phase plane.

    Parameters
    ----------
    problem : ODEProblem or model of the zoo, optional
        ``u' = f(u, p, t)`` with two components; by default Lotka-Volterra, prey x and predators
        y. A model, such as ``sl.zoo.pendulum``, brings its names and its invariant.
    terms : mapping of str to callable, optional
        Terms ``term(u, p, t)`` whose sum is f, each with a check box. Lotka-Volterra has four.
    parameters : sequence of str, optional
        Names of the parameters that get a slider, in the order of `problem.p`.
    labels : two str, optional
        Names of the two unknowns.
    box : (x_low, x_high, y_low, y_high), optional
        The part of the plane shown; by default the trajectory with a margin.
    invariant : callable, optional
        ``invariant(u, p)`` that exact solutions keep; its drift is told while all terms are on.
    rtol : float
        Relative tolerance of the solve.

    Raises
    ------
    ValueError
        If the problem does not have two components.

    Examples
    --------
    >>> explorer = PhasePlane()
    >>> "closes after" in explorer.words
    True
    >>> "closes" in explorer.set(predation=False).words
    False
    """

    def __init__(
        self,
        problem=None,
        terms: Mapping[str, Callable] | None = None,
        *,
        parameters: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        box: Sequence[float] | None = None,
        invariant: Callable | None = None,
        rtol: float = 1e-6,
    ):
        if problem is None:
            problem, terms = sl.zoo.lotka_volterra, LOTKA_VOLTERRA if terms is None else terms
            labels = labels or ("prey x", "predators y")
        if hasattr(problem, "parameters"):  # a model of the zoo knows its names and invariants
            model, problem = problem, problem()
            parameters = parameters or tuple(model.parameters)
            labels = labels or model.states
            invariant = invariant or next(iter(model.invariants.values()), None)
        if np.shape(problem.u0) != (2,):
            raise ValueError(
                f"problem must have two components (its u0 has shape {np.shape(problem.u0)}): a "
                "plane shows two unknowns."
            )
        self.problem, self.rtol, self.invariant = problem, rtol, invariant
        self.terms = {name.replace(" ", "_"): term for name, term in (terms or {}).items()}
        self.labels = ("u₁", "u₂") if labels is None else tuple(labels)
        p = np.array([]) if problem.p is None else np.asarray(problem.p, dtype=float).ravel()
        self.names = tuple(parameters) if parameters else tuple(f"p{i}" for i in range(len(p)))
        self._drawn, self._points = [], []  # the equation that is drawn, and where it rests
        self.box = self._box() if box is None else tuple(float(side) for side in box)
        super().__init__([*self._sliders(p), *self._switches()], height=400)

    def _box(self):
        """The trajectory as it was given, with a margin; from zero if that is near."""
        u = self._solve(self.problem).u
        low, high = u.min(axis=0), u.max(axis=0)
        margin = 0.15 * np.maximum(high - low, 1e-3 * (1 + np.abs(high)))
        low = np.where((low > 0) & (low < 0.3 * high), 0.0, low - margin)
        return (low[0], high[0] + margin[0], low[1], high[1] + margin[1])

    def _sliders(self, p):
        """One slider a parameter and two for the start."""
        for name, value in zip(self.names, p, strict=True):
            reach = 2 * abs(value) if value else 1.0
            ends = {"low": -reach if value < 0 else 0.0, "high": 0.0 if value < 0 else reach}
            yield Slider(name, f"parameter {name}", float(value), step=reach / 100, **ends)
        low, high = np.reshape(self.box, (2, 2)).T
        inset = 0.01 * (high - low)  # an orbit from the very edge hardly shows
        for i, name in enumerate(("start_x", "start_y")):
            value = float(np.clip(self.problem.u0[i], low[i] + inset[i], high[i] - inset[i]))
            yield Slider(name, f"start {self.labels[i]}", value, low=low[i] + inset[i],
                         high=high[i] - inset[i], step=(high[i] - low[i]) / 200)  # fmt: skip

    def _switches(self):
        for name in self.terms:
            yield Switch(name, name.replace("_", " "), True)
        yield Switch("nullclines", "nullclines", True)

    def program(self):
        """Terms, method and invariant in JavaScript: then the plane needs no Python to move."""
        program, u, p = live.Program(), np.ones(2), self.problem.p
        terms = [f"term{i}" for i in range(len(self.terms) or 1)]
        for name, term in zip(terms, self.terms.values() or [self.problem.f], strict=True):
            program.right_hand_side(name, term, u, p)
        if self.invariant is not None:
            program.measure("invariant", self.invariant, u, p)
        program.method("method", sl.Tsit5())
        program.controller("controller", sl.PIController())
        members = {name: name for name in ("method", "controller")}
        members |= {"terms": f"[{', '.join(terms)}]"}
        members |= {"invariant": "invariant" if self.invariant is not None else "null"}
        spec = {
            "controls": live.controls(self), "width": self.picture.width,
            "height": self.picture.height, "labels": self.labels, "box": self.box,
            "tspan": [float(end) for end in self.problem.tspan], "parameters": self.names,
            "terms": list(self.terms), "rtol": float(self.rtol), "mostSteps": MOST_STEPS,
        }  # fmt: skip
        return live.script("PhasePlane", "phase_plane.js", program.text(members)), spec

    def title(self):
        """Heading of a page of its own."""
        return f"{self.labels[0]} and {self.labels[1]} in their phase plane"

    def right_hand_side(self, values) -> Callable:
        """The sum of the terms that are switched on."""
        if not self.terms:
            return self.problem.f
        on = [term for name, term in self.terms.items() if values[name]]
        return lambda u, p, t: sum((term(u, p, t) for term in on), np.zeros(np.shape(u)))

    def layout(self, picture):
        """The plane on the left, the two unknowns over time on the right."""
        from matplotlib.collections import LineCollection

        x, y = self.labels
        plane = picture.axes([0.085, 0.125, 0.50, 0.775], xlabel=x, ylabel=y)
        at_rest = {"f": lambda u, p, t: 1 + 0 * u, "p": None, "box": self.box}
        self.arrows = plot.draw_field(plane, **at_rest, points=COARSE)
        looks = ((GREEN, "--"), (PURPLE, "-."))
        self.nullclines = [
            plane.add_collection(LineCollection([], colors=c, linestyles=s, lw=1.8, zorder=2))
            for c, s in looks
        ]
        (self.path,) = plane.plot([], [], color=BLUE, linestyle="-", zorder=3, label="trajectory")
        dot = {"zorder": 5, "clip_on": False}
        (self.start,) = plane.plot([], [], "o", color=BLACK, markersize=7, label="start", **dot)
        (self.points,) = plane.plot(
            [],
            [],
            "x",
            color=VERMILLION,
            markersize=8,
            markeredgewidth=2,
            label="fixed point",
            **dot,
        )
        at_rest = [
            plane.plot([], [], color=c, linestyle=s, lw=1.8, label=f"{name.split()[-1]}′ = 0")[0]
            for (c, s), name in zip(looks, self.labels, strict=True)
        ]
        picture.figure.legend(
            handles=[self.start, self.points, *at_rest], loc="upper left", ncols=4,
            bbox_to_anchor=(0.07, 1.0), fontsize=9.5, handlelength=2, columnspacing=1.4,
        )  # fmt: skip
        time = picture.axes([0.665, 0.125, 0.315, 0.775], xlabel="time $t$")
        t0, t1 = (float(end) for end in self.problem.tspan)
        time.set_xlim(t0, t1)
        time.set_ylim(min(self.box[0], self.box[2]), max(self.box[1], self.box[3]))
        self.times = [
            time.plot([], [], color=BLUE, linestyle="-", label=x)[0],
            time.plot([], [], color=VERMILLION, linestyle="--", label=y)[0],
        ]
        picture.figure.legend(
            handles=self.times, loc="upper left", bbox_to_anchor=(0.65, 1.0), ncols=2,
            fontsize=9.5, handlelength=2, columnspacing=1.4,
        )  # fmt: skip
        picture.moving(self.arrows, *self.nullclines, *self.times)
        picture.moving(self.path, self.start, self.points)

    def draw(self, values):
        """Field, nullclines, fixed points, trajectory; then the words."""
        f, p = self.right_hand_side(values), self._parameters(values)
        u0 = np.array([values["start_x"], values["start_y"]])
        equation = [values[name] for name in values if not name.startswith("start_")]
        if equation != self._drawn:  # the start alone changes nothing but the trajectory
            self._drawn = []
            self._points = fixed_points(f, p, self.box)
            self._draw_field(f, p, values["nullclines"], self._points)
            self._drawn = equation
        sol = self._solve(self.problem.replace(f=f, u0=u0, p=p), self._far_away)
        t, u = thirds(sol)
        self.path.set_data(u[:, 0], u[:, 1])
        self.start.set_data(u0[:1], u0[1:])
        for line, component in zip(self.times, u.T, strict=True):
            line.set_data(t, component)
        return " ".join(
            [*self._say_points(f, p, self._points), *self._say_path(f, p, sol, t, u, values)]
        )

    def _parameters(self, values):
        p = self.problem.p
        if p is None or not self.names:
            return p
        return np.array([values[name] for name in self.names]).reshape(np.shape(p))

    def _solve(self, problem, stop=()):
        options = {"rtol": self.rtol, "atol": 1e-9, "max_steps": MOST_STEPS, "callbacks": stop}
        return sl.solve(problem, sl.Tsit5(), **options)

    def _far_away(self, record):
        """Whether a trajectory has left so far that nothing of it would be seen again."""
        size = np.ptp(np.reshape(self.box, (2, 2)), axis=1)
        return bool(np.any(np.abs(record.u_new) > 30 * size))

    def _draw_field(self, f, p, nullclines, points):
        dx, dy, colours = plot.directions(*plot.sample_field(f, p, self.box, COARSE)[2:], self.box)
        self.arrows.set_UVC(dx, dy)
        self.arrows.set_facecolor(colours)
        self.points.set_data(*np.reshape(points, (-1, 2)).T)
        for curve in self.nullclines:
            curve.set_visible(nullclines)
        if nullclines:
            x, y, *slopes = plot.sample_field(f, p, self._inside(), FINE)
            for curve, slope in zip(self.nullclines, slopes, strict=True):
                curve.set_segments(plot.nullcline(x, y, slope))

    def _inside(self):
        """The window without its very edge, where a factor x or y is zero anyway."""
        low, high = np.reshape(self.box, (2, 2)).T
        edge = 1e-3 * (high - low)
        return tuple(np.ravel(np.stack([low + edge, high - edge], axis=1)))

    def _say_points(self, f, p, points):
        """Where the equation rests, and how it behaves there."""
        inside = [u for u in points if np.all(u > np.reshape(self.box, (2, 2))[:, 0])] or points
        for u in inside[:2]:
            yield f"Fixed point at ({number(u[0])}, {number(u[1])}): {classify(f, u, p)}."
        if not points:
            yield "No isolated fixed point in this window."

    def _say_path(self, f, p, sol, t, u, values):
        """What the trajectory does: closes, leaves, or neither; and how well it was computed."""
        if not sol.success:
            yield sentence(sol.message)
            return
        period, gap = first_return(f, p, sol)
        low, high = np.reshape(self.box, (2, 2)).T
        where = f"({number(u[-1, 0])}, {number(u[-1, 1])})"
        if period is not None and gap < 1e-3:
            yield f"The orbit closes after {number(period)} time units."
        elif period is not None:
            turn = f"After one turn, {number(period)} time units,"
            yield f"{turn} the trajectory misses its start by {number(gap)} of its size."
        elif np.any(u[-1] > high) or np.any(u[-1] < low):
            out = np.argmax(np.any((u > high) | (u < low), axis=1))
            yield f"The trajectory leaves the window at t = {number(t[out])}."
        else:
            yield f"The trajectory ends at {where}."
        if self.invariant is not None and all(values[name] for name in self.terms):
            v = self.invariant(u.T, p)
            drift = np.max(np.abs(v - v[0])) / max(abs(v[0]), 1e-300)
            if np.isfinite(drift):
                yield (
                    f"The invariant drifts by {number(drift)} of itself"
                    f" ({sol.stats.nsteps} steps, {sol.stats.nf} evaluations of f)."
                )


def thirds(sol) -> tuple[np.ndarray, np.ndarray]:
    """Times and states at the steps and at two points inside each: smooth, and quick to get.

    Examples
    --------
    >>> sol = sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0)))
    >>> t, u = thirds(sol)
    >>> len(t) == 3 * len(sol.t) - 2
    True
    """
    if len(sol.t) < 2:
        return sol.t, sol.u
    h = np.diff(sol.t)
    inside = np.stack([sol.t[:-1] + h / 3, sol.t[:-1] + 2 * h / 3])
    t = np.append(np.vstack([sol.t[:-1], inside]).T.ravel(), sol.t[-1])
    u = np.empty((len(t), *sol.u.shape[1:]))
    u[::3] = sol.u
    for row in (1, 2):
        u[row::3] = sol(inside[row - 1])
    return t, u
