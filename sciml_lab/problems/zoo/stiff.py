"""Chemistry whose time scales lie far apart: ROBER, HIRES and POLLU.

Explicit methods can solve these only in very many steps. They are here to be met, and for the
methods that are made for them.
"""

import numpy as np

from sciml_lab.problems.zoo.entry import RADAU, Entry, Reference

BARI = "Test Set for IVP Solvers (Mazzia, Iavernaro, Magherini), University of Bari"


def rober_rhs(u, p, t):
    """Mass action for A -> B, 2B -> B + C, B + C -> A + C."""
    a, b, c = u
    k1, k2, k3 = p
    slow, fast, back = k1 * a, k2 * b * b, k3 * b * c
    return np.array([-slow + back, slow - back - fast, fast])


rober = Entry(
    name="rober",
    title="ROBER: three reactions whose rates span nine powers of ten",
    equation="A' = -k1 A + k3 B C\nB' =  k1 A - k3 B C - k2 B^2\nC' =  k2 B^2",
    f=rober_rhs,
    u0=np.array([1.0, 0.0, 0.0]),
    tspan=(0.0, 1e11),
    parameters={"k1": 0.04, "k2": 3e7, "k3": 1e4},
    states=("A", "B", "C"),
    units={"t": "s", "k1": "1/s", "k2": "1/s", "k3": "1/s"},
    source=f"H. H. Robertson, in: Numerical Analysis, an Introduction (1966) 178; {BARI}.",
    reference=Reference(
        1e11,
        np.array([0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]),
        1e-11,
        f"{BARI}; B needs atol of about 1e-22",
    ),
    invariants={"A + B + C": lambda u, p: u[0] + u[1] + u[2]},
    stiff=True,
)


def rober_dae_rhs(u, p, t):
    """The two first reactions, and the sum of all species in the place of the third."""
    a, b, c = u
    k1, k2, k3 = p
    slow, fast, back = k1 * a, k2 * b * b, k3 * b * c
    return np.array([-slow + back, slow - back - fast, a + b + c - 1.0])


rober_dae = Entry(
    name="rober_dae",
    title="ROBER with the conservation of mass as an algebraic equation (index 1)",
    equation="A' = -k1 A + k3 B C\nB' =  k1 A - k3 B C - k2 B^2\n0  =  A + B + C - 1",
    f=rober_dae_rhs,
    u0=np.array([1.0, 0.0, 0.0]),
    tspan=(0.0, 1e11),
    parameters={"k1": 0.04, "k2": 3e7, "k3": 1e4},
    states=("A", "B", "C"),
    units={"t": "s", "k1": "1/s", "k2": "1/s", "k3": "1/s"},
    source=f"H. H. Robertson, in: Numerical Analysis, an Introduction (1966) 178; {BARI}.",
    reference=rober.reference,
    stiff=True,
    mass_matrix=np.diag([1.0, 1.0, 0.0]),
)


def e5_rhs(u, p, t):
    """A decays slowly; what it leaves behind reacts fast with itself and with A."""
    y1, y2, y3, y4 = u
    a, b, c, m = p
    slow, first, second = a * y1, b * y1 * y3, m * c * y2 * y3
    return np.array([
        -slow - first, slow - second, slow - first - second + c * y4, first - c * y4
    ])  # fmt: skip


e5 = Entry(
    name="e5",
    title="E5: pyrolysis, in concentrations from 2e-3 down to 1e-13",
    equation="y1' = -A y1 - B y1 y3\ny2' =  A y1 - M C y2 y3\n"
    "y3' =  A y1 - B y1 y3 - M C y2 y3 + C y4\ny4' =  B y1 y3 - C y4",
    f=e5_rhs,
    u0=np.array([1.76e-3, 0.0, 0.0, 0.0]),
    tspan=(0.0, 1e5),
    parameters={"A": 7.89e-10, "B": 1.1e7, "C": 1.13e3, "M": 1e6},
    states=("y1", "y2", "y3", "y4"),
    source="W. H. Enright, T. E. Hull and B. Lindberg, BIT 15 (1975) 10; Hairer and Wanner, "
    "Solving Ordinary Differential Equations II (1996), section IV.10.",
    reference=Reference(
        1e5,
        np.array([
            7.481320822429222501872e-6, 2.373478156120597519881e-12, 2.212358668958166372284e-12,
            1.611194871624311475972e-13,
        ]),
        1e-9,
        f"{RADAU}; needs atol of about 1e-22",
    ),
    invariants={"y2 - y3 - y4": lambda u, p: u[1] - u[2] - u[3]},
    stiff=True,
)  # fmt: skip


