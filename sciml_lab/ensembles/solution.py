"""What an ensemble's solve returns: all trajectories in one array, and each as a `Solution`."""

import numpy as np

from sciml_lab.solvers.solution import Solution, Stats


class EnsembleSolution:
    """Solutions of an ensemble.

    Attributes
    ----------
    t : ndarray, shape (T,)
        Output times, the same for all trajectories.
    u : ndarray, shape (T, *u0.shape, N)
        States: component first, trajectory last; NaN where a trajectory did not get to.
    success : ndarray of bool, shape (N,)
        Which trajectories reached the end of `tspan`.
    message : str
        How many did, in what manner they were solved, and what stopped the first that did not.
    stats : Stats
        The cost counter, summed; ``stats.lanes`` has the numbers of each trajectory.
    method : object
        The method used.
    ensemble : Ensemble
        What was solved.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, [1.0], (0.0, 1.0), [1.0])
    >>> sol = sl.Ensemble(prob, p=[[1.0, 2.0, 3.0]]).solve(sl.Tsit5(), saveat=[0.5, 1.0])
    >>> sol.u.shape, bool(sol.success.all())
    ((2, 1, 3), True)
    >>> bool(np.allclose(sol.u[-1, 0], np.exp([-1.0, -2.0, -3.0]), rtol=1e-5))
    True
    >>> sol[1].u.shape
    (2, 1)
    """

    def __init__(self, *, times, part, message, seconds, method, ensemble):
        self.t, self.u, self.success = np.array(times), part.u, part.success
        self.message, self.method, self.ensemble = message, method, ensemble
        self._part = part
        naccept, nreject = int(part.naccept.sum()), int(part.nreject.sum())
        self.stats = Stats(
            nf=int(part.nf.sum()), nsteps=naccept + nreject, naccept=naccept, nreject=nreject,
            seconds=seconds,
            lanes={"naccept": part.naccept, "nreject": part.nreject, "success": part.success,
                   "t": part.t},
        )  # fmt: skip

    def __len__(self) -> int:
        return self.u.shape[-1]

    def __getitem__(self, i) -> Solution:
        """Trajectory i as a `Solution` at the output times."""
        if isinstance(i, bool | np.bool_) or not isinstance(i, int | np.integer):
            raise TypeError(
                f"an ensemble's solution is indexed by the number of a trajectory (got {i!r}): "
                "sol.u[..., i] takes slices."
            )
        count = len(self)
        if not -count <= i < count:
            raise IndexError(f"trajectory {i} is asked for, and there are {count} (from 0).")
        i, part = int(i) % count, self._part
        reached, success = int(part.written[i]), bool(part.success[i])
        naccept, nreject = int(part.naccept[i]), int(part.nreject[i])
        ended = f"trajectory {i} reached t = {part.t[i]:.6g}"
        if not success:
            ended += f"; sl.solve(sol.ensemble[{i}], {self.method!r}, ...) says why not more"
        return Solution(
            t=self.t[:reached], u=self.u[:reached, ..., i], success=success,
            message=part.trouble.get(i, ended), diagnosis=None, method=self.method,
            problem=self.ensemble[i], dense=None,
            stats=Stats(nf=int(part.nf[i]), nsteps=naccept + nreject, naccept=naccept,
                        nreject=nreject),
        )  # fmt: skip

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def mean(self) -> np.ndarray:
        """Mean over the trajectories that got there, at every output time: (T, *u0.shape)."""
        return self._over(np.mean)

    def quantile(self, q) -> np.ndarray:
        """Quantiles over the trajectories that got there: (T, *u0.shape), one more axis for many.

        Parameters
        ----------
        q : float or list of float
            Between 0 and 1, for example ``[0.05, 0.5, 0.95]``; the axis of q comes first.
        """
        return self._over(lambda u, axis: np.quantile(u, q, axis=axis))

    def _over(self, statistic):
        """A statistic over the last axis, at each time of the trajectories that got there."""
        there = np.arange(len(self.t))[:, None] < self._part.written
        rows = []
        for row, good in zip(self.u, there, strict=True):
            few = not good.any()
            rows.append(statistic(row if few else row[..., good], axis=-1))
        values = np.stack(rows)
        return values if values.ndim < self.u.ndim else np.moveaxis(values, 0, 1)

    def __repr__(self) -> str:
        return (
            f"EnsembleSolution({self.method!r}, {int(self.success.sum())} of {len(self)} "
            f"trajectories: {len(self.t)} times, u{self.u.shape})\n{self.message}"
        )
