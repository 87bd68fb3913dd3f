"""What the loop needs of a method: a few properties and four functions, the same for every family.

With this module one can write a method of one's own: subclass `Method`, give it a `name`, an
`order` and a `step`, and `solve` takes it. Whatever the family (explicit, Rosenbrock, multistep,
exponential, symplectic), the loop of `stepping.py` sees nothing else.
"""

from functools import cached_property
from typing import Any, NamedTuple

from sciml_lab.problems import ODEProblem
from sciml_lab.solvers.control import PIController
from sciml_lab.solvers.rhs import RightHandSide


class Step(NamedTuple):
    """One attempted step: the new state, its error estimate(s), and all that led there.

    Attributes
    ----------
    u : array
        State at ``t + h``.
    error : array or None
        Estimated error of this step, or None for a method without an embedded one.
    error2 : array or None
        Second estimate (DOP853 only).
    k : list of array
        What dense output needs: for a Runge-Kutta method its stage derivatives.
    v : list of array
        Stage points: ``k[i] = f(v[i], p, t + c[i] h)``.
    slopes : (array, array or None) or None
        f at the start of the step and, if it is known without another evaluation, at its end.
        None stands for ``(k[0], k[-1] if the method is first-same-as-last else None)``.
    trouble : str
        Why the step has no result (then u is NaN), for example that Newton's iteration did not
        converge; empty otherwise.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> step = sl.Heun().step(lambda u, p, t: -u, np.array([1.0]), None, 0.0, 0.1)
    >>> isinstance(step, Step), step.u
    (True, array([0.905]))
    """

    u: Any
    error: Any
    error2: Any = None
    k: Any = ()
    v: Any = ()
    slopes: Any = None
    trouble: str = ""


class Method:
    """A one-step method, as the loop sees it. Subclasses are small frozen dataclasses.

    Attributes
    ----------
    name : str
        What it is called in messages.
    order : int
        Order of convergence: the global error is proportional to ``h**order``.
    adaptive : bool
        Whether a step comes with an estimate of its error.
    error_order : int
        Order k of that estimate: it shrinks like ``h**k``.
    fsal : bool
        Whether the last stage of a step is the first of the next (first same as last).
    implicit : bool
        Whether the step solves equations; then `side` brings a linear solver along.
    problems : tuple of type
        Kinds of problem that the method is made for.
    mass_matrix : bool
        Whether it solves ``M u' = f`` with a matrix M, singular ones (DAEs) too.
    nodes : sequence of float
        The stages lie at the times ``t + nodes[i] h``.
    controller : PIDController
        Step-size control where `solve` is given none.

    Examples
    --------
    Two half steps of Euler's method, as a method of one's own:

    >>> import sciml_lab as sl
    >>> class TwoHalves(Method):
    ...     name, order = "two halves of Euler", 1
    ...     def step(self, f, u, p, t, h, k1=None):
    ...         k1 = f(u, p, t) if k1 is None else k1
    ...         k2 = f(u + h / 2 * k1, p, t + h / 2)
    ...         return Step(u + h / 2 * (k1 + k2), None, k=[k1, k2])
    ...     def interpolate(self, u, k, h, theta):
    ...         return u + theta * h * (k[0] + k[1]) / 2
    >>> prob = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    >>> round(float(sl.solve(prob, TwoHalves(), dt=0.5).u[-1, 0]), 4)
    0.3164
    """

    name: str = "method"
    order: int = 1
    adaptive: bool = False
    fsal: bool = False
    implicit: bool = False
    mass_matrix: bool = False
    problems: tuple = (ODEProblem,)
    nodes: Any = ()
    controller: Any = PIController()

    @property
    def error_order(self) -> int:
        """Order k of the error estimate, by default that of the method."""
        return self.order

    @property
    def start_order(self) -> int:
        """Order of the first step, by default that of the method."""
        return self.order

    def strictness(self, rtol) -> float:
        """How much less error a step may have than the solution: see `strictness.py`.

        The tolerances of a step are those asked for, divided by it.
        """
        return 1.0

    def on(self, problem) -> "Method":
        """The method in the form that suits a problem: usually itself.

        A method that is defined for several kinds of problem (an additive Runge-Kutta pair) may
        return another object for one of them; the solve then runs with that.
        """
        return self

    def side(self, problem, shape) -> RightHandSide:
        """What the step calls as `f`: the right-hand side, counted and checked.

        Parameters
        ----------
        problem : ODEProblem
        shape : tuple of int
            Shape of the state.
        """
        return RightHandSide(problem.f, shape)

    def begin(self, run):
        """What takes the steps of one solve: the method itself, if it remembers nothing.

        Parameters
        ----------
        run : Run
            With the right-hand side, the tolerances and the interval. A method with a memory
            (multistep, variable order) returns an object with `step`; if that object has a
            function ``decide(norm, k, memory) -> Decision`` too, it takes the controller's place.
        """
        return self

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step of size h from (t, u); `k1` is ``f(u, p, t)`` if it is known."""
        raise NotImplementedError(f"{type(self).__name__} must define step(f, u, p, t, h, k1).")

    def dense_stages(self, f, u, p, t, h, k) -> Any:
        """What `interpolate` needs beyond the step's own `k`: by default nothing."""
        return k

    def interpolate(self, u, k, h, theta):
        """State at ``t + theta h`` inside of a step from u."""
        raise NotImplementedError(f"{type(self).__name__} must define interpolate(u, k, h, theta).")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class OfTableau(Method):
    """A method that is defined by a table of coefficients, which knows its orders.

    Attributes
    ----------
    tableau : Tableau or RosenbrockTableau or NystromTableau
        With `name`, `order`, `embedded_order`, `b_error` and the nodes `c` or `nodes`.
    """

    tableau: Any

    @property
    def name(self) -> str:
        """Name of the method, from its tableau."""
        return self.tableau.name

    @property
    def order(self) -> int:
        """Order of convergence, computed from the tableau's order conditions."""
        return self.tableau.order

    @property
    def adaptive(self) -> bool:
        """Whether the method estimates its own error."""
        return self.tableau.b_error is not None

    @cached_property
    def error_order(self) -> int:
        """Order k of the error estimate: it shrinks like ``h**k``."""
        return min(self.tableau.embedded_order, self.order) + 1

    @property
    def nodes(self):
        """The stages lie at the times ``t + nodes[i] h``."""
        return self.tableau.c
