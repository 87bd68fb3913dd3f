"""Coefficients of splitting methods: how far each flow is followed, in the order of acting.

"A" is the drift (positions move with the velocity), "B" the kick (momenta change with the force).
`order_of` in `words.py` proves the order of each.
"""

R3 = "R. D. Ruth, IEEE Trans. Nucl. Sci. 30 (1983) 2669"
MA = "R. I. McLachlan, P. Atela, Nonlinearity 5 (1992) 541"
Y6 = "H. Yoshida, Phys. Lett. A 150 (1990) 262, solution A"
KL = "W. Kahan, R.-C. Li, Math. Comp. 66 (1997) 1089"


def drift_kick(a, b):
    """Drift a1, kick b1, drift a2, ..."""
    return tuple(x for pair in zip(a, b, strict=True) for x in zip("AB", pair, strict=True))


def kick_drift(a, b):
    """Kick b1, drift a1, kick b2, ..."""
    return tuple(x for pair in zip(b, a, strict=True) for x in zip("BA", pair, strict=True))


def composed(half):
    """Verlet steps of lengths g1, g2, ..., middle, ..., g2, g1, neighbouring kicks put together.

    Examples
    --------
    >>> composed([1.0])
    (('B', 0.5), ('A', 1.0), ('B', 0.5))
    """
    flows, before = [], 0.0
    for g in [*half, *half[-2::-1]]:
        flows += [("B", (before + g) / 2), ("A", g)]
        before = g
    return (*flows, ("B", before / 2))


SYMPLECTIC_EULER = (("B", 1.0), ("A", 1.0))
VERLET = composed([1.0])
RUTH3 = drift_kick([1.0, -2 / 3, 2 / 3], [-1 / 24, 3 / 4, 7 / 24])
MCATE4 = kick_drift(
    [0.5153528374311229364, -0.085782019412973646, 0.4415830236164665242, 0.1288461583653841854],
    [0.1344961992774310892, -0.2248198030794208058, 0.7563200005156682911, 0.3340036032863214255],
)
MCATE5 = kick_drift(
    [
        0.339839625839110000, -0.088601336903027329, 0.5858564768259621188,
        -0.603039356536491888, 0.3235807965546976394, 0.4423637942197494587,
    ],
    [
        0.1193900292875672758, 0.6989273703824752308, -0.1713123582716007754,
        0.4012695022513534480, 0.0107050818482359840, -0.0589796254980311632,
    ],
)  # fmt: skip
YOSHIDA6 = composed(
    [0.78451361047755726382, 0.23557321335935813368, -1.17767998417887100695,
     1.31518632068391121889]
)  # fmt: skip
KAHANLI6 = composed(
    [0.39216144400731413928, 0.33259913678935943860, -0.70624617255763935981,
     0.08221359629355080023, 0.79854399093482996340]
)  # fmt: skip
KAHANLI8 = composed(
    [0.13020248308889008088, 0.56116298177510838456, -0.38947496264484728641,
     0.15884190655515560090, -0.39590389413323757734, 0.18453964097831570709,
     0.25837438768632204729, 0.29501172360931029887, -0.60550853383003451170]
)  # fmt: skip
