"""Compiled Rosenbrock methods where W is a band: steps, values, messages of the readable ones."""

import ast
import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("numba", reason="the compiled backend needs Numba")
pytest.importorskip("scipy", reason="a band is found with SciPy")

from scipy import sparse

from sciml_lab.backends.numba import banded, banded_text, implicit
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.transform import lower
from sciml_lab.transform.jacobian import compressed

N = 120
SHUFFLED = np.random.default_rng(5).permutation(N)
PLACE = np.argsort(SHUFFLED)


def heat(u, p, t):
    before, after = np.concatenate(([0.0], u[:-1])), np.concatenate((u[1:], [0.0]))
    return p[0] * (before - 2 * u + after) - u**3 + np.sin(t)


def shuffled(u, p, t):
    return heat(u[PLACE], p, t)[SHUFFLED]


def ring(u, p, t):
    return p[0] * (np.roll(u, 1) - 2 * u + np.roll(u, -1)) - u**3


def wave(u, p, t):
    before, after = np.concatenate(([0.0], u[:-1])), np.concatenate((u[1:], [0.0]))
    return p[0] * (after - before) - u


def far(u, p, t):
    reach = np.concatenate((u[9:], np.zeros(9)))
    return p[0] * (reach - 2 * u) - u**3 * np.concatenate((np.ones(11), u[:-11]))


def constrained(u, p, t):
    """Inner points diffuse; the ends follow their neighbours at once."""
    inner = p[0] * (u[:-2] - 2 * u[1:-1] + u[2:]) - u[1:-1] ** 3
    return np.concatenate(([u[1] - u[0] + np.sin(t)], inner, [u[-2] - u[-1]]))


START = np.sin(np.arange(N) * 1.0) + 1
HEAT = sl.ODEProblem(heat, START, (0.0, 1.0), [1e4])
PROBLEMS = {
    "heat": HEAT,
    "shuffled": sl.ODEProblem(shuffled, START, (0.0, 1.0), [1e4]),
    "ring": sl.ODEProblem(ring, START, (0.0, 1.0), [1e4]),
    "wave": sl.ODEProblem(wave, np.exp(-((np.arange(N) - 60.0) ** 2) / 50), (0.0, 0.5), [80.0]),
    "far": sl.ODEProblem(far, START, (0.0, 0.02), [1e2]),
    "brusselator": sl.zoo.brusselator_1d(60)(),
}
CHOICES = {
    "heat": "banded: 120 unknowns in a band of 3 diagonals, as they come (pattern: source; "
    "3 colours for 120 columns, by source)",
    "shuffled": "in a band of 3 diagonals, after reverse Cuthill-McKee",
    "ring": "in a band of 5 diagonals, after reverse Cuthill-McKee",
    "wave": "in a band of 3 diagonals, as they come",
    "far": "in a band of 21 diagonals",
    "brusselator": "in a band of 5 diagonals, as they come (pattern: source; 4 colours",
}


COUNTERS = "nf", "nsteps", "naccept", "nreject", "njac", "nlu"


def agree(problem, method, tolerance=1e-10, counters=COUNTERS, **options):
    """Solve with either backend, and compare counters, messages and values."""
    plain, quick = (sl.solve(problem, method, backend=b, **options) for b in ("numpy", "numba"))
    for name in counters:
        assert getattr(quick.stats, name) == getattr(plain.stats, name), name
    assert quick.stats.linear == plain.stats.linear.replace("by duals", "by source")
    assert (quick.success, quick.message) == (plain.success, plain.message)
    size = np.max(np.abs(plain.u))
    np.testing.assert_allclose(quick.u, plain.u, rtol=0, atol=tolerance * size)
    return quick


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_same_steps_and_values(name):
    problem = PROBLEMS[name]
    for method in (sl.Rodas5P(), sl.Rosenbrock23()):
        quick = agree(problem, method, rtol=1e-4, atol=1e-6, saveat=[problem.tspan[1]])
        assert CHOICES[name] in quick.stats.linear


