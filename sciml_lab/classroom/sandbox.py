"""Run one notebook where it can do no harm, and read what its cells printed.

nbval runs the cells, one pytest in a process of its own. How well that process is walled in
depends on the machine; `protection` says it in a sentence, and every result repeats it:

| walls        | where                            | the student's code ...                      |
|--------------|----------------------------------|---------------------------------------------|
| "namespaces" | Linux: root, or user namespaces  | sees Python and its folder, has no network  |
| "user"       | root without namespaces          | is another user, reads what everybody may   |
| "limits"     | macOS, Linux without both        | is bounded, but reads your files            |
| "time"       | Windows                          | is bounded in time alone, reads your files  |
"""

import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_JAIL = Path(__file__).with_name("jail.py")
_CHECKOUT = Path(__file__).resolve().parents[2]
_FIRST_UID, _UIDS = 61184, 4000  # no person's: the range that service managers draw from
_MAX_LOG = 20_000_000

SENTENCES = {
    "namespaces": "Submissions run walled in: no network, no view of the master, of other "
    "submissions or of your files, bounded in time, memory and processes.",
    "user": "Submissions run as another user, bounded in time, memory and processes; they can "
    "read what every user of this machine can read.",
    "limits": "Submissions run under your own name, bounded in time and memory only: they can "
    "read your files, the master among them. Grade on Linux to wall them in.",
    "time": "Submissions run under your own name, bounded in time only: they can read your "
    "files, the master among them. Grade on Linux to wall them in.",
}


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Parameters
    ----------
    cell_seconds : float
        Time of one cell; then it is interrupted and the next one runs.
    total_seconds : float
        Time of the whole notebook; what ran until then counts.
    memory_mb : int
        Address space of one process, and the sum of all processes' resident memory.
    processes : int
        Processes and threads together.
    file_mb : int
        Size of one file.
    """

    cell_seconds: float = 30.0
    total_seconds: float = 240.0
    memory_mb: int = 2048
    processes: int = 96
    file_mb: int = 64


@dataclass(frozen=True)
class Run:
    """How a notebook ran: one entry a code cell that was reached, and why it ended early."""

    cells: dict[int, dict]
    ended: str = ""

    def text(self, cell: int) -> str:
        """What code cell number `cell` printed."""
        return self.cells.get(cell, {}).get("text", "")

    def error(self, cell: int) -> str:
        """Why code cell number `cell` failed; empty if it did not."""
        if cell not in self.cells:
            return self.ended or "the cell was not reached"
        return self.cells[cell].get("error", "")


def run_notebook(text: str, *, limits: Limits, hidden=(), slot: int = 0) -> Run:
    """Run the notebook `text` with nbval in a walled-in process.

    Parameters
    ----------
    text : str
        The notebook's JSON; it is the only file in the folder where it runs.
    limits : Limits
        What it may use.
    hidden : sequence of path
        Folders that it must not see, where the machine allows that.
    slot : int
        Number of this run among those at the same time; each is another user.

    Returns
    -------
    Run
        Never an exception because of what the notebook does.
    """
    with tempfile.TemporaryDirectory(prefix="sciml-lab-grade-") as name:
        folder = Path(name).resolve() / "work"
        folder.mkdir()
        (folder / "notebook.ipynb").write_text(text, encoding="utf-8")
        walls = protection()
        uid = _free_uid(slot) if walls == "user" or _root_with(walls) else None
        if uid is not None:
            folder.parent.chmod(0o711)
            os.chown(folder, uid, uid)
            os.chown(folder / "notebook.ipynb", uid, uid)
        argv = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-q"]
        for plugin in ("no:cacheprovider", "sciml_lab.classroom.cell_log", "nbval.plugin"):
            argv += ["-p", plugin]
        argv += ["--nbval-lax", "--nbval-current-env", "notebook.ipynb"]
        argv += [f"--nbval-cell-timeout={limits.cell_seconds}"]
        return _watch(_command(argv, folder, limits, walls, uid, hidden), limits, uid)


@functools.cache
def protection() -> str:
    """How well submissions are walled in on this machine: a key of `SENTENCES`."""
    if sys.platform == "win32":
        return "time"
    root = os.geteuid() == 0
    choices = ["namespaces"] if sys.platform == "linux" else []
    choices += ["user"] if root else []
    for walls in choices:
        with tempfile.TemporaryDirectory(prefix="sciml-lab-probe-") as name:
            folder = Path(name).resolve()
            folder.chmod(0o711)
            argv = [sys.executable, "-c", "import sciml_lab, nbval, ipykernel"]
            uid = _free_uid(0) if root else None
            order = _command(argv, folder, Limits(), walls, uid, ())
            try:
                probe = subprocess.run(
                    order["argv"], env=order["env"], capture_output=True, timeout=60
                )
            except subprocess.TimeoutExpired:
                continue
        if probe.returncode == 0:
            return walls
    return "limits"


def _command(argv, folder, limits, walls, uid, hidden) -> dict:
    """The command line and environment that start `argv` behind `walls`."""
    env = _environment(folder)
    if walls == "time":
        return {"argv": argv, "env": {**os.environ, **env}, "cwd": folder}
    megabyte = 1_000_000
    order = {
        "argv": argv,
        "folder": str(folder),
        "uid": uid,
        "namespaces": walls == "namespaces",
        "needed": _needed(),
        "hidden": [str(Path(path).resolve()) for path in (*hidden, *_checkouts())],
        "limits": {
            "RLIMIT_AS": limits.memory_mb * megabyte,
            "RLIMIT_FSIZE": limits.file_mb * megabyte,
            "RLIMIT_CPU": int(limits.total_seconds) + 5,
            "RLIMIT_NPROC": limits.processes + (_own_tasks() if walls == "limits" else 0),
        },
    }
    return {"argv": [sys.executable, "-I", str(_JAIL), json.dumps(order)], "env": env, "cwd": "/"}


def _watch(command: dict, limits: Limits, uid: int | None) -> Run:
    """Start the command, read its log while it runs, end it and everything it started."""
    log = _PipeLog() if sys.platform != "win32" else _FileLog(command["cwd"])
    process = subprocess.Popen(
        command["argv"],
        env={**command["env"], "CELL_LOG": log.address},
        cwd=command["cwd"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **log.popen_options,
    )
    log.started()
    ended, now = "", time.monotonic()
    deadline, look = now + limits.total_seconds, now
    while process.poll() is None and not ended:
        time.sleep(0.05)
        log.read()
        now = time.monotonic()
        if now > deadline:
            ended = f"the notebook ran longer than {limits.total_seconds:g} seconds and was ended"
        elif len(log.content) > _MAX_LOG:
            ended = "the notebook printed more than is read and was ended"
        elif now > look:
            look = now + 0.5  # looking through all processes takes time itself
            if _memory(process.pid) > limits.memory_mb * 1_000_000:
                ended = f"the notebook used more than {limits.memory_mb} MB of memory and was ended"
    _end(process, uid)
    log.read()
    log.close()
    cells = _entries(bytes(log.content[:_MAX_LOG]))
    if not cells and not ended:
        ended = "the notebook could not be started"
    return Run(cells, ended)


class _PipeLog:
    """A pipe from the plugin `cell_log` to here: nothing that lies in the file system."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.content = bytearray()
        self.address = str(self.writer)
        self.popen_options = {"pass_fds": (self.writer,), "start_new_session": True}

    def started(self) -> None:
        os.close(self.writer)

    def read(self) -> None:
        """Take what lies ready, and no more than is ever used."""
        while len(self.content) <= _MAX_LOG:
            try:
                part = os.read(self.reader, 65_536)
            except BlockingIOError:
                return
            if not part:
                return
            self.content += part

    def close(self) -> None:
        os.close(self.reader)


