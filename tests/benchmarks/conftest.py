import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True, scope="session")
def benchmarks_on_the_path():
    """The benchmarks are scripts, not a package: their folder is where they import from."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
