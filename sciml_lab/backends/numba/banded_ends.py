"""Elimination and substitution from both ends of a band at once, as text for one width.

Each number waits for the one before, so what counts is how soon the next one can begin. In a
narrow band the last few numbers are kept by name: for two diagonals

    y1, y2 = x[0], x[1]
    for j in range(ends):
        column = part(w, j * HEIGHT + KL + KU)
        y0 = y1
        y1 = y2 - column[1] * y0
        y2 = x[j + 2] - column[2] * y0
        x[j] = y0 * diagonal[j]

and one multiplication lies between y0 and the next y1. The same is done from the other end, in the
same loop, where the numbers are called z. What both contribute to the middle is added there. A wide
band has no ends: a loop over its columns works on several numbers at once anyway.
"""

NARROW = 8  # diagonals on one side


def has_ends(lower, upper) -> bool:
    """Whether a band of so many diagonals below and above the main one is worked on from both ends.

    Examples
    --------
    >>> has_ends(2, 2), has_ends(2, 40)
    (True, False)
    """
    return max(lower, upper) <= NARROW


def ends(lower, upper) -> list:
    """The text of `eliminate_ends`, `lower_ends` and `upper_ends`."""
    heads = (
        "def eliminate_ends(w, diagonal, ends, n):",
        "def lower_ends(x, w, diagonal, ends, n):",
        "def upper_ends(x, w, ends, n):",
    )
    if not has_ends(lower, upper):
        return [_text(head, "return True") for head in heads]
    bodies = _eliminate(lower, upper), _lower(lower, upper), _upper(lower, upper)
    start = "if ends == 0:", "    return True"
    return [
        _text(head, *start, *body, "return True") for head, body in zip(heads, bodies, strict=True)
    ]


def _eliminate(lower, upper):
    """Gaussian elimination of the columns at both ends; False if a pivot is not the largest."""
    height = 2 * lower + upper + 1
    first = _Corner("y", lower, upper, height, 1)
    last = _Corner("z", upper, lower, height, -1)
    return [
        *first.begin("0"),
        *last.begin("n - 1"),
        "for k in range(ends):",
        *first.step("k"),
        *last.step("n - 1 - k"),
        *last.gain("n - 1 - ends"),
        *first.put("ends", "="),
        *last.put("n - 1 - ends", "+="),
    ]


def _lower(lower, upper):
    """Substitution with L and D."""
    first = _Window("y", lower, 1, "0", "ends")
    last = _Window("z", upper, -1, "n - 1", "n - 1 - ends")
    return [
        *first.begin(),
        *last.begin(),
        "for k in range(ends):",
        *first.step("k", "x[j] = y0 * diagonal[j]"),
        *last.step("n - 1 - k", "x[j] = z0 * diagonal[j]"),
        *last.gain(),
        *first.put("="),
        *last.put("+="),
    ]


def _upper(lower, upper):
    """Substitution with U, from the middle to both ends."""
    first = _Window("y", upper, -1, "ends - 1", "")
    last = _Window("z", lower, 1, "n - ends", "")
    return [
        *first.begin(),
        *last.begin(),
        "for k in range(ends):",
        *first.step("ends - 1 - k", "x[j] = y0"),
        *last.step("n - ends + k", "x[j] = z0"),
    ]


