"""Compiled kernels on disk: found again, made anew when broken, moved when the folder is closed."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.transform import TransformError

pytest.importorskip("numba", reason="the compiled backend needs Numba")

SCRIPT = """
    import sciml_lab as sl
    def fall(u, p, t):
        return -p * u
    problem = sl.ODEProblem(fall, [1.0], (0.0, 1.0), [1.0])
    sol = sl.solve(problem, sl.Euler(), dt=0.1, backend="numba")
    from sciml_lab.backends.numba import cache
    print(cache.folder(), sol.u[-1, 0] == 0.9**10 or abs(sol.u[-1, 0] - 0.9**10) < 1e-15)
"""


def run(tmp_path, script=SCRIPT, **environment):
    """Run a script in a process of its own; returns its last line."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script), "utf-8")
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, **environment}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def code_files(folder):
    return sorted(path for path in folder.rglob("*.nbc"))


def test_kernels_are_kept_and_made_anew_when_broken(tmp_path):
    folder = tmp_path / "kernels"
    assert run(tmp_path, SCIML_LAB_CACHE=str(folder)) == f"{folder} True"
    made = code_files(folder)
    assert made
    before = [path.stat().st_mtime_ns for path in made]
    run(tmp_path, SCIML_LAB_CACHE=str(folder))
    assert [path.stat().st_mtime_ns for path in made] == before
    for path in folder.rglob("*Euler*.nb[ci]"):
        path.write_bytes(b"nonsense")
    assert run(tmp_path, SCIML_LAB_CACHE=str(folder)).endswith("True")
    for path in folder.glob("*Euler*.kernel"):
        path.write_text("import nothing_of_this_name\n")  # a foreign file of the same name
    assert run(tmp_path, SCIML_LAB_CACHE=str(folder)).endswith("True")


