"""Self-checks and drawings of lesson 18."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise
from sciml_lab.plot.figure import BLACK, BLUE, GREEN, GREY, VERMILLION

G = 9.81


@exercise("1.1", praise="To the last digit: no number between a and b is left.")
def ex1_1(locate):
    """Where a function crosses zero."""
    asked = []

    def g(x):
        asked.append(float(x))
        if len(asked) > 1000:
            raise ValueError("g was asked a thousand times: end when nothing lies between a and b")
        return (x - 0.3) * (x * x + 1)

    got = locate(g, 0.0, 1.0)
    yield np.ndim(got) == 0 and not isinstance(got, bool), "the place should be one number"
    yield (
        abs(got - 0.3) < 1e-2,
        "the root 0.3 of a rising function is not found",
        "halve: keep the half in which the sign changes",
    )
    yield min(asked) >= 0 and max(asked) <= 1, "g should be asked inside of [a, b] only"
    yield (
        abs(locate(lambda x: 0.3 - x, 0.0, 1.0) - 0.3) < 1e-2,
        "the root of a falling function is not found",
        "compare the signs at the two ends of each half, not with 0",
    )
    yield (
        abs(got - 0.3) < 1e-15,
        f"the root is missed by {abs(got - 0.3):.1g}",
        "60 halves, or until the middle equals one of the ends",
    )
    far = locate(lambda x: x - 1000.1, 1000.0, 1001.0)
    yield abs(far - 1000.1) <= 3e-13, "between 1000 and 1001 the digits should be as many"


@exercise("1.2", praise="A geometric series: infinitely many impacts in a finite time.")
def ex1_2(impacts):
    """Times of the impacts of a ball."""
    got = impacts(G / 2, 0.5, 4)
    yield np.shape(got) == (4,), "n times should come back, as one array"
    yield (
        close(got[0], 1.0),
        "from the height g/2 the first impact should be at t = 1",
        "h = g t^2/2",
    )
    yield (
        close(got[1] - got[0], 1.0),
        "with e = 1/2 the second impact should follow one second later",
        "it leaves with e times the speed g t1, and is back after 2 e t1",
    )
    yield (
        close(got[1:] - got[:-1], [1.0, 0.5, 0.25]),
        "each pause should be e times the one before",
        "np.cumsum adds them up",
    )
    yield close(impacts(10.0, 0.9, 3)[0], np.sqrt(20 / G)), "the first time depends on the height"


#: The room of exercise 2.1: it cools towards 5 degrees; p is the heater's power, 0 or 15.
room = sl.ODEProblem(lambda u, p, t: -0.5 * (u - 5) + p[0], [21.0], (0.0, 12.0), [0.0])


def kept(thermostat, low, high):
    """The room with a thermostat."""
    return sl.solve(room, sl.Tsit5(), rtol=1e-9, atol=1e-9, callbacks=thermostat(low, high))


@exercise("2.1", praise="The state goes on where it was; the equation is another one.")
def ex2_1(thermostat):
    """Two events that switch a heater."""
    events = thermostat(18.0, 22.0)
    yield (
        isinstance(events, list | tuple)
        and len(events) == 2
        and all(isinstance(one, sl.Event) for one in events),
        "a list of two events should come back",
        "return [sl.Event(condition, affect, direction), sl.Event(...)]",
    )
    sol = kept(thermostat, 18.0, 22.0)
    yield (
        sol.u.min() > 18 - 1e-6,
        f"the room cools to {sol.u.min():.1f} degrees: the heater does not come on at 18",
        "the condition u[0] - low falls through zero; the affect returns (u, new p), p = [15.0]",
    )
    yield (
        sol.u.max() < 22 + 1e-6,
        f"the room heats up to {sol.u.max():.1f} degrees: the heater does not go off at 22",
        "u[0] - high rises through zero; the new p is [0.0]",
    )
    yield (
        len(sol.events) >= 2 and all(np.array_equal(one.after, one.before) for one in sol.events),
        "the temperature should be the same before and after a switch",
        "return (u, new p): the first of the two is the state as it is",
    )
    period = 2 * np.log(17 / 13) + 2 * np.log((35 - 18) / (35 - 22))
    pauses = np.diff([one.t for one in sol.events][::2])
    yield close(pauses, np.full(len(pauses), period), rtol=1e-6), "the heater's power should be 15"
    other = kept(thermostat, 19.0, 20.0)
    later = other.u[other.t > 3]
    yield (
        later.min() > 19 - 1e-6 and later.max() < 20 + 1e-6,
        "low and high should be the numbers that are given",
    )


@exercise("3.1", praise="The multiplier is what the rod pulls with, per length and mass.")
def ex3_1(multiplier):
    """The force of the rod."""
    x, v, a = np.array([0.0, -1.0]), np.array([0.0, 0.0]), np.array([0.0, -G])
    got = multiplier(x, v, a)
    yield np.ndim(got) == 0, "the multiplier should be one number", "products of vectors: x @ a"
    yield (
        close(got, G),
        "at rest below the pivot the rod should carry the weight: lambda = g",
        "set g'' = v.v + x.(a - lambda x) to zero",
    )
    yield (
        close(multiplier(x, np.array([3.0, 0.0]), a), G + 9),
        "with the speed 3 the rod should pull in the circle too: lambda = g + 9",
        "don't forget v.v",
    )
    yield (
        close(multiplier(2 * x, np.array([3.0, 0.0]), a), G / 2 + 9 / 4),
        "off the circle x.x is not 1, and the formula still has to hold",
        "divide by x @ x",
    )


@exercise("3.2", praise="Position first, then velocity: both constraints hold to rounding.")
def ex3_2(project):
    """Back onto the circle."""
    x, v = np.array([0.6, -0.8]) * 1.1, np.array([1.0, 2.0])
    given = x.copy(), v.copy()
    both = project(x, v)
    yield (
        np.array_equal(x, given[0]) and np.array_equal(v, given[1]),
        "your function changes x or v in place",
        "write x = x / ..., not x /= ...",
    )
    yield (
        isinstance(both, tuple | list | np.ndarray)
        and len(both) == 2
        and np.shape(both[0]) == np.shape(both[1]) == (2,),
        "a new x and a new v should come back",
    )
    new, speed = (np.asarray(part) for part in both)
    yield close(new @ new, 1.0), "the new x should have length 1", "divide by its length"
    yield close(new, [0.6, -0.8]), "the new x should be the nearest point of the circle"
    yield (
        abs(new @ speed) < 1e-12,
        "the new velocity should be perpendicular to the new x",
        "subtract its part along the rod: v - (x.v) x, with the new x",
    )
    along = np.array([0.8, 0.6])
    yield close(speed @ along, v @ along), "the part of v along the circle should stay"


def draw_start(naive, located, roof):
    """Draw the heights of a ball whose impacts are noticed late, and at once."""
    figure = sl.plot.new_figure(660, 320)
    t = np.linspace(0, naive.t[-1], 3000)
    low = naive(t)[:, 0]
    with sl.plot.style():
        axes = figure.subplots()
        axes.axhline(0, color=BLACK, linewidth=1.5, linestyle="-")
        axes.axhline(roof, color=GREY, linewidth=1.2, linestyle=":")
        axes.text(16.3, roof + 1, "where it was dropped", ha="center", fontsize=9)
        axes.plot(t, low, color=VERMILLION, linestyle="--", linewidth=1.4,
                  label="looked at after each step")  # fmt: skip
        axes.plot(naive.t, naive.u[:, 0], "s", color=VERMILLION, markersize=5, label="its steps")
        axes.plot(t, located(t)[:, 0], color=BLUE, linestyle="-", linewidth=1.4, label="sl.Event")
        axes.set(xlabel="time [s]", ylabel="height [m]")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = (
        f"Looked at after each step, the ball is {-low.min():.0f} m under the ground before it is "
        f"noticed, and bounces up to {low.max():.0f} m; with sl.Event it bounces lower each time."
    )
    return figure


def show_1_1(locate):
    """Draw one long step of the falling ball and, once it is written, the root inside of it."""
    ready = ex1_1.verdict(locate).status == "correct"
    ball = sl.ODEProblem(lambda u, p, t: np.array([u[1], -G]), [10.0, 0.0], (0.0, 5.0))
    sol = sl.solve(ball, sl.Tsit5(), rtol=1e-6, atol=1e-6)
    k = int(np.argmax(sol.u[:, 0] < 0))
    a, b = sol.t[k - 1], sol.t[k]
    t = np.linspace(a, b, 100)
    figure = sl.plot.new_figure(560, 290)
    told = "the impact appears when `locate` is written."
    with sl.plot.style():
        axes = figure.subplots()
        axes.axhline(0, color=BLACK, linewidth=1.5, linestyle="-")
        axes.plot(t, sol(t)[:, 0], color=GREY, linestyle="-", label="dense output")
        axes.plot([a, b], sol([a, b])[:, 0], "s", color=VERMILLION, label="both ends")
        if ready:
            root = locate(lambda s: sol(s)[0], a, b)
            told = f"yours is at {root:.14f}, the exact one at {np.sqrt(20 / G):.14f}."
            axes.plot(root, 0, "o", color=BLUE, markersize=9, label="yours")
            axes.set_title(f"impact at t = {root:.14f} s", fontsize=11)
        axes.set(xlabel="time [s]", ylabel="height [m]")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = f"One step of the solver, from above the ground to far below it; {told}"
    return figure


def show_1_2(impacts, sol):
    """Draw how far the located impacts are from the closed form, once it is written."""
    ready = ex1_2.verdict(impacts).status == "correct"
    times = np.array([one.t for one in sol.events])
    figure = sl.plot.new_figure(620, 290)
    told = "; the errors appear when `impacts` is written."
    with sl.plot.style():
        left, right = figure.subplots(1, 2)
        n = np.arange(1, len(times) + 1)
        left.plot(n, times, ".", color=BLUE)
        left.set(xlabel="impact", ylabel="time [s]", ylim=(0, None))
        right.set(xlabel="impact", ylabel="error of its time [s]", yscale="log", ylim=(1e-17, 1e-8),
                  xlim=left.get_xlim())  # fmt: skip
        right.axhline(1e-10, color=GREEN, linestyle="--", linewidth=1.2)
        if ready:
            error = np.abs(times - impacts(10.0, 0.9, len(times)))
            right.plot(n, np.maximum(error, 1e-17), ".", color=BLUE)
            told = (
                f" within {error[:20].max():.1g} s for the first 20, {error.max():.1g} s for all."
            )
    figure.alt = f"Times of {len(times)} impacts, which pile up at {times[-1]:.2f} s" + told
    return figure


def show_2_1(thermostat):
    """Draw a day of the room, once the thermostat is written."""
    ready = ex2_1.verdict(thermostat).status == "correct"
    figure = sl.plot.new_figure(640, 290)
    told = "the room without a heater; the thermostat appears when it is written."
    with sl.plot.style():
        axes = figure.subplots()
        for level in (18, 22):
            axes.axhline(level, color=GREY, linestyle=":", linewidth=1.2)
        t = np.linspace(0, 12, 600)
        axes.plot(t, 5 + 16 * np.exp(-0.5 * t), color=GREY, linestyle="--", label="no heater")
        if ready:
            sol = kept(thermostat, 18.0, 22.0)
            axes.plot(t, sol(t)[:, 0], color=BLUE, linestyle="-", label="yours")
            times = [one.t for one in sol.events]
            axes.plot(times, [one.after[0] for one in sol.events], "o", color=BLACK, markersize=5,
                      label="switches")  # fmt: skip
            for on, off in zip(times[::2], [*times[1::2], 12.0], strict=False):
                axes.axvspan(on, min(off, 12.0), color=VERMILLION, alpha=0.15)
            told = f"{len(times)} switches in 12 hours, always between 18 and 22 degrees."
        axes.set(xlabel="time [h]", ylabel="temperature [°C]", ylim=(4, 24))
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = f"Temperature of a room: {told}"
    return figure


def draw_friction(sol, force, friction):
    """Draw a block that sticks and slips: what pushes it, and its velocity."""
    figure = sl.plot.new_figure(660, 330)
    t = np.linspace(*sol.problem.tspan, 800)
    v = sol(t)[:, 1]
    with sl.plot.style():
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.plot(t, force(t), color=BLACK, linestyle="-", label="push")
        for level in (-friction, friction):
            upper.axhline(level, color=GREY, linestyle=":", linewidth=1.2)
        lower.plot(t, v, color=BLUE, linestyle="-", label="velocity")
        times = np.array([one.t for one in sol.events if one.after[1] == 0])
        lower.plot(times, 0 * times, "o", color=VERMILLION, markersize=5, label="events")
        for axes in (upper, lower):
            axes.fill_between(t, 0, 1, where=v == 0, transform=axes.get_xaxis_transform(),
                              color=GREY, alpha=0.25, linewidth=0)  # fmt: skip
        upper.set(ylabel="push")
        lower.set(xlabel="time", ylabel="velocity")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = (
        f"A block under a push that swings: at {len(times)} events it stops or goes on; it sticks "
        f"(shaded, {100 * np.mean(v == 0):.0f} % of the time) and slips in turn."
    )
    return figure


def show_3_1(multiplier):
    """Draw the force of the rod along a swing, once it is written."""
    ready = ex3_1.verdict(multiplier).status == "correct"
    figure = sl.plot.new_figure(520, 290)
    told = "yours appears when `multiplier` is written."
    with sl.plot.style():
        axes = figure.subplots()
        y = np.linspace(-1, 0, 50)
        axes.plot(y, -3 * G * y, color=GREY, linestyle="-", linewidth=4, alpha=0.6,
                  label=r"$-3 g y$, by the energy")  # fmt: skip
        if ready:
            sol = sl.solve(swing(multiplier), sl.Tsit5(), rtol=1e-8, atol=1e-8)
            a = np.array([0.0, -G])
            pulls = [multiplier(u[:2], u[2:], a) for u in sol.u]
            axes.plot(sol.u[:, 1], pulls, "o", color=BLUE, markersize=3.5, label="yours")
            miss = np.abs(np.array(pulls) + 3 * G * sol.u[:, 1]).max()
            told = f"yours lies on it to {miss:.1g} along two seconds of the swing."
        axes.set(xlabel="height $y$ [m]", ylabel=r"$\lambda$ [1/s²]")
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = f"Force of the rod against height, a straight line by the energy: {told}"
    return figure


def swing(multiplier, end=2.0):
    """The pendulum as an ordinary equation, with lambda put in."""

    def f(u, p, t):
        x, v, a = u[:2], u[2:], np.array([0.0, -G])
        return np.concatenate([v, a - multiplier(x, v, a) * x])

    return sl.ODEProblem(f, [1.0, 0.0, 0.0, 0.0], (0.0, end))


def show_3_2(project):
    """Draw the residual of a pendulum without care and, once it is written, projected."""
    ready = ex3_2.verdict(project).status == "correct"
    problem = sl.zoo.pendulum_motion(tspan=(0.0, 20.0)).problem(index=0)
    options = {"rtol": 1e-4, "atol": 1e-4, "dense": False}
    runs = {"without care": sl.solve(problem, sl.Tsit5(), **options)}
    if ready:

        def affect(u, p, t):
            return np.concatenate(project(u[:2], u[2:]))

        hold = sl.Discrete(lambda u, p, t: True, affect)
        runs["yours"] = sl.solve(problem, sl.Tsit5(), callbacks=hold, **options)
    figure, said = sl.plot.new_figure(600, 290), []
    with sl.plot.style():
        axes = figure.subplots()
        for (name, sol), color, marker in zip(
            runs.items(), (VERMILLION, BLUE), ".x", strict=False
        ):  # fmt: skip
            off = np.abs((sol.u[1:, :2] ** 2).sum(axis=1) - 1) / 2
            axes.semilogy(sol.t[1:], np.maximum(off, 1e-17), color=color, marker=marker,
                          linestyle="none", markersize=4, label=name)  # fmt: skip
            said.append(f"{name} up to {off.max():.2g}")
        axes.set(xlabel="time [s]", ylabel="$|g|$", ylim=(1e-17, 10))
        axes.set_yticks(10.0 ** np.arange(-16, 1, 4))
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = f"Residual of the constraint: {'; '.join(said)}" + (
        "." if ready else "; yours appears when `project` is written."
    )
    return figure
