"""Who solves the trajectories: this thread, several threads or processes, or other machines.

A part of the ensemble is a function call with arguments that can be sent to another process. What
takes such calls is an *executor*: everything with ``submit(function, *arguments) -> future``, as
`concurrent.futures` has it, and mpi4py's MPIPoolExecutor and dask's Client as well.
"""

import contextlib
import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

from sciml_lab.ensembles.parts import PartInterrupted

NAMES = ("serial", "threads", "processes")


def checked(executor):
    """Return the executor if it is one."""
    if isinstance(executor, str):
        if executor in NAMES:
            return executor
    elif hasattr(executor, "submit") and not isinstance(executor, type):
        return executor
    raise ValueError(
        f"executor must be 'serial', 'threads', 'processes' or an object with submit(), such as a "
        f"concurrent.futures.Executor, an mpi4py MPIPoolExecutor or a dask Client (got "
        f"{executor!r})."
    )


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def bounds(count, chunk, workers):
    """Cut the trajectories into parts: by default eight for each worker, so that all stay busy."""
    size = chunk or max(1, -(-count // (8 * workers)))
    return [(first, min(first + size, count)) for first in range(0, count, size)]


@contextmanager
def pool(executor, workers):
    """The executor behind a name; one that was handed in is left open."""
    if executor == "threads":
        with ThreadPoolExecutor(workers) as own:
            yield own
    elif executor == "processes":
        # Forking a process that has threads may hang it, so the new ones start from scratch.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as own:
            yield own
    else:
        yield executor


class Stop:
    """A flag that threads look at after every trajectory."""

    def __init__(self):
        self.raised = False

    def __call__(self, finished):
        """Leave the work if the flag is up."""
        if self.raised:
            raise KeyboardInterrupt


def gather(executor, calls, take, stop):
    """Submit all calls, and hand in what they return in order.

    Parameters
    ----------
    executor : object
        With ``submit``.
    calls : list of tuple
        Functions and their arguments.
    take : callable
        ``take(number of the call, result)``.
    stop : Stop
        Raised if this is interrupted.
    """
    waiting = [executor.submit(*call) for call in calls]
    try:
        for i, future in enumerate(waiting):
            take(i, future.result())
    except BaseException as error:
        stop.raised = True
        begun = [(i, future) for i, future in enumerate(waiting) if not future.cancel()]
        if isinstance(error, KeyboardInterrupt):
            for i, future in begun:
                with contextlib.suppress(Exception):
                    try:
                        take(i, future.result())
                    except PartInterrupted as part:
                        take(i, part.part)
        raise


def needs_pickle(executor) -> bool:
    """Whether it sends functions by the standard library's pickle, which knows their names only."""
    kind = type(executor).__name__
    return executor == "processes" or kind in ("ProcessPoolExecutor", "MPIPoolExecutor")


def check_pickle(draws):
    """Say which function can't be sent to another process, and what to do."""
    for name, part in (("f", draws.problem.f), ("vary", getattr(draws, "vary", None)),
                       ("the problem", draws.problem)):  # fmt: skip
        try:
            pickle.dumps(part)
            known = getattr(part, "__module__", None) != "__main__" or _has_file()
        except Exception:  # pickle says no in many ways: PicklingError, TypeError, AttributeError
            known = False
        if not known:
            raise TypeError(
                f"{name} can't be sent to another process, for pickle knows a function by its "
                "module and name only, and this one is a lambda, stands inside another function "
                "or in a notebook: put it into a .py file and import it, or take "
                "executor='threads'."
            )


def _has_file():
    """Whether another process can import what stands in the main program."""
    return hasattr(sys.modules["__main__"], "__file__")