def test_the_folder_can_be_moved(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    run(tmp_path, SCIML_LAB_CACHE=str(first))
    first.rename(second)
    assert run(tmp_path, SCIML_LAB_CACHE=str(second)) == f"{second} True"


def test_a_closed_folder_sends_kernels_to_the_user(tmp_path, monkeypatch):
    from sciml_lab.backends.numba import cache

    closed, home = tmp_path / "a file", tmp_path / "home"
    closed.write_text("no folder can be made in here")
    monkeypatch.setattr(cache, "candidates", lambda: iter([closed / "kernels", home / "kernels"]))
    cache.folder.cache_clear()
    try:
        assert cache.folder() == home / "kernels"
    finally:
        cache.folder.cache_clear()


def test_kernels_of_a_closed_folder_are_copied_not_compiled(tmp_path, monkeypatch):
    from sciml_lab.backends.numba import cache

    ready, own = tmp_path / "ready", tmp_path / "own"
    for name in ("ready", "own"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
    text = "value = 1\n"
    monkeypatch.setattr(cache, "folder", lambda: ready)
    cache.load("number", text)
    written = next(ready.glob("*.kernel"))
    (ready / "__pycache__" / f"{written.stem}.solve-1.py.1.nbc").write_bytes(b"code")
    monkeypatch.setattr(cache, "folder", lambda: own)
    monkeypatch.setattr(cache, "candidates", lambda: iter([ready, own]))
    assert cache.load("number", text).value == 1
    copied = own / written.name
    assert copied.stat().st_mtime == written.stat().st_mtime
    assert [path.read_bytes() for path in code_files(own)] == [b"code"]


def test_old_kernels_make_room_for_new_ones(tmp_path, monkeypatch):
    from sciml_lab.backends.numba import cache

    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(cache, "candidates", lambda: iter([tmp_path]))
    monkeypatch.setattr(cache, "MOST", 3)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "f.code").write_bytes(b"of another kind")

    def make(age):
        name = f"value_{age}"
        cache.load(name, f"value = {age}\n")
        (path,) = tmp_path.glob(f"*{name}*.kernel")
        code = tmp_path / "__pycache__" / f"{path.stem}.solve-1.py.1.nbc"
        if not code.exists():
            code.write_bytes(b"code")
            os.utime(path, (time.time() - age,) * 2)

    def kept():
        ages = [re.search(r"value_(\d+)", x.name) for x in tmp_path.glob("*.kernel")]
        stems = {path.stem for path in tmp_path.glob("*.kernel")}
        assert {path.name.partition(".")[0] for path in code_files(tmp_path)} == stems
        return sorted(int(age[1]) for age in ages if age)

    for age in (100, 400, 300):
        make(age)
    assert kept() == [100, 300, 400]
    make(100)  # is there already
    assert kept() == [100, 300, 400]
    make(50)
    assert kept() == [50, 100, 300]
    assert (tmp_path / "f.code").exists()


def test_the_first_choice_is_inside_the_package(monkeypatch):
    from sciml_lab.backends.numba import cache

    monkeypatch.delenv(cache.VARIABLE, raising=False)
    inside, user = list(cache.candidates())
    assert inside.parts[-3:] == ("sciml_lab", "__pycache__", "kernels")
    assert user.parts[-2:] == ("sciml_lab", "kernels")
    monkeypatch.setenv(cache.VARIABLE, "somewhere")
    assert str(next(cache.candidates())) == "somewhere"


def test_another_text_is_another_kernel(tmp_path, monkeypatch):
    from sciml_lab.backends.numba import cache

    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    one, two = (cache.load("number", f"value = {value}\n").value for value in (1, 2))
    assert (one, two) == (1, 2) and len(list(tmp_path.glob("*.kernel"))) == 2


def test_f_is_compiled_anew_when_what_it_uses_has_changed():
    rate = 1.0

    def fall(u, p, t):
        return -rate * u

    problem = sl.ODEProblem(fall, [1.0], (0.0, 1.0))
    first = sl.solve(problem, sl.Tsit5(), backend="numba").u[-1, 0]
    rate = 2.0
    second = sl.solve(problem, sl.Tsit5(), backend="numba").u[-1, 0]
    np.testing.assert_allclose([first, second], np.exp([-1.0, -2.0]), rtol=1e-5)


def test_a_function_made_anew_is_compiled_once_and_never_mistaken():
    from sciml_lab.backends.numba import functions

    class Fall:
        def __init__(self, rate):
            self.rate = rate

        def slope(self, u, p, t):
            return -self.rate * u

    def made(rate):
        return lambda u, p, t: -rate * u

    def end(f):
        problem = sl.ODEProblem(f, [1.0], (0.0, 1.0))
        return sl.solve(problem, sl.Tsit5(), backend="numba").u[-1, 0]

    end(made(1.0))
    before = len(functions._machines)
    np.testing.assert_allclose([end(made(1.0)) for _ in range(3)], np.exp(-1.0), rtol=1e-5)
    assert len(functions._machines) == before
    np.testing.assert_allclose([end(made(x)) for x in (2.0, 1.0)], np.exp([-2, -1]), rtol=1e-5)
    slopes = [Fall(x).slope for x in (1.0, 3.0, 2.0)]
    np.testing.assert_allclose([end(f) for f in slopes], np.exp([-1, -3, -2]), rtol=1e-5)


def test_what_is_known_is_bounded():
    from sciml_lab.backends.numba.functions import Recent

    recent = Recent(2)
    for key in "abcb":
        recent.add(key, key)
    assert list(recent) == ["b", "c"]


def test_an_f_that_cannot_be_compiled_says_so():
    def roots(u, p, t):
        return np.linalg.eigvals(np.diag(u)).real

    problem = sl.ODEProblem(roots, [1.0, 2.0], (0.0, 1.0))
    with pytest.raises(TransformError, match="backend='numpy'"):
        sl.solve(problem, sl.Tsit5(), backend="numba")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_control_c_stops_a_compiled_loop_within_a_second(tmp_path):
    script = """
        import signal, numpy as np, sciml_lab as sl
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        def swing(u, p, t):
            return np.array([u[1], -u[0]])
        problem = sl.ODEProblem(swing, [1.0, 0.0], (0.0, 1e9))
        sl.solve(problem.replace(tspan=(0.0, 1.0)), sl.RK4(), dt=0.1, backend="numba")
        print("ready", flush=True)
        try:
            sl.solve(problem, sl.RK4(), dt=0.001, backend="numba", saveat=[0.0, 1e9], dense=False,
                     max_steps=10**12)
        except sl.SolveInterrupted as stopped:
            print(stopped.solution.stats.naccept > 1000, stopped.solution.message)
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script), "utf-8")
    process = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    began = time.perf_counter()
    said = process.communicate(timeout=60)[0]
    assert said.startswith("True interrupted at t = "), said
    assert time.perf_counter() - began < 20  # the limit of a busy machine, not of the loop