class _Window:
    """The text of a substitution that goes along the vector x in one direction.

    Parameters
    ----------
    name : str
        What its numbers are called: y0 the one that is ready, y1, y2, ... those to come.
    width : int
        How many to come there are.
    way : int
        1 if it goes on to the next place, -1 if to the one before.
    start, stop : str
        Its first place, and the one after its last.
    """

    def __init__(self, name, width, way, start, stop):
        self.name, self.way, self.sign = name, "+" if way == 1 else "-", "" if way == 1 else "-"
        self.width, self.start, self.stop = width, start, stop

    def _places(self, first):
        return [(f"{self.name}{i + 1}", f"x[{first} {self.way} {i}]") for i in range(self.width)]

    def begin(self):
        """Take the first numbers."""
        return [f"{name} = {place}" for name, place in self._places(self.start)]

    def step(self, place, ready):
        """Take what the ready number contributes off those to come."""
        name, last = self.name, self.width
        lines = [f"j = {place}", "column = part(w, j * HEIGHT + KL + KU)"]
        lines += [f"{name}0 = {name}1" if last else f"{name}0 = x[j]"]
        for i in range(1, last + 1):
            before = f"{name}{i + 1}" if i < last else f"x[j {self.way} {last}]"
            lines.append(f"{name}{i} = {before} - column[{self.sign}{i}] * {name}0")
        return [f"    {line}" for line in (*lines, ready)]

    def gain(self):
        """Keep of the numbers still to come what was contributed to them."""
        return [f"{name} -= {place}" for name, place in self._places(self.stop)]

    def put(self, how):
        """Put back the numbers still to come."""
        return [f"{place} {how} {name}" for name, place in self._places(self.stop)]


class _Corner:
    """The text of an elimination that goes along the diagonal in one direction.

    Of the columns to come, those entries are kept by name that have changed already: y12 is the
    entry one row and two columns after the pivot y00. A direction of -1 stands for going up: then
    "after" is before.

    Parameters
    ----------
    name : str
    low, right : int
        Entries of a column after the pivot, and of a row.
    height : int
        Distance of two columns.
    way : int
        1 for going down, -1 for going up.
    """

    def __init__(self, name, low, right, height, way):
        self.name, self.low, self.right, self.next, self.way = name, low, right, height - 1, way

    def _place(self, i, k):
        return f"column[{self.way * (k * self.next + i)}]"

    def _entry(self, i, k):
        """An entry by its name, or from its place if it has not changed yet."""
        known = i < self.low and k < self.right
        return f"{self.name}{i}{k}" if known else self._place(i, k)

    def _kept(self):
        return [(i, k) for i in range(self.low) for k in range(self.right)]

    def begin(self, start):
        """Take the first entries."""
        kept = [f"{self._entry(*one)} = {self._place(*one)}" for one in self._kept()]
        return [_column(start), *kept] if kept else []

    def step(self, place):
        """Take a column off those to come, unless its pivot is not its largest entry."""
        below, after = range(1, self.low + 1), range(1, self.right + 1)
        lines = [f"j = {place}", _column("j"), f"pivot = {self._entry(0, 0)}"]
        lines += [f"b{i} = {self._entry(i, 0)}" for i in below]
        largest = ["pivot != 0.0", *(f"abs(b{i}) <= abs(pivot)" for i in below)]
        lines += [f"if not ({' and '.join(largest)}):", "    return False"]
        lines += ["diagonal[j] = inverse = 1.0 / pivot"]
        lines += [f"{self._place(0, k)} = u{k} = {self._entry(0, k)} * inverse" for k in after]
        lines += [
            f"{self.name}{i - 1}{k - 1} = {self._entry(i, k)} - u{k} * b{i}"
            for i in below
            for k in after
        ]
        lines += [f"{self._place(i, 0)} = b{i} * inverse" for i in below]
        return [f"    {line}" for line in lines]

    def gain(self, stop):
        """Keep of the entries still to come what was added to them."""
        kept = [f"{self._entry(*one)} -= {self._place(*one)}" for one in self._kept()]
        return [_column(stop), *kept] if kept else []

    def put(self, stop, how):
        """Put back the entries still to come."""
        kept = [f"{self._place(*one)} {how} {self._entry(*one)}" for one in self._kept()]
        return [_column(stop), *kept] if kept else []


def _column(place):
    return f"column = part(w, ({place}) * HEIGHT + KL + KU)"


def _text(head, *lines):
    return "\n    ".join((head, *lines))
