"""Random programs, as a person might write them."""

import random


class Program:
    """Writes a random function ``f(u, p, t)`` with a helper or two."""

    def __init__(self, seed, n):
        self.random, self.n, self.count = random.Random(seed), n, 0
        self.lines = []
        self.numbers, self.arrays, self.counters = ["t"], ["u"], []
        self.own = []  # arrays that may be written into

    def text(self):
        """Return the text of the module."""
        r = self.random
        self.block(1, r.randrange(4, 9), 0)
        result = self.array(2)
        small = ", ".join(self.number(2) for _ in range(self.n))
        self.write(1, f"return {r.choice([result, f'np.array([{small}])', self.array(1)])}")
        return HELPERS + "def f(u, p, t):\n" + "\n".join(self.lines) + "\n"

    def write(self, depth, line):
        self.lines.append("    " * depth + line)

    def new(self, kind):
        """Return a name: often one that is known already, which is then rebound."""
        r = self.random
        known = {"x": [x for x in self.numbers if x != "t" or r.random() < 0.1],
                 "v": [v for v in self.arrays if v != "u" or r.random() < 0.1]}[kind]  # fmt: skip
        if known and r.random() < 0.45:
            return r.choice(known)
        self.count += 1
        return f"{kind}{self.count}"

    # Expressions.
    def index(self):
        r, n = self.random, self.n
        if self.counters and r.random() < 0.6:
            i, size = r.choice(self.counters)
            if size <= n and r.random() < 0.4:
                return r.choice([i, f"{i} - 1", f"-{i}", f"{i} - {n // 2}", f"-1 - {i}"])
            return f"({i} {r.choice(['+', '-', '*', '//'])} {r.randrange(1, 4)}) % {n}"
        return str(r.randrange(-n, n))

    def number(self, depth):
        r = self.random
        if depth <= 0 or r.random() < 0.2:
            return r.choice([
                lambda: r.choice(self.numbers), lambda: r.choice(self.numbers),
                lambda: f"{r.choice(self.arrays)}[{self.index()}]",
                lambda: f"{r.choice(self.arrays)}[{self.index()}]",
                lambda: f"p[{r.randrange(3)}]", lambda: r.choice(["0.5", "2", "-1.25", "3", "0.1"]),
                lambda: r.choice(self.counters)[0] if self.counters else "1.5",
            ])()  # fmt: skip
        a, b = (lambda: self.number(depth - 1)), (lambda: self.number(depth - 1))
        return r.choice([
            lambda: f"({a()} + {b()})", lambda: f"({a()} - {b()})", lambda: f"{a()} * {b()}",
            lambda: f"({a()}) / (1.5 + np.sin({b()}))", lambda: f"np.tanh({a()})",
            lambda: f"-{a()}", lambda: f"abs({a()})", lambda: f"np.sqrt(1 + ({a()})**2)",
            lambda: f"({a()} if {self.condition(depth - 1)} else {b()})",
            lambda: f"np.where({self.condition(depth - 1)}, {a()}, {b()})",
            lambda: f"max({a()}, {b()})", lambda: f"mix({a()}, {b()})",
            lambda: f"np.sum({self.array(depth - 1)})", lambda: f"np.max({self.array(0)})",
            lambda: f"{self.array(0)} @ {self.array(0)}", lambda: f"mix(b={a()}, a={b()})",
            lambda: f"sum(z * {a()} for z in {self.array(0)})",
            lambda: f"loops({a()}, {b()})",
            lambda: f"({a()}) % 1.75", lambda: f"({a()}) // 0.75",
            lambda: f"first({self.array(0)})",
            lambda: f"len({self.array(0)}) // 2", lambda: f"({self.index()}) // 2",
        ])()  # fmt: skip

    def condition(self, depth):
        r = self.random
        a, b = self.number(depth), self.number(depth)
        return r.choice([
            f"{a} > {b}", f"{a} <= {b}", f"-1 < {a} < 1", f"({a} > 0 and {b} < 1)",
            f"({a} > 0.3 or not {b} > 0.2)", f"np.any({r.choice(self.arrays)} > {a})",
            f"({a} > 0.1 and mix({a}, {b}) < 1)",
        ])  # fmt: skip

    def array(self, depth):
        r, n = self.random, self.n
        if depth <= 0:
            return r.choice(self.arrays)
        a, x = (lambda: self.array(depth - 1)), (lambda: self.number(depth - 1))
        k = r.randrange(-n, n)
        return r.choice([
            lambda: f"({a()} + {a()})", lambda: f"({a()} * {x()})", lambda: f"({a()} - {x()})",
            lambda: f"np.roll({a()}, {k})", lambda: f"{a()}[::-1]", lambda: f"np.sin({a()})",
            lambda: f"np.concatenate([{a()}[1:], [{x()}]])",
            lambda: f"np.concatenate(([{x()}], {a()}[:-2], [{x()}]))" if n > 2 else a(),
            lambda: f"np.where({a()} > {x()}, {a()}, {x()})", lambda: f"np.tanh({a()})",
            lambda: f"np.array([{', '.join(x() for _ in range(n))}])",
            lambda: f"np.array([{a()}[k] * {x()} for k in range({n})])",
            lambda: f"np.maximum({a()}, {x()})", lambda: f"twice({a()})", lambda: f"{a()}.copy()",
            lambda: f"np.cumsum({a()})", lambda: f"{a()}[{[(k * 2 + j) % n for j in range(n)]}]",
            lambda: f"np.stack([{a()}, {a()}])[{r.randrange(2)}]", lambda: f"({a()}**2)",
            lambda: f"np.outer({a()}, {a()}).sum(axis={r.randrange(2)})",
            lambda: f"(({a()} > {x()}) * {a()})", lambda: f"shifted({a()}, {r.randrange(n)})",
            lambda: f"({a()} if {self.condition(0)} else {a()})",
        ])()  # fmt: skip

    # Statements.
    def block(self, depth, count, loops):
        before = list(self.numbers), list(self.arrays), list(self.own), list(self.counters)
        start = len(self.lines)
        for _ in range(count):
            self.statement(depth, loops)
        if len(self.lines) == start:
            self.write(depth, f"t = {self.number(0)}")
        if depth > 1:
            self.numbers, self.arrays, self.own, self.counters = before

    def statement(self, depth, loops):
        r, n = self.random, self.n
        if len(self.lines) > 22:
            return
        kind = r.randrange(26)
        if kind < 5:
            x, e = self.new("x"), self.number(2)
            self.write(depth, f"{x} = np.tanh({e})" if r.random() < 0.7 else f"{x} = 0.3 * {e}")
            self.numbers.append(x)
        elif kind < 8:
            v, e = self.new("v"), self.array(2)
            self.write(depth, f"{v} = {r.choice(['np.tanh', '0.5 * ', 'np.sin'])}({e})")
            self.arrays.append(v)
            self.own.append(v)
        elif kind == 8:
            x, y = self.new("x"), self.new("x")
            if x != y:
                self.write(depth, f"{x}, {y} = 0.5 * {self.number(1)}, np.tanh({self.number(1)})")
                self.numbers += [x, y]
        elif kind == 9 and len(set(self.arrays)) > 2:
            v, w = r.sample(sorted({*self.arrays} - {"u"}), 2)
            self.write(depth, f"{v}, {w} = {w}, {r.choice([v, f'0.5 * {v}'])}")
        elif kind == 10:
            v = self.new("v")
            start = r.choice([f"np.zeros({n})", "u.copy()", f"np.full({n}, 0.25)",
                              "np.zeros_like(u)",
                              r.choice(self.arrays), f"np.array({[0.5 * k for k in range(n)]})",
                              f"{r.choice(self.arrays)} + 0.0"])  # fmt: skip
            self.write(depth, f"{v} = {start}")
            self.arrays.append(v)
            if start not in self.arrays or start in self.own:
                self.own.append(v)
            elif v in self.own:
                self.own = [w for w in self.own if w != v]
        elif kind < 15 and self.own:
            v = r.choice(self.own)
            a, b = sorted(r.sample(range(n + 1), 2))
            i = self.index()
            one = f"np.tanh({self.number(1)})"
            self.write(depth, r.choice([
                f"{v}[{self.index()}] = {one}", f"{v}[{self.index()}] += {one}",
                f"{v}[{self.index()}] -= {one}", f"{v}[1:] = {v}[:-1]", f"{v}[:-1] = 0.5 * {v}[1:]",
                f"{v}[{a}:{b}] = {self.array(1)}[{a}:{b}]", f"{v} *= 0.5",
                f"{v} += np.tanh({self.array(1)})",
                f"{v}[:] = np.sin({self.array(1)})", f"{v}[::2] -= {one}", f"{v}[:] = {v}[::-1]",
                f"{v}[{self.index()}], {v}[{i}] = {v}[{i}], {v}[{self.index()}]",
                f"bump({v}, {self.number(1)})", f"{v} -= 0.1 * {v}[{self.index()}]",
                f"{v}[{a}:{b}] *= {self.number(0)}",
            ]))  # fmt: skip
        elif kind < 18 and loops < 2:
            size = r.choice([2, 3, n, n, 6])
            i = r.choice("ijk")
            head = r.choice([
                f"for {i} in range({size}):", f"for {i} in range({size}):",
                f"for {i} in range({size - 1}, -1, -1):",
                f"for {i} in range(1, {size}):",
            ])  # fmt: skip
            self.write(depth, head)
            self.loop_body(depth, loops, [(i, size)])
        elif kind == 18 and loops < 2:
            i, z = r.choice("ijk"), self.new("x")
            self.write(depth, f"for {i}, {z} in enumerate({r.choice(self.arrays)}):")
            self.loop_body(depth, loops, [(i, n)], z)
        elif kind == 19 and loops < 2:
            x, k = self.new("x"), f"m{self.count}"
            self.count += 1
            self.write(depth, f"{x}, {k} = {self.number(0)}, 0")
            self.numbers.append(x)
            self.write(depth, f"while {k} < {r.randrange(1, 6)} and {self.condition(1)}:")
            self.write(depth + 1, f"{k} += 1")
            self.loop_body(depth, loops, [], None)
        elif kind < 23 and depth < 4:
            self.write(depth, f"if {self.condition(1)}:")
            self.block(depth + 1, r.randrange(1, 4), loops)
            choice = r.randrange(6)
            if choice == 0:
                self.write(depth + 1, f"return 0.5 * {self.array(1)}")
            elif choice == 1 and loops:
                self.write(depth + 1, r.choice(["break", "continue"]))
            elif choice > 2:
                self.write(depth, "else:")
                self.block(depth + 1, r.randrange(1, 4), loops)
        elif kind == 23:
            x = self.new("x")
            self.write(depth, f"{x} = 0.5 * {self.number(1)}")
            self.write(depth, f"{x} {r.choice(['+', '-', '*'])}= {self.number(1)}")
            self.numbers.append(x)
        elif kind == 24:
            g, x = f"g{self.count}", r.choice(self.numbers)
            self.count += 1
            default = r.choice(["", f", c={self.number(0)}"])
            self.write(depth, f"def {g}(z{default}):")
            self.write(depth + 1, f"return z * {x} + {'c' if default else '1'}")
            y = self.new("x")
            if r.random() < 0.5 and x != "t":
                self.write(depth, f"{x} = {x} * 0.5")
            self.write(depth, f"{y} = np.tanh({g}({self.number(1)}))")
            self.numbers.append(y)
        else:
            x, a, b = self.new("x"), self.number(1), self.number(1)
            self.write(depth, f"{x} = [{a}, {b}, {a}][{r.randrange(-3, 3)}]")
            self.numbers.append(x)

    def loop_body(self, depth, loops, counters, item=None):
        saved = list(self.numbers), list(self.counters)
        hidden = {i for i, _ in counters}
        self.counters = [c for c in self.counters if c[0] not in hidden] + counters
        if item:
            self.numbers.append(item)
        self.block(depth + 1, self.random.randrange(1, 5), loops + 1)
        self.numbers, self.counters = saved
        self.numbers = [x for x in self.numbers if x != item or x in saved[0]]


HELPERS = """
A_TABLE = np.array([[0.5, -0.25, 1.0], [0.0, 0.75, -0.5], [0.25, 0.125, -1.0]])


def mix(a, b=2.0):
    if a > b:
        return a - b
    c = a * b
    return np.tanh(c)


def twice(v):
    w = 0.5 * v
    return w + v


def loops(x, y):
    for k in range(5):
        x = 0.5 * x + np.sin(y) * k
        if x > 2:
            return x - y
    return x


def bump(v, x):
    v[0] = v[-1] + np.tanh(x)
    v[1:] *= 0.75


def first(v):
    for z in v:
        if z > 0:
            return z
    return 0.0


def shifted(v, k):
    w = np.empty_like(v)
    for i in range(len(v)):
        w[i] = v[i - k]
    return w


"""
