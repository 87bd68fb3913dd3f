"""Where in a step does a condition cross zero? Searched on the dense output.

The step is looked at in a number of places. Between two of different sign lies a root, and where
the condition comes near to zero and goes away again, its smallest value is looked for, so that two
crossings close together are found as well.
"""

from itertools import pairwise

import numpy as np

EPS = float(np.finfo(float).eps)
EARLY = (2.0 ** np.arange(-42, -3.0)).tolist()
"""Places near the start of the first step after an event: the next one may follow at once."""
TINY = (0.0, 2.0**-50, 2.0**-48, 2.0**-46)
"""Places where g has not moved yet: what it is there is rounding."""


def crossing(g, direction, samples, begins="apart"):
    """Place in (0, 1] of the first crossing of g, or None.

    Parameters
    ----------
    g : callable
        ``g(theta) -> float``, the condition inside of the step.
    direction : {-1, 0, 1}
        Which crossings count.
    samples : int
        Number of parts of the step that are looked at.
    begins : {"apart", "after", "beside"}
        What g(0) says. "apart": it has a sign of its own, or is zero exactly, which is no crossing.
        "after": the step begins at this very event, where g is zero up to rounding: its sign is
        then that of the first place where it is larger than that. "beside": it is zero up to
        rounding since another event happens where this condition changes its sign: if g leaves
        zero in a direction that counts, it has crossed.

    Returns
    -------
    float or None
        The place: there g has the sign that follows (or is zero), just before it the other one.

    Examples
    --------
    >>> round(crossing(lambda x: (x - 0.33) * (x - 0.34), 0, 10), 12)  # both between two samples
    0.33
    >>> crossing(lambda x: x + 1.0, 0, 10) is None
    True
    >>> [crossing(lambda x: x, 1, 10, begins) is None for begins in ("apart", "after", "beside")]
    [True, True, False]
    """
    points = [(x, float(g(x))) for x in sample_places(samples).tolist()]
    points = _own_sign(points) if begins == "apart" else _beyond_rounding(g, points)
    if begins == "beside" and points and direction * points[0][1] >= 0:
        return points[0][0]
    points = _with_dips(g, points)
    for (a, ga), (b, gb) in pairwise(points):
        if changes(ga, gb) and direction * ga <= 0:
            return _root(g, a, b, ga, gb)
    return None


def _own_sign(points):
    """The places from the first one on where g is not zero."""
    first = next((i for i, (_, gx) in enumerate(points) if abs(gx) > 0), len(points))
    return points[first:]


def _beyond_rounding(g, points):
    """The places from the first one on where g is larger than rounding.

    Early places are looked at until there is one; further ones only if g changes its sign between
    it and the next sample.
    """
    known, rounding = dict(points), 8 * max(abs(float(g(x))) for x in TINY)
    for x in sorted({*EARLY, *known}):
        gx = known[x] if x in known else float(g(x))
        if abs(gx) > rounding:
            break
    else:
        return []  # zero all along
    later = [point for point in points if point[0] > x]
    if later and changes(gx, later[0][1]):
        early = [(y, float(g(y))) for y in EARLY if x < y < later[0][0]]
        return [(x, gx), *early, *later]
    return [(x, gx), *later]


def sample_places(samples):
    """Where a step is looked at: in equal distances, and close to both ends.

    Examples
    --------
    >>> sample_places(2).tolist()
    [0.0, 0.001, 0.5, 0.999, 1.0]
    """
    return np.union1d(np.linspace(0.0, 1.0, samples + 1), [1e-3, 1 - 1e-3])


def changes(ga, gb):
    """Whether the sign changes from one place to the next; zero counts as reached.

    Examples
    --------
    >>> changes(-1.0, 0.0), changes(0.0, 1.0)
    (True, False)
    """
    return bool(ga != 0 and min(ga, gb) <= 0 <= max(ga, gb) and np.isfinite(ga * gb))


def dips(ga, gb, gc):
    """Whether of three values of one sign, not all the same, the middle one is nearest to zero.

    Examples
    --------
    >>> dips(3.0, 1.0, 2.0), dips(3.0, 2.0, 1.0), dips(1.0, 1.0, 1.0)
    (True, False, False)
    """
    one_sign = min(ga, gb, gc) > 0 or max(ga, gb, gc) < 0
    a, b, c = abs(ga), abs(gb), abs(gc)
    return bool(one_sign and b <= min(a, c) and b < max(a, c))


def _with_dips(g, points):
    """Add the places between three samples where ``|g|`` has a minimum beyond zero."""
    more = list(points)
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        if dips(before[1], here[1], after[1]):
            sign = np.sign(here[1])
            three = [(x, sign * gx) for x, gx in (before, here, after)]
            lowest = _lowest(lambda x, sign=sign: sign * float(g(x)), three)
            if lowest[1] < 0:
                more.append((lowest[0], sign * lowest[1]))
    return sorted(more)


def _lowest(g, three):
    """A place where g < 0 between three samples of a valley, or the lowest place that was met."""
    (a, ga), (b, gb), (c, gc) = three
    for _ in range(40):
        flat = max(ga, gc) - gb <= 4 * EPS * gb
        if gb < 0 or flat or c - a <= 1e-7 * max(abs(b), 1e-12):
            break
        top = (b - a) ** 2 * (gb - gc) - (b - c) ** 2 * (gb - ga)  # the vertex of the parabola
        bottom = 2 * ((b - a) * (gb - gc) - (b - c) * (gb - ga))
        x = b - top / bottom if bottom else b
        if not a < x < c or abs(x - b) < 1e-3 * (c - a):
            x = (b + c) / 2 if c - b > b - a else (a + b) / 2
        gx = g(x)
        (a, ga), (b, gb), (c, gc) = _narrower((a, ga), (b, gb), (c, gc), (x, gx))
    return b, gb


def _narrower(left, middle, right, new):
    """Three places around the lowest of four."""
    inner = sorted((middle, new))
    low = 0 if inner[0][1] <= inner[1][1] else 1
    return (left, inner[0], inner[1]) if low == 0 else (inner[0], inner[1], right)


def _root(g, a, b, ga, gb):
    """The root between a and b to the last digits, by the Illinois method; the side of b."""
    held = 0  # which end stayed where it was
    for count in range(200):
        if gb == 0 or abs(b - a) <= 2 * EPS * b:
            break
        x = b - gb * (b - a) / (gb - ga)
        if not a < x < b or count % 5 == 4:
            x = (a + b) / 2
            if not a < x < b:
                break
        gx = float(g(x))
        if gx != 0 and np.sign(gx) == np.sign(ga):
            a, ga, gb, held = x, gx, (gb / 2 if held == 1 else gb), 1
        else:
            b, gb, ga, held = x, gx, (ga / 2 if held == -1 else ga), -1
    return float(b)
