"""Cycles, pulses, spirals and chaos in two or three variables."""

import numpy as np

from sciml_lab.problems.zoo.entry import GBS, Entry, Reference


def lorenz_rhs(u, p, t):
    """Flow x and temperatures y, z of a fluid heated from below."""
    x, y, z = u
    sigma, rho, beta = p
    return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


lorenz = Entry(
    name="lorenz",
    title="Lorenz: convection in three modes, and the first strange attractor",
    equation="x' = sigma (y - x)\ny' = x (rho - z) - y\nz' = x y - beta z",
    f=lorenz_rhs,
    u0=np.array([1.0, 0.0, 0.0]),
    tspan=(0.0, 10.0),
    parameters={"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
    states=("x", "y", "z"),
    source="E. N. Lorenz, J. Atmos. Sci. 20 (1963) 130.",
    reference=Reference(
        10.0,
        np.array([-5.8576853824240908, -5.8310824864260979, 23.932132987027569]),
        1e-12,
        GBS,
        floor=1.0,
    ),
)


def van_der_pol_rhs(u, p, t):
    """Friction is negative for |x| < 1, positive beyond."""
    x, v = u
    (mu,) = p
    return np.array([v, mu * (1 - x * x) * v - x])


van_der_pol = Entry(
    name="van_der_pol",
    title="Van der Pol: an oscillator that pumps small swings and damps large ones",
    equation="x' = v\nv' = mu (1 - x^2) v - x",
    f=van_der_pol_rhs,
    u0=np.array([2.0, 0.0]),
    tspan=(0.0, 20.0),
    parameters={"mu": 1.0},
    states=("x", "v"),
    source="B. van der Pol, Phil. Mag. 2 (1926) 978. Stiff for large mu.",
    reference=Reference(
        20.0, np.array([2.0081497621749486, -0.042508875273202147]), 1e-12, GBS, floor=1.0
    ),
    facts={
        "period of the limit cycle": 6.6632868593231302,
        "amplitude of the limit cycle": 2.0086198608748431,
    },
)


def brusselator_rhs(u, p, t):
    """Two species, one autocatalytic step."""
    x, y = u
    a, b = p
    return np.array([a + x * x * y - (b + 1) * x, b * x - x * x * y])


brusselator = Entry(
    name="brusselator",
    title="Brusselator: a chemical clock of two species",
    equation="x' = a + x^2 y - (b + 1) x\ny' = b x - x^2 y",
    f=brusselator_rhs,
    u0=np.array([1.5, 3.0]),
    tspan=(0.0, 20.0),
    parameters={"a": 1.0, "b": 3.0},
    states=("x", "y"),
    source="R. Lefever and G. Nicolis, J. Theor. Biol. 30 (1971) 267; Hairer, Norsett and Wanner, "
    "Solving Ordinary Differential Equations I (1993), section II.4.",
    reference=Reference(
        20.0, np.array([0.49863707126834785, 4.5967803494520112]), 1e-12, GBS, floor=1.0
    ),
)


def fitzhugh_nagumo_rhs(u, p, t):
    """Voltage v and recovery w of a nerve membrane."""
    v, w = u
    a, b, tau, current = p
    return np.array([v - v**3 / 3 - w + current, (v + a - b * w) / tau])


fitzhugh_nagumo = Entry(
    name="fitzhugh_nagumo",
    title="FitzHugh-Nagumo: a nerve cell that fires",
    equation="v' = v - v^3/3 - w + current\nw' = (v + a - b w) / tau",
    f=fitzhugh_nagumo_rhs,
    u0=np.array([-1.0, 1.0]),
    tspan=(0.0, 100.0),
    parameters={"a": 0.7, "b": 0.8, "tau": 12.5, "current": 0.5},
    states=("v", "w"),
    source="R. FitzHugh, Biophys. J. 1 (1961) 445; J. Nagumo et al., Proc. IRE 50 (1962) 2061.",
    reference=Reference(
        100.0, np.array([-0.49966393864432689, -0.21107037612912906]), 1e-12, GBS, floor=1.0
    ),
)


def cubic_spiral_rhs(u, p, t):
    """A linear spiral of the cubed state."""
    x, y = u
    decay, turn = p
    return np.array([-decay * x**3 - turn * y**3, turn * x**3 - decay * y**3])


cubic_spiral = Entry(
    name="cubic_spiral",
    title="Cubic spiral: the first example of a neural ODE",
    equation="x' = -decay x^3 - turn y^3\ny' = turn x^3 - decay y^3",
    f=cubic_spiral_rhs,
    u0=np.array([2.0, 0.0]),
    tspan=(0.0, 1.5),
    parameters={"decay": 0.1, "turn": 2.0},
    states=("x", "y"),
    source="R. T. Q. Chen et al., Neural Ordinary Differential Equations (2018).",
    reference=Reference(
        1.5, np.array([1.2919915629767864, 0.97258607443451626]), 1e-12, GBS, floor=1.0
    ),
)
