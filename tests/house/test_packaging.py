"""The project file, the lock and what an installation contains."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import sciml_lab

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
EXTRAS = PROJECT["project"]["optional-dependencies"]


def _name(requirement):
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")


def test_every_folder_is_packaged():
    """A new folder needs a line in pyproject.toml."""
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "sciml_lab").rglob("__init__.py")
    }
    # data in folders of their own
    scripts = {"sciml_lab.backends.javascript.js", "sciml_lab_widgets.js"}
    assert folders | {"sciml_lab_widgets"} | scripts == set(
        PROJECT["tool"]["setuptools"]["packages"]
    )
    assert not [path for path in (ROOT / "widgets").iterdir() if (path / "__init__.py").exists()]


def test_numpy_is_the_only_requirement():
    assert [_name(requirement) for requirement in PROJECT["project"]["dependencies"]] == ["numpy"]


def test_the_lock_pins_everything_and_names_no_address():
    pin = re.compile(r"[a-z0-9][a-z0-9.-]*==[\w.+!-]+( ; .+)?")
    assert not [line for line in LOCK if not pin.fullmatch(line)]
    pinned = {_name(line) for line in LOCK}
    wanted = {_name(r) for extra in EXTRAS.values() for r in extra} | {"numpy", "setuptools"}
    assert not wanted - pinned


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {sciml_lab.__version__}\n" in citation


@pytest.mark.slow
def test_a_wheel_holds_the_code_and_the_data(tmp_path):
    """What `pip install` gives: both packages, the style, the zoo's data, and no tests."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", tmp_path, _copy_of_the_sources(tmp_path / "source")],
        check=True, timeout=150,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in (
        ("sciml_lab", ROOT / "sciml_lab"),
        ("sciml_lab_widgets", ROOT / "widgets"),
    ):
        for path in folder.rglob("*"):
            if path.suffix in (".py", ".csv", ".json", ".mplstyle", ".js", ".css"):
                assert f"{package}/{path.relative_to(folder).as_posix()}" in inside
    tops = {name.partition("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "sciml_lab",
        "sciml_lab_widgets",
    }


def _copy_of_the_sources(folder):
    """Building leaves files behind; they stay out of the checkout."""
    for name in ("sciml_lab", "widgets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder
