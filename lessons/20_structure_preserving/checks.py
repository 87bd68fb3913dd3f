"""Self-checks and drawings of lesson 20."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION


def hanging(q):
    """The force on a pendulum."""
    return -np.sin(q)


def euler(q, p, h, force=hanging):
    """Euler's step for q' = p, p' = force(q)."""
    return q + h * p, p + h * force(q)


def leapfrog(q, p, h):
    """Verlet's step, for the same pendulum."""
    half = p + h / 2 * hanging(q)
    q = q + h * half
    return q, half + h / 2 * hanging(q)


def rk4(q, p, h):
    """One step of RK4, for the same pendulum."""
    k = [(p, hanging(q))]
    for part in (0.5, 0.5, 1.0):
        a, b = k[-1]
        k.append((p + part * h * b, hanging(q + part * h * a)))
    slopes = [(w + 2 * x + 2 * y + z) / 6 for w, x, y, z in zip(*k, strict=True)]
    return q + h * slopes[0], p + h * slopes[1]


#: Steps whose areas are compared.
STEPS = {"Euler": euler, "RK4": rk4, "Verlet": leapfrog}


def shear(q, p, h):
    """A drift: a step that keeps areas."""
    return q + h * p, p


def grow(q, p, h):
    """A step that changes areas, everywhere by another factor."""
    return q + h * p * p, p + h * q * p


@exercise("1.1", praise="Kick, drift, kick: one force a step if the last one is kept.")
def ex1_1(verlet):
    """Verlet's step."""
    q, p, h = np.array([1.0, 2.0]), np.array([3.0, -1.0]), 0.5
    kept, asked = (q.copy(), p.copy()), []

    def counted(q):
        asked.append(np.array(q))
        return -np.sin(q)

    both = verlet(counted, q, p, h)
    yield (
        np.array_equal(q, kept[0]) and np.array_equal(p, kept[1]),
        "your step changes the old state",
        "write p = p + ..., not p += ...",
    )
    yield (
        isinstance(both, tuple | list | np.ndarray)
        and len(both) == 2
        and np.shape(both[0]) == np.shape(both[1]) == (2,),
        "the new position and the new momentum should come back",
        "end with return q, p",
    )
    yield (
        close(verlet(lambda q: 0.0 * q, q, p, h)[0], q + h * p),
        "without a force the position should move by h p",
        "the drift is a whole step: q + h p",
    )
    fallen = verlet(lambda q: 0.0 * q - 1.0, q, p, h)
    yield (
        close(fallen[1], p - h),
        "under a constant force -1 the momentum should fall by h",
        "two kicks, each of them half a step: h/2 times the force",
    )
    yield (
        close(fallen[0], q + h * p - h * h / 2),
        "under a constant force -1 the position should be q + h p - h^2/2",
        "the first kick comes before the drift, which uses the new momentum",
    )
    yield (
        not any(close(x, both[1]) for x in (p + h * hanging(q), p))
        and close(both[1], leapfrog(q, p, h)[1]),
        "the second kick should use the force at the new position",
        "ask force(q) again after the drift",
    )
    back = verlet(hanging, both[0], -both[1], h)
    yield close(back[0], q), "with the momentum turned round a step should lead back"


@exercise("1.2", praise="A factor of 1 at every point is what symplectic means, in a plane.")
def ex1_2(area_factor):
    """By which factor a step changes small areas."""
    got = area_factor(shear, 0.3, 0.7, 0.5)
    yield np.ndim(got) == 0, "the factor should be one number", "the determinant: np.linalg.det"
    yield (
        close(got, 1.0),
        "a drift should keep areas: factor 1",
        "J = sl.ad.jacobian(f, [q, p]) for f(u) = the step from u[0], u[1]",
    )
    q, p, h = 0.3, 0.7, 0.5
    exact = (1.0) * (1 + h * q) - (2 * h * p) * (h * p)
    yield (
        not close(area_factor(grow, q, p, h), 1.0),
        "this step changes areas, and yours says that it does not",
        "the Jacobian of the step that is given, at the point that is given",
    )
    yield (
        close(area_factor(grow, q, p, h), exact, rtol=1e-6),
        "the factor is wrong at the point (0.3, 0.7)",
        "the determinant of the two-by-two Jacobian of (q, p) -> step(q, p, h)",
    )


