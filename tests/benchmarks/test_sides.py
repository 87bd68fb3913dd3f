"""The sides of a comparison compute the same thing, as far as they can be run without peers."""

import importlib

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.explicit import METHODS


@pytest.mark.parametrize(
    "name", ["lotka_volterra", "lorenz", "pleiades", "pleiades, each pair once"]
)
def test_the_loops_for_numbalsoda_are_the_zoo_s_right_hand_sides(name):
    equations = importlib.import_module("harness.equations")
    entry = sl.zoo.get(name.partition(",")[0])
    u, du = np.array(entry.u0, dtype=float) + 0.1, np.zeros(len(entry.u0))
    equations._LOOPS[name](0.0, u, du, entry.p)
    np.testing.assert_allclose(du, entry.f(u, entry.p, 0.0), rtol=1e-13, atol=1e-14)


def test_the_network_of_the_peers_is_ours():
    neural = importlib.import_module("harness.neural")
    p, u = neural.network().init(0), np.array([0.3, -1.2])
    W1, b1, W2, b2 = neural.unpack(p)
    np.testing.assert_allclose(W2 @ np.tanh(W1 @ u + b1) + b2, neural.network()(u, p), rtol=1e-13)


def test_a_peer_that_is_absent_is_named():
    peers = importlib.import_module("harness.peers")
    sides, absent = peers.gather([lambda: {"us": 1}, lambda: peers.load("no_such_peer")])
    assert sides == {"us": 1}
    assert absent == [
        "no_such_peer was not measured: ModuleNotFoundError: No module named 'no_such_peer'"
    ]


def test_a_process_that_fails_or_hangs_is_reported():
    fresh = importlib.import_module("harness.fresh")
    assert fresh.run(["-c", "raise ValueError('no')"]).trouble == "ValueError: no"
    assert "not finished" in fresh.run(["-c", "import time; time.sleep(60)"], limit=0.5).trouble


def test_the_environment_names_versions_and_no_folder():
    machine = importlib.import_module("harness.machine")
    line = machine.environment(2)
    assert f"numpy {np.__version__}" in line and "2 threads used" in line
    assert "/" not in line.replace("N/A", "")


def test_lines_of_code_leave_out_what_is_none(tmp_path):
    size = importlib.import_module("size")
    file = tmp_path / "x.py"
    file.write_text(
        '"""Title.\n\nMore."""\n\n# why\nx = [\n    1,\n]\n\n\n'
        'def f():\n    """Do."""\n    return x\n'
    )
    assert size.count(file) == (5, 13)


def test_every_method_has_its_lines_counted():
    size = importlib.import_module("size")
    names = {row[0] for row in size.lines_of_methods()}
    assert {"TSIT5", "DP5", "VERN7", "VERN9", "DOP853"} <= names
    assert names == {name.upper() for name in METHODS}