class _FileLog:
    """The same through a file, where processes can't hand on a pipe by its number (Windows)."""

    def __init__(self, folder):
        self.path = Path(folder) / "cells.log"
        self.content = bytearray()
        self.address = str(self.path)
        self.popen_options = {}

    def started(self) -> None:
        """Nothing to let go of."""

    def read(self) -> None:
        """Read the file from its beginning, and no more than is ever used."""
        if self.path.is_file() and not self.path.is_symlink():
            with self.path.open("rb") as file:
                self.content = bytearray(file.read(_MAX_LOG + 1))

    def close(self) -> None:
        """Nothing is open."""


def _end(process, uid: int | None) -> None:
    """End the process, its group, and whatever else runs as the user that is its own."""
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False
        )
    else:
        for _ in range(50):
            left = _descendants(process.pid) + (_of_user(uid) if uid is not None else [])
            if not left:
                break
            for number in (signal.SIGSTOP, signal.SIGKILL):  # a stopped process starts no other
                for pid in left:
                    _kill(os.kill, pid, number)
            time.sleep(0.02)
        _kill(os.killpg, process.pid)
    process.wait(timeout=30)


def _kill(how, pid: int, number: int = 9) -> None:
    try:
        how(pid, number)
    except ProcessLookupError:
        return  # it has ended by itself


