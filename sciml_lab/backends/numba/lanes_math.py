"""Elementary functions of lanes: those of `functions_math`, read again for lanes, and a logarithm.

`exp` and `tanh` there consist of arithmetic and choices only. Their own source, with choices
written as ``where(...)``, serves lanes; only the two places that look at the bits of a number need
another spelling. What has no such form (sin, say) is computed one lane after the other.
"""

# ruff: noqa: F821 - some names of `logarithm` are put beside it by `compiled`
# pyright: reportUndefinedVariable=false

import inspect
from functools import lru_cache

import numpy as np
from numba import njit

from sciml_lab.backends.numba import functions_math, lanes_access, lanes_types
from sciml_lab.backends.numba.lanes_rewrite import rewritten

TOP = (*functions_math.CORE[1:], "exp", "tanh")


def logarithm(x):
    """Return the natural logarithm, to 2 units in the last place.

    ``x = m 2**k`` with m between sqrt(1/2) and sqrt(2), and with ``s = (m - 1)/(m + 1)``

        log m = log (1 + s)/(1 - s) = 2 (s + s**3/3 + s**5/5 + ...).

    As ``s**2 < 0.0295``, eleven terms are enough. At the ends: zero, infinity, negative and NaN.
    """
    k = exponent(x)
    m = x * power_of_two(ROUNDER - k)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    q = 2.0 / 21.0
    q = q * z + 2.0 / 19.0
    q = q * z + 2.0 / 17.0
    q = q * z + 2.0 / 15.0
    q = q * z + 2.0 / 13.0
    q = q * z + 2.0 / 11.0
    q = q * z + 2.0 / 9.0
    q = q * z + 2.0 / 7.0
    q = q * z + 2.0 / 5.0
    q = q * z + 2.0 / 3.0
    half = 0.5 * f * f
    value = k * LN2_HIGH + ((k * LN2_LOW + s * (half + z * q)) - half + f)
    value = -np.inf if x == 0.0 else value
    return (value if x < np.inf else x) if x >= 0.0 else np.nan


@lru_cache(maxsize=1)
def compiled() -> dict:
    """All of these functions for lanes, by name; each goes into the code that calls it."""
    jit = njit(forceinline=True, error_model="numpy", fastmath={"contract"})
    names = {**vars(functions_math), **vars(lanes_types), **vars(lanes_access), "np": np}
    sources = [inspect.getsource(getattr(functions_math, name)) for name in TOP]
    for source in (*sources, inspect.getsource(logarithm)):
        exec(compile(rewritten(source), "<functions of lanes>", "exec"), names)
    for name in (*TOP, "logarithm"):
        names[name] = jit(names[name])
    return {name: names[name] for name in (*TOP, "logarithm")}
