"""Colourings: valid, few colours, and the matrix comes back from its products."""

import itertools

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg import recover, seeds

sparse = pytest.importorskip("scipy.sparse")


def band(n, below, above):
    i = np.arange(n)
    return (i[:, None] - i <= below) & (i - i[:, None] <= above)


def stencil(n, periodic, corners=False):
    """The five- or nine-point star on a square grid."""
    line = (band(n, 1, 1) if not periodic else band(n, 1, 1) | _corner(n)).astype(int)
    unit = np.eye(n, dtype=int)
    return np.kron(line, line if corners else unit) + np.kron(unit, line) > 0


def _corner(n):
    ring = np.zeros((n, n), bool)
    ring[0, -1] = ring[-1, 0] = True
    return ring


def columns_differ(pattern, colors):
    pattern = np.asarray(pattern) != 0
    return all(
        colors[i] != colors[j] or not np.any(pattern[:, i] & pattern[:, j])
        for i, j in itertools.combinations(range(pattern.shape[1]), 2)
    )


def is_star(pattern, colors):
    """Neighbours differ, and no path of four vertices has two colours: by trying all paths."""
    n = len(colors)
    edges = [[j for j in range(n) if pattern[i, j] and i != j] for i in range(n)]
    for a in range(n):
        for b in edges[a]:
            if colors[a] == colors[b]:
                return False
            for c in edges[b]:
                for d in edges[c]:
                    path = {a, b, c, d}
                    if len(path) == 4 and len({colors[v] for v in path}) == 2:
                        return False
    return True


@pytest.mark.parametrize(("below", "above"), [(0, 0), (1, 1), (2, 1), (0, 3), (4, 4)])
def test_a_band_takes_as_many_colours_as_diagonals(below, above):
    pattern = band(30, below, above)
    colors = sl.linalg.color(pattern)
    assert colors.max() + 1 == below + above + 1
    assert columns_differ(pattern, colors)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("n", [5, 8, 11])
def test_stencils_take_few_colours(n, periodic):
    pattern = stencil(n, periodic)
    colors = sl.linalg.color(pattern)
    assert columns_differ(pattern, colors)
    assert 5 <= colors.max() + 1 <= (9 if periodic else 7)


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns(seed):
    rng = np.random.default_rng(seed)
    pattern = rng.random((25, 18)) < rng.choice([0.05, 0.15, 0.4])
    colors = sl.linalg.color(sparse.csr_array(pattern))
    assert columns_differ(pattern, colors)
    values = np.where(pattern, rng.normal(size=pattern.shape), 0.0)
    found = recover(pattern, colors, values @ seeds(colors))
    assert np.array_equal(found.toarray(), values)


def test_nothing_and_everything():
    assert sl.linalg.color(np.zeros((3, 4))).tolist() == [0, 0, 0, 0]
    assert sl.linalg.color(np.ones((3, 4))).tolist() == [0, 1, 2, 3]
    arrow = np.eye(6, dtype=bool)
    arrow[:, 0] = True
    assert sl.linalg.color(arrow).max() == 1
    assert sl.linalg.color(arrow | arrow.T).max() == 5


@pytest.mark.parametrize("seed", range(8))
def test_star_colouring_of_random_graphs(seed):
    rng = np.random.default_rng(seed)
    n = 16
    half = rng.random((n, n)) < rng.choice([0.08, 0.15, 0.3])
    pattern = half | half.T
    colors = sl.linalg.color(pattern, kind="star")
    assert is_star(pattern, colors)
    half = rng.normal(size=(n, n))
    values = np.where(pattern, half + half.T, 0.0)
    found = recover(pattern, colors, values @ seeds(colors), kind="star")
    assert np.allclose(found.toarray(), values, atol=1e-13)


def test_star_colouring_needs_fewer_colours():
    n = 12
    arrow = np.eye(n, dtype=bool)
    arrow[:, 0] = arrow[0] = True
    assert sl.linalg.color(arrow, kind="star").max() + 1 == 2
    assert sl.linalg.color(arrow).max() + 1 == n
    grid = stencil(7, False)
    star = sl.linalg.color(grid, kind="star")
    assert is_star(grid, star)
    assert star.max() <= sl.linalg.color(grid).max() + 1


def test_the_validity_checks_see_bad_colourings():
    assert not columns_differ(band(4, 1, 1), [0, 1, 0, 1])
    assert not is_star(band(4, 1, 1), [0, 1, 0, 1])
    assert is_star(band(4, 1, 1), [0, 1, 0, 2])


def test_bad_patterns_are_named():
    with pytest.raises(ValueError, match="must be symmetric for kind='star'"):
        sl.linalg.color(band(4, 1, 0), kind="star")
    with pytest.raises(ValueError, match="kind must be 'column' or 'star'"):
        sl.linalg.color(np.eye(2), kind="row")
    with pytest.raises(ValueError, match=r"pattern must be a matrix \(got an array of"):
        sl.linalg.color(np.ones(3))
