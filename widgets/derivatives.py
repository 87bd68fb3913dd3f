"""`Derivatives`: how wrong a derivative is, for every step size h at once.

Four ways to the same number:

    forward difference   (f(x + h) - f(x))/h            error ~ h    + eps/h
    central difference   (f(x + h) - f(x - h))/(2h)     error ~ h**2 + eps/h
    complex step         Im f(x + ih)/h                 error ~ h**2, nothing is subtracted
    dual numbers         f(x + e), e**2 = 0             no h at all
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, PURPLE, VERMILLION
from sciml_lab_widgets.base import Explorer
from sciml_lab_widgets.controls import Choice, Slider
from sciml_lab_widgets.words import number

EPS = float(np.finfo(float).eps)
FLOOR = EPS / 8  # an error of zero is drawn here: a logarithmic axis has no zero
STEPS = np.logspace(-16, -1, 151)
LOOKS = {
    "forward": (VERMILLION, "--"),
    "central": (BLUE, "-"),
    "complex step": (GREEN, "-."),
    "dual": (PURPLE, (0, (1, 1.2))),
}

FORMULAS = ("forward", "central", "complex step")  # those that need a step

#: Name -> function and its derivative by hand, the latter good for extended precision.
FUNCTIONS: dict[str, tuple[Callable, Callable]] = {
    "exp(x)": (np.exp, np.exp),
    "sin(x)": (np.sin, np.cos),
    "x³ − 2x": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    "1/(1 + 25x²)": (lambda x: 1 / (1 + 25 * x**2), lambda x: -50 * x / (1 + 25 * x**2) ** 2),
    "exp(x)/√(sin³x + cos³x)": (
        lambda x: np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3),
        lambda x: (
            np.exp(x)
            * (2 * (np.sin(x) ** 3 + np.cos(x) ** 3)
               - 3 * np.sin(x) * np.cos(x) * (np.sin(x) - np.cos(x)))
            / (2 * (np.sin(x) ** 3 + np.cos(x) ** 3) ** 1.5)
        ),
    ),
    "|x|³ (not analytic)": (lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x)),
}  # fmt: skip


class Derivatives(Explorer):
    """Explore the error of a derivative against the step size: the V-curve.

    Parameters
    ----------
    f : callable, optional
        Function of one number. Without it a list of functions can be chosen from; the last one
        is where the complex step fails.
    x : float
        Where the derivative is taken.

    Examples
    --------
    >>> explorer = Derivatives()
    >>> explorer.set(h=1e-15, function="sin(x)").words.startswith("At h = 1.00 × 10⁻¹⁵")
    True
    """

    def __init__(self, f: Callable | None = None, x: float = 1.0):
        h = Slider("h", "step size h", 1e-8, low=1e-16, high=1e-1, log=True, step=0.1)
        if f is None:
            self.functions = FUNCTIONS
            choice = Choice("function", "function f(x)", "exp(x)", options=list(FUNCTIONS))
            place = Slider("x", "point x", x, low=0.1, high=2.0)
            controls = [choice, place, h]
        else:
            self.functions = {"": (f, None)}
            reach = max(1.0, abs(x))
            controls = [Slider("x", "point x", float(x), low=x - reach, high=x + reach), h]
        self._drawn, self.true, self.exact, self.best = None, np.longdouble(0), (0.0, 0.0), {}
        super().__init__(controls, height=400)

    def layout(self, picture):
        """The V-curve on the left; the function with its tangent and secant on the right."""
        axes = picture.axes([0.115, 0.125, 0.525, 0.77], xscale="log", yscale="log",
                            xlabel="step size $h$", ylabel="relative error of $f'(x)$")  # fmt: skip
        axes.set_xlim(STEPS[0], STEPS[-1])
        axes.set_ylim(FLOOR / 2, 10)
        axes.set_xticks([1e-16, 1e-13, 1e-10, 1e-7, 1e-4, 1e-1])
        axes.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1])
        axes.axhline(EPS, color=GREY, linestyle=":", linewidth=1)
        axes.text(1.3e-16, 1.3 * EPS, "roundoff", color="#555555", fontsize=9)
        self.curves = {
            name: axes.plot([], [], color=colour, linestyle=dashes, label=name)[0]
            for name, (colour, dashes) in LOOKS.items()
        }
        (self.mark,) = axes.plot([], [], color=BLACK, linestyle="-", linewidth=1, zorder=1)
        self.dots = {
            name: axes.plot([], [], "o", color=colour, zorder=5, clip_on=False)[0]
            for name, (colour, _) in LOOKS.items()
        }
        picture.figure.legend(
            handles=list(self.curves.values()), loc="upper left", bbox_to_anchor=(0.105, 1.0),
            ncols=4, fontsize=9.5, columnspacing=1.4,
        )  # fmt: skip
        picture.moving(*self.curves.values(), self.mark)
        picture.moving(*self.dots.values())
        self.near = picture.axes([0.72, 0.125, 0.265, 0.62], xlabel="$x$")
        (self.function,) = self.near.plot([], [], color=BLACK, linestyle="-", label="$f$")
        (self.secant,) = self.near.plot([], [], color=VERMILLION, linestyle="--", label="secant")
        (self.tangent,) = self.near.plot([], [], color=PURPLE, linestyle=":", label="tangent")
        (self.ends,) = self.near.plot([], [], "o", color=VERMILLION, zorder=5)
        self.near.legend(loc="lower left", bbox_to_anchor=(-0.05, 1.0), fontsize=9.5,
                         borderaxespad=0.2, labelspacing=0.25)  # fmt: skip
        picture.moving(self.near)  # its ticks follow x

    def draw(self, values):
        """Both panels; then the words."""
        f, by_hand = self.functions[values.get("function", "")]
        x, h = float(values["x"]), float(values["h"])
        if self._drawn != (f, x):  # the step alone moves only the marks
            self._drawn = None
            self._draw_curves(f, by_hand, x)
            self._drawn = (f, x)
        here = {"dual": self.exact[1]}
        for name in FORMULAS:
            here[name] = float(self._error(each(functools.partial(estimate, name, f, x), [h]))[0])
        self.mark.set_data([h, h], [FLOOR / 2, 10])
        for name, dot in self.dots.items():
            dot.set_visible(bool(np.isfinite(here[name])))
            dot.set_data([h], np.clip([here[name]], FLOOR, 8))
        self._draw_function(f, x, h, self.exact[0])
        return " ".join(say(x, h, here, self.best))

    def _error(self, values):
        """Relative error; absolute where the derivative is zero."""
        scale = abs(self.true) if self.true != 0 else np.longdouble(1)
        return np.abs(np.asarray(values, dtype=np.longdouble) - self.true) / scale

    def _draw_curves(self, f, by_hand, x):
        """The errors of all formulas at all steps, and the best step of each."""
        dual = float(sl.ad.derivative(f, x, mode="dual"))
        self.true = np.longdouble(dual) if by_hand is None else by_hand(np.longdouble(x))
        self.exact = dual, float(self._error(dual))
        for name in FORMULAS:
            errors = self._error(each(functools.partial(estimate, name, f, x), STEPS)).astype(float)
            known = np.isfinite(errors)
            self.curves[name].set_data(STEPS[known], np.maximum(errors[known], FLOOR))
            self.best[name] = STEPS[np.nanargmin(errors)] if known.any() else np.nan
        self.curves["dual"].set_data(STEPS[[0, -1]], np.full(2, max(self.exact[1], FLOOR)))

    def _draw_function(self, f, x, h, slope):
        """The function within 0.6 of x, its tangent, and the secant through x and x + h."""
        s = np.linspace(x - 0.6, x + 0.6, 121)
        y, y0 = each(f, s), float(f(x))
        chord = (float(f(x + h)) - y0) / h
        self.function.set_data(s, y)
        self.secant.set_data(s, y0 + chord * (s - x))
        self.tangent.set_data(s, y0 + slope * (s - x))
        self.ends.set_data([x, x + h], [y0, float(f(x + h))])
        known = np.concatenate([y[np.isfinite(y)], [y0]])
        low, high = known.min(), known.max()
        margin = 0.15 * (high - low) + 1e-12 * (1 + abs(high))
        self.near.axis((s[0], s[-1], low - margin, high + margin))


def estimate(name: str, f: Callable, x: float, h: float) -> float:
    """The derivative by one of the three formulas that need a step.

    Examples
    --------
    >>> [round(estimate(way, lambda x: x**2, 1.0, 0.5), 6) for way in list(LOOKS)[:3]]
    [2.5, 2.0, 2.0]
    """
    if name == "forward":
        return (f(x + h) - f(x)) / h
    if name == "central":
        return (f(x + h) - f(x - h)) / (2 * h)
    return np.imag(f(x + 1j * h)) / h


def each(f: Callable, points) -> np.ndarray:
    """``f`` at each point, as floats; NaN where f refuses (complex numbers, for one)."""
    values = []
    for point in points:
        try:
            values.append(float(f(point)))
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            values.append(np.nan)
    return np.array(values)


def say(x, h, here, best):
    """The sentences: the errors here, the best steps, and the reason."""
    errors = ", ".join(f"{way} {number(here[way])}" for way in LOOKS if np.isfinite(here[way]))
    yield f"At h = {number(h)} the relative errors are: {errors}."
    yield f"Best steps: forward {number(best['forward'])}, central {number(best['central'])}."
    if x + h == x:
        yield "Here x + h rounds to x itself, so every difference is zero."
    elif h < best["forward"] / 3:
        yield "Below its best step a difference divides the rounding error of f by a small h."
    elif h > best["forward"] * 3:
        yield "Above it the Taylor series cut off shows: error ∝ h forward, ∝ h² central."
    else:
        yield "Near √ε ≈ 1.5 × 10⁻⁸ rounding and truncation of the forward difference balance."
    if not np.isfinite(here["complex step"]):
        yield "This f refuses complex numbers, so there is no complex step."
    elif here["complex step"] > 0.5:
        yield "The complex step is wrong at every h: this f is not an analytic function."
