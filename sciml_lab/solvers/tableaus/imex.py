"""Additive pairs of Ascher, Ruuth and Spiteri, and Euler's: explicit and implicit, same nodes.

Each is written with the zero row and column of an explicit first stage, so that both parts count
their stages alike. The implicit part never uses the stiff slope at the start of a step.
"""

from math import sqrt

from sciml_lab.solvers.tableau import Tableau
from sciml_lab.solvers.tableaus.kennedy_carpenter import (
    KENCARP3,
    KENCARP4,
    KENCARP5,
    AdditivePair,
)

_SOURCE = "U. M. Ascher, S. J. Ruuth, R. J. Spiteri, Appl. Numer. Math. 25 (1997) 151-167."


def _pair(name, explicit, implicit, b_explicit, b_implicit, note, source=_SOURCE):
    """Both tableaus of a pair."""
    return AdditivePair(
        Tableau(name=f"{name}, explicit part", A=explicit, b=b_explicit, note=note, source=source),
        Tableau(name=name, A=implicit, b=b_implicit, note=note, source=source),
    )


EULER = _pair(
    "IMEXEuler",
    [[0, 0], [1, 0]],
    [[0, 0], [0, 1]],
    [1, 0],
    [0, 1],
    "Euler's explicit step for one part, his implicit step for the other. Order 1.",
    "M. Crouzeix, Numer. Math. 35 (1980) 257-276; Ascher, Ruuth, Spiteri (1997).",
)

_g = 1 - sqrt(0.5)
_d = 1 - 1 / (2 * _g)

ARS222 = _pair(
    "ARS222",
    [[0, 0, 0], [_g, 0, 0], [_d, 1 - _d, 0]],
    [[0, 0, 0], [0, _g, 0], [0, 1 - _g, _g]],
    [_d, 1 - _d, 0],
    [0, 1 - _g, _g],
    "Order 2, two implicit and two explicit stages; the implicit part is L-stable.",
)

ARS443 = _pair(
    "ARS443",
    [
        [0, 0, 0, 0, 0],
        [1 / 2, 0, 0, 0, 0],
        [11 / 18, 1 / 18, 0, 0, 0],
        [5 / 6, -5 / 6, 1 / 2, 0, 0],
        [1 / 4, 7 / 4, 3 / 4, -7 / 4, 0],
    ],
    [
        [0, 0, 0, 0, 0],
        [0, 1 / 2, 0, 0, 0],
        [0, 1 / 6, 1 / 2, 0, 0],
        [0, -1 / 2, 1 / 2, 1 / 2, 0],
        [0, 3 / 2, -3 / 2, 1 / 2, 1 / 2],
    ],
    [1 / 4, 7 / 4, 3 / 4, -7 / 4, 0],
    [0, 3 / 2, -3 / 2, 1 / 2, 1 / 2],
    "Order 3, four implicit and four explicit stages; the implicit part is L-stable.",
)

PAIRS = {pair.implicit.name: pair for pair in (EULER, ARS222, ARS443, KENCARP3, KENCARP4, KENCARP5)}
