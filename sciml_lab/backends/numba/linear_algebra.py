"""The linear algebra of an implicit step, as a kernel carries it out.

This is the text that stands in a kernel in front of an implicit step: what `Linearisation` does
for the readable one. J is evaluated once for every state, W = M - gamma h J is factorised for
every attempt. J is stored row by row, W column by column, each made up to full blocks of four
numbers: the loops over a block have a fixed length, and become a few vector instructions.
c holds the addresses and counters of `layout.py`. A band has functions of its own
(`banded_algebra.py`), which are compiled for its width and called by their addresses.
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
    if c[BANDED] != 0:
        function(c[BAND_FACTORISE], "ni")(gamma_h, c)
    else:
        factorise_full(gamma_h, n, c)
    if c[TROUBLE] == 0:
        c[NLU] += 1
    return c[TROUBLE] == 0


def factorise_full(gamma_h, n, c):
    """The factors of a full W; TROUBLE tells if it has none."""
    jacobian, w, wide = numbers(c[JACOBIAN], "any"), numbers(c[FACTORS], "w"), padded(n)
    total = 0.0
    for i in range(n * n):
        total += 0.0 * jacobian[i]
    if total != 0.0:  # not even zero times it is zero
        c[TROUBLE] = -1 - not_finite(jacobian)
        return
    for j in range(n):
        for i in range(n):
            w[j * wide + i] = -gamma_h * jacobian[i * n + j]
    if c[MASS] == 0:
        for i in range(n):
            w[i * wide + i] += 1.0
    else:
        mass = numbers(c[MASS], "any")
        for i in range(n):
            for j in range(n):
                w[j * wide + i] += mass[i * n + j]
    diagonal, below = numbers(c[DIAGONAL], "y"), numbers(c[VECTOR], "x")
    c[LOWER] = c[UPPER] = n - 1
    if n > SHORT:
        c[LOWER], c[UPPER] = diagonals(w, n, wide)
    c[TROUBLE] = eliminate(w, diagonal, integers(c[ORDER]), below, n, c)


def not_finite(jacobian):
    """The place of the first entry that is not finite; there is one."""
    i = 0
    while np.isfinite(jacobian[i]):
        i += 1
    return i


def padded(n):
    """The length of a column of W: n, made up to full blocks by zeros."""
    return (n + BLOCK - 1) // BLOCK * BLOCK


def diagonals(w, n, wide):
    """How many diagonals of W below the main one, and above it, are not all zero."""
    lower, upper = 0, 0
    for j in range(n):
        column = part(w, j * wide)
        for i in range(j - upper):
            if column[i] != 0.0:
                upper = j - i
                break
        for i in range(n - 1, j + lower, -1):
            if column[i] != 0.0:
                lower = i - j
                break
    return lower, upper


def eliminate(w, diagonal, order, below, n, c):
    """Gaussian elimination with partial pivoting: W, its rows in another order, is L D U.

    L and U take the place of W; the ones on their diagonals are not stored. `diagonal` receives
    the inverse of D, and `order` the rows. In a band of LOWER and UPPER diagonals rows that change
    places widen U by as many as are below, and what they carry along of L has no bound; these are
    written back. Returns the number of the first pivot that is zero, from 1; 0 if there is none.
    """
    wide, lower, in_order = padded(n), c[LOWER], True
    reach = min(n, lower + c[UPPER] + 1)
    for i in range(n):
        order[i] = i
    for j in range(n):
        column, low, right = part(w, j * wide), min(n, j + lower + 1), min(n, j + reach)
        best = largest(column, j, low)
        if column[best] == 0.0:
            return j + 1
        if best != j:
            in_order = False
            order[j], order[best] = order[best], order[j]
            for k in range(n):
                here, there = k * wide + j, k * wide + best
                w[here], w[there] = w[there], w[here]
        diagonal[j] = inverse = 1.0 / column[j]
        for i in range(j + 1, low):
            below[i] = column[i]
            column[i] *= inverse
        for k in range(j + 1, right):
            other = part(w, k * wide)
            if other[j] != 0.0:
                other[j] = x = other[j] * inverse
                for i in range(j + 1, low):
                    other[i] -= x * below[i]
    if not in_order:
        c[LOWER], c[UPPER] = n - 1, reach - 1
    return 0


def largest(column, j, n):
    """The row, from j on, in which a column is largest; mostly that is j itself."""
    for i in range(j + 1, n):
        if abs(column[i]) > abs(column[j]):
            best = i
            for k in range(i + 1, n):
                if abs(column[k]) > abs(column[best]):
                    best = k
            return best
    return j


def back_substitute(b, n, c):
    """Solve W x = b; x takes the place of b."""
    if c[BANDED] != 0:
        function(c[BAND_SOLVE], "mi")(b, c)
    else:
        back_substitute_full(b, n, c)


def back_substitute_full(b, n, c):
    """Solve W x = b with a full W.

    Both triangles are worked off block by block: first the equations inside of a block, then
    what they contribute to the others, where the processor has several numbers in hand at once.
    """
    w, order, diagonal = numbers(c[FACTORS], "w"), integers(c[ORDER]), numbers(c[DIAGONAL], "y")
    x, wide, lower, upper = numbers(c[VECTOR], "x"), padded(n), c[LOWER], c[UPPER]
    for i in range(n):
        x[i] = b[order[i]]
    for i in range(n, wide):
        x[i] = 0.0
    for j in range(0, wide, BLOCK):
        here = part(w, j * wide + j)
        l0, l1, l2 = here, part(here, wide), part(here, 2 * wide)
        x0 = x[j]
        x1 = x[j + 1] - l0[1] * x0
        x2 = x[j + 2] - l0[2] * x0 - l1[2] * x1
        x3 = x[j + 3] - l0[3] * x0 - l1[3] * x1 - l2[3] * x2
        x[j + 1], x[j + 2], x[j + 3] = x1, x2, x3
        for start in range(j + BLOCK, min(wide, j + BLOCK + lower), BLOCK):
            subtract(x, w, j, start, wide)
    for i in range(n):
        x[i] *= diagonal[i]
    for j in range(wide - BLOCK, -1, -BLOCK):
        here = part(w, j * wide + j)
        u1, u2, u3 = part(here, wide), part(here, 2 * wide), part(here, 3 * wide)
        x3 = x[j + 3]
        x2 = x[j + 2] - u3[2] * x3
        x1 = x[j + 1] - u3[1] * x3 - u2[1] * x2
        x0 = x[j] - u3[0] * x3 - u2[0] * x2 - u1[0] * x1
        x[j], x[j + 1], x[j + 2] = x0, x1, x2
        for start in range(max(0, j - upper) // BLOCK * BLOCK, j, BLOCK):
            subtract(x, w, j, start, wide)
    for i in range(n):
        b[i] = x[i]


def subtract(x, w, j, start, wide):
    """Take what the unknowns of the block at j contribute off those of the block at `start`."""
    x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
    w0, w1 = part(w, j * wide + start), part(w, (j + 1) * wide + start)
    w2, w3 = part(w, (j + 2) * wide + start), part(w, (j + 3) * wide + start)
    target = part(x, start)
    for i in range(BLOCK):
        target[i] -= w0[i] * x0 + w1[i] * x1 + w2[i] * x2 + w3[i] * x3


def times_mass(x, n, c):
    """Write the product M x to PRODUCT."""
    if c[BANDED] != 0:
        function(c[BAND_TIMES_MASS], "mmi")(x, numbers(c[PRODUCT], "any"), c)
        return
    mass, product = numbers(c[MASS], "any"), numbers(c[PRODUCT], "any")
    for i in range(n):
        total = 0.0
        for k in range(n):
            total += mass[i * n + k] * x[k]
        product[i] = total
