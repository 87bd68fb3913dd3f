r"""Multirate methods: large steps for the slow part, small ones for the fast part.

With this module one can solve ``u' = f_slow + f_fast`` where the fast part is cheap and the slow
one dear. In a step of an infinitesimal method the fast part is an equation of its own, with the
slow slopes as a force that changes linearly in time,

    v' = f_fast(v) + (F_0 + tau F_1),

and is solved by any explicit method, with as many small steps as it takes. The slow part is
evaluated once in a stage (`multirate_table.py` has the coefficients and the order conditions).
"""

from dataclasses import dataclass

import numpy as np

from sciml_lab.problems import SplitProblem
from sciml_lab.solvers.control import PIController
from sciml_lab.solvers.explicit import ExplicitRK, Row, Tsit5, combine
from sciml_lab.solvers.implicit import no_step
from sciml_lab.solvers.method import Method, Step
from sciml_lab.solvers.multirate_table import MultirateTable
from sciml_lab.solvers.parts import MultirateSide
from sciml_lab.solvers.rhs import RightHandSide
from sciml_lab.solvers.stepping import Run, attempts
from sciml_lab.solvers.tableaus import multirate as tables

INNER = Tsit5()
SHARE = 0.1  # of the tolerance is what the inner steps may use
ALONE = 1e-10  # tolerance of the inner steps of a single step, outside of a solve


class Multirate(Method):
    """What the multirate methods have in common: both parts, and dense output.

    Fast motion cannot be interpolated between the ends of a large step: the solution in between
    is a shorter step of the same method from the same start. That has the full order, and costs
    a step; take the times you want by `saveat` rather than many of them from ``sol(t)``.
    """

    problems = (SplitProblem,)

    def side(self, problem, shape):
        """Both parts, each with its counter."""
        return MultirateSide(problem, shape)

    def dense_stages(self, f, u, p, t, h, k):
        """What a shorter step needs."""
        return [*k, f, p, t]

    def interpolate(self, u, k, h, theta):
        """The end of a step of length ``theta h``."""
        u_new, run, f, p, t = k
        if theta in (0, 1):
            return u_new if theta else u
        return self.begin(run).step(f, u, p, t, theta * h).u


