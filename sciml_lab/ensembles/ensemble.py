"""`Ensemble`: one problem, many variants, solved together."""

import time

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ensembles import executors
from sciml_lab.ensembles.draws import Columns, Varied, column_arrays, takes
from sciml_lab.ensembles.parts import Part, PartInterrupted, checked_settings, solve_part
from sciml_lab.ensembles.solution import EnsembleSolution
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers import options
from sciml_lab.solvers.choose import checked
from sciml_lab.solvers.solution import SolveInterrupted
from sciml_lab.solvers.solve import _prepare


class Ensemble:
    """Many variants of one problem.

    Parameters
    ----------
    problem : ODEProblem
        Of one trajectory.
    vary : callable, optional
        ``vary(problem, i, rng) -> problem``, the variant number i; ``rng`` is a
        `numpy.random.Generator` for this trajectory alone. ``vary(problem, i)`` will do as well.
    n : int, optional
        Number of trajectories.
    u0, p : array, optional
        Instead of `vary`: initial states ``(*u0.shape, N)`` or parameters ``(m, N)``, one column
        for each trajectory.
    seed : int or numpy.random.Generator, optional
        Where the randomness starts. What trajectory i gets depends on the seed and on i, never on
        the order or the number of workers.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [1.0])
    >>> def vary(prob, i, rng):
    ...     return prob.replace(u0=rng.normal(1.0, 0.1, 1))
    >>> sol = sl.Ensemble(prob, vary, 50, seed=1).solve(sl.Tsit5())
    >>> sol.u.shape
    (2, 1, 50)
    >>> bool(abs(sol.mean()[-1, 0] - np.exp(-1.0)) < 0.05)
    True
    """

    def __init__(self, problem, vary=None, n=None, *, u0=None, p=None, seed=None):
        _check_problem(problem)
        options.seed_value(seed)
        self.problem = problem
        if isinstance(seed, np.random.Generator):
            entropy = int(seed.integers(2**63))
        else:
            entropy = seed if seed is None else int(seed)
        self.seed = np.random.SeedSequence(entropy).entropy
        if u0 is None and p is None:
            self._draws = Varied(problem, _checked_vary(vary), _checked_count(n), self.seed)
            return
        if vary is not None:
            raise TypeError(
                "an ensemble is varied by a function or by arrays: give vary and n, or u0 and p."
            )
        u0, p, count = column_arrays(problem, u0, p)
        if n not in (None, count):
            raise ValueError(f"n = {n}, but the arrays hold {count} trajectories: leave n out.")
        self._draws = Columns(problem, u0, p, count)

    def __len__(self) -> int:
        return self._draws.count

    def __getitem__(self, i) -> ODEProblem:
        """Problem number i, to be solved on its own."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"trajectory {i} is asked for, and there are {len(self)} (from 0).")
        return self._draws.one(i % len(self))

    def __repr__(self) -> str:
        return f"Ensemble({self.problem!r}, {len(self)} trajectories)"

    def solve(
        self,
        method=None,
        *,
        rtol=1e-6,
        atol=1e-9,
        dt=None,
        adaptive=None,
        saveat=None,
        controller=None,
        max_steps=1_000_000,
        backend="numpy",
        executor="serial",
        threads=None,
        chunk=None,
        lanes=None,
        progress=False,
    ) -> EnsembleSolution:
        """Solve all trajectories, each with its own step sizes.

        Parameters
        ----------
        method, rtol, atol, dt, adaptive, controller, max_steps
            As in `solve`.
        saveat : array or float, optional
            Output times, or their spacing. Without it the start and the end are saved.
        backend : {"numpy", "numba"}
            With "numba" one compiled loop solves all trajectories: no Python between two of
            them, and where f allows it several side by side in the processor's vector registers.
        executor : str or object
            "serial", "threads" (useful with "numba", which leaves Python alone), "processes", or
            anything that takes calls: a `concurrent.futures.Executor`, mpi4py's MPIPoolExecutor,
            a dask Client. A program that starts processes needs ``if __name__ == "__main__":``.
        threads : int, optional
            Number of threads or processes; otherwise that of the cores.
        chunk : int, optional
            Trajectories that a worker is given at a time (on threads with "numba" it takes the
            next ones whenever a lane is free).
        lanes : {None, 1, 8}
            Trajectories side by side on each thread with "numba"; None chooses.
        progress : bool
            Show a progress bar.

        Returns
        -------
        EnsembleSolution
            A trajectory that fails leaves the others alone: see its ``success`` and ``message``.

        Raises
        ------
        SolveInterrupted
            On Ctrl-C or the notebook's stop button; it carries the trajectories finished so far.

        Examples
        --------
        >>> import sciml_lab as sl
        >>> prob = sl.ODEProblem(lambda u, p, t: p * u, [1.0], (0.0, 1.0), [0.0])
        >>> sol = sl.Ensemble(prob, p=[[0.0, 1.0]]).solve(sl.RK4(), dt=0.1, executor="threads")
        >>> [round(float(x), 4) for x in sol.u[-1, 0]]
        [1.0, 2.7183]
        """
        began = time.perf_counter()
        method = checked(self.problem, method, rtol, backend)
        executor, threads = executors.checked(executor), _checked_workers("threads", threads)
        _checked_workers("chunk", chunk)
        if lanes not in (None, 1, 8):
            raise ValueError(f"lanes must be None, 1 or 8 (got {lanes!r}).")
        _prepare(self.problem, method, rtol, atol, dt, adaptive, controller, max_steps)
        bar = _progress_bar(progress, len(self))
        settings = {"rtol": rtol, "atol": atol, "dt": dt, "adaptive": adaptive, "backend": backend,
                    "saveat": saveat, "controller": controller, "max_steps": max_steps,
                    "progress": progress}  # fmt: skip
        times, settings = checked_settings(settings, self.problem)
        part = Part.empty(times, self.problem, len(self))

        def finish(note=""):
            words = _message(part, self.problem, note)
            return EnsembleSolution(times=times, part=part, message=words, method=method,
                                    ensemble=self, seconds=time.perf_counter() - began)  # fmt: skip

        workers = threads or executors.cores()
        try:
            if executor == "serial" or (executor == "threads" and backend == "numba"):
                workers = 1 if executor == "serial" else workers
                part.put(solve_part(self._draws, 0, len(self), times, method, settings, bar,
                                    workers, lanes), 0)  # fmt: skip
            else:
                self._spread(part, executor, workers, chunk, (times, method, settings), lanes, bar)
        except PartInterrupted as error:
            part.put(error.part, error.first)
            raise SolveInterrupted(finish("interrupted")) from None
        except KeyboardInterrupt:
            raise SolveInterrupted(finish("interrupted")) from None
        finally:
            bar(None)
        part.how += f" on {workers} threads" if executor == "threads" and workers > 1 else ""
        return finish()

    def _spread(self, part, executor, workers, chunk, shared, lanes, bar):
        """Hand parts to an executor, and collect the results."""
        if executors.needs_pickle(executor):
            executors.check_pickle(self._draws)
        cuts, finished = executors.bounds(len(self), chunk, workers), 0
        stop = executors.Stop()
        show = stop if executor == "threads" else None  # another process would get a copy
        calls = [(solve_part, self._draws.piece(a, b), a, b, *shared, show, 1, lanes)
                 for a, b in cuts]  # fmt: skip

        def take(i, found):
            nonlocal finished
            part.put(found, cuts[i][0])
            finished += cuts[i][1] - cuts[i][0]
            bar(finished)

        with executors.pool(executor, workers) as taking:
            executors.gather(taking, calls, take, stop)


def _check_problem(problem):
    if not isinstance(problem, ODEProblem):
        raise TypeError(
            f"problem must be an ODEProblem (got {type(problem).__name__}): write "
            "ODEProblem(f, u0, tspan, p)."
        )
    if problem.batch:
        raise ValueError(
            "an ensemble takes the problem of one trajectory, and this one is a batch already: "
            "give sl.Ensemble(prob, u0=...) its states, or solve the batch itself."
        )


def _checked_vary(vary):
    if vary is None:
        raise TypeError(
            "vary is missing: give a function vary(prob, i, rng) that returns a changed problem, "
            "or arrays u0=(..., N), p=(m, N)."
        )
    if not callable(vary) or not (takes(vary, 3) or takes(vary, 2)):
        raise TypeError(
            "vary must be a function vary(prob, i, rng) or vary(prob, i) that returns a changed "
            f"problem (got {vary!r})."
        )
    return vary


def _checked_count(n):
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(
            f"n, the number of trajectories, must be a positive whole number (got {n!r})."
        )
    return int(n)


def _checked_workers(name, count):
    if count is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"{name} must be a positive whole number or None (got {count!r}).")
    return int(count)


def _message(part, problem, note):
    """How it ended, in words."""
    count, good = len(part.success), int(part.success.sum())
    words = [
        f"{good} of {count} trajectories reached t = {float(problem.tspan[1]):.6g} in "
        f"{int(part.naccept.sum())} accepted and {int(part.nreject.sum())} rejected steps"
        f"{f' ({part.how})' if part.how else ''}"
    ]
    if note:
        words.insert(0, note)
    if part.trouble:
        i = min(part.trouble)
        words.append(f"trajectory {i} failed: {part.trouble[i]}")
    return "; ".join(words)


def _progress_bar(wanted, total):
    """A function to call with the number of finished trajectories: moves a bar, or does nothing."""
    if not options.flag("progress", wanted):
        return lambda finished: None
    tqdm = need("tqdm.auto", extra="lab", what="progress=True").tqdm
    bar = tqdm(total=total, desc="ensemble", unit=" trajectories")

    def show(finished):
        if finished is None:
            bar.close()
        else:
            bar.update(finished - bar.n)

    return show
