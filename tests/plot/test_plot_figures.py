"""Figures: every function returns one with alternative text, also for odd solutions."""

import itertools

import numpy as np
import pytest

from sciml_lab import plot

matplotlib = pytest.importorskip("matplotlib", reason="pictures need Matplotlib")


class Sol:
    """As much of a solution as a picture needs."""

    def __init__(self, t, u):
        self.t, self.u = np.asarray(t, dtype=float), np.asarray(u)

    def __call__(self, t):
        raise ValueError("no dense output was kept")


def circle(n=41, batch=0, components=2):
    t = np.linspace(0, 2 * np.pi, n)
    u = np.stack([np.cos(t + i) for i in range(components)], axis=1)
    return Sol(t, np.repeat(u[:, :, None], batch, axis=2) if batch else u)


FIGURES = {
    "solution": lambda: plot.solution(circle()),
    "solution of a batch": lambda: plot.solution(circle(batch=5)),
    "solution of many components": lambda: plot.solution(circle(components=20)),
    "solution of a number": lambda: plot.solution(Sol([0, 1, 2], [[1.0], [2.0], [3.0]])),
    "phase": lambda: plot.phase(circle()),
    "phase in space": lambda: plot.phase(circle(components=3), components=(0, 1, 2)),
    "phase of a batch": lambda: plot.phase(circle(batch=3)),
    "history": lambda: plot.history([1.0, 0.5, 0.1]),
    "long history": lambda: plot.history({"a": 1 / np.arange(1, 500), "b": np.ones(500)}),
    "convergence": lambda: plot.convergence([0.1, 0.05], {"Euler": [0.1, 0.05], "Heun": [1, 0.25]}),
    "vector field": lambda: plot.vector_field(
        lambda u, p, t: np.array([u[1], -u[0]]), nullclines=True, trajectories=circle()
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_a_figure_with_words_and_a_picture(name):
    figure = FIGURES[name]()
    assert isinstance(figure, matplotlib.figure.Figure)
    assert figure.alt.endswith(".")
    assert "nan" not in figure.alt
    assert figure.get_figwidth() * figure.dpi <= 700
    data, metadata = figure._repr_png_()
    assert data.startswith(b"\x89PNG")
    assert metadata["alt"] == figure.alt


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off(name):
    figure = FIGURES[name]()
    plot.png(figure)
    renderer = figure.canvas.get_renderer()
    inside = figure.bbox.padded(1)
    for axes in figure.axes:
        for text in [axes.xaxis.label, axes.yaxis.label, axes.title]:
            if text.get_text():
                box = text.get_window_extent(renderer)
                assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1), text


def test_colours_and_line_styles_cycle_together():
    figure = plot.solution(circle(components=7), steps=False)
    looks = [(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines]
    assert len({colour for colour, _ in looks}) == 7
    for (a, s), (b, r) in itertools.combinations(looks, 2):
        assert a != b and (s != r or {s, r} == {"--"}), "told apart by colour alone"


def test_the_sessions_own_style_is_left_alone():
    before = dict(matplotlib.rcParams)
    for make in FIGURES.values():
        plot.png(make())
    assert dict(matplotlib.rcParams) == before


def test_pyplot_knows_nothing():
    from matplotlib import pyplot

    plot.solution(circle())
    assert pyplot.get_fignums() == []


def test_a_solution_that_failed_is_drawn_as_far_as_it_got():
    u = np.ones((5, 2))
    u[3:] = np.nan
    figure = plot.solution(Sol(range(5), u))
    assert "values between 1 and 1" in figure.alt
    assert plot.png(figure).startswith(b"\x89PNG")


def test_nothing_but_nan_still_gives_a_page():
    for make in (plot.solution, plot.phase):
        figure = make(Sol([0.0, 1.0], np.full((2, 2), np.nan)))
        assert plot.png(figure).startswith(b"\x89PNG")


def test_one_point_is_enough():
    for make in (plot.solution, plot.phase):
        figure = make(Sol([0.0], [[1.0, 2.0]]))
        assert figure.alt and plot.png(figure).startswith(b"\x89PNG")


def test_backward_in_time():
    assert plot.solution(Sol([1.0, 0.0], [[1.0], [2.0]])).alt


@pytest.mark.parametrize(
    "make, names",
    [
        (lambda: plot.solution(circle(), components=[2]), "components"),
        (lambda: plot.solution(circle(), labels=["one"]), "labels"),
        (lambda: plot.phase(circle(), components=(0,)), "components"),
        (lambda: plot.history([]), "history"),
        (lambda: plot.convergence([0.1], [0.1]), "h must"),
        (lambda: plot.convergence([0.1, 0.2], [0.1]), "errors"),
        (lambda: plot.convergence([0.1, -0.2], [0.1, 1]), "h must"),
        (lambda: plot.vector_field(lambda u, p, t: u, box=(1, 0, 0, 1)), "box"),
        (lambda: plot.vector_field(lambda u, p, t: u[:1]), "f must"),
        (lambda: plot.stability_region([]), "methods"),
    ],
)
def test_bad_input_is_one_sentence_that_names_the_argument(make, names):
    with pytest.raises(ValueError, match=names) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_convergence_measures_the_slope():
    h = np.logspace(-4, -1, 13)
    errors = {"one": h, "four": np.maximum(h**4, 1e-15)}
    assert "one slope 1.00; four slope 4.00" in plot.convergence(h, errors).alt
    assert "nan" in plot.convergence([0.1, 0.05], [0.0, 0.0]).alt


def test_field_arrows_have_one_length_on_the_page():
    box = (0, 10, 0, 1)
    _, _, dx, dy = plot.sample_field(lambda u, p, t: np.array([u[0], u[1] ** 2]), None, box, 9)
    ux, uy, colours = plot.directions(dx, dy, box)
    length = np.hypot(ux / 10, uy)
    assert np.allclose(length[np.isfinite(length)], 1)
    assert colours.shape == (81, 3) and np.isfinite(colours).all()


def test_field_of_a_function_for_single_states():
    def f(u, p, t):
        return [1.0, 2.0] if u[0] > 0 else [0.0, 1.0]

    _, _, dx, dy = plot.sample_field(f, None, (-1, 1, -1, 1), 2)
    assert dx.tolist() == [[0.0, 1.0], [0.0, 1.0]] and dy.tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_nullclines_lie_where_the_slope_vanishes():
    x = y = np.linspace(-2, 2, 81)
    (curve,) = plot.nullcline(x, y, x**2 + y[:, None] ** 2 - 1)
    assert np.allclose(np.hypot(*curve.T), 1, atol=1e-3)
    assert plot.nullcline(x, y, np.ones((81, 81))) == []


def test_display_is_a_still_image():
    pytest.importorskip("IPython", reason="display() makes an IPython image")
    image = plot.display(plot.solution(circle()))
    assert image.data.startswith(b"\x89PNG") and image.alt
