"""The stages between f and a solved linear system, each by itself: what it stores and costs.

Everything here is the linear algebra of the package, one stage after the other, so that a reader
can leave stages out, or exchange them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

import sciml_lab as sl
from sciml_lab._optional import need
from sciml_lab.linalg.coloring import color, recover
from sciml_lab.linalg.dense_lu import SingularMatrix, dense_lu
from sciml_lab.linalg.krylov import gmres
from sciml_lab.linalg.matrix_free import JacobianProduct, Shifted
from sciml_lab.linalg.multigrid import interpolations
from sciml_lab.linalg.precondition import blocks as blocks_of
from sciml_lab.linalg.sparse_lu import SYMMETRIC
from sciml_lab_widgets.pipeline_cases import CASES, system

SOLVERS = ("full", "band", "sparse", "GMRES")
ORDERS = ("as they come", "reverse Cuthill-McKee", "minimum degree")
COLOURS = ("off", "column", "star")
PRECONDITIONERS = ("none", "Jacobi", "block Jacobi", "ILU", "multigrid")
RTOL, LIMIT, RESTART = 1e-8, 300, 60


@dataclass(frozen=True)
class Plan:
    """Which stages are on. `settled` resolves those that exclude each other.

    Examples
    --------
    >>> plan, remarks = Plan("heat in a plate", 8, 1e-3, pattern=False, solver="sparse").settled()
    >>> plan.solver, remarks[0]
    ('full', 'Without the pattern nobody knows where W is zero, so it is treated as a full matrix.')
    """

    name: str
    n: int
    gamma_h: float
    pattern: bool = True
    colours: str = "column"
    order: str = "minimum degree"
    solver: str = "sparse"
    precondition: str = "none"
    matrix_free: bool = False

    def settled(self) -> tuple[Plan, list[str]]:
        """The plan as it can be carried out, and a sentence for each change that matters."""
        plan, remarks = self, []
        if plan.solver != "GMRES":
            plan = replace(plan, matrix_free=False, precondition="none")
        if plan.solver not in ("band", "sparse"):
            plan = replace(plan, order="as they come")
        if plan.matrix_free:
            if plan.precondition != "none":
                remarks.append(
                    f"{plan.precondition} needs the entries of W, and there are none now: GMRES "
                    "goes without."
                )
            return replace(plan, pattern=False, colours="off", precondition="none"), remarks
        if not plan.pattern:
            if plan.solver in ("band", "sparse"):
                remarks.append(
                    "Without the pattern nobody knows where W is zero, so it is treated as a full "
                    "matrix."
                )
                plan = replace(plan, solver="full", order="as they come")
            elif plan.precondition != "none":
                remarks.append(f"{plan.precondition} is left out: W is a full matrix now.")
            return replace(plan, colours="off", precondition="none"), remarks
        if plan.solver == "band" and plan.order == "minimum degree":
            remarks.append("Minimum degree makes no band: the order is reverse Cuthill-McKee.")
            plan = replace(plan, order="reverse Cuthill-McKee")
        if plan.colours == "star" and not system(plan.name, plan.n).symmetric:
            remarks.append("Star colours are for symmetric matrices, and J isn't: column colours.")
            plan = replace(plan, colours="column")
        return plan, remarks

    @property
    def colors(self) -> np.ndarray:
        """The colour of each column of J; without colours each has its own."""
        found = system(self.name, self.n)
        if self.colours == "off":
            return np.arange(found.size)
        return color(found.pattern, self.colours)


class Ready(NamedTuple):
    """W made ready: how to solve, what is stored for it, and what that costs.

    Attributes
    ----------
    solve : callable
        From b to (x, GMRES iterations, relative residual).
    stored : int
        Numbers that are stored.
    made, used : float
        Operations to make them, and for one use: a solve, or a use of the preconditioner.
    picture, own : scipy.sparse matrix or None
        Where they stand, in the order in which the unknowns are eliminated; where W has entries,
        in the same order.
    text : str
        What stands in place of a picture.
    """

    solve: Any
    stored: int
    made: float
    used: float
    picture: Any = None
    own: Any = None
    text: str = ""


def jacobian(plan, colors):
    """J as the plan computes it: full, or sparse from the products with the seeds."""
    found = system(plan.name, plan.n)
    products = found.columns(colors)
    if not plan.pattern:
        return products
    return recover(found.pattern, colors, products, "star" if plan.colours == "star" else "column")


def shifted(plan):
    """W as the plan has it: sparse, full, or products only."""
    found = system(plan.name, plan.n)
    if plan.matrix_free:
        prob = found.problem
        return Shifted(None, plan.gamma_h, JacobianProduct(prob.f, None, prob.u0, prob.p, 0.0))
    W = found.W(plan.gamma_h)
    return W if plan.pattern else W.toarray()


def prepare(plan, W) -> Ready:
    """Factors of W, or what GMRES needs of it.

    Examples
    --------
    >>> plan = Plan("heat in a plate", 8, 1e-3, order="as they come", solver="band")
    >>> prepare(plan, shifted(plan)).stored
    1600
    """
    n = W.shape[0]
    if plan.solver == "GMRES":
        return _krylov(plan, W)
    if plan.solver == "full":
        solve = dense_lu(W.toarray() if plan.pattern else W)
        full, own = np.ones((n, n), bool), system(plan.name, plan.n).W(plan.gamma_h)
        return Ready(_as_given(solve), n * n, *full_work(n), full, own)
    order = _order(plan, W)
    moved = W if order is None else W[order][:, order]
    if plan.solver == "band":
        return _band(moved, order)
    return _sparse(moved, order, plan.order == "minimum degree")


def full_work(n):
    """Operations for the factors of a full matrix, and for a solve with them.

    Examples
    --------
    >>> full_work(30)
    (18000.0, 1800.0)
    """
    return 2 * n**3 / 3, 2.0 * n**2


def _order(plan, W):
    """The order of the unknowns, or None where they stay, or SuperLU orders them by itself."""
    if plan.order != "reverse Cuthill-McKee":
        return None
    graph = need("scipy.sparse.csgraph", extra="lab", what="an order of the unknowns")
    return graph.reverse_cuthill_mckee(W.tocsr(), True)


def _super_lu(W, spec):
    linalg = need("scipy.sparse.linalg", extra="lab", what="sparse factors")
    return linalg.splu(W, **(SYMMETRIC | {"permc_spec": spec}))


def _sparse(W, order, minimum_degree):
    """Sparse factors, in the given order or in that of minimum degree."""
    lu = _super_lu(W, SYMMETRIC["permc_spec"] if minimum_degree else "NATURAL")
    stored, made = _counts(lu)
    return Ready(_as_given(lu.solve, order), stored, made, 2.0 * stored, *_patterns(lu, W))


def _patterns(lu, W):
    """Where both factors have entries, and where W has them, in the order of elimination."""
    return abs(lu.L) + abs(lu.U), _moved(W, lu.perm_r, lu.perm_c)


def _counts(lu):
    """Numbers in both triangles, and the operations that made them: 2 for each product."""
    below = np.diff(lu.L.tocsc().indptr) - 1  # the diagonal of L is 1, and isn't stored
    right = np.diff(lu.U.tocsr().indptr) - 1
    return int(below.sum() + right.sum() + len(right)), float(np.sum(2.0 * below * right + below))


def _band(W, order):
    """LAPACK's band factors, in the given order: `banded_lu` would look for the best by itself."""
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    lapack = need("scipy.linalg.lapack", extra="lab", what="band factors")
    entries, n = W.tocoo(), W.shape[0]
    i, j = entries.coords
    kl, ku = int(max((i - j).max(), 0)), int(max((j - i).max(), 0))
    band = np.zeros((2 * kl + ku + 1, n), order="F")
    band[kl + ku + i - j, j] = entries.data
    lu, pivots, info = lapack.dgbtrf(band, kl, ku, overwrite_ab=True)
    if info > 0:
        raise SingularMatrix(f"W is singular (pivot {info} is zero)")
    diagonals = range(-kl, ku + 1)
    picture = sparse.diags_array([1.0] * len(diagonals), offsets=diagonals, shape=(n, n))
    solve = _as_given(lambda b: lapack.dgbtrs(lu, kl, ku, b, pivots)[0], order)
    made, used = 2.0 * n * kl * (kl + ku + 1), 2.0 * n * (2 * kl + ku)
    return Ready(solve, band.size, made, used, picture, W)


