r"""Diagonally implicit Runge-Kutta methods: one stage after the other, each a system of its own.

With this module one can solve stiff problems, also with a mass matrix, singular or not:

    M k_i = f(u + h sum_{j<=i} a_ij k_j, p, t + c_i h),        u_new = u + h sum_i b_i k_i.

Each stage is solved for the increment ``z_i = h sum_{j<=i} a_ij k_j``, and the stage derivative
taken from ``k_i = (z_i - h sum_{j<i} a_ij k_j)/(h a_ii)``: f at an inexact stage would multiply
what the iteration has left over by J. A new method is one `Tableau`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from sciml_lab.solvers.explicit import Row, combine
from sciml_lab.solvers.implicit_rk import NEWTON, ImplicitRK, checked_iteration
from sciml_lab.solvers.iterating import Stepper
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.strictness import accumulated, blindness
from sciml_lab.solvers.tableau import Tableau
from sciml_lab.solvers.tableaus import sdirk as tables

# The estimates of TRBDF2 and Trapezoid are their own errors, not the larger ones of a lower order:
# with less caution the Oregonator ends beyond ten times its tolerance.
UNEXTRAPOLATED = 80.0


class Plan(NamedTuple):
    """The tableau as a step needs it: rows of nonzero coefficients."""

    diagonal: tuple  # a_ii
    lower: tuple  # a_ij, j < i
    predictor: tuple  # weights of the slope at the start and of the stages before i
    b: Row
    error: Row

    @classmethod
    def of(cls, tab):
        """Take it from a `Tableau`."""
        s = tab.stages
        return cls(
            diagonal=tuple(np.diag(tab.A).tolist()),
            lower=tuple(Row.of(tab.A[i, :i], i) for i in range(s)),
            predictor=tuple(Row.of(predictor(tab, i), i) for i in range(s)),
            b=Row.of(tab.b, s),
            error=Row.of([] if tab.b_error is None else tab.b_error, s + 1),
        )


def predictor(tab, i):
    """Weights of ``[slope at the start, k_1, ..., k_(i-1)]`` for the first guess of stage i.

    A stage at the same time as an earlier one starts from there. Else the derivative is integrated
    from the known ones up to the node: the weights are the smallest that are exact for polynomials
    of degree at most 2, or as many as the nodes allow.

    Examples
    --------
    >>> from sciml_lab.solvers.tableaus.sdirk import KVAERNO3
    >>> predictor(KVAERNO3, 1) == [KVAERNO3.c[1], 0.0]  # Euler's step to the second stage
    array([ True,  True])
    """
    same = [j for j in range(1, i) if abs(tab.c[j] - tab.c[i]) < 1e-9]
    if same:
        return np.concatenate([[0.0], tab.A[same[-1], :i]])
    nodes = np.concatenate([[0.0], tab.c[:i]])
    use = np.arange(i + 1) != 1 if not tab.A[0, 0] else np.arange(i + 1) >= 0
    degree = min(len(np.unique(nodes.round(9))), 3)
    powers = np.arange(degree)[:, None]
    exact = tab.c[i] ** (powers[:, 0] + 1) / (powers[:, 0] + 1)
    weights = np.zeros(i + 1)
    weights[use] = np.linalg.lstsq(nodes[use] ** powers, exact, rcond=None)[0]
    return weights


_known_plans: WeakKeyDictionary = WeakKeyDictionary()


def _plan(tableau) -> Plan:
    """The plan of a tableau, made once."""
    if tableau not in _known_plans:
        _known_plans[tableau] = Plan.of(tableau)
    return _known_plans[tableau]


@dataclass(frozen=True, repr=False)
class SDIRK(ImplicitRK):
    """The diagonally implicit Runge-Kutta method of a tableau.

    Parameters
    ----------
    tableau : Tableau
        Lower triangular A with a nonzero diagonal, but for a first stage that may be explicit.
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stages.
    linear_solver : str or object
        As in `Linearisation`.

    Raises
    ------
    TypeError
        If `tableau` is not a `Tableau`, or `iteration` no iteration.
    ValueError
        If A has entries above its diagonal, or zeros on it.

    Examples
    --------
    Alexander's method of order 2:

    >>> import sciml_lab as sl
    >>> g = 1 - 0.5**0.5
    >>> alexander = sl.SDIRK(sl.Tableau(name="Alexander", A=[[g, 0], [1 - g, g]], b=[1 - g, g]))
    >>> alexander.order, alexander.tableau.L_stable
    (2, True)
    """

    tableau: Tableau
    iteration: Any = NEWTON
    linear_solver: Any = "auto"

    def __post_init__(self):
        if not isinstance(self.tableau, Tableau):
            raise TypeError(
                f"tableau must be a Tableau (got {type(self.tableau).__name__}): "
                "write SDIRK(Tableau(name=..., A=..., b=...))."
            )
        checked_iteration(self.iteration)
        A, name = self.tableau.A, self.tableau.name
        if np.any(np.triu(A, 1)):
            raise ValueError(
                f"tableau {name!r} is fully implicit (A has entries above the diagonal): SDIRK "
                "solves one stage after the other; take Gauss(s) or RadauIIA5()."
            )
        if not np.all(np.diag(A)[1:]) or not (A[0, 0] or self.tableau.stages > 1):
            raise ValueError(
                f"tableau {name!r} has an explicit stage (a zero on the diagonal of A): only the "
                "first one may be explicit here; take ExplicitRK for explicit methods."
            )
        object.__setattr__(self, "plan", _plan(self.tableau))

    @cached_property
    def gammas(self) -> tuple:
        """The diagonal of A: W = M - gamma h J is needed for each (a single one for SDIRK)."""
        return tuple(sorted({float(a) for a in np.diag(self.tableau.A) if a}))

    @cached_property
    def caution(self) -> float:
        """How much larger the error of a step may be than it looks: see `strictness.blindness`."""
        if self.error_order > self.order:
            return UNEXTRAPOLATED
        return blindness(self.tableau)

    def strictness(self, rtol) -> float:
        """The errors of many steps add up, and on stiff problems half an order gets lost."""
        if self.order == 1:  # it would need a number of steps proportional to 1/rtol
            return 1.0
        k = self.error_order
        return self.caution * accumulated(rtol, k, min(self.order, k - 0.5))

    @property
    def stepper(self):
        """What takes the steps."""
        return SDIRKStepper

    def _arguments(self):
        own = [repr(self.name)] if type(self) is SDIRK else []
        return own + super()._arguments()


def unsolved(trouble, i, time) -> str:
    """Say of stage i, counted from 0, that its iteration failed.

    Examples
    --------
    >>> unsolved("the iteration is too slow", 2, 0.5)
    'the iteration is too slow in stage 3 at t = 0.5'
    """
    return f"{trouble} in stage {i + 1} at t = {time:.6g}"


class SDIRKStepper(Stepper):
    """The steps of an `SDIRK` method in one solve."""

    def attempt(self, f, u, p, t, h, slope):
        """One step with the present factors, or why a stage could not be solved."""
        method, plan = self.method, self.method.plan
        scale, k, v = self.scale(u, h), [], []
        for i in range(method.tableau.stages):
            gamma, time = plan.diagonal[i], t + method.tableau.c[i] * h
            if not gamma:
                k.append(slope)
                v.append(u)
                continue
            base = h * combine(plan.lower[i], k) if plan.lower[i] else 0.0 * u
            start = h * combine(plan.predictor[i], [slope, *k])
            correction = self.correction(f, u, p, time, h, gamma, base)
            outcome = self.iterate(f, correction, start, u, scale)
            if outcome.trouble:
                return unsolved(outcome.trouble, i, time)
            k.append(self.derivative(outcome.z, base, h * gamma))
            v.append(u + outcome.z)
        return self.finish(f, u, h, slope, k, v)

    def derivative(self, z, base, h_gamma):
        """The stage derivative that belongs to an increment."""
        return (z - base) / h_gamma

    def correction(self, f, u, p, time, h, gamma, base):
        """The function ``correction(z)`` for the increment of one stage."""
        linear = f.linear

        def residual(z):
            return h * gamma * f(u + z, p, time) + linear.times_mass(base - z)

        if self.iteration.linear == "none":
            return residual
        if self.iteration.linear == "fresh":

            def newton(z):
                linear.update(u + z, p, time)
                return linear.factor(gamma * h)(residual(z))

            return newton
        solve, relaxation = self.reuse.solves[gamma], self.reuse.relaxation(h)
        return lambda z: solve(relaxation * residual(z))

    def finish(self, f, u, h, slope, k, v):
        """New state and error estimate."""
        plan = self.method.plan
        u_new = v[-1] if self.method.tableau.stiffly_accurate else u + h * combine(plan.b, k)
        error = self.filtered(f, h * combine(plan.error, k)) if plan.error else None
        last = k[-1] if self.method.tableau.stiffly_accurate else None
        self.known = [(u, slope), (u_new, last)] if last is not None else [(u, slope)]
        return Step(u_new, error, None, k, v, (slope, last))

    def filtered(self, f, error):
        """``W^-1 M error``: stiff components must not decide on the step size."""
        if self.iteration.linear == "none":
            return error
        return self.reuse.solves[self.method.gammas[-1]](f.linear.times_mass(error))


class WithHistory(SDIRK):
    """A method of order 2 without an embedded one, whose error is seen from two steps."""

    @property
    def adaptive(self) -> bool:
        """The slopes of two steps tell the third derivative, and so the error."""
        return True

    @cached_property
    def error_order(self) -> int:
        """The estimate is the leading term of the error itself."""
        return 3

    @property
    def stepper(self):
        """What takes the steps."""
        return HistoryStepper


class HistoryStepper(SDIRKStepper):
    """The steps of the trapezoidal rule; its error is ``h**3/12`` times the third derivative.

    That is twice the second divided difference of u' at the last three times. In the first step it
    is the difference to Euler's method instead, of order 2 only.
    """

    def __init__(self, method, run=None):
        super().__init__(method, run)
        self.before = []  # (u, slope one step before u, that step), for both ends of a step

    def finish(self, f, u, h, slope, k, v):
        """As for every method, then the estimate."""
        step, last = super().finish(f, u, h, slope, k, v), k[-1]
        error, known = h / 2 * (last - slope), [entry for entry in self.before if entry[0] is u]
        for _, earlier, h_before in known:
            bend = (last - slope) / h - (slope - earlier) / h_before
            error = h**3 / 6 * bend / (h + h_before)
        self.before = [*known, (step.u, slope, h)]
        return step._replace(error=self.filtered(f, error))


def named(name: str, tableau: Tableau, base=SDIRK, more=""):
    """A class for a built-in method: `Kvaerno5()` reads better than `SDIRK(KVAERNO5)`.

    Parameters
    ----------
    name : str
        Its public name.
    tableau : Tableau
    base : type
        `SDIRK` or a subclass.
    more : str
        A further sentence of the docstring.

    Examples
    --------
    >>> named("TRBDF2", tables.TRBDF2)()
    TRBDF2()
    """

    def __init__(self, iteration=NEWTON, linear_solver="auto"):
        SDIRK.__init__(self, tableau, iteration, linear_solver)

    note = f"{tableau.note} {more}".strip()
    doc = (
        f"{tableau.name}: diagonally implicit Runge-Kutta method. {note}\n\n"
        "Parameters\n----------\niteration : SimplifiedNewton, FullNewton, FixedPoint or "
        "Anderson\n    What solves the stages.\nlinear_solver : str or object\n    What solves "
        "with W, as in `Linearisation`: 'auto', 'dense', 'banded', 'sparse', GMRES(), ...\n\n"
        f"References\n----------\n{tableau.source}\n\n"
        f"Examples\n--------\n>>> import sciml_lab as sl\n>>> sl.{name}().name\n'{name}'\n"
    )
    namespace = {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    namespace["__repr__"] = ImplicitRK.__repr__
    namespace["__eq__"] = lambda self, other: (
        type(self) is type(other)
        and (self.iteration, self.linear_solver) == (other.iteration, other.linear_solver)
    )
    namespace["__hash__"] = lambda self: hash((name, self.iteration))
    return type(name, (base,), namespace)


ImplicitEuler = named("ImplicitEuler", tables.IMPLICIT_EULER)
Trapezoid = named("Trapezoid", tables.TRAPEZOID, WithHistory)
TRBDF2 = named("TRBDF2", tables.TRBDF2)
Kvaerno3 = named("Kvaerno3", tables.KVAERNO3)
Kvaerno5 = named("Kvaerno5", tables.KVAERNO5)
