"""What one step of Rodas4 costs, stage by stage: counted in operations, or timed.

The step evaluates f six times, J once, makes W = I - gamma h J ready once, and solves six systems.
Counts are the same on every machine. Times are not: a processor works through a full matrix several
times as fast, operation by operation, as through a sparse one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sciml_lab_widgets.pipeline_cases import system
from sciml_lab_widgets.pipeline_stages import Plan, full_work, jacobian, prepare, shifted

STAGES = 6  # of Rodas4
PARTS = ("six f", "J", "make W ready", "six solves")
DUAL = 2.0  # a derivative in one direction costs about two evaluations of f
PATIENCE = 0.02  # seconds for the timing of one stage


class Counting:
    """A number of which only the operations are counted, in `Counting.done`.

    Examples
    --------
    >>> Counting.done = 0
    >>> x = Counting()
    >>> y = (2 * x - x / 3) ** 2
    >>> Counting.done
    4
    """

    done = 0

    def _operation(self, *others):
        Counting.done += 1
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _operation
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _operation


@lru_cache(maxsize=32)
def operations(name, n) -> int:
    """Operations of one evaluation of f.

    Examples
    --------
    >>> operations("heat in a plate", 4)  # 6 at each point
    96
    """
    prob = system(name, n).problem
    u = np.array([Counting() for _ in range(prob.u0.size)], dtype=object)
    Counting.done = 0
    prob.f(u, prob.p, 0.0)
    return Counting.done


@dataclass(frozen=True)
class Cost:
    """What a step costs, and the counts behind it.

    Attributes
    ----------
    parts : tuple of float
        Operations of each of the `PARTS`.
    directions : int
        Directions in which f is differentiated for J.
    iterations : int
        Of GMRES, for one of the systems.
    residual : float
        What they leave of the right-hand side.
    ready : Ready
    """

    parts: tuple
    directions: int
    iterations: int
    residual: float
    ready: Any


@lru_cache(maxsize=32)
def counted(plan: Plan) -> Cost:
    """Count the operations of a settled plan.

    Examples
    --------
    >>> plan, _ = Plan("heat in a plate", 8, 1e-3, pattern=False, solver="full").settled()
    >>> counted(plan).directions, [round(part) for part in counted(plan).parts]
    (64, [2304, 49152, 174763, 49152])
    """
    found, f = system(plan.name, plan.n), operations(plan.name, plan.n)
    W = shifted(plan)
    ready = prepare(plan, W)
    _, k, residual = ready.solve(found.slope)
    directions = 0 if plan.matrix_free else int(plan.colors.max()) + 1
    solve = ready.used
    if plan.solver == "GMRES":
        entries = found.size**2 if not plan.pattern else found.pattern.nnz
        product = DUAL * f if plan.matrix_free else 2.0 * entries
        solve = k * (product + ready.used) + 4.0 * found.size * k * k  # the basis, twice
    parts = (STAGES * f, DUAL * directions * f, ready.made, STAGES * solve)
    return Cost(tuple(map(float, parts)), directions, k, residual, ready)


def bare(name, n) -> tuple:
    """Operations of each of the `PARTS` with everything off, without doing them.

    Examples
    --------
    >>> [round(part) for part in bare("heat in a plate", 8)]
    [2304, 49152, 174763, 49152]
    """
    size, f = system(name, n).size, operations(name, n)
    made, used = full_work(size)
    return STAGES * f, DUAL * size * f, made, STAGES * used


@lru_cache(maxsize=32)
def clocked(plan: Plan) -> tuple:
    """Seconds of each of the `PARTS` of a settled plan, on this machine.

    Examples
    --------
    >>> plan, _ = Plan("heat in a plate", 8, 1e-3).settled()
    >>> all(0 < part < 10 for part in clocked(plan))
    True
    """
    found, J, make = system(plan.name, plan.n), 0.0, 0.0
    W, ready = shifted(plan), counted(plan).ready
    if not plan.matrix_free:
        colors = plan.colors
        J, make = timed(lambda: jacobian(plan, colors)), timed(lambda: prepare(plan, W))
    solve = timed(lambda: ready.solve(found.slope))
    return STAGES * timed(found.f), J, make, STAGES * solve


def timed(run) -> float:
    """The fastest of several runs, in seconds; slow ones are run once.

    Examples
    --------
    >>> timed(lambda: sum(range(10))) < 0.1
    True
    """
    best, began = np.inf, time.perf_counter()
    while True:
        start = time.perf_counter()
        run()
        now = time.perf_counter()
        best = min(best, now - start)
        if now - began > PATIENCE:
            return best
