"""Self-checks of lesson 05, and its stopwatch: a check prints one sentence, with a hint."""

import time
import tracemalloc

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise


@exercise("1.1", praise="The cheaper way has as many sweeps as the shorter side of the Jacobian.")
def ex1_1(sweeps):
    """Sweeps for four Jacobians."""
    if any(count is ... for count in sweeps):
        raise NotImplementedError("There is still a `...` among the four numbers")
    yield len(sweeps) == 4, "there should be four numbers", "one for each of the four questions"
    forward_loss, reverse_loss, forward_curve, reverse_field = sweeps
    yield (
        forward_loss == 1000,
        "the first number is not right",
        "a forward sweep carries the slopes with respect to one input",
    )
    yield (
        reverse_loss == 1,
        "the second number is not right",
        "a reverse sweep starts at one output and reaches every input",
    )
    yield (
        forward_curve == 1,
        "the third number is not right",
        "there is a single input, and one forward sweep reaches every output",
    )
    yield (
        reverse_field == 2,
        "the fourth number is not right",
        "forwards it would be 3, one for each input; backwards you count the outputs",
    )


@exercise("2.1", praise="Sum, product and sine: enough for the program of the picture.")
def ex2_1(multiply, var):
    """The entry that a product leaves on the tape."""
    tape = []
    x, y = var(3.0, tape), var(5.0, tape)
    z = multiply(x, y)
    yield (
        isinstance(z, var),
        "multiply should return a MyVar",
        "MyVar(value, tape, parents, slopes)",
    )
    yield close(z.value, 15.0), "3 times 5 should be 15", "x.value * y.value"
    yield len(tape) == 3, "a product should leave one entry on the tape", "call MyVar once"
    yield (
        tuple(tape[2][0]) == (0, 1),
        "the parents of the product are the places of x and y",
        "(x.place, y.place)",
    )
    yield (
        close(tape[2][1], (5.0, 3.0)),
        "the slopes of the product are not right at x = 3, y = 5",
        "the slope of x y with respect to x is y",
    )


@exercise("2.2", praise="This loop is backpropagation. There is no more to it.")
def ex2_2(sweep):
    """The reverse sweep over tapes of known adjoints."""
    chain = [((), ()), ((0,), (2.0,)), ((1,), (3.0,))]
    found = sweep(chain)
    yield (
        np.shape(found) == (3,),
        "sweep should return one adjoint for each entry",
        "return the list of adjoints after the loop",
    )
    yield close(found[-1], 1.0), "the adjoint of the result is 1", "leave the last one as it is"
    yield (
        close(found, [6.0, 3.0, 1.0]),
        "along a chain with slopes 2 and 3 the adjoints should be 6, 3 and 1",
        "adjoints[parent] += slope * adjoints[k], from the last entry to the first",
    )
    twice = [((), ()), ((0, 0), (4.0, 4.0))]  # x * x at x = 4
    yield (
        close(sweep(twice), [8.0, 1.0]),
        "x * x at 4 has x as its parent twice, and its slope is 8",
        "add to what is there already: += and not =",
    )
    fork = [((), ()), ((0,), (2.0,)), ((0,), (5.0,)), ((1, 2), (1.0, 1.0))]
    yield (
        close(sweep(fork), [7.0, 1.0, 1.0, 1.0]),
        "where two ways lead from an input to the result, both should count",
        "an adjoint is complete when all entries behind it have been visited",
    )


