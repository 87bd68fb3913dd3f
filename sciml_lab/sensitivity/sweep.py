r"""The reverse sweep: from cotangents of the outputs back through every step, stage by stage.

One step from (t, u) to (t + h, u+) of an explicit Runge-Kutta method is

.. math::
    v_i &= u + h \sum_{j<i} a_{ij} k_j, \qquad k_i = f(v_i, p, t + c_i h), \\
    u_+ &= u + h \sum_i b_i k_i, \qquad
    u(t + \theta h) = u + h \sum_i w_i(\theta) k_i .

Write :math:`\bar x` for the derivative of the loss by x. Given :math:`\lambda = \bar u_+` and the
cotangents :math:`g_\theta` of outputs inside the step, the chain rule read backwards is

.. math::
    q_i &= b_i \lambda + \sum_\theta w_i(\theta) g_\theta + \sum_{j>i} a_{ji} \bar v_j,
        \qquad \bar k_i = h q_i, \\
    (\bar v_i, \bar p_i, \bar t_i) &= \bar k_i^T \, \partial f(v_i, p, t + c_i h)
        \qquad\text{(one VJP of f; } i = s, \dots, 1), \\
    \bar u &= \lambda + \sum_\theta g_\theta + \sum_i \bar v_i, \qquad
    \bar p = \sum_i \bar p_i, \\
    \bar h &= \sum_i \left( k_i \cdot q_i + c_i \bar t_i \right), \qquad \bar t = \sum_i \bar t_i .

An output time s enters through :math:`\theta = (s - t)/h`:

.. math::
    \bar s = \sum_i w_i'(\theta) \, k_i \cdot g_\theta, \qquad
    \bar t \leftarrow \bar t - \bar s, \qquad \bar h \leftarrow \bar h - \theta \bar s .

The ends of tspan enter through the first step, which starts at t0, and the last, which ends at t1:
with h = t1 - t they receive :math:`\bar t_0 = \bar t - \bar h` and :math:`\bar t_1 = \bar h`.

The same lines hold for the extra stages of dense output, which are further rows of a. A stage
whose q is empty is left out: with first-same-as-last the last stage belongs to the next step, so
a step costs s - 1 VJPs. No tape ever spans more than one call of f.

The sizes of the inner steps are constants here. So what comes out is the derivative of the
computed numbers with the step sequence held fixed, exact to rounding, at any tolerance.

References
----------
E. Hairer, C. Lubich, G. Wanner, *Geometric Numerical Integration*, section VI.6 (the adjoint of a
Runge-Kutta method); M. B. Giles, N. A. Pierce, "An introduction to the adjoint approach to
design", Flow, Turbulence and Combustion 65 (2000) 393-415.
"""

import math

import numpy as np

from sciml_lab.ad import Tape, Var, collect, is_traced, primal
from sciml_lab.sensitivity.columns import MOST_COMPONENTS, Columns
from sciml_lab.solvers.explicit import Step, combine

BLOCK = 16  # steps whose stages go through f together


