"""Constrained motion: its forms are consistent, agree with each other, and mistakes are named."""

import numpy as np
import pytest

import sciml_lab as sl

FORMS = [
    {"index": 1}, {"index": 2}, {"index": 3}, {"stabilisation": "baumgarte"},
    {"stabilisation": "ggl"},
]  # fmt: skip


def bead(**changes):
    """A bead on the intersection of a sphere and a tilted plane, with friction."""
    given = {
        "acceleration": lambda x, v, p, t: (
            np.array([0 * x[0], 0 * x[1], 0 * x[2] - 9.81]) - 0.1 * v
        ),
        "constraint": lambda x, p: np.array([x @ x - 1.0, x[0] + 0.5 * x[2]]),
        "x0": [0.0, 1.0, 0.0],
        "v0": [-0.5, 0.0, 1.0],
        "tspan": (0.0, 1.0),
        **changes,
    }
    return sl.ConstrainedMotion(**given)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("motion", [bead(), sl.zoo.pendulum_motion(angle=1.0)], ids=["bead", "rod"])
def test_every_form_starts_consistently(motion, form):
    prob = motion.problem(**form)
    M = prob.mass_matrix
    rest = prob.f(prob.u0, prob.p, 0.0)
    algebraic = np.diag(M) == 0
    assert algebraic.sum() == prob.u0.size - 2 * motion.x0.size
    np.testing.assert_allclose(rest[algebraic], 0.0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_has_the_same_motion(form):
    """The accelerations at the start agree, and so do the motions shortly after."""
    motion = bead()
    ordinary = motion.problem(index=0)
    prob = motion.problem(**form)
    want = ordinary.f(ordinary.u0, None, 0.0)
    np.testing.assert_allclose(prob.f(prob.u0, None, 0.0)[:6], want, atol=1e-12)


def test_derivatives_by_duals_are_those_written_by_hand():
    by_hand = sl.zoo.pendulum_motion(angle=1.0)
    found = sl.ConstrainedMotion(
        by_hand.acceleration, by_hand.constraint, by_hand.x0, by_hand.v0, by_hand.tspan, by_hand.p
    )
    x, v = np.array([0.3, -1.2]), np.array([0.7, 0.4])
    np.testing.assert_allclose(found.G(x, by_hand.p), by_hand.G(x, by_hand.p), rtol=1e-14)
    bends = [motion.bend(x, v, by_hand.p) for motion in (found, by_hand)]
    np.testing.assert_allclose(*bends, rtol=1e-14)
    one, two = found.problem(stabilisation="ggl"), by_hand.problem(stabilisation="ggl")
    jac = [sl.ad.jacobian(lambda u, q=q: q.f(u, q.p, 0.0), q.u0 + 0.1) for q in (one, two)]
    np.testing.assert_allclose(jac[0], jac[1], atol=1e-12)


def test_the_multiplier_is_the_tension_of_the_rod():
    """At the lowest point the rod carries the weight and the centripetal force."""
    motion = sl.zoo.pendulum_motion(angle=0.0, g=9.81, length=2.0)
    tension = motion.multiplier(np.array([0.0, -2.0]), np.array([3.0, 0.0]), motion.p, 0.0) * 2.0
    assert tension[0] == pytest.approx(9.81 + 9.0 / 2.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bead(x0=[0.0, 1.1, 0.0]), "x0 violates the constraint"),
        (lambda: bead(v0=[0.0, 1.0, 0.0]), "v0 leads away from the constraint"),
        (lambda: bead(v0=[0.0, 1.0]), "x0 and v0 must have the same length"),
        (lambda: bead(constraint=lambda x: x), "constraint must take the two arguments"),
        (lambda: bead().problem(index=4), "index must be 0, 1, 2 or 3"),
        (lambda: bead().problem(stabilisation="glue"), "stabilisation must be None, 'baumgarte'"),
    ],
)
def test_a_mistake_gets_its_sentence(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()