@exercise("2.1", praise="np.expm1 knows what exp(z) - 1 has forgotten.")
def ex2_1(phi1):
    """phi_1 without cancellation."""
    z = np.array([-40.0, -2.0, 0.5])
    got = phi1(z)
    yield np.shape(got) == (3,), "phi1 should take an array and return one of the same shape"
    yield (
        close(got, (np.exp(z) - 1) / z),
        "phi1 should be (exp(z) - 1)/z for z of ordinary size",
    )
    small = np.array([1e-12, -1e-9, 1e-6])
    yield (
        close(phi1(small), 1 + small / 2, rtol=1e-11, atol=0),
        "for small z digits are lost",
        "np.expm1(z) is exp(z) - 1 with all digits",
    )
    yield (
        close(phi1(np.array([0.0, -1.0])), np.array([1.0, 1 - np.exp(-1)])),
        "at z = 0 the value should be the limit, 1",
        "np.where(z == 0, 1, z) in the denominator, and 1 as the result there",
    )


@exercise("2.2", praise="The stiff part costs nothing: it is exact for any step.")
def ex2_2(etd1):
    """A step of the exponential Euler method."""
    L, u, h = np.array([-1e6, -2.0, 0.0]), np.array([3.0, 1.0, 2.0]), 0.25
    kept = u.copy()
    still = etd1(L, lambda u, t: 0.0 * u, u, 0.0, h)
    yield np.array_equal(u, kept), "your step changes the old state"
    yield np.shape(still) == (3,), "the new state should have the shape of the old one"
    yield (
        close(still, np.exp(h * L) * u),
        "with N = 0 the step should be exact: exp(h L) u",
        "L is a vector: exp(h L) works entry by entry",
    )
    pushed = etd1(L, lambda u, t: np.array([1.0, 1.0, 1.0]), u, 0.0, h)
    exact = np.array([1e-6, np.exp(-0.5) + (1 - np.exp(-0.5)) / 2, 2.25])
    yield (
        close(pushed, exact),
        "with a constant N the step should be exact too",
        "exp(h L) u + h phi1(h L) N",
    )
    at = etd1(np.array([-2.0]), lambda u, t: u * u + t, np.array([1.5]), 3.0, h)
    yield (
        close(at, [np.exp(-0.5) * 1.5 + (1 - np.exp(-0.5)) / 2 * (1.5**2 + 3.0)]),
        "N should be asked once, at the old state and time",
    )


@exercise("3.1", praise="What a method is worth depends on what an evaluation costs.")
def ex3_1(gain):
    """Cost of one method over the cost of another."""
    parts = {"f_slow": 100, "f_fast": 3000}
    yield np.ndim(gain(1.0, parts, 1000)) == 0, "the gain should be one number"
    yield (
        close(gain(0.0, parts, 1500), 0.5),
        "if the slow part costs nothing, 1500 against 3000 fast evaluations is a gain of 1/2",
        "the ordinary method over the multirate one",
    )
    yield (
        close(gain(10.0, parts, 1000), 11000 / 4000),
        "with c = 10 the gain should be 11000/4000",
        "the ordinary method evaluates both parts each time: nf (1 + c)",
    )


