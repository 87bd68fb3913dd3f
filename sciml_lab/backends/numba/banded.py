"""W as a band in a kernel: which numbers go where, and memory for them.

The pattern of J is read from the source of f, its columns get colours, and one compiled function
computes the columns of a colour together (`sciml_lab.linalg.colored`). Where its numbers go in the
band is written down once, in a table.
"""

from functools import cached_property

import numpy as np

from sciml_lab.backends.numba import banded_layout as of
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.banded_ends import has_ends
from sciml_lab.backends.numba.banded_text import compiled
from sciml_lab.backends.numba.drive import address
from sciml_lab.backends.numba.functions import Function
from sciml_lab.backends.numba.gradient_functions import Derivative, by_u_and_p, compile_derivative
from sciml_lab.linalg.assembly import Assembly
from sciml_lab.linalg.choice import Choice, choose
from sciml_lab.linalg.colored import find_pattern
from sciml_lab.linalg.coloring import color
from sciml_lab.linalg.generated import entries
from sciml_lab.linalg.linearisation import _not_finite
from sciml_lab.linalg.mass_matrix import Mass
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jacobian import compressed


class Columns:
    """The columns of J, those of one colour together, as a compiled function.

    Parameters
    ----------
    f : Function
    pattern : scipy.sparse.csc_array
        Where J may be nonzero.
    origin : {"given", "source"}
        Where the pattern comes from.
    u0, p : ndarray, ndarray or None
        Examples of the arguments of f.
    """

    def __init__(self, f, pattern, origin, u0, p):
        self.f, self.pattern, self.examples = f, pattern, (u0, p)
        self.colors = color(pattern)
        self.count = int(self.colors.max(initial=-1)) + 1
        self.told = (
            f" (pattern: {origin}; {self.count} colours for {len(self.colors)} columns, by source)"
        )

    @cached_property
    def function(self) -> Derivative:
        """``columns(J, u, p, t, work)``; J has a row for each row and an entry for each colour."""
        u0, p = self.examples
        lowered, (state, *_) = by_u_and_p(self.f, p)
        form = inplace(compressed(lowered, self.colors, wrt=state))
        return compile_derivative(self.f, form, "mmmnm", u0, p, outputs=1, states=(0,))

    @cached_property
    def places(self):
        """Rows and columns of the entries of J, and where the function leaves them."""
        rows, n = self.pattern.indices, self.pattern.shape[1]
        columns = np.repeat(np.arange(n), np.diff(self.pattern.indptr))
        return rows, columns, rows * self.count + self.colors[columns]

    @property
    def zero(self) -> int:
        """The place behind them, where a zero lies."""
        return len(self.colors) * self.count


def columns_of(f: Function, u0, p, given=None) -> Columns | str:
    """The columns of J, or in a few words why they are not known to be sparse.

    Parameters
    ----------
    f : Function
    u0, p : ndarray, ndarray or None
        Examples of its arguments.
    given : array or sparse matrix, optional
        The pattern as the user knows it.
    """
    pattern, origin = find_pattern(f.function, np.asarray(u0, dtype=float), p, 0.0, given)
    if pattern is None:
        return origin
    if origin == "tried":  # nobody looks in a kernel whether an entry was missed
        lowered, (state, *_) = by_u_and_p(f, p)
        pattern, origin = entries(lowered, state), "source"
    return Columns(f, pattern, origin, u0, p)


