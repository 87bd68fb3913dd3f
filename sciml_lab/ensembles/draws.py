"""Where the trajectories of an ensemble come from: a function that varies a problem, or arrays."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from sciml_lab.problems import ODEProblem


@dataclass(frozen=True)
class Varied:
    """Problems that a function makes of one.

    Parameters
    ----------
    problem : ODEProblem
    vary : callable
        ``vary(problem, i, rng)`` or ``vary(problem, i)``.
    count : int
        How many.
    entropy : int
        Where the randomness starts.
    """

    problem: ODEProblem
    vary: Any
    count: int
    entropy: int

    def one(self, i) -> ODEProblem:
        """Problem i. Its random numbers depend on the seed and on i alone."""
        arguments = [self.problem, i]
        if takes(self.vary, 3):
            sequence = np.random.SeedSequence(self.entropy, spawn_key=(i,))
            arguments.append(np.random.default_rng(sequence))
        try:
            found = self.vary(*arguments)
        except Exception as error:
            error.add_note(f"(in vary, called for trajectory {i})")
            raise
        if not isinstance(found, ODEProblem):
            raise TypeError(
                f"vary returned {type(found).__name__} for trajectory {i}: it must return a "
                "problem, for example  return prob.replace(p=...)."
            )
        _same_kind(self.problem, found, i)
        return found

    def piece(self, first, last):
        """What is needed for some of the trajectories."""
        return self

    def columns(self, indices):
        """States ``(..., N)`` and parameters ``(m, N)``, or ``(m,)`` if all are the same."""
        problems = [self.one(i) for i in indices]
        for i, one in zip(indices, problems, strict=True):
            if one.f is not self.problem.f:
                raise ValueError(
                    f"vary changed f (trajectory {i}), and backend='numba' compiles one f for "
                    "all: let p hold what differs, or take backend='numpy'."
                )
        u0 = np.stack([one.u0 for one in problems], axis=-1)
        ps = [one.p for one in problems]
        if ps[0] is None or all(p is ps[0] or np.array_equal(p, ps[0]) for p in ps):
            return u0, ps[0]
        if len({np.shape(p) for p in ps}) > 1:
            raise ValueError(
                "vary changed the length of p, and backend='numba' compiles one f for all: fill "
                "the shorter ones up, or take backend='numpy'."
            )
        return u0, np.stack([np.ravel(p) for p in ps], axis=-1)


@dataclass(frozen=True)
class Columns:
    """Problems whose states or parameters are the columns of arrays.

    Parameters
    ----------
    problem : ODEProblem
    u0, p : ndarray or None
        With the trajectories along the last axis; None where all are the same.
    count : int
    first : int
        Number of the first column.
    """

    problem: ODEProblem
    u0: Any
    p: Any
    count: int
    first: int = 0

    def one(self, i) -> ODEProblem:
        """Problem i."""
        j, changes = i - self.first, {}
        if self.u0 is not None:
            changes["u0"] = self.u0[..., j]
        if self.p is not None:
            changes["p"] = self.p[..., j]
        return self.problem.replace(**changes)

    def piece(self, first, last):
        """Some of the columns."""
        part = slice(first - self.first, last - self.first)
        u0, p = (None if x is None else x[..., part] for x in (self.u0, self.p))
        return Columns(self.problem, u0, p, last - first, first)

    def columns(self, indices):
        """States and parameters as arrays."""
        part, u0, p = np.asarray(indices) - self.first, self.u0, self.p
        if u0 is None:
            one = self.problem.u0
            u0 = np.broadcast_to(one[..., None], (*one.shape, len(part)))
        else:
            u0 = u0[..., part]
        return u0, self.problem.p if p is None else p[..., part]


def takes(function, count) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return count == 3
    return True


def _same_kind(problem, found, i):
    """All trajectories have a state of the same shape, and the same time interval."""
    if found.batch or np.shape(found.u0) != np.shape(problem.u0):
        raise ValueError(
            f"vary changed the shape of u0 from {np.shape(problem.u0)} to {np.shape(found.u0)} "
            f"(trajectory {i}): all trajectories of an ensemble need the same."
        )
    if found.tspan != problem.tspan:
        raise ValueError(
            f"vary changed tspan to {found.tspan} (trajectory {i}), and all trajectories of an "
            "ensemble share their times: let a parameter scale the time, du/ds = T f(u, p, T s)."
        )


def column_arrays(problem, u0, p):
    """Check arrays of states or parameters, and count their columns."""
    found = {}
    for name, value, one in (("u0", u0, problem.u0), ("p", p, problem.p)):
        if value is None:
            continue
        try:
            array = np.array(value, dtype=float)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be an array of numbers (got {value!r:.60}).") from None
        shape = np.shape(one) if one is not None else np.shape(array)[:-1]
        if array.ndim != len(shape) + 1 or array.shape[:-1] != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, and an ensemble needs {(*shape, 'N')}: the "
                "shape of the problem's own, and the trajectories along the last axis."
            ) from None
        if not np.isfinite(array).all():
            j = int(np.argwhere(~np.isfinite(array))[0][-1])
            raise ValueError(f"{name} must be finite, and it is not for trajectory {j}.")
        array.flags.writeable = False
        found[name] = array
    counts = {array.shape[-1] for array in found.values()}
    if len(counts) > 1:
        raise ValueError(
            f"u0 has {found['u0'].shape[-1]} trajectories and p has {found['p'].shape[-1]} along "
            "the last axis: give both the same number."
        )
    return found.get("u0"), found.get("p"), counts.pop()