def test_dense_output_and_steps_of_a_given_length():
    quick = agree(HEAT, sl.Rodas5P(), tolerance=1e-9, rtol=1e-4)
    plain = sl.solve(HEAT, sl.Rodas5P(), backend="numpy", rtol=1e-4)
    times = np.linspace(0.01, 0.99, 7)
    np.testing.assert_allclose(quick(times), plain(times), rtol=1e-9)
    agree(HEAT, sl.Rodas5P(), dt=0.1, adaptive=False)


def test_a_second_solve_takes_the_short_way():
    options = {"rtol": 1e-6, "saveat": [0.5, 1.0], "dense": False, "backend": "numba"}
    first, second = (sl.solve(HEAT, sl.Rodas5P(), **options) for _ in range(2))
    assert type(second).__name__ == "LateSolution"
    np.testing.assert_array_equal(first.u, second.u)
    for name in ("nf", "njac", "nlu", "linear"):
        assert getattr(first.stats, name) == getattr(second.stats, name)


OFF = np.full(N - 1, 1 / 6)
MASSES = {
    "diagonal": np.diag(np.linspace(0.5, 2.0, N)),
    "band": np.diag(np.full(N, 2 / 3)) + np.diag(OFF, 1) + np.diag(OFF, -1),
    "sparse": sparse.diags_array([OFF, np.full(N, 2 / 3), OFF], offsets=[-1, 0, 1], format="csc"),
}


@pytest.mark.parametrize("name", MASSES)
@pytest.mark.parametrize("f", [heat, shuffled])
def test_mass_matrices(name, f):
    mass = MASSES[name] if f is heat else MASSES[name][SHUFFLED][:, SHUFFLED]
    problem = sl.ODEProblem(f, START, (0.0, 0.1), [1e2], mass_matrix=mass)
    quick = agree(problem, sl.Rodas5P(), rtol=1e-5, saveat=[0.05, 0.1])
    assert quick.stats.linear.startswith("banded")


def test_a_singular_mass_matrix():
    mass = np.diag(np.concatenate(([0.0], np.ones(N - 2), [0.0])))
    start = START.copy()
    start[0], start[-1] = start[1], start[-2]
    problem = sl.ODEProblem(constrained, start, (0.0, 0.1), [1e2], mass_matrix=mass)
    quick = agree(problem, sl.Rodas5P(), rtol=1e-5, saveat=[0.05, 0.1])
    u = quick.u[-1]
    assert abs(u[1] - u[0] + np.sin(0.1)) < 1e-6 and abs(u[-2] - u[-1]) < 1e-6
    other = sl.ODEProblem(heat, START, (0.0, 0.1), [1e2], mass_matrix=MASSES["diagonal"])
    agree(other, sl.Rodas5P(), rtol=1e-5, saveat=[0.1])  # its memory is not taken for this one


def failing(problem, verdict, **options):
    plain, quick = (
        sl.solve(problem, sl.Rodas5P(), backend=b, **options) for b in ("numpy", "numba")
    )
    assert not quick.success
    assert quick.message == plain.message
    assert quick.diagnosis.verdict == plain.diagnosis.verdict == verdict
    return quick


def test_a_jacobian_that_is_not_finite():
    def root(u, p, t):
        return np.sqrt(u) + np.concatenate((u[1:], [1.0]))

    start = np.ones(N)
    start[7] = 0.0
    quick = failing(sl.ODEProblem(root, start, (0.0, 1.0)), "Jacobian is not finite")
    assert "[7, 7] = inf" in str(quick.diagnosis) + quick.message


def test_a_matrix_without_an_inverse():
    def square(u, p, t):
        return u * np.concatenate((u[1:], u[:1]))

    mass = sparse.csc_array((N, N))
    problem = sl.ODEProblem(square, np.zeros(N), (0.0, 1.0), mass_matrix=mass)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of index above 1
        failing(problem, "singular matrix", dt=0.1)


