"""The linear algebra of an implicit step whose W is a band, as a kernel carries it out.

This is the text that is compiled for a band of KL diagonals below the main one and KU above. A
column takes HEIGHT = 2 KL + KU + 1 numbers, as in LAPACK: from top to bottom KL for what row
interchanges bring, KU above the diagonal, the diagonal, KL below. There are KL + KU columns more
than unknowns, of zeros, so that no loop has to look where the matrix ends.

Mostly the largest entry of a column stands on the diagonal already, and rows stay in order. Each
elimination then waits for the one before, and so does each number of a substitution. But one can
begin at both ends: of the ENDS first columns downwards, of the ENDS last ones upwards, and what
lies in the middle comes last. So two numbers are under way at the same time. Where rows have to
change places, the elimination starts again at the first column.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def factorise(gamma_h, c):
    """The factors of W = M - gamma h J; TROUBLE tells if it has none."""
    b = integers(c[BANDED])
    n, w, diagonal = b[UNKNOWNS], numbers(b[BAND], "w"), numbers(b[INVERSES], "y")
    c[TROUBLE], b[IN_ORDER] = 0, 1
    if not finite(b, n):
        c[TROUBLE] = -1
        return
    assemble(gamma_h, b, w, n)
    if not eliminate_in_order(w, diagonal, b[ENDS], n):
        b[IN_ORDER] = 0
        assemble(gamma_h, b, w, n)
        c[TROUBLE] = eliminate(w, diagonal, integers(b[PIVOTS]), n)


def finite(b, n):
    """Whether all entries of J are finite."""
    columns, sources, total = numbers(b[COLUMNS], "k"), integers(b[SOURCES]), 0.0
    for i in range(b[ENTRIES]):
        total = in_any_order(total, 0.0 * columns[i])  # not even zero times it is zero
    if total == 0.0:
        return True
    i, size = 0, n * (KL + KU + 1)  # there are numbers too that are no entry of J
    while i < size and np.isfinite(columns[sources[i]]):
        i += 1
    return i == size


def assemble(gamma_h, b, w, n):
    """Put the band of W together from the columns of J."""
    columns, sources = numbers(b[COLUMNS], "k"), integers(b[SOURCES])
    mass = numbers(b[MASS_BAND], "u")
    for j in range(n):
        column, start = part(w, j * HEIGHT + KL), j * (KL + KU + 1)
        for i in range(KL + KU + 1):
            column[i] = mass[start + i] - gamma_h * columns[sources[start + i]]


def eliminate_in_order(w, diagonal, ends, n):
    """Gaussian elimination without interchanges; False if a pivot is not the largest one.

    W is L D U; L and U take the place of W, the ones on their diagonals are not stored, and
    `diagonal` receives the inverse of D.
    """
    if not eliminate_ends(w, diagonal, ends, n):
        return False
    for j in range(ends, n - ends):
        left = n - ends - 1 - j
        if not eliminate_down(w, diagonal, j, min(KL, left), min(KU, left)):
            return False
    return True


def eliminate_down(w, diagonal, j, low, right):
    """Take column j off `right` columns after it; False if its pivot is not the largest one."""
    column = part(w, j * HEIGHT + KL + KU)
    largest = column[0] != 0.0
    for i in range(1, low + 1):
        largest = largest and abs(column[i]) <= abs(column[0])
    if not largest:
        return False
    diagonal[j] = inverse = 1.0 / column[0]
    for k in range(1, right + 1):
        other = part(column, k * (HEIGHT - 1))
        other[0] = x = other[0] * inverse
        for i in range(1, low + 1):
            other[i] -= x * column[i]
    for i in range(1, low + 1):
        column[i] *= inverse
    return True


def eliminate(w, diagonal, pivots, n):
    """Gaussian elimination with partial pivoting, which may widen U by KL diagonals.

    Returns the number of the first pivot that is zero, from 1; 0 if there is none.
    """
    for j in range(n + KL + KU):
        for i in range(KL):
            w[j * HEIGHT + i] = 0.0
    for j in range(n):
        column, best = part(w, j * HEIGHT + KL + KU), 0
        for i in range(1, KL + 1):
            if abs(column[i]) > abs(column[best]):
                best = i
        if column[best] == 0.0:
            return j + 1
        pivots[j] = best
        if best != 0:
            for k in range(KL + KU + 1):
                other = part(column, k * (HEIGHT - 1))
                other[0], other[best] = other[best], other[0]
        diagonal[j] = inverse = 1.0 / column[0]
        for k in range(1, KL + KU + 1):
            other = part(column, k * (HEIGHT - 1))
            if other[0] != 0.0:
                other[0] = x = other[0] * inverse
                for i in range(1, KL + 1):
                    other[i] -= x * column[i]
        for i in range(1, KL + 1):
            column[i] *= inverse
    return 0


def back_substitute(v, c):
    """Solve W x = v; x takes the place of v."""
    b = integers(c[BANDED])
    n, w, diagonal = b[UNKNOWNS], numbers(b[BAND], "w"), numbers(b[INVERSES], "y")
    x, order = part(numbers(b[X], "x"), KL + KU), integers(b[UNKNOWN_OF])
    if b[UNKNOWN_OF] == 0:
        for i in range(n):
            x[i] = v[i]
    else:
        for i in range(n):
            x[i] = v[order[i]]
    if b[IN_ORDER] != 0:
        lower_in_order(x, w, diagonal, b[ENDS], n)
        upper_in_order(x, w, b[ENDS], n)
    else:
        lower(x, w, diagonal, integers(b[PIVOTS]), n)
        upper(x, w, n)
    if b[UNKNOWN_OF] == 0:
        for i in range(n):
            v[i] = x[i]
    else:
        for i in range(n):
            v[order[i]] = x[i]


def lower_in_order(x, w, diagonal, ends, n):
    """Solve L D y = x: both ends, and then the middle."""
    lower_ends(x, w, diagonal, ends, n)
    for j in range(ends, n - ends):
        here, below = part(x, j), part(w, j * HEIGHT + KL + KU)
        y = here[0]
        for i in range(1, min(KL, n - ends - 1 - j) + 1):
            here[i] -= below[i] * y
        here[0] = y * diagonal[j]


def upper_in_order(x, w, ends, n):
    """Solve U x = y: the middle, and then both ends."""
    for j in range(n - ends - 1, ends - 1, -1):
        here, column = part(x, j), part(w, j * HEIGHT + KL + KU)
        y = here[0]
        for i in range(1, KU + 1):
            here[-i] -= column[-i] * y
        for i in range(n - ends - j, KL + 1):
            here[i] -= column[i] * y
    upper_ends(x, w, ends, n)


def lower(x, w, diagonal, pivots, n):
    """Solve L D y = x with the rows interchanged as in the factorisation."""
    for j in range(n):
        here, below = part(x, j), part(w, j * HEIGHT + KL + KU)
        best = pivots[j]
        here[0], here[best] = here[best], here[0]
        for i in range(1, KL + 1):
            here[i] -= below[i] * here[0]
        here[0] *= diagonal[j]


def upper(x, w, n):
    """Solve U x = y."""
    for j in range(n - 1, -1, -1):
        here, above = part(x, j - KL - KU), part(w, j * HEIGHT)
        for i in range(KL + KU):
            here[i] -= above[i] * here[KL + KU]


def times_mass(v, product, c):
    """The product M v."""
    b = integers(c[BANDED])
    starts, columns = integers(b[MASS_STARTS]), integers(b[MASS_COLUMNS])
    entries = numbers(b[MASS_ENTRIES], "w")
    for i in range(b[UNKNOWNS]):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += entries[k] * v[columns[k]]
        product[i] = total
