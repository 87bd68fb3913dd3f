"""Self-checks and drawings of lesson 07."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION

MATRIX = np.array([[-3.0, 1.0], [2.0, -40.0]])


def linear(u, p, t):
    """A linear equation with two rates."""
    return MATRIX @ u


def linear_jac(u, p, t):
    """Its Jacobian."""
    return MATRIX


def curved(u, p, t):
    """A nonlinear equation that depends on the parameter and on time."""
    return np.array([u[1] + np.sin(t), p[0] * (1 - u[0] ** 2) * u[1] - u[0]])


def curved_jac(u, p, t):
    """Its Jacobian."""
    return np.array([[0.0, 1.0], [-2 * p[0] * u[0] * u[1] - 1, p[0] * (1 - u[0] ** 2)]])


@exercise("1.1", praise="The farthest eigenvalue dictates the step, wherever the solution goes.")
def ex1_1(stable_step):
    """The largest step that stability allows."""
    h = stable_step(np.diag([-1.0, -100.0]), 3.5)
    yield np.ndim(h) == 0, "the step should be one number"
    yield (
        close(h, 0.035),
        "for the rates 1 and 100 and the limit 3.5 the step should be 0.035",
        "h |lambda| may be as large as the limit, for the largest |lambda|",
    )
    turning = stable_step(np.array([[0.0, 10.0], [-10.0, 0.0]]), 3.5)
    yield (
        not np.iscomplexobj(turning) and close(turning, 0.35),
        "for the eigenvalues 10i and -10i the step should be 0.35",
        "take the modulus np.abs of the eigenvalues, not their real part",
    )
    yield (
        close(stable_step(np.array([[-1.0, 1000.0], [0.0, -2.0]]), 3.5), 1.75),
        "for [[-1, 1000], [0, -2]] the step should be 1.75",
        "eigenvalues count, not the entries of J or its norm: np.linalg.eigvals",
    )


@exercise("2.1", praise="One linear system, and the guess is much better than before.")
def ex2_1(newton):
    """One correction of Newton's iteration."""
    u, v, h = np.array([1.0, 2.0]), np.array([5.0, -7.0]), 0.3
    kept = v.copy()
    d = newton(linear, linear_jac, u, None, 0.0, h, v)
    yield np.array_equal(v, kept), "your function changes the guess v", "return d, not v + d"
    yield np.shape(d) == (2,), "the correction should have the shape of the state"
    solved = np.linalg.solve(np.eye(2) - h * MATRIX, u)
    yield (
        not close(d, solved),
        "that is the new state, and the correction is wanted",
        "the right side is u + h f(v) - v",
    )
    yield (
        close(v + d, solved),
        "on a linear equation one correction should lead to the solution, from any guess",
        "solve (I - h J) d = u + h f(v) - v",
    )
    p, t = np.array([3.0]), 0.4
    d = newton(curved, curved_jac, u, p, t, h, v)
    W = np.eye(2) - h * curved_jac(v, p, t + h)
    right = u + h * curved(v, p, t + h) - v
    yield (
        not close(d, np.linalg.solve(W, u + h * curved(v, p, t) - v)),
        "f should be asked at the end of the step",
        "that is the time t + h",
    )
    yield (
        close(d, np.linalg.solve(W, right)),
        "on a nonlinear equation the correction is another one",
        "f and its Jacobian at the guess v, not at the old state u",
    )


@exercise("2.2", praise="A step that no stiffness can make unstable.")
def ex2_2(implicit_step):
    """The implicit Euler step."""
    u, h = np.array([1.0, 2.0]), 0.3
    kept = u.copy()
    new = implicit_step(linear, linear_jac, u, None, 0.0, h)
    yield np.array_equal(u, kept), "your step changes the old state", "write v = v + d, not v += d"
    yield np.shape(new) == (2,), "the new state should have the shape of the old one"
    yield (
        close(new, np.linalg.solve(np.eye(2) - h * MATRIX, u)),
        "on a linear equation the step should be u/(1 - h lambda), for each part",
        "start from v = u, and add corrections to v",
    )
    p, t = np.array([3.0]), 0.4
    new = implicit_step(curved, curved_jac, u, p, t, h)
    rest = np.linalg.norm(new - u - h * curved(new, p, t + h))
    yield (
        rest < 1e-8,
        f"the new state misses its equation v = u + h f(v) by {rest:.1e}",
        "repeat the correction until it is below 1e-10, or ten times",
    )


