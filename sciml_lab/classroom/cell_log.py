"""A pytest plugin beside nbval: one line of JSON a cell, written as soon as the cell ends.

Lines that are already written count even if the rest of the notebook never comes to its end. They
go to the file descriptor (or the file) named in ``CELL_LOG``; the kernel does not inherit it.
"""

import json
import os
import sys

import pytest

if "CELL_LOG" in os.environ:
    # nbval reads notebooks through jsonschema, which compiles a grammar of internet addresses where
    # it finds this package: 1.4 of 2.1 processor seconds of a short run, for nothing.
    vars(sys)["modules"].setdefault("rfc3987_syntax", None)

#: At most this much of a cell's printed text is kept.
MAX_TEXT = 200_000


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """After a cell has run: log its number, how it ended, and what it printed."""
    result = yield
    report = result.get_result()
    if not hasattr(item, "cell_num"):
        return
    failed_early = report.when == "setup" and report.failed
    if report.when == "call" or failed_early:
        _log(
            {
                "cell": item.cell_num,
                "outcome": report.outcome,
                "text": _text(item)[:MAX_TEXT],
                "error": _error(item, call)[:2_000],
            }
        )


def _text(item) -> str:
    """What the cell wrote to its standard output."""
    outputs = getattr(item, "test_outputs", None) or []
    return "".join(
        out["text"] for out in outputs if out["output_type"] == "stream" and out["name"] == "stdout"
    )


def _error(item, call) -> str:
    """Why the cell failed, in one line: its own exception, else what nbval has to say."""
    seconds = item.config.option.nbval_cell_timeout
    said = "" if call.excinfo is None else str(call.excinfo.value)
    if "Failed to interrupt" in said:
        return f"the kernel died, or could not be interrupted after {seconds:g} seconds"
    if "Kernel dead" in said:
        return "the kernel had died in an earlier cell"
    for out in getattr(item, "test_outputs", None) or []:
        if out["output_type"] == "error" and out["ename"] == "KeyboardInterrupt":
            return f"the cell ran longer than {seconds:g} seconds and was interrupted"
        if out["output_type"] == "error":
            return f"{out['ename']}: {out['evalue']}".strip().rstrip(":")
    return said.strip().partition("\n")[0]


def _log(entry: dict) -> None:
    address = os.environ["CELL_LOG"]
    a_number = address.isdigit()
    with open(int(address) if a_number else address, "ab", closefd=not a_number) as log:
        log.write((json.dumps(entry) + "\n").encode())