def hires_rhs(u, p, t):
    """Eight species, linear but for one reaction."""
    y1, y2, y3, y4, y5, y6, y7, y8 = u
    k1, k2, k3, k4, k5, k6, plus, minus, star, source = p
    bind = plus * y6 * y8
    return np.array([
        -k1 * y1 + k2 * y2 + k6 * y3 + source,
        k1 * y1 - (k2 + k3) * y2,
        -(k6 + k1) * y3 + k2 * y4 + k5 * y5,
        k3 * y2 + k1 * y3 - (k4 + k2) * y4,
        -(k5 + k1) * y5 + k2 * y6 + k2 * y7,
        -bind + k4 * y4 + k1 * y5 - k2 * y6 + minus * y7,
        bind - (k2 + minus + star) * y7,
        -bind + (k2 + minus + star) * y7,
    ])  # fmt: skip


hires = Entry(
    name="hires",
    title="HIRES: how a plant protein (phytochrome) answers light",
    equation="y1' = -k1 y1 + k2 y2 + k6 y3 + source\ny2' = k1 y1 - (k2+k3) y2\n"
    "y3' = -(k6+k1) y3 + k2 y4 + k5 y5\ny4' = k3 y2 + k1 y3 - (k4+k2) y4\n"
    "y5' = -(k5+k1) y5 + k2 y6 + k2 y7\n"
    "y6' = -plus y6 y8 + k4 y4 + k1 y5 - k2 y6 + minus y7\n"
    "y7' = plus y6 y8 - (k2+minus+star) y7\ny8' = -y7'",
    f=hires_rhs,
    u0=np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057]),
    tspan=(0.0, 321.8122),
    parameters={
        "k1": 1.71, "k2": 0.43, "k3": 8.32, "k4": 0.69, "k5": 0.035, "k6": 8.32,
        "plus": 280.0, "minus": 0.69, "star": 0.69, "source": 0.0007,
    },
    states=tuple(f"y{i}" for i in range(1, 9)),
    source=f"E. Schaefer, J. Math. Biol. 2 (1975) 41; {BARI}.",
    reference=Reference(
        321.8122,
        np.array([
            0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4,
            0.1175651343283149e-2, 0.2386356198831331e-2, 0.6238968252742796e-2,
            0.2849998395185769e-2, 0.2850001604814231e-2,
        ]),
        1e-11,
        BARI,
    ),
    invariants={"y7 + y8": lambda u, p: u[6] + u[7]},
    stiff=True,
)  # fmt: skip

POLLU_SPECIES = (
    "NO2", "NO", "O3P", "O3", "HO2", "OH", "HCHO", "CO", "ALD", "MEO2",
    "C2O3", "CO2", "PAN", "CH3O", "HNO3", "O1D", "SO2", "SO4", "NO3", "N2O5",
)  # fmt: skip
POLLU_RATES = (
    0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88,
    1.63e4, 4.8e6, 3.5e-4, 0.0175, 1e8, 4.44e11, 1240.0, 2.1, 5.78, 0.0474, 1780.0, 3.12,
)  # fmt: skip


