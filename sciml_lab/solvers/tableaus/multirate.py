"""Coefficients of multirate infinitesimal methods: Sandu's MRI-GARK, and MIS2."""

import numpy as np

from sciml_lab.solvers.multirate_table import MultirateTable

_SANDU = "A. Sandu, SIAM J. Numer. Anal. 57 (2019) 2300-2327."

ERK33A = MultirateTable(
    name="MRIGARKERK33a",
    fast=[1 / 3, 1 / 3, 1 / 3],
    slow=[[1 / 3], [-1 / 3, 2 / 3], [0, -2 / 3, 1]],
    slow_slope=[[], [], [1 / 2, 0, -1 / 2]],
    embedded=[1 / 12, -1 / 3, 7 / 12],
    note="Order 3, embedded order 2, three slow evaluations a step.",
    source=_SANDU,
)

PUBLISHED_45 = (-1482837 / 759520, 175781 / 71205, -790577 / 1139280, -6379 / 56964, 47 / 96)
"""Sandu's embedded weights. With their slope they give every slow slope the weight that the method
itself gives it: they see errors of the coupling, and none of the slow part alone."""

FREE_45 = (-0.11945, 0.31088, -0.21594, -0.02296, 0.04747)
"""The one direction (times 1/100000 of whole numbers) in which the embedded weights may move and
keep order 3: with it the estimate sees the error of the slow part too. Ours."""

ERK45A = MultirateTable(
    name="MRIGARKERK45a",
    fast=[1 / 5] * 5,
    slow=[
        [1 / 5],
        [-53 / 16, 281 / 80],
        [-36562993 / 71394880, 34903117 / 17848720, -88770499 / 71394880],
        [-7631593 / 71394880, -166232021 / 35697440, 6068517 / 1519040, 8644289 / 8924360],
        [277061 / 303808, -209323 / 1139280, -1360217 / 1139280, -148789 / 56964, 147889 / 45120],
    ],
    slow_slope=[
        [],
        [503 / 80, -503 / 80],
        [-1365537 / 35697440, 4963773 / 7139488, -1465833 / 2231090],
        [66974357 / 35697440, 21445367 / 7139488, -3, -8388609 / 4462180],
        [-18227 / 7520, 2, 1, 5, -41933 / 7520],
    ],
    embedded=[x + y for x, y in zip(PUBLISHED_45, FREE_45, strict=True)],
    embedded_slope=[6213 / 1880, -6213 / 1880, 0, 0, 0],
    note="Order 4, embedded order 3, five slow evaluations a step. The embedded weights are "
    "Sandu's, moved so that they see errors of the slow part too.",
    source=_SANDU,
)


def _mis(name, alpha, beta, gamma, note, source):
    """A method that starts each stage between the earlier ones, and drifts with them.

    ``Z_i(0) = u + sum_j alpha_ij (Y_j - u)``, then
    ``h Z_i' = sum_j gamma_ij (Y_j - u) + h sum_j beta_ij f_slow(Y_j) + h d_i f_fast(Z_i)`` with
    ``d_i = sum_j beta_ij``.
    """
    alpha, gamma = np.array(alpha), np.array(gamma)
    start, drift = alpha.copy(), gamma.copy()
    start[:, 0] = 1 - alpha.sum(axis=1)
    drift[:, 0] = -gamma.sum(axis=1)
    return MultirateTable(
        name=name, fast=np.sum(beta, axis=1), slow=beta, start=start, drift=drift, note=note,
        source=source,
    )  # fmt: skip


MIS2 = _mis(
    "MIS2",
    [[0, 0, 0], [0, 0.53694656671020691, 0], [0, 0.48089296855085184, 0.50056116356635882]],
    [
        [0.12684849455255601, 0, 0],
        [-0.78483827882640156, 1.3744267526826737, 0],
        [-0.0456727081748555391, -0.00875082271190387971, 0.52477578862897312],
    ],
    [[0, 0, 0], [0, 0.65246512600423157, 0], [0, -0.0732769849456572780, 0.14490243042028150]],
    "Three slow evaluations a step, each stage starts between the earlier ones.",
    "J. Wensch, O. Knoth, A. Galant, BIT 49 (2009) 449-473.",
)
