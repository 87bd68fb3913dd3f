r"""Equations of waves and fronts on a ring, by the Fourier method: stiff but for a linear part.

Each entry gives the same equation in two forms that agree to rounding:

- `SpectralEntry.semilinear`, ``u' = L u + N(u)`` for the Fourier coefficients, where L is a vector
  (exponential methods);
- `SpectralEntry.split`, ``u' = f_stiff + f_nonstiff`` for the values at the grid points, where
  f_stiff is a product with a matrix (IMEX methods, and all others by ``f``).

| name | equation |
|---|---|
| `kuramoto_sivashinsky` | u_t = -u_xx - u_xxxx - u u_x |
| `allen_cahn` | u_t = eps u_xx + u - u^3 |
| `burgers` | u_t = nu u_xx - u u_x |
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sciml_lab.problems.structured import SemilinearProblem, SplitProblem
from sciml_lab.problems.zoo import spectral_values
from sciml_lab.problems.zoo.entry import Reference


@dataclass(frozen=True, eq=False, repr=False)
class SpectralEntry:
    """A partial differential equation on a ring of n points.

    Attributes
    ----------
    name, title, equation, source : str
        As in `Entry`.
    length : float
        Length of the ring.
    linear : callable
        ``linear(k)``: the multiplier of the wave exp(i k x), for a vector of wave numbers.
    flux : callable or None
        The nonlinear part is ``-flux(u)_x`` for an equation that conserves the integral of u,
    reaction : callable or None
        and ``reaction(u)`` for one that does not.
    start : callable
        ``start(x)``: initial values at the points.
    tspan : (float, float)
        Default time interval.
    points : int
        Default number n of points, an even number.
    reference : Reference
        The values at the points at the end, for the default n.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> entry = sl.zoo.burgers
    >>> entry.semilinear().u0.shape, entry.split().u0.shape
    ((65,), (128,))
    """

    name: str
    title: str
    equation: str
    source: str
    length: float
    linear: Callable
    start: Callable
    tspan: tuple[float, float]
    reference: Reference
    flux: Callable | None = None
    reaction: Callable | None = None
    points: int = 128

    def x(self, n: int | None = None) -> np.ndarray:
        """The n points of the grid."""
        n = self._even(n)
        return self.length / n * np.arange(n)

    def semilinear(self, n: int | None = None, tspan=None) -> SemilinearProblem:
        """Return the equation for the n/2 + 1 Fourier coefficients ``np.fft.rfft(values)``.

        Parameters
        ----------
        n : int, optional
            Number of points, even.
        tspan : (float, float), optional
            Time interval.
        """
        n = self._even(n)
        waves = self.waves(n)
        # The highest wave has no derivative on the grid: its sine is zero at every point.
        slope = np.where(np.arange(len(waves)) < n // 2, 1j * waves, 0.0)
        flux, reaction = self.flux, self.reaction

        def rest(u, p, t):
            values = np.fft.irfft(u, n)
            if flux is None:
                return np.fft.rfft(reaction(values))
            return -slope * np.fft.rfft(flux(values))

        start = np.fft.rfft(self.start(self.x(n)))
        return SemilinearProblem(
            self.linear(waves).astype(complex), rest, start, self.tspan if tspan is None else tspan
        )

    def split(self, n: int | None = None, tspan=None) -> SplitProblem:
        """Return the equation for the values at the n points.

        Parameters
        ----------
        n : int, optional
            Number of points, even.
        tspan : (float, float), optional
            Time interval.
        """
        n = self._even(n)
        L, D = self.matrices(n)
        flux, reaction = self.flux, self.reaction

        def stiff(u, p, t):
            return L @ u

        def nonstiff(u, p, t):
            return reaction(u) if flux is None else -(D @ flux(u))

        start = self.start(self.x(n))
        tspan = self.tspan if tspan is None else tspan
        return SplitProblem(stiff, nonstiff, start, tspan, jac=lambda u, p, t: L)

    def waves(self, n: int | None = None) -> np.ndarray:
        """The wave numbers ``2 pi j / length`` for j = 0 ... n/2."""
        return 2 * np.pi / self.length * np.arange(self._even(n) // 2 + 1)

    def matrices(self, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The linear part and the first derivative as matrices for the values at the points."""
        n = self._even(n)
        waves = self.waves(n)
        slope = np.where(np.arange(len(waves)) < n // 2, 1j * waves, 0.0)
        every = np.fft.rfft(np.eye(n), axis=0)
        L = np.fft.irfft(self.linear(waves)[:, None] * every, n, axis=0)
        return L, np.fft.irfft(slope[:, None] * every, n, axis=0)

    def _even(self, n):
        n = self.points if n is None else n
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 4 or n % 2:
            raise ValueError(
                f"n of {self.name} must be an even whole number of points, at least 4 (got {n!r})."
            )
        return int(n)

    def __repr__(self) -> str:
        return f"<sl.zoo.{self.name}: {self.title}>"

    def __str__(self) -> str:
        return "\n".join([
            f"{self.title} (sl.zoo.{self.name})",
            f"    {self.equation}",
            f"ring:       of length {self.length:.6g}, {self.points} points",
            f"time:       {self.tspan[0]:g} to {self.tspan[1]:g}",
            "problems:   semilinear(n) for exponential methods, split(n) for IMEX methods",
            f"reference:  u({self.reference.t:g}) to {self.reference.accuracy:.0e}; "
            f"{self.reference.how}",
            f"source:     {self.source}",
        ])  # fmt: skip


def half_square(u):
    """The flux u^2/2, whose derivative is u u_x."""
    return 0.5 * u * u


#: How the end values were computed, for the equation on this grid.
HOW = (
    "ETDRK4, extrapolated from two step sizes, and SciPy's DOP853 at rtol 1e-13; more points "
    "change it by 2e-5 at most"
)

kuramoto_sivashinsky = SpectralEntry(
    name="kuramoto_sivashinsky",
    title="Kuramoto-Sivashinsky: a flame front in chaos",
    equation="u_t = -u_xx - u_xxxx - u u_x",
    source="A.-K. Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.",
    length=32 * np.pi,
    linear=lambda k: k**2 - k**4,
    flux=half_square,
    start=lambda x: np.cos(x / 16) * (1 + np.sin(x / 16)),
    tspan=(0.0, 30.0),
    reference=Reference(30.0, spectral_values.KURAMOTO_SIVASHINSKY, 2e-11, HOW, floor=1.0),
)

allen_cahn = SpectralEntry(
    name="allen_cahn",
    title="Allen-Cahn: two phases part, and their fronts wander",
    equation="u_t = eps u_xx + u - u^3,   eps = 0.01",
    source="S. M. Allen and J. W. Cahn, Acta Metall. 27 (1979) 1085; A.-K. Kassam and L. N. "
    "Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.",
    length=2 * np.pi,
    linear=lambda k: -0.01 * k**2,
    reaction=lambda u: u - u**3,
    start=lambda x: 0.53 * np.sin(x) + 0.47 * np.sin(3 * x) + 0.2 * np.cos(2 * x),
    tspan=(0.0, 30.0),
    reference=Reference(30.0, spectral_values.ALLEN_CAHN, 1e-12, HOW, floor=1.0),
)

burgers = SpectralEntry(
    name="burgers",
    title="Burgers: a wave steepens until friction holds it",
    equation="u_t = nu u_xx - u u_x,   nu = 0.05",
    source="J. M. Burgers, Adv. Appl. Mech. 1 (1948) 171; E. Hopf, Comm. Pure Appl. Math. 3 "
    "(1950) 201.",
    length=2 * np.pi,
    linear=lambda k: -0.05 * k**2,
    flux=half_square,
    start=lambda x: np.sin(x) + 0.5 * np.cos(2 * x),
    tspan=(0.0, 2.0),
    reference=Reference(2.0, spectral_values.BURGERS, 2e-12, HOW, floor=1.0),
)
