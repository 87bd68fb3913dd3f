"""Explicit Runge-Kutta methods: one readable step for every tableau.

With this module one can take a single step of any explicit method,

    k_i     = f(u + h * sum_j a_ij k_j, p, t + c_i h),        i = 1..s
    u_new   = u + h * sum_i b_i k_i
    error   =     h * sum_i (b_i - bhat_i) k_i,

on numbers, arrays, dual numbers, taped values or batches: only `+`, `*` and `f` are used. A new
method is one `Tableau` and one line in `METHODS`.
"""

from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.solvers import tableaus
from sciml_lab.solvers.method import OfTableau, Step
from sciml_lab.solvers.tableau import Tableau


class Row(tuple):
    """Pairs ``(j, w)`` of the nonzero entries of one row of a tableau, for `combine`.

    Examples
    --------
    >>> Row.of([0.5, 0.0, 2.0], 0)
    ((0, 0.5), (2, 2.0))
    """

    index: int  # its place among the rows of the tableau, see `Rows`

    @classmethod
    def of(cls, entries, index):
        """Take a sequence of numbers, zeros included."""
        row = cls((j, float(w)) for j, w in enumerate(entries) if w != 0.0)
        row.index = index
        return row


class Rows(NamedTuple):
    """The tableau as `Row` objects, ready for a step."""

    a: tuple
    c: tuple
    later: tuple  # (row of A, node) of every stage after the first
    b: tuple
    error: tuple
    error2: tuple
    a_dense: tuple
    c_dense: tuple
    dense: tuple  # (stage, coefficients of theta, theta**2, ...) of the interpolant
    step: np.ndarray  # A, b and the errors below each other: row.index is the place in here
    all: np.ndarray  # the same with the extra stages of dense output

    @classmethod
    def of(cls, tab):
        """Take them from a `Tableau`."""
        errors = [() if e is None else e for e in (tab.b_error, tab.b_error2)]
        entries, s = [*tab.A, tab.b, *errors, *tab.A_dense], tab.stages
        matrix = np.zeros((len(entries), len(tab.P)))
        for row, values in zip(matrix, entries, strict=True):
            row[: len(values)] = values
        rows, c = [Row.of(values, index) for index, values in enumerate(entries)], tab.c.tolist()
        return cls(
            a=tuple(rows[:s]), c=tuple(c), later=tuple(zip(rows[1:s], c[1:], strict=True)),
            b=rows[s], error=rows[s + 1], error2=rows[s + 2],
            a_dense=tuple(rows[s + 3 :]), c_dense=tuple(tab.c_dense.tolist()),
            dense=tuple((i, tuple(row.tolist())) for i, row in enumerate(tab.P) if row.any()),
            step=matrix[: s + 3, :s].copy(), all=matrix,
        )  # fmt: skip


_known_rows: WeakKeyDictionary = WeakKeyDictionary()


def _rows(tableau) -> Rows:
    """The rows of a tableau, made once: ``sl.Tsit5()`` may stand inside a loss."""
    if tableau not in _known_rows:
        _known_rows[tableau] = Rows.of(tableau)
    return _known_rows[tableau]


class Stages(list):
    """The stage derivatives k_j of one step of size h, in order, and their weighted sums.

    Plain arrays are also the rows of one matrix, so that a weighted sum of them is the product of
    a row of ``h * tableau`` and this matrix. Anything else (dual numbers, taped values, a step
    size for each trajectory) is a list and nothing more.

    Parameters
    ----------
    known : list of array
        The stages that are known already, at least the first.
    h : float or array
        Step size.
    tableau : ndarray
        `Rows.step` or `Rows.all`.
    """

    __slots__ = ("h", "matrix", "table", "weights")

    def __init__(self, known, h, tableau):
        self.h, self.table = h, None
        first = known[0]
        if isinstance(h, float) and type(first) is np.ndarray and first.dtype.char in "dD":
            self.weights = h * tableau
            self.table = table = np.zeros((tableau.shape[1], *first.shape), first.dtype)
            self.matrix = table if table.ndim == 2 else table.reshape(len(table), -1)
        for k in known:
            self.append(k)

    def append(self, k):
        """Add the next stage."""
        table = self.table
        if table is not None:
            if type(k) is np.ndarray and k.dtype is table.dtype:
                i = len(self)
                table[i] = k
                k = table[i]
            else:
                self.table = None
        list.append(self, k)

    def sum(self, row):
        """Return ``h * sum_j w_j k_j`` with the weights of a row of the tableau."""
        table = self.table
        if table is None:
            return self.h * combine(row, self)
        total = self.weights[row.index].dot(self.matrix)  # stages to come are zero
        return total if table is self.matrix else total.reshape(table.shape[1:])


