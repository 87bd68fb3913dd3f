"""Rosenbrock methods on the stiff models of the zoo: the error is what the tolerance asked for."""

import numpy as np
import pytest

import sciml_lab as sl

# Sizes below which a component is noise, and the tightest tolerance that takes little time.
MODELS = {
    "rober": (1e-8, 1e-8),
    "rober_dae": (1e-8, 1e-8),
    "hires": (1e-2, 1e-8),
    "pollu": (1e-4, 1e-10),
    "e5": (1e-3, 1e-10),
    "oregonator": (1e-3, 1e-6),
    "van_der_pol_stiff": (1e-3, 1e-6),
    "van_der_pol_scaled": (1e-3, 1e-6),
    "chemical_akzo_nobel": (1e-3, 1e-10),
    "transistor_amplifier": (1e-3, 1e-4),
}


def error_in_tolerances(name, method, tol):
    entry, floor = sl.zoo.get(name), MODELS[name][0]
    sol = sl.solve(entry(), method, rtol=tol, atol=tol * floor, dense=False)
    assert sol.success
    size = floor + np.abs(entry.reference.u)
    return np.max(np.abs(sol.u[-1] - entry.reference.u) / size) / tol


@pytest.mark.parametrize("name", MODELS)
def test_rodas5p(name):
    for tol in (1e-4, 1e-6, 1e-8, 1e-10):
        if tol >= MODELS[name][1]:
            assert error_in_tolerances(name, sl.Rodas5P(), tol) < 10


@pytest.mark.parametrize("method", [sl.Rodas4(), sl.Rodas4P()], ids=repr)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "transistor_amplifier"])
def test_rodas4(name, method):
    for tol in (1e-4, 1e-6):
        assert error_in_tolerances(name, method, tol) < 10


@pytest.mark.parametrize("name", ["rober", "hires", "pollu", "e5", "van_der_pol_stiff"])
def test_rosenbrock23(name):
    """Its many steps of order 2 add up."""
    assert error_in_tolerances(name, sl.Rosenbrock23(), 1e-4) < 20
