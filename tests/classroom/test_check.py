"""A self-check answers with one of three sentences, whatever the student made."""

import functools
import json
import warnings

import numpy as np
import pytest

from sciml_lab.classroom import check


@check.exercise("2.3", praise="It doubles.")
def doubles(double):
    yield check.close(double(2.0), 4.0), "twice 2 is not 4", "2 * x"
    yield check.close(double(np.ones(2)), [2.0, 2.0]), "arrays are not doubled"


def endless(x):
    return endless(x)


def leaves(x):
    raise SystemExit


def warns(x):
    warnings.warn("careful", stacklevel=2)
    return 2 * x


@pytest.mark.parametrize(
    ("made", "status", "says"),
    [
        (lambda x: 2 * x, check.CORRECT, "It doubles."),
        (lambda x: np.asarray(x) * 2.0, check.CORRECT, "It doubles."),
        (warns, check.CORRECT, "It doubles."),
        (functools.partial(lambda k, x: k * x, 2), check.CORRECT, "It doubles."),
        (lambda x: 3 * x, check.NOT_YET, "Twice 2 is not 4. Hint: 2 * x"),
        (lambda x: 4.0, check.NOT_YET, "Arrays are not doubled."),
        (lambda x: np.array([4.0]), check.NOT_YET, "Twice 2 is not 4."),
        (lambda x: "4", check.NOT_YET, "Twice 2 is not 4."),
        (lambda x: x.nothing, check.NOT_YET, "AttributeError"),
        (lambda: 4, check.NOT_YET, "TypeError"),
        (endless, check.NOT_YET, "RecursionError"),
        (leaves, check.NOT_YET, "SystemExit"),
        (7, check.NOT_YET, "TypeError"),
        (lambda x: ..., check.MISSING, "still returns `...`"),
        (lambda x: None, check.MISSING, "still returns None"),
        (lambda x: (x, ...), check.MISSING, "still returns"),
        (lambda x: np.array([x, ...], dtype=object), check.MISSING, "still returns"),
        (lambda x: ... * x, check.MISSING, "still a `...`"),
        (None, check.MISSING, "put your answer in place of `...`"),
        (..., check.MISSING, "put your answer in place of `...`"),
    ],
)
def test_one_of_three_sentences(made, status, says, capsys):
    verdict = doubles.verdict(made)
    assert verdict.status == status
    assert verdict.message.startswith(f"Exercise 2.3: {status}. ")
    assert says in verdict.message
    doubles(made)
    assert capsys.readouterr().out == f"{verdict}\n"
    assert "\n" not in verdict.message


def test_a_stub_that_raises_is_missing():
    def stub(x):
        raise NotImplementedError

    assert doubles.verdict(stub).status == check.MISSING
    assert doubles.verdict().status == check.MISSING


@pytest.mark.parametrize(
    ("got", "want", "is_close"),
    [
        (1.0, 1.0 + 1e-10, True),
        (1.0, 1.0 + 1e-6, False),
        (1, 1.0, True),
        (True, 1, True),
        ([1.0, 1.0], 1.0, False),
        ([[1.0], [1.0, 2.0]], 1.0, False),
        (1j, 1j, True),
        (np.nan, np.nan, False),
        (np.inf, 1.0, False),
        (object(), 1.0, False),
        ("1", 1.0, False),
    ],
)
def test_close(got, want, is_close):
    assert check.close(got, want) is is_close


def test_measured_order():
    steps = 0.1 / 2.0 ** np.arange(5)
    assert check.measured_order(steps, 7 * steps**4) == pytest.approx(4)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (1.0 / 3.0, 1.0 / 3.0),
        (True, True),
        (7, 7),
        ("word", "word"),
        (np.arange(4.0).reshape(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
        (1 + 2j, {"re": 1.0, "im": 2.0}),
        (np.array([1j]), {"re": [0.0], "im": [1.0]}),
        (np.float64(2.5), 2.5),
    ],
)
def test_show_keeps_every_digit(value, printed, capsys):
    check.show("it", value)
    line = capsys.readouterr().out
    assert line.startswith(check.MARK)
    assert json.loads(line[len(check.MARK) :]) == {"name": "it", "value": printed}


def test_show_hands_on_tolerances(capsys):
    check.show("it", 1.0, rtol=1e-3)
    assert json.loads(capsys.readouterr().out[len(check.MARK) :])["rtol"] == 1e-3


@pytest.mark.parametrize("value", [None, ..., object(), [1, "a", None], {"a": 1}])
def test_show_refuses_what_is_no_value(value):
    with pytest.raises(TypeError, match=r"show: the value 'it' must be text, a number"):
        check.show("it", value)
