"""Stiff oscillators: long slow stretches, and jumps between them.

On a slow stretch a large eigenvalue pulls back everything that leaves it; in a jump the step size
must fall by many powers of ten. So they try Newton's iteration, the control of the step size and
the reuse of the Jacobian at once.
"""

import numpy as np

from sciml_lab.problems.zoo.entry import RADAU, Entry, Reference
from sciml_lab.problems.zoo.oscillators import van_der_pol_rhs
from sciml_lab.problems.zoo.stiff import BARI

van_der_pol_stiff = Entry(
    name="van_der_pol_stiff",
    title="Van der Pol with strong friction: relaxation oscillations",
    equation="x' = v\nv' = mu (1 - x^2) v - x",
    f=van_der_pol_rhs,
    u0=np.array([2.0, 0.0]),
    tspan=(0.0, 2000.0),
    parameters={"mu": 1000.0},
    states=("x", "v"),
    source=f"B. van der Pol, Phil. Mag. 2 (1926) 978; {BARI}.",
    reference=Reference(
        2000.0,
        np.array([1.706167732170465008478, -8.928097010248165477835e-4]),
        1e-12,
        f"{RADAU}; the {BARI} agrees to 12 digits",
    ),
    stiff=True,
)


def van_der_pol_scaled_rhs(u, p, t):
    """Time in units of mu, so that a cycle lasts a few units for every mu."""
    x, v = u
    (eps,) = p
    return np.array([v, ((1 - x * x) * v - x) / eps])


van_der_pol_scaled = Entry(
    name="van_der_pol_scaled",
    title="Van der Pol in slow time: a singular perturbation",
    equation="x' = v\neps v' = (1 - x^2) v - x,   eps = 1/mu^2",
    f=van_der_pol_scaled_rhs,
    u0=np.array([2.0, 0.0]),
    tspan=(0.0, 2.0),
    parameters={"eps": 1e-6},
    states=("x", "v"),
    source="Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section IV.10; "
    f"{BARI}.",
    reference=Reference(
        2.0,
        np.array([1.706167732170465008460, -0.8928097010248165478103]),
        1e-12,
        f"{RADAU}; the {BARI} agrees to 12 digits",
    ),
    stiff=True,
)


def oregonator_rhs(u, p, t):
    """Field and Noyes' model of the reaction of Belousov and Zhabotinskii."""
    x, y, z = u
    s, q, w = p
    return np.array([s * (y - x * y + x - q * x * x), (z - y - x * y) / s, w * (x - z)])


oregonator = Entry(
    name="oregonator",
    title="Oregonator: the chemical clock of Belousov and Zhabotinskii",
    equation="x' = s (y - x y + x - q x^2)\ny' = (z - y - x y) / s\nz' = w (x - z)",
    f=oregonator_rhs,
    u0=np.array([1.0, 2.0, 3.0]),
    tspan=(0.0, 360.0),
    parameters={"s": 77.27, "q": 8.375e-6, "w": 0.161},
    states=("x", "y", "z"),
    source=f"R. J. Field and R. M. Noyes, J. Chem. Phys. 60 (1974) 1877; {BARI}.",
    reference=Reference(
        360.0,
        np.array([1.000814870318522716652, 1228.178521549887426331, 132.0554942846504546278]),
        1e-11,
        f"{RADAU}; the {BARI} agrees to 12 digits",
    ),
    stiff=True,
)
