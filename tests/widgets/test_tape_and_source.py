"""The explorers of reverse mode: the tape swept step by step, the adjoint beside its source."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
widgets = pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab.transform.tree import TransformError  # noqa: E402
from sciml_lab_widgets import (  # noqa: E402
    SourceExplorer,
    TapeExplorer,
    source_explorer,
    tape_explorer,
)


@pytest.mark.parametrize("make", [TapeExplorer, SourceExplorer])
def test_sweep_to_both_ends(make):
    report = make().sweep()
    assert report, str(report)


@pytest.mark.parametrize("make", [TapeExplorer, SourceExplorer])
def test_every_control_changes_picture_and_words(make):
    explorer = make()
    box = explorer.widget
    for control in explorer.controls.values():
        seen = []
        for value in (control.ends()[0], control.ends()[-1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1], control


@pytest.mark.parametrize("make", [TapeExplorer, SourceExplorer])
def test_static_twin_and_labels(make):
    explorer = make()
    twin = explorer.static()
    assert twin.png.startswith(b"\x89PNG") and twin.alt == explorer.words
    assert all(c.widget.description.strip() for c in explorer.controls.values())


# The tape -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tape_explorer.FUNCTIONS)
@pytest.mark.parametrize(("x", "y"), [(2.0, 1.5), (0.5, 1.2), (-1.0, 2.0)])
def test_the_sweep_ends_in_the_gradient(name, x, y):
    f = tape_explorer.FUNCTIONS[name]
    explorer = TapeExplorer().set(function=name, x=x, y=y)
    words = explorer.set(step=explorer.controls["step"].high).words
    a, b = sl.ad.grad(lambda v: f(v[0], v[1]), np.array([x, y]), mode="dual")
    number = tape_explorer.number
    assert f"dz/dx = {number(float(a))} and dz/dy = {number(float(b))}" in words


def test_the_steps_are_told():
    explorer = TapeExplorer(x=2.0, y=3.0)
    assert "3 entries behind its two inputs; z = 6.91" in explorer.words
    assert "goes back through z = v1 + v2" in explorer.set(step=1).words
    assert "1.00 × -0.416 = -0.416 to the adjoint of x" in explorer.set(step=2).words


def test_a_tape_holds_the_branch_that_was_taken():
    explorer = TapeExplorer().set(function="if x > y: x² · y, else sin(y) · y", x=2.0, y=1.0)
    assert "x · x" in explorer.set(step=2).words
    assert "sin(y)" in explorer.set(x=0.0).words


def test_the_slider_ends_where_the_sweep_ends():
    explorer = TapeExplorer().set(function="a loop: s = s·y + x", step=4)
    assert explorer.controls["step"].high == 4
    assert explorer.set(function="x·y + sin(x)").values["step"] == 3


def test_own_functions_and_those_without_room():
    assert "z = sin(v1)" in TapeExplorer(lambda x, y: np.sin(x / y)).set(step=1).words
    with pytest.raises(ValueError, match="one to eight operations"):
        TapeExplorer(lambda x, y: x)
    with pytest.raises(ValueError, match="one to eight operations"):
        TapeExplorer(lambda x, y: sum([x * y] * 9))


# The source ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", source_explorer.FUNCTIONS)
def test_the_text_shown_is_the_text_generated(name):
    f, examples = source_explorer.FUNCTIONS[name]
    for kind in source_explorer.KINDS.values():
        made = source_explorer.generated(f, *examples, of=kind)
        text = sl.ad.source(f, *examples, of=kind)
        plain = [line.partition("  # ")[0] for line in text.splitlines()]
        assert [code for _, code in made] == plain
        listing = source_explorer._listing(f)
        numbers = {number for number, _ in made} - {None}
        assert numbers and numbers <= set(range(2, len(listing) + 1))


def test_the_words_quote_both_sides():
    words = SourceExplorer().set(line=5).words
    assert "“dy = d * x * y - c * y”" in words and "p_bar[3]" in words
    assert "names the function" in SourceExplorer().set(line=1).words


def test_the_adjoint_of_a_loop_counts_down():
    explorer = SourceExplorer().set(function="a loop: the logistic map", line=2)
    assert "range(29, -1, -1)" in explorer.words


def test_each_arm_of_a_branch_is_answered():
    explorer = SourceExplorer().set(function="a branch: two springs", line=5)
    assert "soft_bar" in explorer.words and "hard_bar" not in explorer.words
    assert "hard_bar" in explorer.set(line=7).words


def test_an_own_function_and_one_outside_of_the_subset():
    def cube(u, p, t):
        return p[0] * u**3

    assert "cube" in repr(SourceExplorer(cube, np.ones(2), np.ones(1), 0.0, of="jvp").set(line=1))

    def reads(x):
        return np.float64(open(x).read())

    with pytest.raises(TransformError):
        SourceExplorer(reads, 1.0)


def test_long_lines_are_wrapped_inwards():
    parts = source_explorer._wrapped("    total = one + two + three", 20)
    assert len(parts) > 1 and all(len(p) <= 20 for p in parts)
    assert parts[0].startswith("    total") and parts[1].startswith("        ")
