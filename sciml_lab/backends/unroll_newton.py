"""Freeze and unroll a step that iterates: its stages, and the correction that is repeated.

`SDIRKStepper.attempt` runs on symbols. Where it asks for a stage to be solved, a call of `iterate`
is written down, and what lies around it is sums, for example of a method with two stages

    def attempt(u_new, error, k1, k2, slope, f, u, p, t, h, z, base, v, work, n, c):
        ...
        for i in range(n):
            base[i] = h * (0.5 * k1[i])
        for i in range(n):
            z[i] = h * slope[i]
        if not iterate(z, base, 1, f, u, p, t + h, h, v, work, n, c):
            return False
        for i in range(n):
            k2[i] = (z[i] - base[i]) / s1
        ...

The correction of Newton's iteration is a function of its own, since all stages share it.
"""

from typing import Any

import numpy as np

from sciml_lab.backends.unroll import _with
from sciml_lab.linalg import newton
from sciml_lab.linalg.newton import Outcome
from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered

STEP = "f", "u", "p", "t", "h", "v", "work", "n", "c"


def attempt(method, mass=False, name="attempt", before=False) -> Lowered:
    """One step with the factors that are there, as `SDIRKStepper.attempt` takes it.

    Parameters
    ----------
    method : SDIRK
        Of one number on the diagonal.
    mass : bool
        Whether there is a mass matrix.
    name : str
        Of the function.
    before : bool
        Whether the step before is known (`HistoryStepper`); the function then has two more
        arguments at its end, ``earlier`` (u' at the start of that step) and ``h_before``.

    Returns
    -------
    Lowered
        ``attempt(u_new, error, value, k1, ..., ks, slope, f, u, p, t, h, z, base, v, work, n, c)``:
        expects u' at the start in `slope`, and writes the stages, the new state, its error
        estimate and, if the last stage is u' at the end, that to `value`. It returns whether all
        stages were solved.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> "if not iterate(z, base, 1, f, u, p, t + h, h" in ast.unparse(
    ...     attempt(sl.ImplicitEuler()).tree)
    True
    """
    program = Program()
    stepper = _stepper(method, program, mass, "error")
    u, p, slope = (Symbol.named(name, True) for name in ("u", "p", "slope"))
    t, h = Symbol.named("t", False), Symbol.named("h", False)
    known = Symbol.named("earlier", True), Symbol.named("h_before", False)
    stepper.before = [(u, *known)] if before else []
    if not method.plan.diagonal[0]:
        program.write("k1", slope)
    taken = stepper.attempt(stepper.side, u, p, t, h, slope)
    program.write("u_new", taken.u)
    results = ["u_new", "error", "value"]
    if method.tableau.stiffly_accurate:
        program.write("value", taken.k[-1])
    program.say("return True")
    k = [f"k{i + 1}" for i in range(method.tableau.stages)]
    inputs = (*results, *k, "slope", *STEP[:5], "z", "base", *STEP[5:])
    return program.function(name, (*inputs, "earlier", "h_before") if before else inputs)


def correction(method, mass=False) -> Lowered:
    """What Newton's iteration adds to z, from `SDIRKStepper.correction`.

    Returns
    -------
    Lowered
        ``correction(delta, z, base, factor, f, u, p, t, h, v, work, n, c)``; t is the time of the
        stage, and `factor` that of corrections by factors of another h.
    """
    program = Program()
    stepper = _stepper(method, program, mass, "delta")
    names = dict.fromkeys(("u", "p", "z", "base"), True) | dict.fromkeys("th", False)
    u, p, z, base, t, h = (Symbol.named(name, array) for name, array in names.items())
    (gamma,) = method.gammas
    delta = method.stepper.correction(stepper, stepper.side, u, p, t, h, gamma, base)(z)
    program.write("delta", delta)
    return program.function("correction", ("delta", "z", "base", "factor", *STEP))


def weigh(method, adaptive=True) -> Lowered:
    """The weights of the norm: ``weigh(weight, u, rtol, atol, n)`` returns the size of rounding.

    That is the floor of `Stepper.iterate`. With fixed steps there are no tolerances, and the
    function is called ``weigh_fixed``.
    """
    program = Program()
    stepper = _stepper(method, program, False, "")
    names = ("u", "rtol", "atol")
    u, rtol, atol = (Symbol.named(name, True) for name in names)
    stepper.given = (rtol, atol) if adaptive else None
    scale = _with(method.stepper.scale, np=_Reductions(program))
    program.write("weight", 1.0 / scale(stepper, u, Symbol.named("h", False)))
    floor = _norm(program)(stepper.least(u))
    name = "weigh" if adaptive else "weigh_fixed"
    return program.function(name, ("weight", *names, "n"), returns=floor)


