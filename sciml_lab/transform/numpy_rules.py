"""The table of functions that the reader knows; filled by the modules numpy_*.py."""

RULES = {}  # a function of NumPy, math or Python -> its rule
METHODS = {}  # name of an array's method -> its rule


def rule(*functions, method=None):
    """Enter a rule for these functions, and for the method of the same name."""

    def enter(own):
        for function in functions:
            RULES[function] = own
        if method:
            METHODS[method] = own
        return own

    return enter


class Method:
    """A method of an array that is known only later."""

    def __init__(self, name, owner):
        self.name, self.owner, self.rule = name, owner, METHODS[name]


def find(function, table=RULES):
    """Return the rule of a function, or None."""
    try:
        return table.get(function)
    except TypeError:  # not hashable, so none of ours
        return None
