"""Is my table right? Everything that can be proved or measured about a table of coefficients.

One function for every kind of table: Runge-Kutta (explicit, diagonally and fully implicit),
Rosenbrock, additive, multirate, Nystrom, and splitting methods. It goes through all order
conditions, names the first one that does not hold, looks at the embedded method and at the
stability, and then takes steps with the method to see whether the order shows.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sciml_lab.measure.trial import Measured, measured_order
from sciml_lab.solvers.additive import AdditiveRK
from sciml_lab.solvers.collocation import Collocation
from sciml_lab.solvers.conditions import Condition, KnowsItsOrder
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab.solvers.implicit_rk import NEWTON
from sciml_lab.solvers.multirate import MultirateRK
from sciml_lab.solvers.multirate_table import MultirateTable
from sciml_lab.solvers.nystrom import Nystrom
from sciml_lab.solvers.nystrom_tableau import NystromTableau
from sciml_lab.solvers.rosenbrock import Rosenbrock
from sciml_lab.solvers.rosenbrock_tableau import RosenbrockTableau
from sciml_lab.solvers.sdirk import SDIRK
from sciml_lab.solvers.symplectic import Splitting
from sciml_lab.solvers.tableau import Tableau
from sciml_lab.solvers.trees_additive import AdditivePair
from sciml_lab.solvers.words import Words

ALMOST = 1e-9  # where all are missed by so little, digits are lacking rather than an idea
CLOSE = 0.2  # what a measured order may lack


@dataclass(frozen=True, repr=False)
class Certificate:
    """What is known about a table. Print it to read it, `plot` it to see where it is stable.

    Attributes
    ----------
    name, kind : str
        Of the method.
    order, embedded_order : int
        Proved by the order conditions; 0 where there is no embedded method.
    conditions : int
        How many conditions hold up to that order.
    largest : float
        The largest defect among these, in units of the terms of its condition: roundings.
    violated : Condition
        The first condition that does not hold, of order ``order + 1``; None above order 10.
    tree : str
        The tree (or word) of that condition, as an elementary differential.
    claimed : int or None
        The order that was asked for.
    measured : Measured
        Errors of solves with fixed steps, and the order that they show.
    stability : str
        Where the method is stable.
    table, method : object
        What was examined, and what took the steps.
    """

    name: str
    kind: str
    order: int
    embedded_order: int
    conditions: int
    largest: float
    violated: Condition | None
    tree: str
    claimed: int | None
    measured: Measured
    stability: str
    table: Any
    method: Any

    @property
    def passed(self) -> bool:
        """Whether the order is the claimed one (1 if none was), and shows in solves."""
        proved = self.order >= (1 if self.claimed is None else self.claimed)
        return proved and self.measured.order > self.order - CLOSE

    @property
    def verdict(self) -> str:
        """One sentence: passed, or what is wrong."""
        if self.claimed is not None and self.order < self.claimed:
            return (
                f"refused: order {self.claimed} is claimed, and {self._failure()}; look at the "
                "coefficients in that sum"
            )
        if self.order < 1:
            return f"refused: {self._failure()}, so no order is reached"
        if not self.passed:
            return (
                f"refused: order {self.order} is proved, and solves show {self.measured.order:.2f}"
            )
        missed = self.table.conditions(self.order + 1) if self.violated is not None else ()
        almost = max((c.relative for c in missed), default=1.0) < ALMOST
        hint = f"; but {self._failure()}: are digits missing?" if almost else ""
        return f"passed: a method of order {self.order}{hint}"

    def _failure(self):
        """The condition that fails, in words."""
        if self.violated is None:
            return "no condition was found to fail"
        return (
            f"the condition of order {self.order + 1} of {self.tree} is missed by "
            f"{self.violated.defect:.3g}"
        )

    def plot(self):
        """Draw the stability region, or, where there is none in the plane, the measured errors."""
        from sciml_lab import plot

        if isinstance(self.table, AdditivePair):
            return plot.stability_region(list(self.table.parts))
        if hasattr(self.table, "stability_function"):
            return plot.stability_region(self.table)
        return plot.convergence(self.measured.steps, {self.name: self.measured.errors})

    def __str__(self) -> str:
        embedded = f"order {self.embedded_order}" if self.table.has_embedded else "none"
        failing = f"; {self._failure()}" if self.violated is not None else ""
        return "\n".join([
            f"{self.name} ({self.kind})",
            f"  order conditions: {self.conditions} hold, up to order {self.order} (largest defect "
            f"{self.largest:.1g}){failing}",
            f"  embedded method:  {embedded}",
            f"  measured order:   {self.measured}",
            f"  stability:        {self.stability}",
            f"  verdict:          {self.verdict}",
        ])  # fmt: skip

    __repr__ = __str__


def certificate(method_or_table, order=None) -> Certificate:
    """Examine a table of coefficients, built-in or your own.

    Parameters
    ----------
    method_or_table : Tableau, RosenbrockTableau, NystromTableau, MultirateTable or method
        Or a pair of `Tableau` objects (explicit, implicit) for an additive method. Of methods
        those that are made of a table: Runge-Kutta, Rosenbrock, `AdditiveRK`, `MultirateRK`,
        `Nystrom`, `Splitting`.
    order : int, optional
        The order that it should have. Without it any order of at least 1 passes.

    Returns
    -------
    Certificate

    Raises
    ------
    TypeError, ValueError
        For something that is no table, or an order that is no positive whole number.

    Examples
    --------
    The classical method of order 4, and the same with a digit mistyped:

    >>> import sciml_lab as sl
    >>> A, b = [[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 1, 0]], [1/6, 1/3, 1/3, 1/6]
    >>> certificate(sl.Tableau(name="mine", A=A, b=b), order=4).verdict
    'passed: a method of order 4'
    >>> A[2] = [0, 0.6, 0, 0]
    >>> wrong = certificate(sl.Tableau(name="mine", A=A, b=b), order=4)
    >>> wrong.passed, wrong.tree, round(wrong.violated.defect, 4)
    (False, "f'(f)", 0.0333)
    """
    if order is not None and (isinstance(order, bool) or not isinstance(order, int) or order < 1):
        raise ValueError(f"order must be a positive whole number (got {order!r}).")
    kind, table, method = _taken_apart(method_or_table)
    held, largest = 0, 0.0
    for k in range(1, table.order + 1):
        for condition in table.conditions(k):
            held, largest = held + 1, max(largest, condition.relative)
    failing = table.violated(table.order + 1) if table.order < table.highest else None
    return Certificate(
        name=table.name, kind=kind, order=table.order, embedded_order=table.embedded_order,
        conditions=held, largest=largest, violated=failing,
        tree="" if failing is None else table.written(failing.tree), claimed=order,
        measured=measured_order(method, table.order), stability=_stability(table), table=table,
        method=method,
    )  # fmt: skip


def _taken_apart(thing) -> tuple[str, KnowsItsOrder, Any]:
    """The kind of method, its table, and the method that takes steps with it."""
    if isinstance(thing, tuple) and all(isinstance(part, Tableau) for part in thing):
        thing = AdditiveRK(*thing)
    made = {
        Tableau: _runge_kutta, RosenbrockTableau: Rosenbrock, NystromTableau: Nystrom,
        MultirateTable: MultirateRK,
    }.get(type(thing))  # fmt: skip
    method = thing if made is None else made(thing)
    if isinstance(method, AdditiveRK):
        return "additive Runge-Kutta", AdditivePair(method.explicit, method.implicit), method
    if isinstance(method, Splitting):
        return "splitting", Words(method.name, method.flows, method.quadratic), method
    if isinstance(method, MultirateRK):
        return "multirate", method.table, method
    for cls, kind in (
        (ExplicitRK, "explicit Runge-Kutta"), (SDIRK, "diagonally implicit Runge-Kutta"),
        (Collocation, "implicit Runge-Kutta"), (Rosenbrock, "Rosenbrock"), (Nystrom, "Nystrom"),
    ):  # fmt: skip
        if isinstance(method, cls):
            return kind, method.tableau, method
    raise TypeError(
        "certificate() takes a Tableau, RosenbrockTableau, NystromTableau, MultirateTable, a pair "
        "of tableaus (explicit, implicit), or a method that is made of one (got "
        f"{type(thing).__name__}): measure others with sl.measure.convergence."
    )


def _runge_kutta(table):
    """The method of a Butcher tableau."""
    if table.explicit:
        return ExplicitRK(table)
    if not np.any(np.triu(table.A, 1)):
        return SDIRK(table)
    straight = np.asarray(table.b)[:, None]  # where the next iteration starts; no dense output
    return _OfTable(replace(table, P=straight, A_dense=None, c_dense=None))


@dataclass(frozen=True, repr=False)
class _OfTable(Collocation):
    """The method of a fully implicit table, to take steps of fixed size with."""

    tableau: Tableau
    iteration: Any = NEWTON
    linear_solver: Any = "auto"


def _stability(table) -> str:
    """Where a method is stable, in one line."""
    if isinstance(table, AdditivePair):
        explicit, implicit = table.parts
        return f"explicit part {_stability(explicit)}; implicit part {_stability(implicit)}"
    if isinstance(table, Tableau):
        return table.in_words
    if isinstance(table, RosenbrockTableau):
        kind = "L-stable" if table.L_stable else "A-stable" if table.A_stable else "not A-stable"
        end = "stiffly accurate" if table.stiffly_accurate else "not stiffly accurate"
        return f"{kind}, R(infinity) = {table.damping:.3g}, {end}"
    if isinstance(table, NystromTableau):
        return f"oscillations grow by less than 1% a step up to h w = {table.stability_limit:.2f}"
    if isinstance(table, Words):
        return f"oscillations keep their size up to h w = {table.oscillation_limit():.2f}"
    real = table.slow_stability
    return f"slow part alone: z in [-{real:.4g}, 0] on the real axis; fast part: the inner method's"
