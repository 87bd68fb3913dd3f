r"""QNDF: numerical differentiation formulas of order 1 to 5 on a quasi-constant step.

The past is held on equidistant times. When h changes, the polynomial is read off on new times,
and from then on the new values are taken for the past. In between nothing changes, so that
``W = M - h/alpha J`` serves for many steps; and h may change only after k + 1 equal steps, for the
formulas would lose their stability otherwise.

An NDF adds to the BDF a small multiple kappa of the next difference d, which makes the error
smaller by about a quarter of a step size for orders 1 to 4 and costs little stability:

    alpha_k = (1 - kappa_k) gamma_k,    error = (kappa_k gamma_k + 1/(k + 1)) d.

References
----------
L. F. Shampine, M. W. Reichelt, "The MATLAB ODE suite", SIAM J. Sci. Comput. 18 (1997) 1-22.
"""

from dataclasses import dataclass

import numpy as np

from sciml_lab.solvers.bdf import GAMMA, BDFMethod, rescale
from sciml_lab.solvers.multistep import Multistep

KAPPA = np.array([0, -0.1850, -1 / 9, -0.0823, -0.0415, 0, 0])


class Equidistant:
    """The past as differences on equidistant times; a new h moves the times.

    Attributes
    ----------
    D : array (k + 2 or k + 3, *shape)
        Differences; the two highest of them belong to the last step and serve the choice of order.
    h : float
        Distance of the times.

    Examples
    --------
    >>> past = Equidistant(np.array([1.0]), np.array([2.0]), 0.5)
    >>> past.differences(0.1, 1)
    array([[1. ],
           [0.2]])
    """

    def __init__(self, u, slope, h):
        self.D, self.h = np.array([u, h * slope]), h

    def differences(self, h, k):
        """D_0 ... D_k on times that lie h apart."""
        if h != self.h:
            self.D[: k + 1], self.h = rescale(self.D[: k + 1], h / self.h), h
        return self.D[: k + 1]

    def accept(self, attempt, k):
        """Take the end of the step for the present."""
        d = attempt.D[-1]
        above = [d - self.D[k + 1]] if len(self.D) > k + 1 else []
        self.D = np.array([*attempt.D, *above])

    def error_constant(self, h, k):
        """The part of d that is the error of order k."""
        return KAPPA[k] * GAMMA[k] + 1 / (k + 1)


@dataclass(frozen=True, repr=False)
class QNDF(BDFMethod):
    """Numerical differentiation formulas of variable order 1 to 5, for stiff problems and DAEs.

    Parameters
    ----------
    max_order : int
        Highest order, 1 to 5. Orders 1 and 2 are stable in the whole left half plane; see
        ``print(sl.QNDF())`` for the others.
    linear_solver : str or object
        As in `Linearisation`: "auto", "dense", "banded", "sparse" or a `GMRES`.

    References
    ----------
    L. F. Shampine, M. W. Reichelt, "The MATLAB ODE suite", SIAM J. Sci. Comput. 18 (1997) 1-22.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.zoo.hires(), sl.QNDF(), rtol=1e-6, atol=1e-10)
    >>> sol.success, sol.stats.njac < 0.1 * sol.stats.nsteps
    (True, True)
    """

    name = "QNDF"

    def alpha(self, k):
        """The factor of d in ``h u'``."""
        return (1 - KAPPA[k]) * GAMMA[k]

    def remember(self, u, slope, h):
        """A memory with nothing in it but the start."""
        return Equidistant(u, slope, h)

    def begin(self, run):
        """What takes the steps of one solve."""
        return Multistep(self, run)

    def after(self, stepper, size, attempt):
        """The order of k - 1, k, k + 1 that allows the longest step, if h may change at all."""
        k, memory = stepper.order, stepper.memory
        if stepper.equal < k + 1:
            return k, 1.0
        sizes = {k: size}
        for other in (k - 1, k + 1):
            if 1 <= other <= self.max_order and len(memory.D) > other + 1:
                e = stepper.error(other, memory.D[other + 1], memory.h)
                sizes[other] = attempt.norm(e)
        factors = {j: step_factor(size, j) for j, size in sizes.items()}
        best = max(factors, key=lambda j: factors[j])
        return best, min(factors[best], 10.0)

    def after_rejection(self, stepper, size, attempt):
        """A shorter step of the same order; half of it if Newton's iteration failed."""
        k = stepper.order
        return k, 0.5 if attempt is None else max(0.2, step_factor(size, k))


def step_factor(size, k, safety=0.8):
    """The change of h that would have brought an error of this size to the tolerance."""
    return safety * max(size, 1e-10) ** (-1 / (k + 1))
