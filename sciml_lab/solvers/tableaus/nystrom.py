"""Coefficients of Nystrom methods for ``x'' = a(x, t)``: data only, proved by the order conditions.

`a` moves the positions of the stages, `b_bar` the new position, `b` the new velocity.
"""

from math import sqrt

from sciml_lab.solvers.tableaus.notation import matrix, row

N25 = "E. J. Nystrom, Acta Soc. Sci. Fennicae 50 (1925) 1-55"
DEP = "J. R. Dormand, M. E. A. El-Mikkawy, P. J. Prince, IMA J. Numer. Anal. 7 (1987) 235-250"

NYSTROM4 = {
    "name": "Nystrom4",
    "A": matrix({2: {1: 1 / 8}, 3: {2: 1 / 2}}, 3),
    "b_bar": [1 / 6, 1 / 3, 0],
    "b": [1 / 6, 2 / 3, 1 / 6],
    "c": [0, 1 / 2, 1],
    "note": "The classical method of order 4: one acceleration less per step than RK4.",
    "source": N25,
}

NYSTROM5 = {
    "name": "Nystrom5",
    "A": matrix(
        {2: {1: 1 / 50}, 3: {1: -1 / 27, 2: 7 / 27}, 4: {1: 3 / 10, 2: -2 / 35, 3: 9 / 35}}, 4
    ),
    "b_bar": [14 / 336, 100 / 336, 54 / 336, 0],
    "b": [14 / 336, 125 / 336, 162 / 336, 35 / 336],
    "c": [0, 1 / 5, 2 / 3, 1],
    "note": "Order 5 with four stages, where a Runge-Kutta method needs six.",
    "source": N25,
}

R = sqrt(8581)
_B_BAR = {1: 329 / 4212, 3: (84119543 + 366727 * R) / 409622616,
          4: (84119543 - 366727 * R) / 409622616, 5: 200 / 17901}  # fmt: skip
_B = {1: 329 / 4212, 3: (389225579 + 96856 * R) / 1024056540,
      4: (389225579 - 96856 * R) / 1024056540, 5: 2000 / 17901, 6: 1 / 20}  # fmt: skip
_B_BAR_4 = {1: (2701 + 23 * R) / 4563, 2: -(9829 + 131 * R) / 9126, 3: 5 * (1798 + 17 * R) / 9126}
_B_4 = {1: 115 / 2106, 3: (84119543 + 366727 * R) / 256014135,
        4: (84119543 - 366727 * R) / 256014135, 5: 6950 / 17901, 6: -1 / 10}  # fmt: skip
_A = {
    2: {1: (26131 - 209 * R) / 810000},
    3: {1: (26131 - 209 * R) / 607500, 2: (26131 - 209 * R) / 303750},
    4: {1: (980403512254 + 7781688431 * R) / 11694469921875,
        2: -(1262884486208 + 15385481287 * R) / 11694469921875,
        3: (7166233891441 + 78694563299 * R) / 46777879687500},
    5: {1: -9 * (329260 + 3181 * R) / 27040000, 2: 27 * (35129 + 3331 * R) / 13520000,
        3: -27 * (554358343 + 31040327 * R) / 464060480000,
        4: 153 * (8555257 - 67973 * R) / 2745920000},
    6: _B_BAR,
}  # fmt: skip


def _pair(sign):
    """Dense output of stage 3 (sign 1) and 4 (sign -1), which belong to conjugate nodes."""
    r = sign * R
    numbers = [27 * (81356461 + 25954829 * r), 2 * (22190560391 - 1109665151 * r),
               -15 * (4929647204 - 156109769 * r), 5400 * (5860823 - 152228 * r)]  # fmt: skip
    return [0.0, *(x / 11264621940 for x in numbers)]


DPRKN6 = {
    "name": "DPRKN6",
    "A": matrix(_A, 6),
    "b_bar": row(_B_BAR, 6),
    "b": row(_B, 6),
    "c": [0, (209 - R) / 900, (209 - R) / 450, (209 + R) / 450, 9 / 10, 1],
    "b_bar_error": row(_B_BAR, 6) - row(_B_BAR_4, 6),
    "b_error": row(_B, 6) - row(_B_4, 6),
    "P": [
        [1, -15732 / 4212, 25544 / 4212, -19095 / 4212, 5400 / 4212],
        [0, 0, 0, 0, 0],
        _pair(1),
        _pair(-1),
        [0, 117000 / 17901, -496000 / 17901, 651000 / 17901, -270000 / 17901],
        [0, -702 / 220, 3028 / 220, -4115 / 220, 1800 / 220],
    ],
    "note": "Order 6 with an embedded method of order 4 and free dense output; the last stage of "
    "a step is the first of the next, so a step costs five accelerations.",
    "source": DEP,
}
