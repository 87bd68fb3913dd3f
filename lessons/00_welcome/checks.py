"""Self-checks and two drawings of lesson 00."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise


@exercise("1.1", praise="Any equation of second order becomes one of first order in this way.")
def ex1_1(pendulum):
    """The pendulum as a first-order system."""
    du = pendulum(np.array([0.0, 2.0]), (9.81, 1.0), 0.0)
    yield (
        isinstance(du, np.ndarray) and du.shape == (2,),
        "the derivative should be an array of two numbers",
        "return np.array([..., ...])",
    )
    yield (
        close(du, [2.0, 0.0]),
        "hanging straight down with velocity 2, the derivative should be (2, 0)",
        "the derivative of the angle is the velocity, and sin(0) = 0",
    )
    du = pendulum(np.array([np.pi / 2, 0.0]), (9.81, 2.0), 0.0)
    yield (
        close(du, [0.0, -9.81 / 2.0]),
        "held out sideways, with l = 2, the velocity should change by -g/l",
        "omega' = -g/l sin(theta)",
    )


@exercise("3.1", praise="Now both species count the same.")
def ex3_1(scaled_loss):
    """A mean-square misfit in which every component counts the same."""
    data = np.array([[1.0, 100.0], [2.0, -400.0]])
    yield close(scaled_loss(data, data), 0.0), "the loss of a perfect fit should be zero"
    off = scaled_loss(data + np.array([0.2, 0.0]), data)
    yield (
        np.ndim(off) == 0,
        "the loss should be one number",
        "np.mean without an axis averages over everything",
    )
    yield (
        close(off, 0.5 * 0.01),
        "an error of a tenth of the largest value, in one of two components, should cost 0.005",
        "divide by np.max(np.abs(data), axis=0) before squaring",
    )
    yield (
        close(scaled_loss(data + np.array([0.0, 40.0]), data), 0.5 * 0.01),
        "the big component counts more (or less) than the small one",
        "take the largest *absolute* value of each column",
    )


def show_1_1(pendulum):
    """Draw the swing for a small and a large start, once the equation is right."""
    figure = sl.plot.new_figure(640, 320)
    ready = ex1_1.verdict(pendulum).status == "correct"
    with sl.plot.style():
        axes = figure.subplots()
        t = np.linspace(0.0, 10.0, 400)
        for degrees in (20, 90, 170) if ready else ():
            u0 = [np.radians(degrees), 0.0]
            sol = sl.solve(sl.ODEProblem(pendulum, u0, (0.0, 10.0), [9.81, 1.0]), saveat=t)
            axes.plot(t, np.degrees(sol.u[:, 0]), label=f"from {degrees} degrees")
        axes.set_xlabel("time $t$ in s")
        axes.set_ylabel("angle in degrees")
        if ready:
            figure.legend(loc="outside upper center", ncols=3)
        else:
            axes.text(0.5, 0.5, "the swings appear here", ha="center", transform=axes.transAxes)
    figure.alt = (
        "Angle of a pendulum over ten seconds, from 20, 90 and 170 degrees: the larger the swing, "
        "the slower."
        if ready
        else "Empty axes: the swings appear here when the equation is written."
    )
    return figure


def draw_sensitivity(t, hares, slope):
    """Draw the hares, and below them how they answer to the breeding speed."""
    figure = sl.plot.new_figure(640, 420)
    with sl.plot.style():
        upper, lower = figure.subplots(2, sharex=True)
        upper.plot(t, hares)
        upper.set_ylabel("hares $x$")
        lower.plot(t, slope, color=sl.plot.figure.VERMILLION)
        lower.axhline(0.0, color=sl.plot.figure.GREY, linewidth=1)
        lower.set_ylabel(r"$\partial x / \partial a$")
        lower.set_xlabel("time $t$")
    figure.alt = (
        "Hares over time, and their derivative with respect to the breeding speed, which swings "
        f"between {slope.min():.3g} and {slope.max():.3g} and grows with time."
    )
    return figure


def draw_fit(trained, truth, t_data, data):
    """Draw the data, the trained neural equation, and the truth, beyond the data as well."""
    end = 1.5 * truth.tspan[1]
    t = np.linspace(0.0, end, 300)
    figure = sl.plot.new_figure(640, 380)
    with sl.plot.style():
        axes = figure.subplots()
        wide = {"color": sl.plot.figure.GREY, "linestyle": "-", "linewidth": 4, "alpha": 0.5}
        dashed = {"color": sl.plot.figure.BLUE, "linestyle": "--"}
        for problem, name, look in (
            (truth, "truth", wide),
            (trained, "neural equation", dashed),
        ):
            u = sl.solve(problem.replace(tspan=(0.0, end)), saveat=t).u
            axes.plot(t, u[:, 0], label=name, **look)
            axes.plot(t, u[:, 1], **look)
        axes.plot(t_data, data, "o", color="black", label=["data", "_"])
        axes.axvspan(truth.tspan[1], end, color="#F2F2F2", zorder=0)
        axes.annotate("not seen in training", (truth.tspan[1], 1), (6, -14), fontsize=9,
                      xycoords=("data", "axes fraction"), textcoords="offset points")  # fmt: skip
        axes.set_xlabel("time $t$")
        axes.set_ylabel("state $u$")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = (
        "Sixteen data points of both components, the trained neural equation through them and half "
        "as far again beyond them, and the truth."
    )
    return figure
