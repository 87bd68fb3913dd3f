"""`StiffnessExplorer`: the eigenvalues of the Jacobian, times h, over the region of stability.

Near a solution an equation is ``v' = J v`` for everything small that is off it, and a method of
stability function R multiplies the part of eigenvalue lambda by ``R(h lambda)`` in each step. On
the left the points ``z = h lambda`` and where ``|R(z)| <= 1``; on the right the solution, and ten
steps of the method from a point beside it.
"""

from __future__ import annotations

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, PURPLE, VERMILLION
from sciml_lab.solvers import stability
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider, Switch
from sciml_lab_widgets.stiff_cases import STEPS, cases
from sciml_lab_widgets.words import number, sentence

METHODS = {
    "Euler": sl.Euler,
    "Tsit5": sl.Tsit5,
    "ImplicitEuler": sl.ImplicitEuler,
    "Trapezoid": sl.Trapezoid,
    "TRBDF2": sl.TRBDF2,
    "Rodas5P": sl.Rodas5P,
    "RadauIIA5": sl.RadauIIA5,
}
LINEAR, DECADE = 5.0, 0.75  # the plane is linear up to LINEAR, beyond it a decade is DECADE long
LEFT, RIGHT, TOP = -10.3, 6.1, 7.1  # ends of the plane on the page
ROUNDING = 1e-12  # a real part below this part of the largest modulus is zero
FINE = 261  # points of the grid along each side
TICKS = (-1e6, -1e3, -4.0, -2.0, 0.0, 2.0, 4.0, 1e2)


