"""Where the names of a source get their values: one frame for each call."""

import ast

from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import Array, Num


class Frame:
    """The names of one call: its own, those of the function around it, and those from outside."""

    def __init__(self, function=None, parent=None, env=None):
        self.function, self.parent, self.env = function, parent, {} if env is None else env
        self.mutated = set()


class Local:
    """A function defined inside the source: its tree and where it was defined."""

    def __init__(self, tree, frame, defaults):
        self.tree, self.frame, self.defaults = tree, frame, defaults


class Undefined:
    """Stands for a name that has no value after a loop or in one of two branches."""

    def __init__(self, why):
        self.why = why


def mutated(tree) -> set:
    """Return the names of arrays that a function writes into."""
    names = set()
    for n in ast.walk(tree):
        if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store):
            base = n.value
            while isinstance(base, ast.Subscript | ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name):
                names.add(base.id)
        if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            names.add(n.target.id)
    return names


def unknown(*values) -> bool:
    """Whether any of the values, or what they hold, is known only later."""
    return any(
        isinstance(v, Num | Array | Steps)
        or (isinstance(v, tuple | list) and unknown(*v))
        or (isinstance(v, dict) and unknown(*v.values()))
        for v in values
    )
