"""Freeze and unroll an implicit step: the readable formulas, with calls for the linear algebra.

`Rosenbrock.step` finds the linear algebra in ``f.linear``. Here that is an object that writes down
what it is asked for: ``f.linear.factor(gamma_h)`` becomes a call of ``factorise``, each ``solve``
a call of ``back_substitute``, and what remains of the step is sums, for example of a method with
one stage

    def step(u_new, U1, slope, u, p, t, h, v, work, n, c):
        more = linearise(slope, f, u, p, t, h, work, n, c)
        gamma_h = h * 0.5
        if not factorise(gamma_h, n, c):
            u_new[0] = np.nan
            return more
        ...
"""

import numpy as np

from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered


def step(method, mass=False) -> Lowered:
    """The step of a Rosenbrock method.

    Parameters
    ----------
    method : Rosenbrock
        Any, of a tableau of your own too.
    mass : bool
        Whether there is a mass matrix.

    Returns
    -------
    Lowered
        ``step(u_new, error, U1, ..., Us, value, slope, u, p, t, h, v, work, n, c)``: expects f at
        the start in `slope`, writes the increments, the new state and its error estimate, and
        leaves the last f in `value`. It returns how often it called f beyond once a stage; where
        W has no inverse, u_new is NaN. c is where the linear algebra has its memory.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(step(sl.Rosenbrock23()).tree).splitlines()[4].strip())
    u_new[0] = np.nan
    """
    program, s = Program(), method.tableau.stages
    u, h, slope = (Symbol.named(name, name != "h") for name in ("u", "h", "slope"))
    p, t = Symbol.named("p", True), Symbol.named("t", False)
    side = _Side(program, mass)
    taken = method.step(side, u, p, t, h, slope)
    results = {"u_new": taken.u, "error": taken.error}
    results = {name: x for name, x in results.items() if x is not None}
    for name, x in results.items():
        program.write(name, _symbol(x))
    program.say("return more")
    increments = [f"U{j + 1}" for j in range(s)]
    inputs = (*results, *increments, "value", "slope", *"upth", "v", "work", "n", "c")
    return program.function("step", inputs)


class _Side:
    """What the step gets as f: its calls are written down; all write to `value`."""

    def __init__(self, program, mass):
        self.program, self.linear = program, _Linear(program, mass)

    def __call__(self, u, p, t):
        self.program.name_repeated(u, t)
        self.program.write("v", u)
        self.program.say(f"f(value, v, p, {self.program.text(t)}, work)")
        return Symbol.named("value", True)


class _Linear:
    """What the step finds in ``f.linear``."""

    def __init__(self, program, mass):
        self.program, self.mass, self.solved = program, mass, 0

    def update(self, u, p, t):
        """J at (u, t), and the derivative of f by t."""
        self.program.say("more = linearise(slope, f, u, p, t, h, work, n, c)")

    def factor(self, gamma_h):
        """The factors of W."""
        self.program.number(gamma_h, "gamma_h")
        self.program.say(
            "if not factorise(gamma_h, n, c):\n    u_new[0] = np.nan\n    return more\n"
            "by_time = numbers(c[TIME_SLOPE], 'any')"
        )
        return self.solve

    def solve(self, b):
        """An increment: the next one."""
        self.solved += 1
        name = f"U{self.solved}"
        self.program.name_repeated(b)
        self.program.write(name, b)
        self.program.say(f"back_substitute({name}, n, c)")
        return Symbol.named(name, True)

    def by_time(self, u, p, t, h, slope):
        """The derivative of f by t; zeros where f does not read t."""
        return Symbol.named("by_time", True)

    def times_mass(self, x):
        """M x."""
        if not self.mass:
            return x
        self.program.write("v", _symbol(x))
        self.program.say("times_mass(v, n, c)\nproduct = numbers(c[PRODUCT], 'any')")
        return Symbol.named("product", True)


def _symbol(x):
    """A symbol, also where it is the one entry of an array."""
    return x if isinstance(x, Symbol) else np.asarray(x).item()
