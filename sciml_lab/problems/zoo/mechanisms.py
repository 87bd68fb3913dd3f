"""Mechanisms whose joints are constraints of index 3: a car on a bumpy road, Andrews' squeezer.

In both the positions x are of index 1, the velocities v of index 2, and what the constraints ask
for (forces, and the accelerations in the squeezer) of index 3:

    x' = v,   M(x) v' = f(x, v, t) - G(x)^T lambda,   0 = g(x, t),   G = dg/dx

Differentiated twice, 0 = g'' determines lambda, and an ordinary equation is left: that is how the
reference values were checked.
"""

import numpy as np

from sciml_lab.problems.zoo.entry import Entry, Reference
from sciml_lab.problems.zoo.stiff import BARI

ORDINARY = "g'' = 0 solved for lambda, by DOP853 with rtol = 1e-13"


def car_axis_rhs(u, p, t):
    """Two springs carry the axis; the left wheel stands, the right one rolls over waves."""
    xl, yl, xr, yr, vxl, vyl, vxr, vyr, force, rod = u
    rest, length, weight, height, omega = p  # weight: M eps^2/2, the mass at each end
    yb = height * np.sin(omega * t)
    xb = np.sqrt(length * length - yb * yb)
    left, right = np.sqrt(xl * xl + yl * yl), np.sqrt((xr - xb) ** 2 + (yr - yb) ** 2)
    pull, push = (rest - left) / left, (rest - right) / right
    return np.array([
        vxl,
        vyl,
        vxr,
        vyr,
        (pull * xl + force * xb + 2 * rod * (xl - xr)) / weight,
        (pull * yl + force * yb + 2 * rod * (yl - yr)) / weight - 1,
        (push * (xr - xb) - 2 * rod * (xl - xr)) / weight,
        (push * (yr - yb) - 2 * rod * (yl - yr)) / weight - 1,
        xl * xb + yl * yb,
        (xl - xr) ** 2 + (yl - yr) ** 2 - length * length,
    ])  # fmt: skip


car_axis = Entry(
    name="car_axis",
    title="Car axis on a bumpy road: two springs, two constraints (index 3)",
    equation="xl' = vxl, ..., yr' = vyr\n"
    "m vxl' = (l0 - ll) xl/ll + lambda1 xb + 2 lambda2 (xl - xr)\n"
    "m vyl' = (l0 - ll) yl/ll + lambda1 yb + 2 lambda2 (yl - yr) - m\n"
    "m vxr' = (l0 - lr) (xr - xb)/lr - 2 lambda2 (xl - xr)\n"
    "m vyr' = (l0 - lr) (yr - yb)/lr - 2 lambda2 (yl - yr) - m\n"
    "0 = xl xb + yl yb,   0 = (xl - xr)^2 + (yl - yr)^2 - l^2\n"
    "yb = r sin(omega t),  xb^2 = l^2 - yb^2,  ll = |(xl, yl)|,  lr = |(xr - xb, yr - yb)|",
    f=car_axis_rhs,
    u0=np.array([0.0, 0.5, 1.0, 0.5, -0.5, 0.0, -0.5, 0.0, 0.0, 0.0]),
    tspan=(0.0, 3.0),
    parameters={"l0": 0.5, "l": 1.0, "m": 5e-4, "r": 0.1, "omega": 10.0},
    states=("xl", "yl", "xr", "yr", "vxl", "vyl", "vxr", "vyr", "lambda1", "lambda2"),
    source=f"S. Schneider, dissertation, TU Berlin (1994); {BARI}, with eps = 0.01 and M = 10: "
    "m = M eps^2/2.",
    reference=Reference(
        3.0,
        np.array([
            0.493455784275402809122e-1, 0.496989460230171153861, 1.04174252488542151681,
            0.373911027265361256927,
        ]),
        1e-11,
        f"(xl, yl, xr, yr) from the {BARI}; {ORDINARY} agrees to 12 digits",
        index=np.arange(4),
    ),
    stiff=True,
    mass_matrix=np.diag([1.0] * 8 + [0.0] * 2),
)  # fmt: skip


