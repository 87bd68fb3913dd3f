"""A step that iterates, as a kernel takes it: `Stepper` of `sciml_lab/solvers/iterating.py`.

This is text that stands in a kernel in front of its loop. What it calls is generated: `attempt`,
`correction`, `weigh`, `norm` and `rounding` from the readable step (`unroll_newton.py`), `start`
and `judge` from `SimplifiedNewton`, `ready`, `renew`, `note` and `relaxation` from `Reuse`. The
entries of d and y are explained in `newton_layout.py`.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def step(u_new, error, k, slope, f, u, p, t, h, v, work, n, c):
    """Take one step; if the iteration fails with old factors, again with new ones.

    Returns how often f was called beyond once a stage.
    """
    d = integers(c[ITERATION])
    y, before, value = numbers(d[STATE], "any"), c[NNEWTON], numbers(c[VALUE], "any")
    z, base = numbers(d[INCREMENT], "out"), numbers(d[BASE], "x")
    if d[SLOPE_AT_START] != 0 and y[STARTED] == 0.0:
        copy(slope, numbers(d[SLOPE_AT_START], "any"), n)
    y[STARTED], c[TROUBLE] = 1.0, 0
    weight, rtol, atol = numbers(d[WEIGHT], "any"), numbers(c[RTOL], "any"), numbers(c[ATOL], "any")
    if c[ADAPTIVE] != 0:
        y[FLOOR] = weigh(weight, u, rtol, atol, n)
    else:
        y[FLOOR] = weigh_fixed(weight, u, rtol, atol, n)
    ready(slope, f, u, p, t, h, work, n, c, y)
    found, again = False, True
    while again:
        if c[TROUBLE] == 0:
            y[RATE], y[FACTOR] = 0.0, relaxation(h, y)
            found = attempt(u_new, error, value, k, slope, f, u, p, t, h, z, base, v, work, n, c)
            if found:  # remember how fast its iterations converged
                note(y[RATE], h, y)
        again = c[TROUBLE] == UNSOLVED and renew(slope, f, u, p, t, h, work, n, c, y)
    if not found:
        u_new[0] = np.nan
    return c[NNEWTON] - before - (STAGES - 1)


def iterate(z, base, stage, f, u, p, t, h, v, work, n, c):
    """Add corrections to z until they are small; returns whether that went well."""
    d = integers(c[ITERATION])
    y, delta = numbers(d[STATE], "any"), numbers(d[DELTA], "error2")
    weight, noise = numbers(d[WEIGHT], "any"), numbers(d[NOISE], "any")
    newton, factor, floor = Newton(y[KAPPA], int(y[LIMIT]), True), y[FACTOR], y[FLOOR]
    now = start(newton, y[ETA])
    while now.verdict == GO_ON:
        correction(delta, z, base, factor, f, u, p, t, h, v, work, n, c)
        now = judge(newton, now, norm(delta, weight, n), floor)
        if now.verdict <= ENOUGH:
            for i in range(n):
                z[i] += delta[i]
    c[NNEWTON] += now.count
    y[ETA] = now.eta
    if now.verdict == SOLVED:
        y[RATE] = max(y[RATE], now.rate)
        return True
    product = numbers(c[PRODUCT], "any")
    size_of_terms(product, u, n, c)
    rounding(noise, product, u, y[FACTORED], n, c)
    if now.size <= NOISY * norm(noise, weight, n):
        return True  # more is not to be had
    c[TROUBLE], d[VERDICT], d[CORRECTIONS], d[STAGE] = UNSOLVED, now.verdict, now.count, stage
    y[LAST_RATE], y[LAST_TIME] = now.rate, t
    return False


def size_of_terms(product, u, n, c):
    """How large the terms are that f adds up: ``|J| |u|``."""
    for i in range(n):
        product[i] = 0.0
    if c[BANDED] != 0:
        add_terms_of_band(product, u, n, c)
        return
    jacobian = numbers(c[JACOBIAN], "any")
    for i in range(n):
        for j in range(n):
            product[i] += abs(jacobian[i * n + j] * u[j])


def add_terms_of_band(product, u, n, c):
    """The same with a band, whose unknowns may stand in another order."""
    b, d = integers(c[BANDED]), integers(c[ITERATION])
    columns, sources = numbers(b[COLUMNS], "any"), integers(b[SOURCES])
    upper, height = d[BAND_UPPER], d[BAND_LOWER] + d[BAND_UPPER] + 1
    for j in range(n):
        for i in range(max(0, upper - j), min(height, n + upper - j)):
            row, column = j + i - upper, j
            if b[UNKNOWN_OF] != 0:
                order = integers(b[UNKNOWN_OF])
                row, column = order[row], order[column]
            product[row] += abs(columns[sources[j * height + i]] * u[column])
