"""Kernels of the methods that solve the equations of a step by Newton's iteration.

The formulas of a step are those of its readable form, run on symbols (`unroll_newton.py`). What
decides - how an iteration goes on, when J is renewed, how the next step is chosen - are the
readable functions themselves: their source, in which an attribute such as ``self.eta`` is an entry
of the kernel's memory.
"""

import ast
import inspect
import re
import textwrap
from functools import cache as cache_in_memory

from sciml_lab.backends import unroll, unroll_newton
from sciml_lab.backends.numba import cache, kernels, linear_algebra, newton_history, newton_loop
from sciml_lab.linalg.newton import SimplifiedNewton
from sciml_lab.linalg.reuse import Reuse
from sciml_lab.solvers.iterating import Stepper
from sciml_lab.solvers.sdirk import HistoryStepper

HEADER = """
import math

from sciml_lab.backends.numba.banded_layout import COLUMNS, SOURCES, UNKNOWN_OF
from sciml_lab.backends.numba.newton_layout import *
from sciml_lab.linalg.newton import *
from sciml_lab.linalg.reuse import *
from sciml_lab.solvers.iterating import HALF, NOISY, WORTH_IT

GAMMA, SLOWEST = {gamma}, {slowest}
Newton = namedtuple("Newton", "kappa limit predicts")

"""

MEMORY = "slope, f, u, p, t, h, work, n, c, y"
DECISION = "_decide_one(settings, norm, ERROR_ORDER, memory)"
STEP = "slope, f, u, p, t, h, z, base, v, work, n, c"


def text(method, mass=False) -> str:
    """The text of a method's kernel.

    Parameters
    ----------
    method : SDIRK
    mass : bool
        Whether there is a mass matrix.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> "correction(delta, z, base, factor" in text(sl.Kvaerno5())
    True
    """
    s, total = method.tableau.stages, len(method.tableau.P)
    written = kernels.assembled(
        method, 0, stages=s, extra=total - s, fsal=method.tableau.stiffly_accurate, implicit=True,
        parts=[
            *_sources(linear_algebra),
            *_decisions(),
            kernels.printed(unroll_newton.correction(method, mass)),
            *_attempt(method, mass),
            kernels.printed(unroll_newton.weigh(method)),
            kernels.printed(unroll_newton.weigh(method, adaptive=False)),
            kernels.printed(unroll_newton.norm()),
            kernels.printed(unroll_newton.rounding(method)),
            *_sources(newton_loop),
            kernels.printed(unroll.dense_stages(method), kernels.DENSE_STAGES, s, total),
            kernels.printed(unroll.interpolate(method), kernels.INTERPOLATE, s, total),
            kernels.printed(kernels._norm(method), kernels.ERROR_NORM),
        ],
    )  # fmt: skip
    patience = inspect.signature(Reuse).parameters["slow"].default
    header = HEADER.format(gamma=method.gammas[0], slowest=patience)
    first, rest = written.split("\nLENGTH = ", 1)
    rest = rest.replace(DECISION, "decide(norm, ERROR_ORDER, memory, settings, c)")
    return f"{first}{header}LENGTH = {rest}"


def _sources(module):
    """The functions of a module of text."""
    return [inspect.getsource(x) for x in vars(module).values() if inspect.isfunction(x)]


def _attempt(method, mass):
    """One step with the factors that are there."""
    s, inputs = method.tableau.stages, f"u_new, error, value, k, {STEP}"
    if method.stepper is not HistoryStepper:
        return [kernels.printed(unroll_newton.attempt(method, mass), inputs, s, s)]
    first = unroll_newton.attempt(method, mass, "attempt_first")
    later = unroll_newton.attempt(method, mass, "attempt_later", before=True)
    return [
        kernels.printed(first, inputs, s, s),
        kernels.printed(later, f"{inputs}, earlier, h_before", s, s),
        *_sources(newton_history),
    ]


def _decisions():
    """What decides, as functions of the kernel's memory."""
    newton = SimplifiedNewton.start, SimplifiedNewton.outlook, SimplifiedNewton.judge
    return [
        *map(kernels._function_of_self, newton),
        in_memory(Reuse._matches, "h, y"),
        in_memory(Reuse._lag, "h, y"),
        in_memory(Reuse.relaxation, "h, y"),
        in_memory(Reuse.note, "rate, h, y"),
        in_memory(Reuse._evaluate, MEMORY),
        in_memory(Reuse._factor, MEMORY),
        in_memory(Reuse.ready, MEMORY),
        in_memory(Reuse.renew, MEMORY),
        in_memory(Stepper.decide, "norm, k, memory, settings, c"),
    ]


PLACES = {
    "self.slow": "y[OLD]",
    "self.h": "y[FACTORED]",
    "self.eta": "y[ETA]",
    "self.limit": "SLOWEST",
    "self.failed": "(c[TROUBLE] != 0)",
    "self.rejected": "numbers(integers(c[ITERATION])[STATE], 'any')[UNSURE]",
    "self._of = (u, t)": "c[LINEARISED] = 1",
    "self._here(u, t)": "c[LINEARISED] != 0",
    "self.linear.update(u, p, t)": "linearise(slope, f, u, p, t, h, work, n, c)",
    "self.solves = {gamma: self.linear.factor(gamma * h) for gamma in self.gammas}": (
        "if not factorise(GAMMA * h, n, c):\n        return"
    ),
    "self.controller.decide(norm, k, memory)": "_decide_one(settings, norm, k, memory)",
    "self._matches(h)": "_matches(h, y)",
    "self._lag(h)": "_lag(h, y)",
    "self._evaluate(u, p, t)": f"_evaluate({MEMORY})",
    "self._factor(h)": f"_factor({MEMORY})",
}
"""What stands in a kernel for what a readable function knows by ``self``."""


def in_memory(method, arguments) -> str:
    """The source of a method, as a function of the kernel's memory.

    Parameters
    ----------
    method : function
        Of `Reuse` or `Stepper`.
    arguments : str
        Those of the function in the kernel.

    Examples
    --------
    >>> print(in_memory(Reuse.relaxation, "h, y").splitlines()[-1].strip())
    return 2 / (1 + h / y[FACTORED])
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    body = "\n".join(ast.unparse(tree).split("\n")[1:])
    for phrase in sorted(PLACES, key=len, reverse=True):
        body = re.sub(re.escape(phrase) + r"(?!\w)", lambda _, p=phrase: PLACES[p], body)
    if "self" in body:
        raise NotImplementedError(f"{method.__qualname__} has no form for kernels:\n{body}")
    return f"def {method.__name__}({arguments}):\n{body}"


@cache_in_memory
def kernel(method, mass=False):
    """The compiled kernel of a method: ``kernel(address of the integers) -> status``."""
    name = f"{method.name}_n{'_M' if mass else ''}"
    return cache.load(name, text(method, mass)).solve
