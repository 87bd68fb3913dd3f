"""The Butcher tableau: a Runge-Kutta method as an object that knows its own properties.

    c | A
    --+----         k_i = f(u + h sum_j a_ij k_j, p, t + c_i h),   u_new = u + h sum_i b_i k_i
      | b

Order, stability and the rest are computed from the numbers when first asked for, so creating a
method costs nothing.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from sciml_lab.solvers import stability, trees
from sciml_lab.solvers.conditions import TOLERANCE, ButcherTable
from sciml_lab.solvers.stiff_order import stiff_order


@dataclass(frozen=True, eq=False)
class Tableau(ButcherTable):
    """A Runge-Kutta method: matrix A, weights b, and what belongs to them.

    Parameters
    ----------
    name : str
        Name of the method.
    A : array, shape (s, s)
        Stage coefficients; strictly lower triangular for an explicit method.
    b : array, shape (s,)
        Weights of the new state.
    c : array, shape (s,), optional
        Nodes; without them the row sums of A.
    b_error : array, shape (s,), optional
        ``b - bhat``, the weights of the error estimate.
    b_error2 : array, shape (s,), optional
        Weights of a second error estimate (DOP853).
    A_dense : array, shape (m, <= s + m), optional
        Coefficients of m extra stages that only dense output needs.
    c_dense : array, shape (m,), optional
        Their nodes; without them the row sums.
    P : array, shape (s + m, q), optional
        Dense output: ``u(t + theta h) = u + h sum_i (sum_j P[i, j-1] theta**j) k_i``. Without it
        the cubic Hermite polynomial through both ends, which may need f at the end of the step
        as one extra stage.
    note, source : str
        A sentence about the method, and where the coefficients were published.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or c differs from the row sums of A.

    Notes
    -----
    The confusion to avoid: `order` speaks of the global error, which is proportional to
    ``h**order``; the error of one step is proportional to ``h**(order + 1)``.

    Examples
    --------
    >>> heun = Tableau(name="Heun", A=[[0, 0], [1, 0]], b=[0.5, 0.5], b_error=[-0.5, 0.5])
    >>> heun.order, heun.embedded_order, heun.stages
    (2, 1, 2)
    >>> heun.stability_function(-1.0)
    0.5
    """

    name: str
    A: np.ndarray
    b: np.ndarray
    c: np.ndarray | None = None
    b_error: np.ndarray | None = None
    b_error2: np.ndarray | None = None
    A_dense: np.ndarray | None = None
    c_dense: np.ndarray | None = None
    P: np.ndarray | None = None
    note: str = ""
    source: str = ""

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name must be a non-empty string (got {self.name!r}).")
        b = self._store("b", _numbers("b", self.b, 1))
        s = len(b)
        A = self._store("A", _numbers("A", self.A, 2, (s, s)))
        if abs(b.sum() - 1) > 1e-12:
            raise ValueError(
                f"b must sum to 1 (it sums to {b.sum():.15g}), or no order is reached."
            )
        self._store("c", self._nodes("c", self.c, A))
        for name in ("b_error", "b_error2"):
            value = getattr(self, name)
            if value is None:
                continue
            value = self._store(name, _numbers(name, value, 1, (s,)))
            if abs(value.sum()) > 1e-12:
                raise ValueError(
                    f"{name} must sum to 0 (it sums to {value.sum():.3g}): give the difference "
                    "b - bhat, not bhat."
                )
        self._check_dense(s)

    def _store(self, name, value):
        """Set a field of the frozen object, read-only."""
        value.setflags(write=False)
        object.__setattr__(self, name, value)
        return value

    def _nodes(self, name, given, rows):
        sums = rows.sum(axis=1)
        if given is None:
            return sums
        given = _numbers(name, given, 1, sums.shape)
        worst = np.max(np.abs(given - sums) / (1 + np.abs(rows).sum(axis=1)), initial=0.0)
        if worst > 1e-12:
            raise ValueError(
                f"{name} must be the row sums of A (largest difference {worst:.3g}): leave it out."
            )
        return given

    def _check_dense(self, s):
        """Complete dense output: pad the extra rows, or choose Hermite's polynomial."""
        rows = self.A_dense
        if self.P is None:
            if rows is not None:
                raise ValueError("A_dense without P has no use: give P, or leave both out.")
            rows = None if self.fsal else [self.b]
            end = s - 1 if self.fsal else s
            object.__setattr__(self, "P", hermite(self.b, end))
        rows = [] if rows is None else list(rows)
        m = len(rows)
        padded = np.zeros((m, s + m))
        for i, row in enumerate(rows):
            row = _numbers(f"A_dense[{i}]", row, 1)
            if np.any(row[s + i :]):
                raise ValueError(f"A_dense[{i}] may use the {s + i} stages before it only.")
            padded[i, : min(len(row), s + m)] = row[: s + m]
        self._store("A_dense", padded)
        self._store("c_dense", self._nodes("c_dense", self.c_dense, padded))
        P = _numbers("P", self.P, 2)
        if len(P) != s + m:
            raise ValueError(f"P must have one row for each of the {s + m} stages (got {len(P)}).")
        self._store("P", P)

    @cached_property
    def stages(self) -> int:
        """Number of stages s."""
        return len(self.b)

    @cached_property
    def explicit(self) -> bool:
        """Whether each stage uses earlier stages only."""
        return not np.any(np.triu(self.A))

    @cached_property
    def fsal(self) -> bool:
        """First same as last: the last stage is f at the new state, the next step's first."""
        return self.stages > 1 and bool(np.array_equal(self.A[-1], self.b)) and self.c[-1] == 1

    @cached_property
    def stiffly_accurate(self) -> bool:
        """The last stage is the new state: b is the last row of A."""
        return bool(np.array_equal(self.A[-1], self.b)) and abs(self.c[-1] - 1) < 1e-12

    @cached_property
    def stage_order(self) -> int:
        """Largest q with ``sum_j a_ij c_j**(k-1) = c_i**k/k`` for all stages and k = 1..q.

        Every stage is then accurate of order q: what is left of the order on very stiff problems.
        """
        A, c = self.A, np.asarray(self.c)
        for q in range(1, self.stages + 1):
            defect = A @ c ** (q - 1) - c**q / q
            scale = np.abs(A) @ np.abs(c) ** (q - 1) + np.abs(c) ** q / q
            if np.any(np.abs(defect) > TOLERANCE * (1 + scale)):
                return q - 1
        return self.stages

    @cached_property
    def stiff_order(self) -> int:
        """Order that holds on the equation of Prothero and Robinson for every lambda < 0."""
        if abs(self.stability_function(-1e9) - 1) < 1e-6:
            return self.stage_order  # an infinitely stiff component keeps its errors
        return stiff_order(
            SimpleNamespace(
                nodes=np.asarray(self.c), d=np.zeros(self.stages), beta=self.A, b=self.b,
                stages=self.stages, order=self.order,
            )
        )  # fmt: skip

    @cached_property
    def _phi(self):
        return trees.StageWeights(self.A)

    @cached_property
    def dense_order(self) -> int:
        """Order of the dense output, uniformly inside the step."""
        s, total = self.stages, len(self.P)
        A = np.zeros((total, total))
        A[:s, :s], A[s:] = self.A, self.A_dense
        return trees.dense_order_of(trees.StageWeights(A), self.P, TOLERANCE)

    @cached_property
    def error_constant(self) -> float:
        """Norm of the leading error coefficients: compare methods of equal order by it."""
        return trees.principal_error(self._phi, self.b, self.order)

    def stability_function(self, z):
        """R(z), the factor of one step on ``u' = lambda u`` with ``z = lambda h``.

        Parameters
        ----------
        z : complex or array of complex

        Returns
        -------
        complex or array
            ``1 + z b^T (I - zA)^-1 1``.
        """
        value = stability.evaluate(self.A, self.b, z)
        return value if value.ndim else value.item()

    @cached_property
    def real_stability(self) -> float:
        """Largest y with ``|R(x)| <= 1`` on [-y, 0]; infinite for A-stable methods."""
        return stability.interval(self.A, self.b, -1)

    @cached_property
    def imaginary_stability(self) -> float:
        """Largest y with ``|R(ix)| <= 1`` on [0, y]."""
        return stability.interval(self.A, self.b, 1j)

    @property
    def stability_interval(self) -> tuple:
        """The pair (real_stability, imaginary_stability).

        Examples
        --------
        >>> import sciml_lab as sl
        >>> [round(y, 3) for y in sl.RK4().tableau.stability_interval]
        [2.785, 2.828]
        """
        return self.real_stability, self.imaginary_stability

    @cached_property
    def damping(self) -> float:
        """The limit of ``|R(z)|`` for z to minus infinity: 0 means damped at once."""
        return stability.at_infinity(self.A, self.b)

    @cached_property
    def A_stable(self) -> bool:
        """Whether ``|R(z)| <= 1`` in the whole left half plane."""
        return stability.a_stable(self.A, self.b)

    @property
    def L_stable(self) -> bool:
        """A-stable, and infinitely stiff components vanish in one step."""
        return self.A_stable and self.damping < 1e-10

    @cached_property
    def ssp_coefficient(self) -> float:
        """How much of Euler's monotone step the method may take (strong stability preserving)."""
        return stability.ssp_coefficient(self.A, self.b)

    @property
    def is_symplectic(self) -> bool:
        """Whether ``b_i a_ij + b_j a_ji = b_i b_j``: quadratic invariants are then exact."""
        M = self.b[:, None] * self.A
        return bool(np.all(np.abs(M + M.T - np.outer(self.b, self.b)) < 1e-14))

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self._summary()}", "", *self._table()])

    def _summary(self):
        parts = [f"order {self.order}, {self.stages} stages"]
        parts.append("first same as last" if self.fsal else "not FSAL")
        embedded = f"order {self.embedded_order}" if self.b_error is not None else "none"
        extra = f" ({len(self.A_dense)} extra stages)" if len(self.A_dense) else ""
        return (
            ", ".join(parts)
            + f"\nembedded method: {embedded}; dense output: order {self.dense_order}{extra}\n"
            + self.in_words
        )

    @property
    def in_words(self) -> str:
        """Where the method is stable, in one line."""
        if self.A_stable:
            kind = "L-stable" if self.L_stable else f"A-stable, |R(infinity)| = {self.damping:.3g}"
            stiff = f"Prothero-Robinson: order {self.stiff_order}"
            return f"{kind}; stage order {self.stage_order}; {stiff}"
        return (
            f"stable for z in [-{self.real_stability:.4g}, 0] on the real axis and up to "
            f"{self.imaginary_stability:.4g} i on the imaginary axis"
        )

    def _table(self):
        """Lines of the Butcher tableau: c | A over b (and bhat)."""
        nodes = np.asarray(self.c).tolist()
        rows: list[list] = [
            [nodes[i], *(row[:i] if self.explicit else row)] for i, row in enumerate(self.A)
        ]
        rows.append(["b", *self.b])
        if self.b_error is not None:
            rows.append(["bhat", *np.subtract(self.b, self.b_error).tolist()])
        texts = [[x if isinstance(x, str) else _short(x) for x in row] for row in rows]
        first = max(len(row[0]) for row in texts)
        width = max((len(x) for row in texts for x in row[1:]), default=1)
        lines = [
            f"{row[0]:>{first}} | " + " ".join(f"{x:>{width}}" for x in row[1:]) for row in texts
        ]
        rule = "-" * (first + 1) + "+" + "-" * (max(map(len, lines)) - first - 2)
        return [line.rstrip() for line in (*lines[: self.stages], rule, *lines[self.stages :])]