@exercise("4.1", praise="You have transformed a program by hand. Now compare with the machine's.")
def ex4_1(swing_vjp):
    """The adjoint of the pendulum, against the tape."""

    def swing(u, p):
        return sl.ad.collect([u[1], -p[0] * np.sin(u[0]) - p[1] * u[1]])

    u, p = np.array([0.7, -1.1]), np.array([9.8, 0.3])
    for du_bar in ([0.0, 1.0], [1.0, 0.0], [2.0, -3.0]):
        found = swing_vjp(u, p, 0.0, np.array(du_bar))
        yield (
            isinstance(found, tuple) and len(found) == 2,
            "swing_vjp should return u_bar and p_bar",
            "return u_bar, p_bar",
        )
        u_bar, p_bar = sl.ad.vjp(swing, (u, p), np.array(du_bar), mode="tape")[1]
        which = f"for du_bar = {du_bar}"
        yield (
            close(found[1], p_bar),
            f"p_bar is not right {which}",
            "these two lines were given: leave them as they are",
        )
        yield (
            close(found[0][0], u_bar[0]),
            f"the adjoint of the angle is not right {which}",
            "only the second component contains it: -g cos(angle) times its adjoint",
        )
        yield (
            close(found[0][1], u_bar[1]),
            f"the adjoint of the speed is not right {which}",
            "it is in both components: add what each of them hands back",
        )


def softplus_value(x):
    """The soft kink log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@exercise("5.1", praise="The machine takes your word for it, in every mode.")
def ex5_1(softplus_vjp):
    """The VJP rule of softplus against dual numbers and central differences."""
    for x in (0.0, 1.3, -2.0):
        y = softplus_value(x)
        exact = sl.ad.derivative(lambda s: np.log(1 + np.exp(s)), x, mode="dual")
        differences = sl.ad.derivative(softplus_value, x, mode="finite_difference")
        yield (
            close(softplus_vjp(1.0, y, x), exact),
            f"at x = {x} the slope by dual numbers is {float(exact):.6f}, and yours is another",
            "differentiate log(1 + exp(x)) on paper: exp(x)/(1 + exp(x)) = 1/(1 + exp(-x))",
        )
        yield (
            close(softplus_vjp(1.0, y, x), differences, rtol=1e-6),
            f"at x = {x} it disagrees with central differences",
            "differentiate log(1 + exp(x)) on paper",
        )
        yield (
            close(softplus_vjp(-3.0, y, x), -3.0 * exact),
            "the adjoint that comes in, g, should multiply the slope",
            "g times the slope",
        )
    with np.errstate(over="ignore"):
        steep = softplus_vjp(1.0, softplus_value(800.0), 800.0)
    yield (
        close(steep, 1.0),
        "at x = 800 the slope should be 1, and exp(800) overflows",
        "write it with exp(-x), or with the answer alone: 1 - exp(-y)",
    )


@exercise("6.1", praise="That is the whole lesson in four letters.")
def ex6_1(answers):
    """Four questions, a letter each."""
    right, hints = "bcab", (
        "the number of outputs counts, not that of inputs",
        "the tape is a list of what was carried out, nothing else",
        "the reverse loop needs the values from before each turn",
        "the text is written from the source alone, before anything has run",
    )  # fmt: skip
    answers = "".join(answers).replace(" ", "").replace(",", "").lower()
    yield len(answers) == 4, "there should be four letters", 'for example answers = "abca"'
    for k, (given, wanted, hint) in enumerate(zip(answers, right, hints, strict=True), 1):
        yield given == wanted, f"question {k} has another answer", hint


# The stopwatch, and the tables and pictures of the lesson ------------------------------------


def seconds(work, budget=0.25) -> float:
    """Shortest time of one call, of at least three and as many as fit into the budget."""
    work()  # the first call may load or compile something
    best, repeats, rounds, end = np.inf, 1, 0, time.perf_counter() + budget
    while rounds < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        best = min(best, (time.perf_counter() - began) / repeats)
        repeats = max(1, round(2e-4 / best))  # so many together that the clock is fine enough
        rounds += 1
    return best


def stopped(work, what):
    """Do it once, say how long it took, and return what it returns."""
    began = time.perf_counter()
    answer = work()
    print(f"{what}: {in_words(time.perf_counter() - began)}, once")
    return answer


def in_words(duration) -> str:
    """A time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if duration >= size:
            return f"{duration / size:.3g} {unit}"
    return f"{duration * 1e9:.3g} ns"


