"""Self-checks and drawings of lesson 09, and the table of measured success rates."""

import functools
import json
from pathlib import Path

import numpy as np

import sciml_lab as sl
from sciml_lab import neural
from sciml_lab.classroom.check import close, exercise
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, PURPLE, VERMILLION

PERIOD = sl.zoo.lotka_volterra.facts["period"]
LOOKS = [(BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."), (PURPLE, ":")]


@functools.cache
def _truth():
    problem = sl.zoo.lotka_volterra(tspan=(0.0, 5 * PERIOD))
    return sl.solve(problem, rtol=1e-9, atol=1e-9)


def _data():
    t = np.linspace(0.0, 2 * PERIOD, 16)
    return t, _truth()(t)


# --- self-checks ---------------------------------------------------------------------------------


@exercise("1.1", praise="A sixth of a period out of phase costs more than standing still.")
def ex1_1(shifted_loss):
    """Mean squared error of the true orbit, out of phase."""
    t, data = _data()
    found = shifted_loss(0.4)
    yield np.ndim(found) == 0, "the loss should be one number", "np.mean averages over everything"
    yield (
        close(shifted_loss(0.0), 0.0, atol=1e-10),
        "without a shift the true orbit should fit its own data",
        "compare truth(t + shift) with data",
    )
    want = np.mean((_truth()(t + 0.4) - data) ** 2)
    yield (
        not close(found, 32 * want, rtol=1e-5) and not close(found, 2 * want, rtol=1e-5),
        "for a shift of 0.4 the loss is too large by a whole factor",
        "take the mean over all 32 numbers, not their sum",
    )
    yield (
        close(found, want, rtol=1e-5),
        f"for a shift of 0.4 the loss should be {want:.4g}, and it is {float(found):.4g}",
        "the square of truth(t + shift) - data, averaged",
    )


@exercise("2.1", praise="Fourteen short problems are now one array.")
def ex2_1(cut):
    """Starts and targets of all segments of three points."""
    data = np.arange(12.0).reshape(6, 2) ** 2
    made = cut(data)
    yield (
        isinstance(made, tuple | list) and len(made) == 2,
        "`cut` should return two arrays, the starts and the targets",
        "return starts, targets",
    )
    starts, targets = made
    yield (
        np.shape(starts) != (4, 2),
        "the starts have one row for each segment; a batch is component first",
        "transpose: .T",
    )
    yield (
        np.shape(starts) == (2, 4),
        f"six points give four segments of three, so the starts should have shape (2, 4), "
        f"not {np.shape(starts)}",
        "the last two points begin no segment of three: data[:-2]",
    )
    yield (
        np.shape(targets) == (2, 2, 4),
        f"the targets should have shape (2, 2, 4), not {np.shape(targets)}: two later times, two "
        "components, four segments",
        "np.stack([data[1:-1].T, data[2:].T])",
    )
    yield close(starts, data[:-2].T), "the starts should be the points 0, 1, 2, 3", "data[:-2].T"
    yield (
        close(targets[0], data[1:-1].T) and close(targets[1], data[2:].T),
        "each segment should be followed by the next two points",
        "points 1..4 at the first later time, points 2..5 at the second",
    )


@exercise("3.1", praise="Now the field itself can be judged, not only one path through it.")
def ex3_1(field_error):
    """Relative error of a field at many states at once."""
    problem = sl.zoo.lotka_volterra()
    u = np.array([[1.0, 3.5, 6.0], [2.0, 0.4, 1.0]])
    true = problem.f(u, problem.p, 0.0)
    found = field_error(true, true)
    yield (
        np.shape(found) == (3,),
        f"three states should give three errors, not shape {np.shape(found)}",
        "np.linalg.norm(..., axis=0) runs over the components",
    )
    yield close(found, np.zeros(3)), "the true field should have error zero everywhere"
    yield (
        close(field_error(np.zeros_like(true), true), np.ones(3)),
        "a field that is zero everywhere should be wrong by 1, that is 100 %",
        "divide by the length of the *true* arrow",
    )
    yield (
        close(field_error(true + np.array([[0.0], [1.0]]), true), 1 / np.linalg.norm(true, axis=0)),
        "an arrow that is off by one unit should be wrong by 1/|true arrow|",
        "length of the difference, divided by the length of the true arrow",
    )


# --- drawings ------------------------------------------------------------------------------------


def draw_series(curves, title=""):
    """Draw truth and data of both species over five periods, and some answers to them.

    `curves` maps a name to a function of an array of times, with values ``(T, 2)``.
    """
    t, data = _data()
    fine = np.linspace(0.0, 5 * PERIOD, 601)
    figure = sl.plot.new_figure(680, 400)
    with sl.plot.style():
        axes = figure.subplots(2, 1, sharex=True)
        for i, name in enumerate(("prey $x$", "predators $y$")):
            axes[i].axvspan(0, 2, color="#EFEFEF", zorder=0)
            axes[i].plot(fine / PERIOD, _truth()(fine)[:, i], color=GREY, linestyle="-",
                         linewidth=1.3, label="truth")  # fmt: skip
            for (label, curve), (colour, dashes) in zip(curves.items(), LOOKS, strict=False):
                axes[i].plot(fine / PERIOD, curve(fine)[:, i], color=colour, linestyle=dashes,
                             label=label)  # fmt: skip
            axes[i].plot(
                t / PERIOD, data[:, i], "o", color=BLACK, markersize=4.5, label="16 points"
            )
            axes[i].set_ylabel(name)
            axes[i].set_ylim(-1.5, (9.5, 7)[i])
        axes[1].set_xlabel("time in periods (grey: where there are data)")
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=5, title=title or None)
    figure.alt = "Prey and predators over five periods; data over the first two. " + " ".join(
        f"{label}: error {_error(curve(fine), fine, 0, 2):.2g} on the data's periods, "
        f"{_error(curve(fine), fine, 2, 5):.2g} on the three that follow."
        for label, curve in curves.items()
    )
    return figure


def _error(u, times, begin, end):
    """Relative error between two times, in periods."""
    inside = (times >= begin * PERIOD) & (times <= end * PERIOD)
    return neural.relative_error(u[inside], _truth()(times[inside]))


def draw_shift(shifted_loss):
    """Draw the loss of the true orbit against its shift, beside that of the constant mean."""
    _, data = _data()
    flat = np.mean((data - data.mean(axis=0)) ** 2)
    figure = sl.plot.new_figure(640, 300)
    ready = ex1_1.verdict(shifted_loss).status == "correct"
    shifts = np.linspace(0.0, 1.0, 101)
    with sl.plot.style():
        axes = figure.subplots()
        if ready:
            losses = [shifted_loss(s * PERIOD) for s in shifts]
            axes.plot(shifts, losses, color=BLUE, label="the true orbit, shifted")
        axes.axhline(flat, color=VERMILLION, linestyle="--", label="a constant: the mean")
        axes.set_xlabel("shift in periods")
        axes.set_ylabel("loss")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, None if ready else 2 * flat)
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = f"The constant mean has a loss of {flat:.3g}."
    if ready:
        worse = shifts[np.asarray(losses) > flat]
        figure.alt += (
            f" The true orbit, shifted, is worse than that for every shift from {worse[0]:.2f} to "
            f"{worse[-1]:.2f} periods."
        )
    return figure