class BandForm:
    """W as a band: its order and width, and the tables for all that is put into it.

    Parameters
    ----------
    columns : Columns
    mass : array or sparse matrix, optional
        M; without it the identity.
    wanted : bool
        Whether a band was asked for, however wide.

    Attributes
    ----------
    choice : Choice
        "banded", or what suits W better, and why.
    """

    def __init__(self, columns, mass=None, wanted=False):
        self.columns, self.n = columns, columns.pattern.shape[0]
        assembly = Assembly(columns.pattern.astype(float), None if mass is None else Mass(mass))
        band, choice = assembly.band, choose(assembly.pattern, assembly.band)
        if wanted:
            choice = Choice("banded", "as asked for")
        self.choice = choice._replace(why=choice.why + columns.told)
        self.lower, self.upper, self.order = band.kl, band.ku, band.order
        self._assembly, self.mass = assembly, mass

    @property
    def ends(self) -> int:
        """How many columns at either end are eliminated at the same time."""
        if not has_ends(self.lower, self.upper):
            return 0
        wide = max(self.lower, self.upper)
        ends = (self.n - wide) // 2
        return ends if ends >= max(wide, 1) else 0

    @cached_property
    def tables(self):
        """Arrays by their entry in `banded_layout`; a kernel only reads them."""
        rows, columns, origins = self.columns.places
        sources = np.full(self.n * (self.lower + self.upper + 1), self.columns.zero)
        sources[self._slots(rows, columns)] = origins
        M = self._assembly.matrix(0.0, self.columns.pattern.astype(float))
        starts = np.repeat(np.arange(self.n), np.diff(M.indptr))
        mass = np.zeros(len(sources))
        mass[self._slots(M.indices, starts)] = M.data
        tables = {of.SOURCES: sources, of.MASS_BAND: mass}
        if self.order is not None:
            tables[of.UNKNOWN_OF] = self.order.astype(np.int64)
        if self.mass is not None:
            R = M.tocsr()
            R.eliminate_zeros()
            tables[of.MASS_STARTS], tables[of.MASS_COLUMNS] = (
                x.astype(np.int64) for x in (R.indptr, R.indices)
            )
            tables[of.MASS_ENTRIES] = R.data.astype(float)
        return tables

    def _slots(self, rows, columns):
        """Places in a band of kl + ku + 1 numbers a column."""
        if self.order is not None:
            place = np.empty(self.n, int)
            place[self.order] = np.arange(self.n)
            rows, columns = place[rows], place[columns]
        return columns * (self.lower + self.upper + 1) + self.upper + rows - columns

    def memory(self):
        """Arrays by their entry in `banded_layout` that a kernel works in."""
        n, kl, ku = self.n, self.lower, self.upper
        return {
            of.COLUMNS: np.zeros(self.columns.zero + 1),
            of.BAND: np.zeros((n + kl + ku) * (2 * kl + ku + 1)),
            of.INVERSES: np.zeros(n),
            of.PIVOTS: np.zeros(n, np.int64),
            of.X: np.zeros(n + 2 * (kl + ku)),
        }

    def functions(self):
        """The compiled functions for a band of this width, by their entry in `layout`."""
        names = {at.BAND_FACTORISE: "factorise", at.BAND_SOLVE: "back_substitute"}
        if self.mass is not None:
            names[at.BAND_TIMES_MASS] = "times_mass"
        return {entry: compiled(name, self.lower, self.upper) for entry, name in names.items()}

    def not_finite(self, data) -> str:
        """The sentence about the first entry of J that is not finite."""
        rows, columns, origins = self.columns.places
        entries = data[origins]
        k = int(np.argmin(np.isfinite(entries)))
        return _not_finite(rows[k], columns[k], entries[k])


class BandMemory:
    """The block of integers of a band, with all that its addresses point to.

    Parameters
    ----------
    form : BandForm
    """

    def __init__(self, form):
        self.form, self.functions = form, form.functions()
        self.arrays = {**form.tables, **form.memory()}
        self.block = np.zeros(of.BAND_INTEGERS, np.int64)
        self.block[of.UNKNOWNS], self.block[of.ENDS] = form.n, form.ends
        self.block[of.ENTRIES] = form.columns.zero
        for entry, array in self.arrays.items():
            self.block[entry] = address(array)

    def enter(self, integers):
        """Tell a kernel where everything is."""
        integers[at.BANDED] = address(self.block)
        integers[at.JACOBIAN] = self.block[of.COLUMNS]
        for entry, function in self.functions.items():
            integers[entry] = function.address

    @property
    def columns(self):
        """The columns of J as the kernel left them."""
        return self.arrays[of.COLUMNS]