def draw_directions(sizes, times):
    """Draw the time of a gradient against the number of inputs, for both directions."""
    figure = sl.plot.new_figure(640, 340)
    with sl.plot.style():
        axes = figure.subplots()
        for (name, values), marker in zip(times.items(), "os", strict=True):
            axes.loglog(sizes, np.array(values) * 1e3, marker=marker, label=name)
        axes.set_xlabel("number of inputs $n$")
        axes.set_ylabel("time of the gradient [ms]")
        figure.legend(loc="outside upper center", ncols=2)
    forward, reverse = times.values()
    figure.alt = (
        f"Time of a gradient of {sizes[0]} to {sizes[-1]} inputs: forward mode from "
        f"{in_words(forward[0])} to {in_words(forward[-1])}, reverse mode from "
        f"{in_words(reverse[0])} to {in_words(reverse[-1])}."
    )
    return figure


def tape_costs(programs):
    """Print what a tape costs: its entries, the time and the memory of a gradient."""
    head = (
        f"{'program':<30}{'entries':>9}{'f alone':>11}{'f and tape':>12}{'ratio':>8}{'memory':>10}"
    )
    print(head)
    ratios = {}
    for name, (f, x) in programs.items():
        tape = sl.ad.Tape()
        f(tape.input(x))
        alone = seconds(lambda f=f, x=x: f(x))
        taped = seconds(lambda f=f, x=x: sl.ad.grad(f, x, mode="tape"))
        tracemalloc.start()
        sl.ad.grad(f, x, mode="tape")
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        ratios[name] = taped / alone
        print(
            f"{name:<30}{len(tape):>9,}{in_words(alone):>11}{in_words(taped):>12}"
            f"{ratios[name]:>7.1f}x{memory / 1e6:>7.1f} MB"
        )
    return ratios


def show_5_1(f, *examples):
    """Print the generated VJP of a function that calls softplus, once its rule is written."""
    try:
        print(sl.ad.source(f, *examples, of="vjp"))
    except Exception as error:  # the stub returns `...`, which no program can hold
        print(f"The text appears here when the rule is written ({type(error).__name__} so far).")


def compile_with_numba(function):
    """Compile a function; None, and a sentence, where Numba is not installed."""
    try:
        import numba
    except ImportError:
        print("Numba is not installed (pip install numba), so two rows are missing below.")
        return None
    return numba.njit(function)


def race(ways, reference):
    """Time each way, its first call separately; print a table and draw it.

    Parameters
    ----------
    ways : dict of str to callable or None
        Calls that return what is timed.
    reference : str
        The way that the others are compared with.
    """
    first, best = {}, {}
    for name, way in ways.items():
        if way is not None:
            began = time.perf_counter()
            way()
            first[name] = time.perf_counter() - began
            best[name] = seconds(way)
    print(f"\n{'':<36}{'first call':>12}{'then':>10}{'against the tape':>22}")
    for name, duration in best.items():
        ratio = best[reference] / duration
        said = "1" if name == reference else f"{ratio:,.0f} times faster" if ratio >= 2 else "level"
        print(f"{name:<36}{in_words(first[name]):>12}{in_words(duration):>10}{said:>22}")
    figure = sl.plot.new_figure(640, 60 + 46 * len(best))
    with sl.plot.style():
        axes = figure.subplots()
        names = list(best)[::-1]
        shown = np.array([best[name] for name in names]) * 1e6
        bars = axes.barh(names, shown, color="#0072B2", height=0.55)
        for bar, name in zip(bars, names, strict=True):
            bar.set_hatch("//" if "alone" in name else "")
            bar.set_edgecolor("white")
        axes.bar_label(bars, [in_words(best[name]) for name in names], padding=4)
        axes.set_xscale("log")
        axes.set_xlim(shown.min() / 3, shown.max() * 6)
        hatched = "; hatched: the function alone" if any("alone" in n for n in names) else ""
        axes.set_xlabel("time of one call [µs]" + hatched)
        axes.grid(False, axis="y")
    figure.alt = "Time of one call: " + ", ".join(f"{n} {in_words(b)}" for n, b in best.items())
    return figure, best