def pollu_rhs(u, p, t):
    """Verwer's 25 reactions r1 ... r25 and what each does to the 20 species."""
    (no2, no, o3p, o3, ho2, oh, hcho, _, ald, meo2,
     c2o3, _, pan, ch3o, _, o1d, so2, _, no3, n2o5) = u  # fmt: skip
    (
        k1,
        k2,
        k3,
        k4,
        k5,
        k6,
        k7,
        k8,
        k9,
        k10,
        k11,
        k12,
        k13,
        k14,
        k15,
        k16,
        k17,
        k18,
        k19,
        k20,
        *k,
    ) = p
    k21, k22, k23, k24, k25 = k
    r1, r2, r3, r4, r5 = k1 * no2, k2 * no * o3, k3 * ho2 * no, k4 * hcho, k5 * hcho
    r6, r7, r8, r9 = k6 * hcho * oh, k7 * ald, k8 * ald * oh, k9 * c2o3 * no
    r10, r11, r12, r13 = k10 * c2o3 * no2, k11 * pan, k12 * meo2 * no, k13 * ch3o
    r14, r15, r16, r17 = k14 * no2 * oh, k15 * o3p, k16 * o3, k17 * o3
    r18, r19, r20, r21 = k18 * o1d, k19 * o1d, k20 * so2 * oh, k21 * no3
    r22, r23, r24, r25 = k22 * no3, k23 * no2 * o3, k24 * no3 * no2, k25 * n2o5
    return np.array([
        -r1 - r10 - r14 - r23 - r24 + r2 + r3 + r9 + r11 + r12 + r22 + r25,
        -r2 - r3 - r9 - r12 + r1 + r21,
        -r15 + r1 + r17 + r19 + r22,
        -r2 - r16 - r17 - r23 + r15,
        -r3 + 2 * r4 + r6 + r7 + r13 + r20,
        -r6 - r8 - r14 - r20 + r3 + 2 * r18,
        -r4 - r5 - r6 + r13,
        r4 + r5 + r6 + r7,
        -r7 - r8,
        -r12 + r7 + r9,
        -r9 - r10 + r8 + r11,
        r9,
        -r11 + r10,
        -r13 + r12,
        r14,
        -r18 - r19 + r16,
        -r20,
        r20,
        -r21 - r22 - r24 + r23 + r25,
        -r25 + r24,
    ])  # fmt: skip


def pollu_nitrogen(u, p):
    """Nitrogen atoms, in whatever species."""
    no2, no, pan, hno3, no3, n2o5 = u[0], u[1], u[12], u[14], u[18], u[19]
    return no2 + no + pan + hno3 + no3 + 2 * n2o5


def _pollu_start():
    start = {"NO": 0.2, "O3": 0.04, "HCHO": 0.1, "CO": 0.3, "ALD": 0.01, "SO2": 0.007}
    return np.array([start.get(name, 0.0) for name in POLLU_SPECIES])


pollu = Entry(
    name="pollu",
    title="POLLU: an hour of air pollution, 25 reactions of 20 species",
    equation="25 mass-action reactions r1 ... r25: read pollu_rhs",
    f=pollu_rhs,
    u0=_pollu_start(),
    tspan=(0.0, 60.0),
    parameters={f"k{i}": k for i, k in enumerate(POLLU_RATES, 1)},
    states=POLLU_SPECIES,
    units={"t": "min", **dict.fromkeys(POLLU_SPECIES, "ppm")},
    source=f"J. G. Verwer, SIAM J. Sci. Comput. 15 (1994) 1243; {BARI}.",
    reference=Reference(
        60.0,
        np.array([
            0.5646255480022769e-1, 0.1342484130422339, 0.4139734331099427e-8,
            0.5523140207484359e-2, 0.2018977262302196e-6, 0.1464541863493966e-6,
            0.7784249118997964e-1, 0.3245075353396018, 0.7494013383880406e-2,
            0.1622293157301561e-7, 0.1135863833257075e-7, 0.2230505975721359e-2,
            0.2087162882798630e-3, 0.1396921016840158e-4, 0.8964884856898295e-2,
            0.4352846369330103e-17, 0.6899219696263405e-2, 0.1007803037365946e-3,
            0.1772146513969984e-5, 0.5682943292316392e-4,
        ]),
        1e-11,
        BARI,
    ),
    invariants={"nitrogen": pollu_nitrogen, "sulphur": lambda u, p: u[16] + u[17]},
    stiff=True,
)  # fmt: skip
