"""The documented subset, line by line: what is covered agrees with Python, the rest says why."""

import functools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from lowered_programs import check_promises, module, run

from sciml_lab.transform import TransformError, lower

PAGE = (Path(__file__).parents[2] / "docs" / "transform.md").read_text("utf-8")
COVERED, REFUSED = PAGE.split("## What is not covered")
ROW = re.compile(r"^\| (?P<construct>.+?) \| `(?P<code>.+)` \|(?: (?P<says>.+) \|)?$", re.M)
SETTING = """
import functools
import math

class Spring:
    def __init__(self, k):
        self.k = k

    def force(self, x):
        return -self.k * x

def scale(x, by=2.0):
    return x * by

def clipped(x):
    if x > 1:
        return 1.0
    return x
"""


def _function(code):
    lines = [line.strip() for line in code.replace("\\|", "|").split("…")]
    body = [re.sub("^␣*", lambda m: "    " * (len(m[0]) + 1), line) for line in lines]
    text = SETTING + "\ndef f(u, p, t):\n" + "\n".join(body) + "\n"
    rng = np.random.default_rng(1)
    around = {
        "A": rng.random((6, 6)), "table": np.arange(6.0), "knots": [1.0], "k": 1.5, "mode": "fast",
        "functools": functools, "special": SimpleNamespace(erf=np.linalg.cond),
    }  # fmt: skip
    return module(text, **around)["f"], text.count("\n", 0, text.index("def f(")) + 2


def _rows(page):
    rows = [m.groupdict() for m in ROW.finditer(page)]
    return [pytest.param(row, id=row["construct"]) for row in rows]


def _inputs(seed, n=6):
    rng = np.random.default_rng(seed)
    return rng.uniform(-2, 2, n), rng.uniform(0.2, 2, 3), np.float64(rng.uniform(0.1, 1))


def _agrees(f, n):
    inputs = dict(zip("upt", _inputs(0, n), strict=True))
    lowered = lower(f, *inputs.values())
    for seed in range(8):
        inputs = dict(zip("upt", _inputs(seed, n), strict=True))
        expected = f(**{name: np.copy(x)[()] for name, x in inputs.items()})
        found = run(lowered, [inputs[name] for name in lowered.inputs])
        np.testing.assert_allclose(found, np.asarray(expected, float), rtol=1e-13, atol=1e-13)
    check_promises(lowered, [inputs[name] for name in lowered.inputs])


def test_the_page_is_read():
    assert len(_rows(COVERED)) > 80
    assert len(_rows(REFUSED)) > 30
    assert PAGE.count("\n| ") == len(_rows(PAGE)) + 6  # every line of the six tables


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", _rows(COVERED))
def test_covered(row):
    f, _ = _function(row["code"])
    _agrees(f, 6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [1, 2, 3, 5, 9, 40])
@pytest.mark.parametrize("row", _rows(COVERED))
def test_covered_in_other_shapes(row, n):
    f, _ = _function(row["code"])
    try:
        for seed in range(8):
            f(*_inputs(seed, n))
    except (ValueError, IndexError, KeyError, TypeError, AssertionError):
        return  # not a program for this shape in Python either
    _agrees(f, n)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", _rows(REFUSED))
def test_refused(row):
    f, first = _function(row["code"])
    with pytest.raises(TransformError) as caught:
        lower(f, *_inputs(0))
    error = caught.value
    assert row["says"] in str(error)
    assert "raised" not in str(error)  # no internal error of Python's
    assert error.construct and error.remedy.endswith(".")
    assert first <= error.line <= first + row["code"].count("…")
