r"""The tableau of a Nystrom method, which knows its own order.

    c | A            k_i = a(x + c_i h v + h^2 sum_j a_ij k_j, t + c_i h)
    --+-----
      | b_bar        x_new = x + h v + h^2 sum_i b_bar_i k_i
      | b            v_new = v + h sum_i b_i k_i

Written as a system, ``x' = v, v' = a(x, t)`` has few elementary differentials: below a velocity
come positions only, and below a position at most one velocity, because x' = v is linear. So the
trees of a Nystrom method are those of Butcher whose nodes at odd depth have at most one branch
("SN-trees"); there are 1, 1, 2, 3, 6, 10, 20, 36 instead of 1, 1, 2, 4, 9, 20, 48, 115. That is why
a method for second-order equations reaches a given order with fewer stages.

References
----------
E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*, section II.14.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from sciml_lab.solvers import trees
from sciml_lab.solvers.conditions import TOLERANCE, Condition, KnowsItsOrder


@cache
def nystrom_trees(order: int) -> tuple:
    """Trees of the elementary differentials of ``v' = a(x, t)`` with x' = v.

    Examples
    --------
    >>> [len(nystrom_trees(n)) for n in range(1, 9)]
    [1, 1, 2, 3, 6, 10, 20, 36]
    """
    return tuple(tree for tree in trees.trees(order) if _is_nystrom(tree))


def _is_nystrom(tree):
    """Whether every position, at odd depth, has at most one branch."""
    return all(len(x) <= 1 and all(map(_is_nystrom, x)) for x in tree)


def stage_weights(A, c, tree):
    """Phi(t), one entry per stage: a factor c_i or ``sum_j a_ij Phi_j`` for each branch.

    Examples
    --------
    >>> stage_weights(np.zeros((2, 2)), np.array([0.5, 1.0]), ((), ()))
    array([0.25, 1.  ])
    """
    phi = np.ones(len(c))
    for position in tree:
        phi = phi * (A @ stage_weights(A, c, position[0]) if position else c)
    return phi


@dataclass(frozen=True, eq=False)
class NystromTableau(KnowsItsOrder):
    """An explicit Nystrom method for ``x'' = a(x, t)``.

    Parameters
    ----------
    name : str
        Name of the method.
    A : array, shape (s, s)
        Stage coefficients, strictly lower triangular.
    b_bar, b : array, shape (s,)
        Weights of the new position (they sum to 1/2) and of the new velocity (to 1).
    c : array, shape (s,)
        Nodes; the first is 0.
    b_bar_error, b_error : array, shape (s,), optional
        Weights of the error estimates: method minus embedded method. Both or none.
    P : array, shape (s, q), optional
        Dense output: ``v(t + theta h) = v + h sum_i (sum_j P[i, j-1] theta**j) k_i``, and for the
        position its integral. Without it the polynomial of degree 5 that has the right position,
        velocity and acceleration at both ends.
    note, source : str
        A sentence about the method, and where the coefficients were published.

    Raises
    ------
    ValueError
        If shapes do not fit, the method is implicit, or sums are wrong.

    Examples
    --------
    >>> verlet = NystromTableau("Verlet", [[0, 0], [0.5, 0]], [0.5, 0], [0.5, 0.5], [0, 1])
    >>> verlet.order, verlet.fsal, verlet.stages
    (2, True, 2)
    """

    name: str
    A: np.ndarray
    b_bar: np.ndarray
    b: np.ndarray
    c: np.ndarray
    b_bar_error: np.ndarray | None = None
    b_error: np.ndarray | None = None
    P: np.ndarray | None = None
    note: str = ""
    source: str = ""

    def __post_init__(self):
        s = len(np.atleast_1d(self.b))
        self._store("A", (s, s))
        for name in ("b_bar", "b", "c"):
            self._store(name, (s,))
        if np.any(np.triu(self.A)) or self.c[0] != 0:
            raise ValueError(
                f"{self.name} must be explicit and start at t: A strictly lower triangular, and "
                "c[0] = 0 (a splitting method is a Splitting)."
            )
        self._sums("b_bar", 0.5)
        self._sums("b", 1.0)
        if (self.b_error is None) != (self.b_bar_error is None):
            raise ValueError("b_error and b_bar_error belong together: give both or none.")
        if self.b_error is not None:
            for name in ("b_bar_error", "b_error"):
                self._store(name, (s,))
                self._sums(name, 0.0)
        P = quintic(self.b_bar, self.b, self.fsal) if self.P is None else self.P
        object.__setattr__(self, "P", P)
        self._store("P", (self.stages if self.fsal else len(P), np.shape(P)[-1]))
        ends = np.sum(self.P[:s] / (1 + np.arange(1, self.P.shape[1] + 1)), axis=1) - self.b_bar
        if np.max(np.abs(ends)) > 1e-12:
            raise ValueError(
                "P must lead to b_bar at theta = 1: sum_j P[i, j-1]/(j + 1) = b_bar[i] "
                f"(largest difference {np.max(np.abs(ends)):.3g})."
            )

    def _store(self, name, shape):
        """Make a field a read-only array of this shape."""
        try:
            value = np.array(getattr(self, name), dtype=float)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be an array of real numbers.") from None
        if value.shape != shape or not np.all(np.isfinite(value)):
            raise ValueError(
                f"{name} must have shape {shape} and be finite, to fit b (got {value.shape})."
            )
        value.setflags(write=False)
        object.__setattr__(self, name, value)

    def _sums(self, name, right):
        total = float(np.sum(getattr(self, name)))
        if abs(total - right) > 1e-12:
            raise ValueError(f"{name} must sum to {right:g} (it sums to {total:.15g}).")

    @cached_property
    def stages(self) -> int:
        """Number of stages s."""
        return len(self.b)

    @cached_property
    def fsal(self) -> bool:
        """First same as last: the last stage is the acceleration at the new position."""
        return self.c[-1] == 1 and bool(np.array_equal(self.A[-1], self.b_bar))

    @property
    def evaluations(self) -> int:
        """Accelerations per step."""
        return self.stages - self.fsal

    def conditions(self, order, embedded=False):
        """Those of the velocity, and of the position: one more node below the tree's root."""
        b, b_bar = self.b, self.b_bar
        if embedded and self.b_error is not None and self.b_bar_error is not None:
            b, b_bar = b - self.b_error, b_bar - self.b_bar_error
        for weights, nodes, above in ((b, order, 1), (b_bar, order - 1, order)):
            for tree in nystrom_trees(nodes) if nodes else ():
                right = 1 / trees.density(tree) / above
                phi = stage_weights(self.A, self.c, tree)
                size = stage_weights(np.abs(self.A), np.abs(self.c), tree)
                whole = tree if above == 1 else (tree,)
                yield Condition(whole, weights @ phi - right, np.abs(weights) @ size + right)

    @cached_property
    def dense_order(self) -> int:
        """Order of dense output, uniformly inside the step."""
        n, s, P = len(self.P), self.stages, np.asarray(self.P)
        A, c = np.zeros((n, n)), np.ones(n)
        A[:s, :s], c[:s] = self.A, self.c
        A[s:, :s] = self.b_bar
        Q = P / (1 + np.arange(1, P.shape[1] + 1))  # of the position, times theta**(j + 1)
        for order in range(1, trees.HIGHEST_ORDER + 1):
            for weights, nodes, factor in ((P, order, 1), (Q, order - 1, order)):
                for tree in nystrom_trees(nodes) if nodes else ():
                    right = np.zeros(max(nodes, P.shape[1]))
                    right[nodes - 1] = 1 / trees.density(tree) / factor
                    left, size = np.zeros_like(right), right.copy()
                    left[: P.shape[1]] = stage_weights(A, c, tree) @ weights
                    size[: P.shape[1]] += stage_weights(np.abs(A), c, tree) @ np.abs(weights)
                    if np.any(np.abs(left - right) > TOLERANCE * size):
                        return order - 1
        return trees.HIGHEST_ORDER

    def oscillator(self, z):
        """Matrix of one step on ``x'' = -w^2 x``: (x, h v) to the next ones, with z = h w.

        Examples
        --------
        >>> verlet = NystromTableau("Verlet", [[0, 0], [0.5, 0]], [0.5, 0], [0.5, 0.5], [0, 1])
        >>> float(np.linalg.det(verlet.oscillator(1.2)))
        1.0
        """
        start = np.stack([np.ones(self.stages), np.asarray(self.c)], axis=1)
        k = np.linalg.solve(np.eye(self.stages) + z * z * self.A, -z * z * start)
        return np.array([[1.0, 1.0], [0.0, 1.0]]) + np.stack([self.b_bar, self.b]) @ k

    def amplification(self, z) -> float:
        """Factor by which one step changes the amplitude of an oscillation at most, z = h w."""
        return float(np.max(np.abs(np.linalg.eigvals(self.oscillator(z)))))

    @cached_property
    def stability_limit(self) -> float:
        """Largest h w up to which an amplitude grows by at most one percent per step.

        Methods that are not symplectic let it grow or shrink a little at every h w.
        """
        z = 0.01
        while z < 50 and self.amplification(z) <= 1.01:
            z += 0.01
        return z - 0.01

    def __str__(self) -> str:
        embedded = f"order {self.embedded_order}" if self.b_error is not None else "none"
        return (
            f"{self.name}: Nystrom method for x'' = a(x, t), order {self.order}\n"
            f"{self.stages} stages, {self.evaluations} accelerations per step; embedded method: "
            f"{embedded}; dense output: order {self.dense_order}\n"
            f"oscillations grow by less than 1% per step up to h w = {self.stability_limit:.2f}; "
            f"{self.source}"
        )


def quintic(b_bar, b, fsal):
    """Dense output from position, velocity and acceleration at both ends.

    With y = (x(theta) - x - theta h v)/h^2, the derivative y' is the velocity's polynomial:
    ``y(1) = b_bar k, y'(1) = b k, y''(0)`` and ``y''(1)`` the accelerations at the ends.

    Examples
    --------
    >>> P = quintic(np.array([0.5, 0.0]), np.array([0.5, 0.5]), True)
    >>> P.sum(axis=1)
    array([0.5, 0.5])
    """
    s = len(b)
    first, last = np.zeros(s + 1), np.zeros(s + 1)
    first[0], last[s - 1 if fsal else s] = 1.0, 1.0
    rest = np.stack([np.append(b_bar, 0) - first / 2, np.append(b, 0) - first, last - first])
    cubic = np.linalg.solve([[1.0, 1.0, 1.0], [3.0, 4.0, 5.0], [6.0, 12.0, 20.0]], rest)
    P = np.stack([first, 3 * cubic[0], 4 * cubic[1], 5 * cubic[2]], axis=1)
    return P[:s] if fsal else P
