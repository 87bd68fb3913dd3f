"""Curves: solutions over time, phase plots, training histories, convergence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sciml_lab.plot.figure import BLACK, BLUE, GREY, MARKERS, VERMILLION, looks, new_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CURVES = 7  # more than the colour cycle holds would repeat a look


def sample(sol, points: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return times and states fine enough for a smooth curve.

    Uses the solution's dense output where it has one, else its output times. The output times
    are always among the samples, so that no kink is cut off.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0)))
    >>> sample(sol, points=5)[1].shape[1:]
    (1,)
    """
    t = np.asarray(sol.t, dtype=float)
    if np.ndim(sol.t) != 1 or t.size < 2:
        return t, np.asarray(sol.u)
    fine = np.union1d(np.linspace(t[0], t[-1], points), t)
    if t[-1] < t[0]:
        fine = fine[::-1]
    try:
        return fine, np.asarray(sol(fine))
    except ValueError:  # no dense output was kept: the output times are all there is
        return t, np.asarray(sol.u)


def solution(sol, components=None, *, labels=None, steps: bool = True) -> Figure:
    """Plot the components of a solution against time.

    Up to seven components become labelled curves (in a batch: one thin curve a trajectory, one
    colour a component); more become an image with time across and the component upwards.

    Parameters
    ----------
    sol : Solution
        Anything with `t` of shape ``(T,)`` and `u` of shape ``(T, n)`` or ``(T, n, B)``.
    components : sequence of int, optional
        Which components; all by default.
    labels : sequence of str, optional
        Names of the components shown.
    steps : bool
        Mark the output times (the accepted steps) with points.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a component does not exist, or the labels are not one for each component.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0, 2.0], (0.0, 1.0)))
    >>> [line.get_label() for line in solution(sol, steps=False).axes[0].lines]
    ['$u_1$', '$u_2$']
    """
    t, u = sample(sol)
    u = u.reshape(len(t), -1, u.shape[-1]) if u.ndim > 2 else u.reshape(len(t), -1)
    chosen = _components(components, u.shape[1])
    labels = _labels(labels, chosen)
    figure = new_figure()
    with style():
        axes = figure.subplots()
        axes.set_xlabel("time $t$")
        if len(chosen) > MOST_CURVES:
            _image(figure, axes, t, u, chosen)
        else:
            marks = np.asarray(sol.u).reshape(len(sol.t), *u.shape[1:]) if steps else None
            _lines(axes, t, u, chosen, labels, sol.t, marks)
            if len(chosen) > 1:
                handles = axes.get_legend_handles_labels()
                figure.legend(*handles, loc="outside upper center", ncols=7)
    what = ", ".join(_plain(labels)) if len(chosen) <= MOST_CURVES else f"{len(chosen)} components"
    figure.alt = f"{what} over time from {t[0]:.4g} to {t[-1]:.4g}; {_between(u[:, chosen])}."
    return figure


