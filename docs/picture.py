"""The picture of README.md: one solve, one derivative, one training, computed by the package.

python docs/picture.py      writes docs/picture.png (about half a minute)
"""

from pathlib import Path

import numpy as np

import sciml_lab as sl
from sciml_lab.plot.figure import BLUE, GREY, VERMILLION, looks

OUT = Path(__file__).with_name("picture.png")
METHOD = sl.Tsit5()
ALT = (
    "Three pictures: a closed orbit between Earth and Moon, the derivatives of a prey population "
    "with respect to four parameters, and a neural differential equation that follows the true "
    "populations far beyond its 16 data points."
)


def main() -> None:
    """Draw the three stations side by side and save them."""
    figure = sl.plot.new_figure(1200, 380, alt=ALT)
    with sl.plot.style():
        solve, differentiate, learn = figure.subplots(1, 3)
        draw_orbit(solve)
        draw_derivatives(differentiate)
        draw_training(learn)
    OUT.write_bytes(sl.plot.png(figure, scale=1.5))


def draw_orbit(axes) -> None:
    """A satellite between Earth and Moon, with every accepted step."""
    problem = sl.zoo.arenstorf()
    sol = sl.solve(problem, sl.DOP853(), rtol=1e-9, atol=1e-9)
    x, y = sol(np.linspace(*problem.tspan, 3000))[:, :2].T
    axes.plot(x, y, color=BLUE, linewidth=1.2)
    axes.plot(*sol.u[:, :2].T, ".", color=VERMILLION, markersize=5)
    axes.plot([0, 1], [0, 0], "o", color=GREY)
    axes.annotate("Earth", (0, 0), (-9, -15), textcoords="offset points", color="#555555")
    axes.annotate("Moon", (1, 0), (-13, 9), textcoords="offset points", color="#555555")
    axes.set(title=f"Solve: {sol.stats.naccept} steps of order 8", aspect="equal")


def draw_derivatives(axes) -> None:
    """How the prey of Lotka and Volterra answers to each parameter: exact, by dual numbers."""
    problem = sl.zoo.lotka_volterra(tspan=(0.0, 8.0))
    times = np.linspace(0.0, 8.0, 300)

    def prey(p):
        return sl.solve(problem.replace(p=p), METHOD, rtol=1e-6, saveat=times).u[:, 0]

    jacobian = sl.ad.jacobian(prey, problem.p, mode="dual")
    for name, column, look in zip("abcd", jacobian.T, looks(4), strict=True):
        axes.plot(times, column, label=rf"$\partial x / \partial {name}$", linewidth=1.7, **look)
    axes.set(title="Differentiate: prey by each parameter", xlabel="time")
    axes.legend(ncols=2)


def draw_training(axes) -> None:
    """A neural network learns the field from 16 points and goes on for three more periods."""
    problem = sl.zoo.lotka_volterra(tspan=(0.0, 14.0))
    times = np.linspace(0.0, 3.5, 16)
    data = sl.solve(problem, METHOD, rtol=1e-8, saveat=times).u
    net = sl.nn.MLP([2, 32, 2], activation="tanh")

    def learned(u, p, t):
        return u * net(np.log(u), p)  # populations stay positive

    def misfit(p):
        model = sl.ODEProblem(learned, data[0], (0.0, 3.5), p)
        return ((sl.solve(model, METHOD, rtol=1e-5, atol=1e-5, saveat=times).u - data) ** 2).mean()

    slopes = np.gradient(np.log(data), times, axis=0)  # a first guess, without solving

    def guess(p):
        return ((net(np.log(data).T, p) - slopes.T) ** 2).mean()

    p = sl.train(guess, net.init(0), optimizer=sl.Adam(0.01), steps=600, progress=False).p
    p = sl.train(misfit, p, optimizer=sl.LBFGS(), steps=300, progress=False).p
    fine = np.linspace(0.0, 14.0, 500)
    true = sl.solve(problem, METHOD, rtol=1e-8)(fine)
    model = sl.solve(sl.ODEProblem(learned, data[0], (0.0, 14.0), p), METHOD)(fine)
    axes.axvspan(0.0, 3.5, color="#EEEEEE")
    axes.plot(fine, true[:, 0], color=GREY, linewidth=4, alpha=0.5, linestyle="-", label="truth")
    axes.plot(fine, true[:, 1], color=GREY, linewidth=4, alpha=0.5, linestyle="-")
    for k, (name, look) in enumerate(zip(("prey", "predators"), looks(2), strict=True)):
        axes.plot(fine, model[:, k], linewidth=1.7, label=f"{name}, learned", **look)
        axes.plot(times, data[:, k], "o", color=look["color"], markersize=4)
    axes.set(title="Learn: a neural ODE from 16 points", xlabel="time", ylim=(0, 11))
    axes.legend(ncols=2, loc="upper left")


if __name__ == "__main__":
    main()