@exercise("3.1", praise="The weight theta decides what becomes of the fastest parts.")
def ex3_1(growth):
    """The stability function of the theta method."""
    yield (
        close(growth(0.0, -0.5), 0.5),
        "for theta = 0 the method is Euler's, whose growth is 1 + z",
        "put u = 1 and f = lambda u into the equation, and solve it for the new u",
    )
    yield (
        close(growth(1.0, -3.0), 0.25),
        "for theta = 1 the method is the implicit Euler method: 1/(1 - z)",
        "what stands at the new u goes to the other side: (1 - theta z) u_new",
    )
    yield (
        close(growth(0.25, -2.0), 1.0 - 2.0 / 1.5),
        "for theta = 1/4 and z = -2 the growth should be -1/3",
        "(1 + (1 - theta) z)/(1 - theta z)",
    )
    z = np.array([-1e6, 2j])
    yield (
        close(growth(0.5, z), (1 + z / 2) / (1 - z / 2)),
        "it should work for complex z, and for arrays of them",
        "no float() and no abs() inside",
    )


@exercise("4.1", praise="A Rosenbrock method: implicit, and nothing is iterated.")
def ex4_1(rosenbrock_step):
    """The linearly implicit Euler step."""
    u, p, h = np.array([1.0, 2.0]), np.array([3.0]), 0.3
    kept, asked = u.copy(), []

    def counted(u, p, t):
        asked.append(t)
        return curved(u, p, t)

    new = rosenbrock_step(counted, curved_jac, u, p, 0.4, h)
    yield np.array_equal(u, kept), "your step changes the old state", "write u + ..., not u += ..."
    yield np.shape(new) == (2,), "the new state should have the shape of the old one"
    yield len(asked) == 1, f"it evaluates f {len(asked)} times, and once is enough"
    yield (
        close(
            rosenbrock_step(linear, linear_jac, u, None, 0.0, h),
            np.linalg.solve(np.eye(2) - h * MATRIX, u),
        ),
        "on a linear equation it should be the implicit Euler method",
        "solve (I - h J) k = f(u), then go h k",
    )
    k = np.linalg.solve(np.eye(2) - h * curved_jac(u, p, 0.4), curved(u, p, 0.4))
    yield (
        close(new, u + h * k),
        "on a nonlinear equation it is another method",
        "f and its Jacobian at the old state u and time t",
    )


def draw_start(problem, calm, stuck):
    """Draw the solution, and how far the explicit method came."""
    figure = sl.plot.new_figure(640, 300)
    with sl.plot.style():
        axes = figure.subplots()
        t = np.union1d(calm.t, np.linspace(*problem.tspan, 400))
        axes.plot(t, calm(t)[:, 0], color=BLUE, linestyle="-", linewidth=1.4, label="solution")
        axes.plot(calm.t, calm.u[:, 0], "o", color=BLUE, markersize=3.5,
                  label=f"{calm.method.name}: {len(calm.t) - 1} steps")  # fmt: skip
        axes.plot(stuck.t[-1], stuck.u[-1, 0], "s", color=VERMILLION, markersize=9,
                  fillstyle="none", markeredgewidth=2,
                  label=f"{stuck.method.name} after {len(stuck.t) - 1} steps")  # fmt: skip
        axes.set_xlabel("time $t$")
        axes.set_ylabel("$x$")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = (
        f"Van der Pol's x over time: slow stretches and two jumps. {calm.method.name} takes "
        f"{len(calm.t) - 1} steps; after as many as {len(stuck.t) - 1}, {stuck.method.name} is "
        f"at t = {stuck.t[-1]:.3g} of {problem.tspan[1]:g}."
    )
    return figure