def _between(values) -> str:
    """The range of the finite values, in words."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "no value is finite"
    return f"values between {finite.min():.4g} and {finite.max():.4g}"


def _lines(axes, t, u, chosen, labels, t_marks, marks):
    """One curve a component, or one bundle of thin curves where there is a batch."""
    batch = u.ndim == 3
    look = {"linewidth": 0.9, "alpha": max(0.15, u.shape[2] ** -0.5)} if batch else {}
    for i, label, cycle in zip(chosen, labels, looks(len(chosen)), strict=True):
        first, *_ = axes.plot(t, u[:, i], **cycle, **look)
        if batch:  # the legend shows the look of one curve, not of a thin and pale one
            axes.plot([], [], label=label, **cycle)
        else:
            first.set_label(label)
        if marks is not None and not batch and len(t_marks) <= 120:
            axes.plot(
                t_marks, marks[:, i], linestyle="none", marker=MARKERS[i % len(MARKERS)],
                markersize=3.5, color=cycle["color"], label="_steps",
            )  # fmt: skip
    if len(chosen) == 1:
        axes.set_ylabel(labels[0])


def _image(figure, axes, t, u, chosen):
    """Many components: time across, component upwards, value as colour (first of a batch)."""
    values = u[:, chosen, 0] if u.ndim == 3 else u[:, chosen]
    mesh = axes.pcolormesh(t, np.arange(1, len(chosen) + 1), values.T, shading="nearest")
    axes.grid(False)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("component $i$")
    figure.colorbar(mesh, ax=axes, label="$u_i$")


def phase(sol, components=(0, 1), *, labels=None) -> Figure:
    """Plot two components of a solution against each other, or three in space.

    The start is a filled circle, the end an open square.

    Parameters
    ----------
    sol : Solution
        Anything with `t` ``(T,)`` and `u` ``(T, n)`` or ``(T, n, B)``.
    components : sequence of int
        Two or three different components.
    labels : sequence of str, optional
        Names of these components.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are not two or three components, or one does not exist.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: u[::-1] * [1, -1], [1.0, 0.0], (0.0, 6.0))
    >>> phase(sl.solve(prob)).axes[0].get_xlabel()
    '$u_1$'
    """
    if len(tuple(components)) not in (2, 3):
        raise ValueError(
            f"components must name two or three components (got {components!r}): try (0, 1)."
        )
    t, u = sample(sol, points=1500)
    u = u.reshape(len(t), -1, u.shape[-1]) if u.ndim > 2 else u.reshape(len(t), -1, 1)
    chosen = _components(components, u.shape[1])
    labels = _labels(labels, chosen)
    space = len(chosen) == 3
    figure = new_figure(520, 460)
    with style():
        axes = figure.add_subplot(projection="3d") if space else figure.subplots()
        for b in range(u.shape[2]):
            path = [u[:, i, b] for i in chosen]
            axes.plot(*path, color=BLUE, linestyle="-", linewidth=1 if space else 1.8)
            axes.plot(*([c[0]] for c in path), "o", color=BLACK, label="start" if not b else "_")
            axes.plot(
                *([c[-1]] for c in path), "s", color=VERMILLION, fillstyle="none",
                markeredgewidth=1.8, markersize=7, label="end" if not b else "_",
            )  # fmt: skip
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        if space:
            axes.set_zlabel(labels[2])
            axes.locator_params(nbins=4)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    ends = ["(" + ", ".join(f"{u[k, i, 0]:.4g}" for i in chosen) + ")" for k in (0, -1)]
    figure.alt = f"Path of {', '.join(_plain(labels))} from {ends[0]} to {ends[1]}."
    return figure


def history(history, *, labels=None) -> Figure:
    """Plot a loss against the training step, on a logarithmic scale where all values allow it.

    Parameters
    ----------
    history : History, sequence of float, or dict of such
        A training history (anything with `.loss`), the losses themselves, or several by name.
    labels : sequence of str, optional
        Names of several histories, in place of the dict's keys.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a history is empty.

    Examples
    --------
    >>> history([1.0, 0.1, 0.01]).axes[0].get_yscale()
    'log'
    """
    runs = history if isinstance(history, Mapping) else {"loss": history}
    names = list(runs) if labels is None else list(labels)
    losses = [np.asarray(getattr(run, "loss", run), dtype=float).ravel() for run in runs.values()]
    for name, loss in zip(names, losses, strict=True):
        if loss.size == 0:
            raise ValueError(f"history {name!r} is empty: train at least one step before plotting.")
    figure = new_figure()
    with style():
        axes = figure.subplots()
        for name, loss in zip(names, losses, strict=True):
            (line,) = axes.plot(loss, alpha=0.35 if loss.size > 300 else 1, label=name)
            if loss.size > 300:  # a noisy curve is read by its lower envelope
                best = np.minimum.accumulate(loss)
                axes.plot(best, color=line.get_color(), label=f"{name}, best so far")
                line.set_linestyle("-")
        axes.set_xlabel("training step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel("loss")
        if not any((loss <= 0).any() for loss in losses):
            axes.set_yscale("log")
        if len(axes.lines) > 1:
            axes.legend()
    figure.alt = "Loss over training steps: " + "; ".join(
        f"{name} from {loss[0]:.3g} to {loss[-1]:.3g} (best {np.fmin.reduce(loss):.3g}) in "
        f"{loss.size} steps" for name, loss in zip(names, losses, strict=True)
    ) + "."  # fmt: skip
    return figure


def convergence(h, errors, *, xlabel: str = "step size $h$") -> Figure:
    """Plot errors against the step size on two logarithmic axes, with the measured slopes.

    The slope is the median of the slopes between neighbours, so the flat parts at both ends
    (steps too large to be asymptotic, errors at roundoff) hardly move it.

    Parameters
    ----------
    h : array_like, shape (m,)
        Step sizes (or tolerances, or numbers of evaluations: say so in `xlabel`).
    errors : array_like or dict of array_like, each of shape (m,)
        Errors, of one method or of several by name.
    xlabel : str
        Label of the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `h` is not positive or the shapes differ.

    Examples
    --------
    >>> h = [0.1, 0.05, 0.025]
    >>> convergence(h, {"Euler": h, "Heun": [x**2 for x in h]}).alt
    'Error against step size: Euler slope 1.00; Heun slope 2.00.'
    """
    h = np.asarray(h, dtype=float)
    runs = errors if isinstance(errors, Mapping) else {"error": errors}
    runs = {name: np.asarray(error, dtype=float) for name, error in runs.items()}
    if h.ndim != 1 or h.size < 2 or not np.all(h > 0):
        raise ValueError("h must be a list of at least two positive step sizes.")
    for name, error in runs.items():
        if error.shape != h.shape:
            raise ValueError(
                f"errors of {name!r} have shape {error.shape}, h has {h.shape}: give one error "
                "for each step size."
            )
    slopes = {name: _slope(h, error) for name, error in runs.items()}
    figure = new_figure()
    with style():
        axes = figure.subplots()
        for k, (name, error) in enumerate(runs.items()):
            axes.loglog(
                h, np.where(error > 0, error, np.nan), marker=MARKERS[k % len(MARKERS)],
                label=f"{name}: slope {slopes[name]:.2f}",
            )  # fmt: skip
        axes.set_xlabel(xlabel)
        axes.set_ylabel("error")
        if min(np.min(error, initial=1.0) for error in runs.values()) < 1e-11:
            _mark_roundoff(axes)
        handles = axes.get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=min(3, len(runs)))
    figure.alt = "Error against step size: " + "; ".join(
        f"{name} slope {slope:.2f}" for name, slope in slopes.items()
    ) + "."  # fmt: skip
    return figure


def _mark_roundoff(axes):
    """A thin line where errors cannot be told from rounding."""
    eps = np.finfo(float).eps
    axes.axhline(eps, color=GREY, linestyle=":", linewidth=1)
    axes.annotate("roundoff", (1, eps), (-2, 3), color="#555555", ha="right", fontsize=9,
                  xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip


def _slope(h, error):
    """Median slope between neighbours in the log-log plot; NaN where no error is positive."""
    order = np.argsort(h)
    x, y = np.log(h[order]), np.log(np.where(error > 0, error, np.nan)[order])
    slopes = np.diff(y) / np.diff(x)
    return float(np.nanmedian(slopes)) if np.any(np.isfinite(slopes)) else float("nan")


def _components(components, n):
    """Indices of the components to show, checked against the size of the state."""
    chosen = list(range(n)) if components is None else [int(i) for i in components]
    for i in chosen:
        if not -n <= i < n:
            raise ValueError(
                f"components names {i}, but the state has {n} components: use 0 to {n - 1}."
            )
    return [i % n for i in chosen]


def _labels(labels, chosen):
    """One label a component: the given ones, or u_1, u_2, ..."""
    if labels is None:
        return [f"$u_{{{i + 1}}}$" if i > 8 else f"$u_{i + 1}$" for i in chosen]
    if len(labels) != len(chosen):
        raise ValueError(
            f"labels holds {len(labels)} names for {len(chosen)} components: give one for each."
        )
    return [str(label) for label in labels]


def _plain(labels):
    """Labels without the signs of mathematical typesetting, for the text alternative."""
    return [label.replace("$", "").replace("_", "").strip("{}") for label in labels]
