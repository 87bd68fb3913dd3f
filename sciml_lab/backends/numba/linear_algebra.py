"""The linear algebra of an implicit step, as a kernel carries it out.

This is the text that stands in a kernel in front of an implicit step: what `Linearisation` does
for the readable one. J is evaluated once for every state, W = M - gamma h J is factorised for
every attempt, by Gaussian elimination with partial pivoting, and both are full matrices, row by
row. c holds the addresses and counters of `layout.py`.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def linearise(slope, f, u, p, t, h, work, n, c):
    """J and the derivative of f by t at (u, t), unless they are known from the attempt before.

    Returns how often f was called.
    """
    if c[LINEARISED] != 0:
        return 0
    by_u = function(c[DF_DU], "mmmnm")
    by_u(numbers(c[JACOBIAN], "any"), u, p, t, work)
    c[LINEARISED] = 1
    c[NJAC] += 1
    if c[DF_DT] == 0:  # f does not read t, and the derivative holds zeros
        return 0
    by_t, slope_t = function(c[DF_DT], "mmmnm"), numbers(c[TIME_SLOPE], "any")
    by_t(slope_t, u, p, t, work)
    if finite(slope_t, n):
        return 0
    f(slope_t, u, p, t + h, work)  # infinite (a root at 0): the mean over the step
    for i in range(n):
        slope_t[i] = (slope_t[i] - slope[i]) / h
    return 1


def factorise(gamma_h, n, c):
    """The factors of W = M - gamma h J; False if it has none, with the reason in TROUBLE."""
    jacobian, w = numbers(c[JACOBIAN], "any"), numbers(c[FACTORS], "w")
    for i in range(n * n):
        w[i] = -gamma_h * jacobian[i]
    for i in range(n * n):
        if not np.isfinite(jacobian[i]):
            c[TROUBLE] = -1 - i
            return False
    if c[MASS] == 0:
        for i in range(n):
            w[i * (n + 1)] += 1.0
    else:
        mass = numbers(c[MASS], "any")
        for i in range(n * n):
            w[i] += mass[i]
    c[TROUBLE] = eliminate(w, integers(c[PIVOTS]), n)
    if c[TROUBLE] == 0:
        c[NLU] += 1
    return c[TROUBLE] == 0


def eliminate(w, pivots, n):
    """Write L, U and the order of the rows over W; the diagonal holds the inverse pivots.

    Returns the number of the first pivot that is zero, from 1; 0 if there is none.
    """
    for j in range(n):
        best = j
        for i in range(j + 1, n):
            if abs(w[i * n + j]) > abs(w[best * n + j]):
                best = i
        pivots[j] = best
        if w[best * n + j] == 0.0:
            return j + 1
        if best != j:
            for k in range(n):
                w[j * n + k], w[best * n + k] = w[best * n + k], w[j * n + k]
        w[j * n + j] = 1.0 / w[j * n + j]
        for i in range(j + 1, n):
            if w[i * n + j] != 0.0:
                factor = w[i * n + j] * w[j * n + j]
                w[i * n + j] = factor
                for k in range(j + 1, n):
                    w[i * n + k] -= factor * w[j * n + k]
    return 0


def back_substitute(x, n, c):
    """Solve W x = b; x holds b before and the solution afterwards."""
    w, pivots = numbers(c[FACTORS], "w"), integers(c[PIVOTS])
    for i in range(n):
        x[i], x[pivots[i]] = x[pivots[i]], x[i]
    for i in range(1, n):
        total = x[i]
        for k in range(i):
            total -= w[i * n + k] * x[k]
        x[i] = total
    for i in range(n - 1, -1, -1):
        total = x[i]
        for k in range(i + 1, n):
            total -= w[i * n + k] * x[k]
        x[i] = total * w[i * n + i]


def times_mass(x, n, c):
    """Write the product M x to PRODUCT."""
    mass, product = numbers(c[MASS], "any"), numbers(c[PRODUCT], "any")
    for i in range(n):
        total = 0.0
        for k in range(n):
            total += mass[i * n + k] * x[k]
        product[i] = total
