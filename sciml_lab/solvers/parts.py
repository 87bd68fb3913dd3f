"""The right-hand side of a `SplitProblem` as a step sees it: two parts, each with its counter.

With this module a method can evaluate the part it wants, and the statistics tell how often it did.
"""

from sciml_lab.solvers.implicit import ImplicitSide
from sciml_lab.solvers.rhs import RightHandSide


class Parts(RightHandSide):
    """Two right-hand sides whose sum is that of the problem.

    Calling it gives the sum, as for any other method; `count` counts the calls of both parts.

    Parameters
    ----------
    f : callable
        The sum as the user would write it, for the failure doctor.
    first, second : RightHandSide
        The parts.
    names : (str, str)
        What the statistics call them.

    Examples
    --------
    >>> import numpy as np
    >>> drift = RightHandSide(lambda u, p, t: -u, (1,))
    >>> drive = RightHandSide(lambda u, p, t: np.cos(u), (1,))
    >>> f = Parts(None, drift, drive, ("drift", "drive"))
    >>> f(np.zeros(1), None, 0.0), drift(np.ones(1), None, 0.0)
    (array([1.]), array([-1.]))
    >>> f.parts, f.count
    ({'drift': 2, 'drive': 1}, 3)
    """

    __slots__ = ("_both", "_names")

    def __init__(self, f, first, second, names):
        super().__init__(f, first.shape)
        self._both, self._names = (first, second), names

    @property
    def parts(self) -> dict:
        """How often each part was evaluated."""
        return {name: part.count for name, part in zip(self._names, self._both, strict=True)}

    @property
    def count(self) -> int:
        """Evaluations of both parts."""
        return sum(part.count for part in self._both)

    @count.setter
    def count(self, value):
        """Nothing to set: the parts count."""

    def __call__(self, u, p, t):
        """The sum of both parts."""
        first, second = self._both
        return first(u, p, t) + second(u, p, t)

    def first(self, u, p, t):
        """The sum, with every check on each part."""
        first, second = self._both
        return first.first(u, p, t) + second.first(u, p, t)


class ImexSide(Parts):
    """A stiff part with its linear algebra, and a nonstiff one.

    Parameters
    ----------
    problem : SplitProblem
    shape : tuple of int
        Shape of the state.
    linear_solver : str or object
        As in `Linearisation`.

    Attributes
    ----------
    stiff, nonstiff : RightHandSide
        The parts.
    linear : Linearisation
        The Jacobian of the stiff part and the factors of ``W = 1 - gamma h J``.
    nnewton : int
        Newton iterations so far.
    """

    __slots__ = ("linear", "nnewton", "nonstiff", "stiff")

    def __init__(self, problem, shape, linear_solver="auto"):
        self.stiff = ImplicitSide(problem, shape, linear_solver, f=problem.f_stiff)
        self.nonstiff = RightHandSide(problem.f_nonstiff, shape)
        super().__init__(problem.f, self.stiff, self.nonstiff, ("f_stiff", "f_nonstiff"))
        self.linear, self.nnewton = self.stiff.linear, 0


class MultirateSide(Parts):
    """A slow part and a fast one.

    Parameters
    ----------
    problem : SplitProblem
    shape : tuple of int
        Shape of the state.

    Attributes
    ----------
    slow, fast : RightHandSide
        The parts.
    """

    __slots__ = ("fast", "slow")

    def __init__(self, problem, shape):
        self.slow = RightHandSide(problem.f_slow, shape)
        self.fast = RightHandSide(problem.f_fast, shape)
        super().__init__(problem.f, self.slow, self.fast, ("f_slow", "f_fast"))
