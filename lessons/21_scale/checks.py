"""Self-checks and drawings of lesson 21."""

import numpy as np
from scipy.sparse import csgraph
from scipy.sparse.linalg import splu

import sciml_lab as sl
from sciml_lab.classroom.check import close, exercise, measured_order
from sciml_lab.linalg.banded import Band
from sciml_lab.linalg.sparse_lu import SYMMETRIC
from sciml_lab.plot.figure import BLACK, BLUE, GREY, VERMILLION
from sciml_lab_widgets.pipeline_cases import system


def three(u, p, t):
    """Three equations; each depends on some of the unknowns."""
    return np.array([u[0] * u[1], 3.0 * u[2], -u[0] / u[2] + t])


def laplace(n):
    """The five-point Laplacian on n by n points, edges kept at zero: sparse, symmetric."""
    return system("heat in a plate", n).J


def arrow(n, last):
    """A diagonal, one full row and one full column: the last ones, or the first."""
    P = np.eye(n, dtype=bool)
    P[-1 if last else 0] = P[:, -1 if last else 0] = True
    return P


def full_factors(P):
    """Where elimination without exchanges leaves numbers, tried out with numbers."""
    random = np.random.default_rng(0)
    F = np.where(P, random.uniform(0.5, 1.0, P.shape), 0.0) + len(P) * np.eye(len(P))
    for k in range(len(F)):
        F[k + 1 :, k] /= F[k, k]
        F[k + 1 :, k + 1 :] -= np.outer(F[k + 1 :, k], F[k, k + 1 :])
    return F != 0


@exercise("1.1", praise="One evaluation of f, and no number was ever known.")
def ex1_1(pattern):
    """The pattern of a Jacobian by tracing."""
    P = pattern(three, np.ones(3), None, 0.0)
    yield (
        isinstance(P, np.ndarray) and P.shape == (3, 3),
        "for three unknowns the pattern should be an array of shape (3, 3)",
        "start from np.zeros((n, n), dtype=bool)",
    )
    yield P.dtype == bool, "the pattern should hold True and False", "dtype=bool"
    want = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1]], dtype=bool)
    yield (
        not np.array_equal(P, want.T),
        "rows and columns are exchanged",
        "P[i, j]: does equation i depend on unknown j?",
    )
    yield (
        np.array_equal(P, want),
        "for (u0 u1, 3 u2, -u0/u2 + t) the pattern is wrong",
        "unknown j is Traced({j}); row i of P is True at the names of f's entry i",
    )
    prob = sl.zoo.brusselator_1d(5)()
    P = pattern(prob.f, prob.u0, prob.p, 0.0)
    J = sl.ad.jacobian(lambda u: prob.f(u, prob.p, 0.0), prob.u0 + 0.3)
    yield np.array_equal(P, J != 0), "for the Brusselator on five points the pattern is wrong"


@exercise("1.2", praise="Greedy: no column looks back, and for a band it is the best there is.")
def ex1_2(greedy):
    """A greedy colouring of columns."""
    band = np.abs(np.subtract.outer(np.arange(7), np.arange(7))) <= 1
    kept = band.copy()
    colors = greedy(band)
    yield np.array_equal(band, kept), "your function changes the pattern"
    yield np.shape(colors) == (7,), "there should be one colour for each column"
    colors = np.asarray(colors)
    yield (
        colors.min() >= 0 and np.array_equal(colors, colors.astype(int)),
        "colours should be whole numbers from 0 on",
    )
    yield (
        proper(band, colors),
        "in a band of three diagonals two columns of one colour share a row",
        "the rows of column j are P[:, j]; P[rows].any(axis=0) are the columns that meet them",
    )
    yield (
        colors.max() == 2,
        "a band of three diagonals takes three colours, whatever its size",
        "take the smallest colour that no neighbour has",
    )
    yield not np.any(greedy(np.eye(4, dtype=bool))), "a diagonal matrix takes one colour"
    P = np.random.default_rng(1).random((12, 12)) < 0.15
    yield proper(P, np.asarray(greedy(P))), "on a pattern without structure columns share a row"
    want = sl.linalg.color(band)
    yield np.array_equal(colors, want), "the band should be coloured 0, 1, 2, 0, 1, 2, 0"


def proper(P, colors):
    """Whether no two columns of one colour share a row."""
    return all(P[:, colors == c].sum(axis=1).max(initial=0) <= 1 for c in set(colors.tolist()))


