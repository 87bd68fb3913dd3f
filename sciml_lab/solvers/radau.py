r"""RadauIIA5: three stages of order 5 for the stiffest problems and for DAEs.

The error estimate compares with a formula of order 3 that uses the slope at the start,

    err = (M - gamma_0 h J)^-1 (gamma_0 h f(u, t) + M (e_1 Z_1 + e_2 Z_2 + e_3 Z_3)),

where gamma_0 is the real one of the :math:`1/\lambda_i`, so that its factors are there already.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from sciml_lab.linalg.newton import scaled_norm
from sciml_lab.solvers.collocation import (
    Collocation,
    CollocationStepper,
    Spectrum,
    collocation_tableau,
)
from sciml_lab.solvers.constraints import require_consistent
from sciml_lab.solvers.control import PredictiveController
from sciml_lab.solvers.implicit_rk import NEWTON, checked_iteration
from sciml_lab.solvers.tableau import Tableau


@cache
def radau_tableau() -> Tableau:
    """The tableau of RadauIIA5.

    Examples
    --------
    >>> radau_tableau().order, radau_tableau().L_stable, radau_tableau().dense_order
    (5, True, 3)
    """
    return collocation_tableau(
        "RadauIIA5",
        np.array([(4 - np.sqrt(6)) / 10, (4 + np.sqrt(6)) / 10, 1.0]),
        "Collocation at the right nodes of Radau: order 5, L-stable, stage order 3; its error is "
        "judged by a formula of order 3.",
        "B. L. Ehle (1969); E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, "
        "section IV.8.",
    )


@cache
def _estimate():
    """The real 1/lambda, and the weights e of the Z_i.

    ``err = h (gamma_0 f(u) + sum_i (bhat_i - b_i) k_i)`` with ``k = A^-1 Z/h``, where bhat makes
    ``gamma_0 f(u) + sum_i bhat_i k_i`` exact for polynomials up to degree 2.
    """
    tab, c = radau_tableau(), np.asarray(radau_tableau().c)
    spectrum = Spectrum.of(tab.A)
    gamma = next(g for g in spectrum.gammas if not isinstance(g, complex))
    powers = np.arange(3)
    exact = 1 / (powers + 1) - gamma * (powers == 0)
    bhat = np.linalg.solve(c ** powers[:, None], exact)
    return gamma, (bhat - tab.b) @ spectrum.inverse


@dataclass(frozen=True, repr=False)
class RadauIIA5(Collocation):
    """The method RadauIIA of order 5 (Ehle; Hairer and Wanner's code RADAU5).

    Parameters
    ----------
    iteration : SimplifiedNewton, FullNewton, FixedPoint or Anderson
        What solves the stages.
    index : array of int, optional
        Index of each component, in the shape of u, for DAEs of index 2 or 3: its error is
        multiplied by ``h**(index - 1)``, since that power of h is lost in it. Without it the
        indices are found where the solve begins (`dae_index.py`).
    linear_solver : str or object
        As in `Linearisation`.

    Notes
    -----
    Order 5 at the ends of the steps, 3 in between (the collocation polynomial) and on very stiff
    problems. `error_order` is 4.

    References
    ----------
    E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.8;
    "Stiff differential equations solved by Radau methods", J. Comput. Appl. Math. 111 (1999).

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.zoo.rober(), sl.RadauIIA5(), rtol=1e-6, atol=1e-12)
    >>> sol.success, bool(sl.zoo.rober.reference.error(sol.u[-1]) < 1e-5)
    (True, True)
    """

    iteration: Any = NEWTON
    index: Any = None
    linear_solver: Any = "auto"
    controller = PredictiveController()

    def __post_init__(self):
        checked_iteration(self.iteration)
        if self.index is not None:
            index = np.array(self.index)
            if index.dtype.kind not in "iu" or not index.size or index.min() < 1 or index.max() > 3:
                raise ValueError(
                    "index must hold one whole number from 1 to 3 for each entry of u (got "
                    f"{self.index!r})."
                )
            object.__setattr__(self, "index", index)

    def __eq__(self, other):
        same = type(other) is RadauIIA5 and self.iteration == other.iteration
        same = same and self.linear_solver == other.linear_solver
        return same and np.array_equal(self.index, other.index)

    def __hash__(self):
        return hash((self.name, self.iteration))

    @property
    def tableau(self) -> Tableau:
        """Coefficients, computed from the nodes."""
        return radau_tableau()

    @property
    def adaptive(self) -> bool:
        """The embedded formula is none of the tableau, for it uses the slope at the start."""
        return True

    @cached_property
    def error_order(self) -> int:
        """One more than the order of the embedded formula."""
        return 4

    @property
    def stepper(self):
        """What takes the steps."""
        return RadauStepper

    def check_start(self, run):
        """Refuse a start off the constraints; find the index of each variable, if none is given."""
        if self.index is None or np.max(self.index) == 1:
            require_consistent(run, most=3)
        elif self.index.shape != np.shape(run.u0):
            raise ValueError(
                f"index has the shape {self.index.shape}, and u has {np.shape(run.u0)}: give "
                "one index for each entry of u."
            )

    def _arguments(self):
        index = [] if self.index is None else [f"index={self.index.tolist()}"]
        return super()._arguments() + index


class RadauStepper(CollocationStepper):
    """The steps of `RadauIIA5` in one solve."""

    def slope(self, f, u, p, t, h, k1):
        """Return f at the start of the step, for the error estimate.

        It is ``M k`` of the last stage before, the same but for what the iteration has left: a
        constraint is zero in it without the rounding errors of its terms.
        """
        if self.known and self.known[0][0] is u:
            return self.known[0][1]
        if self.last is not None and self.last[0] is u:
            k1 = f.linear.times_mass(self.last[2][-1])
        self.known = [(u, f(u, p, t) if k1 is None else k1)]
        return self.known[0][1]

    def __init__(self, method, run=None):
        super().__init__(method, run)
        self.index = method.index if method.index is not None or run is None else run.indices

    def scale(self, u, h):
        """As for every method, but components of a higher index need not be as exact.

        By half of the powers of h only: what the iteration leaves in one component gets into
        the others, divided by h.
        """
        return super().scale(u, h) / self.lost(h) ** 0.5

    def lost(self, h):
        """The part of the error of each component that counts."""
        index = self.index
        return 1.0 if index is None else np.minimum(abs(h), 1.0) ** (index - 1)

    def error(self, f, u, p, t, h, slope, Z):
        """The filtered difference to the embedded formula."""
        gamma, e = _estimate()
        solve = self.reuse.solves[gamma] if self.iteration.linear != "none" else np.asarray
        rest = f.linear.times_mass(np.tensordot(e, Z, 1))
        error = solve(gamma * h * slope + rest)
        unsure = self.rejected or self.last is None
        if unsure and scaled_norm(self.scale(u, h))(error) >= 1:  # still too stiff: once more
            error = solve(gamma * h * f(u + error, p, t) + rest)
        return error * self.lost(h)
