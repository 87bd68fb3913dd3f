"""What a training run must not be disturbed by."""

import numpy as np
import pytest

import sciml_lab as sl


def loss(p):
    return np.sum((p - 1.0) ** 2)


@pytest.mark.parametrize("optimizer", [sl.Adam(0.05), sl.LBFGS()])
def test_a_callback_that_writes_into_p_changes_nothing(optimizer):
    def scribble(step, value, p):
        p[:] = 9.0

    calm = sl.train(loss, np.zeros(3), optimizer=optimizer, steps=20, progress=False)
    run = sl.train(
        loss, np.zeros(3), optimizer=optimizer, steps=20, progress=False, callback=scribble
    )
    np.testing.assert_array_equal(run.loss, calm.loss)
    np.testing.assert_array_equal(run.p, calm.p)
