"""Printed values are compared strictly, and whatever was printed is only read."""

import pytest

from sciml_lab.classroom import compare
from sciml_lab.classroom.compare import Shown


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        (1.0, 1.0 + 1e-9, ""),
        (1.0, 1.0 + 1e-4, "relative difference"),
        (1, 1.0, ""),
        (True, True, ""),
        (1, True, "is not right"),
        (True, 1.0, "is not right"),
        ([True, False], [True, False], ""),
        ([1, 0], [True, False], "is not right"),
        ([1.0, 2.0], [1.0, 2.0], ""),
        ([1.0], [1.0, 2.0], "has the shape"),
        ([[1.0], [1.0, 2.0]], [1.0, 2.0], "is not a number"),
        (float("nan"), 1.0, "is not finite"),
        (float("inf"), 1.0, "is not finite"),
        (10**400, 1.0, "is not a number"),
        (None, 1.0, "is not"),
        ("1.0", 1.0, "is not right"),
        ("a", "a", ""),
        ("a", "b", "is not right"),
        ({"re": 1.0, "im": 2.0}, {"re": 1.0, "im": 2.0}, ""),
        ({"re": 1.0, "im": 2.0}, {"re": 1.0, "im": 3.0}, "relative difference"),
        ({"re": 1.0}, {"re": 1.0, "im": 3.0}, "is not a complex"),
        (3.0, {"re": 1.0, "im": 3.0}, "is not a complex"),
        ({"a": 1}, 1.0, "is not a number"),
        (1e-12, 0.0, ""),
        (1.0, 0.0, "is not right"),
        ([], [], ""),
    ],
)
def test_difference(got, want, says):
    found = compare.difference({"x": Shown(got)}, {"x": Shown(want)})
    assert says in found
    assert bool(found) == bool(says)


def test_tolerance_is_the_reference_s():
    assert compare.difference({"x": Shown(1.01, rtol=9)}, {"x": Shown(1.0)})
    assert not compare.difference({"x": Shown(1.01)}, {"x": Shown(1.0, rtol=0.1)})


def test_only_marked_lines_are_values():
    text = "\n".join(
        [
            'value> {"name": "a", "value": 1}',
            'value 7> {"name": "b", "value": 2}',
            "value 7> {",
            'value 7> ["name"]',
            'value 7> {"name": 3}',
            "value 7> " + "[" * 100_000,
            "value 7> " + "9" * 10_000,
            'value 7> {"name": "twice", "value": 1}',
            'value 7> {"name": "twice", "value": 2}',
        ]
    )
    found = compare.shown(text, "value 7> ")
    assert set(found) == {"b", "twice"}
    assert found["twice"] is None
    assert "more than once" in compare.difference(found, {"twice": Shown(1)})
    assert "was not printed" in compare.difference(found, {"a": Shown(1)})
