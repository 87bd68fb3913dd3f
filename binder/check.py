"""What Binder does, here: a copy of the repository, a fresh environment, a lesson run in it.

    python binder/check.py [lesson ...]     the first lesson by default; `all` for all of them

It runs binder/postBuild unchanged, looks for solutions that a student would see, starts JupyterLab
at the address of the README's badge, and executes the lessons in that environment.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

EXECUTE = """
import sys, nbclient, nbformat
path = sys.argv[1]
notebook = nbformat.read(path, 4)
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
print(sum(cell.cell_type == "code" for cell in notebook.cells), "cells ran")
"""


def main(wanted) -> None:
    """Run the steps one after another; any failure ends it."""
    with tempfile.TemporaryDirectory(prefix="binder-check-") as folder:
        home = Path(folder)
        copy_repository(home / "repository")
        python = step("build", lambda: build(home / "environment", home / "repository"))
        look_for_solutions(home / "repository" / "lessons")
        step("open", lambda: open_lab(python, home / "repository"))
        lessons = sorted(
            path.parent.name for path in home.glob("repository/lessons/*/lesson.ipynb")
        )
        chosen = lessons if wanted == ["all"] else wanted or lessons[:1]
        for lesson in chosen:
            path = home / "repository" / "lessons" / lesson / "lesson.ipynb"
            step(lesson, lambda path=path: run(python, "-c", EXECUTE, path, cwd=path.parent))
    print("Binder's steps work.")


def step(name, action):
    """Do one step and say how long it took."""
    began = time.perf_counter()
    print(f"{name}: ...", flush=True)
    result = action()
    print(f"{name}: done in {time.perf_counter() - began:.0f} s", flush=True)
    return result


def copy_repository(target) -> None:
    """Copy what git would send: tracked files, and new ones that are not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def build(environment, repository) -> Path:
    """Make an empty environment and run postBuild in it; returns its Python."""
    wish = re.search(r"python=([\d.]+)", (ROOT / "binder" / "environment.yml").read_text())[1]
    here = ".".join(map(str, sys.version_info[:2]))
    if here != wish:
        print(f"  (Binder has Python {wish}; this check runs on {here})")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    subprocess.run(
        [repository / "binder" / "postBuild"], cwd=repository, check=True,
        env=variables | {"PATH": path},
    )  # fmt: skip
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file())
    print(f"  the environment is {size / 1e6:.0f} MB")
    return environment / "bin" / "python"


def look_for_solutions(lessons) -> None:
    """A student's Binder has lessons, and no solution in any of them."""
    notebooks = list(lessons.rglob("*.ipynb"))
    shown = [path for path in notebooks if "BEGIN SOLUTION" in path.read_text("utf-8")]
    if shown or not notebooks or (lessons / "source").exists():
        raise SystemExit(f"Students would see solutions: {shown or lessons / 'source'}")
    print(f"solutions: none in {len(notebooks)} notebooks")


def open_lab(python, repository) -> None:
    """Start JupyterLab and ask for the page that the badge of README.md opens."""
    readme = (repository / "README.md").read_text("utf-8")
    address = re.search(r"mybinder\.org/v2/gh/[^?\s]+\?urlpath=([\w/%.-]+)", readme)[1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [python, "-m", "jupyterlab", "--no-browser", "--allow-root", "--IdentityProvider.token=",
         f"--port={port}", "--ServerApp.port_retries=0"],
        cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        page = fetch(f"http://127.0.0.1:{port}/{address}", server)
        folder = fetch(
            f"http://127.0.0.1:{port}/api/contents/{address.partition('tree/')[2]}", server
        )
    finally:
        server.terminate()
        server.wait(30)
    if "JupyterLab" not in page or "00_welcome" not in folder:
        raise SystemExit(f"/{address} does not show the lessons.")


def fetch(address, server, seconds=90) -> str:
    """Return a page's text, waiting for the server to come up."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, TimeoutError):
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("JupyterLab did not start.") from None
            time.sleep(0.3)


def run(python, *arguments, cwd) -> None:
    """Run the environment's Python without this one's settings."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    subprocess.run([python, *arguments], cwd=cwd, env=variables, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
