"""Which linear solver suits a matrix: full, banded or sparse, and why, in a sentence.

The work of a step is in the factors of W: about ``2/3 n^3`` operations for a full matrix,
``2 n kl (kl + ku)`` for a band, and for a sparse matrix something in between that depends on the
fill. An operation costs least in a full matrix or a band, which are worked on in blocks, and
several times as much in a sparse one, which is worked on entry by entry: so a band of a hundred
diagonals, as the order of reverse Cuthill-McKee gives it on a small 2-D grid, is still quicker.
"""

from typing import NamedTuple

from sciml_lab.linalg.banded import Band

SMALL = 100  # below, a full matrix is factorised before another solver has begun
FULL = 0.25  # a matrix with more entries than this part fills up
WIDEST = 150  # a band of more diagonals costs as much as a sparse matrix


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


def choose(pattern, band=None) -> Choice:
    """Choose for W of a pattern.

    Parameters
    ----------
    pattern : scipy.sparse.csc_array
    band : Band, optional
        Of the pattern, if it is known.

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
    return Choice(
        "sparse",
        f"{n} unknowns, {entries / n:.1f} entries a column, and no order found with a band of "
        f"fewer than {wide} diagonals",
    )
