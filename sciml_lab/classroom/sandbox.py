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
import subprocess
import sys
import tempfile
from pathlib import Path

from sciml_lab.classroom.watch import Limits, Run, of_user, watch

_JAIL = Path(__file__).with_name("jail.py")
_CHECKOUT = Path(__file__).resolve().parents[2]
_FIRST_UID, _UIDS = 61184, 4000  # no person's: the range that service managers draw from

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
        return watch(_command(argv, folder, limits, walls, uid, hidden), limits, uid)


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
        if uid not in taken and not of_user(uid):
            return uid
    raise OSError("There is no user number left to run a submission as: end other processes.")


def _own_tasks() -> int:
    """Threads that this user already runs: the limit of processes counts them too."""
    if sys.platform != "linux":
        return 512
    total = 0
    for pid in of_user(os.getuid()):
        try:
            total += len(os.listdir(f"/proc/{pid}/task"))
        except FileNotFoundError:
            continue  # it has ended meanwhile
    return total
