"""Self-checks of lesson 04: each prints one sentence, with a hint where something is amiss."""

import numpy as np

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise


@exercise("1.1", praise="Sixteen digits, and no subtraction anywhere.")
def ex1_1(complex_step):
    """The complex step of known functions, to the last digit."""
    yield (
        np.isrealobj(complex_step(np.exp, 0.0)),
        "the slope should be a real number",
        "np.imag(...) takes the part that holds the slope",
    )
    yield (
        close(complex_step(np.exp, 0.0), 1.0, rtol=1e-3),
        "the slope of exp at 0 should be 1",
        "evaluate f at x + 1j*h, take the imaginary part, divide by h",
    )
    yield (
        close(complex_step(lambda x: x**3, 2.0), 12.0, rtol=1e-14),
        "the slope of x^3 at 2 should be 12 to the last digit",
        "use the h that is handed in: 1e-200 is not too small",
    )
    yield (
        close(complex_step(lambda x: 2 * x, 1.0, 1e-3), 2.0, rtol=1e-14),
        "the result should not depend on h for a straight line",
        "divide by the same h that you stepped with",
    )


@exercise("2.1", praise="With + and * you now differentiate every rational function, and more.")
def ex2_1(divide, sine, dual):
    """The quotient rule and the chain rule of the sine."""
    a, b = dual(3.0, 1.0), dual(2.0, 5.0)
    quotient = divide(a, b)
    yield (
        hasattr(quotient, "slope"),
        "divide should return a MyDual",
        "return MyDual(value, slope)",
    )
    yield close(quotient.value, 1.5), "the value of 3/2 should be 1.5", "divide the two values"
    yield (
        close(quotient.slope, (1.0 * 2.0 - 3.0 * 5.0) / 4.0),
        "the slope of the quotient is not right where both numbers have a slope",
        "(b c - a d)/c^2: the derivative of the upper one comes first",
    )
    wave = sine(dual(0.5, 2.0))
    yield hasattr(wave, "slope"), "sine should return a MyDual", "return MyDual(value, slope)"
    yield close(wave.value, np.sin(0.5)), "the value of sine is not sin(a)", "use np.sin"
    yield (
        close(wave.slope, 2.0 * np.cos(0.5)),
        "the slope of sine should be cos(a) times the slope that came in",
        "the chain rule: do not forget x.slope",
    )


@exercise("3.1", praise="You have solved for a parameter of a differential equation.")
def ex3_1(newton, miss):
    """Newton's method on a parabola, then on the differential equation."""
    yield (
        close(newton(lambda a: a * a - 2.0, 1.0), np.sqrt(2.0), rtol=1e-10),
        "for g(a) = a^2 - 2 from 1 five rounds should reach the square root of 2",
        "a = a - g(a) / sl.ad.derivative(g, a), in a loop; return a after the loop",
    )
    yield (
        close(newton(lambda a: 3.0 * a - 6.0, 10.0, 1), 2.0),
        "for a straight line a single round should be enough",
        "repeat exactly `rounds` times",
    )
    yield (
        abs(miss(newton(miss, 1.5))) < 1e-8,
        "there are not yet 2 hares at t = 5",
        "start from the a that is handed in",
    )


def show_3_1(newton, miss, start):
    """Draw the hares over time, before and after Newton's method has found the parameter."""
    found = newton(miss, start) if ex3_1.verdict(newton, miss).status == "correct" else None
    figure = sl.plot.new_figure(640, 340)
    with sl.plot.style():
        axes = figure.subplots()
        t = np.linspace(0.0, 5.0, 200)
        for a, name in ((start, "first guess"), (found, "after Newton")):
            if a is None:
                continue
            problem = sl.zoo.lotka_volterra().replace(p=[float(a), 1.0, 3.0, 1.0], tspan=(0.0, 5.0))
            axes.plot(t, sl.solve(problem, saveat=t).u[:, 0], label=f"{name}: a = {float(a):.4f}")
        axes.plot(5.0, 2.0, "o", color="black", label="target")
        axes.set_xlabel("time $t$")
        axes.set_ylabel("hares $u_1$")
        figure.legend(loc="outside upper center", ncols=3)
    figure.alt = "Hares over time for the first guess" + (
        f" and for a = {float(found):.4f}, which ends at the target of 2 hares."
        if found is not None
        else "; the second curve appears when newton is written."
    )
    return figure
