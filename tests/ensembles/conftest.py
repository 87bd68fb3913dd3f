"""What the tests of ensembles share."""

import signal

import pytest


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """A shell's job in the background ignores Ctrl-C; these tests press it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