@dataclass(frozen=True, repr=False)
class MultirateRK(Multirate):
    """The multirate infinitesimal method of a table, for a `SplitProblem`.

    Parameters
    ----------
    table : MultirateTable
    inner : ExplicitRK
        What solves the fast equation.
    substeps : int, optional
        Number of fixed inner steps in a step (each stage takes its share, at least one). Without
        it the inner method controls its own error, by a tenth of the tolerance.

    Raises
    ------
    TypeError, ValueError
        For arguments that cannot be right, in one sentence.

    Notes
    -----
    Read `stats.parts` to see what it is worth: an ordinary method evaluates both parts in every
    small step. Where the slow part is not dearer than the fast one, nothing is gained. Nor is it
    where the slow slope follows the fast motion: it is sampled once in a stage, so a step must
    then resolve that motion. Terms that couple the two belong to the fast part.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.slow_fast.split(w=50.0)
    >>> sol = sl.solve(prob, sl.MRIGARKERK33a(), rtol=1e-4, atol=1e-6)
    >>> sol.success, 5 * sol.stats.parts["f_slow"] < sol.stats.parts["f_fast"]
    (True, True)
    """

    table: MultirateTable
    inner: ExplicitRK = INNER
    substeps: int | None = None

    def __post_init__(self):
        if not isinstance(self.table, MultirateTable):
            raise TypeError(
                f"table must be a MultirateTable (got {type(self.table).__name__}): write "
                "MultirateRK(MultirateTable(name=..., fast=..., slow=...))."
            )
        if not isinstance(self.inner, ExplicitRK):
            raise TypeError(
                "inner must be an explicit Runge-Kutta method such as Tsit5() "
                f"(got {self.inner!r})."
            )
        if self.substeps is not None:
            positive_count("substeps", self.substeps)
        elif not self.inner.adaptive:
            raise ValueError(
                f"{self.inner.name} has no error estimate to choose its steps by: give "
                "substeps=..., or take an embedded inner method such as Tsit5()."
            )
        object.__setattr__(self, "stages", _stages(self.table))

    @property
    def name(self) -> str:
        """Name of the method, from its table."""
        return self.table.name

    @property
    def order(self) -> int:
        """Order of convergence, from trees with fast and slow nodes; the inner one may be lower."""
        return (
            self.table.order if self.substeps is None else min(self.table.order, self.inner.order)
        )

    @property
    def adaptive(self) -> bool:
        """Whether the method estimates its own error."""
        return self.table.embedded is not None

    @property
    def error_order(self) -> int:
        """Order k of the error estimate: it shrinks like ``h**k``."""
        return min(self.table.embedded_order, self.order) + 1

    @property
    def nodes(self):
        """The slow part is evaluated at the times ``t + nodes[i] h``."""
        return (0.0, *(end for _, end in self.table.times[:-1]))

    def begin(self, run):
        """A stepper that knows the tolerance of the inner steps."""
        return MultirateStepper(self, run)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take a single step; f is what `side` returns."""
        return MultirateStepper(self).step(f, u, p, t, h, k1)

    def __str__(self) -> str:
        embedded = f", embedded order {self.table.embedded_order}" if self.adaptive else ""
        small = f"{self.substeps} steps" if self.substeps else "adaptive steps"
        return (
            f"{self.name}: multirate infinitesimal method of order {self.table.order}{embedded}, "
            f"{self.table.stages} slow evaluations a step; fast part by {small} of "
            f"{self.inner.name}. {self.table.source}"
        )

    def __repr__(self) -> str:
        own = [repr(self.name)] if type(self) is MultirateRK else []
        own += [f"inner={self.inner!r}"] if self.inner != INNER else []
        own += [f"substeps={self.substeps}"] if self.substeps is not None else []
        return f"{type(self).__name__}({', '.join(own)})"


@dataclass(frozen=True)
class Stage:
    """One stage as a step needs it: rows of nonzero weights.

    Attributes
    ----------
    fast : float
        How long it lasts, in units of h.
    begin, end : float
        The time of the fast part in units of h, at both ends.
    start, drift, slow, slope : Row
        Weights of the states, and of the slow slopes.
    """

    fast: float
    begin: float
    end: float
    start: Row
    drift: Row
    slow: Row
    slope: Row


def _stages(table):
    """The stages of a table, and the last one again with the embedded weights."""
    stages = []
    for i in range(table.stages):
        rows = (table.start[i], table.drift[i], table.slow[i], table.slow_slope[i])
        stages.append(Stage(table.fast[i], *table.times[i], *(Row.of(row, 0) for row in rows)))
    if table.embedded is not None:
        rows = (table.start[-1], table.drift[-1], table.embedded, table.embedded_slope)
        last = (table.fast[-1], *table.times[-1])
        stages.append(Stage(*last, *(Row.of(row, 0) for row in rows)))
    return stages


class MultirateStepper:
    """The steps of a `MultirateRK` method in one solve."""

    def __init__(self, method, run=None):
        self.method, self.run = method, run
        self.adaptive = run is None or run.adaptive
        self.rtol = ALONE if run is None else SHARE * run.rtol
        self.atol = ALONE if run is None else SHARE * run.atol
        self.max_steps = 1_000_000 if run is None else run.max_steps
        self.inner_h = None  # last step of the inner method

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Stage by stage: evaluate the slow part, carry the fast one along."""
        table, z, slow = self.method.table, [u], []
        for i, stage in enumerate(self.method.stages[: table.stages]):
            slow.append(f.slow(z[i], p, t + self.method.nodes[i] * h))
            found = self.carry(f, z, slow, stage, p, t, h)
            if isinstance(found, str):
                return no_step(u, found)
            z.append(found)
        error = None
        if self.adaptive and table.embedded is not None:
            other = self.carry(f, z, slow, self.method.stages[-1], p, t, h)
            if isinstance(other, str):
                return no_step(u, other)
            error = z[-1] - other
        return Step(z[-1], error, None, [z[-1], self.run], z[:-1], (None, None))

    def carry(self, f, z, slow, stage, p, t, h):
        """The end of one stage, or why the fast equation could not be solved."""
        start, length = combine(stage.start, z), stage.fast * h
        force = h * combine(stage.slow, slow) if stage.slow else 0.0 * start
        force = force + combine(stage.drift, z) if stage.drift else force
        change = h * combine(stage.slope, slow) if stage.slope else 0.0 * start
        if not length:
            return start + force + change / 2
        fast = Forced(f.fast, force / length, change / length**2, t + stage.begin * h,
                      (stage.end - stage.begin) * h / length)  # fmt: skip
        if self.method.substeps is not None:
            count = max(1, round(self.method.substeps * abs(stage.fast)))
            return fixed(self.method.inner, fast, start, p, length, count)
        return self.controlled(fast, start, p, length)

    def controlled(self, fast, start, p, length):
        """Solve the fast equation with the inner method's error control."""
        first = None if self.inner_h is None else min(self.inner_h, abs(length))
        run = Run(
            f=fast, u0=start, p=p, tspan=(0.0, length), method=self.method.inner, rtol=self.rtol,
            atol=self.atol, dt=first, adaptive=True, controller=PIController(),
            max_steps=self.max_steps, lanes=False,
        )  # fmt: skip
        record = None
        for record in attempts(run):
            if record.accepted:  # the last step may be cut short by the end of the stage
                last = (self.inner_h or 0.0) if record.t_new == length else 0.0
                self.inner_h = max(last, abs(record.h_next))
        if run.trouble or record is None:
            return f"the fast equation got no further than {run.now / length:.2g} of a stage"
        return record.u_new


