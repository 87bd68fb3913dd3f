r"""Two methods for one solve: a cheap one, and an implicit one where that would crawl.

Stiffness is measured, not guessed. The explicit method evaluates f twice at the end of its step, at
two points that lie close together, so

.. math:: \rho \approx |f(v) - f(w)|/|v - w|

is about the largest eigenvalue of the Jacobian that matters there, for nothing. If :math:`h \rho`
stays at the limit of stability step after step, stability and not accuracy decides the step size:
that is stiffness, and the other method takes over. It hands back when h times the norm of its
Jacobian has been far inside of the explicit method's limit for a while.

References
----------
E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.2. L. Petzold,
SIAM J. Sci. Stat. Comput. 4 (1983) 136-148.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.solvers.control import Decision
from sciml_lab.solvers.explicit import ExplicitRK, Tsit5, mean_square
from sciml_lab.solvers.implicit import ImplicitMethod, ImplicitSide
from sciml_lab.solvers.rosenbrock import Rodas5P

STIFF_AFTER, MILD_AFTER = 15, 6  # suspicious steps before a switch, calm ones that clear it
RETURN_AFTER = 10  # steps of the implicit method that an explicit one could have taken
NEAR, FAR = 0.9, 0.5  # parts of the stability limit


def ends(method):
    """The two last stages at the end of the step.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> ends(sl.Tsit5()).tolist()
    [5, 6]
    """
    return np.flatnonzero(np.asarray(method.nodes) == 1.0)[-2:]


def radius(moved, changed):
    """Size of an eigenvalue: how far f has changed, over how far its argument has moved.

    Examples
    --------
    >>> float(radius(np.array([0.0, 0.5]), np.array([0.0, -2.0])))
    4.0
    """
    return np.sqrt(mean_square(changed, False) / mean_square(moved, False))


def stiffening(h_rho, limit, suspicious, calm):
    """Counts of the suspicious steps of an explicit method, and of the calm ones after them.

    Examples
    --------
    >>> stiffening(3.3, 3.4, 4, 2), stiffening(1.0, 3.4, 4, 2)
    ((5, 0), (4, 3))
    """
    if h_rho > NEAR * limit:
        return suspicious + 1, 0
    if suspicious > 0:
        if calm + 1 == MILD_AFTER:
            return 0, 0
        return suspicious, calm + 1
    return suspicious, calm


def easing(h_rho, limit, calm):
    """Count of the steps in a row of an implicit method that an explicit one could have taken.

    Examples
    --------
    >>> easing(1.0, 3.4, 4), easing(3.0, 3.4, 4)
    (5, 0)
    """
    return calm + 1 if h_rho < FAR * limit else 0


class Switch(NamedTuple):
    """A change of method.

    Attributes
    ----------
    t : float
        Where.
    to : Method
        The method from there on.
    h_rho, limit : float
        Step size times spectral radius, and the explicit method's limit for it.
    """

    t: float
    to: Any
    h_rho: float
    limit: float

    def __str__(self) -> str:
        return f"{self.to.name} from t = {self.t:.6g} (h rho = {self.h_rho:.3g})"


@dataclass(frozen=True, repr=False)
class AutoSwitch(ImplicitMethod):
    """An explicit and an implicit method, whichever the equation asks for.

    Parameters
    ----------
    nonstiff : ExplicitRK
        An adaptive method with two stages at the end of its step, such as Tsit5 or Vern7.
    stiff : ImplicitMethod
        A one-step method, such as Rodas5P.

    Raises
    ------
    TypeError, ValueError
        If the methods are of other kinds.

    Notes
    -----
    ``sol.switches`` lists the changes, and the message tells them.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.rober(tspan=(0.0, 100.0))
    >>> sol = sl.solve(prob, sl.AutoSwitch(sl.Tsit5(), sl.Rodas5P()))
    >>> sol.success, sol.switches[0].to
    (True, Rodas5P())
    """

    nonstiff: Any = field(default_factory=Tsit5)
    stiff: Any = field(default_factory=Rodas5P)
    mass_matrix = False
    adaptive = True

    def __post_init__(self):
        if not isinstance(self.nonstiff, ExplicitRK):
            raise TypeError(
                f"nonstiff must be an explicit method such as Tsit5() (got {self.nonstiff!r})."
            )
        if not isinstance(self.stiff, ImplicitMethod) or isinstance(self.stiff, AutoSwitch):
            raise TypeError(
                f"stiff must be an implicit method such as Rodas5P() (got {self.stiff!r})."
            )
        if np.sum(np.asarray(self.nonstiff.nodes) == 1.0) < 2 or not self.nonstiff.adaptive:
            raise ValueError(
                f"{self.nonstiff.name} can't tell stiffness: take an adaptive method with two "
                "stages at the end of the step, such as Tsit5() or Vern7()."
            )

    @property
    def name(self) -> str:
        """Names of both."""
        return f"{self.nonstiff.name}/{self.stiff.name}"

    @property
    def order(self) -> int:
        """The smaller order."""
        return min(self.nonstiff.order, self.stiff.order)

    def strictness(self, rtol) -> float:
        """The larger one."""
        return max(self.nonstiff.strictness(rtol), self.stiff.strictness(rtol))

    def side(self, problem, shape):
        """F with the linear algebra of the implicit method."""
        return ImplicitSide(problem, shape, self.stiff.linear_solver)

    def begin(self, run):
        """Start with the explicit method."""
        return Switching(self, run)

    def dense_stages(self, f, u, p, t, h, k):
        """Those of the method that took the step."""
        return Taken(k.by, k.by.dense_stages(f, u, p, t, h, k.stages))

    def interpolate(self, u, k, h, theta):
        """Dense output of the method that took the step."""
        return k.by.interpolate(u, k.stages, h, theta)

    def __repr__(self) -> str:
        return f"AutoSwitch({self.nonstiff!r}, {self.stiff!r})"


class Taken(NamedTuple):
    """The stages of a step, and the method that took it."""

    by: Any
    stages: Any


class Switching:
    """Takes the steps of one solve, now by one method, now by the other.

    Parameters
    ----------
    method : AutoSwitch
    run : Run
    """

    def __init__(self, method, run):
        self.run, self.nonstiff, self.stiff = run, method.nonstiff, method.stiff
        self.limit = method.nonstiff.tableau.real_stability
        self.switches = run.switches
        self.ends = ends(method.nonstiff)
        self._use(self.switches[-1].to if self.switches else method.nonstiff)

    def _use(self, method):
        self.now, self.stepper = method, method.begin(self.run)
        self.suspicious = self.calm = 0

    def step(self, f, u, p, t, h, k1=None):
        """Take one step by the present method."""
        step = self.stepper.step(f, u, p, t, h, k1)
        self.last = (step, t, h, f)
        last = step.k[-1] if self.now.fsal else None
        return step._replace(k=Taken(self.now, step.k), slopes=step.slopes or (step.k[0], last))

    def decide(self, norm, k, memory) -> Decision:
        """Accept or reject as the present method does; look whether it is still the right one."""
        decide = getattr(self.stepper, "decide", self.run.controller.decide)
        decision = decide(norm, self.now.error_order, memory)
        if decision.accept:
            self._look()
        return decision

    def _look(self):
        step, t, h, f = self.last
        if self.now is self.nonstiff:
            h_rho = abs(primal(h)) * self._radius(step)
            self.suspicious, self.calm = stiffening(h_rho, self.limit, self.suspicious, self.calm)
            to, enough = self.stiff, self.suspicious >= STIFF_AFTER
        else:
            J = f.linear.J
            h_rho = abs(h) * float(np.max(np.abs(J).sum(axis=1))) if J is not None else np.inf
            self.calm = easing(h_rho, self.limit, self.calm)
            to, enough = self.nonstiff, self.calm >= RETURN_AFTER
        if enough:
            self.switches.append(Switch(float(primal(t + h)), to, float(h_rho), float(self.limit)))
            self._use(to)

    def _radius(self, step):
        """From two points at the end of the step."""
        i, j = self.ends
        moved, changed = (np.ravel(primal(x[j] - x[i])) for x in (step.v, step.k))
        return float(radius(moved, changed)) if np.any(moved) else 0.0
