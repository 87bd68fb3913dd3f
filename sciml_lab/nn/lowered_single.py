"""A network of one state as loops: what a product of a matrix and a vector looks like.

A side of a matrix that is at most `FEW` long is written out. `Single` reads the parameters where
`MLP` has them; `Packed` in an order of its own, in which every loop runs over neighbours, begins
with a line of the cache and is a multiple of `LANES` long, at the price of copying the parameters
before a solve and their cotangents after it.
"""

import ast

from sciml_lab.nn.lowered_text import FEW, LANES, Sweeps, at

ABREAST = 4  # chains of operations that are carried out side by side


class Single(Sweeps):
    """One state."""

    def layer_at_once(self, k, m, n) -> bool:
        """One loop for sums and values of a layer with few inputs, over its whole width.

        The numbers beyond the layer are those of the layers above: p must reach so far.
        """
        width, (down, right), j = self.widths[k], self.strides[k], f"j{k}r"
        last = self.w[k] + down * (width - 1) + right * (n - 1), self.b[k] + width - 1
        if n > FEW or m <= FEW or max(last) >= self.parameters:
            return False
        self.write(*(f"x{k}_{i} = {at(*self.input(k), i)}" for i in range(n)))
        terms = [f"{self.weight('p', k, j, i)} * x{k}_{i}" for i in range(n)]
        self.loop(f"{j} in range({width})", f"z{k} = {' + '.join([at('p', self.b[k], j), *terms])}")
        if self.needs("z", k):
            self.write(f"{at('work', self.z[k], j)} = z{k}")
        self.write(*self.value(k), f"{at('work', self.a[k], j)} = a{k}")
        self.end()
        return True

    def linear(self, k, m, n, out, direction=None):
        """``out = W x + b``, or with a direction of x and p ``W x_dot + W_dot x + b_dot``."""
        pairs = [("p", self.input(k))]
        bias = "p"
        if direction:
            pairs, bias = [("p", direction), ("p_dot", self.input(k))], "p_dot"
        write = self.rows if n <= FEW and m > FEW else self.columns if m <= FEW else self.sums
        write(k, m, n, out, pairs, bias)
        if self.tall(k) > m and write != self.rows:  # which has written those as well
            self.loop(f"j{k}z in range({m}, {self.tall(k)})", f"{at(*out, f'j{k}z')} = 0.0")
            self.end()

    def rows(self, k, m, n, out, pairs, bias):
        """Few inputs: one loop over the outputs."""
        tag, names = f"{k}" if len(pairs) == 1 else f"d{k}", []
        for q, (_, (memory, place)) in enumerate(pairs):
            names.append([f"{'xy'[q]}{tag}_{i}" for i in range(n)])
            self.write(*(f"{name} = {at(memory, place, i)}" for i, name in enumerate(names[-1])))
        j = f"j{tag}r"
        self.loop(f"{j} in range({self.tall(k)})")
        terms = [at(bias, self.b[k], j)]
        for (p, _), xs in zip(pairs, names, strict=True):
            terms += [f"{self.weight(p, k, j, i)} * {x}" for i, x in enumerate(xs)]
        self.write(f"{at(out[0], out[1], j)} = {' + '.join(terms)}")
        self.end()

    def columns(self, k, m, n, out, pairs, bias):
        """Few outputs: one loop over the inputs, with a sum for each output."""
        tag = f"{k}" if len(pairs) == 1 else f"d{k}"
        sums = [f"s{tag}_{j}" for j in range(m)]
        self.write(*(f"{s} = {at(bias, self.b[k], j)}" for j, s in enumerate(sums)))
        self.loop(f"i{tag} in range({self.wide(k)})")
        for q, (_, (memory, place)) in enumerate(pairs):
            self.write(f"x{tag}_{q} = {at(memory, place, f'i{tag}')}")
        for j, s in enumerate(sums):
            terms = [
                f"{self.weight(p, k, j, f'i{tag}')} * x{tag}_{q}" for q, (p, _) in enumerate(pairs)
            ]
            self.write(f"{s}_next = {s} + {' + '.join(terms)}")
        self.write(*(f"{s} = {s}_next" for s in sums))
        self.end()
        self.write(*(f"{at(out[0], out[1], j)} = {s}" for j, s in enumerate(sums)))

    def sums(self, k, m, n, out, pairs, bias):
        """Many of both: a scalar product for each output."""
        tag = f"{k}" if len(pairs) == 1 else f"d{k}"
        j, i, s = f"j{tag}r", f"i{tag}", f"s{tag}"
        self.loop(f"{j} in range({m})", f"{s} = {at(bias, self.b[k], j)}")
        self.loop(f"{i} in range({self.wide(k)})")
        terms = [
            f"{self.weight(p, k, j, i)} * {at(memory, place, i)}" for p, (memory, place) in pairs
        ]
        self.write(f"{s}_next = {s} + {' + '.join(terms)}", f"{s} = {s}_next")
        self.end()
        self.write(f"{at(out[0], out[1], j)} = {s}")
        self.end()

    def transposed(self, k, m, n, g, x_bar):
        """``W_bar += g x^T``, ``b_bar += g`` and ``x_bar = W^T g`` (added, for the input x)."""
        if m <= FEW:
            self.few_outputs(k, m, n, g, x_bar)
        elif n <= FEW:
            self.transposed_rows(k, g, x_bar, "=" if k else "+=")
        else:
            self.transposed_sums(k, m, n, g, x_bar)
        return m <= FEW

    def few_outputs(self, k, m, n, g, x_bar):
        """One loop over the inputs, with the slope of the layer below."""
        i, gs = f"i{k}t", [f"g{k}_{j}" for j in range(m)]
        self.write(*(f"{name} = {at(*g, j)}" for j, name in enumerate(gs)))
        self.write(*(f"{at('p_bar', self.b[k] + j)} += {name}" for j, name in enumerate(gs)))
        if self.together(k):
            self.before_rows(k - 1)
        self.loop(f"{i} in range({self.wide(k)})", f"x{k}t = {at(*self.input(k), i)}")
        self.write(*(f"{self.weight('p_bar', k, j, i)} += {name} * x{k}t"
                     for j, name in enumerate(gs)))  # fmt: skip
        total = " + ".join(f"{self.weight('p', k, j, i)} * {name}" for j, name in enumerate(gs))
        if k:
            self.slope_of_input(k, i)
            self.write(f"g{k - 1} = ({total}) * slope{k - 1}")
        if self.together(k):
            self.in_rows(k - 1, i)
            self.write(f"{at('p_bar', self.b[k - 1], i)} += g{k - 1}")
        else:
            self.write(f"{at(*x_bar, i)} {f'= g{k - 1}' if k else f'+= {total}'}")
        self.end()
        if self.together(k):
            self.after_rows(k - 1)

    def slope_of_input(self, k, i):
        """The slope of the layer below at entry i, whose value ``x{k}t`` is at hand."""
        self.write(f"a{k - 1} = x{k}t")
        if self.needs("z", k - 1):
            self.write(f"z{k - 1} = {at('work', self.z[k - 1], i)}")
        self.write(*self.slope(k - 1))

    def transposed_rows(self, k, g, x_bar, add):
        """Few inputs: loops over the outputs, with a sum for each input.

        What is written in one loop has one stride: or no compiler knows that it does not overlap.
        """
        j = f"j{k}t"
        self.loop(f"{j} in range({self.tall(k)})", f"{at('p_bar', self.b[k], j)} += {at(*g, j)}")
        self.end()
        self.before_rows(k)
        self.loop(f"{j} in range({self.tall(k)})", f"g{k} = {at(*g, j)}")
        self.in_rows(k, j)
        self.end()
        self.after_rows(k, x_bar, add)

    def before_rows(self, k):
        """The inputs of a layer that has few of them, and a sum for each."""
        for i in range(self.wide(k)):
            self.write(f"x{k}t_{i} = {at(*self.input(k), i)}", f"s{k}t_{i} = 0.0")

    def in_rows(self, k, j):
        """What row j of the weights receives, and what it gives to the inputs."""
        few = range(self.wide(k))
        self.write(*(f"{self.weight('p_bar', k, j, i)} += g{k} * x{k}t_{i}" for i in few))
        self.write(*(f"s{k}t_{i}_next = s{k}t_{i} + {self.weight('p', k, j, i)} * g{k}"
                     for i in few), *(f"s{k}t_{i} = s{k}t_{i}_next" for i in few))  # fmt: skip

    def after_rows(self, k, x_bar=("x_bar", 0), add="+="):
        """The sums."""
        self.write(*(f"{at(*x_bar, i)} {add} s{k}t_{i}" for i in range(self.wide(k))))

    def transposed_sums(self, k, m, n, g, x_bar):
        """Many of both: a multiple of a row of W for each output."""
        x, j, i = self.input(k), f"j{k}t", f"i{k}t"
        if k:
            self.loop(f"{i}0 in range({self.wide(k)})", f"{at(*x_bar, f'{i}0')} = 0.0")
            self.end()
        self.loop(f"{j} in range({m})", f"g{k} = {at(*g, j)}")
        self.write(f"{at('p_bar', self.b[k], j)} += g{k}")
        self.loop(f"{i} in range({self.wide(k)})")
        self.write(f"{self.weight('p_bar', k, j, i)} += g{k} * {at(*x, i)}")
        self.write(f"{at(*x_bar, i)} += {self.weight('p', k, j, i)} * g{k}")
        self.end(2)


