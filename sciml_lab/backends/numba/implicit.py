"""What a kernel of an implicit method needs besides: the Jacobian of f, and room for matrices."""

import ast
from dataclasses import replace

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.banded import BandForm, BandMemory, Columns, columns_of
from sciml_lab.backends.numba.dense import lane
from sciml_lab.backends.numba.drive import PATIENCE, Drive, address
from sciml_lab.backends.numba.families import family, no_iteration
from sciml_lab.backends.numba.functions import Function
from sciml_lab.backends.numba.gradient_functions import by_u_and_p, compile_derivative
from sciml_lab.backends.numba.kernels import BLOCK
from sciml_lab.linalg.choice import SMALL, Choice
from sciml_lab.linalg.colored import Colored
from sciml_lab.linalg.coloring import as_pattern
from sciml_lab.linalg.linearisation import _not_finite
from sciml_lab.solvers.explicit import ExplicitRK
from sciml_lab.solvers.implicit_rk import ImplicitRK
from sciml_lab.solvers.rosenbrock import Rosenbrock
from sciml_lab.solvers.stepping import _first_h
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jacobian import jacobian
from sciml_lab.transform.tree import TransformError

LARGEST = 500
"""Unknowns up to which a full matrix is factorised in the kernel; LAPACK is quicker beyond."""

MEDIUM = 200
"""Unknowns up to which a matrix of any pattern is: a band in it is found, other zeros are not."""

READ = 5000
"""Unknowns up to which the source is read for the pattern of J: a fifth of a second for 1000."""

TOO_LARGE = "the {n} x {n} matrices call for a linear solver that has no compiled form"

MULTIPLICATION = 2e-10  # seconds, inside of a factorisation


class NoJacobian(TypeError):
    """The Jacobian of an f can't be compiled."""


def no_kernel(problem, method) -> str:
    """Why a method can't solve a problem in a kernel, in a few words; empty if it can."""
    known = isinstance(method, ExplicitRK | Rosenbrock) or family(method) is not None
    if not known:
        return f"{method.name} has no compiled kernel yet"
    if not method.implicit:
        return ""
    if isinstance(method, ImplicitRK) and no_iteration(problem, method):
        return no_iteration(problem, method)
    solver, n = method.linear_solver, np.size(problem.u0)
    if solver not in ("auto", "dense", "banded"):
        return f"linear_solver={solver!r} has no compiled form"
    if n > LARGEST and solver == "dense":
        return TOO_LARGE.format(n=n)
    if n > READ and problem.sparsity is None:
        return f"the pattern of a Jacobian of {n} columns takes long to read"
    if problem.jac is not None:
        return "jac is a Python function"
    return ""


def mass_of(run):
    """The mass matrix of a run, or None."""
    linear = getattr(run.f, "linear", None)
    return None if linear is None else linear.mass


def band_of(f: Function, method, u0, p, mass=None, given=None) -> BandForm | None:
    """W as a band, where that suits it or is asked for; None for a full matrix.

    Parameters
    ----------
    f : Function
    method : Rosenbrock
    u0, p : ndarray, ndarray or None
        Examples of the arguments of f.
    mass, given : array or sparse matrix, optional
        The mass matrix, and the pattern of J.

    Raises
    ------
    NoJacobian
        If neither suits it.
    """
    wanted = method.linear_solver == "banded"
    if method.linear_solver == "dense" or not (wanted or np.size(u0) > SMALL):
        return None
    if mass is not None or given is not None:
        return _band(f, u0, p, mass, given, wanted)
    if ("band", wanted) not in f.forms:
        f.forms["band", wanted] = _band(f, u0, p, mass, given, wanted)
    return f.forms["band", wanted]


def _band(f, u0, p, mass, given, wanted):
    n = np.size(u0)
    columns = columns_of(f, u0, p, given)
    if isinstance(columns, Columns):
        form = BandForm(columns, mass, wanted)
        if form.choice.name == "banded":
            return form
        if form.choice.name == "sparse" and n > MEDIUM:
            raise NoJacobian(TOO_LARGE.format(n=n))
    if n > LARGEST:
        raise NoJacobian(TOO_LARGE.format(n=n))
    return None


def linearised(f: Function, u0, p, band=None) -> Function:
    """A compiled f with its derivatives by u and t among its forms, and work for all of them.

    Raises
    ------
    NoJacobian
        If f contains what can be computed but not differentiated.
    """
    try:
        by_t, by_u = _by_time(f, u0, p), _by_state(f, u0, p, band)
    except TransformError as failure:
        raise NoJacobian(f"f has no compiled Jacobian: {failure}") from failure
    work = max(f.work, by_u.work, by_t.work if by_t else 0)
    return replace(f, work=work, forms={**f.forms, "df_du": by_u, "df_dt": by_t})


