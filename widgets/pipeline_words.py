"""The words of `PipelineExplorer`: what J takes, what W takes, and what a step costs."""

from __future__ import annotations

from sciml_lab_widgets.pipeline_cases import CASES
from sciml_lab_widgets.pipeline_costs import PARTS
from sciml_lab_widgets.pipeline_stages import RTOL
from sciml_lab_widgets.words import number

STORED = {
    "full": "a full matrix",
    "band": "the factors of a band",
    "sparse": "sparse factors",
}


def say(plan, found, cost, parts, without, bars):
    """One sentence for each stage, and one for the whole."""
    points = plan.n**2
    on = CASES[plan.name].where
    yield f"{points} points {on}: {found.size} unknowns."
    yield _jacobian(plan, found, cost)
    yield _matrix(plan, found, cost)
    yield _whole(parts, without, bars)


def _jacobian(plan, found, cost):
    """How J is found."""
    n = found.size
    if plan.matrix_free:
        return "J is never computed: a product J v is the derivative of f along v."
    if not plan.pattern:
        return f"With no pattern J takes {n} directions, one for each column."
    known = f"J has {found.pattern.nnz:,} entries of {n * n:,}"
    if plan.colours == "off":
        return f"{known}; without colours it takes {n} directions all the same."
    star = "star " if plan.colours == "star" else ""
    k = cost.directions
    return f"{known}, in {k} {star}colours: J takes {k} directions instead of {n}."


def _matrix(plan, found, cost):
    """How a system with W is solved."""
    stored = cost.ready.stored
    if plan.solver != "GMRES":
        order = {
            "as they come": "in the order in which the unknowns come",
            "reverse Cuthill-McKee": "in the order of reverse Cuthill-McKee",
            "minimum degree": "in an order of minimum degree",
        }[plan.order]
        order = "" if plan.solver == "full" else f", {order}"
        times = stored / found.pattern.nnz
        return (
            f"W is solved by {STORED[plan.solver]}{order}: {stored:,} numbers, {_times(times)} J."
        )
    kind = (
        "without a preconditioner" if plan.precondition == "none" else f"with {plan.precondition}"
    )
    if plan.precondition == "block Jacobi":
        kind += f" ({CASES[plan.name].blocks})"
    if cost.residual > RTOL:
        return (
            f"GMRES {kind} stagnates: after {cost.iterations} iterations the residual is "
            f"{number(cost.residual, 2)} of the right-hand side, and the step fails."
        )
    more = f", and {stored:,} numbers are stored" if stored else ", and nothing is stored"
    one = "iteration" if cost.iterations == 1 else "iterations"
    return f"GMRES {kind} takes {cost.iterations} {one} to a residual of 10⁻⁸{more}."


def _times(ratio):
    return "as many as" if 0.95 < ratio < 1.05 else f"{ratio:.1f} times those of"


def _whole(parts, without, bars):
    """What a step costs, and which part of it most."""
    total, bare = sum(parts), sum(without)
    dearest = PARTS[max(range(len(parts)), key=lambda k: parts[k])]
    unit = f"{number(total, 2)} operations"
    if bars == "time":
        unit = f"{number(1e3 * total, 2)} ms"
    against = "as with everything off"
    if not 0.95 < bare / total < 1.05:
        against = f"and with everything off {number(bare / total, 2)} times as much"
    return f"A step costs {unit}, {against}; most of it: {dearest}."
