"""Random programs, loops, branches and arrays in them: the passes against duals and the tape."""

import ast
from random import Random

import numpy as np
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import sciml_lab as sl
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.jacobian import jacobian
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import execute, read
from sciml_lab.transform.sparsity import pattern
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.tree import TransformError
from sciml_lab.transform.vjp import vjp


class Writer:
    """Writes a random program in the lowered language, line by line."""

    def __init__(self, random):
        self.random, self.lines, self.count = random, [], 0

    def new(self, base="x"):
        self.count += 1
        return f"{base}{self.count}"

    def number(self, depth, names, loops):
        """A random expression that stays of moderate size."""
        r = self.random
        if depth == 0 or r.random() < 0.25:
            kind = r.randrange(6)
            if kind == 0:
                return str(r.choice([0.5, 1.25, -0.75, 2.0]))
            if kind == 1:
                return f"u[{self.index(loops, 3)}]"
            if kind == 2:
                return f"p[{r.randrange(2)}]"
            if kind == 3:
                return f"v[{self.index(loops, 4)}]"
            return r.choice(names)
        a, b = (self.number(depth - 1, names, loops) for _ in "ab")
        return r.choice([
            f"({a} + {b})", f"({a} - {b})", f"np.tanh({a}) * {b}", f"np.sin({a} * {b})", f"-({a})",
            f"{a} / (1.5 + {b} * {b})", f"np.exp(-({a} * {a}))", f"np.cos({a}) ** 2",
            f"({a} if {self.condition(names)} else {b})", f"max({a}, {b} + 0.3)", f"0.5 * {a}",
            f"np.sqrt(1.0 + ({a}) ** 2)",
        ])  # fmt: skip

    def condition(self, names):
        r = self.random
        test = (
            f"{r.choice(names)} {r.choice(['<', '>='])} {r.choice(['0.1', r.choice(names), 't'])}"
        )
        return r.choice([test, test, f"not {test}", f"{test} and t > 0.0"])

    def index(self, loops, n):
        if loops and self.random.random() < 0.75:
            return f"({self.random.choice(loops)} + {self.random.randrange(4)}) % {n}"
        return str(self.random.randrange(n))

    def say(self, indent, line):
        self.lines.append("    " * indent + line)

    def block(self, indent, names, loops, depth, length):
        """Write some statements; return the names that may be read after them."""
        r, names = self.random, list(names)
        for _ in range(length):
            kind = r.randrange(9)
            if kind < 3 or (kind > 5 and depth == 0):
                x = self.new()
                self.say(indent, f"{x} = {self.number(2, names, loops)}")
                names.append(x)
            elif kind == 3:
                sign = r.choice(["=", "=", "+="])
                value = self.number(2, names, loops)
                self.say(indent, f"v[{self.index(loops, 4)}] {sign} np.tanh({value})")
            elif kind in (4, 5):
                place = self.index(loops, 3)
                self.say(
                    indent, f"du[{place}] {r.choice(['=', '+='])} {self.number(2, names, loops)}"
                )
            elif kind == 6:
                names.append(self.branch(indent, names, loops, depth))
            else:
                names += self.loop(indent, names, loops, depth, kind == 7)
        return names

    def branch(self, indent, names, loops, depth):
        y = self.new("y")
        self.say(indent, f"if {self.condition(names)}:")
        for word in ("", "else:"):
            if word:
                self.say(indent, word)
            inside = self.block(indent + 1, names, loops, depth - 1, self.random.randrange(3))
            self.say(indent + 1, f"{y} = {self.number(2, inside, loops)}")
        return y

    def loop(self, indent, names, loops, depth, is_for):
        r = self.random
        carried = [self.new("c") for _ in range(r.randrange(3))]
        for c in carried:
            self.say(indent, f"{c} = {self.number(1, names, loops)}")
        i, inner = self.new("i"), loops
        if is_for:
            spans = ["3", "1, 4", "3, -1, -1", "0, 4, 2", *loops[-1:]]
            self.say(indent, f"for {i} in range({r.choice(spans)}):")
            inner = [*loops, i]
        else:
            self.say(indent, f"{i} = 0.0")
            self.say(indent, f"while {i} < {r.choice(['1.5', '2.5', '0.0'])}:")
            carried.append(i)
        inside = self.block(indent + 1, [*names, *carried], inner, depth - 1, r.randrange(1, 4))
        for c in carried:
            step = f"{i} + 1.0" if c == i else f"np.tanh({self.number(2, inside, inner)})"
            self.say(indent + 1, f"{c}_next = {step}")
        for c in carried:
            self.say(indent + 1, f"{c} = {c}_next")
        return carried


