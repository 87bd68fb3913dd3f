"""Planes: vector fields with nullclines, and stability regions in the complex plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sciml_lab._optional import need
from sciml_lab.plot.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    VERMILLION,
    looks,
    new_figure,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def sample_field(f, p, box, points: int = 20, t: float = 0.0):
    """Evaluate a field on a grid: ``x, y`` of shape ``(points,)``, ``dx, dy`` ``(points, points)``.

    `f` is called once with a batch of states, component first; if it cannot do that, point by
    point.

    Examples
    --------
    >>> x, y, dx, dy = sample_field(lambda u, p, t: [u[1], -u[0]], None, (-1, 1, -1, 1), 3)
    >>> dx[:, 0].tolist()
    [-1.0, 0.0, 1.0]
    """
    x_low, x_high, y_low, y_high = (float(side) for side in box)
    if not (x_low < x_high and y_low < y_high):
        raise ValueError(f"box must be (x_low, x_high, y_low, y_high), growing (got {box!r}).")
    x, y = np.linspace(x_low, x_high, points), np.linspace(y_low, y_high, points)
    states = np.stack([grid.ravel() for grid in np.meshgrid(x, y)])
    try:
        slopes = np.asarray(f(states, p, np.full(states.shape[1], t)), dtype=float)
        if slopes.shape != states.shape:
            raise ValueError("not a batch")
    except (TypeError, ValueError, IndexError):  # an f for one state at a time
        slopes = np.array([f(u, p, t) for u in states.T], dtype=float).T
    if slopes.shape != states.shape:
        raise ValueError(
            f"f must return two derivatives for a state of two (got shape {slopes.shape[:-1]})."
        )
    return x, y, slopes[0].reshape(points, points), slopes[1].reshape(points, points)


def draw_field(
    axes: Axes, f, p, box, *, nullclines: bool = False, points: int = 20, t: float = 0.0
):
    """Draw the direction field of ``u' = f(u, p, t)`` on existing axes; returns the arrows.

    Arrows have one length and show the direction only; darker arrows are faster. Along a
    nullcline one of the two derivatives vanishes.

    Examples
    --------
    >>> axes = new_figure().subplots()
    >>> arrows = draw_field(axes, lambda u, p, t: [u[1], -u[0]], None, (-1, 1, -1, 1))
    >>> arrows.N
    400
    """
    x, y, dx, dy = sample_field(f, p, box, points, t)
    dx, dy, colours = directions(dx, dy, box)
    arrows = axes.quiver(
        x, y, dx, dy, angles="xy", scale_units="xy", scale=1.5 * points, width=0.0028,
        color=colours, pivot="mid", zorder=1, headwidth=4, headlength=4, headaxislength=3.5,
    )  # fmt: skip
    if nullclines:
        draw_nullclines(axes, f, p, box, t=t)
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])
    axes.grid(False)
    return arrows


def directions(dx, dy, box):
    """Arrows of one length on the page, and their greys: the darker, the faster.

    Lengths are made equal on the page, not in units of x and y, which may differ a lot.

    Examples
    --------
    >>> ux, uy, colours = directions(np.array([[2.0]]), np.array([[0.0]]), (0, 10, 0, 1))
    >>> float(ux[0, 0]), colours.shape
    (10.0, (1, 3))
    """
    speed = np.hypot(dx / (box[1] - box[0]), dy / (box[3] - box[2]))
    with np.errstate(divide="ignore", invalid="ignore"):
        shade = np.log10(speed)
        dx, dy = dx / speed, dy / speed
    finite = np.isfinite(shade)
    low, high = (np.min(shade[finite]), np.max(shade[finite])) if finite.any() else (0.0, 1.0)
    grey = 0.80 - 0.38 * (np.where(finite, shade, low) - low) / max(high - low, 1e-12)
    return dx, dy, np.repeat(grey.ravel()[:, None], 3, axis=1)


def nullcline(x, y, slope) -> list[np.ndarray]:
    """The curves ``slope = 0`` on a grid, each as points of shape ``(m, 2)``.

    Examples
    --------
    >>> x = y = np.linspace(-1, 1, 5)
    >>> [curve[:, 0].tolist() for curve in nullcline(x, y, x + 0 * y[:, None] - 0.25)]
    [[0.25, 0.25, 0.25, 0.25, 0.25]]
    """
    contourpy = need("contourpy", extra="lab", what="drawing nullclines")
    return contourpy.contour_generator(x, y, slope).lines(0.0)


def draw_nullclines(axes: Axes, f, p, box, *, labels=("x", "y"), points: int = 120, t: float = 0.0):
    """Draw the curves on which one derivative is zero, each with an entry for the legend.

    Examples
    --------
    >>> axes = new_figure().subplots()
    >>> draw_nullclines(axes, lambda u, p, t: [u[1], -u[0]], None, (-1, 1, -1, 1))
    >>> axes.get_legend_handles_labels()[1]
    ["$x' = 0$", "$y' = 0$"]
    """
    x, y, dx, dy = sample_field(f, p, box, points, t)
    for slope, name, colour, dashes in (
        (dx, labels[0], GREEN, "--"),
        (dy, labels[1], PURPLE, "-."),
    ):
        for curve in nullcline(x, y, slope):
            axes.plot(*curve.T, color=colour, linestyle=dashes, linewidth=1.6, zorder=2,
                      label="_nullcline")  # fmt: skip
        axes.plot([], [], color=colour, linestyle=dashes, linewidth=1.6, label=f"${name}' = 0$")


def vector_field(
    f,
    p=None,
    box=(-1, 1, -1, 1),
    *,
    nullclines: bool = False,
    trajectories=(),
    labels=("$u_1$", "$u_2$"),
    points: int = 22,
    t: float = 0.0,
) -> Figure:
    """Draw the direction field of a two-dimensional ``u' = f(u, p, t)``.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)`` with two components.
    p : array_like, optional
        Parameters.
    box : (x_low, x_high, y_low, y_high)
        The part of the plane shown.
    nullclines : bool
        Also draw the curves where one derivative vanishes.
    trajectories : Solution or sequence of Solution
        Solutions drawn over the field.
    labels : two str
        Names of the axes.
    points : int
        Arrows along each side.
    t : float
        Time at which the field is drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `box` is empty or `f` does not have two components.

    Examples
    --------
    >>> figure = vector_field(lambda u, p, t: [u[1], -u[0]], box=(-2, 2, -2, 2))
    >>> figure.axes[0].get_xlim() == (-2.0, 2.0)
    True
    """
    from sciml_lab.plot.curves import sample

    figure = new_figure(560, 460)
    paths = [trajectories] if hasattr(trajectories, "u") else list(trajectories)
    with style():
        axes = figure.subplots()
        draw_field(axes, f, p, box, nullclines=nullclines, points=points, t=t)
        for sol in paths:
            _, u = sample(sol, points=1500)
            axes.plot(u[:, 0], u[:, 1], linestyle="-", zorder=3, label="_path")
            axes.plot(*u[0, :2], "o", color=BLACK, zorder=4)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        if nullclines:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.alt = (
        f"Direction field for {box[0]:g} to {box[1]:g} across and {box[2]:g} to {box[3]:g} upwards"
        + (", with nullclines" if nullclines else "")
        + (f", and {len(paths)} trajectories" if paths else "")
        + "."
    )
    return figure


def stability_region(methods, eigenvalues=None, *, box=None, points: int = 301) -> Figure:
    r"""Draw where a method is stable: the points z with ``|R(z)| <= 1``.

    A one-step method applied to ``u' = lambda u`` multiplies u by ``R(h lambda)`` in each step.

    Parameters
    ----------
    methods : method, Tableau, or a sequence of these
        One region is shaded; of several the outlines are drawn.
    eigenvalues : array_like of complex, optional
        Points ``h lambda`` to mark: filled inside all regions, open outside.
    box : (re_low, re_high, im_low, im_high), optional
        Part of the plane; by default it shows the whole region.
    points : int
        Grid points along each side.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If no method is given.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> stability_region(sl.RK4(), eigenvalues=[-1.0, -4.0]).alt
    'Stability region of RK4. 1 of 2 marked points lies inside.'
    """
    methods = list(methods) if isinstance(methods, Sequence) else [methods]
    if not methods:
        raise ValueError("methods is empty: give at least one method, for example sl.RK4().")
    tableaus = {_name(m): getattr(m, "tableau", m) for m in methods}
    marks = np.atleast_1d(np.asarray([] if eigenvalues is None else eigenvalues, dtype=complex))
    box = _region_box(tableaus, marks) if box is None else box
    figure = new_figure(520, 460)
    inside = np.ones(marks.shape, dtype=bool)
    with style():
        axes = figure.subplots()
        for (name, tableau), look in zip(tableaus.items(), looks(len(tableaus)), strict=True):
            draw_region(axes, tableau, box, points=points, shade=len(tableaus) == 1, **look)
            axes.plot([], [], label=name, **look)
            inside &= np.abs(tableau.stability_function(marks)) <= 1 + 1e-12
        axes.plot(marks.real[inside], marks.imag[inside], "o", color=BLACK, zorder=4)
        axes.plot(marks.real[~inside], marks.imag[~inside], "o", color=VERMILLION, zorder=4,
                  fillstyle="none", markeredgewidth=1.8)  # fmt: skip
        axes.set_xlabel(r"Re $h\lambda$")
        axes.set_ylabel(r"Im $h\lambda$")
        if len(tableaus) > 1:
            axes.legend()
        else:
            axes.set_title(next(iter(tableaus)))
    figure.alt = f"Stability region of {', '.join(tableaus)}."
    if marks.size:
        n = int(inside.sum())
        figure.alt += f" {n} of {marks.size} marked points {'lies' if n == 1 else 'lie'} inside."
    return figure


def draw_region(axes: Axes, tableau, box, *, points: int = 301, shade: bool = True,
                color=BLUE, linestyle="-"):  # fmt: skip
    """Draw the boundary ``|R(z)| = 1`` of a tableau (and shade its inside) on existing axes.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> axes = new_figure().subplots()
    >>> draw_region(axes, sl.Euler().tableau, (-3, 1, -2, 2))
    >>> axes.get_xlim() == (-3, 1)
    True
    """
    x, y = np.linspace(box[0], box[1], points), np.linspace(box[2], box[3], points)
    size = np.abs(tableau.stability_function(x + 1j * y[:, None]))
    if shade:
        axes.contourf(x, y, size, levels=[0, 1], colors=[color], alpha=0.16, zorder=1)
    axes.contour(x, y, size, levels=[1], colors=[color], linestyles=[linestyle], zorder=2)
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle="-", zorder=0.5)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle="-", zorder=0.5)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])


def _name(method):
    """The name under which a method appears in the legend."""
    return str(getattr(method, "name", type(method).__name__))


def _region_box(tableaus: Mapping, marks):
    """A box round the bounded part of all regions and the marked points, with a margin."""
    z = np.linspace(-12, 4, 241) + 1j * np.linspace(0, 10, 151)[:, None]
    stable = np.zeros(z.shape, dtype=bool)
    for tableau in tableaus.values():
        stable |= np.abs(tableau.stability_function(z)) <= 1
    found = np.concatenate([z[stable], marks, [0.0]])
    reach = np.abs(found.imag).max() + 0.6
    return (found.real.min() - 0.6, max(found.real.max(), 0.4) + 0.4, -reach, reach)
