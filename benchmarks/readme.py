"""Write the table in README.md's section on speed from the files in benchmarks/results/.

python benchmarks/readme.py
"""

from pathlib import Path

from harness import results

README = Path(__file__).parents[1] / "README.md"
NAMES = ("work_precision", "first_solve", "vjp", "neural_gradient", "neural_batch",
         "neural_training", "ensembles", "scalar_loop", "stiff", "stiff_dae", "grid_1d", "grid_2d",
         "kepler")  # fmt: skip
HEADER = ["what", "against", "our time over theirs", "aim", "more"]


def main() -> None:
    """Replace what stands between the two markers."""
    page = README.read_text("utf-8")
    README.write_text(results.between(page, section()), "utf-8")
    print(f"README.md: {len(rows())} lines of the table were written.")


def section() -> str:
    """The words and the table."""
    lines = [line for name in NAMES for line in results.verdicts(name)]
    if not lines:
        return "\nNothing has been measured yet.\n"
    reached = sum(line.reached for line in lines)
    parts = [
        f"Measured on {environments()}: {reached} of {len(lines)} aims reached.",
        results.table(HEADER, rows()),
    ]
    absent = sorted({s for name in NAMES for s in (results.read(name) or {"absent": []})["absent"]})
    if absent:
        parts.append("Not measured: " + "; ".join(absent) + ".")
    return "\n" + "\n\n".join(parts) + "\n"


def environments() -> str:
    """What the results were measured on, once where they agree."""
    found = [results.read(name)["environment"] for name in NAMES if results.read(name)]
    machines = dict.fromkeys(text.partition(",")[0] for text in found)
    versions = dict.fromkeys(text.rpartition("; ")[2] for text in found)
    return f"{' and '.join(machines)} ({'; '.join(versions)})"


def rows() -> list:
    """One line a verdict: a ratio with its range, or seconds."""
    lines = []
    for name in NAMES:
        for v in results.verdicts(name):
            value = results.amount(v.value, v.unit) + (f" ({v.range()})" if v.range() else "")
            aim = results.amount(v.aim, v.unit) + ("" if v.reached else ", missed")
            link = f"[{name}](benchmarks/results/{name}.md)"
            lines.append([v.what, v.against or "-", value, aim, link])
    return lines


if __name__ == "__main__":
    main()
