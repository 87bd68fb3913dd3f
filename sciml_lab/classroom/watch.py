"""Watch a process that nobody can trust: read its log, bound it, end it and all that it started."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_MAX_LOG = 20_000_000


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


def watch(command: dict, limits: Limits, uid: int | None) -> Run:
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
            left = _descendants(process.pid) + (of_user(uid) if uid is not None else [])
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
    except (ProcessLookupError, PermissionError):
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


def of_user(uid: int) -> list[int]:
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
