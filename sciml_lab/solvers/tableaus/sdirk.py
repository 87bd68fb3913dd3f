"""Diagonally implicit methods: Euler, trapezoid, TR-BDF2 and the pairs of Kvaerno."""

import numpy as np

from sciml_lab.solvers.tableau import Tableau
from sciml_lab.solvers.tableaus.notation import matrix, row
from sciml_lab.solvers.tableaus.smooth import smooth_weights

IMPLICIT_EULER = Tableau(
    name="ImplicitEuler",
    A=[[0, 0], [0, 1]],
    b=[0, 1],
    b_error=[-1 / 2, 1 / 2],
    P=[[0], [1]],
    note="Follow the slope at the end of the step. Order 1; its error is judged by the "
    "trapezoidal rule, so the slope at the start counts as a stage.",
    source="A. L. Cauchy (1824); C. F. Curtiss, J. O. Hirschfelder, PNAS 38 (1952) 235-243.",
)

TRAPEZOID = Tableau(
    name="Trapezoid",
    A=[[0, 0], [1 / 2, 1 / 2]],
    b=[1 / 2, 1 / 2],
    P=[[1, -1 / 2], [0, 1 / 2]],
    note="Average the slopes at both ends (Crank and Nicolson). Order 2; stable but not damping: "
    "R(z) tends to -1. Its error is estimated from the slopes of two steps.",
    source="J. Crank, P. Nicolson, Proc. Camb. Phil. Soc. 43 (1947) 50-67.",
)


def _tr_bdf2():
    d, w = 1 - np.sqrt(0.5), np.sqrt(2) / 4
    return Tableau(
        name="TRBDF2",
        A=[[0, 0, 0], [d, d, 0], [w, w, d]],
        b=[w, w, d],
        c=[0, 2 * d, 1],
        b_error=[w - (1 - w) / 3, w - (3 * w + 1) / 3, d - d / 3],
        note="A trapezoidal step to t + (2 - sqrt 2) h, then a step of BDF2 to the end. Order 2, "
        "embedded order 3, L-stable.",
        source="R. E. Bank et al., IEEE Trans. CAD 4 (1985) 436-451; M. E. Hosea, L. F. Shampine, "
        "Appl. Numer. Math. 20 (1996) 21-37.",
    )


TRBDF2 = _tr_bdf2()


def _kvaerno3():
    """Stage order 2 and order 3 give every coefficient as a function of gamma.

    gamma is the root of ``x**3 - 3 x**2 + 3/2 x - 1/6`` that makes R(infinity) zero.
    """
    g = 0.43586652150845899942
    lower = [(-4 * g * g + 6 * g - 1) / (4 * g), (1 - 2 * g) / (4 * g)]
    b = [(6 * g - 1) / (12 * g), -1 / ((24 * g - 12) * g), (-6 * g * g + 6 * g - 1) / (6 * g - 3)]
    return Tableau(
        name="Kvaerno3",
        A=[[0, 0, 0, 0], [g, g, 0, 0], [*lower, g, 0], [*b, g]],
        b=[*b, g],
        c=[0, 2 * g, 1, 1],
        b_error=[b[0] - lower[0], b[1] - lower[1], b[2] - g, g],
        note="Order 3 with an embedded method of order 2, its third stage; both L-stable.",
        source="A. Kvaerno, BIT 44 (2004) 489-502.",
    )


KVAERNO3 = _kvaerno3()

_KVAERNO5 = {
    2: {1: 0.26, 2: 0.26},
    3: {1: 0.13, 2: 0.84033320996790809, 3: 0.26},
    4: {1: 0.22371961478320505, 2: 0.47675532319799699, 3: -0.06470895363112615, 4: 0.26},
    5: {1: 0.16648564323248321, 2: 0.10450018841591720, 3: 0.03631482272098715,
        4: -0.13090704451073998, 5: 0.26},
    6: {1: 0.13855640231268224, 3: -0.04245337201752043, 4: 0.02446657898003141,
        5: 0.61943039072480676, 6: 0.26},
    7: {1: 0.13659751177640291, 3: -0.05496908796538376, 4: -0.04118626728321046,
        5: 0.62993304899016403, 6: 0.06962479448202728, 7: 0.26},
}  # fmt: skip


KVAERNO5 = Tableau(
    name="Kvaerno5",
    A=matrix(_KVAERNO5, 7),
    b=row(_KVAERNO5[7], 7),
    b_error=row(_KVAERNO5[7], 7) - row(_KVAERNO5[6], 7),
    P=smooth_weights(matrix(_KVAERNO5, 7), row(_KVAERNO5[7], 7), 4, 4),
    note="Order 5 with an embedded method of order 4, its sixth stage; the first is L-stable.",
    source="A. Kvaerno, BIT 44 (2004) 489-502.",
)
