"""How a kernel looks out for events, or for stiffness: text that stands in front of its loop.

For events it only asks whether something may happen inside of a step. Whether it does, and where,
is found out by the readable `sciml_lab.solvers.locate.crossing`, whose rules (`changes`, `dips`)
and places are asked here as well.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def suspicious(w, k, extra, f, u, p, t, h, v, work, n, c):
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


def stiff(w, k, extra, f, u, p, t, h, v, work, n, c):
    """Whether the explicit method is to hand over, after a step of length h from u."""
    numbers(w[STEPS_END], "any")[H_RHO] = h_rho = abs(h) * radius(k, u, h, n)
    limit = numbers(w[STEPS_END], "any")[LIMIT]
    w[SUSPICIOUS], w[CALM] = stiffening(h_rho, limit, w[SUSPICIOUS], w[CALM])
    return w[SUSPICIOUS] >= STIFF_AFTER


def mild(w, k, extra, f, u, p, t, h, v, work, n, c):
    """Whether the implicit method is to hand back; J is a full matrix."""
    if c[BANDED] != 0:
        return False
    largest_sum = 0.0
    for i in range(n):
        row, total = part(numbers(c[JACOBIAN], "any"), i * n), 0.0
        for j in range(n):
            total += abs(row[j])
        largest_sum = max(largest_sum, total)
    numbers(w[STEPS_END], "any")[H_RHO] = h_rho = abs(h) * largest_sum
    w[CALM] = easing(h_rho, numbers(w[STEPS_END], "any")[LIMIT], w[CALM])
    return w[CALM] >= RETURN_AFTER


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