def combine(weights, k):
    """Return ``sum_j w_j k_j``.

    Parameters
    ----------
    weights : sequence of (int, float or array)
        Index and weight of each term.
    k : list of array
        Stage derivatives.

    Examples
    --------
    >>> float(combine([(0, 0.5), (2, 2.0)], [1.0, 10.0, 100.0]))
    200.5
    """
    (j, w), *rest = weights
    if isinstance(w, float) and isinstance(k, Stages) and k.table is not None:
        row = np.zeros(len(k.matrix))
        for j, w in weights:
            row[j] = w
        return row.dot(k.matrix).reshape(k[0].shape)
    total = w * k[j]
    for j, w in rest:
        total = total + w * k[j]
    return total


@dataclass(frozen=True)
class ExplicitRK(OfTableau):
    """The explicit Runge-Kutta method of a tableau.

    Parameters
    ----------
    tableau : Tableau
        Any explicit tableau (strictly lower triangular ``A``), your own included.

    Raises
    ------
    TypeError
        If `tableau` is not a `Tableau`.
    ValueError
        If the tableau is implicit.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> heun = sl.ExplicitRK(sl.Tableau(name="my Heun", A=[[0, 0], [1, 0]], b=[0.5, 0.5]))
    >>> heun.order
    2
    """

    tableau: Tableau

    def __post_init__(self):
        if not isinstance(self.tableau, Tableau):
            raise TypeError(
                f"tableau must be a Tableau (got {type(self.tableau).__name__}): "
                "write ExplicitRK(Tableau(name=..., A=..., b=...))."
            )
        if not self.tableau.explicit:
            raise ValueError(
                f"tableau {self.tableau.name!r} is implicit (A has entries on or above the "
                "diagonal): ExplicitRK needs a strictly lower triangular A."
            )
        object.__setattr__(self, "rows", _rows(self.tableau))

    @property
    def fsal(self) -> bool:
        """Whether the last stage of a step is the first of the next."""
        return self.tableau.fsal

    @property
    def nodes(self):
        """The stages lie at the times ``t + nodes[i] h``."""
        return self.rows.c

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step of size h from (t, u): the textbook's formulas, nothing else.

        Parameters
        ----------
        f : callable
            ``f(u, p, t)``.
        u, p, t, h : array, array, float, float
            State, parameters, time, step. In a batch t and h have one entry per trajectory.
        k1 : array, optional
            ``f(u, p, t)`` if it is known already (first-same-as-last methods know it).

        Returns
        -------
        Step

        Examples
        --------
        >>> import numpy as np, sciml_lab as sl
        >>> step = sl.RK4().step(lambda u, p, t: -u, np.array([1.0]), None, 0.0, 0.1)
        >>> bool(abs(step.u[0] - np.exp(-0.1)) < 1e-7)
        True
        """
        rows, v = self.rows, [u]
        k = Stages([f(u, p, t) if k1 is None else k1], h, rows.step)
        for a, c in rows.later:
            v.append(u + k.sum(a) if a else u)
            k.append(f(v[-1], p, t + c * h))
        u_new = v[-1] if self.tableau.fsal else u + k.sum(rows.b)
        error = k.sum(rows.error) if rows.error else None
        error2 = k.sum(rows.error2) if rows.error2 else None
        k.weights = None  # steps may be kept, by the million
        return Step(u_new, error, error2, k, v)

    def dense_stages(self, f, u, p, t, h, k) -> list:
        """Stage derivatives of the step, with the extra ones that dense output needs."""
        if not self.rows.a_dense:
            return k
        k = Stages(k, h, self.rows.all)
        for a, c in zip(self.rows.a_dense, self.rows.c_dense, strict=True):
            k.append(f(u + k.sum(a), p, t + c * h))
        k.weights = None
        return k

    def dense_weights(self, theta, derivative=False):
        """Polynomials ``b_i(theta)`` of dense output (or their derivatives), as nonzero pairs.

        Parameters
        ----------
        theta : float or ndarray
            Position inside the step, from 0 to 1 (one entry per trajectory in a batch).
        derivative : bool
            Return ``b_i'(theta)`` instead.
        """
        return [(i, _polynomial(row, theta, derivative)) for i, row in self.rows.dense]

    def interpolate(self, u, k, h, theta):
        """Dense output ``u + h * sum_i b_i(theta) k_i`` from the stages of `dense_stages`."""
        return u + h * combine(self.dense_weights(theta), k)

    def __str__(self) -> str:
        return str(self.tableau)

    def __repr__(self) -> str:
        known = METHODS.get(self.name)
        return f"{self.name}()" if known is type(self) else f"ExplicitRK({self.name!r})"


def _polynomial(coefficients, theta, derivative):
    """``sum_j c_j theta**j``, j = 1..q, by Horner's rule, or its derivative."""
    value = 0.0
    for j in range(len(coefficients), 0, -1):
        value = theta * value + (j * coefficients[j - 1] if derivative else coefficients[j - 1])
    return value if derivative else theta * value


