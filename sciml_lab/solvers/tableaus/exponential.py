"""Coefficients of exponential Runge-Kutta methods.

Each entry is a sum of terms ``(w, k, c)``, which stands for ``w phi_k(c h L)``. The stages are

    U_i = exp(c_i h L) u + h sum_j a_ij N(U_j),      u_new = exp(h L) u + h sum_j b_j N(U_j).
"""

from typing import NamedTuple


class Exponential(NamedTuple):
    """One method: nodes, entries of A by (stage, stage), weights by stage."""

    name: str
    order: int
    nodes: tuple
    a: dict
    b: dict
    about: str
    source: str


HALF = 0.5
CM = "S. M. Cox, P. C. Matthews, J. Comput. Phys. 176 (2002) 430"

ETD1 = Exponential(
    "ETD1", 1, (0.0,), {}, {0: ((1, 1, 1),)},
    "the exponential form of Euler's method: N is held constant over the step.", CM,
)  # fmt: skip

LAWSON_EULER = Exponential(
    "LawsonEuler", 1, (0.0,), {}, {0: ((1, 0, 1),)},
    "Euler's method for exp(-t L) u. It misses a steady state, by an error that grows with h L.",
    "J. D. Lawson, SIAM J. Numer. Anal. 4 (1967) 372",
)  # fmt: skip

ETDRK4 = Exponential(
    "ETDRK4", 4, (0.0, HALF, HALF, 1.0),
    {
        (1, 0): ((0.5, 1, HALF),),
        (2, 1): ((0.5, 1, HALF),),
        # 1/2 phi_1(z/2) (exp(z/2) - 1), written without the product:
        (3, 0): ((1, 1, 1), (-1, 1, HALF)),
        (3, 2): ((1, 1, HALF),),
    },
    {
        0: ((1, 1, 1), (-3, 2, 1), (4, 3, 1)),
        1: ((2, 2, 1), (-4, 3, 1)),
        2: ((2, 2, 1), (-4, 3, 1)),
        3: ((-1, 2, 1), (4, 3, 1)),
    },
    "four stages, order 4; for stiff problems between 2 and 4.",
    f"{CM}; A.-K. Kassam, L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214",
)  # fmt: skip

_A52 = ((0.5, 2, HALF), (-1, 3, 1), (0.25, 2, 1), (-0.5, 3, HALF))


def _times(w, terms):
    return tuple((w * x, k, c) for x, k, c in terms)


_A54 = ((0.25, 2, HALF), *_times(-1, _A52))
HOCHOST4 = Exponential(
    "HochOst4", 4, (0.0, HALF, HALF, 1.0, HALF),
    {
        (1, 0): ((0.5, 1, HALF),),
        (2, 0): ((0.5, 1, HALF), (-1, 2, HALF)),
        (2, 1): ((1, 2, HALF),),
        (3, 0): ((1, 1, 1), (-2, 2, 1)),
        (3, 1): ((1, 2, 1),),
        (3, 2): ((1, 2, 1),),
        (4, 0): ((0.5, 1, HALF), *_times(-2, _A52), *_times(-1, _A54)),
        (4, 1): _A52,
        (4, 2): _A52,
        (4, 3): _A54,
    },
    {
        0: ((1, 1, 1), (-3, 2, 1), (4, 3, 1)),
        3: ((-1, 2, 1), (4, 3, 1)),
        4: ((4, 2, 1), (-8, 3, 1)),
    },
    "five stages, order 4 for stiff problems, too.",
    "M. Hochbruck, A. Ostermann, SIAM J. Numer. Anal. 43 (2005) 1069",
)  # fmt: skip