def program(random):
    """The text of a random program."""
    writer = Writer(random)
    writer.lines = [
        "def f(u, p, t):",
        "    du = np.zeros(3)",
        "    v = np.empty(4)",
        "    a = p[0]",
    ]
    writer.lines += ["    for j in range(4):", "        v[j] = u[j % 3] * p[j % 2]"]
    writer.block(1, ["a", "t"], [], 2, random.randrange(2, 6))
    writer.say(
        1, f"du[{random.randrange(3)}] += v[{random.randrange(4)}] * v[{random.randrange(4)}]"
    )
    return "\n".join([*writer.lines, "    return du"])


class Boxes:
    """NumPy with arrays that can hold the numbers of `sciml_lab.ad`."""

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape):
        return np.full(shape, 0.0, dtype=object)

    zeros = empty


def traced(source):
    """The program for duals and the tape."""
    space = {"np": Boxes(), "float": lambda x: x}
    exec(compile(source, "<traced>", "exec"), space)
    return space["f"]


U, P, T = np.array([0.3, -0.8, 0.55]), np.array([0.9, -0.4]), 0.2
W = np.array([1.0, -0.5, 0.7])
SEEDS = st.integers(0, 2**32)


def many(n):
    """Settings for n programs; some are outside of what a pass covers, and thrown away."""
    return settings(max_examples=n, deadline=None, suppress_health_check=list(HealthCheck))


def close(a, b, size=1.0):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * max(size, 1.0))


def made(seed):
    """A random program as text and as a lowered function."""
    source = program(Random(seed))
    return source, read(source, u=(3,), p=(2,))


@many(25)
@given(SEEDS)
def test_against_duals_and_the_tape(seed):
    source, lowered = made(seed)
    f = traced(source)
    total = lambda u, p: sum(w * y for w, y in zip(W, f(u, p, T), strict=True))  # noqa: E731
    try:
        u_bar, p_bar = compiled(vjp(lowered))(U, P, T, W)
    except TransformError as error:
        assert "unknown length" in str(error) or "`while`" in str(error), source
        reject()
    size = max(np.max(np.abs(u_bar)), np.max(np.abs(p_bar)))
    close(u_bar, sl.ad.grad(lambda u: total(u, P) + 0.0 * u[0])(U), size)
    close(p_bar, sl.ad.grad(lambda p: total(U, p) + 0.0 * p[0])(P), size)
    du_dot = compiled(jvp(lowered))(U, P, T, U[::-1], P[::-1])
    close(W @ du_dot, u_bar @ U[::-1] + p_bar @ P[::-1], size)
    with_duals = sl.ad.jvp(lambda u: total(u, P) + 0.0 * u[0], (U,), (W,), mode="dual")
    close(W @ compiled(jvp(lowered, "u"))(U, P, T, W), with_duals[1], size)


@many(15)
@given(SEEDS)
def test_tidy_and_in_place_change_nothing(seed):
    _, lowered = made(seed)
    f = compiled(lowered)
    expected = f(U, P, T)
    assert np.array_equal(compiled(tidy(lowered))(U, P, T), expected, equal_nan=True)
    form = inplace(tidy(lowered))
    du, work = np.full(3, np.nan), np.full(form.work, np.nan)
    execute(form.text, form.name)(du, U, P, np.float64(T), work)
    assert np.array_equal(du, expected, equal_nan=True)


@many(15)
@given(SEEDS)
def test_in_place_form_of_the_adjoint(seed):
    """It adds to what is there, and reads no scratch memory that it has not written."""
    _, lowered = made(seed)
    try:
        derived = vjp(lowered)
    except TransformError:
        reject()
    form = inplace(derived, accumulate=True)
    u_bar, p_bar, work = np.full(3, 1.0), np.full(2, 2.0), np.full(form.work, np.nan)
    execute(form.text, form.name)(u_bar, p_bar, U, P, np.float64(T), W, work)
    expected = compiled(derived)(U, P, T, W)
    size = max(np.max(np.abs(x)) for x in expected)
    close(u_bar - 1.0, expected[0], size)
    close(p_bar - 2.0, expected[1], size)


@many(8)
@given(SEEDS)
def test_jacobian_and_pattern(seed):
    _, lowered = made(seed)
    J = compiled(jacobian(lowered))(U, P, T)
    column = compiled(jvp(lowered, "u"))
    close(J, np.stack([column(U, P, T, e) for e in np.eye(3)], axis=1), np.max(np.abs(J)))
    assert not np.any(J[~pattern(lowered)])


@many(6)
@given(SEEDS)
def test_second_derivatives(seed):
    _, lowered = made(seed)
    try:
        u_dot, _ = compiled(jvp(vjp(lowered)))(U, P, T, W, U[::-1], P[::-1])
        u_bar, _ = compiled(vjp(jvp(lowered)))(U, P, T, U[::-1], P[::-1], W)
    except TransformError:
        reject()
    close(u_dot, u_bar, np.max(np.abs(u_dot)))


@many(6)
@given(SEEDS)
def test_the_text_is_python(seed):
    _, lowered = made(seed)
    try:
        source = text(vjp(lowered))
    except TransformError:
        reject()
    assert max(map(len, source.splitlines())) <= 110
    ast.parse(source)
