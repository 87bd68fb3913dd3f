"""How a kernel looks out for events: text that stands in front of its loop.

It only asks whether something may happen inside of a step. Whether it does, and where, is found
out by the readable `sciml_lab.solvers.locate.crossing`, whose rules (`changes`, `dips`) and places
are asked here as well.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def suspicious(w, k, extra, f, u, p, t, h, v, work, n):
    """Whether a condition may cross zero in the step of length h from u.

    Its values at three places in a row are compared: the sign may change, or the value may come
    near to zero and go away again.
    """
    dense_stages(k, extra, f, u, p, t, h, v, work, n)
    if w[SURE] != 0:
        w[SURE] = 0
        return True
    directions, counts, places = integers(w[DIRECTION]), integers(w[COUNTS]), w[PLACES]
    addresses = integers(w[CONDITION])
    point, g, scratch = numbers(w[POINT], "v"), numbers(w[G], "any"), numbers(w[SCRATCH], "any")
    for j in range(w[EVENTS]):
        condition, where = function(addresses[j], "mmmnm"), numbers(places, "any")
        before, here = 0.0, 0.0
        for i in range(counts[j]):
            interpolate(point, k, extra, u, h, where[i], n)
            condition(g, point, p, t + where[i] * h, scratch)
            following = g[0]
            if i > 0 and changes(here, following) and directions[j] * here <= 0:
                return True
            if i > 1 and dips(before, here, following):
                return True
            before, here = here, following
        places += 8 * counts[j]
    return False


def condition_at(block, j, theta):
    """Condition j at a place in the last step, whose stages for dense output are there."""
    c = integers(block)
    w, n, row = integers(c[WATCH]), c[N], c[ROW] - 1
    stride = n * STAGES if c[KEEP] != 0 else 0
    u = part(numbers(c[STORE_U], "u"), row * n)
    k, extra = part(numbers(c[STORE_K], "k"), row * stride), numbers(c[EXTRA], "k")
    t, h = numbers(c[STORE_T], "any")[row], numbers(c[STORE_H], "any")[row]
    condition = function(integers(w[CONDITION])[j], "mmmnm")
    point, g = numbers(w[POINT], "v"), numbers(w[G], "any")
    interpolate(point, k, extra, u, h, theta, n)
    condition(g, point, numbers(c[P], "any"), t + theta * h, numbers(w[SCRATCH], "any"))
    return g[0]
