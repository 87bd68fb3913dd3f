r"""Additive Runge-Kutta methods: the stiff part implicitly, the rest explicitly (IMEX).

With this module one can solve ``u' = f_stiff + f_nonstiff`` with two tableaus of the same nodes,

    U_i = u + h sum_{j<i} aE_ij f_nonstiff(U_j) + h sum_{j<=i} aI_ij f_stiff(U_j),
    u_new = u + h sum_i (bE_i f_nonstiff(U_i) + bI_i f_stiff(U_i)).

Only f_stiff enters the equations and the Jacobian: where it is linear and simple, a step of a stiff
nonlinear problem is as cheap as one solve with a known matrix. The order is that of the coupling
conditions, computed from trees with coloured nodes (`trees_additive.py`).
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.problems import SplitProblem
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.explicit import Row, combine
from sciml_lab.solvers.implicit import ImplicitMethod
from sciml_lab.solvers.implicit_rk import NEWTON, checked_iteration
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.parts import ImexSide
from sciml_lab.solvers.sdirk import SDIRKStepper, predictor, unsolved
from sciml_lab.solvers.strictness import accumulated
from sciml_lab.solvers.tableau import TOLERANCE, Tableau
from sciml_lab.solvers.tableaus.imex import PAIRS
from sciml_lab.solvers.trees_additive import additive_order

# Measured: with less, the Oregonator, or the equation of Prothero and Robinson, ends beyond ten
# times the tolerance (k is the order of the estimate).
CUBIC, CAUTION_CUBIC, CAUTION = 3, 10.0, 4.0


class Plan(NamedTuple):
    """Both tableaus as a step needs them: rows of nonzero coefficients, explicit ones first."""

    diagonal: tuple  # aI_ii
    lower: tuple  # pairs (row of aE, row of aI below the diagonal)
    b: tuple
    error: tuple
    used: tuple  # pairs: whether anything uses f_nonstiff, f_stiff at stage i
    closed: bool  # the last stage is the new state
    predictor: tuple  # weights of the slopes at the stages before, if all of them are known

    @classmethod
    def of(cls, explicit, implicit, all_used):
        """Take it from two `Tableau` objects."""
        both, s = (explicit, implicit), explicit.stages
        below = [np.tril(tab.A, -1) for tab in both]
        errors = [np.zeros(s) if tab.b_error is None else tab.b_error for tab in both]
        used = [
            all_used | below[i].any(axis=0) | (both[i].b != 0) | (errors[i] != 0) for i in (0, 1)
        ]
        closed = all(np.array_equal(tab.A[-1], tab.b) for tab in both) and implicit.c[-1] == 1
        if closed and not all_used:  # the weights b are not needed
            for flags, error in zip(used, errors, strict=True):
                flags[-1] = error[-1] != 0
        return cls(
            diagonal=tuple(np.diag(implicit.A).tolist()),
            lower=tuple(tuple(Row.of(A[i, :i], i) for A in below) for i in range(s)),
            b=tuple(Row.of(tab.b, s) for tab in both),
            error=tuple(Row.of(e, s + 1) for e in errors),
            used=tuple(zip(*(flags.tolist() for flags in used), strict=True)),
            closed=closed,
            predictor=_predictors(implicit) if all_used else (),
        )


def _predictors(tab):
    """Weights of the slopes at the stages before each, for a first guess; none for the first."""
    rows = [predictor(tab, i) for i in range(1, tab.stages)]
    return ((), *(Row.of([w[0] + w[1], *w[2:]], i) for i, w in enumerate(rows, 1)))


@lru_cache(maxsize=64)
def orders(explicit, implicit):
    """Order and embedded order of a pair: the smaller of both roots' colours.

    Examples
    --------
    >>> orders(*PAIRS["KenCarp4"])
    (4, 3)
    """
    both = (explicit, implicit)
    matrices = [tab.A for tab in both]
    order = min(additive_order(matrices, tab.b, TOLERANCE) for tab in both)
    if explicit.b_error is None:
        return order, 0
    hats = [tab.b - tab.b_error for tab in both]
    return order, min(additive_order(matrices, bhat, TOLERANCE) for bhat in hats)


@dataclass(frozen=True, repr=False)
class AdditiveRK(CubicDense, ImplicitMethod):
    """The additive Runge-Kutta method of two tableaus, for a `SplitProblem`.

    Parameters
    ----------
    explicit : Tableau
        For `f_nonstiff`.
    implicit : Tableau
        For `f_stiff`: lower triangular, with the same nodes.
    P : array (s, q), optional
        Dense output that both parts share, as in `Tableau`; without it the cubic through both ends.
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stages.
    linear_solver : str or object
        As in `Linearisation`, for the Jacobian of f_stiff.

    Raises
    ------
    TypeError
        If a tableau is none, or `iteration` no iteration.
    ValueError
        If the tableaus do not fit together; the message says what is wrong.

    Notes
    -----
    The confusion to avoid: two methods of order 3 with the same nodes do not make an additive
    method of order 3. The coupling conditions decide, and `order` is computed from them.

    Where f_stiff pulls very strongly to a moving curve, the error no longer follows the order.
    Methods whose last stage is the new state in both tableaus (IMEXEuler, ARS222, ARS443) stay on
    the curve, up to ``h/|lambda|``; KenCarp3, 4 and 5 leave it by what their explicit part lacks
    in a step, of order 2 to 3.5 in h, and their error estimate sees only a part of that: a loose
    tolerance and KenCarp3 are no good match there.

    Examples
    --------
    Two classical methods of order 2 (the trapezoidal rule, and Heun's) make one of order 2:

    >>> import sciml_lab as sl
    >>> heun = sl.Tableau(name="Heun", A=[[0, 0], [1, 0]], b=[0.5, 0.5])
    >>> trapezoid = sl.Tableau(name="mine", A=[[0, 0], [0.5, 0.5]], b=[0.5, 0.5])
    >>> method = sl.AdditiveRK(heun, trapezoid)
    >>> method.order
    2
    >>> import numpy as np
    >>> prob = sl.SplitProblem(
    ...     lambda u, p, t: -50 * u, lambda u, p, t: 50 * np.cos(t) + 0 * u, [0.0], (0.0, 1.0))
    >>> sol = sl.solve(prob, method, dt=0.05)
    >>> sol.stats.parts["f_nonstiff"] < sol.stats.parts["f_stiff"]
    True
    """

    explicit: Tableau
    implicit: Tableau
    P: Any = field(default=None, compare=False)
    iteration: Any = NEWTON
    linear_solver: Any = "auto"
    problems = (SplitProblem,)
    mass_matrix = False

    def __post_init__(self):
        _check_pair(self.explicit, self.implicit)
        checked_iteration(self.iteration)
        if self.P is not None:
            object.__setattr__(self, "P", _checked_dense(self.P, self.explicit, self.implicit))
        plan = Plan.of(self.explicit, self.implicit, self.P is not None)
        object.__setattr__(self, "plan", plan)

    @property
    def name(self) -> str:
        """Name of the method, from the implicit tableau."""
        return self.implicit.name

    @property
    def tableau(self) -> Tableau:
        """The implicit tableau: what decides on stability."""
        return self.implicit

    @property
    def order(self) -> int:
        """Order of convergence, from the conditions of all trees with coloured nodes."""
        return orders(self.explicit, self.implicit)[0]

    @property
    def embedded_order(self) -> int:
        """Order of the embedded pair; 0 without an error estimate."""
        return orders(self.explicit, self.implicit)[1]

    @property
    def adaptive(self) -> bool:
        """Whether the method estimates its own error."""
        return self.explicit.b_error is not None

    @property
    def error_order(self) -> int:
        """Order k of the error estimate: it shrinks like ``h**k``."""
        return min(self.embedded_order, self.order) + 1

    @property
    def nodes(self):
        """The stages lie at the times ``t + nodes[i] h``."""
        return self.implicit.c

    @cached_property
    def gammas(self) -> tuple:
        """The diagonal of aI: W = 1 - gamma h J is needed for each."""
        return tuple(sorted({a for a in self.plan.diagonal if a}))

    def strictness(self, rtol) -> float:
        """A few times, for the estimate misses part of the error on stiff components."""
        k = self.error_order
        caution = CAUTION if k > CUBIC else CAUTION_CUBIC
        return caution * accumulated(rtol, k, min(self.order, k)) if self.order > 1 else 1.0

    def side(self, problem, shape):
        """Both parts, and the linear algebra of the stiff one."""
        return ImexSide(problem, shape, self.linear_solver)

    def begin(self, run):
        """A stepper that keeps J, the factors of W and what it knows of the last step."""
        return AdditiveStepper(self, run)

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take a single step, solved to rounding; f is what `side` returns."""
        return AdditiveStepper(self).step(f, u, p, t, h, k1)

    def dense_stages(self, f, u, p, t, h, k):
        """The sums of both parts at the stages, or the slopes at both ends."""
        return k if self.P is not None else super().dense_stages(f, u, p, t, h, k)

    def interpolate(self, u, k, h, theta):
        """Dense output ``u + h sum_i b_i(theta) (f_stiff + f_nonstiff)_i``, or the cubic."""
        if self.P is None:
            return super().interpolate(u, k, h, theta)
        weights = self.P @ theta ** np.arange(1, self.P.shape[1] + 1)
        return u + h * combine(list(enumerate(weights)), k)

    def __str__(self) -> str:
        embedded = f", embedded order {self.embedded_order}" if self.adaptive else ""
        head = f"{self.name}: additive Runge-Kutta method of order {self.order}{embedded}."
        return f"{head}\n\nf_nonstiff by {self.explicit}\n\nf_stiff by {self.implicit}"

    def __repr__(self) -> str:
        own = [] if _published(self) else [repr(self.explicit.name), repr(self.name)]
        own += [] if self.iteration == NEWTON else [f"iteration={self.iteration}"]
        own += [] if self.linear_solver == "auto" else [f"linear_solver={self.linear_solver!r}"]
        return f"{self.name if _published(self) else type(self).__name__}({', '.join(own)})"


def _check_pair(explicit, implicit):
    """Refuse two tableaus that make no additive method."""
    for what, tab in (("explicit", explicit), ("implicit", implicit)):
        if not isinstance(tab, Tableau):
            raise TypeError(
                f"{what} must be a Tableau (got {type(tab).__name__}): write AdditiveRK("
                "Tableau(name=..., A=..., b=...), Tableau(...)), the explicit one first."
            )
    if not explicit.explicit:
        raise ValueError(
            f"tableau {explicit.name!r} is implicit, and the first one is for f_nonstiff: "
            "swap the two, or take an explicit one."
        )
    if np.any(np.triu(implicit.A, 1)) or not np.any(np.diag(implicit.A)):
        raise ValueError(
            f"tableau {implicit.name!r} must be lower triangular with entries on the diagonal: "
            "the stages of f_stiff are solved one after the other."
        )
    same = explicit.stages == implicit.stages
    if not same or np.max(np.abs(explicit.c - implicit.c)) > 1e-12:
        raise ValueError(
            "both tableaus must have the same nodes c (got "
            f"{np.round(explicit.c, 6).tolist()} and {np.round(implicit.c, 6).tolist()}): pad "
            "the implicit one with a zero row and column for an explicit first stage."
        )
    if (explicit.b_error is None) != (implicit.b_error is None):
        raise ValueError("give b_error in both tableaus, or in none: the error has two parts.")


def _checked_dense(P, explicit, implicit):
    """Return P as an array, if it ends in the weights of both parts."""
    P = np.array(P, dtype=float)
    if P.ndim != 2 or len(P) != explicit.stages:
        raise ValueError(
            f"P must have one row for each of the {explicit.stages} stages (got shape {P.shape})."
        )
    for tab in (explicit, implicit):
        if np.max(np.abs(P.sum(axis=1) - tab.b)) > 1e-12:
            raise ValueError(
                f"P must end in the weights b of both tableaus, and differs from that of "
                f"{tab.name!r}: leave it out to have the cubic through both ends."
            )
    P.setflags(write=False)
    return P


class AdditiveStepper(SDIRKStepper):
    """The steps of an `AdditiveRK` method in one solve."""

    def __init__(self, method, run=None):
        super().__init__(method, run)
        self.start: Any = (None, None, None)  # (u, f_nonstiff, f_stiff) where the step begins

    def slope(self, f, u, p, t, h, k1):
        """Both parts at the start of the step, as far as something uses them."""
        if self.start[0] is not u:
            self.start = (u, *self.parts(f, u, p, t, self.method.plan.used[0]))
        return self.start[1:]

    def guess(self, k, base, h, i):
        """A first increment for stage i: the slopes at the known stages, extrapolated."""
        plan = self.method.plan
        if plan.predictor:
            weights = plan.predictor[i]
            return h * (combine(weights, k[0]) + combine(weights, k[1]))
        return base + h * plan.diagonal[i] * k[1][-1] if k[1][-1] is not None else base

    def parts(self, f, u, p, t, used):
        """The pair (f_nonstiff, f_stiff) at u; None where nothing uses it."""
        return f.nonstiff(u, p, t) if used[0] else None, f.stiff(u, p, t) if used[1] else None

    def attempt(self, f, u, p, t, h, slope):
        """One step with the present factors, or why a stage could not be solved."""
        method, plan, nodes = self.method, self.method.plan, self.method.implicit.c
        scale, v = self.scale(u, h), []
        k: tuple[list, list] = ([], [])  # f_nonstiff and f_stiff at the stages
        for i, (gamma, used) in enumerate(zip(plan.diagonal, plan.used, strict=True)):
            time, base = t + nodes[i] * h, h * _sum(plan.lower[i], k, u)
            if not gamma:
                v.append(u + base if i else u)
                found = self.parts(f, v[i], p, time, used) if i else slope
            else:
                guess = self.guess(k, base, h, i)
                correction = self.correction(f.stiff, u, p, time, h, gamma, base)
                outcome = self.iterate(f, correction, guess, u, scale)
                if outcome.trouble:
                    return unsolved(outcome.trouble, i, time)
                v.append(u + outcome.z)
                found = (
                    f.nonstiff(v[i], p, time) if used[0] else None,
                    self.derivative(outcome.z, base, h * gamma),
                )
            for part, value in zip(k, found, strict=True):
                part.append(value)
        u_new = v[-1] if plan.closed else u + h * _sum(plan.b, k, u)
        kept = [u_new] if method.P is None else [a + b for a, b in zip(*k, strict=True)]
        # No filter by W here: it would hide the error of the explicit part, which nothing damps.
        error = h * _sum(plan.error, k, u) if method.adaptive else None
        return Step(u_new, error, None, kept, v, (None, None))


def _sum(rows, k, u):
    """The weighted sum over the stages of both parts."""
    terms = [combine(row, part) for row, part in zip(rows, k, strict=True) if row]
    return sum(terms[1:], terms[0]) if terms else np.zeros_like(u)


def _published(method):
    """Whether a method has a name to be called by."""
    pair = PAIRS.get(method.name)
    return pair is not None and all(
        np.array_equal(known.A, own.A)
        for known, own in zip(pair, (method.explicit, method.implicit), strict=True)
    )
