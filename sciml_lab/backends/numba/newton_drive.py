"""Drive the kernel of a method that iterates: memory for its stages, and words for its failures."""

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba import newton_layout as of
from sciml_lab.backends.numba.drive import address
from sciml_lab.backends.numba.functions import Function
from sciml_lab.backends.numba.implicit import ImplicitDrive, NoJacobian, band_of, linearised
from sciml_lab.backends.numba.newton_kernels import kernel
from sciml_lab.linalg.slopes import slope_at
from sciml_lab.solvers.sdirk import unsolved

VECTORS = range(of.SLOPE_AT_START, of.NEWTON_INTEGERS)


def drive(f: Function, method, u0, p, side, kept) -> "NewtonDrive":
    """Memory for solves with a method.

    Parameters
    ----------
    f : Function
        Compiled right-hand side.
    method : SDIRK
    u0, p : ndarray, ndarray or None
        Examples of the arguments of f.
    side : ImplicitSide or None
        With the mass matrix; None if there is none.
    kept : tuple
        What else a `Drive` takes.
    """
    mass, given = (None, None) if side is None else (side.linear.mass, side.linear.sparsity)
    band = band_of(f, method, u0, p, mass, given)
    code = kernel(method, mass is not None)
    return NewtonDrive(code, method, linearised(f, u0, p, band), *kept, band=band)


class NewtonDrive(ImplicitDrive):
    """An `ImplicitDrive` with room for an iteration, and what it remembers from step to step.

    Parameters
    ----------
    kernel, method, *others
        As in `ImplicitDrive`.
    """

    def __init__(self, kernel, method, *others, band=None):
        super().__init__(kernel, method, *others, band=band)
        self.iteration = method.iteration
        self.rows, self.state = np.zeros((len(VECTORS), self.n)), np.zeros(of.NEWTON_NUMBERS)
        self.own = d = np.zeros(of.NEWTON_INTEGERS, np.int64)
        for entry, row in zip(VECTORS, self.rows, strict=True):
            d[entry] = address(row)
        d[of.STATE], d[of.SLOPE_AT_START] = address(self.state), 0
        if band is not None:
            d[of.BAND_LOWER], d[of.BAND_UPPER] = band.lower, band.upper
        self.integers[at.ITERATION] = address(d)
        self.integers[at.DF_DT] = 0  # no stage needs it

    def configure(self, run):
        """Take over the settings of a run; with a mass matrix u' at the start is found here."""
        super().configure(run)
        # With fixed steps there is no shorter step to resort to, see `Stepper`.
        self.limit = self.iteration.limit * (1 if run.adaptive else 5)
        self.own[of.SLOPE_AT_START] = 0
        if run.f is not None and run.f.linear.mass is not None:
            self.rows[0] = _slope(run).ravel()
            self.own[of.SLOPE_AT_START] = address(self.rows[0])

    def start(self, u0, p):
        """Put a trajectory at its beginning, where nothing is known of an iteration."""
        super().start(u0, p)
        self.state[:] = 0.0
        self.state[of.OLD] = self.state[of.ETA] = 1.0
        self.state[of.KAPPA : of.LIMIT + 1] = self.iteration.kappa, self.limit

    def trouble(self) -> str:
        """What the last attempt said of itself."""
        if self.integers[at.TROUBLE] != of.UNSOLVED:
            return super().trouble()
        if not self.integers[at.ADAPTIVE]:
            raise NoJacobian("a fixed step needs J anew in every iteration")
        verdict, count, stage = self.own[: of.STAGE + 1].tolist()
        rate, time = self.state[of.LAST_RATE : of.LAST_TIME + 1].tolist()
        return unsolved(self.iteration.trouble(verdict, count, rate), stage, time)


def _slope(run):
    """The u' with ``M u' = f`` at the start of a run, as `Stepper.slope` finds it."""
    start, linear, count = float(run.tspan[0]), run.f.linear, run.f.count
    with np.errstate(all="ignore"):
        f0 = np.asarray(run.f.f(run.u0, run.p, start))
        slope = slope_at(linear, run.u0, run.p, start, run.dt, f0)
    run.f.count = count
    if slope is None:
        raise NoJacobian("the constraints do not determine u' (index above 1)")
    return slope