def draw_start(planet, ordinary, structured):
    """Draw two planets after many orbits, and their energies."""
    figure = sl.plot.new_figure(690, 330)
    with sl.plot.style():
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
        angle = np.linspace(0, 2 * np.pi, 200)
        for sol, look, name in zip(
            (ordinary, structured), sl.plot.looks(2), ("Tsit5", "VelocityVerlet"), strict=True
        ):
            last = sol.t > sol.t[-1] - 2 * np.pi
            left.plot(sol.u[last, 0], sol.u[last, 1], "o", label=f"{name}, last orbit",
                      color=look["color"], markersize=2.5)  # fmt: skip
            thin = slice(None, None, max(len(sol.t) // 4000, 1))
            right.plot(sol.t[thin] / (2 * np.pi), energy(sol.u[thin]), linewidth=0.9,
                       color=look["color"], linestyle="-", label=name)  # fmt: skip
        e = 1 - planet.q0[0]
        left.plot(np.cos(angle) - e, np.sqrt(1 - e * e) * np.sin(angle), color=GREY, linewidth=3,
                  linestyle="-", alpha=0.5, label="exact", zorder=0)  # fmt: skip
        left.plot(0, 0, "*", color=BLACK, markersize=9)
        left.set(aspect="equal", xlabel="$x$", ylabel="$y$")
        right.set(xlabel="orbits", ylabel="energy $H$")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.alt = (
        f"After {ordinary.t[-1] / (2 * np.pi):.0f} orbits Tsit5's planet has the energy "
        f"{energy(ordinary.u[-1:])[0]:.2f} instead of -0.50 and runs on a much smaller orbit; that "
        f"of VelocityVerlet swings between {energy(structured.u).min():.3f} and "
        f"{energy(structured.u).max():.3f}, and its orbit has turned."
    )
    return figure


def energy(u):
    """Energy of Kepler's planet at many states (x, y, vx, vy)."""
    return (u[:, 2] ** 2 + u[:, 3] ** 2) / 2 - 1 / np.hypot(u[:, 0], u[:, 1])


def walk(step, q, p, h, n):
    """States after 0, 1, ..., n steps, one row each."""
    states = [(q, p)]
    for _ in range(n):
        states.append(step(*states[-1], h))
    return np.array(states)


def show_1_1(verlet, h=0.25, n=400):
    """Draw a pendulum by Euler and, once it is written, by the student's step."""
    ready = ex1_1.verdict(verlet).status == "correct"
    figure = sl.plot.new_figure(640, 320)
    q, p = np.array(1.5), np.array(0.0)
    steps = {"Euler": walk(euler, q, p, h, 60)}
    if ready:
        steps["yours"] = walk(lambda q, p, h: verlet(hanging, q, p, h), q, p, h, n)
    H = {name: u[:, 1] ** 2 / 2 - np.cos(u[:, 0]) for name, u in steps.items()}
    with sl.plot.style():
        left, right = figure.subplots(1, 2)
        for (name, u), color, marker in zip(
            steps.items(), (VERMILLION, BLUE), "so", strict=False
        ):  # fmt: skip
            left.plot(u[:, 0], u[:, 1], marker=marker, markersize=2.5, linestyle="none",
                      color=color, label=name)  # fmt: skip
            right.plot(h * np.arange(len(u)), H[name], color=color, linewidth=1.2,
                       linestyle="-" if marker == "o" else "--")  # fmt: skip
        left.set(xlabel="angle $q$", ylabel="momentum $p$", xlim=(-3.5, 3.5), ylim=(-3, 3))
        right.set(xlabel="time", ylabel="energy $H$", ylim=(-1, 1.5))
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = "A pendulum: with Euler's steps the energy grows until it turns over" + (
        f"; with yours it stays between {H['yours'].min():.4f} and {H['yours'].max():.4f} for "
        f"{n} steps."
        if ready
        else "; your steps appear when `verlet` is written."
    )
    return figure


def show_1_2(area_factor, steps, h=0.5, n=12):
    """Draw a disc of pendulums carried along by steps, and the factors once they are written."""
    ready = ex1_2.verdict(area_factor).status == "correct"
    figure = sl.plot.new_figure(690, 300)
    angle = np.linspace(0, 2 * np.pi, 240)
    q, p = 1.1 + 0.35 * np.cos(angle), 0.35 * np.sin(angle)
    said = []
    with sl.plot.style():
        for axes, (name, step) in zip(figure.subplots(1, len(steps)), steps.items(), strict=True):
            states = walk(step, q, p, h, n)
            for k, color in ((0, BLACK), (n // 3, BLUE), (2 * n // 3, VERMILLION), (n, BLUE)):
                axes.fill(states[k, 0], states[k, 1], color=color, alpha=0.35)
                axes.plot(states[k, 0], states[k, 1], color=color, linewidth=1, linestyle="-")
                axes.text(*states[k].mean(axis=1), k, ha="center", va="center", fontsize=9)
            part = area(*states[-1]) / area(q, p)
            text = f"area after {n}: {part:.3f}"
            if ready:
                text += f"\nyour factor at (0, 1): {float(area_factor(step, 0.0, 1.0, h)):.4f}"
            axes.set(xlabel="$q$", aspect="equal", xlim=(-4, 4), ylim=(-3.6, 3.6))
            axes.set_title(f"{name}\n{text}", fontsize=9, loc="left")
            said.append(f"{name} {part:.3f}")
    figure.alt = f"A disc of pendulums; its area after {n} steps, as a part: {', '.join(said)}" + (
        "." if ready else "; your factors appear when `area_factor` is written."
    )
    return figure


def area(x, y):
    """Area inside a polygon, by the shoelace formula."""
    return 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def draw_comet(runs):
    """Draw energy errors of several ways to choose steps."""
    figure = sl.plot.new_figure(640, 300)
    said = []
    with sl.plot.style():
        axes = figure.subplots()
        for (name, (t, u)), look in zip(runs.items(), sl.plot.looks(len(runs)), strict=True):
            t, H = np.asarray(t), energy(np.asarray(u))
            orbits, error = t / (2 * np.pi), np.abs(H - H[0])
            bins = np.floor(orbits[1:] * 2).astype(int)  # the largest in each half orbit
            top = np.zeros(bins.max() + 1)
            np.maximum.at(top, bins, error[1:])
            here = np.flatnonzero(top)
            axes.semilogy(0.5 * here, top[here], label=name, linewidth=1.4, **look)
            said.append(f"{name} {error.max():.2g}")
        axes.set(xlabel="orbits", ylabel="largest energy error\nin each half orbit", xlim=(0, None))
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = f"Energy errors of a comet, at most: {'; '.join(said)}."
    return figure


def show_2_1(phi1):
    """Draw the error of the formula and, once it is written, of the student's function."""
    ready = ex2_1.verdict(phi1).status == "correct"
    z = -np.geomspace(1e-15, 1e-2, 300)
    exact = 1 + z / 2 * (1 + z / 3 * (1 + z / 4 * (1 + z / 5 * (1 + z / 6 * (1 + z / 7)))))
    curves = {"(exp(z) - 1)/z": (np.exp(z) - 1) / z}
    if ready:
        curves["yours"] = phi1(z)
    errors = {name: np.maximum(np.abs(y / exact - 1), 1e-17) for name, y in curves.items()}
    figure = sl.plot.new_figure(560, 290)
    with sl.plot.style():
        axes = figure.subplots()
        for (name, error), color, marker in zip(
            errors.items(), (VERMILLION, BLUE), ".x", strict=False
        ):  # fmt: skip
            axes.loglog(-z, error, color=color, linestyle="none", marker=marker, markersize=3,
                        label=name)  # fmt: skip
        axes.set(xlabel="$-z$", ylabel=r"relative error of $\varphi_1(z)$")
        figure.legend(loc="outside upper center", ncols=2)
    figure.alt = (
        f"Relative error for small z: the formula loses up to {errors['(exp(z) - 1)/z'].max():.2g}"
        + (f", yours at most {errors['yours'].max():.1g}." if ready else "; yours appears later.")
    )
    return figure


def show_2_2(etd1, n=60):
    """Draw the Allen-Cahn equation by the student's step: space across, time up."""
    ready = ex2_2.verdict(etd1).status == "correct"
    told = "; your steps appear when `etd1` is written."
    entry = sl.zoo.allen_cahn
    prob = entry.semilinear()
    h, points = prob.tspan[1] / n, entry.points
    fine = sl.solve(prob, sl.ETDRK4(), dt=h / 4, adaptive=False, dense=False).u[::4]
    figure = sl.plot.new_figure(640, 320)
    with sl.plot.style():
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.05))
        picture = {"extent": (0, 2 * np.pi, 0, prob.tspan[1]), "origin": "lower", "aspect": "auto",
                   "cmap": "cividis", "vmin": -1, "vmax": 1}  # fmt: skip
        left.imshow(np.fft.irfft(fine, points), **picture)
        left.set(xlabel="$x$", ylabel="time $t$", title="solution")
        right.set(xlabel="$x$", ylabel="$u$ at the end", title=f"{n} steps of size {h:g}")
        right.plot(entry.x(), np.fft.irfft(fine[-1], points), color=GREY, linewidth=4,
                   linestyle="-", alpha=0.6, label="solution")  # fmt: skip
        if ready:
            u = prob.u0
            for k in range(n):
                u = etd1(prob.L.real, lambda u, t: prob.N(u, None, t), u, k * h, h)
            mine = np.fft.irfft(u, points)
            right.plot(entry.x(), mine, color=BLUE, linestyle="--", label="yours")
            miss = np.abs(mine - np.fft.irfft(fine[-1], points)).max()
            told = f"; after {n} of your steps the error is {miss:.2g}."
        right.legend(loc="upper right", fontsize=9)
        left.grid(False)
    figure.alt = "Two phases part within some units of time, and fronts remain" + told
    return figure


def show_3_1(gain, counts):
    """Draw the gain against the price of a slow evaluation, for several ratios of speed."""
    ready = ex3_1.verdict(gain).status == "correct"
    costs, said = np.geomspace(0.1, 1000, 60), []
    figure = sl.plot.new_figure(600, 320)
    with sl.plot.style():
        axes = figure.subplots()
        axes.axhline(1, color=GREY, linewidth=1.2, linestyle="-")
        if ready:
            for (w, (parts, nf)), look in zip(
                counts.items(), sl.plot.looks(len(counts)), strict=True
            ):
                gains = np.array([gain(c, parts, nf) for c in costs])
                axes.loglog(costs, gains, label=f"$w = {w:g}$", **look)
                said.append(f"w = {w:g} gains {gains[0]:.2g} to {gains[-1]:.2g}")
            figure.legend(loc="outside upper center", ncols=len(counts))
        axes.set(xscale="log", yscale="log", xlim=(0.1, 1000), ylim=(0.1, 100),
                 xlabel="cost of one slow evaluation, in fast ones",
                 ylabel="cost of Tsit5 / cost of multirate")  # fmt: skip
    figure.alt = "Gain of the multirate method against the price of the slow part: " + (
        f"{'; '.join(said)}." if ready else "the curves appear when `gain` is written."
    )
    return figure