@exercise("2.1", praise="This is elimination without numbers: it tells the cost beforehand.")
def ex2_1(factors):
    """Where the factors of a matrix have entries."""
    P = arrow(5, last=True)
    kept = P.copy()
    F = factors(P)
    yield np.array_equal(P, kept), "your function changes the pattern", "start from P.copy()"
    yield np.shape(F) == (5, 5), "the factors have the shape of the matrix"
    yield (
        np.array_equal(F, P),
        "an arrow that points down and right has no fill",
        "only rows below k with an entry in column k receive something",
    )
    yield (
        np.all(factors(arrow(5, last=False))),
        "an arrow that points up and left fills up entirely",
        "step k adds the entries of row k behind column k to those rows",
    )
    chain = laplace(3).toarray() != 0
    yield (
        np.array_equal(factors(chain), full_factors(chain)),
        "on a grid of 3 by 3 points the fill is wrong",
        "fill makes fill: look at what has been filled already, in F and not in P",
    )
    P = np.random.default_rng(2).random((9, 9)) < 0.25
    P |= np.eye(9, dtype=bool)
    yield np.array_equal(factors(P), full_factors(P)), "on an unsymmetric pattern it is wrong"


@exercise("3.1", praise="This is Arnoldi's process: k vectors cost k^2 products of vectors.")
def ex3_1(orthogonal):
    """Split a vector into its part in a basis and the rest."""
    V = np.array([[1.0, 0, 0, 0], [0, 0.6, 0.8, 0]])
    w = np.array([1.0, 2.0, 3.0, 4.0])
    kept = w.copy(), V.copy()
    both = orthogonal(w, V)
    yield (
        np.array_equal(w, kept[0]) and np.array_equal(V, kept[1]),
        "your function changes what it is given",
        "write w = w - ..., not w -= ...",
    )
    yield (
        isinstance(both, tuple | list) and len(both) == 2,
        "the coefficients and the rest should come back",
        "end with return h, rest",
    )
    h, rest = both
    yield (
        close(h, [1.0, 3.6]),
        "the coefficients should be the products of w with each row of V",
        "V @ w",
    )
    yield (
        close(rest, w - np.array([1.0, 0, 0, 0]) - 3.6 * V[1]),
        "w should be its part in the basis, plus the rest",
        "the part in the basis is h @ V",
    )


@exercise("3.2", praise="No entry of J was computed, and none will be.")
def ex3_2(times_W):
    """The product of W and a vector without W."""
    u, v, h = np.array([1.0, 2.0, -0.5]), np.array([0.3, -1.0, 2.0]), 0.25
    J = sl.ad.jacobian(lambda x: three(x, None, 0.0), u)
    got = times_W(three, u, None, 0.0, h, v)
    yield np.shape(got) == (3,), "the product should have the shape of v", "sl.ad.jvp returns two"
    yield (
        not close(got, J @ v),
        "that is J v, and W v is wanted",
        "W = I - h J",
    )
    yield close(got, v - h * (J @ v)), "W v should be v - h J v", "sl.ad.jvp(f of one vector, u, v)"
    asked = []

    def counted(x, p, t):
        asked.append(t)
        return p * three(x, None, t)

    got = times_W(counted, u, 2.0, 0.7, h, v)
    yield (
        len(asked) < 3,
        f"for one product f runs {len(asked)} times",
        "sl.ad.jvp instead of sl.ad.jacobian",
    )
    yield close(got, v - 2 * h * (J @ v)), "f should be given its parameters p"
    yield asked[0] == 0.7, "f should be asked at the time t"


def draw_start(times, J, shown=40):
    """Draw what the parts of a step take, and the first rows of J."""
    figure = sl.plot.new_figure(660, 280)
    with sl.plot.style():
        left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
        rows = np.arange(len(times))
        milliseconds = 1e3 * np.array(list(times.values()))
        bars = left.barh(rows, milliseconds, color=BLUE, height=0.6)
        left.bar_label(bars, [f" {x:.3g} ms" for x in milliseconds], fontsize=9)
        left.set_yticks(rows, list(times))
        left.set(xlabel="milliseconds", xlim=(0, 1.3 * milliseconds.max()))
        left.invert_yaxis()
        left.grid(False)
        right.spy(J[:shown, :shown], color=BLACK, markersize=2.4)
        right.set_title(f"nonzero entries of J\n(the first {shown} of {len(J)} rows)", fontsize=9)
        right.set(xticks=[], yticks=[])
        right.grid(False)
    parts = ", ".join(f"{name} {x:.2g} ms" for name, x in zip(times, milliseconds, strict=True))
    figure.alt = (
        f"Parts of a step: {parts}. Beside it the first rows of J: all entries lie in a narrow "
        "band along the diagonal."
    )
    return figure


