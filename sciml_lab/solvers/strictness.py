r"""How much less error a step may have than the solution at the end.

The loop compares the estimated error of *one* step with the tolerance; who asks for a tolerance
means the error at the end. Two things lie between them, and `Method.strictness` divides the
tolerances of a step by both.

**The errors of many steps add up.** If the estimate of a method shrinks like :math:`h^k` and its
error at the end like :math:`h^p`, a tolerance of :math:`\tau` for each step gives
:math:`h \sim \tau^{1/k}` and an error of :math:`\tau^{p/k}` at the end. For that to be
proportional to the tolerance asked for, rtol, the step has to be given

.. math:: \tau = \mathrm{rtol} \Big/ \Big(\frac{c}{\mathrm{rtol}}\Big)^{k/p - 1}.

Nothing changes where p = k, as for methods whose estimate is that of a formula of lower order.

**The estimate may be smaller than the error.** It is one on stiff components, where both come from
the table of coefficients: see `blindness`.
"""

import numpy as np

EPS = float(np.finfo(float).eps)
LOOSE = 1e-3  # the c above: at looser tolerances there are too few steps to add up
PLACES = -np.geomspace(0.1, 1e6, 57)


def accumulated(rtol, k, p) -> float:
    """The errors of many steps in units of that of one: ``(c/rtol)**(k/p - 1)``, at least 1.

    Parameters
    ----------
    rtol : float or array
        Tolerance asked for; of an array the smallest entry.
    k, p : float
        The estimate of a step shrinks like ``h**k``, the error at the end like ``h**p``.

    Examples
    --------
    >>> round(accumulated(1e-7, 3, 2), 6), accumulated(1e-7, 4, 4)
    (100.0, 1.0)
    """
    finest = max(float(np.min(rtol)), EPS)
    return max(1.0, (LOOSE / finest) ** (k / p - 1))


def blindness(tab, filtered=True) -> float:
    r"""The error of a step over its estimate, on the linear equation whose estimate misses most.

    On :math:`u' = \lambda u` with :math:`z = \lambda h < 0` the error is
    :math:`R(z) - e^z`, the estimate :math:`(R(z) - \hat R(z))/(1 - \gamma z)`.

    Parameters
    ----------
    tab : Tableau
        Diagonally implicit, with an error estimate.
    filtered : bool
        Whether the estimate is divided by ``1 - gamma z``, as `SDIRK` does.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> [round(blindness(method.tableau), 1) for method in (sl.Kvaerno5(), sl.KenCarp4())]
    [2.9, 15.9]
    """
    A, s = np.asarray(tab.A), tab.stages
    worst = 1.0
    for z in PLACES:
        k = np.linalg.solve(np.eye(s) - z * A, np.ones(s))
        error, estimate = 1 + z * (tab.b @ k) - np.exp(z), z * (tab.b_error[:s] @ k)
        if filtered:
            estimate /= 1 - A[-1, -1] * z
        worst = max(worst, abs(error / estimate) if estimate else 1.0)
    return float(worst)


def of_step(method, rtol) -> float:
    """The method's strictness, as far as rounding errors leave room for it.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> of_step(sl.Tsit5(), 1e-6)
    1.0
    """
    return min(method.strictness(rtol), max(1.0, float(np.min(rtol)) / (10 * EPS)))
