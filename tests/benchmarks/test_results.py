"""Pages, numbers and the table of README.md."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def results(tmp_path, monkeypatch):
    module = importlib.import_module("harness.results")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


def verdict(results, **changes):
    line = {"what": "w", "against": "a", "value": 0.05, "low": 0.04, "high": 0.06, "aim": 0.1}
    return results.Verdict(**{**line, **changes})


def test_what_is_written_can_be_read(results, tmp_path):
    line = verdict(results, ours=1e-6, theirs=2e-5)
    results.write(
        "speed", title="Speed", about="How.", environment="a machine", verdicts=[line],
        tables=[("All", ["x"], [[1]])], absent=["peer was not measured: why"], data=[1.0],
    )  # fmt: skip
    assert results.verdicts("speed") == [line]
    assert results.verdicts("other") == []
    page = (tmp_path / "speed.md").read_text("utf-8")
    assert "| w | a | 1.00 us | 20.0 us | 1/20 | 1/25 to 1/17 | 0.1 | yes |" in page
    assert "peer was not measured: why" in page
    assert json.loads((tmp_path / "speed.json").read_text("utf-8"))["data"] == [1.0]


def test_a_missed_aim_is_shown(results):
    assert not verdict(results, value=0.2).reached
    assert verdict(results, value=0.2).row()[-1] == "**no**"


def test_a_number_that_is_no_number_is_not_reached(results):
    assert not verdict(results, value=float("nan")).reached
    assert results.amount(float("nan"), "") == "not measured"


def test_a_range_of_seconds_is_in_seconds(results):
    assert verdict(results, unit="s").range() == "0.04 s to 0.06 s"


@pytest.mark.parametrize("page", ["", "<!-- measured: begin -->", "x" * 3])
def test_a_page_without_markers_is_refused(results, page):
    with pytest.raises(ValueError, match="must hold each of the lines"):
        results.between(page, "new")


def test_the_readme_has_its_markers_and_its_table(monkeypatch):
    """What stands in README.md is what the files in benchmarks/results say."""
    readme = importlib.import_module("readme")
    page = (ROOT / "README.md").read_text("utf-8")
    assert importlib.import_module("harness.results").between(page, readme.section()) == page


def test_peers_are_pinned_and_have_no_address():
    lines = (ROOT / "benchmarks" / "peers.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert {pin.partition("==")[0] for pin in pins} >= {"jax", "diffrax", "torch", "numbalsoda"}
    assert all(pin.partition("==")[2] for pin in pins)
    assert not [line for line in lines if "//" in line or "@" in line]


def test_every_benchmark_is_run_and_says_how():
    run, readme = importlib.import_module("run"), importlib.import_module("readme")
    folder = ROOT / "benchmarks"
    scripts = {path.stem for path in folder.glob("*.py")} - {"run", "readme"}
    assert set(run.NAMES) == scripts
    assert set(readme.NAMES) <= scripts
    for name in scripts:
        text = (folder / f"{name}.py").read_text("utf-8")
        assert f"    python benchmarks/{name}.py" in text.partition('"""\n')[0], name
