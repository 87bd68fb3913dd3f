"""Self-checks and drawings of lesson 02."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION

CLASSIC = np.array([1.5, 1.0, 3.0, 1.0])


@exercise("1.1", praise="One sentence, one term: now the hares have a world of finite size.")
def ex1_1(with_room):
    """Lotka-Volterra in which the hares' growth stops when the room is full."""
    u = np.array([2.0, 0.5])
    du = with_room(u, np.array([*CLASSIC, 8.0]), 0.0)
    yield (
        isinstance(du, np.ndarray) and du.shape == (2,),
        "the derivative should be an array of two numbers",
        "return np.array([..., ...])",
    )
    yield (
        close(with_room(np.array([8.0, 0.0]), np.array([*CLASSIC, 8.0]), 0.0), [0.0, 0.0]),
        "without lynx, and with x equal to the room, nothing should change any more",
        "births are a x (1 - x/room)",
    )
    yield (
        close(
            with_room(u, np.array([*CLASSIC, 1e15]), 0.0), sl.zoo.lotka_volterra.f(u, CLASSIC, 0)
        ),
        "with endless room it should be the equation of Lotka and Volterra again",
        "leave the other three terms as they were",
    )
    yield (
        close(du, [1.5 * 2.0 * (1 - 2.0 / 8.0) - 1.0, -1.5 + 1.0]),
        "at x = 2, y = 0.5 with a room of 8 the derivative should be (1.25, -0.5)",
        "the room limits the births alone: a x (1 - x/room)",
    )


@exercise("2.1", praise="Two divisions, and you know where every orbit turns around.")
def ex2_1(resting_point):
    """The point with both species present where nothing changes."""
    u = np.asarray(resting_point(CLASSIC), dtype=float)
    yield u.shape == (2,), "it should be two numbers, hares and lynx", "return np.array([x, y])"
    yield (
        bool(np.all(u > 0)),
        "both numbers should be positive: (0, 0) is a resting point, but an empty one",
        "divide x' = 0 by x and y' = 0 by y",
    )
    for p in (CLASSIC, np.array([0.5, 0.02, 0.8, 0.03])):
        u = np.asarray(resting_point(p), dtype=float)
        yield (
            close(sl.zoo.lotka_volterra.f(u, p, 0.0), [0.0, 0.0]),
            f"for p = {p.tolist()} something still changes there",
            "x' = 0 says how many lynx there are, and y' = 0 how many hares",
        )


