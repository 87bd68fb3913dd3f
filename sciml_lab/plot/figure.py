"""The figure every picture starts from: lab style, no pyplot, shown by any notebook.

A plain Matplotlib `Figure` made without pyplot is stored in a notebook as text only. The small
subclass here carries its own PNG and its alternative text, so it is a picture wherever it is the
last expression of a cell.
"""

from __future__ import annotations

import functools
import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_lab._optional import need

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Path(__file__).parent.parent / "lab.mplstyle"

# Okabe and Ito's colours by name, for drawings that give a colour a meaning.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#8A8A8A"
MARKERS = "osD^vP*"


def use_style() -> None:
    """Use the lab's style for everything drawn from now on in this session.

    It sets a colour-blind safe colour cycle paired with line styles, readable fonts, and a width
    of 640 pixels. Figures of this package have it without being asked.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, sciml_lab as sl
    >>> with matplotlib.rc_context():
    ...     sl.plot.use_style()
    ...     matplotlib.rcParams["figure.figsize"]
    [6.4, 4.0]
    """
    need("matplotlib.style", extra="lab", what="use_style").use(str(STYLE))


@functools.cache
def _style_parameters() -> dict:
    matplotlib = need("matplotlib", extra="lab", what="plotting")
    return dict(matplotlib.rc_params_from_file(str(STYLE), use_default_template=False))


def style():
    """Return a context manager inside which Matplotlib draws in the lab's style.

    Examples
    --------
    >>> import matplotlib
    >>> with style():
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    """
    matplotlib = need("matplotlib", extra="lab", what="plotting")
    return matplotlib.rc_context(_style_parameters())


def looks(n: int) -> list[dict]:
    """Colour and line style of n curves, from the lab's cycle (which repeats after seven).

    Examples
    --------
    >>> looks(2)
    [{'color': '#0072B2', 'linestyle': '-'}, {'color': '#D55E00', 'linestyle': '--'}]
    """
    cycle = itertools.cycle(_style_parameters()["axes.prop_cycle"])
    return [dict(look) for look in itertools.islice(cycle, n)]


@functools.cache
def _figure_class() -> type[Figure]:
    """Define the subclass when first needed: importing this file needs no Matplotlib."""
    from matplotlib.figure import Figure

    class LabFigure(Figure):
        """A Matplotlib figure that shows itself as a PNG with alternative text."""

        alt: str = ""

        def _repr_png_(self) -> tuple[bytes, dict]:
            # Twice the pixels at the same size on the page: sharp on every display.
            width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
            return png(self, scale=2), {"width": width, "height": height, "alt": self.alt}

    return LabFigure


def new_figure(width: float = 640, height: float = 400, *, alt: str = "") -> Figure:
    """Return an empty figure of `width` x `height` pixels, drawn by Agg and unknown to pyplot.

    Parameters
    ----------
    width, height : float
        Size on the page, in pixels.
    alt : str
        One sentence that says in words what the picture shows.

    Examples
    --------
    >>> fig = new_figure(alt="An empty page.")
    >>> fig.alt
    'An empty page.'
    """
    need("matplotlib", extra="lab", what="plotting")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with style():
        figure = _figure_class()(figsize=(width / 100, height / 100), dpi=100)
    FigureCanvasAgg(figure)
    figure.alt = alt
    return figure


def png(figure: Figure, *, scale: float = 1) -> bytes:
    r"""Return the figure as PNG bytes, with `scale` times as many pixels as its size on the page.

    Examples
    --------
    >>> png(new_figure())[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=scale * figure.dpi)
    return buffer.getvalue()


def display(figure: Figure, alt: str | None = None):
    """Return the figure as an `IPython.display.Image`: a PNG with alternative text, nothing live.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Any figure, of this package or not.
    alt : str, optional
        What the picture shows, in words; by default the text the figure carries.

    Examples
    --------
    >>> image = display(new_figure(alt="An empty page."))
    >>> image.alt, image.width
    ('An empty page.', 640)
    """
    ipython = need("IPython.display", extra="lab", what="display")
    width = round(figure.get_figwidth() * figure.dpi)
    words = getattr(figure, "alt", "") if alt is None else alt
    return ipython.Image(png(figure, scale=2), format="png", width=width, alt=words or None)