class StiffnessExplorer(Explorer):
    """Explore which steps a method can take on a stiff equation, and which it cannot.

    Parameters
    ----------
    problem : str
        The equation to begin with: "two rates, 1 and 100", "Van der Pol, mu = 1000", "ROBER" or
        "Brusselator on 32 points".
    method : str
        The method to begin with, see `METHODS`.
    h : float
        The step size to begin with.

    Examples
    --------
    >>> explorer = StiffnessExplorer("two rates, 1 and 100", h=0.01)
    >>> explorer.set(method="Euler", h=0.025).words.split(". ")[1]
    'Euler with h = 0.0250: 1 of 2 points h λ lies outside, unstable'
    """

    def __init__(self, problem="Van der Pol, mu = 1000", method="Tsit5", *, h=1e-3):
        self.shown = None  # method and problem of the still part
        self.regions: dict = {}
        controls = [
            Choice("problem", "equation", problem, options=list(cases())),
            Choice("method", "method", method, options=list(METHODS)),
            Slider("h", "step size h", h, low=1e-4, high=100.0, log=True),
            Slider("place", "position", 51, low=0, high=100, unit="%"),
            Switch("push", "push off the solution", True),
        ]
        super().__init__(controls, height=420)

    # The picture -----------------------------------------------------------------------------

    def layout(self, picture):
        """The plane of h lambda on the left, the solution and a magnified part on the right."""
        self._layout_plane(picture)
        self.whole = picture.axes([0.70, 0.60, 0.27, 0.30])
        (self.curve,) = self.whole.plot([], [], color=GREY, linestyle="-", linewidth=1.4)
        (self.here,) = self.whole.plot([], [], "o", color=VERMILLION, markersize=9,
                                       fillstyle="none", markeredgewidth=2)  # fmt: skip
        lens = picture.axes([0.70, 0.125, 0.27, 0.315], xlim=(-0.3, STEPS + 0.3), ylim=(0, 1))
        lens.set(yticks=[], xlabel="steps of size $h$ from there", xticks=range(0, STEPS + 1, 2))
        (self.exact,) = lens.plot([], [], color=GREY, linestyle="-", linewidth=3, label="solution")
        (self.path,) = lens.plot([], [], color=BLUE, linestyle="--", marker="o", markersize=4.5,
                                 linewidth=1, clip_on=False, label="steps")  # fmt: skip
        self.height = lens.text(-0.05, 0.5, "", fontsize=9, transform=lens.transAxes, rotation=90,
                                ha="right", va="center")  # fmt: skip
        picture.figure.legend(
            handles=[self.exact, self.path], loc="upper right", bbox_to_anchor=(1.0, 0.515),
            ncols=2, fontsize=8.5, columnspacing=0.8, handlelength=1.4, handletextpad=0.4,
        )  # fmt: skip
        picture.moving(self.here, self.exact, self.path, self.height)

    def _layout_plane(self, picture):
        """Linear round zero, logarithmic far out: eigenvalues span many powers of ten."""
        plane = picture.axes([0.085, 0.125, 0.52, 0.765], xlim=(LEFT, RIGHT), ylim=(-TOP, TOP))
        for axis, ticks in ((plane.xaxis, TICKS), (plane.yaxis, (-1e3, *TICKS[2:-1], 1e3))):
            axis.set_ticks(to_page(np.array(ticks)), [_tick(x) for x in ticks])
        plane.set(xlabel=r"Re $h\lambda$", ylabel=r"Im $h\lambda$", aspect="equal")
        plane.yaxis.labelpad = -6
        plane.grid(False)
        plane.axhline(0, color=GREY, linewidth=0.8, linestyle="-")
        plane.axvline(0, color=GREY, linewidth=0.8, linestyle="-")
        box = LINEAR * np.array([[-1, -1, 1, 1, -1], [-1, 1, 1, -1, -1]])
        plane.plot(*box, color=GREY, linestyle=":", linewidth=0.9)
        plane.text(-LINEAR + 0.1, -LINEAR - 0.15, "logarithmic outside", fontsize=8.5, va="top",
                   color="#555555")  # fmt: skip
        (self.good,) = plane.plot([], [], "o", color=BLACK, markersize=7, label="stable",
                                  zorder=5)  # fmt: skip
        (self.bad,) = plane.plot([], [], "s", color=VERMILLION, markersize=8, fillstyle="none",
                                 markeredgewidth=2, label="unstable", zorder=6)  # fmt: skip
        (self.growing,) = plane.plot([], [], "^", color=PURPLE, markersize=9, zorder=4,
                                     label="grows by itself")  # fmt: skip
        patch = plane.fill([], [], color=GREEN, alpha=0.25, label=r"$|R(h\lambda)| \leq 1$")
        picture.figure.legend(
            handles=[*patch, self.good, self.bad, self.growing], loc="upper left",
            bbox_to_anchor=(0.04, 1.0), ncols=4, fontsize=9, columnspacing=1.0, handletextpad=0.4,
            handlelength=1.2,
        )  # fmt: skip
        self.plane, self.drawn = plane, []
        picture.moving(self.good, self.bad, self.growing)

    def draw(self, values):
        """Both panels, then the words."""
        case, method = cases()[values["problem"]], METHODS[values["method"]]()
        self.controls["h"].limit(case.largest)
        h, t = self.controls["h"].value, case.place(values["place"])
        self._draw_still(case, method)
        rates = case.eigenvalues(t)
        growth = np.abs(method.tableau.stability_function(h * rates))
        apart = rates.real > ROUNDING * np.abs(rates).max()  # the solution's own doing
        inside = growth <= 1 + 1e-9
        for dots, which in (
            (self.growing, apart), (self.good, ~apart & inside), (self.bad, ~apart & ~inside)
        ):  # fmt: skip
            z = h * rates[which]
            x, y = to_page(z.real), to_page(z.imag)
            dots.set_data(np.clip(x, LEFT + 0.25, RIGHT - 0.25), np.clip(y, -TOP, TOP))
        self.here.set_data([t], [case.solution(t)[case.shown]])
        sol, off = self._draw_steps(case, method, t, h, values["push"])
        return " ".join(say(method, t, h, rates, growth, apart, sol, off))

    def _draw_still(self, case, method):
        """The region and the whole solution, if they are others than before."""
        if self.shown == (case.label, method.name):
            return
        for artist in self.drawn:
            artist.remove()
        x, y, size = self._region(method)
        self.drawn = [
            self.plane.contourf(x, y, size, levels=[-1, 1], colors=[GREEN], alpha=0.25),
            self.plane.contour(x, y, size, levels=[1], colors=[GREEN], linewidths=1.6,
                               linestyles="-"),
        ]  # fmt: skip
        start, end = case.problem.tspan
        t = case.times if case.log else np.union1d(case.times, np.linspace(start, end, 400))
        t = t[t > 0] if case.log else t
        u = case.solution(t)[:, case.shown]
        self.curve.set_data(t, u)
        self.whole.set_xscale("log" if case.log else "linear")
        self.whole.set_xlim((1e-4, end) if case.log else (start, end))
        margin = 0.08 * np.ptp(u)
        self.whole.set_ylim(u.min() - margin, u.max() + margin)
        self.whole.set_title(f"{case.label} over time $t$", fontsize=10, loc="right")
        self.whole.ticklabel_format(axis="y", scilimits=(-3, 4))
        if case.log:
            self.whole.set_xticks([1e-3, 1e0, 1e3])
            self.whole.xaxis.set_minor_formatter("")
        self.picture.redraw_all()
        self.shown = (case.label, method.name)

    def _region(self, method):
        """``|R|`` on a grid of the page, computed once."""
        if method.name not in self.regions:
            x, y = np.linspace(LEFT, RIGHT, FINE), np.linspace(-TOP, TOP, FINE)
            z = from_page(x) + 1j * from_page(y)[:, None]
            size = np.abs(method.tableau.stability_function(z))
            self.regions[method.name] = (x, y, np.nan_to_num(np.minimum(size, 10.0), nan=10.0))
        return self.regions[method.name]

    def _draw_steps(self, case, method, t, h, pushed):
        """Ten steps and the solution, in a window that holds the solution and the start."""
        times = np.linspace(t, t + STEPS * h, 8 * STEPS + 1)
        exact = case.solution(times)[:, case.shown]
        sol = case.steps(method, t, h, pushed)
        steps = np.where(np.isfinite(sol.u[:, case.shown]), sol.u[:, case.shown], np.inf)
        off = abs(steps[0] - exact[0])
        low, high = min(exact.min(), exact[0] - 1.3 * off), max(exact.max(), exact[0] + 1.3 * off)
        size = max(high - low, 1e-6 * abs(high), 1e-300)
        low, high = low - 0.1 * size, high + 0.1 * size
        self.exact.set_data((times - t) / h, (exact - low) / (high - low))
        self.path.set_data((sol.t - t) / h, np.clip((steps - low) / (high - low), 0.0, 1.0))
        self.height.set_text(f"height {number(high - low, 2)}")
        left = np.flatnonzero((steps < low) | (steps > high))
        return sol, int(left[0]) if len(left) else None