def hermite(b, end):
    """Weights of the cubic Hermite polynomial through both ends of the step.

    Parameters
    ----------
    b : array, shape (s,)
        Weights of the step.
    end : int
        Which stage is f at the new state (s: an extra one).

    Returns
    -------
    ndarray, shape (max(s, end + 1), 3)

    Examples
    --------
    >>> P = hermite([0.5, 0.5], 2)
    >>> P.sum(axis=1).tolist()  # at theta = 1 the weights of the step itself
    [0.5, 0.5, 0.0]
    """
    P = np.zeros((max(len(b), end + 1), 3))
    P[: len(b)] = np.outer(b, [0.0, 3.0, -2.0])
    P[0] += [1.0, -2.0, 1.0]
    P[end] += [0.0, -1.0, 1.0]
    return P


def _numbers(name, value, ndim, shape=None):
    """A fresh float array of the right dimension and shape, or a sentence about what is wrong."""
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers (got {value!r}).") from None
    if array.ndim != ndim or (shape is not None and array.shape != shape) or not array.shape[0]:
        wanted = f"shape {shape}" if shape is not None else f"{ndim} dimension(s)"
        raise ValueError(f"{name} must have {wanted} to fit b (got shape {array.shape}).")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite: it holds NaN or infinity.")
    return array


def _short(x):
    """A small fraction if x is one, else five significant digits."""
    fraction = Fraction(float(x)).limit_denominator(2500)
    if abs(float(fraction) - x) < 1e-15 * (1 + abs(x)) and len(str(fraction)) <= 10:
        return str(fraction)
    return f"{x:.5g}"
