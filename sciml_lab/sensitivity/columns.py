r"""Every stage of many steps in one call of f: the same sweep, with far fewer calls.

When the sweep begins, all stage points :math:`v_1, v_2, \dots` of the trajectory are known. An f
that takes a batch takes them as the columns of one state, so

* one taped call of f and n pullbacks (one for each component) give all Jacobians
  :math:`J_i = \partial f / \partial u` at once;
* the sweep from stage to stage is then :math:`\bar v_i = J_i^T \bar k_i`, a product of small
  matrices;
* one more pullback, of all :math:`\bar k_i` together, gives
  :math:`\bar p = \sum_i \bar k_i^T \, \partial f / \partial p`.

That is one call and n + 1 pullbacks, instead of one of each for every stage. It pays for few
components, where a call costs more than its arithmetic. Whether f takes columns is tried, not
believed: its values must be those that the solver computed, and the pullback of one column must
be that of one state. Otherwise the sweep goes stage by stage.
"""

import numpy as np

from sciml_lab.ad import Tape, Var
from sciml_lab.solvers.explicit import combine
from sciml_lab.solvers.rhs import RightHandSide

MOST_COMPONENTS = 8


class Columns:
    """The stages of a block of steps, with their Jacobians.

    Parameters
    ----------
    run : Run
        The solve.
    f : RightHandSide
        Its right-hand side.
    wants_p : bool
        Whether the sweep needs the cotangent of p.

    Attributes
    ----------
    useful : bool
        Whether f took the stages as columns.
    """

    def __init__(self, run, f, wants_p):
        self.run, self.f, self.wants_p = run, f, wants_p
        self.points, self.times, self.k, self.where = [], [], [], {}
        self.useful = False

    def add(self, index, t, h, u, step, dense):
        """Take the stages of one step: `step` holds its points v and derivatives k."""
        rows = self.run.method.rows
        count = len(rows.a) if dense else len(rows.a) - self.run.method.tableau.fsal
        a, c, k, v = rows.a[:count], rows.c[:count], list(step.k[:count]), list(step.v[:count])
        if dense and rows.a_dense:
            k = self.run.method.dense_stages(self.f, u, self.run.p, t, h, step.k)
            v += [u + h * combine(row, k) for row in rows.a_dense]
            a, c = a + rows.a_dense, c + rows.c_dense
        self.where[index] = (len(self.points), a, c, k)
        self.points += v
        self.times += [t + c_i * h for c_i in c]
        self.k += k

    def linearize(self, vjp=None):
        """Evaluate f on all columns and find its Jacobians there; set `useful`.

        With `vjp`, the function that treats one stage, the last column is compared with it.
        """
        v, k = np.array(self.points).T, np.array(self.k).T
        if v.dtype != float or k.dtype != float:  # complex, or f holds an outer derivative
            return
        self.tape = Tape()
        self.u = self.tape.input(v)
        self.p = self.tape.input(self.run.p) if self.wants_p else self.run.p
        try:
            y = RightHandSide(self.f.f, v.shape)(self.u, self.p, np.array(self.times))
            if not (isinstance(y, Var) and _same(y.value, k)):
                return
            self.y = y
            if vjp and not self._last_column_agrees(vjp):
                return
            units = np.eye(len(v))[:, :, None] * np.ones(v.shape[1])
            jacobians = np.array([self._pull(unit)[0].T for unit in units])
        except Exception:  # f may refuse columns in any way it likes; then it gets single states
            return
        self.jacobians = np.ascontiguousarray(np.moveaxis(jacobians, 0, 2))  # (stage, in, out)
        self.k_bars = np.zeros(v.T.shape)
        self.useful = True

    def _pull(self, seed):
        """Cotangents of the columns and of p (zero where f does not depend on them)."""
        bars = self.tape.sweep({self.y.index: seed})
        u_bar = bars[self.u.index]
        p_bar = bars[self.p.index] if self.wants_p else None
        return (
            np.zeros(self.u.shape) if u_bar is None else u_bar,
            np.zeros(1) if p_bar is None else p_bar,
        )

    def _last_column_agrees(self, vjp):
        """Whether the pullback of a column is that of one state, and leaves the others alone."""
        seed, one = np.zeros(self.u.shape), np.arange(1.0, len(self.points[-1]) + 1)
        seed[:, -1] = one
        u_bar, p_bar = self._pull(seed)
        v_alone, p_alone, _ = vjp(self.points[-1], self.run.p, self.times[-1])[1](one)
        alone = np.zeros(self.u.shape)
        alone[:, -1] = 0.0 if v_alone is None else v_alone
        return _same(u_bar, alone) and _same(p_bar, 0.0 * p_bar if p_alone is None else p_alone)

    def stages(self, index):
        """Rows a and c, derivatives k and pullbacks of the stages of a step."""
        first, a, c, k = self.where[index]
        return a, c, k, [self._pullback(first + i) for i in range(len(k))]

    def _pullback(self, place):
        def pull(k_bar):
            self.k_bars[place] = k_bar
            return self.jacobians[place] @ k_bar, None, None

        return pull

    def p_bar(self):
        """Cotangent of p from all stages of the block, once all of them have been pulled."""
        return self._pull(self.k_bars.T)[1] if self.wants_p else None


def _same(a, b):
    """Whether two arrays agree to nearly all digits, whatever their units."""
    size = np.max(np.abs(b), initial=0.0)
    return np.allclose(a, b, rtol=1e-9, atol=1e-12 * size)