def test_a_pattern_of_ones_own():
    ones = np.ones(N - 1)
    tridiagonal = np.diag(np.ones(N)) + np.diag(ones, 1) + np.diag(ones, -1)
    given, counters = HEAT.replace(sparsity=tridiagonal), COUNTERS[1:]  # its checks call f too
    quick = agree(given, sl.Rodas5P(), counters=counters, saveat=[1.0])
    assert "pattern: given; 3 colours" in quick.stats.linear
    for backend in ("numpy", "numba"):
        with pytest.raises(ValueError, match=r"sparsity misses the entry \[\d+, \d+\]"):
            sl.solve(HEAT.replace(sparsity=np.eye(N)), sl.Rodas5P(), backend=backend)


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_a_band_that_is_asked_for(n):
    problem = sl.ODEProblem(heat, START[:n], (0.0, 1.0), [1e3])
    quick = agree(problem, sl.Rodas5P(linear_solver="banded"), rtol=1e-5, saveat=[1.0])
    assert quick.stats.linear.startswith("banded: as asked for (pattern: source")
    dense = sl.solve(problem, sl.Rodas5P(), backend="numba", rtol=1e-5, saveat=[1.0])
    assert dense.stats.linear.startswith("dense")
    np.testing.assert_allclose(quick.u, dense.u, rtol=1e-10)


def test_what_is_no_band_stays_with_the_readable_method():
    def full(u, p, t):
        return -u - np.sum(u)

    large = sl.ODEProblem(full, np.ones(501), (0.0, 0.1))
    for _ in range(2):
        sol = sl.solve(large, sl.Rodas5P(), backend="numba")
        assert sol.success and sol.stats.linear.startswith("dense")
        assert "the 501 x 501 matrices call for a linear solver" in sol.message
    smaller = sl.ODEProblem(full, np.ones(150), (0.0, 0.1))
    sol = sl.solve(smaller, sl.Rodas5P(), backend="numba")
    assert "in Python" not in sol.message and sol.stats.linear.startswith("dense")


def test_an_ensemble():
    starts = START * np.linspace(0.5, 1.0, 3)[:, None]
    ensemble = sl.Ensemble(HEAT, u0=starts.T)
    options = {"saveat": [1.0], "rtol": 1e-5}
    plain, quick = (ensemble.solve(sl.Rodas5P(), backend=b, **options) for b in ("numpy", "numba"))
    np.testing.assert_allclose(quick.u, plain.u, rtol=1e-9)


def test_memory_grows_with_the_band():
    problem = sl.zoo.brusselator_1d(1000)()
    f = right_hand_side(problem.f, problem.u0, problem.p, 0.0)
    memory = banded.BandMemory(implicit.band_of(f, sl.Rodas5P(), problem.u0, problem.p))
    assert sum(array.size for array in memory.arrays.values()) < 30 * problem.u0.size


def test_the_text_does_not_grow_with_the_grid():
    sizes = []
    for n in (60, 400):
        problem = sl.zoo.brusselator_1d(n)()
        lowered = lower(problem.f, problem.u0, problem.p, 0.0)
        columns = compressed(lowered, np.arange(2 * n) % 5)
        sizes.append([sum(1 for _ in ast.walk(one.tree)) for one in (lowered, columns)])
    assert sizes[0] == sizes[1]


class Pointer:
    """Memory as a kernel knows it: entries before the first one may be asked for."""

    def __init__(self, array, offset=0):
        self.array, self.offset = array, offset

    def __getitem__(self, i):
        assert self.offset + i >= 0
        return self.array[self.offset + i]

    def __setitem__(self, i, value):
        assert self.offset + i >= 0
        self.array[self.offset + i] = value


class Address:
    """Where an array is; no array has the address 0."""

    def __init__(self, array):
        self.array = array


def functions_in_python(lower, upper):
    """The functions for a band, as plain Python."""
    names = {
        "numbers": lambda x, _: Pointer(x.array),
        "integers": lambda x: getattr(x, "array", x),
        "part": lambda x, offset: Pointer(x.array, x.offset + offset),
        "np": np,
        "in_any_order": lambda total, x: total + x,
        "BANDED": "BANDED",
        "TROUBLE": "TROUBLE",
        **{name: k for k, name in enumerate(banded_entries())},
    }
    exec(banded_text.text(lower, upper), names)
    return names