class Forced(RightHandSide):
    """The fast part with a force that changes linearly: ``f_fast(v, p, clock) + F_0 + s F_1``.

    Parameters
    ----------
    fast : RightHandSide
        With its counter.
    force, change : array
        F_0 and F_1.
    begin, speed : float
        The time of the fast part is ``begin + speed s``.

    Examples
    --------
    >>> fast = Forced(lambda u, p, t: t * u, np.array([1.0]), np.array([10.0]), 3.0, 1.0)
    >>> fast(np.array([2.0]), None, 0.5)
    array([13.])
    """

    __slots__ = ("begin", "change", "fast", "force", "speed")

    def __init__(self, fast, force, change, begin, speed):
        super().__init__(fast, np.shape(force))
        self.fast, self.force, self.change = fast, force, change
        self.begin, self.speed = begin, speed

    def __call__(self, u, p, t):
        """The slope after the time t since the start of the stage."""
        return self.fast(u, p, self.begin + self.speed * t) + self.force + t * self.change

    def first(self, u, p, t):
        """The same: the parts have been checked."""
        return self(u, p, t)


def fixed(inner, f, u, p, length, count):
    """Take `count` equal steps of the inner method.

    Examples
    --------
    >>> round(float(fixed(Tsit5(), lambda u, p, t: -u, np.ones(1), None, 1.0, 10)[0]), 6)
    0.367879
    """
    h, k1 = length / count, None
    for i in range(count):
        step = inner.step(f, u, p, i * h, h, k1)
        u, k1 = step.u, step.k[-1] if inner.fsal else None
    return u


def positive_count(name, value):
    """Refuse what is no positive whole number.

    Examples
    --------
    >>> positive_count("substeps", 0)
    Traceback (most recent call last):
    ValueError: substeps must be a positive whole number (got 0).
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a positive whole number (got {value!r}).")


def _method(name, table):
    """A class for a built-in method."""

    def __init__(self, inner=INNER, substeps=None):
        MultirateRK.__init__(self, table, inner, substeps)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{name}: multirate infinitesimal method for a `SplitProblem`. {table.note}\n\n"
        "Parameters\n----------\ninner : ExplicitRK\n    What solves the fast equation.\n"
        "substeps : int, optional\n    Number of fixed inner steps in a step; without it the inner "
        "method controls its error.\n\n"
        f"References\n----------\n{table.source}\n\nExamples\n--------\n"
        f">>> import sciml_lab as sl\n>>> sl.{name}(substeps=20)\n{name}(substeps=20)\n",
        "__module__": __name__,
        "__repr__": MultirateRK.__repr__,
    }
    return type(name, (MultirateRK,), namespace)


MRIGARKERK33a = _method("MRIGARKERK33a", tables.ERK33A)
MRIGARKERK45a = _method("MRIGARKERK45a", tables.ERK45A)
MIS2 = _method("MIS2", tables.MIS2)
