"""JupyterLab on a free port and a page of the system's Chromium, for the browser tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def page():
    """An empty page of headless Chromium; skips, and says why, where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        yield page
        browser.close()


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory):
    """A copy of what a student gets.

    Students get the lessons without `source/`, and nothing that they do may change the checkout.
    """
    lessons = tmp_path_factory.mktemp("lab") / "lessons"
    shutil.copytree(ROOT / "lessons", lessons, ignore=shutil.ignore_patterns("source", ".*"))
    return lessons


@pytest.fixture(scope="session")
def lab(lab_root):
    """The address of a JupyterLab that shows the folder `lab_root`."""
    home, lessons = lab_root.parent, lab_root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    folders["JUPYTER_CONFIG_PATH"] = str(ROOT / "binder" / "jupyter")
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--expose-app-in-browser", "--IdentityProvider.token=", f"--port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={lessons}",
    ]  # fmt: skip
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=lessons, env=os.environ | folders, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address + "/api", server, home / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(address, server, log, seconds=90):
    """Return when the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
