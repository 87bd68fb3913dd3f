"""Electronic circuits: a transistor amplifier (index 1)."""

import numpy as np

from sciml_lab.problems.zoo.entry import RADAU, Entry, Reference
from sciml_lab.problems.zoo.stiff import BARI


def transistor_amplifier_rhs(u, p, t):
    """Kirchhoff's law at the eight nodes."""
    y1, y2, y3, y4, y5, y6, y7, y8 = u
    ub, uf, alpha, beta, *resistors = p
    r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 = resistors
    ue = 0.1 * np.sin(200 * np.pi * t)
    first = beta * (np.exp((y2 - y3) / uf) - 1)
    second = beta * (np.exp((y5 - y6) / uf) - 1)
    return np.array([
        (y1 - ue) / r0,
        y2 / r1 + (y2 - ub) / r2 + (1 - alpha) * first,
        y3 / r3 - first,
        (y4 - ub) / r4 + alpha * first,
        y5 / r5 + (y5 - ub) / r6 + (1 - alpha) * second,
        y6 / r7 - second,
        (y7 - ub) / r8 + alpha * second,
        y8 / r9,
    ])  # fmt: skip


def capacitors():
    """The mass matrix: five capacitors of 1 to 5 microfarad; three join two nodes."""
    M = np.zeros((8, 8))
    for farad, first, second in ((1e-6, 0, 1), (3e-6, 3, 4), (5e-6, 6, 7)):
        M[first, first] = M[second, second] = -farad
        M[first, second] = M[second, first] = farad
    M[2, 2], M[5, 5] = -2e-6, -4e-6
    return M


transistor_amplifier = Entry(
    name="transistor_amplifier",
    title="Transistor amplifier: two stages, and a singular mass matrix (index 1)",
    equation="C1 (y2' - y1') = (y1 - Ue)/R0,   Ue = 0.1 sin(200 pi t)\n"
    "C1 (y1' - y2') = y2/R1 + (y2 - Ub)/R2 + (1 - alpha) g(y2 - y3)\n"
    "-C2 y3' = y3/R3 - g(y2 - y3)\n"
    "C3 (y5' - y4') = (y4 - Ub)/R4 + alpha g(y2 - y3)\n"
    "C3 (y4' - y5') = y5/R5 + (y5 - Ub)/R6 + (1 - alpha) g(y5 - y6)\n"
    "-C4 y6' = y6/R7 - g(y5 - y6)\n"
    "C5 (y8' - y7') = (y7 - Ub)/R8 + alpha g(y5 - y6)\n"
    "C5 (y7' - y8') = y8/R9,   g(U) = beta (exp(U/UF) - 1),   Ck = k 1e-6",
    f=transistor_amplifier_rhs,
    u0=np.array([0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0]),
    tspan=(0.0, 0.2),
    parameters={
        "Ub": 6.0, "UF": 0.026, "alpha": 0.99, "beta": 1e-6, "R0": 1000.0,
        **{f"R{i}": 9000.0 for i in range(1, 10)},
    },
    states=tuple(f"y{i}" for i in range(1, 9)),
    units={
        "t": "s", **{f"y{i}": "V" for i in range(1, 9)}, "Ub": "V", "UF": "V", "beta": "A",
        **{f"R{i}": "ohm" for i in range(10)},
    },
    source="P. Rentrop, M. Roche and G. Steinebach, IMPACT of Computing 1 (1989) 181; "
    f"{BARI}.",
    reference=Reference(
        0.2,
        np.array([
            -5.562145012261692977106e-3, 3.006522471903043176569, 2.849958788608129027113,
            2.926422536206241599481, 2.704617865010554877752, 2.761837778393143177530,
            4.770927631616772334062, 1.236995868091547326940,
        ]),
        1e-8,
        f"{RADAU}; the {BARI} agrees to 12 digits",
    ),
    stiff=True,
    mass_matrix=capacitors(),
)  # fmt: skip
