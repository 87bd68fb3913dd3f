"""A network as loops over numbers: its value, its VJP and its JVP, as text for any compiler.

`MLP` computes with NumPy, a few microseconds for each call. Here the same sweeps are written out
for sizes that are known: one loop for one product of a matrix and a vector, in the order in which
memory is read front to back, so that a compiler turns it into vector instructions. `print` shows
what comes out:

    print(sl.nn.MLP([2, 50, 2]).as_primitive((2,), (252,)).vjp)

Three rules make the text quick.

* A side of a matrix that is at most `FEW` long is not looped over, but written out.
* The nonlinearity has a loop of its own, over a length that is a multiple of `LANES`: what is
  computed beyond the layer's width is never read, and no number is left over for a slow end.
* With a batch ``(n, B)`` the innermost loop runs over the B states.

The nonlinearities are the formulas of `activations`, run once on a symbol.
"""

from functools import lru_cache

from sciml_lab.nn.lowered_text import LANES, Sweeps, at, times
from sciml_lab.transform.tree import Primitive, TransformError

FEW = 4


@lru_cache(maxsize=64)
def network(net, batch=None) -> Primitive:
    """Write out a network.

    Parameters
    ----------
    net : MLP
        The network.
    batch : int or None
        Number of states side by side, None for a single state.

    Returns
    -------
    Primitive
        ``name(out, x, p, work)`` with its VJP and JVP.

    Raises
    ------
    TransformError
        If an activation has no slope written down, or uses an unknown function of NumPy.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> print(network(sl.nn.MLP([1, 1])).call)
    def mlp_1_1(out, x, p, work):
        s0_0 = p[1]
        for i0 in range(1):
            x0_0 = x[i0]
            s0_0_next = s0_0 + p[i0] * x0_0
            s0_0 = s0_0_next
        out[0] = s0_0
    """
    for activation in net.activations:
        if activation.slope is None:
            remedy = "give nn.Activation(name, function, slope), or keep to backend='numpy'."
            raise TransformError(f"activation {activation.name!r}, whose slope is unknown,", remedy)
    name = "_".join(["mlp", *map(str, net.sizes), *([f"x{batch}"] if batch else [])])
    text = (_Batch if batch else _Single)(net, batch or 1)
    shape = (net.sizes[-1],) if batch is None else (net.sizes[-1], batch)
    return Primitive(
        name, shape, call=text.call(f"{name}(out, x, p, work)"),
        vjp=text.vjp(f"{name}_vjp(x_bar, p_bar, out_bar, x, p, work)"),
        back=text.back(f"{name}_back(x_bar, p_bar, out_bar, x, p, work)"), tape=text.tape,
        jvp=text.jvp(f"{name}_jvp(out_dot, x, p, x_dot, p_dot, work)"),
        work=text.size, plain=net,
    )  # fmt: skip