def show_1_1(pattern):
    """Draw the patterns of two Brusselators, once they are found."""
    ready = ex1_1.verdict(pattern).status == "correct"
    problems = {"line, 12 points": sl.zoo.brusselator_1d(12)(),
                "plate, 5 x 5 points": sl.zoo.brusselator_2d(5)()}  # fmt: skip
    figure, said = sl.plot.new_figure(560, 300), []
    with sl.plot.style():
        for axes, (name, prob) in zip(figure.subplots(1, 2), problems.items(), strict=True):
            n = prob.u0.size
            axes.set(xlim=(-0.7, n - 0.3), ylim=(n - 0.3, -0.7), xticks=[], yticks=[],
                     aspect="equal")  # fmt: skip
            axes.grid(False)
            axes.set_title(name, fontsize=10)
            if ready:
                P = pattern(prob.f, prob.u0, prob.p, 0.0)
                rows, columns = np.nonzero(P)
                axes.plot(columns, rows, "s", color=BLACK, markersize=115 / n)
                said.append(f"{name}: {len(rows)} of {n * n} entries")
    figure.alt = "Patterns of two Jacobians" + (
        f": {'; '.join(said)}." if ready else ", which appear when `pattern` is written."
    )
    return figure


def sizes_and_colours(color):
    """For some grids the unknowns, and the colours that `color` takes for them."""
    found = {}
    for name, sides in {"line": (4, 6, 8, 11), "plate": (4, 5, 6, 8, 11)}.items():
        patterns = [system(f"Brusselator on a {name}", n).pattern.toarray() for n in sides]
        found[name] = np.array([(len(P), int(np.max(color(P))) + 1) for P in patterns]).T
    return found


def show_1_2(greedy):
    """Draw the number of colours against the number of unknowns."""
    ready = ex1_2.verdict(greedy).status == "correct"
    figure, said = sl.plot.new_figure(560, 300), []
    with sl.plot.style():
        axes = figure.subplots()
        axes.plot([10, 400], [10, 400], color=GREY, linestyle="-", label="without colours")
        if ready:
            for (name, (n, colours)), color, marker in zip(
                sizes_and_colours(greedy).items(), (BLUE, VERMILLION), "os", strict=True
            ):
                axes.plot(n, colours, marker=marker, color=color, label=f"Brusselator on a {name}",
                          linestyle="-" if marker == "o" else "--")  # fmt: skip
                said.append(f"on a {name} {colours[0]} for {n[0]} and {colours[-1]} for {n[-1]}")
        axes.set(xscale="log", yscale="log", xlabel="unknowns", ylabel="directions for J",
                 ylim=(1, 400), xlim=(10, 400))  # fmt: skip
        axes.xaxis.set_minor_formatter("")
        axes.legend(loc="upper left")
    figure.alt = "Colours against unknowns: " + (
        f"{'; '.join(said)}." if ready else "they appear when `greedy` is written."
    )
    return figure


def orders(A):
    """A grid's matrix in three orders of its unknowns: name -> pattern."""
    rcm = csgraph.reverse_cuthill_mckee(A.tocsr(), True)
    least = np.argsort(splu(A, **SYMMETRIC).perm_c)
    P = A.toarray() != 0
    names = {"as they come": np.arange(len(P)), "reverse Cuthill-McKee": rcm,
             "minimum degree": least}  # fmt: skip
    return {name: P[np.ix_(order, order)] for name, order in names.items()}


def show_2_1(factors, n=9):
    """Draw two arrows and a grid in three orders, with their fill once it is found."""
    ready = ex2_1.verdict(factors).status == "correct"
    matrices = {"arrow": arrow(16, last=False), "arrow, turned": arrow(16, last=True)}
    matrices |= {f"grid, {name}": P for name, P in orders(laplace(n)).items()}
    figure, said = sl.plot.new_figure(690, 480), []
    with sl.plot.style():
        panels = figure.subplots(2, 3).ravel()
        for axes, (name, P) in zip(panels, matrices.items(), strict=False):
            size, fill = len(P), np.zeros_like(P)
            if ready:
                fill = factors(P) & ~P
                said.append(f"{name} {fill.sum()}")
            for where, color in ((fill, VERMILLION), (P, BLACK)):
                rows, columns = np.nonzero(where)
                axes.plot(columns, rows, "s", color=color, markersize=120 / size,
                          markeredgewidth=0)  # fmt: skip
            axes.set(xlim=(-0.7, size - 0.3), ylim=(size - 0.3, -0.7), xticks=[], yticks=[],
                     aspect="equal")  # fmt: skip
            axes.grid(False)
            count = f"\nfill: {fill.sum()}" if ready else ""
            axes.set_title(f"{name}{count}", fontsize=10)
        for color, name in ((BLACK, "entries"), (VERMILLION, "fill")):
            panels[-1].plot([], [], "s", color=color, label=name)
        panels[-1].legend(loc="center")
        panels[-1].set_axis_off()
    figure.alt = "Patterns of two arrows and of a grid in three orders" + (
        f"; fill: {', '.join(said)}." if ready else "; the fill appears when `factors` is written."
    )
    return figure


