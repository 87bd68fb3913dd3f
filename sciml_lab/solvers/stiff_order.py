r"""The order that is left on very stiff problems, by the test of Prothero and Robinson.

The equation :math:`u' = \lambda (u - \varphi(t)) + \varphi'(t)` has the solution
:math:`\varphi` for every lambda. With :math:`z = \lambda h`, a method of stability function R
makes, after many steps, the error

.. math:: \sum_q h^q \varphi^{(q)} \frac{e_q(z)}{1 - R(z)},

where :math:`e_q(z)` is its error in one step of length 1 for :math:`\varphi = t^q/q!`. The first
q with :math:`e_q \neq 0` is the order that holds uniformly, however large lambda is; for
moderate lambda the order of the method itself.

References
----------
A. Prothero, A. Robinson, Math. Comp. 28 (1974) 145-162.
"""

from math import factorial

import numpy as np

PLACES = -np.geomspace(1e-1, 1e6, 29)
ZERO = 1e-12  # in units of the absolute terms


def stiff_order(tab) -> int:
    """Order of a Rosenbrock method on the equation of Prothero and Robinson, for all lambda < 0.

    Parameters
    ----------
    tab : RosenbrockTableau

    Examples
    --------
    >>> import sciml_lab as sl
    >>> [stiff_order(method.tableau) for method in (sl.Rodas4(), sl.Rodas5P())]
    [2, 4]
    """
    for q in range(1, tab.order):
        if any(
            not abs(value) <= ZERO * size for value, size in (_error(tab, q, z) for z in PLACES)
        ):
            return q
    return tab.order


def _error(tab, q, z):
    """``e_q(z)`` and the sum of the absolute terms in it."""

    def power(t, k):  # derivative number q - k of t**q/q!
        return (t**k if k > 0 else np.ones_like(t)) / factorial(k) if k >= 0 else 0.0 * t

    start = np.zeros(1)
    by_time = float((power(start, q - 2) - z * power(start, q - 1))[0])  # f_t at the start
    right = power(tab.nodes, q - 1) - z * power(tab.nodes, q) + tab.d * by_time
    k = np.linalg.solve(np.eye(tab.stages) - z * tab.beta, right)
    return tab.b @ k - 1 / factorial(q), np.abs(tab.b) @ np.abs(k) + 1 / factorial(q)