def _descendants(pid: int) -> list[int]:
    """Everything that the process has started, where there is a /proc that tells."""
    if sys.platform != "linux":
        return []
    from sciml_lab.classroom import jail

    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in jail.children(parent)]
        found += new
    return found


def _entries(log: bytes) -> dict[int, dict]:
    """The lines of the log, the first of each cell. What is no such line is not from the log."""
    cells: dict[int, dict] = {}
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(entry, dict) or type(entry.get("cell")) is not int:
            continue
        if all(isinstance(entry.get(key), str) for key in ("outcome", "text", "error")):
            cells.setdefault(entry["cell"], entry)
    return cells


def _environment(folder: Path) -> dict[str, str]:
    """The variables of the student's process: nothing of the grader's own environment."""
    home = str(folder)
    names = ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
             "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")  # fmt: skip
    env = dict.fromkeys(names, home)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env[name] = "1"
    env |= {
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.defpath,
        "LANG": "C.UTF-8",
        "USER": "student",
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    if _checkouts():
        env["PYTHONPATH"] = str(_CHECKOUT)
    return env


def _needed() -> list[str]:
    """Folders that Python and the packages are read from."""
    found = [sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(sys.executable))]
    found.append(str(_CHECKOUT / "sciml_lab"))
    widgets = importlib.util.find_spec("sciml_lab_widgets")
    if widgets and widgets.submodule_search_locations:
        found += widgets.submodule_search_locations
    found += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return [path for path in found if os.path.isdir(path)]


def _checkouts() -> list[Path]:
    """The folder of the checkout, if the package is used from one: it may hold solutions."""
    return [] if _CHECKOUT.name in ("site-packages", "dist-packages") else [_CHECKOUT]


def _root_with(walls: str) -> bool:
    return walls == "namespaces" and os.geteuid() == 0


def _free_uid(slot: int) -> int:
    """A user without a name and without processes."""
    import pwd

    taken = {entry.pw_uid for entry in pwd.getpwall()}
    start = (os.getpid() * 16 + slot) % _UIDS
    for step in range(_UIDS):
        uid = _FIRST_UID + (start + step * 31) % _UIDS
        if uid not in taken and not _of_user(uid):
            return uid
    raise OSError("There is no user number left to run a submission as: end other processes.")


def _of_user(uid: int) -> list[int]:
    """Processes of the user `uid`, where there is a /proc that tells."""
    found = []
    for entry in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        try:
            state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            if entry.stat().st_uid == uid and state != "Z":
                found.append(int(entry.name))
        except (OSError, IndexError):
            continue  # it has ended meanwhile
    return found


def _own_tasks() -> int:
    """Threads that this user already runs: the limit of processes counts them too."""
    if sys.platform != "linux":
        return 512
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in _of_user(os.getuid()))


def _memory(pid: int) -> int:
    """Resident bytes of the process and all that it started, where psutil is installed."""
    if importlib.util.find_spec("psutil") is None:
        return 0
    import psutil

    total = 0
    try:
        for process in psutil.Process(pid).children(recursive=True):
            total += process.memory_info().rss
    except psutil.Error:
        return total  # one ended while it was looked at
    return total
