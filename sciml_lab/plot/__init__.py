"""Pictures: pure functions from data to a Matplotlib figure, without pyplot and its hidden state.

Every function returns a figure that shows itself in a notebook and carries a sentence of
alternative text. Matplotlib is imported when the first picture is asked for.
"""

from sciml_lab.plot.curves import convergence, history, phase, solution
from sciml_lab.plot.figure import display, new_figure, png, style, use_style
from sciml_lab.plot.planes import draw_field, stability_region, vector_field

__all__ = [
    "convergence",
    "display",
    "draw_field",
    "history",
    "new_figure",
    "phase",
    "png",
    "solution",
    "stability_region",
    "style",
    "use_style",
    "vector_field",
]
