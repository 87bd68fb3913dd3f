"""Whether what a compiled f took from outside is still there: asked before every solve.

`Lowered.is_current` looks everything up again and compares it, entry by entry, which takes as long
as a small solve. Nearly all of it are modules, functions and numbers behind a global name, and as
long as a name stands for the very same object there is nothing to compare.
"""

import builtins
from functools import partial

from sciml_lab.transform.source import MISSING, look_up
from sciml_lab.transform.tree import same


class Outside:
    """What a lowered function has read from outside.

    Parameters
    ----------
    lowered : Lowered

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> outside = Outside(sl.transform.lower(lambda u, p, t: np.sin(u), np.ones(1), None, 0.0))
    >>> outside.is_current()
    True
    """

    def __init__(self, lowered):
        self.lowered, bound, self.others = lowered, {}, []
        for look, value in lowered.reads:
            entries = list(_entries(look))
            if entries and entries[-1][2] is value:
                bound.update(((id(names), name), (names, name, x)) for names, name, x in entries)
            else:
                self.others.append((look, value))
        self.bound = list(bound.values())

    def is_current(self) -> bool:
        """Say whether all is as it was."""
        for names, name, value in self.bound:
            if names.get(name, MISSING) is not value:
                return self.lowered.is_current()
        return not self.others or all(same(look(), value) for look, value in self.others)


def _entries(look):
    """Where a global name is looked up: the dictionaries in order, and what they hold now."""
    if not (isinstance(look, partial) and look.func is look_up):
        return
    function, name = look.args
    if name in function.__code__.co_freevars:
        return
    for names in (function.__globals__, vars(builtins)):
        yield names, name, names.get(name, MISSING)
        if name in names:
            return
