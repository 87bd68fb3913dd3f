"""How some of the trajectories are solved: the work that is handed to an executor."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.solvers import options
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab.solvers.solve import solve


@dataclass
class Part:
    """Results of some trajectories, which the last axis of every array counts.

    Attributes
    ----------
    u : ndarray (T, *shape of u0, N)
    success : ndarray of bool (N,)
    nf, naccept, nreject, written : ndarray of int (N,)
        Costs, and the number of output times reached.
    t : ndarray (N,)
        Times reached.
    trouble : dict
        What the failure doctor said, by the number of the trajectory.
    how : str
        In what manner they were solved.
    """

    u: Any
    success: Any
    nf: Any
    naccept: Any
    nreject: Any
    written: Any
    t: Any
    trouble: dict = field(default_factory=dict)
    how: str = ""

    @classmethod
    def empty(cls, times, problem, count):
        """Results that are still to come."""
        u = np.full((len(times), *np.shape(problem.u0), count), np.nan)
        numbers = [np.zeros(count, dtype=int) for _ in range(4)]
        return cls(
            u, np.zeros(count, dtype=bool), *numbers, np.full(count, float(problem.tspan[0]))
        )

    def put(self, part, first):
        """Enter the results of trajectories from number `first` on."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(part, one.name)
            if isinstance(mine, np.ndarray):
                if mine.dtype != np.result_type(mine, theirs):
                    mine = mine.astype(theirs.dtype)
                    setattr(self, one.name, mine)
                mine[..., first : first + theirs.shape[-1]] = theirs
        self.trouble.update(part.trouble)
        self.how = part.how or self.how


class PartInterrupted(KeyboardInterrupt):
    """Ctrl-C, with the results so far in `part`, of trajectories from number `first` on."""

    def __init__(self, part, first):
        super().__init__("interrupted")
        self.part, self.first = part, first

    def __reduce__(self):
        return type(self), (self.part, self.first)


def solve_part(draws, first, last, times, method, settings, show=None, threads=1, lanes=None):
    """Solve the trajectories ``first, ..., last - 1``.

    Parameters
    ----------
    draws : Varied or Columns
    first, last : int
    times : list
        Output times.
    method : ExplicitRK
    settings : dict
        Options of `solve`.
    show : callable, optional
        Is told how many trajectories are finished; may raise KeyboardInterrupt.
    threads, lanes : int
        For the compiled backend.
    """
    if settings["backend"] == "numba" and isinstance(method, ExplicitRK):
        return _compiled(draws, first, last, times, method, settings, show, threads, lanes)
    part = Part.empty(times, draws.problem, last - first)
    part.how = "one after the other"
    for i in range(first, last):
        try:
            part.put(_one(draws.one(i), i, times, method, settings), i - first)
            if show is not None:
                show(i + 1 - first)
        except KeyboardInterrupt:
            raise PartInterrupted(part, first) from None
    return part


def _one(problem, i, times, method, settings):
    """One trajectory, by `solve`."""
    now = [problem.tspan[0]]

    def keep_time(record):
        now[0] = record.t_new

    compiled = settings["backend"] == "numba"  # then nobody is told of the steps
    watched = () if compiled else keep_time
    try:
        solution = solve(problem, method, saveat=times, dense=False, callbacks=watched, **settings)
    except Exception as error:
        error.add_note(f"(while trajectory {i} of the ensemble was solved)")
        raise
    part = Part.empty(times, problem, 1)
    reached, stats = len(solution.t), solution.stats
    part.u = part.u.astype(np.result_type(part.u, solution.u))
    part.u[:reached, ..., 0] = solution.u
    part.success[0], part.written[0], part.nf[0] = solution.success, reached, stats.nf
    part.naccept[0], part.nreject[0] = stats.naccept, stats.nreject
    if compiled:
        now[0] = problem.tspan[1] if solution.success else solution.record.run.now
    part.t[0] = now[0]
    if not solution.success:
        part.trouble[i] = solution.message
    return part


def _compiled(draws, first, last, times, method, settings, show, threads, lanes):
    """All of them in one compiled loop."""
    need("numba", extra="accel", what="backend='numba'")
    from sciml_lab.backends.numba import lanes_solve
    from sciml_lab.backends.numba.solve import has_compiled_law

    if not has_compiled_law(settings["controller"]):
        raise TypeError(
            "an ensemble with backend='numba' runs its controller as machine code, and "
            f"{type(settings['controller']).__name__} has laws of its own: take IController, "
            "PIController or PIDController, or backend='numpy'."
        )
    u0, p = draws.columns(range(first, last))
    if u0.dtype.kind == "c" or (p is not None and p.dtype.kind == "c"):
        raise TypeError(
            "backend='numba' computes with real numbers, and u0 or p is complex: take "
            "backend='numpy'."
        )
    if u0.dtype.hasobject or (p is not None and p.dtype.hasobject):
        raise TypeError("an ensemble takes plain numbers, and u0 or p carries derivatives.")
    try:
        many = lanes_solve.solve_many(
            draws.problem, u0, p, times, method, settings, threads, lanes, show
        )
    except lanes_solve.Interrupted as error:
        raise PartInterrupted(_part(error.many), first) from None
    part = _part(many)
    if not many.success.all():  # the failure doctor looks at the first of them
        i = first + int(np.argmin(many.success))
        part.trouble = {i: _diagnosis(draws.one(i), method, settings)}
    return part


def _part(many):
    return Part(**many._asdict())


def _diagnosis(problem, method, settings):
    """What the doctor says of a trajectory that failed, solved again on its own."""
    return solve(problem, method, saveat=[problem.tspan[1]], dense=False, **settings).message


def checked_settings(settings, problem):
    """Check what all trajectories share; returns the output times and the settings.

    An error shall come before the first trajectory, not out of another process.
    """
    options.flag("progress", settings.pop("progress"))
    times = options.save_times(settings.pop("saveat"), problem.tspan, True)
    return [float(t) for t in times], settings