def to_page(x):
    """From a part of z to the page: linear up to `LINEAR`, logarithmic beyond.

    Examples
    --------
    >>> to_page(np.array([-50.0, -5.0, 2.0])).tolist()
    [-5.75, -5.0, 2.0]
    """
    far = np.maximum(np.abs(x), LINEAR)
    return np.sign(x) * np.where(
        np.abs(x) <= LINEAR, np.abs(x), LINEAR + DECADE * np.log10(far / LINEAR)
    )


def from_page(x):
    """The inverse of `to_page`.

    Examples
    --------
    >>> from_page(np.array([-5.75, 2.0])).round(9).tolist()
    [-50.0, 2.0]
    """
    far = np.maximum(np.abs(x) - LINEAR, 0.0)
    return np.sign(x) * np.where(np.abs(x) <= LINEAR, np.abs(x), LINEAR * 10 ** (far / DECADE))


def _tick(x):
    """A tick label: powers of ten where they are."""
    if abs(x) < 100:
        return f"{x:g}"
    return f"${'-' if x < 0 else ''}10^{{{round(np.log10(abs(x)))}}}$"


def say(method, t, h, rates, growth, apart, sol, left):
    """The eigenvalues, the region, the ten steps."""
    n, outside = len(rates), int(np.sum(~apart & (growth > 1 + 1e-9)))
    ends = [0.0 if abs(x) < ROUNDING * np.abs(rates).max() else x for x in rates[[0, -1]].real]
    yield (
        f"At t = {number(t)} the {n} eigenvalues λ of the Jacobian reach from real part "
        f"{number(ends[0])} to {number(ends[1])}."
    )
    lie = f"{outside} of {n} points h λ {'lies' if outside == 1 else 'lie'} outside, unstable"
    if not outside:
        lie = f"no decaying part is unstable ({n} points h λ)"
    yield f"{method.name} with h = {number(h)}: {lie}."
    yield from _say_fastest(method, h, rates[0], growth[0])
    if apart.any():
        parts = "1 part grows" if apart.sum() == 1 else f"{apart.sum()} parts grow"
        yield f"{parts} in the solution too (Re λ > 0): neighbours separate, whatever the method."
    yield _say_steps(sol, left)


def _say_fastest(method, h, rate, growth):
    """What becomes of the part that decays fastest."""
    if not rate.real < 0:
        return
    z = f"The fastest has h λ = {number(h * rate.real)}, and a step multiplies its part by"
    yield f"{z} {number(growth)} in size."
    if not method.implicit:
        tab = method.tableau
        limit = stability.interval(tab.A, tab.b, rate / abs(rate)) / abs(rate)
        yield f"{method.name} is stable up to h = {number(limit)} here."
    elif growth > 0.5 and abs(h * rate) > 5:
        yield "That is stable, but what should be gone stays for many steps."


def _say_steps(sol, left):
    """How the steps fared."""
    if left is not None:
        return f"The steps leave the window at step {left}."
    if not sol.success:
        return sentence(f"The steps end after {len(sol.t) - 1}: {sol.message.partition('. ')[0]}")
    return "The ten steps stay near the solution."
