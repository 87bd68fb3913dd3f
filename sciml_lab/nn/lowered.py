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

import numpy as np

from sciml_lab.nn.lowered_single import Packed, Single
from sciml_lab.nn.lowered_text import FEW, LANES, Sweeps, at, times
from sciml_lab.transform.tree import PackedPrimitive, Primitive, TransformError


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
    text = (_Batch if batch else Single)(net, batch or 1)
    shape = (net.sizes[-1],) if batch is None else (net.sizes[-1], batch)
    return Primitive(
        name, shape, call=text.call(f"{name}(out, x, p, work)"),
        vjp=text.vjp(f"{name}_vjp(x_bar, p_bar, out_bar, x, p, work)"),
        back=text.back(f"{name}_back(x_bar, p_bar, out_bar, x, p, work)"), tape=text.tape,
        jvp=text.jvp(f"{name}_jvp(out_dot, x, p, x_dot, p_dot, work)"),
        work=text.size, plain=net, packed=packed(net, name) if batch is None else None,
    )  # fmt: skip


def packed(net, name) -> PackedPrimitive | None:
    """The network for parameters in another order, see `lowered_single`.

    It computes with values that don't exist, whose sums are zero: there is none where the
    nonlinearity of zero or its slope is not finite.
    """
    zero = np.float64(0.0)
    with np.errstate(all="ignore"):
        values = [(one.fun(zero, np), one.slope(zero, one.fun(zero, np), np))
                  for one in net.activations]  # fmt: skip
    if not np.all(np.isfinite(np.array(values, dtype=float))):
        return None
    name, text = f"{name}_packed", Packed(net, 1)
    return PackedPrimitive(
        name, (net.sizes[-1],), call=text.call(f"{name}(out, x, p, work)"), vjp="", jvp="",
        back=text.back(f"{name}_back(x_bar, p_bar, out_bar, x, p, work)"), tape=text.tape,
        work=text.size, plain=net, size=text.parameters,
        pack=text.pack(f"{name}_pack(packed, p)"),
        unpack=text.unpack(f"{name}_unpack(p_bar, packed_bar)"),
    )  # fmt: skip


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
