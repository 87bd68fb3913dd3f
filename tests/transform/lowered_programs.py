"""What the tests of the lowering share: run a lowered text, and hold its promises."""

import ast
import copy
import itertools
import linecache

import numpy as np

NUMBER = itertools.count()


def module(text, **names):
    """Execute the text of a module, such that its functions have a source; return its names."""
    file = f"<program {next(NUMBER)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = {"np": np, **names}
    exec(compile(text, file, "exec"), space)
    return space


def run(lowered, args, tree=None):
    """Run a lowered text as plain Python."""
    space = {"np": np, **lowered.constants}
    for name, primitive in lowered.primitives.items():
        space[name] = lambda out, *x, own=primitive: np.copyto(out, own.plain(*x))
    source = ast.unparse(ast.fix_missing_locations(tree or lowered.tree))
    exec(compile(source, "<lowered>", "exec"), space)
    with np.errstate(all="ignore"):
        return space[lowered.name](*args)


# The promises of `tree.py`.


def check_promises(lowered, args):
    """Raise AssertionError where a lowered text breaks what the passes rely on."""
    body = lowered.tree.body
    assert [isinstance(s, ast.Return) for s in _walk(body)] == [False] * (
        sum(1 for _ in _walk(body)) - 1
    ) + [True], "one return, at the end"
    memory = [s.targets[0].id for s in body if _is_memory(s)]
    assert len(memory) == len(set(memory)), "an array is made once"
    assert memory == [s.targets[0].id for s in _walk(body) if _is_memory(s)], "outermost"
    assert lowered.temporaries <= set(memory)
    assert {*lowered.inputs, *memory, *lowered.outputs} <= set(lowered.shapes)
    _check_places(body, set(memory))
    _check_reads(body, {"np", *lowered.inputs, *lowered.constants}, lowered)
    expected = run(lowered, args)
    again = run(lowered, args, _with_nan(lowered))
    np.testing.assert_array_equal(again, expected, "temporaries are written before they are read")


def _is_memory(s):
    return isinstance(s, ast.Assign) and ast.unparse(s.value).startswith(("np.empty(", "np.zeros("))


def _blocks(s):
    if isinstance(s, ast.If):
        return [s.body, s.orelse]
    return [s.body] if isinstance(s, ast.For | ast.While) else []


def _walk(body):
    for s in body:
        yield s
        for block in _blocks(s):
            yield from _walk(block)


def _check_places(body, memory):
    """A number is assigned in one place, or in both branches, or carried by a loop."""
    places = {}

    def visit(block, path):
        for k, s in enumerate(block):
            if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
                name = s.targets[0].id
                places.setdefault(name, []).append((path, block[k:]))
            for which, inside in enumerate(_blocks(s)):
                visit(inside, (*path, (s, which)))

    visit(body, ())
    for name, sites in places.items():
        if len(sites) == 1:
            continue
        assert name not in memory, f"{name} is a number and an array"
        assert len(sites) == 2, f"{name} is assigned in {len(sites)} places"
        (a, _), (b, rest) = sites
        branches = a and b and a[:-1] == b[:-1] and a[-1][0] is b[-1][0] and a[-1][1] != b[-1][1]
        carried = (
            b[: len(a)] == a and len(b) == len(a) + 1 and isinstance(b[-1][0], ast.For | ast.While)
        )
        assert branches or carried, f"{name} is assigned twice"
        if carried:
            assert all(
                isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
                for s in rest
            ), f"{name} is carried, and not set at the end of the body"  # fmt: skip


def _check_reads(block, known, lowered):
    """Every name is known where it is read; what a block assigns is not read outside of it."""
    functions = {"abs", "min", "max", "float", "int", "range", *lowered.primitives}
    known = set(known)
    for s in block:
        inner = [n for b in _blocks(s) for n in b]
        own = [
            n for part in ast.iter_child_nodes(s) if part not in inner for n in ast.walk(part)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        ]  # fmt: skip
        for n in own:
            assert n.id in known | functions, (
                f"{n.id} is read where it has no value: {ast.unparse(s)}"
            )
        if isinstance(s, ast.If):
            ends = [_check_reads(b, known, lowered) for b in _blocks(s)]
            known |= ends[0] & ends[1]
        elif isinstance(s, ast.For):
            _check_reads(s.body, known | {s.target.id}, lowered)
        elif isinstance(s, ast.While):
            _check_reads(s.body, known, lowered)
        elif isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
            known.add(s.targets[0].id)
    return known


def _with_nan(lowered):
    """Return the function with NaN in each temporary where the block that it belongs to begins."""
    tree = copy.deepcopy(lowered.tree)
    home = {}

    def visit(block, path):
        for s in block:
            if not _is_memory(s):
                inner = [n for b in _blocks(s) for n in b]
                names = {
                    n.id for part in ast.iter_child_nodes(s) if part not in inner
                    for n in ast.walk(part) if isinstance(n, ast.Name)
                }  # fmt: skip
                for name in names & lowered.temporaries:
                    old = home.get(name, path)
                    same = itertools.takewhile(
                        lambda ab: ab[0] is ab[1], zip(old, path, strict=False)
                    )
                    home[name] = [a for a, _ in same]
            for inside in _blocks(s):
                visit(inside, [*path, inside])

    visit(tree.body, [])
    for name, path in home.items():
        if path:
            path[-1].insert(0, ast.parse(f"{name}[...] = np.nan").body[0])
    return tree
