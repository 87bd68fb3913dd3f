r"""The coefficients of a multirate infinitesimal method, which know their own order.

A stage carries the fast part along exactly and the slow one as a force that is known before:

    v(0) = sum_j start_ij z_j,
    v'   = fast_i f_fast(v) + sum_j (slow_ij + tau slow_slope_ij) f_slow(z_j) + sum_j drift_ij z_j/h

for tau from 0 to 1 in units of the step h, and ``z_i = v(1)``; ``z_0 = u``, and the last z is the
new state. MRI-GARK methods start where the last stage ended and do not drift; MIS methods do both.

The order is computed from trees whose nodes are fast or slow: every coefficient of the expansion
of v is a polynomial in tau, and the equation above integrates it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import polynomial as poly

from sciml_lab.solvers import trees
from sciml_lab.solvers.conditions import Condition, KnowsItsOrder


@dataclass(frozen=True, eq=False)
class MultirateTable(KnowsItsOrder):
    """The coefficients of a multirate infinitesimal method with s stages.

    Parameters
    ----------
    name : str
    fast : sequence of float, length s
        How much of the fast part each stage carries along.
    slow : sequence of s rows
        Row i holds the weights of the slow slopes at z_0 ... z_i; shorter rows end in zeros.
    slow_slope : sequence of s rows, optional
        How these weights change from the start of the stage to its end.
    start : array (s, s), optional
        Where each stage starts, as weights of z_0 ... ; without it where the last one ended.
    drift : array (s, s), optional
        Weights of z_0 ... in a constant drift; none without it.
    embedded, embedded_slope : sequence of float, optional
        Other slow weights of the last stage, for an error estimate.
    note, source : str
        A sentence about the method, and where the coefficients were published.

    Raises
    ------
    ValueError
        If the rows do not fit, or the slow time and the fast time of a stage differ.

    Examples
    --------
    The fast part exactly, the slow one as in Euler's method:

    >>> euler = MultirateTable(name="Euler", fast=[1.0], slow=[[1.0]])
    >>> euler.order, euler.stages
    (1, 1)
    """

    name: str
    fast: np.ndarray
    slow: np.ndarray
    slow_slope: np.ndarray | None = None
    start: np.ndarray | None = None
    drift: np.ndarray | None = None
    embedded: np.ndarray | None = None
    embedded_slope: np.ndarray | None = None
    note: str = ""
    source: str = ""
    tolerance = 1e-13  # of a condition: polynomials in tau add more roundings
    highest = 6

    def __post_init__(self):
        fast = self._store("fast", np.array(self.fast, dtype=float))
        s = len(fast)
        slow = self._store("slow", _square("slow", self.slow, s))
        slope = self._store("slow_slope", _square("slow_slope", self.slow_slope, s))
        start = np.eye(s) if self.start is None else self.start
        start = self._store("start", _square("start", start, s))
        self._store("drift", _square("drift", self.drift, s))
        if np.max(np.abs(start.sum(axis=1) - 1)) > 1e-12:
            raise ValueError("each row of start must sum to 1: a stage starts between states.")
        self._same_time(slow, slope, "slow")
        if self.embedded is not None:
            rows = [self.embedded, self.embedded_slope if self.embedded_slope is not None else []]
            hat, hat_slope = (_square("embedded", [[]] * (s - 1) + [row], s) for row in rows)
            self._store("embedded", hat[-1])
            self._store("embedded_slope", hat_slope[-1])
            self._same_time(hat, hat_slope, "embedded", only_last=True)

    def _store(self, name, value):
        value.setflags(write=False)
        object.__setattr__(self, name, value)
        return value

    def _same_time(self, slow, slope, name, only_last=False):
        """Both parts of a stage have to last equally long."""
        apart = np.abs((slow + slope / 2).sum(axis=1) - self.fast)
        apart = apart[-1:] if only_last else apart
        if np.max(apart) > 1e-12 * (1 + np.max(np.abs(slow))):
            raise ValueError(
                f"{name} must give each stage as much of the slow part as `fast` of the fast one: "
                f"row {int(np.argmax(apart)) + 1} differs by {np.max(apart):.3g} (sum of slow plus "
                "half the sum of slow_slope)."
            )

    @property
    def stages(self) -> int:
        """Number of stages, and of slow evaluations in a step."""
        return len(self.fast)

    @cached_property
    def times(self):
        """Where the stages start and end, in units of h: rows (from, to)."""
        ends, found = [0.0], []
        for i in range(self.stages):
            row = np.asarray(self.start)[i, : i + 1], np.asarray(self.drift)[i, : i + 1]
            begin = row[0] @ ends
            found.append((begin, begin + row[1] @ ends + self.fast[i]))
            ends.append(found[-1][1])
        return found

    @property
    def has_embedded(self) -> bool:
        """Whether there is a second method, to estimate errors by."""
        return self.embedded is not None

    def conditions(self, order, embedded=False):
        """One for each tree with fast and slow nodes; the fast part is taken for solved exactly."""
        exact, bound = self._expansions[embedded]
        for tree in trees.trees(order):
            right = 1.0 / trees.density(tree)
            for coloured in trees.colourings(tree):
                value, size = exact.states(coloured)[-1], bound.states(coloured)[-1]
                yield Condition(coloured, value - right, size + right)

    def written(self, tree) -> str:
        """The tree with its nodes called fast and slow."""
        return trees.written(tree, ("fast", "slow"))

    def stability_function(self, z):
        """R(z), the factor of one step on ``u' = lambda u`` where that is the slow part.

        Examples
        --------
        >>> MultirateTable(name="Euler", fast=[1.0], slow=[[1.0]]).stability_function(-2.0)
        -1.0
        """
        z, start, drift = np.asarray(z), np.asarray(self.start), np.asarray(self.drift)
        middle = np.asarray(self.slow) + np.asarray(self.slow_slope) / 2
        ends = [np.ones(z.shape, z.dtype if z.dtype.kind == "c" else float)]
        for i in range(self.stages):
            still = (start + drift)[i, : i + 1]
            moving = middle[i, : i + 1]
            ends.append(sum(s * x + m * z * x for s, m, x in zip(still, moving, ends, strict=True)))
        return ends[-1] if np.ndim(z) else ends[-1].item()

    @cached_property
    def slow_stability(self) -> float:
        """Largest y with ``|R(z)| <= 1`` on [-y, 0], to two digits after the point."""
        y = 0.01 * np.arange(1, 5001)
        beyond = np.flatnonzero(np.abs(self.stability_function(-y)) > 1 + 1e-12)
        return float(y[beyond[0]] - 0.01) if beyond.size else float(y[-1])

    @cached_property
    def _expansions(self):
        """Of the method and of the embedded one: exact, and of absolute values."""
        found = [(self.slow, self.slow_slope)]
        if self.embedded is not None:
            slow, slope = np.array(self.slow), np.array(self.slow_slope)
            slow[-1], slope[-1] = self.embedded, self.embedded_slope
            found.append((slow, slope))
        return [
            (_Expansion(self, *both), _Expansion(self, *map(np.abs, both), absolute=True))
            for both in found
        ]


def _square(name, rows, s):
    """Rows of up to s numbers as a matrix in which row i has i + 1 entries."""
    out = np.zeros((s, s))
    rows = [[]] * s if rows is None else list(rows)
    if len(rows) != s:
        raise ValueError(f"{name} must have one row for each of the {s} stages (got {len(rows)}).")
    for i, row in enumerate(rows):
        row = np.array(row, dtype=float)
        if len(row) > s or np.any(row[i + 1 :]):
            raise ValueError(f"row {i + 1} of {name} may use the {i + 1} states before it only.")
        out[i, : len(row)] = row
    return out


class _Expansion:
    """Coefficients of the numerical solution in the expansion by coloured trees."""

    def __init__(self, table, slow, slope, absolute=False):
        size = np.abs if absolute else np.asarray
        self.fast, self.start, self.drift = (
            size(x) for x in (table.fast, table.start, table.drift)
        )
        self.slow, self.slope, self.known = slow, slope, {}

    def states(self, tree):
        """The coefficient of a tree in z_0, ..., z_s."""
        return self._find(tree)[0]

    def _find(self, tree):
        """Coefficients in z_0 ... z_s, and in v as polynomials in tau for each stage."""
        if tree in self.known:
            return self.known[tree]
        slow, branches = tree
        below = [self._find(branch) for branch in branches]
        at_states = np.prod([z for z, _ in below], axis=0) if below else np.ones(len(self.fast) + 1)
        z, flows = [0.0], []
        for i, weight in enumerate(self.fast):
            before = np.array(z)
            rate = np.array([self.drift[i, : i + 1] @ before])
            if slow:
                there = at_states[: i + 1]
                terms = [self.slow[i, : i + 1] @ there, self.slope[i, : i + 1] @ there]
            else:
                terms = np.array([weight])
                for _, flow in below:
                    terms = poly.polymul(terms, flow[i])
            begin = self.start[i, : i + 1] @ before
            flows.append(poly.polyint(poly.polyadd(rate, terms), k=begin))
            z.append(poly.polyval(1.0, flows[-1]))
        self.known[tree] = np.array(z), flows
        return self.known[tree]