class _Single(Sweeps):
    """One state."""

    def layer_at_once(self, k, m, n) -> bool:
        """One loop for sums and values of a layer with few inputs, over its whole width.

        The numbers beyond the layer are those of the layers above: p must reach so far.
        """
        width, end = self.widths[k], self.net.size
        if n > FEW or m <= FEW or max(self.w[k] + n * width, self.b[k] + width) > end:
            return False
        j = f"j{k}r"
        self.write(*(f"x{k}_{i} = {at(*self.input(k), i)}" for i in range(n)))
        terms = [f"{at('p', self.w[k], times(j, n), i)} * x{k}_{i}" for i in range(n)]
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

    def rows(self, k, m, n, out, pairs, bias):
        """Few inputs: one loop over the outputs."""
        tag, names = f"{k}" if len(pairs) == 1 else f"d{k}", []
        for q, (_, (memory, place)) in enumerate(pairs):
            names.append([f"{'xy'[q]}{tag}_{i}" for i in range(n)])
            self.write(*(f"{name} = {at(memory, place, i)}" for i, name in enumerate(names[-1])))
        j = f"j{tag}r"
        self.loop(f"{j} in range({m})")
        terms = [at(bias, self.b[k], j)]
        for (p, _), xs in zip(pairs, names, strict=True):
            terms += [f"{at(p, self.w[k], times(j, n), i)} * {x}" for i, x in enumerate(xs)]
        self.write(f"{at(out[0], out[1], j)} = {' + '.join(terms)}")
        self.end()

    def columns(self, k, m, n, out, pairs, bias):
        """Few outputs: one loop over the inputs, with a sum for each output."""
        tag = f"{k}" if len(pairs) == 1 else f"d{k}"
        sums = [f"s{tag}_{j}" for j in range(m)]
        self.write(*(f"{s} = {at(bias, self.b[k], j)}" for j, s in enumerate(sums)))
        self.loop(f"i{tag} in range({n})")
        for q, (_, (memory, place)) in enumerate(pairs):
            self.write(f"x{tag}_{q} = {at(memory, place, f'i{tag}')}")
        for j, s in enumerate(sums):
            terms = [
                f"{at(p, self.w[k] + j * n, f'i{tag}')} * x{tag}_{q}"
                for q, (p, _) in enumerate(pairs)
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
        self.loop(f"{i} in range({n})")
        terms = [
            f"{at(p, self.w[k], times(j, n), i)} * {at(memory, place, i)}"
            for p, (memory, place) in pairs
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
            self.transposed_rows(k, m, n, g, x_bar, "=" if k else "+=")
        else:
            self.transposed_sums(k, m, n, g, x_bar)
        return m <= FEW

    def few_outputs(self, k, m, n, g, x_bar):
        """One loop over the inputs, with the slope of the layer below."""
        i, gs = f"i{k}t", [f"g{k}_{j}" for j in range(m)]
        self.write(*(f"{name} = {at(*g, j)}" for j, name in enumerate(gs)))
        self.write(*(f"{at('p_bar', self.b[k] + j)} += {name}" for j, name in enumerate(gs)))
        self.loop(f"{i} in range({n})", f"x{k}t = {at(*self.input(k), i)}")
        rows = [(self.w[k] + j * n, i) for j in range(m)]
        self.write(*(f"{at('p_bar', *row)} += {name} * x{k}t"
                     for row, name in zip(rows, gs, strict=True)))  # fmt: skip
        sum_ = " + ".join(f"{at('p', *row)} * {name}" for row, name in zip(rows, gs, strict=True))
        if k:
            self.slope_of_input(k, i)
            self.write(f"{at(*x_bar, i)} = ({sum_}) * slope{k - 1}")
        else:
            self.write(f"{at(*x_bar, i)} += {sum_}")
        self.end()

    def slope_of_input(self, k, i):
        """The slope of the layer below at entry i, whose value ``x{k}t`` is at hand."""
        self.write(f"a{k - 1} = x{k}t")
        if self.needs("z", k - 1):
            self.write(f"z{k - 1} = {at('work', self.z[k - 1], i)}")
        self.write(*self.slope(k - 1))

    def transposed_rows(self, k, m, n, g, x_bar, add):
        """Few inputs: one loop over the outputs, with a sum for each input."""
        x, j = self.input(k), f"j{k}t"
        for i in range(n):
            self.write(f"x{k}t_{i} = {at(*x, i)}", f"s{k}t_{i} = 0.0")
        self.loop(f"{j} in range({m})", f"g{k} = {at(*g, j)}")
        self.write(f"{at('p_bar', self.b[k], j)} += g{k}")
        for i in range(n):
            self.write(f"{at('p_bar', self.w[k], times(j, n), i)} += g{k} * x{k}t_{i}")
        for i in range(n):
            weight = at("p", self.w[k], times(j, n), i)
            self.write(f"s{k}t_{i}_next = s{k}t_{i} + {weight} * g{k}")
        self.write(*(f"s{k}t_{i} = s{k}t_{i}_next" for i in range(n)))
        self.end()
        self.write(*(f"{at(*x_bar, i)} {add} s{k}t_{i}" for i in range(n)))

    def transposed_sums(self, k, m, n, g, x_bar):
        """Many of both: a multiple of a row of W for each output."""
        x, j, i = self.input(k), f"j{k}t", f"i{k}t"
        if k:
            self.loop(f"{i}0 in range({n})", f"{at(*x_bar, f'{i}0')} = 0.0")
            self.end()
        self.loop(f"{j} in range({m})", f"g{k} = {at(*g, j)}")
        self.write(f"{at('p_bar', self.b[k], j)} += g{k}")
        row = (self.w[k], times(j, n), i)
        self.loop(f"{i} in range({n})", f"{at('p_bar', *row)} += g{k} * {at(*x, i)}")
        self.write(f"{at(*x_bar, i)} += {at('p', *row)} * g{k}")
        self.end(2)


class _Batch(Sweeps):
    """A batch of states side by side: entry ``j * B + b`` is component j of state b."""

    def entry(self, memory, j, b) -> str:
        """Component j of state b of an array that begins at a place in memory."""
        name, place = memory
        if isinstance(j, int):
            return at(name, place + j * self.batch, b)
        j, _, more = j.partition(" + ")
        return at(name, place + int(more or 0) * self.batch, times(j, self.batch), b)

    def blocks(self, name, n):
        """Open a loop over blocks of `FEW` indices and give them; then those that are left."""
        left = n % FEW
        if n >= FEW:
            self.loop(f"{name} in range(0, {n - left}, {FEW})")
            yield [name, *(f"{name} + {q}" for q in range(1, FEW))]
            self.end()
        if left:
            yield list(range(n - left, n))

    def weight(self, memory, k, j, i) -> str:
        """The entry of row j and column i of the weights of layer k."""
        n = self.net.shapes[k][1]
        return at(memory, self.w[k], j * n if isinstance(j, int) else times(j, n), i)

    def layer_at_once(self, k, m, n) -> bool:
        """One pass over the states for each output, if there are few inputs."""
        if n > FEW or self.batch % LANES:  # a slow end of the loop costs more than a second pass
            return False
        j, b = f"j{k}r", f"b{k}"
        self.loop(f"{j} in range({m})", f"c{k} = {at('p', self.b[k], j)}")
        self.write(*(f"w{k}_{i} = {self.weight('p', k, j, i)}" for i in range(n)))
        terms = [f"w{k}_{i} * {self.entry(self.input(k), i, b)}" for i in range(n)]
        self.loop(f"{b} in range({self.batch})", f"z{k} = c{k} + {' + '.join(terms)}")
        if self.needs("z", k):
            self.write(f"{self.entry(('work', self.z[k]), j, b)} = z{k}")
        self.write(*self.value(k), f"{self.entry(('work', self.a[k]), j, b)} = a{k}")
        self.end(2)
        return True

    def linear(self, k, m, n, out, direction=None):
        """``out = W x + b``, or with a direction of x and p ``W x_dot + W_dot x + b_dot``."""
        tag = f"d{k}" if direction else f"{k}"
        pairs = [("p", direction or self.input(k))]
        if direction:
            pairs.append(("p_dot", self.input(k)))
        j, b = f"j{tag}r", f"b{tag}"
        place = self.entry(out, j, b)
        self.loop(f"{j} in range({m})", f"c{tag} = {at(pairs[-1][0], self.b[k], j)}")
        self.loop(f"{b} in range({self.batch})", f"{place} = c{tag}")
        self.end()
        for indices in self.blocks(f"i{tag}", n):
            terms = []
            for q, (p, x) in enumerate(pairs):
                for r, i in enumerate(indices):
                    self.write(f"w{tag}_{q}{r} = {self.weight(p, k, j, i)}")
                    terms.append(f"w{tag}_{q}{r} * {self.entry(x, i, b)}")
            self.loop(f"{b} in range({self.batch})", f"{place} += {' + '.join(terms)}")
            self.end()
        self.end()

    def transposed(self, k, m, n, g, x_bar):
        """``W_bar += g x^T``, ``b_bar += g`` and ``x_bar = W^T g`` (added, for the input x)."""
        j, b = f"j{k}t", f"b{k}t"
        self.loop(f"{j} in range({m})", f"s{k}b = 0.0")
        self.loop(f"{b} in range({self.batch})", f"s{k}b_next = s{k}b + {self.entry(g, j, b)}")
        self.write(f"s{k}b = s{k}b_next")
        self.end()
        self.write(f"{at('p_bar', self.b[k], j)} += s{k}b")
        self.end()
        return (self.few_outputs if m <= FEW else self.many_outputs)(k, m, n, g, x_bar)

    def few_outputs(self, k, m, n, g, x_bar):
        """A component of x after the other, with a sum for each output."""
        x, i, b, outputs = self.input(k), f"i{k}t", f"b{k}t", range(m)
        self.loop(f"{i} in range({n})")
        for q in outputs:
            self.write(f"w{k}_{q} = {self.weight('p', k, q, i)}", f"s{k}_{q} = 0.0")
        self.loop(f"{b} in range({self.batch})", f"x{k}t = {self.entry(x, i, b)}")
        self.write(*(f"g{k}_{q} = {self.entry(g, q, b)}" for q in outputs))
        terms = " + ".join(f"w{k}_{q} * g{k}_{q}" for q in outputs)
        if k:  # x is the value of the layer below, so its slope is at hand
            self.write(f"a{k - 1} = x{k}t")
            if self.needs("z", k - 1):
                self.write(f"z{k - 1} = {self.entry(('work', self.z[k - 1]), i, b)}")
            self.write(*self.slope(k - 1))
            self.write(f"{self.entry(x_bar, i, b)} = ({terms}) * slope{k - 1}")
        else:
            self.write(f"{self.entry(x_bar, i, b)} += {terms}")
        self.write(*(f"s{k}_{q}_next = s{k}_{q} + g{k}_{q} * x{k}t" for q in outputs))
        self.write(*(f"s{k}_{q} = s{k}_{q}_next" for q in outputs))
        self.end()
        self.write(*(f"{self.weight('p_bar', k, q, i)} += s{k}_{q}" for q in outputs))
        self.end()
        return k > 0

    def many_outputs(self, k, m, n, g, x_bar):
        """An output after the other, a few components of x at a time."""
        x, j, b = self.input(k), f"j{k}t", f"b{k}t"
        if k:
            self.loop(f"i{k}z in range({n * self.batch})", f"{at(*x_bar, f'i{k}z')} = 0.0")
            self.end()
        self.loop(f"{j} in range({m})")
        for indices in self.blocks(f"i{k}t", n):
            for r, i in enumerate(indices):
                self.write(f"w{k}_{r} = {self.weight('p', k, j, i)}", f"s{k}_{r} = 0.0")
            self.loop(f"{b} in range({self.batch})", f"g{k} = {self.entry(g, j, b)}")
            self.write(*(f"{self.entry(x_bar, i, b)} += w{k}_{r} * g{k}"
                         for r, i in enumerate(indices)))  # fmt: skip
            self.write(*(f"s{k}_{r}_next = s{k}_{r} + g{k} * {self.entry(x, i, b)}"
                         for r, i in enumerate(indices)))  # fmt: skip
            self.write(*(f"s{k}_{r} = s{k}_{r}_next" for r in range(len(indices))))
            self.end()
            self.write(*(f"{self.weight('p_bar', k, j, i)} += s{k}_{r}"
                         for r, i in enumerate(indices)))  # fmt: skip
        self.end()