def draw_remedies(solutions):
    """Draw the prey of several trained equations over five periods, one below the other."""
    t, data = _data()
    fine = np.linspace(0.0, 5 * PERIOD, 601)
    figure = sl.plot.new_figure(680, 110 * len(solutions) + 60)
    says = []
    with sl.plot.style():
        axes = figure.subplots(len(solutions), 1, sharex=True, sharey=True)
        for axis, (name, sol), (colour, dashes) in zip(
            axes, solutions.items(), LOOKS, strict=False
        ):
            u = _until_it_ends(sol, fine)
            error = _error(u, fine, 2, 5)
            axis.axvspan(0, 2, color="#EFEFEF", zorder=0)
            axis.plot(fine / PERIOD, _truth()(fine)[:, 0], color=GREY, linestyle="-", linewidth=1.2)
            axis.plot(fine / PERIOD, u[:, 0], color=colour, linestyle=dashes)
            axis.plot(t / PERIOD, data[:, 0], "o", color=BLACK, markersize=4)
            axis.set_title(f"{name}: error {100 * error:.2g} % over the next three periods",
                           fontsize=10.5, loc="left")  # fmt: skip
            says.append(f"{name} {100 * error:.2g} %")
            axis.set_ylim(-0.5, 9)
        axes[-1].set_xlabel("time in periods (grey: where there are data)")
        figure.supylabel("prey $x$", fontsize=11)
    figure.alt = "Errors over three periods after the data: " + "; ".join(says) + "."
    return figure