def norm() -> Lowered:
    """The norm of an iteration: ``norm(x, weight, n)``."""
    program = Program()
    found = _norm(program)(Symbol.named("x", True))
    return program.function("norm", ("x", "weight", "n"), returns=found)


def rounding(method) -> Lowered:
    """What rounding errors in f do to a stage: ``rounding(noise, product, u, reach, n, c)``.

    `reach` is the h that the factors are for; ``|J| |u|`` comes in `product`.
    """
    program = Program()
    stepper = _stepper(method, program, False, "noise")
    program.write("noise", stepper.rounding(stepper.side, Symbol.named("u", True)))
    return program.function("rounding", ("noise", "product", "u", "reach", "n", "c"))


def _norm(program):
    """`scaled_norm` for a scale whose reciprocals are called `weight`."""
    reciprocals = type("Scale", (), {"__rtruediv__": lambda *_: Symbol.named("weight", True)})
    return _with(newton.scaled_norm, mean_square=program.mean_square)(reciprocals())


def _stepper(method, program, mass, target) -> Any:
    """The method's own stepper, on symbols: what it would do is written down.

    `target` is the array that the result of a solve with W is left in.
    """
    kind = type("Written", (_Written, method.stepper), {})
    stepper: Any = object.__new__(kind)
    stepper.method, stepper.iteration, stepper.program = method, method.iteration, program
    stepper.number = int(not method.plan.diagonal[0])
    stepper.side, stepper.reuse = _Side(program, mass), _Reuse(method, program, target)
    return stepper


class _Written:
    """What a stepper does otherwise when it runs on symbols."""

    program: Program
    side: Any
    number: int  # of the stage, from 0

    def scale(self, u, h):
        """The kernel knows it from the beginning of the step."""

    def correction(self, f, u, p, time, h, gamma, base):
        """The equation of a stage: its time, in the place of a function."""
        self.program.write("base", base)
        return time

    def iterate(self, f, correction, z, u, scale):
        """Solve a stage."""
        self.program.write("z", z)
        time = self.program.text(correction)
        self.program.say(
            f"if not iterate(z, base, {self.number}, f, u, p, {time}, h, v, work, n, c):\n"
            "    return False"
        )
        return Outcome(Symbol.named("z", True), 0, 0.0, 0.0, 0.0)

    def derivative(self, z, base, h_gamma):
        """A stage derivative, which is written to its place."""
        name = f"k{self.number + 1}"
        self.program.write(name, super().derivative(z, Symbol.named("base", True), h_gamma))
        self.number += 1
        return Symbol.named(name, True)


class _Reductions:
    """NumPy, but for the largest entry of an array, which is found by a loop."""

    def __init__(self, program):
        self.program = program

    def __getattr__(self, name):
        return getattr(np, name)

    def max(self, x):
        """The largest entry of what has no negative ones."""
        entry = self.program.text(x, inside=True)
        self.program.say(f"largest = 0.0\nfor i in range(n):\n    largest = max(largest, {entry})")
        return Symbol.named("largest", False)


class _Side:
    """What the stepper gets as f."""

    def __init__(self, program, mass):
        self.program, self.mass, self.linear = program, mass, self

    def __call__(self, u, p, t):
        self.program.write("v", u)
        self.program.say(f"f(delta, v, p, {self.program.text(t)}, work)")
        return Symbol.named("delta", True)

    def times_mass(self, x):
        """M x."""
        if not self.mass:
            return x
        self.program.write("v", x)
        self.program.say("times_mass(v, n, c)\nproduct = numbers(c[PRODUCT], 'any')")
        return Symbol.named("product", True)

    def size_of_terms(self, u):
        """``|J| |u|``, computed before."""
        return Symbol.named("product", True)


class _Reuse:
    """The factors of W, as the stepper finds them."""

    def __init__(self, method, program, target):
        self.program, self.target, self.h = program, target, Symbol.named("reach", False)
        self.solves = dict.fromkeys(method.gammas, self.solve)

    def solve(self, b):
        """The solution of W x = b."""
        self.program.name_repeated(b)
        self.program.write(self.target, b)
        self.program.say(f"back_substitute({self.target}, n, c)")
        return Symbol.named(self.target, True)

    def relaxation(self, h):
        """The factor of corrections, which is the same for all of a step."""
        return Symbol.named("factor", False)
