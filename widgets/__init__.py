"""Explorers: controls, a picture that follows them, and a sentence that says what it shows.

- `PhasePlane`: a plane of states, its direction field, nullclines and one trajectory
- `Derivatives`: the error of a derivative against the step size
- `StepMicroscope`: a solve, attempt by attempt and stage by stage
- `StiffnessExplorer`: eigenvalues times h over the region of stability, and the steps they allow
- `StructureExplorer`: a planet or pendulum for many periods, and whether its energy drifts
- `PipelineExplorer`: from f to a solved linear system, every stage to be switched off
- `HybridExplorer`: a bouncing ball, where its events are located, and which are missed
- `DriftExplorer`: a pendulum on a rod, and how far its constraint is left
- `NeuralODETrainer`: a neural ODE that retrains when a slider is let go
- `TapeExplorer`: a program on a tape, and the reverse sweep entry by entry
- `SourceExplorer`: a function, and the derivative that was written from its source

Each works in three forms: live in a notebook, as a picture in an exported page, and from a
program (`set`, `values`, `words`, `sweep`). The phase plane and the microscope run in the page
itself where they can (`live`, `why_not_live`), and stay alive in one without Python (`to_html`).
Names load when first used.
"""

import importlib

_HOME = {
    "Explorer": "base",
    "Slider": "controls",
    "Choice": "controls",
    "Switch": "controls",
    "Button": "controls",
    "PhasePlane": "phase_plane",
    "Derivatives": "derivatives",
    "StepMicroscope": "step_microscope",
    "StiffnessExplorer": "stiffness",
    "StructureExplorer": "structure",
    "PipelineExplorer": "pipeline",
    "HybridExplorer": "hybrid",
    "DriftExplorer": "drift",
    "NeuralODETrainer": "neural_ode_trainer",
    "TapeExplorer": "tape_explorer",
    "SourceExplorer": "source_explorer",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Load an explorer when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names that tab completion shows."""
    return __all__
