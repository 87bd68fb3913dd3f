"""Two problems of the chemist's company Akzo Nobel."""

import numpy as np

from sciml_lab.problems.zoo.entry import RADAU, Entry, Reference
from sciml_lab.problems.zoo.stiff import BARI


def chemical_akzo_nobel_rhs(u, p, t):
    """Five reactions, the inflow of carbon dioxide, and one fast equilibrium."""
    y1, y2, y3, y4, y5, y6 = u
    k1, k2, k3, k4, equilibrium, transfer, ks, pressure, henry = p
    r1, r2 = k1 * y1**4 * np.sqrt(y2), k2 * y3 * y4
    r3, r4 = k2 / equilibrium * y1 * y5, k3 * y1 * y4**2
    r5 = k4 * y6**2 * np.sqrt(y2)
    inflow = transfer * (pressure / henry - y2)
    return np.array([
        -2 * r1 + r2 - r3 - r4,
        -0.5 * r1 - r4 - 0.5 * r5 + inflow,
        r1 - r2 + r3,
        -r2 + r3 - 2 * r4,
        r2 - r3 + r5,
        ks * y1 * y4 - y6,
    ])  # fmt: skip


chemical_akzo_nobel = Entry(
    name="chemical_akzo_nobel",
    title="Chemical Akzo Nobel: five reactions and an equilibrium (index 1)",
    equation="y1' = -2 r1 + r2 - r3 - r4\ny2' = -r1/2 - r4 - r5/2 + klA (pCO2/H - y2)\n"
    "y3' = r1 - r2 + r3\ny4' = -r2 + r3 - 2 r4\ny5' = r2 - r3 + r5\n0 = Ks y1 y4 - y6\n"
    "r1 = k1 y1^4 sqrt(y2),  r2 = k2 y3 y4,  r3 = k2/K y1 y5,  r4 = k3 y1 y4^2,\n"
    "r5 = k4 y6^2 sqrt(y2)",
    f=chemical_akzo_nobel_rhs,
    u0=np.array([0.444, 0.00123, 0.0, 0.007, 0.0, 115.83 * 0.444 * 0.007]),
    tspan=(0.0, 180.0),
    parameters={
        "k1": 18.7, "k2": 0.58, "k3": 0.09, "k4": 0.42, "K": 34.4, "klA": 3.3, "Ks": 115.83,
        "pCO2": 0.9, "H": 737.0,
    },
    states=tuple(f"y{i}" for i in range(1, 7)),
    units={"t": "min"},
    source=f"W. J. H. Stortelder, Parameter Estimation (1998); {BARI}.",
    reference=Reference(
        180.0,
        np.array([
            0.1150794920661702197879, 1.203831471567715121768e-3, 0.1611562887407974232049,
            3.656156421249283247908e-4, 1.708010885264404111625e-2, 4.873531310307455414788e-3,
        ]),
        1e-12,
        f"{RADAU}; the {BARI} agrees to 15 digits",
    ),
    stiff=True,
    mass_matrix=np.diag([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
)  # fmt: skip
