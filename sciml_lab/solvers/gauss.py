"""Gauss' methods: the highest order for s stages, symmetric, and symplectic.

With this module one can follow a conservative system for a long time: quadratic invariants, such
as angular momentum or a norm, are conserved to rounding, whatever the step, and the energy of a
Hamiltonian system has no drift.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sciml_lab.linalg.newton import SimplifiedNewton
from sciml_lab.solvers.collocation import Collocation, collocation_tableau
from sciml_lab.solvers.implicit_rk import NEWTON, checked_iteration
from sciml_lab.solvers.tableau import Tableau

MOST = 12  # stages; beyond, the polynomial in powers of theta loses digits


@cache
def gauss_tableau(s) -> Tableau:
    """The tableau with the Gauss nodes of s stages.

    Examples
    --------
    >>> gauss_tableau(2).order, gauss_tableau(2).is_symplectic
    (4, True)
    """
    x = np.polynomial.legendre.leggauss(s)[0]
    return collocation_tableau(
        f"Gauss({s})" if s > 1 else "ImplicitMidpoint",
        (1 + x) / 2,
        f"Collocation at the {s} nodes of Gauss: order {2 * s}, symplectic and symmetric, "
        "A-stable.",
        "J. C. Butcher, Math. Comp. 18 (1964) 50-64; J. M. Sanz-Serna, BIT 28 (1988) 877-883.",
    )


@dataclass(frozen=True, repr=False)
class Gauss(Collocation):
    r"""Gauss' method of s stages: order 2s, symplectic, fixed steps.

    Parameters
    ----------
    s : int
        Number of stages, from 1 to 12.
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stages. `FixedPoint` is the quickest where the problem is not stiff.
    linear_solver : str or object
        As in `Linearisation`.

    Notes
    -----
    :math:`b_i a_{ij} + b_j a_{ji} = b_i b_j` for all i and j, so a quadratic invariant of the
    problem is one of the method. The confusion to avoid: the energy of a nonlinear problem is not
    quadratic; its error is small and does not grow, but it is not zero.

    References
    ----------
    J. C. Butcher, "Implicit Runge-Kutta processes", Math. Comp. 18 (1964) 50-64.
    J. M. Sanz-Serna, "Runge-Kutta schemes for Hamiltonian systems", BIT 28 (1988) 877-883.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> prob = sl.ODEProblem(lambda u, p, t: np.array([u[1], -u[0]]), [1.0, 0.0], (0.0, 100.0))
    >>> sol = sl.solve(prob, sl.Gauss(2), dt=0.5)
    >>> bool(abs(np.sum(sol.u[-1] ** 2) - 1) < 1e-13)
    True
    """

    s: int = 2
    iteration: Any = NEWTON
    linear_solver: Any = "auto"

    def __post_init__(self):
        plain = isinstance(self.s, int | np.integer) and not isinstance(self.s, bool)
        if not plain or not 1 <= self.s <= MOST:
            raise ValueError(
                f"s must be a whole number of stages from 1 to {MOST} (got {self.s!r}): "
                "Gauss(2) has order 4."
            )
        checked_iteration(self.iteration)

    @property
    def tableau(self) -> Tableau:
        """Coefficients, computed from the nodes."""
        return gauss_tableau(int(self.s))

    @property
    def order(self) -> int:
        """Twice the number of stages."""
        return 2 * self.s

    def _arguments(self):
        return [str(self.s), *super()._arguments()]


class ImplicitMidpoint(Gauss):
    """The implicit midpoint rule: Gauss' method of one stage, of order 2.

    Parameters
    ----------
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stage.
    linear_solver : str or object
        As in `Linearisation`.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sl.ImplicitMidpoint().order, sl.ImplicitMidpoint().tableau.is_symplectic
    (2, True)
    """

    def __init__(self, iteration: SimplifiedNewton = NEWTON, linear_solver: Any = "auto"):
        super().__init__(1, iteration, linear_solver)

    def _arguments(self):
        return super()._arguments()[1:]