def _until_it_ends(sol, times):
    """Values of a solution, NaN after the time where it gave up."""
    u = np.full((len(times), 2), np.nan)
    reached = times <= sol.t[-1]
    u[reached] = sol(times[reached])
    return u


def draw_starts(f, p, starts, turns=1.0):
    """Draw learned and true orbits from several starts, the data's first."""
    _, data = _data()
    figure = sl.plot.new_figure(560, 440)
    span = (0.0, turns * PERIOD)
    says = []
    with sl.plot.style():
        axes = figure.subplots()
        for k, u0 in enumerate(starts):
            true = sl.solve(sl.zoo.lotka_volterra(u0=u0, tspan=span), saveat=0.01 * PERIOD)
            learned = sl.solve(
                sl.ODEProblem(f, u0, span, p), rtol=1e-6, saveat=true.t, max_steps=5000
            )
            axes.plot(*true.u.T, color=GREY, linestyle="-", label="truth" if not k else "_")
            axes.plot(
                *learned.u.T, color=VERMILLION, linestyle="--", label="learned" if not k else "_"
            )
            axes.plot(*u0, "s", color=BLUE, markersize=6, label="starts" if not k else "_")
            u = np.full(true.u.shape, np.nan)
            u[: len(learned.u)] = learned.u
            says.append(f"from ({u0[0]:g}, {u0[1]:g}) {neural.relative_error(u, true.u):.2g}")
        axes.plot(*data.T, "o", color=BLACK, markersize=5, label="16 points")
        axes.set(xlabel="prey $x$", ylabel="predators $y$", xlim=(-0.5, 11), ylim=(-0.8, 8))
        figure.legend(loc="outside upper center", ncols=4)
    figure.alt = "Learned against true orbits. Relative errors: " + "; ".join(says) + "."
    return figure


# --- the measured success rates ------------------------------------------------------------------


def measured():
    """What measure_success.py wrote: the limit, the number of seeds, and one row for each run."""
    return json.loads(Path(__file__).with_name("success.json").read_text())


def success_table():
    """Print, for each recipe, how often it worked, and return the figure of all runs."""
    found = measured()
    limit, names = found["limit"], list(dict.fromkeys(row["recipe"] for row in found["runs"]))
    print(f"{'recipe':30} {'success':>8} {'at the mean':>12} {'median error':>13} {'CPU time':>9}")
    figure = sl.plot.new_figure(680, 60 + 38 * len(names))
    says = []
    with sl.plot.style():
        axes = figure.subplots()
        for k, name in enumerate(names):
            rows = [row for row in found["runs"] if row["recipe"] == name]
            error = np.array([row["error_later"] for row in rows])
            stuck = sum(row["error_on_data"] > 0.5 for row in rows)
            good = int(np.sum(error < limit))
            seconds = np.median([row["cpu_seconds"] for row in rows])
            print(f"{name:30} {good:3} of {len(rows)} {stuck:6} of {len(rows)} "
                  f"{np.median(error):13.3f} {seconds:7.1f} s")  # fmt: skip
            height = -k + 0.22 * np.linspace(-1, 1, len(rows))
            axes.plot(np.clip(error, 1e-3, 10), height, "o", color=BLUE, markersize=4, alpha=0.7)
            says.append(f"{name}: {good} of {len(rows)}")
        axes.axvline(limit, color=VERMILLION, linestyle="--")
        axes.set_xscale("log")
        axes.set_yticks([-k for k in range(len(names))], names)
        axes.set_xlabel("error over the next three periods (dashes: limit)")
        axes.grid(axis="y", visible=False)
    figure.alt = f"Runs with an error below {limit:g}: " + "; ".join(says) + "."
    return figure
