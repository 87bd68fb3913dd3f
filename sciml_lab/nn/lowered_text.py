"""The sweeps of a network, line by line: in which order layers and their derivatives are written.

What one product of a matrix and a vector looks like as loops is in `lowered`, for one state and
for a batch.
"""

import ast

from sciml_lab.transform.symbols import WHERE, Program, Symbol
from sciml_lab.transform.tree import TransformError

FEW = 4  # a side of a matrix up to this length is written out
LANES = 8  # the loop of a nonlinearity is a multiple of this long


class Entry(Symbol):
    """A number that a formula of `activations` is run on."""

    real = property(lambda self: self)


class _Numpy:
    """Stands for NumPy while a formula is run on symbols: its functions are only written down."""

    NAMES = ("tanh", "exp", "log", "log1p", "expm1", "sin", "cos", "sqrt", "sinh", "cosh",
             "arctan", "maximum", "minimum")  # fmt: skip

    def __getattr__(self, name):
        if name not in self.NAMES:
            remedy = "write it with " + ", ".join(self.NAMES) + "."
            raise TransformError(f"np.{name} in an activation", remedy)
        call = {1: f"np.{name}(a)", 2: f"np.{name}(a, b)"}
        return lambda *operands: Symbol(call[len(operands)], operands, False)

    def where(self, condition, a, b):
        """One value or the other."""
        return Symbol(WHERE, (condition, a, b), False)


def formula(make, result) -> list:
    """The lines that compute ``result = make(numpy)``, where `make` runs on symbols.

    Examples
    --------
    >>> x = Entry.named("x", False)
    >>> formula(lambda np: 1 - np.tanh(x) ** 2, "slope")
    ['slope = 1.0 - np.tanh(x) ** 2.0']
    """
    program = Program()
    value = make(_Numpy())
    program.name_repeated(value)
    program.number(value, result)
    return [ast.unparse(ast.fix_missing_locations(line)) for line in program.body]