BODIES = {
    "m1": 0.04325, "m2": 0.00365, "m3": 0.02373, "m4": 0.00706, "m5": 0.07050, "m6": 0.00706,
    "m7": 0.05498, "I1": 2.194e-6, "I2": 4.410e-7, "I3": 5.255e-6, "I4": 5.667e-7, "I5": 1.169e-5,
    "I6": 5.667e-7, "I7": 1.912e-5,
}  # fmt: skip
PLACES = {
    "xa": -0.06934, "ya": -0.00227, "xb": -0.03635, "yb": 0.03273, "xc": 0.014, "yc": 0.072,
    "d": 0.028, "da": 0.0115, "e": 0.02, "ea": 0.01421, "rr": 0.007, "ra": 0.00092, "ss": 0.035,
    "sa": 0.01874, "sb": 0.01043, "sc": 0.018, "sd": 0.02, "ta": 0.02308, "tb": 0.00916, "u": 0.04,
    "ua": 0.01228, "ub": 0.00449, "zf": 0.02, "zt": 0.04, "fa": 0.01421,
}  # fmt: skip
ANGLES = ("beta", "theta", "gamma", "phi", "delta", "omega", "epsilon")


def andrews_squeezer_rhs(u, p, t):
    """Seven flat bodies, joined in three loops; a motor turns the first, a spring pulls back."""
    be, th, ga, ph, de, om, ep = u[:7]
    vbe, vth, _, vph, vde, vom, vep = u[7:14]
    w1, w2, w3, w4, w5, w6, w7 = u[14:21]
    l1, l2, l3, l4, l5, l6 = u[21:27]
    m1, m2, m3, m4, m5, m6, m7, i1, i2, i3, i4, i5, i6, i7 = p[:14]
    xa, ya, xb, yb, xc, yc, d, da, e, ea, rr, ra, ss, sa, sb, sc, sd = p[14:31]
    ta, tb, uu, ua, ub, zf, zt, fa, stiffness, rest, moment = p[31:42]
    # the loops: where the joints are, and how that changes with the angles
    x1, y1 = rr * np.cos(be) - d * np.cos(be + th), rr * np.sin(be) - d * np.sin(be + th)
    x1_th, y1_th = d * np.sin(be + th), -d * np.cos(be + th)
    x1_be, y1_be = x1_th - rr * np.sin(be), y1_th + rr * np.cos(be)
    cga, sga, cde, sde, cep, sep = (
        np.cos(ga), np.sin(ga), np.cos(de), np.sin(de), np.cos(ep), np.sin(ep)
    )  # fmt: skip
    cpd, spd, coe, soe = np.cos(ph + de), np.sin(ph + de), np.cos(om + ep), np.sin(om + ep)
    # the mass matrix
    m22 = m2 * da**2 + i2
    m21 = m22 - m2 * da * rr * np.cos(th)
    m11 = m1 * ra**2 + m2 * (rr**2 - 2 * da * rr * np.cos(th) + da**2) + i1 + i2
    arm, hand = e - ea, zf - fa
    m44, m66 = m4 * arm**2 + i4, m6 * hand**2 + i6
    m54, m76 = m44 + m4 * zt * arm * np.sin(ph), m66 - m6 * uu * hand * np.sin(om)
    m55 = 2 * m54 - m44 + m4 * zt**2 + m5 * (ta**2 + tb**2) + i5
    m77 = 2 * m76 - m66 + m6 * uu**2 + m7 * (ua**2 + ub**2) + i7
    # the forces: motor, spring, and what turning bodies do to each other
    xd, yd = sd * cga + sc * sga + xb, sd * sga - sc * cga + yb
    long = np.sqrt((xd - xc) ** 2 + (yd - yc) ** 2)
    pull = -stiffness * (long - rest) / long
    fx, fy = pull * (xd - xc), pull * (yd - yc)
    spin, swing, turn = (
        m2 * da * rr * np.sin(th), m4 * zt * arm * np.cos(ph), m6 * uu * hand * np.cos(om)
    )  # fmt: skip
    both_x, both_y = l1 + l3 + l5, l2 + l4 + l6  # the forces in the common joint of the loops
    return np.array([
        *u[7:14],
        *u[14:21],
        m11 * w1 + m21 * w2 - moment + spin * vth * (vth + 2 * vbe)
        + x1_be * both_x + y1_be * both_y,
        m21 * w1 + m22 * w2 - spin * vbe**2 + x1_th * both_x + y1_th * both_y,
        (m3 * (sa**2 + sb**2) + i3) * w3 - fx * (sc * cga - sd * sga) - fy * (sd * cga + sc * sga)
        - ss * cga * l1 - ss * sga * l2,
        m44 * w4 + m54 * w5 - swing * vde**2 - e * cpd * l3 - e * spd * l4,
        m54 * w4 + m55 * w5 + swing * vph * (vph + 2 * vde)
        + (zt * sde - e * cpd) * l3 - (zt * cde + e * spd) * l4,
        m66 * w6 + m76 * w7 + turn * vep**2 + zf * soe * l5 - zf * coe * l6,
        m76 * w6 + m77 * w7 - turn * vom * (vom + 2 * vep)
        + (zf * soe - uu * cep) * l5 - (zf * coe + uu * sep) * l6,
        x1 - ss * sga - xb,
        y1 + ss * cga - yb,
        x1 - e * spd - zt * cde - xa,
        y1 + e * cpd - zt * sde - ya,
        x1 - zf * coe - uu * sep - xa,
        y1 - zf * soe + uu * cep - ya,
    ])  # fmt: skip


