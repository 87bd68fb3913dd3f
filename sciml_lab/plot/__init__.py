"""Pictures: pure functions from data to a Matplotlib figure, without pyplot and its hidden state.

Every function returns a figure that shows itself in a notebook and carries a sentence of
alternative text. Matplotlib is imported when the first picture is asked for.
"""

from sciml_lab.plot.curves import convergence, history, phase, solution
from sciml_lab.plot.diagrams import work_precision
from sciml_lab.plot.figure import display, looks, new_figure, png, style, use_style
from sciml_lab.plot.planes import (
    directions,
    draw_field,
    draw_nullclines,
    draw_region,
    nullcline,
    sample_field,
    stability_region,
    vector_field,
)

__all__ = [
    "convergence",
    "directions",
    "display",
    "draw_field",
    "draw_nullclines",
    "draw_region",
    "history",
    "looks",
    "new_figure",
    "nullcline",
    "phase",
    "png",
    "sample_field",
    "solution",
    "stability_region",
    "style",
    "use_style",
    "vector_field",
    "work_precision",
]
