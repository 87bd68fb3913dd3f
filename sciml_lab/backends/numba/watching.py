"""Memory for kernels that look out for something: for an event, or for a change of method."""

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba import watch_layout as seen
from sciml_lab.backends.numba.drive import Drive, address
from sciml_lab.backends.numba.implicit import ImplicitDrive, band_of, linearised, mass_of
from sciml_lab.backends.numba.kernels import module
from sciml_lab.solvers.locate import sample_places


class Watching:
    """A drive whose kernel looks out for something."""

    def watch(self, events=(), conditions=()):
        """Set what to look out for; without events, that is stiffness.

        Parameters
        ----------
        events : list of Event
        conditions : list of Function
            Their compiled conditions.
        """
        self.searches = bool(events)
        m, places = len(events), [sample_places(e.samples) for e in events]
        self.watched = w = np.zeros(seen.WATCH_INTEGERS + 3 * m, dtype=np.int64)
        head, lists = w[: seen.WATCH_INTEGERS], w[seen.WATCH_INTEGERS :].reshape(3, m)
        lists[:] = [g.address for g in conditions], [e.direction for e in events], [
            len(place) for place in places
        ]  # fmt: skip
        work = max((g.work for g in conditions), default=0)
        self.ends = np.zeros(seen.WATCH_NUMBERS)
        self._held = conditions, np.concatenate([*places, np.empty(self.n + 1 + work)])
        total = sum(map(len, places))
        head[[seen.EVENTS, seen.STEPS_END]] = m, address(self.ends)
        for name, row in zip((seen.CONDITION, seen.DIRECTION, seen.COUNTS), lists, strict=True):
            head[name] = address(row)
        base = address(self._held[1])
        head[seen.PLACES], head[seen.POINT] = base, base + 8 * total
        head[seen.G] = head[seen.POINT] + 8 * self.n
        head[seen.SCRATCH] = head[seen.G] + 8
        self.integers[at.WATCH] = address(w)

    def start(self, u0, p):
        """Put a trajectory at its beginning."""
        super().start(u0, p)
        self.watched[[seen.SUSPICIOUS, seen.CALM]] = 0

    def go(self, track):
        """Call the kernel once."""
        super().go(track)
        if self.status == at.EVENT and not self.searches and self.watched[seen.AFTER] == at.DONE:
            self.status = at.DONE  # at the end nothing is to be changed any more


class WatchingDrive(Watching, Drive):
    """For explicit methods."""


class WatchingImplicitDrive(Watching, ImplicitDrive):
    """For implicit ones."""


def take_drive(f, run, keep_steps, keep_stages, watched):
    """Memory for a piece of a solve: some that is free, or new one.

    Parameters
    ----------
    f : Function
    run : Run
        Of the piece.
    keep_steps, keep_stages : bool
        As in `Drive`.
    watched : str
        What the kernel looks out for, as in `kernels.text`.
    """
    method, mass, u0, p = run.method, mass_of(run), run.u0, run.p
    given = getattr(getattr(run.f, "linear", None), "sparsity", None)
    band = band_of(f, method, u0, p, mass, given) if method.implicit else None
    key = method, keep_steps, keep_stages, mass is not None, watched
    free = f.drives.setdefault(key, []) if band is None else []
    if free:
        return free.pop()
    code = module(method, mass=mass is not None, watched=watched)
    kept = np.shape(u0), 1 if p is None else np.size(p), keep_steps, keep_stages
    if method.implicit:
        linear = linearised(f, u0, p, band)
        drive = WatchingImplicitDrive(code.solve, method, linear, *kept, band=band)
    else:
        drive = WatchingDrive(code.solve, method, f, *kept)
    drive.condition_at = getattr(code, "condition_at", None)
    drive.free = free
    return drive
