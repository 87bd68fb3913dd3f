"""Solve all trajectories of an ensemble by one compiled kernel on several threads."""

from typing import NamedTuple

import numpy as np

from sciml_lab.backends.numba import functions, lanes_function, lanes_kernel, layout
from sciml_lab.backends.numba import lanes_layout as at
from sciml_lab.backends.numba.lanes_drive import Fleet
from sciml_lab.solvers import solve as front

LONGEST, MOST = 64, 512
"""Lanes pay up to this length of u, and this many numbers of scratch memory and own parameters.

Beyond that eight of everything overflow the processor's first cache, while a single trajectory
keeps the vector registers busy by itself.
"""


class Many(NamedTuple):
    """What became of many trajectories; the last axis of every array counts them.

    Attributes
    ----------
    u : ndarray (T, *shape of u0, N)
        NaN where a trajectory did not get to.
    success : ndarray of bool (N,)
    nf, naccept, nreject : ndarray of int (N,)
    t : ndarray (N,)
        Times reached.
    written : ndarray of int (N,)
        Output times reached.
    how : str
        In what manner they were solved.
    """

    u: np.ndarray
    success: np.ndarray
    nf: np.ndarray
    naccept: np.ndarray
    nreject: np.ndarray
    t: np.ndarray
    written: np.ndarray
    how: str


def solve_many(problem, u0, p, times, method, settings, threads=1, lanes=None, show=None):
    """Solve an ensemble whose trajectories differ in u0 and p.

    Parameters
    ----------
    problem : ODEProblem
        One of the trajectories, for everything that they share.
    u0 : ndarray (..., N)
    p : ndarray (m, N) or (m,) or () or None
        One column for each trajectory, or the same for all.
    times : list
        Output times in the direction of integration.
    method : ExplicitRK
    settings : dict
        Options of `solve`.
    threads : int
    lanes : int, optional
        Trajectories side by side on each thread, 1 or 8; otherwise chosen here.
    show : callable, optional
        Is told the number of finished trajectories now and then, and at last ``None``.

    Returns
    -------
    Many

    Raises
    ------
    Interrupted
        On Ctrl-C.
    """
    run = front.run_of(problem, method, settings)
    own = p is not None and p.ndim == 2
    one, its = u0[..., 0], p[:, 0] if own else p
    start = float(problem.tspan[0])

    def check():
        with np.errstate(all="ignore"):
            run.f.first(one, its, start)

    f = functions.right_hand_side(problem.f, one, its, start, check=check)
    width, address, how = _choose(f, one, its, own, u0.shape[-1], lanes)
    flat_p = np.zeros(1) if p is None else p if own else np.ravel(p)
    fleet = Fleet(run, address, f.work, u0.reshape(one.size, -1), flat_p, times, width)
    kernel = lanes_kernel.kernel(method, width)
    try:
        fleet.go(kernel, threads, show)
    except KeyboardInterrupt:
        raise Interrupted(_outcome(fleet, one.shape, how)) from None
    return _outcome(fleet, one.shape, how)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while many trajectories are solved; `many` holds those that are finished."""

    def __init__(self, many):
        super().__init__("interrupted")
        self.many = many


def _choose(f, u0, p, own, count, lanes):
    """Decide on the number of lanes; returns it, the address of f, and the reason in words."""
    wide = lanes_kernel.WIDTH
    if lanes == 1:
        return 1, f.address, "one after the other"
    reason = ""
    if lanes is None and u0.size > LONGEST:
        reason = f"u has more than {LONGEST} entries"
    if lanes is None and f.work + (np.size(p) if own else 0) > MOST:
        reason = f"f needs more than {MOST} numbers for each"
    if lanes is None and count < wide:
        reason = f"there are fewer than {wide}"
    if not reason:
        try:
            machine = lanes_function.compile_lanes(f, u0, p, own, wide)
            return wide, machine.address, f"{wide} side by side"
        except lanes_function.NoLanes as error:
            reason = str(error)
    return 1, f.address, f"one after the other, as {reason}"


def _outcome(fleet, shape, how):
    counts = fleet.counts
    return Many(
        u=fleet.out.reshape(len(fleet.out), *shape, fleet.count),
        success=counts[at.STATUS] == layout.DONE, nf=counts[at.NF],
        naccept=counts[at.NACCEPT], nreject=counts[at.NREJECT], t=fleet.reached,
        written=counts[at.WRITTEN], how=how,
    )  # fmt: skip
