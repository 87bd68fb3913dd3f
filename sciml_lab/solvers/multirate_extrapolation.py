"""Extrapolated multirate Euler steps: the simplest multirate method, brought to any order.

With this module one can hold the infinitesimal methods of `multirate.py` against something that
fits in ten lines.
"""

from dataclasses import dataclass
from typing import Any

from sciml_lab.solvers.method import Step
from sciml_lab.solvers.multirate import Multirate, positive_count


@dataclass(frozen=True, repr=False)
class ExtrapolatedMultirateEuler(Multirate):
    """Euler's method with small steps for the fast part, extrapolated to any order.

    In ``n`` large steps the slow slope stands still while the fast part takes `substeps` steps of
    Euler's; results for n = 1, 2, ..., `order` are combined by the scheme of Aitken and Neville.
    A contrast to the infinitesimal methods: simple, of any order, and dearer in slow evaluations
    (``order (order + 1)/2`` a step).

    Parameters
    ----------
    max_order : int
        Order of convergence: number of results that are combined.
    substeps : int
        Steps of the fast part in a large one.

    References
    ----------
    E. M. Constantinescu, A. Sandu, "Extrapolated multirate methods for differential equations with
    multiple time scales", J. Sci. Comput. 56 (2013) 28-44.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> method = sl.ExtrapolatedMultirateEuler(4, substeps=5)
    >>> method.order, method
    (4, ExtrapolatedMultirateEuler(4, substeps=5))
    """

    max_order: int = 4
    substeps: int = 10
    name = "ExtrapolatedMultirateEuler"

    def __post_init__(self):
        positive_count("max_order", self.max_order)
        positive_count("substeps", self.substeps)

    @property
    def order(self) -> int:
        """Order of convergence."""
        return self.max_order

    @property
    def adaptive(self) -> bool:
        """Whether two orders can be compared."""
        return self.max_order > 1

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Fill the triangle row by row; its last two entries give the error."""
        row: list[Any] = []
        slow, v = f.slow(u, p, t), []
        for n in range(1, self.max_order + 1):
            above, row = row, [self.large_steps(f, u, p, t, h / n, n, slow)]
            v.append(row[0])
            for k, old in enumerate(above, 1):
                row.append(row[-1] + (row[-1] - old) / (n / (n - k) - 1))
        error = row[-1] - row[-2] if self.adaptive else None
        return Step(row[-1], error, None, [row[-1], None], v, (None, None))

    def large_steps(self, f, u, p, t, h, n, slow):
        """Take n large steps of size h; `slow` is the slow slope at the start."""
        small = h / self.substeps
        for i in range(n):
            slow = f.slow(u, p, t + i * h) if i else slow
            for j in range(self.substeps):
                u = u + small * (f.fast(u, p, t + i * h + j * small) + slow)
        return u

    def __repr__(self) -> str:
        return f"{self.name}({self.max_order}, substeps={self.substeps})"
