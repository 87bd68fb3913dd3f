"""What every table of coefficients has in common: it proves its order, one condition at a time.

A table lists the conditions of each order (`conditions`): rooted trees for Runge-Kutta methods,
trees with coloured nodes where the parts of an equation are treated differently, words for
splitting methods. Order, embedded order, and which condition fails first, all follow from the list.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from sciml_lab.solvers import trees

TOLERANCE = 1e-14
"""A condition holds if its defect is below this times the sum of its absolute terms. That is some
45 roundings: each coefficient is rounded once, a tree of order 9 multiplies up to 17 of them, and
the sums over 16 stages round again."""


class Condition(NamedTuple):
    """One order condition and how far it is from holding.

    Attributes
    ----------
    tree : tuple or str
        Which one.
    defect : float
        Left side minus right side.
    scale : float
        Sum of the absolute values of all its terms.
    """

    tree: Any
    defect: float
    scale: float

    @property
    def relative(self) -> float:
        """The defect in units of its terms: some roundings where the condition holds."""
        return float(abs(self.defect) / self.scale)


class KnowsItsOrder:
    """A table of coefficients with a list of order conditions.

    Attributes
    ----------
    tolerance : float
        Largest `Condition.relative` of a condition that holds.
    highest : int
        The order at which the search ends.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> table = sl.Heun().tableau
    >>> table.order, table.written(table.violated(3).tree)
    (2, "f'(f'(f))")
    """

    tolerance = TOLERANCE
    highest = trees.HIGHEST_ORDER
    b_error: Any = None

    def conditions(self, order, embedded=False) -> Iterable[Condition]:
        """The conditions of one order, of the method or of the embedded one."""
        raise NotImplementedError

    def written(self, tree) -> str:
        """The tree of a condition in the words of the method's theory."""
        return trees.written(tree)

    @property
    def has_embedded(self) -> bool:
        """Whether there is a second method, to estimate errors by."""
        return self.b_error is not None

    def violated(self, order, embedded=False) -> Condition | None:
        """The first condition of this order that does not hold, or None."""
        for condition in self.conditions(order, embedded):
            if not abs(condition.defect) <= self.tolerance * condition.scale:
                return condition
        return None

    def _reached(self, embedded=False) -> int:
        """The largest order whose conditions, and all below, hold."""
        for order in range(1, self.highest + 1):
            if self.violated(order, embedded) is not None:
                return order - 1
        return self.highest

    @cached_property
    def order(self) -> int:
        """Order of convergence, from all order conditions."""
        return self._reached()

    @cached_property
    def embedded_order(self) -> int:
        """Order of the embedded method; 0 without an error estimate."""
        return self._reached(embedded=True) if self.has_embedded else 0

    def order_defects(self, order: int) -> dict:
        """What the conditions of one order lack: ``{tree: defect}``.

        Examples
        --------
        >>> import sciml_lab as sl
        >>> sl.Heun().tableau.order_defects(2)
        {((),): 0.0}
        """
        return {c.tree: float(c.defect) for c in self.conditions(order)}


class ButcherTable(KnowsItsOrder):
    """A table whose conditions are those of Butcher's trees.

    Attributes
    ----------
    b : ndarray
        Weights of the new state.
    """

    b: Any

    @property
    def _phi(self) -> trees.StageWeights:
        """The vectors Phi(t) of the stages."""
        raise NotImplementedError

    def conditions(self, order, embedded=False):
        """One condition for each tree with `order` nodes."""
        b = self.b - self.b_error if embedded else self.b
        for tree in trees.trees(order):
            yield Condition(tree, *map(float, trees.defect(self._phi, b, tree)))
