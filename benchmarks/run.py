"""Run the benchmarks one after the other, then write the table of README.md from their results.

    python benchmarks/run.py [--quick] [names ...]

Each runs in a process of its own, alone, as `python benchmarks/<name>.py` does. With names, only
those run; the table is then made of what they and earlier runs have left in benchmarks/results/.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import readme

HERE = Path(__file__).parent
#: In this order; half a minute to two minutes each, and the last one five.
NAMES = ("first_solve", "work_precision", "vjp", "neural_gradient", "neural_batch",
         "neural_training", "ensembles", "scalar_loop", "size", "solvers",
         "kepler", "stiff", "stiff_dae", "grid_1d", "spectral", "tolerance", "grid_2d")  # fmt: skip


def main() -> int:
    """Run them; the exit status says whether all came through."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a rough look at everything")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}.")
    failed = []
    for name in options.names or NAMES:
        began = time.perf_counter()
        quick = ["--quick"] if options.quick else []
        print(f"== {name} ==", flush=True)
        status = subprocess.run([sys.executable, str(HERE / f"{name}.py"), *quick]).returncode
        print(f"== {name}: {time.perf_counter() - began:.0f} s ==\n", flush=True)
        failed += [name] if status else []
    readme.main()
    if failed:
        print(f"These did not come through: {', '.join(failed)}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
