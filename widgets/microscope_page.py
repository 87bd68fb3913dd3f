"""The step microscope in the page: what is printed for it, and what it has to know."""

import numpy as np

import sciml_lab as sl
from sciml_lab.solvers import stability
from sciml_lab_widgets import live


def program(explorer, controllers, most) -> tuple[str, dict]:
    """The equation, all methods and all controllers; and the facts that are no formulas.

    Parameters
    ----------
    explorer : StepMicroscope
    controllers : dict
        Classes of the controllers by the names on the page.
    most : int
        How many attempts are shown.
    """
    program, problem = live.Program(), explorer.problem
    program.right_hand_side("f", problem.f, np.asarray(problem.u0, dtype=float), problem.p)
    names = {name: f"method{i}" for i, name in enumerate(explorer.methods)}
    for name, method in explorer.methods.items():
        program.method(names[name], method)
    for name, make in controllers.items():
        program.controller(f"controller{name}", make())
    program.method("exact", sl.DOP853())
    members = {
        "f": "f", "exact": "exact",
        "methods": live.members(names),
        "controllers": live.members({name: f"controller{name}" for name in controllers}),
    }  # fmt: skip
    x, y = explorer.place(*smooth(explorer.reference))
    end = explorer.reference.u[-1].tolist() if explorer.reference.success else None
    spec = {
        "controls": live.controls(explorer), "width": explorer.picture.width,
        "height": explorer.picture.height, "labels": explorer.labels, "plane": explorer.plane,
        "one": explorer.one, "tspan": [float(end) for end in problem.tspan],
        "u0": np.asarray(problem.u0, dtype=float).tolist(),
        "p": [] if problem.p is None else np.ravel(problem.p).tolist(),
        "most": most, "reference": {"x": x.tolist(), "y": y.tolist(), "end": end},
        "methods": {name: _facts(method) for name, method in explorer.methods.items()},
    }  # fmt: skip
    return live.script("StepMicroscope", "step_microscope.js", program.text(members)), spec


def _facts(method) -> dict:
    """What the page has to know of a method besides its formulas."""
    over, _ = stability.coefficients(method.tableau.A, method.tableau.b)
    return {
        "stages": method.tableau.stages, "adaptive": bool(method.adaptive),
        "stability": over.tolist(),
    }  # fmt: skip


def smooth(sol, points=300):
    """Times and states on a fine grid."""
    t = np.linspace(sol.t[0], sol.t[-1], points)
    return t, sol(t)
