"""`HybridExplorer`: a bouncing ball that passes a light beam, and which of its events are found.

Above: the ball's height over time, the ends of the solver's steps, and the events: impacts on the
ground, and passages of the beam. Below: by how much each time is wrong. The impacts and passages
are known in closed form (`bouncing`), so that a passage that nobody noticed can be shown.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.bouncing import HEIGHT, bounce, exact, fall
from sciml_lab_widgets.controls import Choice, Slider, Switch
from sciml_lab_widgets.words import number

DIRECTIONS = {"both ways": 0, "upwards": 1, "downwards": -1}
END = 6.0  # seconds
LOW, HIGH = 1e-16, 1e1  # the errors of times that are drawn


class HybridExplorer(Explorer):
    """Explore where events are located, and which are missed by looking at the ends of steps only.

    Parameters
    ----------
    inside : bool
        Look for the beam inside of the steps too (`sl.Event`), or compare its sign at both ends.
    restitution : float
        The part of the speed that is left after an impact.
    drag : float
        Drag per mass: v' = -g - drag |v| v. Without it every step is exact.
    rtol : float
        Relative tolerance of the solve; the absolute one is the same.
    beam : float
        Height of the light beam.
    direction : str
        Which passages count: "both ways", "upwards" or "downwards".

    Examples
    --------
    >>> explorer = HybridExplorer(restitution=0.5, drag=0.0, beam=0.3)
    >>> explorer.words.split(". ")[1].split(";")[0]
    'The beam at 0.300 m: 3 of 3 passages found'
    >>> explorer.set(inside=False).words.split(". ")[1].split(";")[0]
    'The beam at 0.300 m: 1 of 3 passages found, 2 missed'
    """

    def __init__(self, inside=True, *, restitution=0.8, drag=0.0, rtol=1e-4, beam=0.5,
                 direction="both ways"):  # fmt: skip
        controls = [
            Slider("restitution", "restitution e", restitution, low=0.3, high=0.95),
            Slider("rtol", "tolerance", rtol, low=1e-10, high=1e-1, log=True),
            Slider("drag", "drag c", drag, low=0.0, high=0.5, unit="1/m"),
            Slider("beam", "beam", beam, low=0.05, high=1.9, unit="m"),
            Choice("direction", "beam counts", direction, options=list(DIRECTIONS)),
            Switch("inside", "look inside steps", inside),
        ]
        super().__init__(controls, height=430)

    def layout(self, picture):
        """The ball above, the errors of the times below."""
        above = picture.axes([0.105, 0.43, 0.875, 0.48], xlim=(0, END), ylim=(-0.1, HEIGHT + 0.1))
        above.set(ylabel="height [m]", xticks=range(int(END) + 1))
        above.tick_params(labelbottom=False)
        above.axhline(0, color=BLACK, linewidth=1.5, linestyle="-")
        (self.path,) = above.plot([], [], color=GREY, linestyle="-", linewidth=1)
        (self.ends,) = above.plot([], [], ".", color=BLACK, markersize=4, label="ends of steps")
        (self.light,) = above.plot([], [], color=BLUE, linewidth=1.2, linestyle=":")
        (self.hits,) = above.plot([], [], "^", color=BLACK, markersize=6, label="impact")
        (self.seen,) = above.plot([], [], "o", color=BLUE, markersize=6, label="beam, found")
        (self.missed,) = above.plot([], [], "s", color=VERMILLION, markersize=8, fillstyle="none",
                                    markeredgewidth=1.8, label="beam, missed")  # fmt: skip
        below = picture.axes([0.105, 0.115, 0.875, 0.265], xlim=(0, END), ylim=(LOW / 3, HIGH * 3))
        below.set_yscale("log")
        below.set(xlabel="time [s]", ylabel="time error [s]", xticks=range(int(END) + 1))
        below.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1e0])
        below.yaxis.set_minor_formatter("")
        (self.tol,) = below.plot([], [], color=GREEN, linestyle="--", linewidth=1.2,
                                 label="tolerance")  # fmt: skip
        (self.hit_errors,) = below.plot([], [], "^", color=BLACK, markersize=5)
        (self.seen_errors,) = below.plot([], [], "o", color=BLUE, markersize=5)
        handles = [self.ends, self.hits, self.seen, self.missed, self.tol]
        picture.figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.085, 1.0),
                              ncols=5, fontsize=9, columnspacing=1.2, handlelength=1.4,
                              handletextpad=0.5)  # fmt: skip
        picture.moving(self.path, self.ends, self.light, self.hits, self.seen, self.missed,
                       self.tol, self.hit_errors, self.seen_errors)  # fmt: skip

    def draw(self, values):
        """Both panels, then the words."""
        e, drag, beam, rtol = (values[k] for k in ("restitution", "drag", "beam", "rtol"))
        way = DIRECTIONS[values["direction"]]
        sol, hits, seen = solved(e, drag, rtol, beam, way, values["inside"])
        impacts, up, down = exact(e, drag, beam, END)
        wanted = {0: np.union1d(up, down), 1: up, -1: down}[way]
        which, errors = matched(seen, wanted)
        missed = np.delete(wanted, which)
        self._draw_above(sol, hits, seen, missed, beam)
        n = min(len(hits), len(impacts))
        off = np.abs(hits[:n] - impacts[:n])
        self.hit_errors.set_data(hits[:n], np.clip(off, LOW, HIGH))
        self.seen_errors.set_data(seen, np.clip(errors, LOW, HIGH))
        self.tol.set_data([0, END], [rtol, rtol])
        return " ".join(say(sol, e, drag, rtol, beam, off, errors, wanted, missed, impacts))

    def _draw_above(self, sol, hits, seen, missed, beam):
        """The motion and its events."""
        times = np.union1d(np.linspace(0, sol.t[-1], 400), sol.t)
        self.path.set_data(times, sol(times)[:, 0])
        self.ends.set_data(sol.t, sol.u[:, 0])
        self.light.set_data([0, END], [beam, beam])
        self.hits.set_data(hits, 0 * hits)
        self.seen.set_data(seen, sol(seen)[:, 0] if len(seen) else [])
        self.missed.set_data(missed, 0 * missed + beam)


@lru_cache(maxsize=16)
def solved(restitution, drag, rtol, beam, way, inside):
    """The solution, the times of the impacts, and those of the passages that were noticed.

    Examples
    --------
    >>> _, hits, seen = solved(0.5, 0.0, 1e-6, 0.3, 0, True)
    >>> bool(abs(hits[0] - (2 * HEIGHT / 9.81) ** 0.5) < 1e-14), len(seen)
    (True, 3)
    """
    ground = sl.Event(lambda u, p, t: u[0], bounce, direction=-1)
    light = sl.Event(lambda u, p, t: u[0] - beam, direction=way)
    problem = sl.ODEProblem(fall, [HEIGHT, 0.0], (0.0, END), [restitution, drag])
    sol = sl.solve(problem, sl.Tsit5(), rtol=rtol, atol=rtol,
                   callbacks=[ground, light] if inside else [ground])  # fmt: skip
    hits = np.array([one.t for one in sol.events if one.event is ground])
    if inside:
        return sol, hits, np.array([one.t for one in sol.events if one.event is light])
    above = np.sign(sol.u[:, 0] - beam)
    change = np.flatnonzero(above[1:] * above[:-1] < 0)
    return sol, hits, sol.t[1:][change[way * above[1:][change] >= 0]]


def matched(seen, wanted):
    """For each time that was noticed: which of the wanted ones it is nearest to, and its error.

    Two that are noticed are never the same one.

    Examples
    --------
    >>> matched(np.array([1.25, 2.0]), np.array([1.0, 1.75, 2.0]))
    ([0, 2], array([0.25, 0.  ]))
    """
    which, errors, free = [], [], list(range(len(wanted)))
    for s in seen:
        if not free:
            errors.append(np.inf)
            continue
        best = min(free, key=lambda i: abs(wanted[i] - s))
        free.remove(best)
        which.append(best)
        errors.append(abs(wanted[best] - s))
    return which, np.array(errors)


def say(sol, e, drag, rtol, beam, off, errors, wanted, missed, impacts):
    """Impacts, passages, and how the solve ended."""
    worst = f", the first within {number(off[0])} s, the worst within {number(off.max())} s"
    yield (
        f"e = {e:.2f}, drag {drag:.2f}, tolerance {number(rtol)}: {len(off)} impacts located"
        f"{worst if len(off) else ''}."
    )
    found = len(wanted) - len(missed)
    lost = f", {len(missed)} missed" if len(missed) else ""
    extra = len(errors) - found
    more = f" (and {extra} that are not there)" if extra > 0 else ""
    late = f"; their times are off by up to {number(np.max(errors))} s" if len(errors) else ""
    yield (
        f"The beam at {number(beam)} m: {found} of {len(wanted)} passages found{lost}{more}{late}."
    )
    if not sol.success:
        yield (
            f"{sol.diagnosis.verdict}: at t = {sol.t[-1]:.5g} s the solve ends, since infinitely "
            "many impacts lie before."
        )