@exercise("3.1", praise="Now you can tell what is left over from what is only noise.")
def ex3_1(memory):
    """The correlation of a series with itself one step later."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=2000)
    yield (
        np.ndim(memory(noise)) == 0,
        "the memory of one series should be one number",
        "np.sum without an axis adds up everything",
    )
    yield (
        abs(memory(noise)) < 0.1,
        "independent noise should have a memory near 0",
        "sum of neighbours' products, over the sum of squares",
    )
    wave = np.sin(np.arange(200) / 10)
    yield (
        0.9 < memory(wave) < 1.01,
        "a slow wave should have a memory near 1",
        "multiply r[1:] by r[:-1]",
    )
    yield (
        -1.01 < memory(np.cos(np.pi * np.arange(200))) < -0.9,
        "a series that changes its sign every time should have a memory near -1",
    )
    yield (
        close(memory(5 * wave), memory(wave), rtol=1e-6),
        "five times the series should have the same memory",
        "divide by the sum of squares",
    )
    yield (
        close(memory(wave + 3.0), memory(wave), rtol=1e-6),
        "a constant added to the series should not change its memory",
        "subtract the mean first",
    )


def draw_record(year, hare, lynx, curves=(), end=None, labels=("curve",)):
    """Draw the pelts on a logarithmic axis, with curves (year, hares, lynx) through them.

    What lies right of `end` was not shown to the curves: it is shaded and its points are open.
    """
    figure = sl.plot.new_figure(680, 340)
    seen = np.ones(len(year), dtype=bool) if end is None else year < end
    with sl.plot.style():
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, name, pelts, colour, k in (
            (axes[0], "hares", hare, BLUE, 1),
            (axes[1], "lynx", lynx, VERMILLION, 2),
        ):
            for curve, style, label in zip(curves, ("-", ":", "--"), labels, strict=False):
                axis.plot(curve[0], curve[k], style, color=colour, label=label)
            axis.plot(year[seen], pelts[seen], "o", color=BLACK, markersize=4)
            axis.plot(year[~seen], pelts[~seen], "o", color=BLACK, markersize=4, fillstyle="none")
            axis.set_title(name, fontsize=11)
            if end is not None:
                axis.axvspan(end - 0.5, year[-1] + 0.5, color="#EFEFEF", zorder=0)
            if len(curves) > 1:
                axis.legend(loc="upper left", fontsize=9)
        axes[0].set_yscale("log")
        axes[0].set_ylim(2, 400)
        axes[0].set_yticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
        axes[0].set_xlim(year[0] - 0.5, year[-1] + 0.5)
        axes[0].set_ylabel("pelts in thousands")
        axes[0].set_xticks([1900, 1905, 1910, 1915, 1920])
    about = ", with " + " and ".join(labels[: len(curves)]) if curves else ""
    figure.alt = (
        f"Pelts of hares and lynx, 1900 to 1920, on a logarithmic scale{about}: two cycles of "
        "about ten years between 7.6 and 77 thousand hares, the lynx one year behind."
    )
    return figure


def draw_residuals(year, residuals):
    """Draw what the model leaves over: one bar a year, as a factor data/model."""
    figure = sl.plot.new_figure(680, 300)
    with sl.plot.style():
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, name, r, colour in zip(
            axes, ("hares", "lynx"), residuals.T, (BLUE, VERMILLION), strict=True
        ):
            axis.bar(year, r, width=0.6, color=colour)
            axis.axhline(0.0, color=GREY, linewidth=1)
            axis.set_title(name, fontsize=11)
        ticks = np.array([0.6, 0.8, 1.0, 1.25, 1.6])
        axes[0].set_yticks(np.log(ticks), [f"{tick:g}" for tick in ticks])
        axes[0].set_ylabel("data / model")
        axes[0].set_xticks([1900, 1905, 1910, 1915, 1920])
    k = np.argmax(np.abs(residuals), axis=0)
    worst = np.exp([residuals[k[0], 0], residuals[k[1], 1]])
    figure.alt = (
        "Data over model for each year. The largest misses: hares "
        f"{worst[0]:.2f} in {year[k[0]]:.0f}, lynx {worst[1]:.2f} in {year[k[1]]:.0f}."
    )
    return figure


def show_1_1(with_room):
    """Draw the orbit without room and the one with room, once the term is right."""
    ready = ex1_1.verdict(with_room).status == "correct"
    free = sl.zoo.lotka_volterra(tspan=(0.0, 30.0))
    figure = sl.plot.new_figure(560, 380)
    with sl.plot.style():
        axes = figure.subplots()
        u = sl.solve(free.replace(tspan=(0.0, 3.4)), saveat=0.02).u
        axes.plot(*u.T, color=GREY, linestyle="--", label="endless room")
        if ready:
            problem = free.replace(f=with_room, p=[*CLASSIC, 8.0])
            axes.plot(*sl.solve(problem, saveat=0.02).u.T, color=BLUE, label="room for 8")
        axes.plot(*free.u0, "o", color=BLACK)
        axes.set_xlabel("hares $x$")
        axes.set_ylabel("lynx $y$")
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = "The closed orbit of Lotka and Volterra" + (
        ", and the one with finite room, which winds inwards to a point where both species rest."
        if ready
        else "; the one with finite room appears when the term is written."
    )
    return figure