class Packed(Single):
    """One state, with the parameters copied into an order of their own.

    A layer with few inputs has its weights column by column, any other one row by row; columns,
    rows and biases are filled up with zeros to a multiple of `LANES`. Between the layers are values
    of as many inputs that don't exist: the zeros take them out.
    """

    def lay_out(self):
        """The places of weights and biases, with the distances from row to row and from column to
        column, and the length of it all.
        """
        w, b, strides, place = [], [], [], 0
        for k, (m, n) in enumerate(self.net.shapes):
            columns = n <= FEW < m
            one = padded(m if columns else n)
            w.append(place)
            b.append(place + one * (n if columns else m))
            strides.append((1, one) if columns else (one, 1))
            place = b[k] + padded(m)
        return w, b, strides, place

    def tall(self, k):
        """Outputs of a layer, with those that fill it up; the last one has none."""
        return self.widths[k] if k < len(self.widths) else self.net.shapes[k][0]

    def wide(self, k):
        """Inputs of a layer, with those that fill it up; the first one has none."""
        return self.widths[k - 1] if k else self.net.shapes[k][1]

    def together(self, k):
        """A layer with few outputs above one with few inputs, as in a network of one inner layer.

        In this order of the parameters what the two write does not overlap.
        """
        if not 0 < k < len(self.net.shapes):
            return False
        (between, n), (m, _) = self.net.shapes[k - 1], self.net.shapes[k]
        return k == 1 and m <= FEW and n <= FEW < between

    def forward(self, out=None):
        """All layers; where `together` says so and the values fit into registers, at one stroke.

        Each value is a long chain of operations. Side by side, `ABREAST` chains keep the processor
        busy; and none of the values has to be read back for the sums above them.
        """
        one_inner = out and len(self.net.shapes) == 2 and self.together(1)
        if one_inner and self.widths[0] <= ABREAST * LANES * 2:
            self.inner_layer(out)
        else:
            super().forward(out)

    def inner_layer(self, out):
        """A network of one inner layer; entry j of each line of it in the same round of a loop."""
        (_, n), (m, _) = self.net.shapes
        rows = [*range(0, self.widths[0], LANES)]
        self.write(*(f"x0_{i} = {at('x', i)}" for i in range(n)))
        self.write(*(f"sum_{q} = {at('p', self.b[1] + q)}" for q in range(m)))
        self.loop(f"j in range({LANES})")
        for first in range(0, len(rows), ABREAST):
            self.values_abreast({q: rows[q] for q in range(len(rows))[first : first + ABREAST]}, n)
        for q in range(m):
            terms = [f"{at('p', self.w[1] + q * self.strides[1][0] + row, 'j')} * a0_{r}"
                     for r, row in enumerate(rows)]  # fmt: skip
            self.write(f"sum_{q}_next = sum_{q} + {' + '.join(terms)}", f"sum_{q} = sum_{q}_next")
        self.end()
        self.write(*(f"{at(out, q)} = sum_{q}" for q in range(m)))

    def values_abreast(self, rows, n):
        """Entries ``j + row`` of the inner layer for several rows, line by line."""
        for q, row in rows.items():
            terms = [f"{at('p', self.w[0] + i * self.strides[0][1] + row, 'j')} * x0_{i}"
                     for i in range(n)]  # fmt: skip
            self.write(f"z0_{q} = {' + '.join([at('p', self.b[0] + row, 'j'), *terms])}")
        for line in self.value(0):
            self.write(abreast(line, rows))
        for q, row in rows.items():
            if self.needs("z", 0):
                self.write(f"{at('work', self.z[0] + row, 'j')} = z0_{q}")
            self.write(f"{at('work', self.a[0] + row, 'j')} = a0_{q}")

    def pack(self, head) -> str:
        """The text that copies the parameters."""

        def body():
            self.loop(f"q in range({self.parameters})", "packed[q] = 0.0")
            self.end()
            for levels, ours, theirs in self.pairs():
                self.write(f"packed{ours} = p{theirs}")
                self.end(levels)

        return self.function(head, body)

    def unpack(self, head) -> str:
        """The text that adds their cotangents to those of the parameters."""

        def body():
            for levels, ours, theirs in self.pairs():
                self.write(f"p_bar{theirs} += packed_bar{ours}")
                self.end(levels)

        return self.function(head, body)

    def pairs(self):
        """Open loops over all parameters; give how many, and the two places of a parameter."""
        plain = Single(self.net, 1)
        for k, (m, n) in enumerate(self.net.shapes):
            j, i = f"j{k}", f"i{k}"
            self.loop(f"{j} in range({m})")
            self.loop(f"{i} in range({n})")
            yield 2, self.weight("", k, j, i), plain.weight("", k, j, i)
            self.loop(f"{j} in range({m})")
            yield 1, at("", self.b[k], j), at("", plain.b[k], j)


def abreast(line, suffixes) -> str:
    """A line that is carried out for several numbers, whose names have different endings.

    Examples
    --------
    >>> abreast("a = np.tanh(z)", [0, 1])
    'a_0, a_1 = np.tanh(z_0), np.tanh(z_1)'
    """
    copies = [ast.parse(line).body[0] for _ in suffixes]
    for copy, q in zip(copies, suffixes, strict=True):
        for node in ast.walk(copy):
            if isinstance(node, ast.Name) and node.id != "np":
                node.id = f"{node.id}_{q}"
    left = ", ".join(ast.unparse(copy.targets[0]) for copy in copies)
    return f"{left} = {', '.join(ast.unparse(copy.value) for copy in copies)}"


def padded(n) -> int:
    """The multiple of `LANES` from n on."""
    return -(-n // LANES) * LANES