class Sweeps:
    """Lines of a function under construction, and where its layers are in memory.

    Layer k has n inputs, m outputs, weights from ``w[k]`` and biases from ``b[k]`` on in p. In the
    scratch memory its values ``s(z)`` begin at ``a[k]``, its sums z at ``z[k]``, and what belongs
    to a derivative at ``d[k]``. The first `tape` numbers are what a reverse sweep has to know.
    """

    def __init__(self, net, batch):
        self.net, self.batch, self.lines, self.depth = net, batch, [], 0
        widths = [-(-m * batch // LANES) * LANES for m in net.sizes[1:-1]]
        self.widths, size = widths, sum(widths)
        starts = [sum(widths[:k]) for k in range(len(widths))]
        self.a, self.z, self.d = ([k * size + s for s in starts] for k in range(3))
        self.size = 3 * size
        self.w, self.b, self.strides, self.parameters = self.lay_out()
        self.tape = size * (1 + any(self.needs("z", k) for k in range(len(widths))))

    def lay_out(self):
        """Where the weights and the biases of each layer begin, how far it is from one row to the
        next and from one column to the next, and the length of it all.
        """
        w, b, strides, place = [], [], [], 0
        for m, n in self.net.shapes:
            w.append(place)
            b.append(place + m * n)
            strides.append((n, 1))
            place += m * n + m
        return w, b, strides, place

    def tall(self, k) -> int:
        """How many outputs of layer k a loop runs over, and `wide` how many inputs."""
        return self.net.shapes[k][0]

    def wide(self, k) -> int:
        """See `tall`."""
        return self.net.shapes[k][1]

    def weight(self, memory, k, j, i) -> str:
        """The weight of layer k in row j and column i, each a number or a name."""
        down, right = self.strides[k]
        return at(memory, self.w[k], times(j, down), times(i, right))

    # Lines -----------------------------------------------------------------------------------

    def write(self, *lines):
        """Write lines at the present depth."""
        self.lines += ["    " * self.depth + line for line in lines]

    def loop(self, head, *lines):
        """Write a loop; the lines that follow are in it, until `end`."""
        self.write(f"for {head}:")
        self.depth += 1
        self.write(*lines)

    def end(self, levels=1):
        """Leave a loop."""
        self.depth -= levels

    def function(self, head, body) -> str:
        """The whole text of a function."""
        self.lines, self.depth = [], 0
        self.write(f"def {head}:")
        self.depth = 1
        body()
        return "\n".join(self.lines) + "\n"

    def call(self, head) -> str:
        """The network."""
        return self.function(head, lambda: self.forward("out"))

    def vjp(self, head) -> str:
        """Its reverse sweep."""
        return self.function(head, self.reverse)

    def back(self, head) -> str:
        """The reverse sweep where `call` has left its values in the scratch memory."""
        return self.function(head, lambda: self.reverse(again=False))

    def jvp(self, head) -> str:
        """Its forward sweep with a direction."""
        return self.function(head, self.push)

    # Sweeps ------------------------------------------------------------------------------------

    def input(self, k):
        """Where layer k reads: the memory and the place in it."""
        return ("work", self.a[k - 1]) if k else ("x", 0)

    def forward(self, out=None):
        """All layers, or with no `out` all but the last one, which no derivative needs."""
        for k, (m, n) in enumerate(self.net.shapes):
            if k < len(self.widths) and not self.layer_at_once(k, m, n):
                self.linear(k, m, n, ("work", self.z[k]))
                self.activate(k)
            elif k == len(self.widths) and out:
                self.linear(k, m, n, (out, 0))

    def layer_at_once(self, k, m, n) -> bool:
        """Write sums and nonlinearity of a layer as one loop, where that pays."""
        return False

    def activate(self, k):
        """Values of the nonlinearity."""
        self.loop(f"j{k} in range({self.widths[k]})")
        self.write(f"z{k} = {at('work', self.z[k], f'j{k}')}", *self.value(k))
        self.write(f"{at('work', self.a[k], f'j{k}')} = a{k}")
        self.end()

    def value(self, k) -> list:
        """The lines of ``a = s(z)`` for layer k."""
        z = Entry.named(f"z{k}", False)
        return formula(lambda np: self.net.activations[k].fun(z, np), f"a{k}")

    def slope(self, k) -> list:
        """The lines of ``slope = s'(z)`` for layer k, where a is ``s(z)``."""
        z, a = Entry.named(f"z{k}", False), Entry.named(f"a{k}", False)
        return formula(lambda np: self.net.activations[k].slope(z, a, np), f"slope{k}")

    def needs(self, letter, k) -> bool:
        """Whether the slope of layer k is computed from z, or from a."""
        return any(f"{letter}{k}" in line.partition(" = ")[2] for line in self.slope(k))

    def sloped(self, k):
        """Multiply what is kept for the derivative of layer k by the slope."""
        self.loop(f"j{k} in range({self.widths[k]})")
        for letter, place in (("z", self.z[k]), ("a", self.a[k])):
            if self.needs(letter, k):
                self.write(f"{letter}{k} = {at('work', place, f'j{k}')}")
        self.write(*self.slope(k))
        place = at("work", self.d[k], f"j{k}")
        self.write(f"{place} = {place} * slope{k}")
        self.end()

    def linear(self, k, m, n, out, direction=None):
        """``out = W x + b``, or with a direction of x and p ``W x_dot + W_dot x + b_dot``."""
        raise NotImplementedError

    def transposed(self, k, m, n, g, x_bar):
        """``W_bar += g x^T``, ``b_bar += g`` and ``x_bar = W^T g`` (added, for the input x).

        Returns whether x_bar has been multiplied by the slope of layer k - 1 already.
        """
        raise NotImplementedError

    def reverse(self, again=True):
        """The cotangents of x and p; those of a layer's sums z take the place ``d[k]``."""
        if again:
            self.forward()
        for k in range(len(self.net.shapes) - 1, -1, -1):
            m, n = self.net.shapes[k]
            if self.together(k + 1):
                continue  # its lines are in the loop of the layer above
            g = ("out_bar", 0) if k == len(self.widths) else ("work", self.d[k])
            x_bar = ("work", self.d[k - 1]) if k else ("x_bar", 0)
            if not self.transposed(k, m, n, g, x_bar) and k:
                self.sloped(k - 1)

    def together(self, k) -> bool:
        """Whether the cotangents of layers k and k - 1 are computed in one loop."""
        return False

    def push(self):
        """The tangents of the layers, in the places ``d[k]``."""
        self.forward()
        for k, (m, n) in enumerate(self.net.shapes):
            last = k == len(self.widths)
            direction = ("work", self.d[k - 1]) if k else ("x_dot", 0)
            out = ("out_dot", 0) if last else ("work", self.d[k])
            self.linear(k, m, n, out, direction)
            if not last:
                self.sloped(k)


def at(memory, *terms) -> str:
    """An entry of memory: ``at("p", 100, "2 * j") == "p[100 + 2 * j]"``; zeros are left out."""
    first = sum(term for term in terms if isinstance(term, int))
    index = [str(first)] if first else []
    return f"{memory}[{' + '.join(index + [t for t in terms if isinstance(t, str)]) or 0}]"


def times(j, n):
    """The product of a name or a number and a number: ``j``, ``2 * j``, ``6``."""
    if isinstance(j, int):
        return n * j
    return j if n == 1 else f"{n} * {j}"