def show_1_1(stable_step, problem, calm, limit):
    """Draw the step that stability allows, once it is written, beside the steps of `calm`."""
    ready = ex1_1.verdict(stable_step).status == "correct"
    figure = sl.plot.new_figure(640, 320)
    f, p = problem.f, problem.p
    t, taken = calm.t[:-1], np.diff(calm.t)
    with sl.plot.style():
        axes = figure.subplots()
        axes.semilogy(t, taken, ".", color=BLUE, markersize=5,
                      label=f"steps that {calm.method.name} takes")  # fmt: skip
        if ready:
            J = [sl.ad.jacobian(lambda u, s=s: f(u, p, s), u)
                 for s, u in zip(t, calm.u[:-1], strict=True)]  # fmt: skip
            allowed = np.array([stable_step(each, limit) for each in J])
            axes.semilogy(t, allowed, color=VERMILLION, linestyle="-", linewidth=1.4,
                          label="steps at which Tsit5 is stable")  # fmt: skip
        axes.set_xlabel("time $t$")
        axes.set_ylabel("step size $h$")
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = f"Step sizes over time: {calm.method.name} goes up to {taken.max():.2g}" + (
        f"; stability allows Tsit5 {allowed[0]:.2g} at the start, and at most {allowed.max():.2g}."
        if ready
        else "; what stability allows appears when `stable_step` is written."
    )
    return figure


def with_growing_steps(step, problem, jac, times):
    """States at the given times, one step between each two."""
    u = [problem.u0]
    for t, h in zip(times[:-1], np.diff(times), strict=True):
        u.append(step(problem.f, jac, u[-1], problem.p, t, h))
    return np.array(u)


def show_2_2(implicit_step, problem, jac, n=160):
    """Draw ROBER over fifteen powers of ten in time, and the student's steps once they work."""
    ready = ex2_2.verdict(implicit_step).status == "correct"
    times = np.concatenate([[0.0], np.geomspace(1e-4, problem.tspan[1], n)])
    fine = sl.solve(problem, sl.Rodas5P(), rtol=1e-7, atol=1e-14, saveat=times[1:]).u
    figure = sl.plot.new_figure(640, 340)
    with sl.plot.style():
        axes = figure.subplots()
        mine = with_growing_steps(implicit_step, problem, jac, times)[1:] if ready else None
        for i, (look, marker) in enumerate(zip(sl.plot.looks(3), "osD", strict=True)):
            name, scale = ("A", r"$2\cdot 10^4\,B$", "C")[i], (1.0, 2e4, 1.0)[i]
            axes.semilogx(times[1:], scale * fine[:, i], label=name, linewidth=1.2, **look)
            if ready:
                axes.semilogx(times[1::4], scale * mine[::4, i], marker, color=look["color"],
                              markersize=4)  # fmt: skip
        if ready:
            axes.plot([], [], "o", color=BLACK, markersize=4, label="your steps (every fourth)")
        axes.set_xlabel("time $t$ in s")
        axes.set_ylabel("concentration")
        figure.legend(loc="outside upper center", ncols=4)
    figure.alt = f"Three concentrations of ROBER up to t = {times[-1]:.0e}" + (
        f"; your {n} steps follow them within {np.abs(mine - fine).max():.2g}."
        if ready
        else "; your steps appear when the step is written."
    )
    return figure


