"""Jacobians as programs: entry by entry where the text allows it, else one direction at a time.

With this module one can: get J as a function. For a text without loops and branches it reads like
a Jacobian written by hand: ``J[0, 0] = a - b * y``, and entries that are zero do not occur. Other
texts run their JVP once for each column, or once for each colour of columns that share no row.
"""

import ast
import copy
from dataclasses import replace

import numpy as np

from sciml_lab.transform.algebra import (
    BLOCKS,
    assign,
    constant,
    cost,
    fill,
    is_memory,
    loop,
    names,
    new_array,
    over_entries,
    place_of,
    set_entries,
    show,
    target_of,
    total,
    written,
)
from sciml_lab.transform.jvp import Forward, jvp
from sciml_lab.transform.prepare import Names
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.tree import Lowered, size


def jacobian(lowered, of=None, wrt="u") -> Lowered:
    r"""Return the function that computes ``J[i, j]``, output entry i by input entry j.

    Parameters
    ----------
    lowered : Lowered
    of : str, optional
        Name of the output; the first one without it.
    wrt : str
        Name of the input.

    Returns
    -------
    Lowered
        ``name_jacobian(u, p, ...) -> J``, of shape (size of the output, size of the input).

    Examples
    --------
    >>> from sciml_lab.transform.printing import text
    >>> from sciml_lab.transform.python import read
    >>> f = read("def f(u):\n    y = u[0] * np.sin(u[1])\n    return y", u=(2,))
    >>> print(text(jacobian(f)), end="")
    def f_jacobian(u):
        J = np.zeros((1, 2))
        J[0, 0] = np.sin(u[1])  # line 2
        J[0, 1] = u[0] * np.cos(u[1])
        return J
    """
    return _matrix(lowered, of, wrt, None)


def compressed(lowered, colors, of=None, wrt="u") -> Lowered:
    """Return the function that computes the columns of J of each colour together.

    Parameters
    ----------
    lowered : Lowered
    colors : sequence of int
        Colour of each column: 0, 1, ... Columns of one colour share no row.
    of, wrt : str
        As in `jacobian`.

    Returns
    -------
    Lowered
        ``name_jacobian(u, p, ...) -> J``, of shape (size of the output, number of colours):
        ``J[i, c]`` is the entry in row i of the one column of colour c that has a nonzero there.
    """
    return _matrix(lowered, of, wrt, [int(c) for c in colors])


def _matrix(lowered, of, wrt, colors):
    of = of or lowered.outputs[0]
    if not all(_is_straight(s) for s in lowered.tree.body[:-1]):
        return tidy(_directions(lowered, of, wrt, colors))
    places = range(size(lowered.shapes[wrt])) if colors is None else colors
    return tidy(_Entries(lowered, of, wrt, places).matrix())


def _is_straight(s):
    """Whether a statement is a plain assignment whose entries have known places."""
    if isinstance(s, (*BLOCKS, ast.Expr)):
        return False
    entries = [n for n in ast.walk(s) if isinstance(n, ast.Subscript)]
    return not any(names(e.slice) for e in entries)


class _Entries(Forward):
    """Derivatives entry by entry: `slope` holds, for a number or entry, one expression a column."""

    def __init__(self, lowered, of, wrt, places):
        super().__init__(lowered, (wrt,))
        self.of, self.input, self.places, self.slope = of, wrt, places, {}
        self.matrix_name, self.titles = self.names.new("J"), {}
        shape = lowered.shapes[wrt]
        for j, index in enumerate(np.ndindex(shape)):
            key = wrt if shape == () else show(fill(f"{wrt}[{', '.join(map(str, index))}]"))
            self.slope[key] = {j: ast.Constant(1.0)}
            self.titles[j] = _word(key)
        for s in lowered.tree.body:  # x = u[0] gives a column its name
            if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
                for j in self.slope.get(show(s.value), ()):
                    self.titles[j] = target_of(s)

    def leaf(self, e):
        """Return the derivative of a number or an entry by the input of this column."""
        return self.slope.get(show(e), {}).get(self.column)

    def matrix(self):
        """Put the function together."""
        body, shapes = [], self.lowered.shapes
        for s in self.lowered.tree.body[:-1]:
            if is_memory(s):
                body.append(s)
                continue
            named = []
            self.namer.statement(s, named.append, lambda e, guard: e)
            for part in (*named, s):
                target = place_of(part)
                before = show(target) in {show(n) for n in ast.walk(part.value)}
                rates = self.statement(part, target, None if before else target)
                body += [*rates, part] if before else [part, *rates]
            self.namer.forget(written([s]))
        shape = (size(shapes[self.of]), max(self.places, default=-1) + 1)
        return _function(
            self.lowered, self.matrix_name, shape,
            [new_array(self.matrix_name, shape), *body], {},
        )  # fmt: skip

    def statement(self, s, target, y):
        """Return the statements that compute the derivatives of one assignment."""
        key, out, new = show(target), [], {}
        old = self.slope.get(key, {})
        row = self.row(target) if target_of(s) == self.of else None
        leaves = [n for n in ast.walk(s.value) if isinstance(n, ast.Name | ast.Subscript)]
        found = {j for leaf in leaves for j in self.slope.get(show(leaf), ())}
        for j in sorted(found | set(old)):
            self.column = j
            value = self.derivative(s.value, None if isinstance(s, ast.AugAssign) else y)
            if isinstance(s, ast.AugAssign) and j in old:
                value = old[j] if value is None else total([old[j], value])
            if value is None and (row is None or j not in old):
                continue
            value = value or ast.Constant(0.0)
            if row is not None:
                place = fill(f"{self.matrix_name}[{row}, {self.places[j]}]")
                out.append(assign(place, value, getattr(s, "line", None)))
                value = place
            elif cost(value) or isinstance(value, ast.Subscript):
                name = self.names.new(f"{_word(key)}_{self.titles[j]}")
                out.append(assign(name, value, getattr(s, "line", None)))
                value = ast.Name(name, ast.Load())
            new[j] = value
        self.slope[key] = new
        return out

    def row(self, target):
        """Return the row of J that belongs to a number or an entry of the output."""
        if isinstance(target, ast.Name):
            return 0
        index = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        shape = self.lowered.shapes[self.of]
        places = [constant(i) % n for i, n in zip(index, shape, strict=True)]
        return int(np.ravel_multi_index(places, shape))


