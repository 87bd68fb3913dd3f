"""The first step size, guessed from the problem itself."""

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.solvers.explicit import mean_square


def initial_step(f, u, p, t, f0, span, order, rtol, atol, lanes):
    """Guess a first step whose explicit Euler error is about one percent of the tolerance.

    Compares the sizes of u, f and the change of f over a tiny Euler step:
    ``h = (0.01/max(|f|, |f'|))**(1/(order+1))``, all in the norm that the error control uses.
    Costs one evaluation of f.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``.
    u, p, t : array, array, float
        Initial state, parameters, time.
    f0 : array
        ``f(u, p, t)``.
    span : float
        Signed length of the time interval; the guess never exceeds it.
    order : int
        Order of the method.
    rtol, atol : float or array
        Tolerances.
    lanes : bool
        Whether the last axis counts trajectories (then one step size for each).

    Returns
    -------
    float or ndarray
        Step size with the sign of `span`.

    References
    ----------
    Hairer, Norsett, Wanner, *Solving Ordinary Differential Equations I*, section II.4.

    Examples
    --------
    >>> f = lambda u, p, t: -u
    >>> h = initial_step(f, np.ones(1), None, 0.0, -np.ones(1), 1.0, 5, 1e-6, 1e-9, False)
    >>> 0.01 < h < 1.0
    True
    """
    u0, f0 = primal(u), primal(f0)
    scale = atol + rtol * np.abs(u0)

    def norm(x):
        return np.sqrt(mean_square(x / scale, lanes))

    direction = np.sign(span)
    with np.errstate(all="ignore"):  # non-finite guesses are replaced just below
        d0, d1 = norm(u0), norm(f0)
        h0 = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
        h0 = np.minimum(np.where(np.isfinite(h0), h0, 1e-6), abs(span))
        f1 = primal(f(u0 + direction * h0 * f0, primal(p), t + direction * h0))
        d2 = norm(f1 - f0) / h0
        largest = np.maximum(d1, d2)
        h1 = np.where(
            largest <= 1e-15, np.maximum(1e-6, 1e-3 * h0), (0.01 / largest) ** (1 / (order + 1))
        )
        h = np.minimum(np.minimum(100 * h0, h1), abs(span))
    h = direction * np.where(np.isfinite(h) & (h > 0), h, h0)
    return h if lanes else float(h)
