r"""The Rosenbrock tableau: a linearly implicit method as an object that knows its own properties.

    k_i = h f(u + sum_j alpha_ij k_j, t + alpha_i h) + h J sum_j Gamma_ij k_j + Gamma_i h^2 f_t
    u_new = u + sum_i b_i k_i

with J and f_t at the start of the step, and one number gamma on the diagonal of Gamma, so that
all stages share the factors of ``M - gamma h J``. Codes and papers print another form, which
needs no product with J: in terms of ``U = Gamma k``,

    (M - gamma h J) U_i = gamma h f(u + sum_j A_ij U_j, t + alpha_i h)
                          + gamma M sum_j C_ij U_j + gamma Gamma_i h^2 f_t
    u_new = u + sum_i m_i U_i

(C here times ``1/h`` there). Either form can be given, and the other one follows.

References
----------
E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.7.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sciml_lab.solvers import stability, trees
from sciml_lab.solvers.conditions import TOLERANCE, ButcherTable
from sciml_lab.solvers.rosenbrock_forms import continuous, inverse_of, rodas_output
from sciml_lab.solvers.stiff_order import stiff_order
from sciml_lab.solvers.tableau import _numbers, _short
from sciml_lab.solvers.trees_rosenbrock import RosenbrockWeights, dae_order_of


class Transformed(NamedTuple):
    """What a step computes with: the method in terms of ``U = Gamma k``."""

    A: np.ndarray
    C: np.ndarray
    m: np.ndarray
    m_error: np.ndarray | None
    P: np.ndarray


@dataclass(frozen=True, eq=False)
class RosenbrockTableau(ButcherTable):
    """A Rosenbrock method: alpha, Gamma, b, and what belongs to them.

    Parameters
    ----------
    name : str
        Name of the method.
    alpha : array, shape (s, s)
        Stage coefficients, strictly lower triangular.
    Gamma : array, shape (s, s)
        What multiplies the Jacobian: lower triangular, with one positive number on the diagonal.
    b : array, shape (s,)
        Weights of the new state.
    b_error : array, shape (s,), optional
        ``b - bhat``, the weights of the error estimate.
    P : array, shape (s, q), optional
        Dense output: ``u(t + theta h) = u + sum_i (sum_j P[i, j-1] theta**j) k_i``. Without it,
        the smallest weights of the highest order that the stages allow (at most 3).
    note, source : str
        A sentence about the method, and where the coefficients were published.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or the diagonal is not constant.

    Examples
    --------
    >>> euler = RosenbrockTableau(name="linearly implicit Euler", alpha=[[0]], Gamma=[[1]], b=[1])
    >>> euler.order, euler.stability_function(-1.0), euler.damping
    (1, 0.5, 0.0)
    """

    name: str
    alpha: np.ndarray
    Gamma: np.ndarray
    b: np.ndarray
    b_error: np.ndarray | None = None
    P: np.ndarray | None = None
    note: str = ""
    source: str = ""

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name must be a non-empty string (got {self.name!r}).")
        b = self._store("b", _numbers("b", self.b, 1))
        s = len(b)
        alpha = self._store("alpha", _numbers("alpha", self.alpha, 2, (s, s)))
        Gamma = self._store("Gamma", _numbers("Gamma", self.Gamma, 2, (s, s)))
        if np.any(np.triu(alpha)) or np.any(np.triu(Gamma, 1)):
            raise ValueError(
                "alpha must be strictly lower and Gamma lower triangular: a stage of a Rosenbrock "
                "method uses earlier stages only."
            )
        diagonal = np.diag(Gamma)
        if not (diagonal[0] > 0 and np.allclose(diagonal, diagonal[0], rtol=1e-12, atol=0)):
            raise ValueError(
                "Gamma must have one positive number all along its diagonal (got "
                f"{diagonal.tolist()}), so that the stages share one LU factorisation."
            )
        if abs(b.sum() - 1) > 1e-12 * (1 + np.abs(b).sum()):
            raise ValueError(
                f"b must sum to 1 (it sums to {b.sum():.15g}), or no order is reached."
            )
        if self.b_error is not None:
            error = self._store("b_error", _numbers("b_error", self.b_error, 1, (s,)))
            if abs(error.sum()) > 1e-12 * (1 + np.abs(error).sum()):
                raise ValueError(
                    f"b_error must sum to 0 (it sums to {error.sum():.3g}): give the difference "
                    "b - bhat, not bhat."
                )
        P = continuous(self._phi, b) if self.P is None else _numbers("P", self.P, 2)
        if len(P) != s:
            raise ValueError(f"P must have one row for each of the {s} stages (got {len(P)}).")
        self._store("P", P)

    @classmethod
    def from_transformed(
        cls, name, gamma, A, C, m, m_error=None, H=None, nodes=None, d=None, **rest
    ):
        """Make a tableau from the form in which methods are published.

        Parameters
        ----------
        name : str
            Name of the method.
        gamma : float
            The number on the diagonal of Gamma.
        A, C : array, shape (s, s)
            Strictly lower triangular: ``A = alpha Gamma^-1``, ``C = I/gamma - Gamma^-1``.
        m, m_error : array, shape (s,)
            Weights of the new state, and of the error estimate: ``m = b Gamma^-1``.
        H : array, shape (r, s), optional
            Dense output as in the codes of the RODAS family: ``(1-theta) u + theta (u_new +
            (1-theta) (H_1 + theta (H_2 + theta H_3)))``, each H_l the weights of U.
        nodes, d : array, shape (s,), optional
            Row sums of alpha and Gamma as published; given, they are compared.
        **rest
            `note` and `source`.

        Examples
        --------
        >>> import sciml_lab as sl
        >>> euler = sl.RosenbrockTableau.from_transformed(
        ...     "linearly implicit Euler", gamma=1.0, A=[[0.0]], C=[[0.0]], m=[1.0])
        >>> euler.Gamma, euler.order
        (array([[1.]]), 1)
        """
        m = _numbers("m", m, 1)
        s = len(m)
        if isinstance(gamma, bool) or not np.isscalar(gamma) or not np.real(gamma) > 0:
            raise ValueError(f"gamma must be a positive number (got {gamma!r}).")
        A, C = _numbers("A", A, 2, (s, s)), _numbers("C", C, 2, (s, s))
        if np.any(np.triu(A)) or np.any(np.triu(C)):
            raise ValueError("A and C must be strictly lower triangular.")
        Gamma = inverse_of(np.eye(s) / gamma - C)
        m_error = None if m_error is None else _numbers("m_error", m_error, 1, (s,))
        rows = 0 if H is None else len(H)
        P = None if H is None else rodas_output(m, _numbers("H", H, 2, (rows, s)))
        made = cls(
            name, A @ Gamma, Gamma, m @ Gamma, None if m_error is None else m_error @ Gamma,
            None if P is None else Gamma.T @ P, **rest,
        )  # fmt: skip
        for what, given, sums in (("nodes", nodes, made.nodes), ("d", d, made.d)):
            worst = 0.0 if given is None else float(np.max(np.abs(np.subtract(given, sums))))
            if worst > 1e-12:
                raise ValueError(
                    f"{what} must be the row sums of {'alpha' if what == 'nodes' else 'Gamma'} "
                    f"(largest difference {worst:.3g}): a coefficient is wrong."
                )
            if given is not None:
                made.__dict__[what] = np.array(given, dtype=float)
        # Steps compute with the published digits, not with what became of them on the way.
        made.__dict__["transformed"] = made.transformed._replace(A=A, C=C, m=m, m_error=m_error)
        return made

    def _store(self, name, value):
        """Set a field of the frozen object, read-only."""
        value.setflags(write=False)
        object.__setattr__(self, name, value)
        return value

    @cached_property
    def transformed(self) -> Transformed:
        """The same method in terms of ``U = Gamma k``: one solve a stage, no product with J."""
        inverse = inverse_of(self.Gamma)
        error = None if self.b_error is None else self.b_error @ inverse
        strict = np.tril(np.eye(self.stages) / self.gamma - inverse, -1)
        A = self.alpha @ inverse
        return Transformed(A, strict, self.b @ inverse, error, inverse.T @ np.asarray(self.P))

    @property
    def stages(self) -> int:
        """Number of stages s."""
        return len(self.b)

    @property
    def gamma(self) -> float:
        """The number on the diagonal of Gamma."""
        return float(self.Gamma[0, 0])

    @cached_property
    def nodes(self) -> np.ndarray:
        """Row sums of alpha: the stages lie at the times ``t + nodes[i] h``."""
        return self.alpha.sum(axis=1)

    @cached_property
    def d(self) -> np.ndarray:
        """Row sums of Gamma: what multiplies the derivative of f by t."""
        return self.Gamma.sum(axis=1)

    @cached_property
    def beta(self) -> np.ndarray:
        """``alpha + Gamma``: on a linear problem the method is the Runge-Kutta method (beta, b)."""
        return self.alpha + self.Gamma

    @cached_property
    def stiffly_accurate(self) -> bool:
        """Whether the last row of beta is b: then constraints of a DAE hold after every step."""
        return bool(np.allclose(self.beta[-1], self.b, rtol=0, atol=1e-13))

    @cached_property
    def fsal(self) -> bool:
        """First same as last: the last stage evaluates f at the new state."""
        same = np.allclose(self.alpha[-1], self.b, rtol=0, atol=1e-14)
        return self.stages > 1 and bool(same) and abs(self.nodes[-1] - 1) < 1e-14

    @cached_property
    def _phi(self):
        return RosenbrockWeights(self.alpha, self.Gamma)

    @cached_property
    def dense_order(self) -> int:
        """Order of the dense output, uniformly inside the step."""
        return trees.dense_order_of(self._phi, self.P, TOLERANCE)

    @cached_property
    def dae_order(self) -> tuple:
        """Orders of the differential and the algebraic variables of an index-1 DAE."""
        return dae_order_of(self.alpha, self.Gamma, self.b, TOLERANCE)

    @cached_property
    def stiff_order(self) -> int:
        """Order that holds uniformly in lambda on the equation of Prothero and Robinson."""
        return stiff_order(self)

    @cached_property
    def error_constant(self) -> float:
        """Norm of the leading error coefficients: compare methods of equal order by it."""
        return trees.principal_error(self._phi, self.b, self.order)

    def stability_function(self, z):
        """R(z), the factor of one step on ``u' = lambda u`` with ``z = lambda h``.

        Examples
        --------
        >>> import sciml_lab as sl
        >>> abs(round(sl.Rodas5P().tableau.stability_function(-1.0) - 0.36788, 5))
        0.0
        """
        value = stability.evaluate(self.beta, self.b, z)
        return value if value.ndim else value.item()

    @cached_property
    def damping(self) -> float:
        """The limit of R(z) for large z: 0 means that the fastest motions vanish in one step."""
        value = 1.0 - float(self.b @ np.linalg.solve(self.beta, np.ones(self.stages)))
        return 0.0 if abs(value) < 1e-12 * (1 + np.abs(self.transformed.m).sum()) else value

    @cached_property
    def A_stable(self) -> bool:
        """Whether ``|R(z)| <= 1`` in the whole left half-plane.

        The only pole is ``1/gamma``, to the right, so the imaginary axis decides.
        """
        return np.isinf(stability.interval(self.beta, self.b, 1j))

    @property
    def L_stable(self) -> bool:
        """A-stable, and R vanishes at infinity."""
        return self.A_stable and self.damping == 0.0

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self._summary()}", "", *self._table()])

    def _summary(self):
        kind = "L-stable" if self.L_stable else "A-stable" if self.A_stable else "not A-stable"
        embedded = f"order {self.embedded_order}" if self.b_error is not None else "none"
        end = "stiffly accurate" if self.stiffly_accurate else "not stiffly accurate"
        y, z = self.dae_order
        return (
            f"order {self.order}, {self.stages} stages, gamma = {_short(self.gamma)}\n"
            f"embedded method: {embedded}; dense output: order {self.dense_order}\n"
            f"{kind}, R(infinity) = {self.damping:.4g}, {end}\n"
            f"DAE of index 1: order {y}"
            + (f" (order {z} in the constraints)" if z != y else "")
            + f"; Prothero-Robinson: order {self.stiff_order}"
        )

    def _table(self):
        """Lines: nodes | alpha | Gamma, and below them b and bhat."""
        left = [[_short(x) for x in row[:i]] for i, row in enumerate(self.alpha)]
        right = [[_short(x) for x in row[: i + 1]] for i, row in enumerate(self.Gamma)]
        weights = [["b", *map(_short, self.b)]]
        if self.b_error is not None:
            weights.append(["bhat", *map(_short, np.subtract(self.b, self.b_error))])
        first = max(len(_short(c)) for c in self.nodes)
        width = max(len(x) for row in (*left, *right, *(w[1:] for w in weights)) for x in row)
        room = self.stages * (width + 1) - 1

        def line(head, cells):
            return f"{head:>{max(first, 4)}} | " + " ".join(f"{x:>{width}}" for x in cells)

        lines = [
            f"{line(_short(c), a):<{max(first, 4) + 3 + room}} | "
            + " ".join(f"{x:>{width}}" for x in g)
            for c, a, g in zip(self.nodes, left, right, strict=True)
        ]
        rule = "-" * (max(first, 4) + 1) + "+" + "-" * (room + 2) + "+" + "-" * (room + 1)
        return [*lines, rule, *(line(w[0], w[1:]) for w in weights)]
