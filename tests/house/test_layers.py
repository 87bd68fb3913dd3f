"""The architecture is a test: who may import whom, no circles, and nothing heavy at import.

The table is the one of docs/architecture.md. A module imports from its own layer and from the
layers above it in the table; the exceptions are imports inside a function, listed here one by one.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# From the ground up. `_optional` is below everything, `__main__` above everything in the package.
LAYERS = (
    "_optional", "problems", "transform", "ad", "linalg", "solvers", "sensitivity", "nn", "neural",
    "backends", "ensembles", "measure", "plot", "classroom", "__main__", "sciml_lab_widgets",
)  # fmt: skip

# Imports inside functions that go up, each with the reason why it has to.
UPWARDS = {
    ("problems", "ad"): "a problem keeps traced values as they are, so it asks what is traced",
    ("solvers", "backends"): "solve() hands the work to the backend asked for by name",
    ("sensitivity", "backends"): "a sensitivity hands a solve on a backend to that backend's sweep",
    ("neural", "backends"): "a loss is compiled by the backend asked for by name",
    ("solvers", "sensitivity"): "solve() hands a taped problem to its sensitivity method",
    ("solvers", "plot"): "sol.plot() and tableau.plot() are shorthands for the pictures",
    ("measure", "plot"): "the kit's data draw themselves",
    ("nn", "plot"): "history.plot() is a shorthand for the picture",
}

PACKAGES = {"sciml_lab": ROOT / "sciml_lab", "sciml_lab_widgets": ROOT / "widgets"}
OURS = set(PACKAGES)
FILES = {}  # module -> its file
for package, folder in PACKAGES.items():
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        FILES[".".join((package, *parts)).removesuffix(".__init__")] = path


def _imports(module):
    """Every import of a file as (name, whether it runs when the module is imported)."""
    path = FILES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = []

    def visit(node, at_import):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, at_import) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                found.append((deeper if deeper in FILES else base, at_import))
        if (
            isinstance(node, ast.Call)
            and "import_module" in ast.dump(node.func)
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            found.append((node.args[0].value, at_import))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, at_import and not inside)

    visit(ast.parse(path.read_text("utf-8")), True)
    return found


def _layer(module):
    package, _, rest = module.partition(".")
    return package if package == "sciml_lab_widgets" else rest.partition(".")[0]


def _foreign(name):
    return name.partition(".")[0] not in {*sys.stdlib_module_names, *OURS, "numpy"}


def test_every_module_has_a_layer():
    """A new folder needs a line in the table (and in docs/architecture.md)."""
    assert not {_layer(module) for module in FILES} - {*LAYERS, ""}


def test_imports_go_down():
    wrong = []
    for module in FILES:
        mine = _layer(module)
        for name, at_import in _imports(module):
            if name.partition(".")[0] not in OURS:
                continue
            theirs = _layer(name)
            if theirs == "":  # the package itself, that is: everything at once
                fine = not at_import or mine in ("classroom", "__main__", "sciml_lab_widgets")
            elif at_import or (mine, theirs) not in UPWARDS:
                fine = LAYERS.index(theirs) <= (LAYERS.index(mine) if mine else -1)
            else:
                fine = True
            if not fine:
                wrong.append(f"{module} ({mine}) imports {name} ({theirs}), which lies above it")
    assert not wrong, "\n".join(wrong)


def test_no_circles():
    """Following the imports that run at import time never leads back."""
    graph = {}
    for module in FILES:
        now = {name for name, at_import in _imports(module) if at_import and name in FILES}
        # A package's __init__ gathers its own modules; that they name the package is no circle.
        graph[module] = now - {module, module.rpartition(".")[0]}
    done, path = set(), []

    def walk(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for target in sorted(graph[module]):
            walk(target)
        path.pop()
        done.add(module)

    for module in FILES:
        walk(module)


def test_other_packages_come_when_needed():
    """NumPy is the only import; what else a function needs it asks `_optional.need` for.

    Pictures subclass Matplotlib's figure and the classroom starts pytest, so these two import
    inside functions; a plugin of pytest may import pytest.
    """
    wrong = [
        f"{module} imports {name}: use sciml_lab._optional.need"
        for module in FILES
        if module.startswith("sciml_lab.") or module == "sciml_lab"
        for name, at_import in _imports(module)
        if _foreign(name)
        and (at_import or _layer(module) not in ("plot", "classroom"))
        and (module, name) != ("sciml_lab.classroom.cell_log", "pytest")
        and not module.startswith("sciml_lab.backends.numba.")  # imported once Numba is asked for
    ]
    assert not wrong, "\n".join(wrong)


def test_a_file_is_short():
    """A file that grows past 400 lines wants to be two."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for folder in ("sciml_lab", "widgets", "tests", "lessons", "benchmarks", "binder", "docs")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert not {name: lines for name, lines in lengths.items() if lines > 400}
