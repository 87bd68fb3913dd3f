"""What `StiffnessExplorer` looks at: an equation, a point on its solution, steps from there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

import sciml_lab as sl

STEPS = 10  # steps shown of the method that is looked at


@dataclass(frozen=True, eq=False)
class Case:
    """An equation, the unknown that is drawn, and the largest step offered.

    Examples
    --------
    >>> case = cases()["two rates, 1 and 100"]
    >>> case.eigenvalues(case.place(50.0)).round(6).tolist()
    [(-100+0j), (-1+0j)]
    """

    problem: Any
    shown: int
    label: str
    largest: float
    push: float  # how far off the solution the steps start, as a part of the unknown drawn
    alike: slice  # unknowns that mean the same as the one drawn
    log: bool = False

    @cached_property
    def solution(self):
        """The solution, as far as the largest steps reach."""
        start, end = self.problem.tspan
        longer = self.problem.replace(tspan=(start, end + STEPS * self.largest))
        return sl.solve(longer, sl.Rodas5P(), rtol=1e-7, atol=1e-11)

    @cached_property
    def times(self):
        """Steps of the solution: close together where much happens."""
        t = self.solution.t
        return np.append(t[t < self.problem.tspan[1]], self.problem.tspan[1])

    def place(self, percent: float) -> float:
        """The time at which this part of the solution's own steps is done."""
        part = percent / 100 * (len(self.times) - 1)
        return float(np.interp(part, np.arange(len(self.times)), self.times))

    def jacobian(self, t: float):
        """``df/du`` on the solution."""
        f, p = self.problem.f, self.problem.p
        return sl.ad.jacobian(lambda u: f(u, p, t), self.solution(t))

    def eigenvalues(self, t: float):
        """Those of the Jacobian, the leftmost first."""
        values = np.linalg.eigvals(self.jacobian(t)).astype(complex)
        return values[np.argsort(values.real)]

    def start(self, t: float, pushed: bool):
        """The state on the solution; pushed, a bit off it, in the direction that decays fastest."""
        u = self.solution(t)
        if not pushed:
            return u
        values, vectors = np.linalg.eig(self.jacobian(t))
        fastest = vectors[:, np.argmin(values.real)].real
        size = fastest[self.alike][np.argmax(np.abs(fastest[self.alike]))]
        return u + self.push * u[self.shown] * fastest / size if size else u

    def steps(self, method, t: float, h: float, pushed: bool):
        """Some steps of one size, on an equation that may overflow."""
        problem = self.problem.replace(u0=self.start(t, pushed), tspan=(t, t + STEPS * h))
        return sl.solve(problem, method, dt=h, adaptive=False, dense=False)


def two_rates(u, p, t):
    """Two exponentials mixed into both unknowns: rates 1 and p[0]."""
    x, y = u
    (fast,) = p
    return np.array([(fast - 2) * x + 2 * (fast - 1) * y, (1 - fast) * x + (1 - 2 * fast) * y])


@cache
def cases() -> dict[str, Case]:
    """The equations by the name that is offered."""
    pair = sl.ODEProblem(two_rates, [1.0, 0.0], (0.0, 5.0), [100.0])
    line = sl.zoo.brusselator_1d(32)()
    rober = sl.zoo.rober(tspan=(0.0, 1e4))
    return {
        "two rates, 1 and 100": Case(pair, 0, "u", 1.0, 0.2, slice(0, 1)),
        "Van der Pol, mu = 1000": Case(sl.zoo.van_der_pol_stiff(), 0, "x", 10.0, 2e-6, slice(0, 1)),
        "ROBER": Case(rober, 1, "B", 100.0, 0.2, slice(1, 2), log=True),
        "Brusselator on 32 points": Case(line, 32, "x in the middle", 1.0, 0.03, slice(0, None, 2)),
    }
