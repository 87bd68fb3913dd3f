"""Self-checks and drawings of lesson 06."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise, measured_order
from sciml_lab.plot.figure import BLACK, BLUE, GREY, MARKERS, VERMILLION


def swing(u, p, t):
    """A forced oscillation: it depends on the state, on the parameter and on time."""
    return np.array([u[1], -p[0] * u[0] + np.cos(t)])


def end_of_swing(step, n):
    """The state at t = 2 after n steps."""
    u, p = np.array([1.0, 0.0]), np.array([2.0])
    for k in range(n):
        u = step(swing, u, p, 2.0 * k / n, 2.0 / n)
    return u


EXACT = sl.solve(
    sl.ODEProblem(swing, [1.0, 0.0], (0.0, 2.0), [2.0]), sl.DOP853(), rtol=1e-12, atol=1e-13
).u[-1]


def order_of(step, n=(40, 80, 160)):
    """The order that the errors at t = 2 show."""
    errors = [np.linalg.norm(end_of_swing(step, k) - EXACT) for k in n]
    return measured_order(2.0 / np.array(n), np.maximum(errors, 1e-300))


@exercise("1.1", praise="One more look at the slope, and the error falls with the square of h.")
def ex1_1(midpoint_step):
    """The explicit midpoint rule."""
    u = np.array([1.0, 2.0])
    before = u.copy()
    new = midpoint_step(swing, u, np.array([2.0]), 0.0, 0.1)
    yield (
        np.array_equal(u, before),
        "your step changes the old state",
        "write u + ..., not u += ...",
    )
    yield np.shape(new) == (2,), "the new state should have the shape of the old one"
    yield (
        close(
            midpoint_step(lambda u, p, t: np.array([2 * t]), np.zeros(1), None, 1.0, 0.5), [1.25]
        ),
        "for u' = 2t from t = 1 to 1.5 the step should be exact: 1.25",
        "ask for the slope at the time t + h/2",
    )
    order = order_of(midpoint_step)
    yield (
        order > 1.7,
        f"its errors show order {order:.2f}, and it should be 2",
        "go half a step with k1, ask for the slope k2 there, then go the whole step with k2",
    )
    yield (
        order < 2.3 and close(new, sl.Midpoint().step(swing, u, np.array([2.0]), 0.0, 0.1).u),
        "it has order 2 or more, but it is another method than the midpoint rule",
        "u + h k2, and k1 serves only to find the middle",
    )


@exercise("2.1", praise="Two answers from two slopes: now a solver knows how wrong it is.")
def ex2_1(heun_euler):
    """Heun's step with Euler's as its judge."""
    u, p = np.array([1.0, 2.0]), np.array([2.0])
    pair = heun_euler(swing, u, p, 0.3, 0.1)
    yield (
        isinstance(pair, tuple) and len(pair) == 2,
        "it should return two things, the new state and the error",
        "return u_new, error",
    )
    k1 = swing(u, p, 0.3)
    k2 = swing(u + 0.1 * k1, p, 0.4)
    yield (
        close(pair[0], u + 0.05 * (k1 + k2)),
        "the new state should be Heun's",
        "u + h/2 (k1 + k2), with k2 at t + h and u + h k1",
    )
    yield np.shape(pair[1]) == (2,), "the error should be one number for each unknown"
    yield (
        close(np.abs(pair[1]), 0.05 * np.abs(k2 - k1)),
        "the error should be the difference between Heun's answer and Euler's",
        "Euler's answer is u + h k1",
    )


@exercise("3.1", praise="One step on u' = z u, and the method has told you where it is stable.")
def ex3_1(growth):
    """The stability function of any step."""

    def euler(f, u, p, t, h):
        return u + h * f(u, p, t)

    def heun(f, u, p, t, h):
        k1 = f(u, p, t)
        return u + h / 2 * (k1 + f(u + h * k1, p, t + h))

    yield (
        close(growth(euler, 0.0), 1.0),
        "for z = 0 nothing should change: the growth is 1",
        "start from u = 1 and return the u after one step",
    )
    yield (
        close(growth(euler, -0.5), 0.5),
        "Euler's growth should be 1 + z, so 0.5 at z = -0.5",
        "f is  lambda u, p, t: z * u,  and h = 1",
    )
    yield (
        close(growth(heun, -1.5), 1 - 1.5 + 1.5**2 / 2),
        "Heun's growth should be 1 + z + z^2/2",
        "hand the step over that you are given, do not write Euler's",
    )
    yield (
        close(growth(heun, 1j), 0.5 + 1j),
        "it should work for complex z as well",
        "no float() and no abs() inside",
    )


def draw_orbits(problem, paths):
    """Draw computed orbits over the true one."""
    true = sl.solve(problem, sl.DOP853(), rtol=1e-9, atol=1e-9, saveat=0.02).u
    figure = sl.plot.new_figure(600, 420)
    with sl.plot.style():
        axes = figure.subplots()
        axes.plot(*true.T, color=GREY, linestyle="-", linewidth=4, label="true orbit")
        for (name, path), look in zip(paths.items(), sl.plot.looks(len(paths)), strict=True):
            axes.plot(*path.T, label=name, linewidth=1.4, **look)
        axes.plot(*problem.u0, "o", color=BLACK)
        axes.set_xlabel("prey $x$")
        axes.set_ylabel("predators $y$")
        figure.legend(loc="outside upper center", ncols=3)
    ends = [f"{name} ends at ({p[-1, 0]:.2f}, {p[-1, 1]:.2f})" for name, p in paths.items()]
    figure.alt = f"The true orbit closes; {'; '.join(ends)}, the truth at " + (
        f"({true[-1, 0]:.2f}, {true[-1, 1]:.2f})."
    )
    return figure


def show_1_1(integrate, euler_step, midpoint_step, problem, n=400):
    """Draw Euler's orbit, and the midpoint rule's once it is right."""
    paths = {f"Euler, {n} steps": integrate(euler_step, problem, n)}
    if ex1_1.verdict(midpoint_step).status == "correct":
        paths[f"midpoint, {n // 2} steps"] = integrate(midpoint_step, problem, n // 2)
    return draw_orbits(problem, paths)


def show_2_1(adaptive, heun_euler, problem):
    """Draw where the student's own adaptive solver takes its steps, once the pair is right."""
    ready = ex2_1.verdict(heun_euler).status == "correct"
    figure = sl.plot.new_figure(640, 380)
    times = adaptive(heun_euler, problem, 0.02)[0] if ready else np.array([])
    with sl.plot.style():
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        t = np.linspace(*problem.tspan, 600)
        u = sl.solve(problem, rtol=1e-8, atol=1e-8)(t)
        upper.plot(t, u[:, 0], color=BLUE, linestyle="-", label="prey")
        upper.plot(t, u[:, 1], color=VERMILLION, linestyle="--", label="predators")
        upper.plot(times, np.zeros_like(times), "|", color=BLACK, label="your steps")
        upper.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.25))
        lower.semilogy(times[:-2], np.diff(times)[:-1], color=BLACK, linestyle="-", linewidth=1.2)
        lower.set_ylabel("step size $h$")
        lower.set_xlabel("time $t$")
    steps = np.diff(times)[:-1]  # the last one was cut short to end on time
    figure.alt = "Prey and predators over time" + (
        f"; your solver takes {len(steps) + 1} steps, from {steps.min():.2g} where prey crash to "
        f"{steps.max():.2g} where little happens."
        if ready
        else "; your steps appear when the pair is written."
    )
    return figure