def banded_entries():
    from sciml_lab.backends.numba import banded_layout

    entries = {k: v for k, v in vars(banded_layout).items() if k.isupper()}
    return sorted(entries, key=entries.__getitem__)


def solved(W, lower, upper, b, order=None):
    """Factorise W = 1 - J and solve W x = b; returns x and the block."""
    columns = banded.Columns(None, sparse.csc_array(np.eye(len(W)) - W), "given", b, None)
    form = banded.BandForm(columns, wanted=True)
    form.lower, form.upper, form.order = lower, upper, order
    names = functions_in_python(lower, upper)
    arrays = {**form.tables, **form.memory()}
    block = {k: Address(x) for k, x in arrays.items()}
    block |= {names["UNKNOWNS"]: len(W), names["ENDS"]: form.ends, names["IN_ORDER"]: 0}
    block.setdefault(names["UNKNOWN_OF"], 0)
    block[names["ENTRIES"]] = columns.zero
    rows, places, origins = columns.places
    arrays[names["COLUMNS"]][:-1] = np.nan  # but for the entries of J
    arrays[names["COLUMNS"]][origins] = (np.eye(len(W)) - W)[rows, places]
    c, x = {"BANDED": block}, b.copy()
    names["factorise"](1.0, c)
    if c["TROUBLE"] == 0:
        names["back_substitute"](Pointer(x), c)
    return x, c["TROUBLE"], block[names["IN_ORDER"]]


@pytest.mark.parametrize("pivoting", [True, False])
@pytest.mark.parametrize("band", [(0, 0), (1, 1), (2, 2), (1, 4), (5, 0), (0, 3), (9, 10)])
def test_the_linear_algebra_solves_linear_systems(band, pivoting):
    rng, (lower, upper) = np.random.default_rng(3), band
    for n in (max(lower, upper) + 1, 12, 21):
        W = rng.normal(size=(n, n)) * 10.0 ** rng.integers(-6, 6, size=(n, 1))
        W = np.triu(np.tril(W, upper), -lower)
        if not pivoting:
            W[rng.random((n, n)) < 0.3] = 0.0
            W += np.diag(1.0 + abs(W).sum(axis=0))  # the largest one of its column
        W, b = np.eye(n) - (np.eye(n) - W), rng.normal(size=n)  # as it will be rounded
        for order in (None, rng.permutation(n)):
            place = np.arange(n) if order is None else np.argsort(order)
            x, trouble, in_order = solved(W[place][:, place], lower, upper, b[place], order)
            assert trouble == 0
            assert pivoting or in_order
            x = x if order is None else x[order]
            size = np.abs(W) @ np.abs(x) + np.abs(b)
            assert np.max(np.abs(W @ x - b)) < 1e-15 * n * np.max(size)


def test_the_linear_algebra_finds_what_has_no_inverse():
    for n in (3, 9, 14):
        W = np.eye(n) + 0.1 * np.diag(np.ones(n - 1), 1)
        W[:, n // 2] = 0.0
        assert solved(W, 1, 1, np.ones(n))[1] == n // 2 + 1
        W[n // 2, n // 2] = np.nan
        assert solved(W, 1, 1, np.ones(n))[1] == -1


SCRIPT = """
    import numpy as np, sciml_lab as sl
    from sciml_lab.backends.numba import cache
    for n in (101, 150):
        def f(u, p, t):
            return 1e4 * (np.concatenate((u[1:], [0.0])) - u)
        problem = sl.ODEProblem(f, np.ones(n), (0.0, 1.0))
        sol = sl.solve(problem, sl.Rosenbrock23(), backend="numba")
        assert sol.success and sol.stats.linear.startswith("banded"), sol.message
    kept = cache.folder()
    print(len(list(kept.glob("*.kernel"))), len(list(kept.glob("band_*.code"))))
"""


def test_what_is_compiled_is_kept_on_disk(tmp_path):
    def run():
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(SCRIPT), "utf-8")
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "SCIML_LAB_CACHE": str(tmp_path / "kept")}, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run() == ["1", "2"]  # one width, two functions
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.code")}
    assert run() == ["1", "2"]
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.code")}
