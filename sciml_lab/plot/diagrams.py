"""Diagrams of cost and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sciml_lab.plot.figure import MARKERS, new_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "seconds": "time in s",
    "nf": "evaluations of f",
    "nsteps": "steps",
    "njac": "Jacobians",
    "nlu": "factorisations",
}


def work_precision(data) -> Figure:
    """Draw cost against error on two logarithmic axes, one panel a problem.

    Parameters
    ----------
    data : WorkPrecision
        From `sciml_lab.measure.work_precision`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If no solve went well.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> wp = sl.measure.work_precision(sl.zoo.kepler, sl.Tsit5(), [1e-4, 1e-6], cost="nf")
    >>> work_precision(wp).alt
    'Cost (evaluations of f) against error: kepler with Tsit5.'
    """
    problems = list(dict.fromkeys(p.problem for p in data.points))
    curves = {name: data.curves(name) for name in problems}
    if not any(curves.values()):
        raise ValueError(
            "no solve went well, so there is nothing to draw: print the data, it says why."
        )
    methods = list(dict.fromkeys(p.method for p in data.points))
    columns = min(len(problems), 3)
    rows = -(-len(problems) // columns)
    figure = new_figure()
    figure.set_size_inches(4.2 * columns + 0.8, 3.2 * rows + 0.6)
    with style():
        panels = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for axes, name in zip(panels, problems, strict=False):
            for method, (errors, costs) in curves[name].items():
                k = methods.index(method)
                axes.loglog(errors, costs, marker=MARKERS[k % len(MARKERS)], color=f"C{k % 8}",
                            label=method)  # fmt: skip
            axes.invert_xaxis()
            axes.set(title=name, xlabel="relative error at the end", ylabel=LABELS[data.cost])
        for axes in panels[len(problems) :]:
            axes.set_visible(False)
        handles = {h.get_label(): h for axes in panels for h in axes.get_lines()}
        figure.legend(handles=list(handles.values()), loc="outside upper center",
                      ncols=min(3 if columns == 1 else 4, len(handles)))  # fmt: skip
    figure.alt = f"Cost ({LABELS[data.cost]}) against error: " + "; ".join(
        f"{name} with {', '.join(curves[name])}" for name in problems
    ) + "."  # fmt: skip
    return figure
