"""Run a side in a fresh Python, where nothing is imported and nothing compiled yet."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What a fresh process did.

    Attributes
    ----------
    marks : list of float
        Seconds from the start of the process to each line that it printed.
    lines : list of object
        The lines, read as JSON.
    trouble : str
        Why there is no answer; "" where there is one.
    """

    marks: list
    lines: list
    trouble: str = ""


def run(arguments, *, limit=150.0) -> Run:
    """Start Python on these arguments; note when each line of its output comes.

    Parameters
    ----------
    arguments : list of str
        A script and what follows it; every line that it prints is JSON.
    limit : float
        Seconds after which it is given up.

    Examples
    --------
    >>> run(["-c", "print(1); print(2)"]).lines
    [1, 2]
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(limit, process.kill)
    watchdog.start()
    marks, lines = [], []
    try:
        for line in process.stdout:
            marks.append(time.perf_counter() - began)
            lines.append(json.loads(line))
        errors = process.communicate()[1]
    finally:
        watchdog.cancel()
    if time.perf_counter() - began >= limit:
        return Run(marks, lines, f"not finished after {limit:.0f} s")
    if process.returncode:
        return Run(marks, lines, (errors.strip().splitlines() or ["it failed"])[-1])
    return Run(marks, lines)