def work(W):
    """Operations for the factors of W, by solver: 2 for each product of two numbers."""
    n, band, lu = W.shape[0], Band(W), splu(W, **SYMMETRIC)
    below = np.diff(lu.L.tocsc().indptr) - 1
    right = np.diff(lu.U.tocsr().indptr) - 1
    return {
        "full": 2 / 3 * n**3,
        "band": 2.0 * n * band.kl * (band.kl + band.ku + 1),
        "sparse": float(np.sum(2 * below * right + below)),
    }


def draw_work(table):
    """Draw operations against unknowns for a line and a plate: name -> list of (n, work)."""
    figure, said = sl.plot.new_figure(680, 320), []
    with sl.plot.style():
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (name, rows) in zip(panels, table.items(), strict=True):
            n = np.array([size for size, _ in rows])
            for kind, look, marker in zip(rows[0][1], sl.plot.looks(3), "osD", strict=True):
                counts = np.array([row[kind] for _, row in rows])
                power = measured_order(n[-3:], counts[-3:])
                axes.loglog(n, counts, marker=marker, label=f"{kind}: $N^{{{power:.1f}}}$", **look)
                said.append(f"{name}, {kind}: N to the {power:.1f}")
            axes.set(xlabel="unknowns $N$", title=name)
            axes.xaxis.set_minor_formatter("")
            axes.legend(loc="upper left", fontsize=9)
        panels[0].set_ylabel("operations for the factors")
    figure.alt = f"Operations against unknowns; {'; '.join(said)}."
    return figure


def show_3_1(orthogonal, gmres, h=0.1):
    """Draw the residual of the heat equation's W against the products, for three grids."""
    ready = ex3_1.verdict(orthogonal).status == "correct"
    figure, said = sl.plot.new_figure(560, 310), []
    with sl.plot.style():
        axes = figure.subplots()
        if ready:
            for n, look, marker in zip((8, 16, 32), sl.plot.looks(3), "osD", strict=True):
                count, sizes = residuals(gmres, n, h)
                axes.semilogy(count, sizes, marker=marker, markersize=4, label=f"{n} x {n} points",
                              **look)  # fmt: skip
                said.append(f"{n} x {n} points {count[-1]}")
            axes.legend(loc="upper right")
        axes.set(yscale="log", ylim=(1e-9, 2), xlim=(0, 110), xlabel="products $W v$",
                 ylabel="residual / right-hand side")  # fmt: skip
    figure.alt = "Residual against products" + (
        f": to 10^-8 it takes for {', '.join(said)}."
        if ready
        else ": the curves appear when `orthogonal` is written."
    )
    return figure


def residuals(gmres, n, h, rtol=1e-8):
    """Products and relative residuals, until they are below rtol."""
    W = system("heat in a plate", n).W(h)
    b = np.random.default_rng(0).standard_normal(n * n)
    counts, sizes = [0], [1.0]
    while sizes[-1] > rtol and counts[-1] < 120:
        counts.append(counts[-1] + 3)
        x = gmres(lambda v: W @ v, b, counts[-1])
        sizes.append(float(np.linalg.norm(b - W @ x) / np.linalg.norm(b)))
    return np.array(counts), np.array(sizes)


def draw_scaling(measured):
    """Draw seconds a step against unknowns: name -> list of (n, seconds)."""
    figure, said = sl.plot.new_figure(560, 320), []
    with sl.plot.style():
        axes = figure.subplots()
        for (name, rows), look, marker in zip(
            measured.items(), sl.plot.looks(len(measured)), "osD^v", strict=False
        ):
            n, seconds = np.array(rows).T
            axes.loglog(n, 1e3 * seconds, marker=marker, label=name, **look)
            said.append(f"{name} {1e3 * seconds[0]:.2g} to {1e3 * seconds[-1]:.2g} ms")
        axes.set(xlabel="unknowns", ylabel="milliseconds a step")
        axes.xaxis.set_minor_formatter("")
        axes.legend(loc="upper left")
    figure.alt = f"Time of a step against unknowns, here and now: {'; '.join(said)}."
    return figure