def _word(key):
    """Return an entry as a name: ``u0_1`` for u[0, 1]."""
    return key.replace("[", "").replace("]", "").replace(", ", "_")


def _function(lowered, matrix, shape, body, constants):
    tree = copy.copy(lowered.tree)
    tree.name = f"{lowered.name.removesuffix('_jvp')}_jacobian"
    tree.body = [*body, ast.parse(f"return {matrix}").body[0]]
    shapes = {**lowered.shapes, matrix: shape}
    return replace(
        lowered, tree=tree, shapes=shapes, constants={**lowered.constants, **constants}
    )  # fmt: skip


def _directions(lowered, of, wrt, colors):
    """Return the text that runs the JVP once for each column, or once for each colour."""
    derived = jvp(lowered, (wrt,))
    make, shapes = Names(derived), derived.shapes
    matrix, direction = make.new("J"), derived.inputs[-1]
    result = derived.outputs[lowered.outputs.index(of)]
    derived.tree.args.args.pop()
    memory = [s for s in derived.tree.body if is_memory(s)]
    fills = [
        set_entries(make.new, target_of(s), shapes[target_of(s)], "0.0")
        for s in memory
        if show(s.value.func) == "np.zeros"
    ]
    rest = [s for s in derived.tree.body[:-1] if not is_memory(s)]
    before, inside = _apart(rest, direction)
    shape = shapes[wrt]
    columns = size(shape) if colors is None else max(colors) + 1
    column = make.new("column" if colors is None else "color")
    constants = {}
    if shape == ():
        seed = [assign(direction, fill("1.0"))]
    elif colors is None and len(shape) == 1:
        entry = f"{direction}[{column}]"
        seed = [assign(entry, fill("1.0"))]
        inside = [*inside, assign(entry, fill("0.0"))]
    else:
        table = make.new("colors")
        constants[table] = np.reshape(range(columns) if colors is None else colors, shape)
        test = f"1.0 if {table}[] == {column} else 0.0"
        seed = [set_entries(make.new, direction, shape, test)]
    copy_out = _copy_row(make, matrix, column, result, shapes)
    body = [loop(column, [columns], [*seed, *fills, *inside, *copy_out])]
    start = [new_array(matrix, (size(shapes[result]), columns), "np.empty"), *memory]
    if shape != ():
        start.append(new_array(direction, shape))
    return _function(
        derived, matrix, (size(shapes[result]), columns), [*start, *before, *body], constants
    )


def _apart(statements, direction):
    """Separate what is the same for all directions from what has to be computed for each."""
    moving, count = {direction}, -1
    while count != len(moving):
        count = len(moving)
        for s in statements:
            if names(s) & moving:
                moving |= written([s])
    same = [s for s in statements if not names(s) & moving]
    return same, [s for s in statements if names(s) & moving]


def _copy_row(make, matrix, column, result, shapes):
    if shapes[result] == ():
        return [assign(f"{matrix}[0, {column}]", fill(result))]

    def write(index):
        row = fill("0")
        for i, n in zip(index, shapes[result], strict=True):
            row = fill("n * row + i", n=fill(str(n)), row=row, i=fill(i))
        return assign(f"{matrix}[{show(row)}, {column}]", fill(f"{result}[{', '.join(index)}]"))

    return [over_entries(make.new, shapes[result], write, "row")]
