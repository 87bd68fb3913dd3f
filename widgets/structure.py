"""`StructureExplorer`: a planet or a pendulum for many periods, and what becomes of its energy.

On the left the orbit in its plane (a pendulum: angle and angular velocity), on the right the error
of the energy against time. All methods take fixed steps. A symplectic method's error swings and
stays; the error of an ordinary one, small as it may be, adds up from period to period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider
from sciml_lab_widgets.words import number

METHODS = {
    "Tsit5": sl.Tsit5,
    "RK4": sl.RK4,
    "SymplecticEuler": sl.SymplecticEuler,
    "VelocityVerlet": sl.VelocityVerlet,
    "KahanLi6": sl.KahanLi6,
    "ImplicitMidpoint": sl.ImplicitMidpoint,
}
MOST_STEPS = {"ImplicitMidpoint": 2500}  # each of its steps is an iteration
STEPS = 6000  # what the others take at most, so that an update stays below a second
ENOUGH = 16  # periods: with fewer, a swing and a drift look alike
LOW, HIGH = 1e-12, 1e1  # the energy errors that are drawn
POINTS = 3000  # points drawn of an orbit


@dataclass(frozen=True)
class Motion:
    """A motion of one degree of freedom more or less, in units in which a small period is 2 pi.

    Examples
    --------
    >>> planet = MOTIONS["planet"]
    >>> round(planet.period(0.6), 6), planet.problem(0.6).u0.tolist()
    (6.283185, [0.4, 0.0, 0.0, 2.0])
    """

    problem: Callable  # from eccentricity or amplitude to a HamiltonianProblem
    period: Callable
    exact: Callable  # points of the exact orbit
    energy: Callable  # of many states
    size: Callable  # the energy that it would take to bring the motion to an end
    where: Callable  # what is drawn of many states
    window: tuple
    labels: tuple
    start: str


def _ellipse(e):
    angle = np.linspace(0, 2 * np.pi, 241)
    return np.cos(angle) - e, np.sqrt(1 - e * e) * np.sin(angle)


def _swing(part):
    """Both branches of p^2/2 - cos q = -cos q0."""
    q = part * np.pi * np.cos(np.linspace(0, np.pi, 121))
    p = np.sqrt(np.maximum(2 * (np.cos(q) - np.cos(part * np.pi)), 0.0))
    return np.concatenate([q, q[::-1]]), np.concatenate([p, -p])


def _pendulum(part):
    return sl.zoo.pendulum_hamiltonian(part * np.pi).replace(p=[1.0])


MOTIONS = {
    "planet": Motion(
        sl.zoo.kepler_hamiltonian,
        lambda e: 2 * np.pi,
        _ellipse,
        lambda u: (u[:, 2] ** 2 + u[:, 3] ** 2) / 2 - 1 / np.hypot(u[:, 0], u[:, 1]),
        lambda e: 0.5,
        lambda u: (u[:, 0], u[:, 1]),
        (-2.2, 2.2),
        ("$x$", "$y$"),
        "eccentricity",
    ),
    "pendulum": Motion(
        _pendulum,
        lambda part: sl.zoo.pendulum_period(part * np.pi, g=1.0),
        _swing,
        lambda u: u[:, 1] ** 2 / 2 - np.cos(u[:, 0]),
        lambda part: 1 - np.cos(part * np.pi),
        lambda u: (u[:, 0], u[:, 1]),
        (-3.3, 3.3),
        ("angle $q$", "angular velocity $p$"),
        "amplitude, in units of π,",
    ),
}


class StructureExplorer(Explorer):
    """Explore which methods keep the energy of a planet or a pendulum, at steps of one size.

    Parameters
    ----------
    motion : str
        "planet" or "pendulum".
    method : str
        The method to begin with, see `METHODS`.
    dt : float
        The step; a period is 2 pi for every planet and for small swings of the pendulum.
    start : float
        Eccentricity of the planet, or the pendulum's first angle in units of pi.

    Examples
    --------
    >>> explorer = StructureExplorer("planet", "VelocityVerlet", dt=0.1, start=0.2)
    >>> explorer.words.split(". ")[-1]
    'It swings, and no drift is seen.'
    >>> explorer.set(method="RK4").words.split(". ")[-1].split(":")[0]
    'It drifts'
    """

    def __init__(self, motion="planet", method="Tsit5", *, dt=0.1, start=0.6):
        self.shown = None  # motion and start of the still part
        controls = [
            Choice("motion", "motion", motion, options=list(MOTIONS)),
            Choice("method", "method", method, options=list(METHODS)),
            Slider("dt", "step dt", dt, low=0.05, high=1.0, log=True),
            Slider("periods", "periods", 60, low=ENOUGH, high=200),
            Slider("start", "e, or angle/π", start, low=0.1, high=0.9),
        ]
        super().__init__(controls, height=400)

    def layout(self, picture):
        """The plane of the orbit on the left, the energy error on the right."""
        self.plane = picture.axes([0.095, 0.135, 0.39, 0.73], aspect="equal")
        self.plane.grid(False)
        (self.true,) = self.plane.plot([], [], color=GREY, linestyle="-", linewidth=4, alpha=0.5)
        (self.path,) = self.plane.plot([], [], color=BLUE, linestyle="-", linewidth=0.5)
        (self.last,) = self.plane.plot([], [], color=VERMILLION, linestyle="none", marker="o",
                                       markersize=3)  # fmt: skip
        self.right = picture.axes([0.60, 0.135, 0.38, 0.73], xlim=(0, 200), ylim=(LOW, HIGH))
        self.right.set_yscale("log")
        self.right.set(xlabel="time in periods", ylabel="energy error $|H - H_0|$")
        self.right.set_yticks(10.0 ** np.arange(-12, 2, 2))
        self.right.yaxis.set_minor_formatter("")
        (self.error_line,) = self.right.plot([], [], color=BLUE, linestyle="-", linewidth=0.6)
        (self.mean,) = self.right.plot([], [], color=BLACK, linestyle="--", linewidth=1.8)
        names = ("exact", "steps", "last period", "each step", "mean of each period")
        lines = (self.true, self.path, self.last, self.error_line, self.mean)
        for line, name in zip(lines, names, strict=True):
            line.set_label(name)
        look = {"fontsize": 9, "handlelength": 1.4, "columnspacing": 1.0, "handletextpad": 0.5}
        for some, place, at in ((lines[:3], "upper left", 0.08), (lines[3:], "upper right", 1.0)):
            picture.figure.legend(handles=some, loc=place, bbox_to_anchor=(at, 1.0),
                                  ncols=len(some), **look)  # fmt: skip
        picture.moving(self.path, self.last, self.error_line, self.mean)

    def draw(self, values):
        """Both panels, then the words."""
        name, start, dt = values["motion"], values["start"], values["dt"]
        motion = MOTIONS[name]
        period = motion.period(start)
        wanted = max(round(values["periods"] * period / dt), 1)
        n = min(wanted, MOST_STEPS.get(values["method"], STEPS))
        times, states, count = steps(name, values["method"], dt, start, n)
        self._draw_still(name, start, values["periods"])
        energies = motion.energy(states)
        self._draw_orbit(motion, states, period / dt)
        self._draw_error(times / period, energies)
        return " ".join(
            say(motion, values["method"], dt, start, period, times, energies, n, wanted, count)
        )

    def _draw_still(self, name, start, periods):
        """The exact orbit and the axes, if they are others than before."""
        if self.shown == (name, start, periods):
            return
        motion = MOTIONS[name]
        self.true.set_data(*motion.exact(start))
        low, high = motion.window
        half = (high - low) / 2
        ticks = np.arange(np.ceil(low), high)
        self.plane.set(xlim=(low, high), ylim=(-half, half), xticks=ticks, yticks=ticks)
        self.plane.set_xlabel(motion.labels[0])
        self.plane.set_ylabel(motion.labels[1], labelpad=1)
        self.right.set_xlim(0, periods)
        self.picture.redraw_all()
        self.shown = (name, start, periods)

    def _draw_orbit(self, motion, states, per_period):
        """All steps (thinned where there are many), and those of the last period as dots."""
        x, y = motion.where(states)
        low, high = motion.window
        far = 3 * (high - low)  # what leaves the window is cut off, not drawn across it
        x, y = np.clip(x, -far, far), np.clip(y, -far, far)
        self.path.set_data(x[-POINTS:], y[-POINTS:])
        last = int(np.ceil(per_period))
        self.last.set_data(x[-last:], y[-last:])

    def _draw_error(self, t, energies):
        """The error at every step, and its means."""
        error = np.abs(energies - energies[0])
        self.error_line.set_data(t[1:], np.clip(error[1:], LOW, HIGH))
        which = np.floor(t[1:]).astype(int)
        counts = np.bincount(which, minlength=1)
        means = np.bincount(which, error[1:], minlength=1) / np.maximum(counts, 1)
        seen = counts > max(0.5 * counts.max(), 1)  # whole periods
        middle = np.flatnonzero(seen) + 0.5
        self.mean.set_data(middle, np.clip(means[seen], LOW, HIGH))


@lru_cache(maxsize=16)
def steps(name, method, dt, start, n):
    """Times and states of n steps, as far as they are finite, and the evaluations of the force.

    Examples
    --------
    >>> times, states, count = steps("pendulum", "VelocityVerlet", 0.1, 0.5, 10)
    >>> len(times), states.shape, count > 10
    (11, (11, 2), True)
    """
    problem = MOTIONS[name].problem(start).replace(tspan=(0.0, n * dt))
    sol = sl.solve(problem, METHODS[method](), dt=dt, adaptive=False, dense=False)
    good = int(np.argmin(np.append(np.isfinite(sol.u).all(axis=1), False)))
    return sol.t[:good], sol.u[:good], sol.stats.nf


def say(motion, method, dt, start, period, times, energies, n, wanted, count):
    """What was solved, how large the error is, and whether it grows."""
    reached = times[-1] / period
    short = "" if n == wanted else f" (as far as {n} steps reach)"
    yield (
        f"{method} with dt = {number(dt)}, {motion.start} {start:.2f}: {reached:.0f} periods{short}"
        f" for {count} evaluations of the force."
    )
    if len(times) <= n:
        yield f"It ends after {len(times) - 1} steps: the next one can't be found."
    error = np.abs(energies - energies[0])
    yield f"The energy error is {number(error.max())} at most."
    if len(times) < 32 or reached < 0.95 * ENOUGH:
        yield "These are too few periods to tell a swing from a drift."
        return
    found = sl.measure.drift(times, energies)
    if error.max() < 1e-11:
        yield "That is rounding: nothing is left to drift."
    elif found.significance > 3:
        yield f"It drifts: {number(found.slope * period)} more in each period, on average."
    elif error.max() > 0.5 * motion.size(start):
        yield "It does not grow steadily, but so large an error means another orbit altogether."
    else:
        yield "It swings, and no drift is seen."
