"""The walls around one notebook: what it can't see, can't use, and can't leave behind."""

import re
import sys
import time
from pathlib import Path

import pytest

from sciml_lab.classroom import notebook as nb
from sciml_lab.classroom import sandbox

for module in ("nbval", "ipykernel", "pytest"):
    pytest.importorskip(module, reason=f"notebooks are run with {module}")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIMITS = sandbox.Limits(cell_seconds=5, total_seconds=120)

SEARCH = Path(__file__).with_name("hostile").joinpath("search.txt").read_text("utf-8")
FORK_BOMB = """
import os, time
for _ in range(300):  # a bound, should the grader's own fail
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
"""


def survivors():
    """Processes of notebooks whose folder is gone: those of runs that have ended."""

    def now():
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_text(errors="replace").split("\0")
            except OSError:
                continue  # it has ended meanwhile
            named = [word for word in words if re.fullmatch(r"/\S*sciml-lab-grade-\S*\.json", word)]
            files = map(Path, named)  # the kernel's connection file
            if any(not file.parent.exists() for file in files):
                found.add(entry.name)
        return found

    first = now()
    time.sleep(1.0)  # one that is just ending is no survivor
    return first & now()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere what detaches itself is not found")
def test_nothing_survives():
    run = sandbox.run_notebook(nb.dumps(nb.new([nb.cell("code", DAEMON)])), limits=LIMITS)
    assert run.error(0) == ""
    assert not survivors()


@pytest.mark.skipif(sys.platform != "linux", reason="the bound on processes is Linux's")
def test_a_fork_bomb_meets_its_bound():
    if sandbox.protection() not in ("namespaces", "user"):
        pytest.skip("without another user the bound on processes counts one's own")
    bomb = nb.new([nb.cell("code", FORK_BOMB), nb.cell("code", "print('next')")])
    roomy = sandbox.Limits(cell_seconds=5, total_seconds=120, memory_mb=16_000)
    run = sandbox.run_notebook(nb.dumps(bomb), limits=roomy)
    assert "Resource temporarily unavailable" in run.error(0)
    assert run.text(1) == "next\n"


def test_the_walls_hide_files_and_network(tmp_path):
    if sandbox.protection() != "namespaces":
        pytest.skip("this machine allows no namespaces")
    secret = tmp_path / "secret.txt"
    secret.write_text("42")
    package = Path(sandbox.__file__).parents[2]
    look = (
        "import os, socket\n"
        f"print(os.path.exists({str(secret)!r}), os.path.exists({str(package / 'tests')!r}))\n"
        "print(os.listdir('.') == ['notebook.ipynb'] or sorted(os.listdir('.'))[-1])\n"
        "print(sorted(os.environ.get(k, '') for k in ('USER', 'PYTEST_CURRENT_TEST')))\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "except OSError as error:\n    print(type(error).__name__)\n"
    )
    run = sandbox.run_notebook(
        nb.dumps(nb.new([nb.cell("code", look)])), limits=LIMITS, hidden=[tmp_path]
    )
    first, _, third, fourth = run.text(0).splitlines()
    assert first == "False False"
    assert "student" in third
    assert fourth == "OSError"


@pytest.mark.skipif(sys.platform != "linux", reason="the search knows Linux's folders")
def test_the_search_that_the_walls_stop_works_without_them(monkeypatch, tmp_path):
    """The control: the attack is real, and the sentence on lost protection is true."""
    solution = "### BEGIN SOLUTION\nreturn 2 * x\n### END SOLUTION"
    master = nb.new([nb.cell("code", solution)])
    (tmp_path / "a.ipynb").write_text(nb.dumps(master), encoding="utf-8")
    search = nb.dumps(nb.new([nb.cell("code", SEARCH)]))
    limits = sandbox.Limits(cell_seconds=90, total_seconds=120)
    if sandbox.protection() == "namespaces":
        assert sandbox.run_notebook(search, limits=limits, hidden=[tmp_path]).text(0) == (
            "searched\n"
        )
    monkeypatch.setattr(sandbox, "protection", lambda: "limits")
    assert (
        sandbox.run_notebook(search, limits=limits, hidden=[tmp_path]).text(0).startswith("found\n")
    )


def test_total_time_ends_a_notebook_and_keeps_what_ran():
    sources = ("print('first')", "import time; time.sleep(100)", "print('third')")
    limits = sandbox.Limits(cell_seconds=200, total_seconds=15)
    run = sandbox.run_notebook(
        nb.dumps(nb.new([nb.cell("code", source) for source in sources])), limits=limits
    )
    assert run.text(0) == "first\n"
    assert run.ended == "the notebook ran longer than 15 seconds and was ended"
    assert run.error(2) == run.ended


def test_without_walls_time_is_still_bounded(monkeypatch):
    """What a machine without namespaces does: same result, and the sentence says what is lost."""
    monkeypatch.setattr(sandbox, "protection", lambda: "limits")
    cells = [nb.cell("code", s) for s in ("print(1)", "while True: pass", "print(3)")]
    if sys.platform == "linux":
        cells.append(nb.cell("code", DAEMON))
    run = sandbox.run_notebook(
        nb.dumps(nb.new(cells)), limits=sandbox.Limits(cell_seconds=5, total_seconds=60)
    )
    assert (run.text(0), run.text(2)) == ("1\n", "3\n")
    assert "was interrupted" in run.error(1)
    assert not survivors()
    assert "they can read your files" in sandbox.SENTENCES["limits"]
