"""What `solve` returns: the numbers, how they came about, and why it stopped."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Stats:
    """The cost counter of one solve.

    Attributes
    ----------
    nf : int
        Evaluations of f (dense output that is evaluated later adds to it).
    nsteps, naccept, nreject : int
        Attempted, accepted and rejected steps; in a batch the sum over all trajectories.
    njac, nlu, nnewton, nkrylov : int
        Jacobians, factorisations, Newton and Krylov iterations (zero for explicit methods).
    linear : str
        The linear solver of an implicit method, and why it was chosen.
    parts : dict
        How often each part of a `SplitProblem` was evaluated, where the method tells them apart.
    seconds : float
        Wall-clock time.
    lanes : dict
        In a batch: `naccept`, `nreject`, `success` and `t`, the time reached, per trajectory.
    """

    nf: int = 0
    nsteps: int = 0
    naccept: int = 0
    nreject: int = 0
    njac: int = 0
    nlu: int = 0
    nnewton: int = 0
    nkrylov: int = 0
    linear: str = ""
    parts: dict = field(default_factory=dict)
    seconds: float = 0.0
    lanes: dict = field(default_factory=dict)


class Solution:
    """Solution of a differential equation.

    Attributes
    ----------
    t : ndarray, shape (T,)
        Output times.
    u : ndarray, shape (T, *u0.shape)
        States at these times.
    success : bool
        Whether the end of `tspan` was reached.
    message : str
        How it ended, in words; after a failure the evidence and a remedy.
    diagnosis : Diagnosis or None
        The failure doctor's finding.
    stats : Stats
        The cost counter.
    method : object
        The method used (chosen by `solve` if none was given).
    problem : ODEProblem
        What was solved.
    events : list of Happening
        What happened: ``t, event, before, after``.
    switches : list of Switch
        Changes of method (`AutoSwitch`): ``t, to, h_rho, limit``.
    sensitivities : Sensitivities or None
        Derivatives, if `ForwardSensitivity` was asked for.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0)))
    >>> sol.success, sol.u.shape[1:]
    (True, (1,))
    >>> round(float(sol(0.5)[0]), 4)
    0.6065
    """

    def __init__(self, *, t, u, success, message, diagnosis, stats, method, problem, dense):
        self.t, self.u = t, u
        self.success, self.message, self.diagnosis = success, message, diagnosis
        self.stats, self.method, self.problem = stats, method, problem
        self.sensitivities = None
        self.events, self.switches = [], []
        self._dense = dense

    def __call__(self, t):
        """Evaluate the solution at one time or an array of times (dense output).

        Raises
        ------
        ValueError
            If a time lies outside the solved interval, or dense output was switched off.
        """
        if self._dense is None:
            raise ValueError(
                "this solution keeps no dense output: solve with dense=True, or list the times "
                "in saveat."
            )
        return self._dense(t)

    def __repr__(self) -> str:
        state = "success" if self.success else "FAILED"
        shape = tuple(np.shape(self.u)) if isinstance(self.u, np.ndarray) else " of several shapes"
        counts = self.stats.parts or {"f": self.stats.nf}
        cost = ", ".join(f"{count} evaluations of {name}" for name, count in counts.items())
        return (
            f"Solution({self.method!r}, {state}: {len(self.t)} times, u{shape}; "
            f"{cost}, {self.stats.naccept} steps accepted, "
            f"{self.stats.nreject} rejected)\n{self.message}"
        )

    def plot(self, **options):
        """Plot every component against time; returns a Matplotlib Figure."""
        from sciml_lab import plot

        return plot.solution(self, **options)

    def phase_plot(self, **options):
        """Plot two components against each other; returns a Matplotlib Figure."""
        from sciml_lab import plot

        return plot.phase(self, **options)


class SolveError(RuntimeError):
    """A solve failed and ``on_failure="raise"`` was asked for.

    Attributes
    ----------
    solution : Solution
        Everything up to the failure.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: u**2, [1.0], (0.0, 2.0))
    >>> try:
    ...     sl.solve(prob, sl.Tsit5(), on_failure="raise")
    ... except sl.SolveError as error:
    ...     bool(error.solution.t[-1] < 1.001)
    True
    """

    def __init__(self, solution):
        super().__init__(solution.message)
        self.solution = solution

    def __reduce__(self):
        return type(self), (self.solution,)


def failed(solution):
    """The error for a solve that failed while it was being differentiated."""
    solution.message = (
        f"{solution.message} No derivative was taken: that of a partial solution would be wrong."
    )
    return SolveError(solution)


class SolveInterrupted(KeyboardInterrupt):
    """Ctrl-C or the notebook's stop button, with the part that was already computed.

    Attributes
    ----------
    solution : Solution
        Everything up to the interruption.

    Examples
    --------
    >>> issubclass(SolveInterrupted, KeyboardInterrupt)
    True
    """

    def __init__(self, solution):
        super().__init__(solution.message)
        self.solution = solution

    def __reduce__(self):
        return type(self), (self.solution,)
