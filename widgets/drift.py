"""`DriftExplorer`: a pendulum as a point on a rod, and how well the rod keeps its length.

On the left the point's path, on the right the residuals of the constraint
``g = (x^2 + y^2 - 1)/2 = 0`` and of its derivative ``g' = x v + y w = 0`` against time. The forms
are those of `sl.ConstrainedMotion`: which derivative of g is solved, and what else is done about
the drift.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider
from sciml_lab_widgets.words import number


class Form(NamedTuple):
    """How the motion is written down, who solves it, and what is solved."""

    options: dict  # for `ConstrainedMotion.problem`
    method: type
    project: bool
    solved: str


FORMS = {
    "acceleration (index 0)": Form({"index": 0}, sl.Tsit5, False, "g'' = 0, as an ODE"),
    "acceleration (index 1)": Form({"index": 1}, sl.FBDF, False, "g'' = 0"),
    "velocity (index 2)": Form({"index": 2}, sl.FBDF, False, "g' = 0"),
    "Baumgarte (index 1)": Form(
        {"stabilisation": "baumgarte"}, sl.FBDF, False, "g'' + 2 α g' + α² g = 0"
    ),
    "GGL (index 2)": Form({"stabilisation": "ggl"}, sl.FBDF, False, "g = 0 and g' = 0"),
    "projection (index 0)": Form(
        {"index": 0}, sl.Tsit5, True, "g'' = 0, as an ODE, and each step is projected"
    ),
}
LOW, HIGH = 1e-17, 1e1  # the residuals that are drawn
MANY = 600  # with fewer steps the path between them is drawn, too
GROWN = 3.0  # the last quarter over the first one: what is called growing


class DriftExplorer(Explorer):
    """Explore how far a constraint is left that is only solved after differentiation.

    Parameters
    ----------
    form : str
        The form to begin with, see `FORMS`.
    alpha : float
        The rate of Baumgarte's stabilisation.
    rtol : float
        Relative tolerance; the absolute one is the same.
    seconds : float
        How long the pendulum swings; its period is 2.37 s.

    Examples
    --------
    >>> explorer = DriftExplorer("acceleration (index 0)", seconds=10.0)
    >>> explorer.words.split(". ")[-1]
    'The residual of g grows.'
    >>> explorer.set(form="projection (index 0)").words.split(". ")[-1]
    'The residual of g is rounding.'
    """

    def __init__(self, form="acceleration (index 0)", *, alpha=10.0, rtol=1e-4, seconds=20.0):
        controls = [
            Choice("form", "solved", form, options=list(FORMS)),
            Slider("rtol", "tolerance", rtol, low=1e-5, high=1e-2, log=True),
            Slider("alpha", "Baumgarte's α", alpha, low=0.1, high=50.0, log=True, unit="1/s"),
            Slider("seconds", "time", seconds, low=2.0, high=20.0, step=0.5, unit="s"),
        ]
        super().__init__(controls, height=400)

    def layout(self, picture):
        """The pendulum on the left, the residuals on the right."""
        plane = picture.axes([0.105, 0.135, 0.375, 0.73], aspect="equal", xlim=(-1.45, 1.45),
                             ylim=(-1.85, 1.45))  # fmt: skip
        plane.set(xlabel="$x$ [m]", ylabel="$y$ [m]", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        plane.grid(False)
        angle = np.linspace(-np.pi, np.pi, 241)
        (circle,) = plane.plot(np.cos(angle), np.sin(angle), color=GREY, linestyle="-", linewidth=5,
                               alpha=0.45, label="length 1")  # fmt: skip
        plane.plot(0, 0, "+", color=BLACK, markersize=9)
        (self.path,) = plane.plot([], [], color=BLUE, linestyle="-", linewidth=0.7, label="path")
        (self.rod,) = plane.plot([], [], color=VERMILLION, linestyle="-", linewidth=1.5, marker="o",
                                 markevery=[1], markersize=8, label="at the end")  # fmt: skip
        (self.true,) = plane.plot([], [], "o", color=BLACK, markersize=12, fillstyle="none",
                                  label="exact")  # fmt: skip
        right = picture.axes([0.605, 0.135, 0.375, 0.73], xlim=(0, 20), ylim=(LOW, HIGH))
        right.set_yscale("log")
        right.set(xlabel="time [s]", ylabel="residual")
        right.set_yticks(10.0 ** np.arange(-16, 2, 4))
        right.yaxis.set_minor_formatter("")
        (self.place,) = right.plot([], [], color=BLUE, linestyle="-", linewidth=1.2, label="$|g|$")
        (self.speed,) = right.plot([], [], color=VERMILLION, linestyle=":", linewidth=1.4,
                                   label="$|g'|$")  # fmt: skip
        (self.tol,) = right.plot([], [], color=GREEN, linestyle="--", linewidth=1.2,
                                 label="tolerance")  # fmt: skip
        look = {"fontsize": 9, "handlelength": 1.4, "columnspacing": 1.0, "handletextpad": 0.5}
        for some, place, at in (
            ((circle, self.path, self.rod, self.true), "upper left", 0.03),
            ((self.place, self.speed, self.tol), "upper right", 1.0),
        ):
            picture.figure.legend(handles=some, loc=place, bbox_to_anchor=(at, 1.0),
                                  ncols=len(some), **look)  # fmt: skip
        picture.moving(self.path, self.rod, self.true, self.place, self.speed, self.tol)

    def draw(self, values):
        """Both panels, then the words."""
        form = FORMS[values["form"]]
        damped = form.options.get("stabilisation") == "baumgarte"
        self.controls["alpha"].enable(damped)
        alpha = values["alpha"] if damped else 10.0
        sol, g = solved(values["form"], alpha, values["rtol"], values["seconds"])
        x, y = sol.u[:, 0], sol.u[:, 1]
        few = sol.t if len(sol.t) > MANY else np.linspace(*sol.t[[0, -1]], MANY)
        self.path.set_data(*(sol.u if len(sol.t) > MANY else sol(few))[:, :2].T)
        self.rod.set_data([0, x[-1]], [0, y[-1]])
        angle = sl.zoo.pendulum.exact(sol.t[-1], [np.pi / 2, 0.0], [9.81, 1.0])[0]
        right = np.array([np.sin(angle), -np.cos(angle)])
        self.true.set_data(right[:1], right[1:])
        t, top = envelope(sol.t, np.abs(g))
        self.place.set_data(t, np.clip(top[:, 0], LOW, HIGH))
        self.speed.set_data(t, np.clip(top[:, 1], LOW, HIGH))
        self.tol.set_data([0, 20], [values["rtol"]] * 2)
        off = float(np.linalg.norm(sol.u[-1, :2] - right))
        return " ".join(say(values["form"], alpha if damped else None, values["rtol"], sol, g, off))


@lru_cache(maxsize=16)
def solved(name, alpha, rtol, seconds):
    """The solution, and the residuals of g and g' at the ends of its steps.

    Examples
    --------
    >>> sol, g = solved("projection (index 0)", 10.0, 1e-4, 2.0)
    >>> sol.success, g.shape == (len(sol.t), 2), bool(np.abs(g).max() < 1e-14)
    (True, True, True)
    """
    form = FORMS[name]
    motion = sl.zoo.pendulum_motion(tspan=(0.0, seconds))
    problem = motion.problem(**form.options, damping=alpha)
    hold = [sl.Project(motion.manifold)] if form.project else []
    with warnings.catch_warnings():  # that index 2 is hard is what is to be seen here
        warnings.filterwarnings("ignore", ".*index above 1", UserWarning)
        sol = sl.solve(problem, form.method(), rtol=rtol, atol=rtol, callbacks=hold)
    return sol, np.array([motion.manifold(u, motion.p, 0.0) for u in sol.u])


def envelope(t, values, parts=60):
    """The largest values in each of some parts of the time: a residual swings through zero.

    Examples
    --------
    >>> t, top = envelope(np.arange(5.0), np.array([[1.0], [3.0], [2.0], [0.0], [5.0]]), parts=2)
    >>> t.tolist(), top.ravel().tolist()
    ([1.0, 3.0], [3.0, 5.0])
    """
    which = np.minimum((t - t[0]) / (t[-1] - t[0]) * parts, parts - 1).astype(int)
    top = np.full((parts, values.shape[1]), -1.0)
    np.maximum.at(top, which, values)
    seen = top[:, 0] >= 0
    return (t[0] + (np.arange(parts) + 0.5) / parts * (t[-1] - t[0]))[seen], top[seen]


def say(name, alpha, rtol, sol, g, off):
    """What was solved, how far the constraint is left, and whether that grows."""
    form, n = FORMS[name], sol.stats.naccept
    rate = "" if alpha is None else f" with α = {number(alpha)}"
    yield (
        f"{form.solved}{rate}: {form.method().name} at tolerance {number(rtol)} takes {n} steps "
        f"for {sol.t[-1]:.1f} s."
    )
    if not sol.success:
        yield f"It fails there: {sol.diagnosis.verdict}."
    largest = np.abs(g).max(axis=0)
    length = np.sqrt(1 + 2 * g[-1, 0])
    yield (
        f"|g| is {number(largest[0])} at most, |g'| {number(largest[1])}; the rod ends with length "
        f"{length:.6f}, {number(off)} m from the exact place."
    )
    span = sol.t[-1] - sol.t[0]
    early, late = sol.t < sol.t[0] + span / 4, sol.t > sol.t[-1] - span / 4
    grown = np.abs(g[late, 0]).max() > GROWN * np.abs(g[early, 0]).max()
    if largest[0] < 1e-13:
        yield "The residual of g is rounding."
    else:
        yield f"The residual of g {'grows' if grown else 'does not grow'}."
