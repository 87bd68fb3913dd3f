"""Electronic circuits: a transistor amplifier (index 1) and a ring modulator."""

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


def ring_modulator_rhs(u, p, t):
    """Seven voltages and eight currents; four diodes in a ring multiply two signals."""
    u1, u2, u3, u4, u5, u6, u7, i1, i2, i3, i4, i5, i6, i7, i8 = u
    c, cs, cp, lh, ls1, ls2, ls3, gamma, delta, r, rp, *rest = p
    rg1, rg2, rg3, ri, rc = rest
    signal = 0.5 * np.sin(2e3 * np.pi * t)
    carrier = 2 * np.sin(2e4 * np.pi * t)
    d1 = gamma * (np.exp(delta * (u3 - u5 - u7 - carrier)) - 1)
    d2 = gamma * (np.exp(delta * (u6 - u4 - u7 - carrier)) - 1)
    d3 = gamma * (np.exp(delta * (u4 + u5 + u7 + carrier)) - 1)
    d4 = gamma * (np.exp(delta * (u7 - u3 - u6 + carrier)) - 1)
    return np.array([
        (i1 - 0.5 * i3 + 0.5 * i4 + i7 - u1 / r) / c,
        (i2 - 0.5 * i5 + 0.5 * i6 + i8 - u2 / r) / c,
        (i3 - d1 + d4) / cs,
        (d2 - d3 - i4) / cs,
        (i5 + d1 - d3) / cs,
        (d4 - d2 - i6) / cs,
        (d1 + d2 - d3 - d4 - u7 / rp) / cp,
        -u1 / lh,
        -u2 / lh,
        (0.5 * u1 - u3 - rg2 * i3) / ls2,
        (u4 - 0.5 * u1 - rg3 * i4) / ls3,
        (0.5 * u2 - u5 - rg2 * i5) / ls2,
        (u6 - 0.5 * u2 - rg3 * i6) / ls3,
        (signal - u1 - (ri + rg1) * i7) / ls1,
        (-u2 - (rc + rg1) * i8) / ls1,
    ])  # fmt: skip


ring_modulator = Entry(
    name="ring_modulator",
    title="Ring modulator: four diodes multiply two signals, with fast oscillations",
    equation="U1' = (I1 - I3/2 + I4/2 + I7 - U1/R)/C\nU2' = (I2 - I5/2 + I6/2 + I8 - U2/R)/C\n"
    "U3' = (I3 - q1 + q4)/Cs\nU4' = (q2 - q3 - I4)/Cs\nU5' = (I5 + q1 - q3)/Cs\n"
    "U6' = (q4 - q2 - I6)/Cs\nU7' = (q1 + q2 - q3 - q4 - U7/Rp)/Cp\n"
    "I1' = -U1/Lh\nI2' = -U2/Lh\nI3' = (U1/2 - U3 - Rg2 I3)/Ls2\n"
    "I4' = (U4 - U1/2 - Rg3 I4)/Ls3\nI5' = (U2/2 - U5 - Rg2 I5)/Ls2\n"
    "I6' = (U6 - U2/2 - Rg3 I6)/Ls3\nI7' = (Uin - U1 - (Ri + Rg1) I7)/Ls1\n"
    "I8' = (-U2 - (Rc + Rg1) I8)/Ls1\n"
    "q1 = q(U3 - U5 - U7 - Ut), q2 = q(U6 - U4 - U7 - Ut), q3 = q(U4 + U5 + U7 + Ut),\n"
    "q4 = q(U7 - U3 - U6 + Ut),   q(U) = gamma (exp(delta U) - 1)\n"
    "Uin = sin(2000 pi t)/2,   Ut = 2 sin(20000 pi t)",
    f=ring_modulator_rhs,
    u0=np.zeros(15),
    tspan=(0.0, 1e-3),
    parameters={
        "C": 1.6e-8, "Cs": 2e-12, "Cp": 1e-8, "Lh": 4.45, "Ls1": 2e-3, "Ls2": 5e-4, "Ls3": 5e-4,
        "gamma": 40.67286402e-9, "delta": 17.7493332, "R": 25000.0, "Rp": 50.0, "Rg1": 36.3,
        "Rg2": 17.3, "Rg3": 17.3, "Ri": 50.0, "Rc": 600.0,
    },
    states=(*(f"U{i}" for i in range(1, 8)), *(f"I{i}" for i in range(1, 9))),
    units={
        "t": "s", **{f"U{i}": "V" for i in range(1, 8)}, **{f"I{i}": "A" for i in range(1, 9)},
        **dict.fromkeys(("C", "Cs", "Cp"), "F"), **dict.fromkeys(("Lh", "Ls1", "Ls2", "Ls3"), "H"),
        **dict.fromkeys(("R", "Rp", "Rg1", "Rg2", "Rg3", "Ri", "Rc"), "ohm"),
        "gamma": "A", "delta": "1/V",
    },
    source=f"E. H. Horneber, dissertation, Univ. Kaiserslautern (1976); {BARI}.",
    reference=Reference(
        1e-3,
        np.array([
            -2.339057358437e-2, -7.367485486008e-3, 2.582956709992e-1, -4.064465720588e-1,
            -4.039455664455e-1, 2.607966766125e-1, 1.106761861273e-1, 2.939904342433e-7,
            -2.840029933066e-8, 7.267198267291e-4, 7.929487197023e-4, -7.255283495766e-4,
            -7.941401968549e-4, 7.088495416876e-5, 2.390059075277e-5,
        ]),
        1e-9,
        "Radau IIA of order 13 in 19-digit arithmetic; two tolerances agree to 11 digits, and the "
        "Test Set to 9",
    ),
    stiff=True,
)  # fmt: skip