class Trajectory:
    """The accepted steps of one solve: when, and from which state.

    Parameters
    ----------
    every : int
        Keep the state at the start of every k-th step only, k being this number; the others are
        computed again, a block of k at a time, when the sweep comes there.
    """

    def __init__(self, every):
        self.every = every
        self.t, self.t_new, self.u, self.steps = [], [], [], []

    def take(self, record):
        """Take an accepted step (a lane of a batch that rejected it stands still)."""
        lanes = isinstance(record.accepted, np.ndarray)
        t_new = np.where(record.accepted, record.t_new, record.t) if lanes else record.t_new
        if len(self.t) % self.every == 0:
            self.u.append(record.u)
        if self.every == 1:
            self.steps.append(Step(None, None, None, record.stages, record.stage_points))
        self.t.append(record.t)
        self.t_new.append(t_new)

    def blocks_backwards(self, method, f, p):
        """Yield blocks of steps ``(index, t, h, u, step)``, the last block first."""
        size = self.every if self.every > 1 else BLOCK
        for first in reversed(range(0, len(self.t), size)):
            block, u = [], self.u[first // self.every]
            for i in range(first, min(first + size, len(self.t))):
                t, h = self.t[i], self.t_new[i] - self.t[i]
                if self.every == 1:
                    u, step = self.u[i], self.steps[i]
                else:
                    step = method.step(f, u, p, t, h)
                block.append((i, t, h, u, step))
                u = step.u
            yield block


class Sweep:
    """The pullback of a solve: from cotangents of its outputs to cotangents of its inputs.

    Parameters
    ----------
    run : Run
        Method, parameters and time interval of the solve.
    f : callable
        Its right-hand side.
    trajectory : Trajectory
        Its accepted steps.
    saves : list of Save
        Where each output came from.
    names : tuple of str
        Inputs to differentiate by, among u0, p, t0, t1, saveat.
    saveat_shape : tuple or None
        Shape of the output times; None if no times were asked for.

    Notes
    -----
    Where f takes a batch, the stages of a block of steps go through it together (`Columns`).
    """

    def __init__(self, run, f, trajectory, saves, names, saveat_shape):
        self.run, self.f, self.trajectory, self.names = run, f, trajectory, names
        self.saveat_shape = saveat_shape
        self.wants_p, self.wants_saveat = "p" in names, "saveat" in names
        self.wants_tspan = bool({"t0", "t1"} & set(names))
        self.moves = self.wants_saveat or self.wants_tspan
        self.start, self.end = (float(primal(t)) for t in run.tspan)
        self.by_stage, self.checked, self.saves = False, False, {}
        for save in saves:
            theta = save.theta
            if theta is None and saveat_shape is not None and self.moves and save.step >= 0:
                theta = 1.0  # the time asked for and the end of the step part company
            self.saves.setdefault(save.step, []).append((save.row, theta, save.mask))

    def __call__(self, g):
        """Pull back g, the cotangent of all outputs, shape (T, *u0.shape)."""
        run = self.run
        bars = {"u0": np.zeros(np.shape(primal(run.u0))), "p": 0.0, "t0": 0.0, "t1": 0.0}
        bars["saveat"] = [0.0] * len(g)
        for block in self.trajectory.blocks_backwards(run.method, self.f, run.p):
            columns = self._columns(block, g)
            for index, t, h, u, _ in reversed(block):
                self._pull_step(index, t, h, u, g, bars, columns)
            p_bar = columns.p_bar() if columns else None
            if p_bar is not None:
                bars["p"] = bars["p"] + p_bar
        self._pull_first_rows(g, bars)
        return self._finish(bars)

    def _outputs(self, index, g):
        """The outputs of a step that matter to g: cotangent of its end, and those inside it."""
        at_end, inside = 0.0, []
        for row, theta, mask in self.saves.get(index, ()):
            g_row = g[row] if mask is None else np.where(mask, g[row], 0.0)
            if not is_traced(g_row) and not np.any(g_row):
                continue
            if theta is None:
                at_end = at_end + g_row
            else:
                inside.append((row, theta, g_row))
        return at_end, inside

    def _columns(self, block, g):
        """The stages of a block in one call of f, where that is possible and pays."""
        run = self.run
        plain = [run.u0, g] if run.p is None else [run.u0, g, run.p]
        possible = all(type(x) is np.ndarray and x.dtype == float for x in plain)
        few = np.ndim(primal(run.u0)) == 1 and run.u0.size <= MOST_COMPONENTS
        if self.by_stage or not (possible and few) or self.wants_tspan:
            return None
        columns = Columns(run, self.f, self.wants_p)
        for index, t, h, u, step in block:
            columns.add(index, t, h, u, step, dense=bool(self._outputs(index, g)[1]))
        columns.linearize(None if self.checked else self._vjp)
        self.checked, self.by_stage = True, not columns.useful
        return columns if columns.useful else None

    def _pull_step(self, index, t, h, u, g, bars, columns):
        """Carry ``bars["u0"]``, the cotangent of the state, from the end of a step to its start."""
        at_end, inside = self._outputs(index, g)
        bars["u0"] = bars["u0"] + at_end
        if columns:
            a, c, k, pulls = columns.stages(index)
        else:
            a, c, k, pulls = self._stages(t, h, u, dense=bool(inside))
        q = end_cotangents(self.run.method, len(k), bars["u0"])
        for _, theta, g_row in inside:
            add_output(self.run.method, q, theta, g_row)
            bars["u0"] = bars["u0"] + g_row
        bars["u0"], others = pull_stages(h, q, a, pulls, bars["u0"])
        t_bar, h_bar = 0.0, 0.0
        for i, p_bar, ti_bar in others:
            if p_bar is not None:
                bars["p"] = bars["p"] + p_bar
            if self.wants_tspan:
                h_bar = h_bar + self._dot(k[i], q[i])
            if ti_bar is not None:
                t_bar, h_bar = t_bar + ti_bar, h_bar + c[i] * ti_bar
        if self.moves:
            self._pull_times(index, k, inside, t_bar, h_bar, bars)

    def _stages(self, t, h, u, dense):
        """Evaluate the stages of a step again, each with the pullback of its own call of f."""
        rows, p = self.run.method.rows, self.run.p
        if dense:
            a, c = rows.a + rows.a_dense, rows.c + rows.c_dense
        else:
            last = len(rows.a) - self.run.method.tableau.fsal
            a, c = rows.a[:last], rows.c[:last]
        first, pull = self._vjp(u, p, t)
        k, pulls = [first], [pull]
        for a_i, c_i in zip(a[1:], c[1:], strict=True):
            v = u + h * combine(a_i, k) if a_i else u
            k_i, pull = self._vjp(v, p, t + c_i * h)
            k.append(k_i)
            pulls.append(pull)
        return a, c, k, pulls

    def _vjp(self, v, p, t):
        """``f(v, p, t)`` and its pullback to (v, p, t): None for what is constant or unwanted."""
        tape = Tape()
        v = tape.input(v)
        p = tape.input(p) if self.wants_p else p
        t = tape.input(t) if self.wants_tspan else t
        k = self.f(v, p, t)
        numbers = [x.index if isinstance(x, Var) and x.tape is tape else None for x in (v, p, t, k)]

        def pull(k_bar):
            if numbers[3] is None:  # f is constant
                return None, None, None
            bars = tape.sweep({numbers[3]: k_bar})
            return [None if i is None else bars[i] for i in numbers[:3]]

        return (k if numbers[3] is None else k.value), pull

    def _pull_times(self, index, k, inside, t_bar, h_bar, bars):
        """Share out what belongs to theta = (s - t)/h, then to h = t_new - t and to t."""
        for row, theta, g in inside:
            slope = combine(self.run.method.dense_weights(theta, derivative=True), k)
            s_bar = self._dot(slope, g)  # the h before the sum and the 1/h of theta cancel
            bars["saveat"][row] = bars["saveat"][row] + np.sum(s_bar)
            t_bar, h_bar = t_bar - s_bar, h_bar - theta * s_bar
        if not self.wants_tspan:
            return
        t, t_new = (primal(x[index]) for x in (self.trajectory.t, self.trajectory.t_new))
        first, last = (t == self.start) & (t != t_new), (t_new == self.end) & (t != t_new)
        bars["t0"] = bars["t0"] + np.sum(np.where(first, t_bar - h_bar, 0.0))
        bars["t1"] = bars["t1"] + np.sum(np.where(last, h_bar, 0.0))

    def _pull_first_rows(self, g, bars):
        """Outputs at the initial time: the state there, and its slope f if the times move."""
        run = self.run
        for row, _, _ in self.saves.get(-1, ()):
            bars["u0"] = bars["u0"] + g[row]
            if self.moves and self.saveat_shape is not None:
                s_bar = np.sum(self.f(run.u0, run.p, run.tspan[0]) * g[row])
                bars["saveat"][row] = bars["saveat"][row] + s_bar
                bars["t0"] = bars["t0"] - s_bar

    def _finish(self, bars):
        """Give every cotangent the shape of its input."""
        if self.wants_p:
            bars["p"] = bars["p"] + np.zeros(np.shape(primal(self.run.p)))
        if self.saveat_shape is None:  # a batch saves its end, which is t1
            bars["t1"] = bars["t1"] + sum(bars["saveat"])
        if self.wants_saveat:
            shape = self.saveat_shape or ()
            missing = math.prod(shape) - len(bars["saveat"])  # rows after a callback's stop
            bars["saveat"] = collect(bars["saveat"] + [0.0] * missing).reshape(shape)
        return bars

    def _dot(self, x, y):
        """Sum of x*y over the components (one number per lane in a batch)."""
        product = x * y
        return np.sum(product, axis=tuple(range(product.ndim - 1)) if self.run.lanes else None)


def end_cotangents(method, stages, lam):
    """The part ``b_i lambda`` of every q_i, from the cotangent of the end of a step; None is zero.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> end_cotangents(sl.Heun(), 2, 10.0)
    [5.0, 5.0]
    """
    q = [None] * stages
    for j, b_j in method.rows.b:
        q[j] = b_j * lam
    return q


def add_output(method, q, theta, g):
    """Add the part ``w_i(theta) g`` of an output inside the step to every q_i."""
    for j, w_j in method.dense_weights(theta):
        q[j] = _add(q[j], w_j * g)


def pull_stages(h, q, a, pulls, u_bar):
    """Go back through the stages of a step.

    Parameters
    ----------
    h : float or array
        Step size.
    q : list
        Cotangents of the stages, from the end of the step and from outputs; grows.
    a : sequence of Row
        Rows of the tableau.
    pulls : sequence of callable
        The pullback of f at each stage, ``k_bar -> (v_bar, p_bar, t_bar)``.
    u_bar : array
        Cotangent of the state, as far as it does not come from the stages.

    Returns
    -------
    u_bar : array
        Cotangent of the state at the start of the step.
    others : list of (int, array or None, array or None)
        Stage, and what it gives to the parameters and to its time.
    """
    others = []
    for i in range(len(q) - 1, -1, -1):
        if q[i] is None:
            continue
        v_bar, p_bar, t_bar = pulls[i](h * q[i])
        others.append((i, p_bar, t_bar))
        if v_bar is not None:
            u_bar = u_bar + v_bar
            for j, a_ij in a[i]:
                q[j] = _add(q[j], a_ij * v_bar)
    return u_bar, others


def _add(x, y):
    """``x + y``, where None stands for zero."""
    return y if x is None else x + y
