"""The statistics that the benchmarks stand on."""

import doctest
import importlib
import math

import numpy as np
import pytest


@pytest.fixture
def timing():
    return importlib.import_module("harness.timing")


@pytest.mark.parametrize("name", ["timing", "results", "peers", "fresh"])
def test_examples_of_the_harness(name):
    module = importlib.import_module(f"harness.{name}")
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0 and outcome.failed == 0


def test_calls_are_timed_in_turns(timing):
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    taken = timing.paired(calls, seconds=0.0, rounds=3, burst=0.0)
    assert order[-6:] == list("ababab")
    assert {name: len(t.rounds) for name, t in taken.items()} == {"a": 3, "b": 3}


def test_slow_calls_sit_out_after_three_rounds(timing):
    taken = timing.paired(
        {"slow": lambda: sum(range(2000)), "fast": lambda: None},
        seconds=0.0, rounds=5, burst=0.0, slow=2e-6,
    )  # fmt: skip
    assert len(taken["slow"].rounds) == 3
    assert len(taken["fast"].rounds) == 5
    assert timing.ratio(taken["fast"], taken["slow"]).value < 1


def test_garbage_collection_is_as_it_was(timing):
    import gc

    seen = []
    timing.paired({"a": lambda: seen.append(gc.isenabled())}, seconds=0.0, rounds=1)
    assert gc.isenabled()
    assert not seen[-1]


def test_a_ratio_lies_in_its_range(timing):
    ours, theirs = timing.Timing((1.0, 1.5, 1.1, 3.0)), timing.Timing((2.0, 2.2, 8.0, 2.1))
    r = timing.ratio(ours, theirs)
    assert r.value == 0.5
    assert r.low <= r.value <= r.high
    assert r.low < 0.5 < r.high


def test_time_at_an_error_is_exact_on_a_power_law(timing):
    errors = 10.0 ** -np.arange(3, 10)
    times = 1e-6 * errors**-0.2
    for error in (1e-3, 3e-6, 1e-9):
        assert timing.time_at(error, errors, times) == pytest.approx(1e-6 * error**-0.2)


def test_a_point_that_is_beaten_does_not_count(timing):
    errors, times = [1e-2, 1e-4, 1e-3], [5.0, 1.0, 9.0]  # 1e-4 is both better and faster
    assert timing.time_at(1e-2, errors, times) == 1.0
    assert timing.time_at(1e-3, errors, times) == 1.0


def test_beyond_the_most_accurate_point_there_is_no_answer(timing):
    assert math.isnan(timing.time_at(1e-9, [1e-2, 1e-4], [1.0, 2.0]))
    assert math.isnan(timing.time_at(1e-9, [], []))


def test_an_exact_result_has_no_place_in_a_log_plot(timing):
    errors, times = timing.front([0.0, 1e-3], [1.0, 2.0])
    assert errors.tolist() == [1e-3] and times.tolist() == [2.0]
