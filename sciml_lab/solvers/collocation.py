r"""Collocation: a polynomial that satisfies the equation at s points of every step.

All stages of such a Runge-Kutta method depend on each other. With the increments
:math:`Z_i = h \sum_j a_{ij} k_j` the step solves the system of s n equations

    (A^-1 x M) Z = h F(u + Z),

and the eigenvectors V of :math:`A^{-1}` take the matrix of Newton's iteration apart into s systems
of n equations with :math:`W_i = M - (h/\lambda_i) J`. For a real problem one of each pair of
conjugate eigenvalues is enough (Hairer and Wanner II, section IV.8).
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from sciml_lab.solvers.implicit_rk import ImplicitRK
from sciml_lab.solvers.iterating import Stepper
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.tableau import Tableau


def collocation_tableau(name, nodes, note, source, b_error=None) -> Tableau:
    """The Runge-Kutta method that collocates at the nodes, with its polynomial as dense output.

    The Lagrange polynomials of quadrature nodes of order 2s - 1 or 2s are sums of Legendre
    polynomials: ``l_j = b_j sum_k (2k + 1) P_k(c_j) P_k``. Their integrals give A, b and P.

    Parameters
    ----------
    name : str
        Name of the method.
    nodes : array (s,)
        Gauss' or Radau's nodes in [0, 1].
    note, source : str
        As in `Tableau`.
    b_error : array (s,), optional
        As in `Tableau`.

    Examples
    --------
    >>> half = collocation_tableau("midpoint", np.array([0.5]), "", "")
    >>> half.A.tolist(), half.b.tolist(), half.P.tolist()
    ([[0.5]], [1.0], [[1.0]])
    """
    s = len(nodes)
    legendre = [np.polynomial.Legendre.basis(k, domain=[0, 1]) for k in range(s)]
    values = np.array([P(nodes) for P in legendre])  # P_k(c_j)
    b = np.linalg.solve(values, np.eye(s)[0])  # exact for all of them
    integrals = [P.integ(lbnd=0) for P in legendre]
    lagrange = b[:, None] * values.T * (2 * np.arange(s) + 1)  # l_j in the basis P_k
    A = np.array([Q(nodes) for Q in integrals]).T @ lagrange.T
    if nodes[-1] == 1:
        A[-1] = b
    powers = np.zeros((s, s))
    for k, Q in enumerate(integrals):
        coefficients = Q.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef[1:]
        powers[k, : len(coefficients)] = coefficients
    return Tableau(
        name=name, A=A, b=b, c=nodes, b_error=b_error, P=lagrange @ powers, note=note,
        source=source,
    )  # fmt: skip


class Spectrum(NamedTuple):
    """The eigenvectors that take the stages apart.

    Attributes
    ----------
    gammas : tuple
        ``1/lambda`` of the eigenvalues of A^-1 with imaginary part >= 0.
    weights : tuple of float
        How often each counts: 2 for one of a conjugate pair.
    forward : ndarray (r, s)
        ``V^-1``, its rows for these eigenvalues, divided by lambda.
    back : ndarray (s, r)
        V, its columns for these eigenvalues.
    inverse : ndarray (s, s)
        A^-1.
    """

    gammas: tuple
    weights: tuple
    forward: np.ndarray
    back: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, A):
        """Take it from the matrix of a method.

        Examples
        --------
        >>> Spectrum.of(np.array([[0.5]])).gammas
        (0.5,)
        """
        inverse = np.linalg.inv(A)
        values, V = np.linalg.eig(inverse)
        use = np.flatnonzero(values.imag > -1e-9)
        use = use[np.argsort(values[use].imag)]
        gammas = [1 / x if abs(x.imag) > 1e-9 else float((1 / x).real) for x in values[use]]
        weights = [2.0 if isinstance(g, complex) else 1.0 for g in gammas]
        forward = np.linalg.inv(V)[use] * np.array(gammas)[:, None]
        return cls(tuple(gammas), tuple(weights), forward, V[:, use], inverse)


class Collocation(ImplicitRK):
    """A method whose stages are solved together."""

    @cached_property
    def spectrum(self) -> Spectrum:
        """What takes the stages apart."""
        return Spectrum.of(self.tableau.A)

    @property
    def gammas(self):
        """The reciprocal eigenvalues of A^-1."""
        return self.spectrum.gammas

    @property
    def stepper(self):
        """What takes the steps."""
        return CollocationStepper


class CollocationStepper(Stepper):
    """The steps of a collocation method in one solve."""

    def __init__(self, method, run=None):
        super().__init__(method, run)
        self.last = None  # (u at the end, u at the start, k, h): the polynomial so far

    def slope(self, f, u, p, t, h, k1):
        """Return nothing: the stages need no slope at the start."""
        return None

    def attempt(self, f, u, p, t, h, slope):
        """One step with the present factors, or why the stages could not be solved."""
        tab, A_inverse = self.method.tableau, self.method.spectrum.inverse
        times = t + tab.c * h
        Z = self.start(u, h)
        outcome = self.iterate(f, self.correction(f, u, p, times, h), Z, u, self.scale(u, h))
        if outcome.trouble:
            return f"{outcome.trouble} at t = {t:.6g}"
        k = np.tensordot(A_inverse, outcome.z, 1) / h
        u_new = u + (outcome.z[-1] if tab.stiffly_accurate else h * np.tensordot(tab.b, k, 1))
        error = self.error(f, u, p, t, h, slope, outcome.z)
        self.last, v = (u_new, u, k, h), list(u + outcome.z)
        return Step(u_new, error, None, list(k), v, (slope, None))

    def start(self, u, h):
        """First guess of Z: the last step's polynomial goes on."""
        s = self.method.tableau.stages
        if self.last is None or self.last[0] is not u:
            return np.zeros((s, *np.shape(u)), dtype=np.result_type(u))
        _, before, k, last_h = self.last
        ahead = [1 + c * h / last_h for c in self.method.tableau.c]
        return np.array([self.method.interpolate(before, k, last_h, x) for x in ahead]) - u

    def correction(self, f, u, p, times, h):
        """The function ``correction(Z)``."""
        linear, spectrum, A = f.linear, self.method.spectrum, self.method.tableau.A

        def slopes(Z):
            return np.array([f(u + z, p, time) for z, time in zip(Z, times, strict=True)])

        if self.iteration.linear == "none":
            return lambda Z: h * np.tensordot(A, slopes(Z), 1) - Z

        def newton(Z):
            k = np.tensordot(spectrum.inverse, Z, 1)
            rest = h * slopes(Z) - np.array([linear.times_mass(x) for x in k])
            if self.iteration.linear == "fresh":
                linear.update(u + Z[-1], p, times[-1])
                solves = {gamma: linear.factor(gamma * h) for gamma in spectrum.gammas}
                return self.apart(rest, solves)
            return self.reuse.relaxation(h) * self.apart(rest, self.reuse.solves)

        return newton

    def apart(self, rest, solves):
        """Solve ``(A^-1 x M - h I x J) Z = rest``, one eigenvalue after the other."""
        spectrum = self.method.spectrum
        if np.iscomplexobj(rest):
            return self.apart(rest.real, solves) + 1j * self.apart(rest.imag, solves)
        parts = []
        for i, gamma in enumerate(spectrum.gammas):
            row = spectrum.forward[i] if isinstance(gamma, complex) else spectrum.forward[i].real
            parts.append(spectrum.weights[i] * solves[gamma](np.tensordot(row, rest, 1)))
        return np.tensordot(spectrum.back, np.array(parts), 1).real

    def error(self, f, u, p, t, h, slope, Z):
        """Estimate of the error of the step: none, for a method without an embedded one."""
        return None