andrews_squeezer = Entry(
    name="andrews_squeezer",
    title="Andrews' squeezer: seven bodies, six constraints (index 3)",
    equation="x' = v, v' = w,   x = (beta, theta, gamma, phi, delta, omega, epsilon)\n"
    "0 = M(x) w - f(x, v) + G(x)^T lambda,   0 = g(x)\n"
    "g = (rr cos(beta) - d cos(beta+theta) - ss sin(gamma) - xb,\n"
    "     rr sin(beta) - d sin(beta+theta) + ss cos(gamma) - yb,\n"
    "     rr cos(beta) - d cos(beta+theta) - e sin(phi+delta) - zt cos(delta) - xa, ...)",
    f=andrews_squeezer_rhs,
    u0=np.array([
        -0.0617138900142764496358948458001, 0.0, 0.455279819163070380255912382449,
        0.222668390165885884674473185609, 0.487364979543842550225598953530,
        -0.222668390165885884674473185609, 1.23054744454982119249735015568,
        *[0.0] * 7,
        14222.4439199541138705911625887, -10666.8329399655854029433719415, *[0.0] * 5,
        98.5668703962410896057654982170, -6.12268834425566265503114393122, *[0.0] * 4,
    ]),
    tspan=(0.0, 0.03),
    parameters={**BODIES, **PLACES, "c0": 4530.0, "l0": 0.07785, "mom": 0.033},
    states=(
        *ANGLES, *(f"v_{x}" for x in ANGLES), *(f"w_{x}" for x in ANGLES),
        *(f"lambda{i}" for i in range(1, 7)),
    ),
    units={
        "t": "s", **dict.fromkeys(ANGLES, "rad"), **{f"v_{x}": "rad/s" for x in ANGLES},
        **{f"w_{x}": "rad/s^2" for x in ANGLES}, **{f"lambda{i}": "N" for i in range(1, 7)},
        **{x: "kg" if x[0] == "m" else "kg m^2" for x in BODIES}, **dict.fromkeys(PLACES, "m"),
        "c0": "N/m", "l0": "m", "mom": "N m",
    },
    source="G. C. Andrews, M. K. Ormrod, ASME 86-DET-109 (1986); E. Hairer, G. Wanner, Solving "
    f"Ordinary Differential Equations II, section VII.7; {BARI}.",
    reference=Reference(
        0.03,
        np.array([
            15.81077119629904, -15.75637105984298, 0.04082224013073101, -0.5347301163226948,
            0.5244099658805304, 0.5347301163226948, 1.048080741042263,
        ]),
        1e-9,
        f"the angles, from the {BARI}; {ORDINARY} agrees to 9 digits",
        index=np.arange(7),
    ),
    stiff=True,
    mass_matrix=np.diag([1.0] * 14 + [0.0] * 13),
)  # fmt: skip