def draw_arenstorf(sol, work):
    """Draw the orbit, and how far it misses its start against the evaluations of f."""
    figure = sl.plot.new_figure(690, 350)
    with sl.plot.style():
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
        fine = sol(np.linspace(sol.t[0], sol.t[-1], 2000))
        left.plot(fine[:, 0], fine[:, 1], color=BLUE, linestyle="-", linewidth=1)
        left.plot(sol.u[:, 0], sol.u[:, 1], ".", color=BLUE, markersize=4)
        left.plot([0.0, 1.0], [0.0, 0.0], "o", color=GREY)
        for name, x, side in (("Earth", 0.0, "left"), ("Moon", 1.0, "right")):
            left.annotate(name, (x, 0), (0, -14), textcoords="offset points", ha=side, fontsize=9)
        left.set_aspect("equal")
        left.set_title(f"{sol.method.name}: {len(sol.t) - 1} steps")
        looks = sl.plot.looks(len(work))
        for (name, points), look, marker in zip(work.items(), looks, MARKERS, strict=False):
            right.loglog(*np.transpose(points), marker=marker, label=name, **look)
        right.set_xlabel("evaluations of $f$")
        right.set_ylabel("misses its start by")
        right.legend()
    best = {name: f"{points[-1][1]:.1e} for {points[-1][0]}" for name, points in work.items()}
    figure.alt = "An orbit round Earth and Moon, and the miss after one period: " + (
        "; ".join(f"{name} {text} evaluations" for name, text in best.items()) + "."
    )
    return figure


def show_3_1(growth, steps):
    """Draw where each step is stable, measured by the student's own function once it is right."""
    ready = ex3_1.verdict(growth).status == "correct"
    figure = sl.plot.new_figure(560, 420)
    with sl.plot.style():
        axes = figure.subplots()
        x, y = np.linspace(-4, 1.5, 331), np.linspace(-3.2, 3.2, 385)
        z = x + 1j * y[:, None]
        drawn = []
        for (name, step), look in zip(steps.items(), sl.plot.looks(len(steps)), strict=True):
            size = np.abs(growth(step, z)) if ready and probe(step) else None
            if size is not None:
                axes.contour(x, y, size, levels=[1], colors=[look["color"]],
                             linestyles=[look["linestyle"]], linewidths=2)  # fmt: skip
                axes.plot([], [], label=name, **look)
                drawn.append(f"{name} to {x[(size[len(y) // 2] <= 1).argmax()]:.2f}")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set(xlim=(-4, 1.5), ylim=(-3.2, 3.2), aspect="equal")
        axes.set_xlabel(r"Re $h\lambda$")
        axes.set_ylabel(r"Im $h\lambda$")
        if drawn:
            figure.legend(loc="outside upper center", ncols=4)
    figure.alt = (
        f"Stable regions in the plane of h lambda, along the real axis: {', '.join(drawn)}."
        if drawn
        else "The plane of h lambda; the stable regions appear when `growth` is written."
    )
    return figure


def probe(step) -> bool:
    """Whether a step is written already."""
    try:
        return step(lambda u, p, t: -u, 1.0, None, 0.0, 0.1) is not None
    except Exception:  # a step that is half written is not drawn, and its own check says why
        return False
