"""Colours for the columns of a sparse matrix: one direction serves all columns of a colour.

Two columns of J that share no row can be computed from one product J v, since each entry of the
product then belongs to one of them. A tridiagonal Jacobian takes 3 products, whatever its size.
Fewest colours is a hard problem; a greedy choice, column by column, comes close.

With this module one can: colour any pattern, and get the matrix back from the products.

References
----------
A. R. Curtis, M. J. D. Powell, J. K. Reid, "On the estimation of sparse Jacobian matrices",
J. Inst. Math. Appl. 13 (1974) 117-119.
A. H. Gebremedhin, F. Manne, A. Pothen, "What color is your Jacobian?", SIAM Review 47 (2005).
"""

from hashlib import sha256

import numpy as np

from sciml_lab._optional import need

KINDS = ("column", "star")
KEPT = 64  # colourings that are remembered
MANY = 3000  # columns for which it takes too long to look for the most incident one each time

_known: dict = {}  # (kind, shape, name of the pattern): colours


def color(pattern, kind="column") -> np.ndarray:
    """Give each column of a pattern a colour: 0, 1, 2, ...

    Parameters
    ----------
    pattern : array or sparse matrix
        Nonzero where the matrix may be nonzero.
    kind : {"column", "star"}
        "column": columns of one colour share no row. "star", for symmetric matrices such as
        Hessians: fewer colours, since an entry can be read from its row or from its column;
        neighbours differ, and no path of four is coloured with two colours only.

    Returns
    -------
    ndarray of int
        One colour for each column.

    Examples
    --------
    >>> band = np.abs(np.subtract.outer(np.arange(7), np.arange(7))) <= 1
    >>> color(band)
    array([0, 1, 2, 0, 1, 2, 0])
    """
    P = as_pattern(pattern)
    if kind not in KINDS:
        raise ValueError(f"kind must be 'column' or 'star' (got {kind!r}).")
    key = kind, P.shape, _print_of(P)
    if key not in _known:  # a solve colours the pattern that the last one did
        if len(_known) >= KEPT:
            _known.clear()
        _known[key] = _star(P) if kind == "star" else _columns(P)
    return _known[key].copy()


def _print_of(P):
    """A short name of a pattern."""
    return sha256(np.concatenate([P.indptr, P.indices]).astype(np.int64).tobytes()).digest()


def _columns(P):
    """Colours by which columns that share a row differ."""
    n = P.shape[1]
    fewest = int(np.diff(P.tocsr().indptr).max(initial=0))
    if fewest == n:
        return np.arange(n)
    graph = _neighbours(P)
    best = None
    for order in _orders(graph):
        colors = _greedy(graph, order)
        if best is None or colors.max() < best.max():
            best = colors
        if best.max() + 1 == fewest:  # the columns of one row all differ: it can't be fewer
            break
    return np.arange(n) if best is None else best


def as_pattern(pattern):
    """A pattern as a sparse array of True, sorted by columns; no entry is stored twice.

    Examples
    --------
    >>> as_pattern([[0, 2.0], [0, 0]]).toarray()
    array([[False,  True],
           [False, False]])
    """
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    if hasattr(pattern, "tocsc"):
        P = sparse.csc_array(pattern)
        P = sparse.csc_array((np.ones(P.data.size, bool), P.indices, P.indptr), shape=P.shape)
    else:
        pattern = np.asarray(pattern)
        if pattern.ndim != 2:
            raise ValueError(
                f"pattern must be a matrix (got an array of shape {pattern.shape}): give one row "
                "for each equation and one column for each unknown."
            )
        P = sparse.csc_array(pattern != 0)
    P.sum_duplicates()
    return P


def _neighbours(P):
    """Which columns share a row: a graph as (starts, ends) of a sparse array."""
    counts = P.astype(np.int32)
    return (counts.T @ counts).tocsr()


def _orders(graph):
    """Orders to colour in: as they come (best for bands), largest first, least incident last."""
    yield np.arange(graph.shape[0])
    degree = np.diff(graph.indptr)
    yield np.argsort(-degree, kind="stable")
    if len(degree) <= MANY:
        yield _incidence(graph, degree)


