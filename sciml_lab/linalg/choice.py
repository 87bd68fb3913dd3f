"""Which linear solver suits a matrix: full, banded or sparse, and why, in a sentence.

The work of a step is in the factors of W: about ``2/3 n^3`` operations for a full matrix,
``2 n kl (kl + ku)`` for a band, and for a sparse matrix something in between that depends on the
fill. An operation costs least in a full matrix or a band, which are worked on in blocks, and
several times as much in a sparse one, which is worked on entry by entry: so a band of a hundred
diagonals, as the order of reverse Cuthill-McKee gives it on a small 2-D grid, is still quicker.

On a large grid in two or three dimensions the factors fill up, whatever the order. If what couples
the unknowns is diffusion, GMRES with multigrid solves for W without factors, at a cost that grows
like the number of unknowns.
"""

from typing import NamedTuple

import numpy as np

from sciml_lab.linalg.banded import Band

SMALL = 100  # below, a full matrix is factorised before another solver has begun
FULL = 0.25  # a matrix with more entries than this part fills up
WIDEST = 150  # a band of more diagonals costs as much as a sparse matrix
LARGE, LARGE_EXACT = 3000, 20_000
"""Unknowns in a wider band from which on GMRES with multigrid is quicker than factors: in a Newton
iteration, which corrects rough solutions, and where solutions are used as they are."""


class Choice(NamedTuple):
    """What was chosen, and why.

    Attributes
    ----------
    name : str
        "dense", "banded", "sparse" or "krylov".
    why : str
        A sentence.
    """

    name: str
    why: str

    def __str__(self):
        return f"{self.name}: {self.why}"


def choose(pattern, band=None, J=None, inexact=True) -> Choice:
    """Choose for W of a pattern.

    Parameters
    ----------
    pattern : scipy.sparse.csc_array
    band : Band, optional
        Of the pattern, if it is known.
    J : scipy.sparse.csc_array, optional
        The Jacobian; GMRES is chosen only if it is known to suit it.
    inexact : bool
        Whether an iteration corrects what a solve leaves.

    Examples
    --------
    >>> from scipy import sparse
    >>> ones = sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(500, 500))
    >>> print(choose(ones.tocsc()))
    banded: 500 unknowns in a band of 3 diagonals, as they come
    """
    n, entries = pattern.shape[0], pattern.nnz
    fill = entries / n**2
    if fill > FULL:
        return Choice("dense", f"{100 * fill:.0f}% of the {n} x {n} entries may be nonzero")
    band = band or Band(pattern)
    wide = band.kl + band.ku + 1
    if wide <= WIDEST:
        order = "as they come" if band.order is None else "after reverse Cuthill-McKee"
        return Choice("banded", f"{n} unknowns in a band of {wide} diagonals, {order}")
    why = (
        f"{n} unknowns, {entries / n:.1f} entries a column, and no order found with a band of "
        f"fewer than {wide} diagonals"
    )
    large = n >= (LARGE if inexact else LARGE_EXACT)
    if large and J is not None and is_diffusion(J):
        return Choice("krylov", f"{why}; J is like diffusion, so GMRES with algebraic multigrid")
    return Choice("sparse", why)


def is_diffusion(J, enough=0.9) -> bool:
    """Whether nine of ten rows have a negative diagonal that outweighs half of the others.

    Examples
    --------
    >>> from scipy import sparse
    >>> heat = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(9, 9)).tocsc()
    >>> waves = sparse.diags_array([-1.0, 1.0], offsets=[-1, 1], shape=(9, 9)).tocsc()
    >>> is_diffusion(heat), is_diffusion(waves)
    (True, False)
    """
    diagonal = np.real(J.diagonal())
    others = np.asarray(abs(J).sum(axis=1)).ravel() - np.abs(diagonal)
    return bool(np.mean((diagonal < 0) & (others <= -2.0 * diagonal)) >= enough)