def _by_state(f, u0, p, band):
    if band is not None:
        return band.columns.function
    if "df_du" not in f.forms:
        lowered, (state, *_) = by_u_and_p(f, p)
        f.forms["df_du"] = _derivative(f, lowered, state, u0, p)
    return f.forms["df_du"]


def _by_time(f, u0, p):
    """The derivative by t; None if f does not read it."""
    if "df_dt" not in f.forms:
        lowered, _ = by_u_and_p(f, p)
        time = lowered.inputs[-1]
        reads = any(getattr(node, "id", "") == time for node in _nodes(lowered.tree.body))
        f.forms["df_dt"] = _derivative(f, lowered, time, u0, p) if reads else None
    return f.forms["df_dt"]


def _derivative(f, lowered, wrt, u0, p):
    form = inplace(jacobian(lowered, wrt=wrt))
    return compile_derivative(f, form, "mmmnm", u0, p, outputs=1, states=(0,))


def _nodes(body):
    return (node for statement in body for node in ast.walk(statement))


def choice(linear, band=None) -> Choice:
    """What the kernel solves its linear systems by, in the words of the readable method."""
    if band is not None:
        return band
    if linear.size <= SMALL or linear.linear_solver == "dense":
        return linear._choose()
    return Choice("dense", f"{linear.size} unknowns, and in a kernel, which looks for a band")


def begin(run):
    """What the readable loop does before the first step of an implicit method.

    A pattern that was given is compared with f. With a mass matrix f is not u', and the first step
    is guessed in Python.
    """
    given = run.f.linear.sparsity
    if given is not None:
        known = Colored(run.f.f, run.f.f, as_pattern(given), "given")
        known(lane(run, run.u0, 0), lane(run, run.p, 0), float(run.tspan[0]))
    if run.f.linear.mass is None:
        return
    start, end = (float(s) for s in run.tspan)
    with np.errstate(all="ignore"):
        slope = np.asarray(run.f.f(run.u0, run.p, start))
    if np.isfinite(slope).all():
        if run.dt is None:
            run.dt = abs(_first_h(run, run.u0, start, slope, end - start))
        run.now = start
        run.method.begin(run)


class ImplicitDrive(Drive):
    """A `Drive` with room for J, the factors of W and M.

    Parameters
    ----------
    kernel, method, f, *others
        As in `Drive`; f comes from `linearised`.
    band : BandForm, optional
        W as a band; without it matrices are full.
    """

    def __init__(self, kernel, method, f, *others, band=None):
        super().__init__(kernel, method, f, *others)
        c, n, by_t = self.integers, self.n, f.forms["df_dt"]
        wide = -(-n // BLOCK) * BLOCK
        self.vectors = np.zeros((7, wide))
        names = at.DIAGONAL, at.ORDER, at.VECTOR, at.PRODUCT, at.TIME_SLOPE, at.SLOPE, at.VALUE
        for name, row in zip(names, self.vectors, strict=True):
            c[name] = address(row)
        c[at.DF_DU], c[at.DF_DT] = f.forms["df_du"].address, by_t.address if by_t else 0
        self.band = None if band is None else BandMemory(band)
        seconds = self._band() if self.band else self._full(wide)
        c[at.BUDGET] = max(1, int(PATIENCE / (1e-8 * n + f.seconds * self.stages + seconds)))

    def _full(self, wide):
        """Full matrices; returns the seconds of a step."""
        n, c = self.n, self.integers
        self.matrices = np.zeros((2, n, n))  # J and M
        self.factors = np.zeros((wide, wide))
        c[at.JACOBIAN], c[at.FACTORS] = address(self.matrices), address(self.factors)
        return self.f.seconds * n / 4 + MULTIPLICATION * n**2 * (self.stages + n / 3)

    def _band(self):
        """A band; returns the seconds of a step."""
        form, self.matrices = self.band.form, self.band.columns
        self.band.enter(self.integers)
        self.choice, wide = form.choice, form.lower + form.upper + 1
        one = self.f.seconds * form.columns.count
        return 2 * one + 10 * MULTIPLICATION * self.n * wide * (self.stages + form.lower)

    def configure(self, run):
        """Take over the settings of a run, its mass matrix among them."""
        super().configure(run)
        mass = mass_of(run)
        self.integers[at.MASS] = 0
        if mass is not None and self.band is None:
            self.matrices[1] = mass.toarray() if hasattr(mass, "toarray") else mass
            self.integers[at.MASS] = address(self.matrices[1])

    def trouble(self) -> str:
        """What the last attempt said of itself."""
        place = int(self.integers[at.TROUBLE])
        if place > 0:
            return f"W = M - gamma h J is singular (pivot {place} is zero)"
        if self.band is not None:
            return self.band.form.not_finite(self.band.columns)
        i, j = divmod(-1 - place, self.n)
        return _not_finite(i, j, self.matrices[0, i, j])
