"""What a loop runs over."""

import ast

import numpy as np

from sciml_lab.transform.values import Array, Num, binary, is_number


class Steps:
    """What a loop runs over: how many items, and the rule for item k."""

    def __init__(self, count, item, later=True, counter=None):
        self.count, self.item, self.later, self.counter = count, item, later, counter

    @property
    def known(self):
        """Whether the number of items is known now."""
        return not isinstance(self.count, Num)

    def __len__(self):
        return self.count

    @classmethod
    def over(cls, reader, value):
        """Return the steps of a loop over a value."""
        if isinstance(value, Steps):
            return value
        if isinstance(value, range):
            start, step = value.start, value.step
            rule = lambda k: binary(ast.Add, binary(ast.Mult, k, step), start)  # noqa: E731
            return cls(len(value), rule, counter=(value.start, value.stop, step))
        if isinstance(value, np.ndarray):
            value = reader.array(value)
        if isinstance(value, Array):
            if not value.shape:
                reader.fail("a loop over a number", "loop over range(...).")
            return cls(value.shape[0], lambda k: reader.index(value, k), value.items is None)
        if is_number(value) or isinstance(value, Num):
            reader.fail("a loop over a number", "loop over range(...).")
        items = list(value)

        def item(k):
            if isinstance(k, Num):
                reader.need_static()
            return items[k]

        return cls(len(items), item, later=False)

    @classmethod
    def joined(cls, reader, values):
        """Return the steps of zip(...)."""
        parts = [cls.over(reader, v) for v in values]
        if not all(p.known for p in parts):
            reader.fail("zip of a range known only later", "use an index.")
        count = min((len(p) for p in parts), default=0)
        later = all(p.later for p in parts)
        return cls(count, lambda k: tuple(p.item(k) for p in parts), later)