def show_3_1(growth):
    """Draw |R| along the negative axis, and a fast transient at a large step."""
    ready = ex3_1.verdict(growth).status == "correct"
    problem = sl.zoo.prothero_robinson(rate=-1000.0).replace(u0=[1.0], tspan=(0.0, 1.0))
    figure = sl.plot.new_figure(690, 330)
    with sl.plot.style():
        left, right = figure.subplots(1, 2)
        z = -np.geomspace(1e-1, 1e5, 300)
        for theta, look in zip((0.5, 0.6, 1.0), sl.plot.looks(3), strict=True):
            if ready:
                left.loglog(-z, np.abs(growth(theta, z)), label=rf"$\theta={theta:g}$", **look)
        left.axhline(1, color=GREY, linewidth=0.8)
        left.set(xlabel=r"$-z = -h\lambda$", ylabel=r"$|R_\theta(z)|$", xscale="log",
                 yscale="log", ylim=(1e-5, 5), xlim=(1e-1, 1e5))  # fmt: skip
        if ready:
            left.legend(loc="lower left")
        t = np.linspace(0, 1, 200)
        right.plot(t, np.sin(t), color=GREY, linestyle="-", linewidth=3, label="solution")
        for method, look in zip(
            (sl.Trapezoid(), sl.ImplicitEuler(), sl.Rodas5P()), sl.plot.looks(3), strict=True
        ):
            sol = sl.solve(problem, method, dt=0.05, adaptive=False)
            right.plot(sol.t, sol.u[:, 0], marker="o", markersize=3.5, linewidth=1.2,
                       label=method.name, **look)  # fmt: skip
        right.set(xlabel="time $t$", ylabel="$u$", ylim=(-1.1, 1.7))
        right.legend(ncols=2, loc="upper center", fontsize=9, columnspacing=1.0)
    figure.alt = (
        (
            f"|R| far out: theta = 1/2 stays at 1, theta = 0.6 at {abs(growth(0.6, -1e5)):.2g}, "
            "theta = 1 falls to zero. "
            if ready
            else "The growth appears when it is written. "
        )
        + "Beside it a start off the solution, at h lambda = -50: Trapezoid swings around it for "
        "the whole time, ImplicitEuler and Rodas5P are on it after two steps."
    )
    return figure


def show_4_1(implicit_step, rosenbrock_step):
    """Draw error against linear systems solved, on a smooth stretch of Van der Pol's equation."""
    problem = sl.zoo.van_der_pol_scaled(tspan=(0.0, 0.5), eps=1e-4)
    exact = sl.solve(problem, sl.RadauIIA5(), rtol=1e-10, atol=1e-12).u[-1]
    steps = {
        "implicit Euler": implicit_step if ex2_2.verdict(implicit_step).status == "correct" else 0,
        "yours, one solve": rosenbrock_step
        if ex4_1.verdict(rosenbrock_step).status == "correct"
        else 0,
    }
    figure = sl.plot.new_figure(560, 340)
    said = []
    with sl.plot.style():
        axes = figure.subplots()
        for (name, step), look, marker in zip(
            steps.items(), sl.plot.looks(2), "os", strict=True
        ):  # fmt: skip
            if step:
                work, errors = _work(step, problem, exact)
                axes.loglog(work, errors, marker=marker, label=name, **look)
                said.append(f"{name} {errors[-1]:.1e} for {work[-1]}")
        axes.set(xscale="log", yscale="log", xlim=(10, 2000), ylim=(2e-4, 1e-2))
        axes.set_yticks([1e-3, 1e-2])
        axes.yaxis.set_minor_formatter("")
        axes.set_xlabel("linear systems solved")
        axes.set_ylabel("error of $x$ at the end")
        if said:
            figure.legend(loc="outside upper center", ncols=2)
    figure.alt = "Error against the number of linear systems" + (
        f": {'; '.join(said)}." if said else ": the curves appear when the steps are written."
    )
    return figure


def _work(step, problem, exact, counts=(20, 40, 80, 160, 320)):
    """Jacobians used (one for each linear system) and errors, for some numbers of steps."""
    f, work, errors = problem.f, [], []
    for n in counts:
        used = []

        def jac(u, p, t, used=used):
            used.append(t)
            return sl.ad.jacobian(lambda v: f(v, p, t), u)

        times = np.linspace(*problem.tspan, n + 1)
        end = with_growing_steps(step, problem, jac, times)[-1]
        work.append(len(used))
        errors.append(abs(end[0] - exact[0]))
    return work, errors