def _as_given(solve, order=None):
    """Take b and return x in the order of the problem."""
    if order is None:
        return lambda b: (solve(b), 0, 0.0)

    def moved(b):
        x = np.empty_like(b)
        x[order] = solve(b[order])
        return x, 0, 0.0

    return moved


def preconditioner(name, n, kind):
    """The object for `sl.GMRES`, or None."""
    case = CASES[name]
    return {
        "none": None,
        "Jacobi": sl.Jacobi(),
        "block Jacobi": sl.BlockJacobi(case.block(n), case.order),
        "ILU": sl.ILU(),
        "multigrid": sl.Multigrid(
            case.grid(n), fields=case.fields, order=case.order, boundary=case.boundary
        ),
    }[kind]


def _krylov(plan, W):
    """GMRES, and what its preconditioner stores."""
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    chosen, n = preconditioner(plan.name, plan.n, plan.precondition), W.shape[0]
    apply = None if chosen is None else chosen.prepare(W)

    def solve(b):
        found = gmres(W, b, precondition=apply, rtol=RTOL, limit=LIMIT, restart=RESTART)
        return found.x, found.count, found.residual

    if isinstance(chosen, sl.Jacobi):
        return Ready(solve, n, n, n, sparse.eye_array(n), W)
    if isinstance(chosen, sl.BlockJacobi):
        b = chosen.size
        blocks = sparse.kron(sparse.eye_array(n // b), np.ones((b, b)))
        gathered = np.argsort(blocks_of(n, b, chosen.order).ravel())
        return Ready(solve, n * b, 2.0 * n * b * b, 2.0 * n * b, blocks, _moved(W, gathered))
    if isinstance(chosen, sl.ILU):
        linalg = need("scipy.sparse.linalg", extra="lab", what="incomplete factors")
        lu = linalg.spilu(W, drop_tol=chosen.drop, fill_factor=chosen.fill, **SYMMETRIC)
        stored, made = _counts(lu)
        return Ready(solve, stored, made, 2.0 * stored, *_patterns(lu, W))
    if isinstance(chosen, sl.Multigrid):
        return _grids(chosen, W, solve)
    return Ready(solve, 0, 0.0, 0.0, text="no factors:\nonly W v\nis asked for")


def _moved(W, rows, columns=None):
    """W with its row k at rows[k], and its columns likewise."""
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    columns = rows if columns is None else columns
    entries = W.tocoo()
    i, j = entries.coords
    return sparse.coo_array((entries.data, (rows[i], columns[j])), shape=W.shape)


def _grids(multigrid, W, solve):
    """What a multigrid keeps: the matrices of its grids, and full factors on the coarsest."""
    mg, sizes, stored, made, used = multigrid, [str(W.shape[0])], 0, 0.0, 0.0
    for P, R in interpolations(mg.grid, mg.fields, mg.order, mg.boundary):
        stored += W.nnz + W.shape[0] * mg.fields
        used += 2 * mg.sweeps * 2.0 * (W.nnz + W.shape[0] * mg.fields) + 4.0 * P.nnz
        half = W @ P
        made += 2.0 * (_products(W, P) + _products(R, half))
        W = R @ half
        sizes.append(str(W.shape[0]))
    n = W.shape[0]
    stored, made, used = stored + n * n, made + 2 / 3 * n**3, used + 2.0 * n * n
    text = "unknowns\nof the grids\n" + "\n".join(sizes)
    return Ready(solve, stored, made, used, text=text)


def _products(A, B):
    """Products of two numbers in the product of two sparse matrices."""
    return float(np.diff(A.tocsc().indptr) @ np.diff(B.tocsr().indptr))


@lru_cache(maxsize=32)
def residuals(name, n, gamma_h):
    """For each preconditioner the iterations that GMRES takes to each residual: two arrays.

    Examples
    --------
    >>> curves = residuals("heat in a plate", 8, 1e-2)
    >>> bool(curves["multigrid"][0][-1] < curves["none"][0][-1])
    True
    """
    found, curves = system(name, n), {}
    W = found.W(gamma_h)
    for kind in PRECONDITIONERS:
        chosen = preconditioner(name, n, kind)
        apply = None if chosen is None else chosen.prepare(W)
        points = [(0, 1.0)]
        for rtol in (1e-1, 1e-2, 1e-4, 1e-6, RTOL, 1e-10):
            went = gmres(W, found.slope, precondition=apply, rtol=rtol, limit=LIMIT,
                         restart=RESTART)  # fmt: skip
            points.append((went.count, went.residual))
            if went.residual > rtol:
                break
        curves[kind] = np.array(points).T
    return curves
