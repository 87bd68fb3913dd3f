"""A loss of trajectories, its gradient, and its training, each as one call of a kernel.

The loss is ``mean over trajectories of measure(u(t_i; p) - data_i)``. One evaluation with its
gradient is: solve, compare, sweep back; no Python in between. Training adds a step of Adam.
"""

import time
from functools import lru_cache

import numpy as np

from sciml_lab.backends.numba import gradient_layout as back
from sciml_lab.backends.numba import gradient_loss_layout as own
from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba.drive import PATIENCE, Drive, address
from sciml_lab.backends.numba.functions import compile_tree, right_hand_side
from sciml_lab.backends.numba.gradient import WayBack
from sciml_lab.backends.numba.gradient_functions import Derivative
from sciml_lab.backends.numba.gradient_kernels import taped_kernel
from sciml_lab.backends.numba.gradient_loss_kernels import loss_kernels
from sciml_lab.backends.numba.gradient_packs import lines
from sciml_lab.backends.numba.gradient_tape import in_lines, taped, without_tape
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower
from sciml_lab.transform.vjp import vjp

MOST_STEPS = 1_000_000  # of the solver, until the kernel returns to Python


class CompiledLoss:
    """The loss of one f, one set of data and one number of parameters.

    Parameters
    ----------
    run : Run
        Method, tolerances, time interval, f and p of one trajectory.
    starts : ndarray, shape (B, n)
        Initial states, flat; their shape is that of the run's.
    times : ndarray, shape (T,)
        Output times.
    data : ndarray, shape (B, T, n)
        What the outputs are compared with.
    measure : callable
        Of the residuals of a trajectory as one flat array; in the subset that can be transformed.

    Attributes
    ----------
    seconds : float
        What one accepted step costs, forth and back, roughly.
    """

    def __init__(self, run, starts, times, data, measure):
        count, n = starts.shape
        u0, p = starts[0].reshape(np.shape(run.u0)), np.asarray(run.p)
        self.run, self.m = run, p.size
        self.f = f = right_hand_side(run.f.f, u0, p, float(run.tspan[0]))
        self.kernels, solve = loss_kernels(run.method, n), taped_kernel(run.method, n)
        self.drive = Drive(solve, run.method, f, np.shape(u0), p.size, True, True)
        self.drive.configure(run)
        self.drive.outputs(times)
        self.examples, self.taped = (u0, p), taped(f, u0, p)
        pull = Derivative(self.taped.f_vjp, self.taped.work, self.taped)
        self.way = WayBack(run.method, f, pull, n, p.size)
        self.way.direction(*run.tspan)
        self.cotangents = np.zeros((len(times), n))
        self.way.set(back.OUTPUT_TIMES, (times, self.cotangents))
        self.measures, work = _compile(measure, len(times) * n)
        self.integers = np.zeros(own.INTEGERS_OF_LOSS, dtype=np.int64)
        self.numbers = np.zeros(own.NUMBERS_OF_LOSS)
        self.numbers[own.FIRST_STEP] = self.drive.numbers[at.H]
        self.block, self.memory = address(self.integers), {}
        self._lay_parameters()
        self._lay_tape()
        self.mean, self.square = np.zeros((2, p.size))
        self.best, self.last = np.zeros((2, p.size))
        c = self.integers
        c[own.TRAJECTORIES], c[own.PARAMETERS], c[own.BUDGET] = count, p.size, 1
        c[own.FORWARD], c[own.BACKWARD] = self.drive.block, self.way.address
        c[own.LOSS], c[own.LOSS_VJP] = (one.address for one in self.measures)
        residuals = np.zeros(len(times) * n)
        self._set(own.LOSS_WORK, np.zeros(work + 1), self.numbers, starts, data, residuals)
        self._set(own.MEAN, self.mean, self.square, self.best, self.last)
        self.seconds = 4 * run.method.tableau.stages * (f.seconds + 1e-8 * n)

    def _set(self, first, *arrays):
        """Enter the addresses of arrays, which are kept alive until others take their places."""
        arrays = [np.ascontiguousarray(array) for array in arrays]
        self.memory[first] = arrays
        self.integers[first : first + len(arrays)] = [address(array) for array in arrays]

    def _lay_parameters(self):
        """Give both kernels the parameters and their cotangents, with room for packed ones."""
        c, r, l, room = self.drive.integers, self.way.integers, self.integers, lines(self.m)
        l[own.PACK], l[own.UNPACK] = self.taped.pack, self.taped.unpack
        l[own.ROOM], l[own.EXTENDED] = room, room + self.taped.packed
        p, p_bar = (in_lines(room + self.taped.packed) for _ in range(2))
        c[at.P] = r[back.P_BACK] = address(p)
        self.way.set(back.GOAL, (self.way.goal, self.way.lam, p_bar))
        self.memory[own.ROOM] = p, p_bar
        self.p, self.gradient = p[: self.m], p_bar[: self.m]

    def _lay_tape(self):
        """Give both kernels the memory in which stages keep what the way back will ask for."""
        c, r, functions = self.drive.integers, self.way.integers, self.taped
        self.tape = functions.memory(self.run.method, self.drive.store.capacity)
        if self.tape is None:  # a very long solve: rather compute it again
            functions = self.plain = without_tape(self.f, *self.examples)
            self.tape = functions.memory(self.run.method, 0)
        c[at.F], r[back.F_BACK], r[back.F_VJP] = functions.f, functions.f, functions.f_vjp
        c[at.WORK], r[back.WORK_BACK] = address(self.tape), address(self.tape)
        c[at.TAPE], r[back.TAPE_BACK] = functions.tape, functions.tape

    def is_current(self) -> bool:
        """Whether f is still what was compiled."""
        return self.f.lowered.is_current()

    def value_and_grad(self, p):
        """The loss and its gradient, or None if a solve fails.

        Parameters
        ----------
        p : ndarray, shape (m,)
        """
        self.p[:] = p
        self.integers[own.PHASE] = own.FRESH
        status = at.RUNNING
        while status < at.DONE:
            status = self.kernels.value_and_grad(self.block)
            if status == at.FULL:
                self._make_room()
        if status != at.DONE:
            return None
        return float(self.numbers[own.VALUE]), self.gradient.copy()

    def _make_room(self):
        """More memory for the steps of a trajectory, which is begun again."""
        self.drive._new_store(2 * self.drive.store.size)
        self._lay_tape()
        self.integers[own.PHASE] = own.BEGINS

    # Training --------------------------------------------------------------------------------

    def begin(self, adam, now, steps, best):
        """Put a training at the evaluation `now`.

        Parameters
        ----------
        adam : Adam
        now : Evaluation
        steps : int
            Number of the last step.
        best : float
            The smallest loss so far.
        """
        c, x = self.integers, self.numbers
        self.p[:], self.gradient[:] = now.p, now.grad
        self.best[:] = self.last[:] = now.p
        self.mean[:], self.square[:] = now.state.get("m", 0.0), now.state.get("v", 0.0)
        c[own.PHASE], c[own.STEP], c[own.ASKED] = own.FRESH, now.step, steps
        c[own.BEST_STEP], x[own.BEST_VALUE] = -1, best
        x[own.LR : own.EPS + 1] = adam.lr, adam.beta1, adam.beta2, adam.eps
        self.history, self.failed = np.full(steps, np.nan), False
        self._set(own.HISTORY, self.history)
        c[own.BUDGET] = max(1, int(PATIENCE / self.seconds))

    def train(self):
        """Go on for some milliseconds; returns whether there is more to do."""
        began = time.perf_counter()
        status = self.kernels.train(self.block)
        if status == at.FULL:
            self._make_room()
        elif status == at.RUNNING:  # the budget was used up: was it well chosen?
            factor = min(PATIENCE / (time.perf_counter() - began), 10.0)
            budget = int(factor * self.integers[own.BUDGET])
            self.integers[own.BUDGET] = min(max(1, budget), MOST_STEPS)
        self.failed = status > at.DONE
        if self.failed and self.integers[own.PHASE] != own.FRESH:
            self.integers[own.STEP] += 1  # a solve failed: this step has no loss
        return status < at.DONE

    def point(self):
        """Parameters and loss of the last step that has a finite one."""
        further = self.failed or self.integers[own.PHASE] != own.FRESH  # p is that of the next step
        p = self.last if further else self.p
        return p.copy(), float(self.history[self.step - 1 - self.failed])

    @property
    def step(self) -> int:
        """Steps taken."""
        return int(self.integers[own.STEP])

    @property
    def best_step(self) -> int:
        """The step with the smallest loss, -1 if none was better than before."""
        return int(self.integers[own.BEST_STEP])


@lru_cache(maxsize=32)
def _compile(measure, size):
    """``measure(y, r, work)`` and ``measure_vjp(r_bar, r, y_bar, work)``, and their scratch."""
    lowered = lower(measure, np.ones(size))
    forms = inplace(lowered), inplace(vjp(lowered, lowered.inputs), accumulate=True)
    machines = [
        compile_tree(form.tree, kinds, form.constants, form.primitives)
        for form, kinds in zip(forms, ("mmm", "mmnm"), strict=True)
    ]
    return machines, max(form.work for form in forms)