def error_norm(step: Step, u, rtol, atol, lanes: bool):
    """Root-mean-square of error/(atol + rtol*|u|): at most one means the step is good enough.

    DOP853's two estimates are blended as ``e5**2/sqrt(e5**2 + 0.01 e3**2)`` (Hairer, Norsett,
    Wanner I, section II.10). Only plain numbers enter: derivatives ride along, they do not steer.

    Parameters
    ----------
    step : Step
    u : array
        State at the start of the step.
    rtol, atol : float or array
        Tolerances; arrays hold one entry per component.
    lanes : bool
        Whether the last axis of u counts trajectories; then one norm for each is returned.
    """
    scale = atol + rtol * np.maximum(abs(primal(u)), abs(primal(step.u)))
    e5 = mean_square(primal(step.error) / scale, lanes)
    if step.error2 is None:
        return e5**0.5
    e3 = mean_square(primal(step.error2) / scale, lanes)
    blend = e5 + 0.01 * e3
    return e5 / (blend + (blend == 0)) ** 0.5  # 0/1 where both are zero


def mean_square(x, lanes):
    """Mean of ``|x|**2`` over all entries, or for each lane.

    Examples
    --------
    >>> mean_square(np.array([3.0, 4.0j]), False)
    12.5
    """
    if lanes:
        return np.mean((x * x.conj()).real, axis=tuple(range(x.ndim - 1)))
    return float(np.vdot(x, x).real) / x.size


def _method(name: str, tableau: Tableau):
    """A class for a built-in method: `Tsit5()` reads better than `ExplicitRK(TSIT5)`."""

    def __init__(self):
        ExplicitRK.__init__(self, tableau)

    doc = (
        f"{tableau.name}: explicit Runge-Kutta method. {tableau.note}\n\n"
        f"References\n----------\n{tableau.source}\n\n"
        f"Examples\n--------\n>>> import sciml_lab as sl\n>>> sl.{name}().name\n'{name}'\n"
    )
    namespace = {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    namespace["__repr__"] = ExplicitRK.__repr__
    namespace["__eq__"] = lambda self, other: type(self) is type(other)
    namespace["__hash__"] = lambda self: hash(name)
    return type(name, (ExplicitRK,), namespace)


Euler = _method("Euler", tableaus.EULER)
Midpoint = _method("Midpoint", tableaus.MIDPOINT)
Heun = _method("Heun", tableaus.HEUN)
Ralston = _method("Ralston", tableaus.RALSTON)
RK4 = _method("RK4", tableaus.RK4)
BS3 = _method("BS3", tableaus.BS3)
DP5 = _method("DP5", tableaus.DP5)
Tsit5 = _method("Tsit5", tableaus.TSIT5)
Vern7 = _method("Vern7", tableaus.VERN7)
Vern9 = _method("Vern9", tableaus.VERN9)
DOP853 = _method("DOP853", tableaus.DOP853)

METHODS = {
    cls.__name__: cls
    for cls in (Euler, Midpoint, Heun, Ralston, RK4, BS3, DP5, Tsit5, Vern7, Vern9, DOP853)
}
