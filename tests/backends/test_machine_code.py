"""Compiled right-hand sides on disk: found again, never trusted blindly, never in the way."""

import os
import time

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")

from sciml_lab.backends.numba import cache, functions


def oscillator(u, p, t):
    x, v = u
    while abs(x) > 5.0:
        x = x / 2
    return np.array([v, -p[0] * np.sin(x) - np.tanh(v)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(functions, "_machines", functions.Recent(9))
    monkeypatch.setattr(functions, "_known", functions.Recent(9))
    monkeypatch.setattr(functions, "_by_code", functions.Recent(9))
    return tmp_path


def compiled():
    """Compile as a new process would: nothing in memory."""
    for name in ("_machines", "_known", "_by_code"):
        getattr(functions, name).clear()
    u0, p = np.array([1.0, 0.5]), np.array([2.0])
    return functions.right_hand_side(oscillator, u0, p, 0.0)


def value(function):
    du, u, p = np.empty(2), np.array([6.0, 0.5]), np.array([2.0])
    work = np.empty(function.work + 1)
    import ctypes

    m, n = ctypes.c_void_p, ctypes.c_double
    call = ctypes.CFUNCTYPE(None, m, m, m, n, m)(function.address)
    call(du.ctypes.data, u.ctypes.data, p.ctypes.data, 0.0, work.ctypes.data)
    return du


def test_the_second_process_finds_the_code(folder):
    first = compiled()
    assert isinstance(first.machine, functions.CFunction)
    assert [path.suffix for path in folder.iterdir()] == [".code"]
    second = compiled()
    assert isinstance(second.machine, functions.KeptFunction)
    expected = oscillator(np.array([6.0, 0.5]), np.array([2.0]), 0.0)
    np.testing.assert_allclose(value(first), expected, rtol=1e-14)
    np.testing.assert_array_equal(value(second), value(first))


@pytest.mark.parametrize("damage", [b"", b"not code", None])
def test_broken_code_is_made_anew(folder, damage):
    compiled()
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    again = compiled()
    assert isinstance(again.machine, functions.CFunction)
    assert isinstance(compiled().machine, functions.KeptFunction)


def test_another_version_does_not_look_at_it(folder, monkeypatch):
    from sciml_lab.backends.numba import machine_code

    compiled()
    monkeypatch.setattr(machine_code, "_surroundings", lambda: b"another processor")
    assert isinstance(compiled().machine, functions.CFunction)
    assert len(list(folder.iterdir())) == 2


def test_the_oldest_code_makes_room(folder, monkeypatch):
    from sciml_lab.backends.numba import machine_code

    monkeypatch.setattr(machine_code, "MOST", 2)
    for age in (300, 100, 200):
        path = folder / f"f_{age}.code"
        path.write_bytes(b"old")
        os.utime(path, (time.time() - age,) * 2)
    compiled()
    assert len(list(folder.iterdir())) == 2
    assert (folder / "f_100.code").exists()


def test_a_disk_that_cannot_be_written_to_is_no_obstacle(folder, monkeypatch):
    def full(path, data):
        raise OSError("no space left")

    monkeypatch.setattr(cache, "write_file", full)
    assert isinstance(compiled().machine, functions.CFunction)
    assert list(folder.iterdir()) == []


def test_a_solve_is_the_same_from_kept_code(folder):
    problem = sl.ODEProblem(oscillator, [1.0, 0.5], (0.0, 5.0), [2.0])
    compiled()
    first = sl.solve(problem, sl.Tsit5(), backend="numba").u
    compiled()
    np.testing.assert_array_equal(sl.solve(problem, sl.Tsit5(), backend="numba").u, first)
