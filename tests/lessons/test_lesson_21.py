"""Lesson 21: its checks accept what is right and say which property fails in what is wrong."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="the lesson draws with Matplotlib")
pytest.importorskip("scipy", reason="the lesson's sparse matrices are SciPy's")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "lessons" / "21_scale" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_21", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Traced:
    def __init__(self, names):
        self.names = frozenset(names)

    def combined(self, other=None):
        return Traced(self.names | getattr(other, "names", frozenset()))

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = combined
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = combined


def pattern(f, u, p, t):
    traced = np.array([Traced({j}) for j in range(len(u))])
    P = np.zeros((len(u), len(u)), dtype=bool)
    for i, number in enumerate(f(traced, p, t)):
        P[i, list(number.names)] = True
    return P


def greedy(P):
    colors = np.full(P.shape[1], -1)
    for j in range(P.shape[1]):
        taken = set(colors[P[P[:, j]].any(axis=0)])
        colors[j] = next(c for c in range(P.shape[1]) if c not in taken)
    return colors


def greedy_in_place(P):
    colors = greedy(P)
    P[0, 0] = False
    return colors


def factors(P):
    F = P.copy()
    for k in range(len(F)):
        below = k + 1 + np.flatnonzero(F[k + 1 :, k])
        F[below, k + 1 :] |= F[k, k + 1 :]
    return F


def factors_of_the_start(P):
    F = P.copy()
    for k in range(len(F)):
        below = k + 1 + np.flatnonzero(P[k + 1 :, k])
        F[below, k + 1 :] |= P[k, k + 1 :]
    return F


def factors_in_place(P):
    P |= factors(P)
    P[0, 1] = True
    return P


def everywhere(P):
    """All of each row is added to all rows below it."""
    F = P.copy()
    for k in range(len(F)):
        F[k + 1 :] |= F[k]
    return F


def orthogonal(w, V):
    h = V @ w
    return h, w - h @ V


def orthogonal_in_place(w, V):
    h = V @ w
    w -= h @ V
    return h, w


def times_W(f, u, p, t, h, v):
    return v - h * sl.ad.jvp(lambda x: f(x, p, t), u, v)[1]


def column_by_column(f, u, p, t, h, v):
    J = np.stack([sl.ad.jvp(lambda x: f(x, p, t), u, e)[1] for e in np.eye(len(u))], axis=1)
    return v - h * (J @ v)


def gmres(times, b, m):
    size = np.linalg.norm(b)
    V, H = np.array([b / size]), np.zeros((m + 1, m))
    for k in range(m):
        H[: k + 1, k], rest = orthogonal(times(V[k]), V)
        H[k + 1, k] = np.linalg.norm(rest)
        V = np.vstack([V, rest / H[k + 1, k]])
    y = np.linalg.lstsq(H, size * np.eye(m + 1)[0], rcond=None)[0]
    return y @ V[:m]


def nothing(*args):
    return None


JUDGED = [
    # (exercise, answer, verdict, words of the sentence)
    ("ex1_1", pattern, "correct", "no number was ever known"),
    ("ex1_1", nothing, "missing", "write your lines"),
    ("ex1_1", lambda *a: pattern(*a).tolist(), "not yet", "shape (3, 3)"),
    ("ex1_1", lambda *a: 1.0 * pattern(*a), "not yet", "dtype=bool"),
    ("ex1_1", lambda *a: pattern(*a).T, "not yet", "exchanged"),
    ("ex1_1", lambda f, u, p, t: np.eye(len(u), dtype=bool), "not yet", "3 u2"),
    ("ex1_2", greedy, "correct", "Greedy"),
    ("ex1_2", nothing, "missing", "write your lines"),
    ("ex1_2", greedy_in_place, "not yet", "changes the pattern"),
    ("ex1_2", lambda P: greedy(P)[:2], "not yet", "each column"),
    ("ex1_2", lambda P: greedy(P) - 1, "not yet", "whole numbers"),
    ("ex1_2", lambda P: np.zeros(P.shape[1], int), "not yet", "share a row"),
    ("ex1_2", lambda P: np.arange(P.shape[1]), "not yet", "three colours"),
    ("ex1_2", lambda P: np.arange(P.shape[1]) % 3, "not yet", "takes one colour"),
    ("ex1_2", lambda P: greedy(P[:, ::-1])[::-1], "not yet", "coloured 0, 1, 2"),
    ("ex2_1", factors, "correct", "without numbers"),
    ("ex2_1", nothing, "missing", "write your lines"),
    ("ex2_1", factors_in_place, "not yet", "changes the pattern"),
    ("ex2_1", lambda P: factors(P)[0], "not yet", "shape of the matrix"),
    ("ex2_1", everywhere, "not yet", "points down and right"),
    ("ex2_1", lambda P: P.copy(), "not yet", "fills up entirely"),
    ("ex2_1", factors_of_the_start, "not yet", "fill makes fill"),
    ("ex2_1", lambda P: factors(P | P.T), "not yet", "unsymmetric"),
    ("ex3_1", orthogonal, "correct", "Arnoldi"),
    ("ex3_1", nothing, "missing", "write your lines"),
    ("ex3_1", orthogonal_in_place, "not yet", "changes what it is given"),
    ("ex3_1", lambda w, V: orthogonal(w, V)[1], "not yet", "return h, rest"),
    ("ex3_1", lambda w, V: (V @ w * 2, w), "not yet", "each row of V"),
    ("ex3_1", lambda w, V: (V @ w, w), "not yet", "plus the rest"),
    ("ex3_2", times_W, "correct", "No entry of J"),
    ("ex3_2", nothing, "missing", "write your lines"),
    ("ex3_2", lambda f, u, p, t, h, v: v[:2], "not yet", "shape of v"),
    ("ex3_2", lambda f, u, p, t, h, v: (v - times_W(f, u, p, t, h, v)) / h, "not yet", "J v"),
    ("ex3_2", lambda f, u, p, t, h, v: times_W(f, u, p, t, -h, v), "not yet", "v - h J v"),
    ("ex3_2", column_by_column, "not yet", "one product f runs 3 times"),
    ("ex3_2", lambda f, u, p, t, h, v: times_W(f, u, p, 0.0, h, v), "not yet", "at the time t"),
]


@pytest.mark.parametrize(("name", "answer", "status", "words"), JUDGED)
def test_checks_judge_and_hint(checks, name, answer, status, words):
    verdict = getattr(checks, name).verdict(answer)
    assert verdict.status == status, verdict
    assert words in verdict.message, verdict


def test_the_drawings_work_before_and_after_the_exercises(checks):
    before = [
        checks.show_1_1(nothing),
        checks.show_1_2(nothing),
        checks.show_2_1(nothing),
        checks.show_3_1(nothing, gmres),
    ]
    after = [
        checks.show_1_1(pattern),
        checks.show_1_2(greedy),
        checks.show_2_1(factors),
        checks.show_3_1(orthogonal, gmres),
    ]
    for figure in (*before, *after):
        assert sl.plot.png(figure)[:4] == b"\x89PNG"
    assert all("appear" in figure.alt for figure in before)
    assert not any("appear" in figure.alt for figure in after)
    assert "line, 12 points: 92 of 576" in after[0].alt and "arrow, turned 0" in after[2].alt


def test_costs_are_drawn(checks):
    J = np.eye(60)
    assert "J 3 ms" in checks.draw_start({"six f": 1e-4, "J": 3e-3}, J).alt
    table = {"line": [(n, {"full": n**3, "band": 4 * n, "sparse": n}) for n in (8, 16, 32)]}
    table["plate"] = [(n, {"full": n**3, "band": n**2, "sparse": n**1.5}) for n in (8, 16, 32)]
    alt = checks.draw_work(table).alt
    assert "plate, sparse: N to the 1.5" in alt and "line, band: N to the 1.0" in alt
    assert "ILU 1 to 3 ms" in checks.draw_scaling({"ILU": [(100, 1e-3), (400, 3e-3)]}).alt


def test_elimination_without_numbers_is_elimination(checks):
    random = np.random.default_rng(0)
    for _ in range(5):
        P = (random.random((14, 14)) < 0.15) | np.eye(14, dtype=bool)
        assert np.array_equal(factors(P), checks.full_factors(P))
    fill = {name: (factors(P) & ~P).sum() for name, P in checks.orders(checks.laplace(8)).items()}
    assert fill["minimum degree"] < fill["reverse Cuthill-McKee"] < fill["as they come"]


def test_work_counts_what_elimination_does(checks):
    A = checks.laplace(6)
    work = checks.work(A)
    assert work["full"] == pytest.approx(2 / 3 * 36**3)
    F = factors(checks.orders(A)["minimum degree"])
    below, right = np.tril(F, -1).sum(axis=0), np.triu(F, 1).sum(axis=1)
    assert work["sparse"] == pytest.approx(np.sum(2 * below * right + below), rel=0.1)
    assert checks.proper(F, np.arange(36)) and not checks.proper(F, np.zeros(36, int))


def test_the_gmres_that_is_shown_agrees_with_that_of_the_package(checks):
    from sciml_lab.linalg.krylov import gmres as packaged

    W = np.eye(25) - 0.01 * checks.laplace(5).toarray()
    b = np.random.default_rng(0).standard_normal(25)
    for m in (3, 6, 9):
        ours = np.linalg.norm(b - W @ gmres(lambda v: W @ v, b, m)) / np.linalg.norm(b)
        theirs = packaged(W, b, rtol=1e-14, restart=m, limit=m).residual
        assert ours == pytest.approx(theirs, rel=1e-6)
    counts, sizes = checks.residuals(gmres, 5, 0.01)
    assert sizes[-1] <= 1e-8 and np.all(np.diff(sizes) < 0) and np.all(np.diff(counts) == 3)
