"""`NeuralODETrainer`: a neural ODE that retrains when a slider is let go.

The network learns a field in the phase plane from a few points of one orbit. Where the orbit has
been it learns the truth; elsewhere nobody told it anything, and the picture shows that.
"""

from __future__ import annotations

import time

import numpy as np

import sciml_lab as sl
from sciml_lab import neural, plot
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Button, Slider
from sciml_lab_widgets.draggable import Draggable
from sciml_lab_widgets.picture import StaticPicture
from sciml_lab_widgets.widths import WIDEST, backend, places_of_units, resized
from sciml_lab_widgets.words import clock, number

BOX = (0.0, 8.0, 0.0, 5.5)
PERIOD = sl.zoo.lotka_volterra.facts["period"]
LONGEST = 2 * PERIOD
END = LONGEST + 3 * PERIOD  # three periods are always extrapolated
ARROWS, SHADES = 14, 41  # points along each side: arrows, shading
DARKEST = 1.6  # above one: an error of 100 % must not hide what lies over it
NEAR = 0.07  # of the window: this near to the data a state counts as seen


class NeuralODETrainer(Draggable, Explorer):
    """Explore what a neural ODE learns of Lotka and Volterra's equation, and what it does not.

    A data point can be dragged in the phase plane (or moved by the arrow keys), and every change
    goes on training from the present weights: a wider network starts with all it has learned and
    new units that say nothing yet, a narrower one keeps its strongest units. Only the seed begins
    anew. First the network is fitted to slopes of a spline through
    the data, then short trajectories are fitted to the data (multiple shooting); `Train longer`
    ends with the whole trajectory.

    Parameters
    ----------
    points, noise, horizon, width, seed
        Where the sliders stand at first.
    budget : float
        Seconds that the first training may take, compiling aside; it then stops where it is.
    quick : float
        The same for going on after a change.
    steps : int
        Training steps for each stage.

    Examples
    --------
    >>> trainer = NeuralODETrainer(width=8, steps=10)
    >>> "loss" in trainer.words and "Off the data" in trainer.words
    True
    """

    def __init__(
        self, points=16, noise=0.0, horizon=3.5, width=24, seed=0, *, budget=1.5, quick=0.005,
        steps=40,
    ):  # fmt: skip
        self.budget, self.quick, self.steps = budget, quick, steps
        self.prepared = None, None  # the data, and the loss that is prepared for them
        self.near = {}  # horizon -> which states of the shading lie near the data
        self.moved_points = {}  # number of a point -> how far a reader has moved it
        self.problem = sl.zoo.lotka_volterra(tspan=(0.0, END))
        self.truth = sl.solve(self.problem, sl.Vern7(), rtol=1e-9, atol=1e-9)
        self.t = np.linspace(0.0, END, 401)
        self.orbit = self.truth(self.t)
        # One network of the largest width, whose further units say nothing, stands for all widths:
        # compiled code knows its sizes, and moving the slider shall not wait for a compiler.
        self.field = neural.standardised(WIDEST, self.orbit)
        self.p = self.net = self.known = None
        self.trained, self.loss, self.took = 0, np.nan, 0.0
        slow = {"live": False}
        super().__init__(
            [
                Slider("points", "data points", points, low=6, high=40, **slow),
                Slider("noise", "noise", noise, low=0.0, high=0.2, unit="of the size", **slow),
                Slider("horizon", "data until t", horizon, low=1.5, high=LONGEST, step=0.1,
                       unit="yr", **slow),
                Slider("width", "hidden units", width, low=2, high=WIDEST.sizes[1], **slow),
                Slider("seed", "seed", seed, low=0, high=19, **slow),
                Button("train", "Train longer"),
            ],
            height=460,
        )  # fmt: skip

    # Training --------------------------------------------------------------------------------

    def data(self, values):
        """Times and noisy states: equally spaced, from the start to the horizon."""
        t = np.linspace(0.0, values["horizon"], values["points"])
        clean = self.truth(t)
        noise = np.random.default_rng(values["seed"]).standard_normal(clean.shape)
        data = clean + values["noise"] * self.orbit.std(axis=0) * noise
        for k, shift in self.moved_points.items():
            data[k] += shift
        return t, data

    def move_point(self, index, x, y):
        """Put a data point somewhere else in the phase plane, and train on.

        Parameters
        ----------
        index : int
            Number of the point, from 0.
        x, y : float
            Its new place: prey and predators.

        Examples
        --------
        >>> trainer = NeuralODETrainer(width=8, steps=5)
        >>> trainer.move_point(3, 2.0, 2.5)
        >>> [float(value) for value in trainer.data(trainer.values)[1][3]]
        [2.0, 2.5]
        """
        values = self.values
        if not 0 <= index < values["points"]:
            raise ValueError(f"index must be 0 to {values['points'] - 1} (got {index!r}).")
        x, y = np.clip(x, *BOX[:2]), np.clip(y, *BOX[2:])
        before = self.moved_points.pop(index, 0.0)
        self.moved_points[index] = np.array([x, y]) - self.data(values)[1][index]
        if np.allclose(self.moved_points[index], before):
            return
        self.known = (self.known or values) | {"moved": None}
        self.update()

    def train(self, values, t, data):
        """Train by what has changed: everything anew, or on from where it stands."""
        began = time.perf_counter()
        fresh = self.known is None or values["seed"] != self.known["seed"]
        longer = not fresh and values["train"] != self.known["train"]
        net = sl.nn.MLP([2, values["width"], 2])
        if fresh:
            self.net, self.p, self.trained = net, net.init(values["seed"]), 0
        elif net != self.net:
            self.p, self.net = resized(self.net, net, self.p, values["seed"]), net
        self.places = places_of_units(self.net)
        substeps = int(np.clip(np.ceil((t[1] - t[0]) / 0.1), 2, 10))
        options = {"substeps": substeps, "backend": backend()}
        shooting = self._shooting(t, data, options)
        stages = [shooting]
        if fresh:
            stages.insert(0, neural.collocation_loss(self.field, t, data))
        if longer:
            stages.append(neural.trajectory_loss(self.field, t, data, **options))
        quick = not (fresh or longer) and options["backend"] == "numba"
        left = self.quick if quick else self.budget
        for loss in stages:
            left = self._descend(loss, left)
        self.loss = _value(shooting, self.wide(self.p))
        self.took, self.known = time.perf_counter() - began, dict(values)

    def _shooting(self, t, data, options):
        """The loss of short trajectories: the one that is prepared, as long as the data stay."""
        key = (t.tobytes(), data.tobytes())
        if key != self.prepared[0]:
            loss = neural.multiple_shooting_loss(self.field, t, data, length=3, **options)
            self.prepared = key, loss
        return self.prepared[1]

    def wide(self, p):
        """The parameters as those of the widest network."""
        full = np.zeros(WIDEST.size)
        full[self.places] = p
        return full

    def _descend(self, loss, seconds):
        """Some L-BFGS steps, as long as the time lasts; the time that is left.

        The clock starts after the first value, for which the loss is prepared or even compiled. A
        loss that cannot start is left out.
        """
        if not np.isfinite(_value(loss, self.wide(self.p))):
            return seconds
        ends = time.perf_counter() + seconds

        def slope(p):
            value, slope = sl.ad.value_and_grad(loss, self.wide(p))
            return value, slope[self.places]

        def enough(step, value, p):
            return time.perf_counter() > ends

        steps = self.steps
        run = sl.train(
            loss, self.p, optimizer=sl.LBFGS(), steps=steps, callback=enough, progress=False,
            grad=slope,
        )  # fmt: skip
        self.p, self.trained = run.p, self.trained + run.steps
        return ends - time.perf_counter()

    def moved(self, control):
        """Train and draw; where that takes long, first show the new data and say that it trains."""
        if control.name in ("points", "horizon", "seed"):
            self.moved_points = {}
        slow = backend() == "numpy" or control.name in ("seed", "train")
        if self._page is not None and slow:
            self.show_meanwhile("Training …")
        super().moved(control)

    def set(self, **values):
        """Move controls; another number of points, seed or horizon puts dragged points back."""
        if {"points", "horizon", "seed"} & values.keys():
            self.moved_points = {}
        return super().set(**values)

    # The picture -----------------------------------------------------------------------------

    def layout(self, picture):
        """The plane with both fields on the left, both populations over time on the right."""
        from matplotlib.patheffects import withStroke

        self.plane = plane = picture.axes(
            [0.075, 0.115, 0.49, 0.755], xlabel="prey $x$", ylabel="predators $y$"
        )
        plane.set(xlim=BOX[:2], ylim=BOX[2:])
        plane.grid(False)
        self.shading = plane.imshow(
            np.zeros((SHADES, SHADES)), extent=BOX, origin="lower", aspect="auto", zorder=0,
            cmap="Oranges", vmin=0, vmax=DARKEST, interpolation="none",
        )  # fmt: skip
        x = np.linspace(*BOX[:2], ARROWS + 1)[:-1] + BOX[1] / ARROWS / 2
        y = np.linspace(*BOX[2:], ARROWS + 1)[:-1] + BOX[3] / ARROWS / 2
        self.states = np.stack([grid.ravel() for grid in np.meshgrid(x, y)])
        look = {"angles": "xy", "scale_units": "xy", "scale": 1.35 * ARROWS, "headwidth": 4.5,
                "headlength": 4, "headaxislength": 3.5}  # fmt: skip
        true = _unit(self.problem.f(self.states, self.problem.p, 0.0))
        truth = plane.quiver(*self.states, *true, color="#9A9A9A", width=0.004, zorder=1, **look)
        self.arrows = plane.quiver(*self.states, *true, color=BLUE, width=0.004, zorder=2, **look)
        (orbit,) = plane.plot(*self.orbit.T, color=GREY, linestyle="-", linewidth=1.2, zorder=2)
        halo = [withStroke(linewidth=4.5, foreground="white")]  # legible on every shade
        (self.path,) = plane.plot([], [], color=VERMILLION, linestyle="--", path_effects=halo)
        (self.dots,) = plane.plot([], [], "o", color=BLACK, markersize=5, zorder=4)
        self._layout_key(picture)
        self.lines, self.marks, self.ends = [], [], []
        for i, (name, bottom) in enumerate((("prey $x$", 0.525), ("predators $y$", 0.115))):
            axes = picture.axes([0.655, bottom, 0.33, 0.345], xlim=(0, END), ylabel=name)
            axes.set_ylim(0, BOX[2 * i + 1])
            if i:
                axes.set_xlabel("time $t$ [yr]")
            else:
                axes.tick_params(labelbottom=False)
            axes.plot(self.t, self.orbit[:, i], color=GREY, linestyle="-", linewidth=1.2)
            self.lines += axes.plot([], [], color=VERMILLION, linestyle="--", zorder=3)
            self.marks += axes.plot([], [], "o", color=BLACK, markersize=3.5, zorder=4)
            self.ends += axes.plot([], [], color=BLACK, linestyle=":", linewidth=1)
        picture.moving(self.shading, truth, orbit, self.arrows, self.path, self.dots)
        picture.moving(*self.lines, *self.marks, *self.ends)
        picture.same_strokes(truth, orbit)

    def _layout_key(self, picture):
        """Legend and colour key, above both panels."""
        from matplotlib.lines import Line2D

        look = {"linestyle": "none", "marker": r"$\rightarrow$", "markersize": 13}
        handles = [
            Line2D([], [], color=BLACK, linestyle="none", marker="o", label="data"),
            Line2D([], [], color="#7A7A7A", label="true field", **look),
            Line2D([], [], color=BLUE, label="learned field", **look),
            Line2D([], [], color=GREY, linewidth=1.2, linestyle="-", label="truth"),
            Line2D([], [], color=VERMILLION, linestyle="--", label="learned"),
            Line2D([], [], color=BLACK, linewidth=1, linestyle=":", label="data end"),
        ]
        place = {"loc": "upper left", "columnspacing": 1.0, "handletextpad": 0.5, "fontsize": 9.5}
        picture.figure.legend(handles=handles[:3], bbox_to_anchor=(0.06, 1.0), ncols=3, **place)
        picture.figure.legend(handles=handles[3:], bbox_to_anchor=(0.56, 1.0), ncols=3, **place)
        picture.figure.text(0.078, 0.892, "error of the field:   0", fontsize=9)
        key = picture.axes([0.283, 0.893, 0.13, 0.022], xticks=[], yticks=[])
        key.imshow([np.linspace(0, 1, 64)], aspect="auto", cmap="Oranges", vmin=0, vmax=DARKEST)
        key.grid(False)
        picture.figure.text(0.421, 0.892, "100 % or more", fontsize=9)

    def draw(self, values):
        """Train if something has changed, then show field and trajectory."""
        t, data = self.data(values)
        if values != self.known:
            self.train(values, t, data)
        wrong, near = self._field_error(values["horizon"])
        learned = self.field(self.states, self.wide(self.p))
        path = self._trajectory(data[0])  # from here on nothing fails: all artists move, or none
        self.shading.set_data(np.minimum(wrong, 1.0))
        self.arrows.set_UVC(*_unit(learned))
        self.path.set_data(*path.T)
        for i in range(2):
            self.lines[i].set_data(self.t[: len(path)], path[:, i])
        self._place_data(values, t, data)
        return " ".join(self._say(values, path, wrong, near))

    def _place_data(self, values, t, data):
        """Put the data, and the line where they end, where they are now."""
        self.dots.set_data(*data.T)
        for i in range(2):
            self.marks[i].set_data(t, data[:, i])
            self.ends[i].set_data([values["horizon"]] * 2, BOX[2 * i : 2 * i + 2])

    def _trajectory(self, u0):
        """The learned equation's own trajectory, as far as it gets."""
        problem = sl.ODEProblem(self.field, u0, (0.0, END), self.wide(self.p))
        sol = sl.solve(
            problem, sl.Tsit5(), rtol=1e-5, atol=1e-5, max_steps=1000, saveat=self.t, dense=False,
            backend=backend(),
        )  # fmt: skip
        far = np.flatnonzero(np.max(np.abs(sol.u), axis=1) > 100)
        return sol.u[: far[0] if far.size else None]

    def _field_error(self, horizon):
        """Relative error of the field on a grid, and which of its states lie near the data."""
        x, y = np.linspace(*BOX[:2], SHADES), np.linspace(*BOX[2:], SHADES)
        states = np.stack([grid.ravel() for grid in np.meshgrid(x, y)])
        true = self.problem.f(states, self.problem.p, 0.0)
        size = self.orbit.std(axis=0)[:, None]  # both populations count alike
        error = np.linalg.norm((self.field(states, self.wide(self.p)) - true) / size, axis=0)
        speed = np.linalg.norm(true / size, axis=0)
        wrong = error / np.maximum(speed, 0.1 * np.median(speed))  # it vanishes at rest
        if horizon not in self.near:
            seen = self.orbit[self.t <= horizon].T[:, :, None]
            window = np.array([BOX[1], BOX[3]])[:, None, None]
            apart = np.linalg.norm((seen - states[:, None]) / window, axis=0).min(axis=0)
            self.near[horizon] = (apart < NEAR).reshape(SHADES, SHADES)
        return wrong.reshape(SHADES, SHADES), self.near[horizon]

    def _say(self, values, path, wrong, near):
        """Loss, error on and off the data, and how far the extrapolation holds."""
        yield (
            f"After {self.trained} training steps (the last ones took {clock(self.took)}) the "
            f"loss, mean squared error of short trajectories, is {number(self.loss)}."
        )
        yield f"Near the data the learned field is wrong by {_percent(np.median(wrong[near]))}."
        yield f"Off the data: by {_percent(np.median(wrong[~near]))} (medians)."
        after = (self.t > values["horizon"]) & (self.t <= values["horizon"] + 3 * PERIOD)
        if len(path) < len(self.t):
            yield f"The learned trajectory runs away at t = {number(self.t[len(path) - 1])}."
            return
        error = neural.relative_error(path[after], self.orbit[after])
        good = "it holds" if error < 0.1 else "it drifts" if error < 0.7 else "it is lost"
        yield (
            f"Extrapolated over three more periods its error is {number(error)} of the "
            f"truth's standard deviation: {good}."
        )

    # Dragging --------------------------------------------------------------------------------

    def place_points(self):
        """Put the data where they are now."""
        self._place_data(self.values, *self.data(self.values))

    def points(self):
        """The data points, and the axes in which they can be dragged."""
        return self.data(self.values)[1], self.plane

    # The static twin -------------------------------------------------------------------------

    def static(self, **values):
        """Return the static twin, trained from the beginning at these values.

        Examples
        --------
        >>> twin = NeuralODETrainer(width=8, steps=5).static(points=8)
        >>> twin.alt.startswith("After")
        True
        """
        for name, value in values.items():
            self._control(name).checked(value)
        start = {**self.values, **values}
        start.pop("train")
        fresh = type(self)(**start, budget=np.inf, steps=self.steps)
        return StaticPicture(fresh.picture.sharp_pixels(), fresh.words, width=self.picture.width)


def _value(loss, p) -> float:
    """The loss, or NaN where a trajectory blows up.

    It comes with its slope: that is compiled once for any number of data points.
    """
    try:
        return float(sl.ad.value_and_grad(loss, p)[0])
    except sl.SolveError:
        return np.nan


def _unit(slopes):
    """Arrows of one length on the page."""
    dx, dy, _ = plot.directions(slopes[0], slopes[1], BOX)
    return dx, dy


def _percent(x) -> str:
    return f"{100 * x:.0f} %" if x >= 0.095 else f"{100 * x:.1f} %"