def _incidence(graph, degree):
    """Next comes the column with most neighbours among those that have come already."""
    n, left = len(degree), np.ones(len(degree), bool)
    score, order = degree / (1.0 + degree.max()), np.empty(len(degree), int)
    for k in range(n):
        order[k] = j = int(np.argmax(np.where(left, score, -1.0)))
        left[j] = False
        score[graph.indices[graph.indptr[j] : graph.indptr[j + 1]]] += 1
    return order


def _greedy(graph, order):
    """Give each column in turn the first colour that none of its neighbours has."""
    starts, indices = graph.indptr.tolist(), graph.indices
    colors = np.full(len(order), -1)
    for j in order.tolist():
        taken = set(colors[indices[starts[j] : starts[j + 1]]].tolist())
        c = 0
        while c in taken:
            c += 1
        colors[j] = c
    return colors


def _star(P):
    """Greedy star colouring of the graph of a symmetric matrix, vertices of most edges first."""
    if P.shape[0] != P.shape[1] or (P != P.T).nnz:
        raise ValueError(
            "pattern must be symmetric for kind='star' (a Hessian): take kind='column'."
        )
    edges = [
        [i for i in P.indices[a:b].tolist() if i != j]
        for j, (a, b) in enumerate(zip(P.indptr[:-1], P.indptr[1:], strict=True))
    ]
    colors = [-1] * len(edges)
    for v in sorted(range(len(edges)), key=lambda j: -len(edges[j])):
        taken = _taken(edges, colors, v)
        c = 0
        while c in taken:
            c += 1
        colors[v] = c
    return np.array(colors, dtype=int)


def _taken(edges, colors, v):
    """Colours that v can't have: of its neighbours, and those that would close a two-colour path.

    Over a neighbour w without a colour yet, v has to differ from what lies behind it. Over a
    coloured w, v may have the colour of x behind it, unless x has another neighbour like w.
    """
    taken = set()
    for w in edges[v]:
        if colors[w] >= 0:
            taken.add(colors[w])
        for x in edges[w]:
            if x == v or colors[x] < 0 or colors[x] in taken:
                continue
            behind = (colors[y] == colors[w] for y in edges[x] if y != w)
            if colors[w] < 0 or any(behind):
                taken.add(colors[x])
    return taken


def seeds(colors) -> np.ndarray:
    """The directions, one a column: ones for the columns of the matrix that have the colour.

    Examples
    --------
    >>> seeds([0, 1, 0])
    array([[1., 0.],
           [0., 1.],
           [1., 0.]])
    """
    return np.eye(int(np.max(colors, initial=-1)) + 1)[np.asarray(colors, dtype=int)]


def recover(pattern, colors, products, kind="column"):
    """The matrix from its products with the `seeds` of a colouring.

    Parameters
    ----------
    pattern : array or sparse matrix
    colors : sequence of int
        As `color` gives them.
    products : array (rows, number of colours)
        ``matrix @ seeds(colors)``.
    kind : {"column", "star"}

    Returns
    -------
    scipy.sparse.csc_array

    Examples
    --------
    >>> A = np.diag([1.0, 2.0, 3.0])
    >>> colors = color(A)
    >>> colors, recover(A, colors, A @ seeds(colors)).toarray().diagonal()
    (array([0, 0, 0]), array([1., 2., 3.]))
    """
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    P, colors, products = as_pattern(pattern), np.asarray(colors, dtype=int), np.asarray(products)
    rows, columns = P.indices, np.repeat(np.arange(P.shape[1]), np.diff(P.indptr))
    data = products[rows, colors[columns]]
    if kind == "star":  # where row i meets the colour twice, read the entry from its column
        off = rows != columns
        met = np.zeros(products.shape, dtype=int)
        np.add.at(met, (rows[off], colors[columns[off]]), 1)
        twice = off & (met[rows, colors[columns]] > 1)
        data[twice] = products[columns[twice], colors[rows[twice]]]
    return sparse.csc_array((data, rows, P.indptr), shape=P.shape)
