"""Random expressions: whatever is put together from the rules has the right derivative."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import sciml_lab.ad as ad

UNARY = {
    "sin": np.sin, "tanh": np.tanh, "arctan": np.arctan, "square": np.square,
    "sqrt": lambda x: np.sqrt(1.5 + np.sin(x)), "log": lambda x: np.log(2.0 + np.cos(x)),
    "exp": lambda x: np.exp(np.tanh(x)), "reciprocal": lambda x: 1 / (2.0 + np.sin(x)),
    "flip": lambda x: np.flip(x, -1), "roll": lambda x: np.roll(x, 1),
    "mean": lambda x: x - np.mean(x),
    "norm": lambda x: x / np.sqrt(1 + np.sum(x * x)), "cumsum": lambda x: np.cumsum(x, axis=-1) / 3,
    "first": lambda x: x + x[:1], "pack": lambda x: np.stack([x[0], x[2], x[1]]),
    # An object array of traced numbers; NumPy itself can't take one through hypot or arctan2.
    "object": lambda x: np.array([x[0] * x[1], x[2], np.sin(x[0])]) + 0 * x,
    "join": lambda x: np.concatenate([x[1:], x[:1]]), "power": lambda x: (1.5 + np.sin(x)) ** 1.3,
    "matmul": lambda x: np.array([[0.5, -0.2, 0.1], [0.0, 0.3, 0.4], [0.2, 0.1, -0.6]]) @ x,
    "where": lambda x: np.where(np.array([True, False, True]), x, 0.5 * x),
}  # fmt: skip
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": lambda a, b: a * np.tanh(b),
    "divide": lambda a, b: a / (2.0 + np.sin(b)), "hypot": lambda a, b: np.hypot(a, 1.0 + b * b),
    "dot": lambda a, b: a * np.tanh(a @ b),
    "outer": lambda a, b: np.outer(np.sin(a), b).sum(axis=0),
    "arctan2": lambda a, b: np.arctan2(a, 2.0 + np.cos(b)), "logaddexp": np.logaddexp,
    "power": lambda a, b: (1.5 + np.sin(a)) ** np.tanh(b),
}  # fmt: skip

leaves = st.sampled_from(["x", "y", "c"])
expressions = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), below),
        st.tuples(st.sampled_from(sorted(BINARY)), below, below),
    ),
    max_leaves=6,
)
numbers = st.floats(-1.5, 1.5).map(lambda v: round(v, 3))
vectors = st.lists(numbers, min_size=3, max_size=3).map(np.array)


def evaluate(expression, x, y):
    if isinstance(expression, str):
        return {"x": x, "y": y, "c": np.array([0.3, -0.7, 1.1])}[expression]
    name, *parts = expression
    parts = [evaluate(part, x, y) for part in parts]
    return UNARY[name](*parts) if len(parts) == 1 else BINARY[name](*parts)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions, vectors, vectors)
def test_random_expression_to_second_order(expression, x, y):
    report = ad.check(lambda x, y: evaluate(expression, x, y), (x, y), rtol=1e-6)
    assert report.ok, report.message


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions, vectors, vectors)
def test_forward_and_reverse_give_the_same_jacobian(expression, x, y):
    def f(z):
        return evaluate(expression, z, y) * np.ones(3)

    np.testing.assert_allclose(
        ad.jacobian(f, x, mode="dual"), ad.jacobian(f, x, mode="tape"), rtol=1e-9, atol=1e-11
    )


shapes = st.lists(st.integers(1, 3), min_size=0, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.tuples(shapes, st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 3)))
def test_broadcasting_of_any_two_shapes(drawn):
    shape, ones, cut = drawn
    other = tuple(1 if one else n for n, one in zip(shape, ones, strict=False))[
        min(cut, len(shape)) :
    ]
    rng = np.random.default_rng(3)
    a, b = np.asarray(rng.normal(size=shape)), np.asarray(rng.normal(size=other))
    for f in (lambda a, b: a * np.sin(b), lambda a, b: np.exp(b) - a / (1 + b * b)):
        assert ad.check(f, (a, b)).ok
