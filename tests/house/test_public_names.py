"""What `import sciml_lab as sl` offers: every name is there, explained, with an example."""

import inspect

import pytest

import sciml_lab as sl

NAMES = [name for name in sl.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_explained(name):
    thing = getattr(sl, name)
    assert name in dir(sl)
    if inspect.ismodule(thing):
        assert thing.__doc__
    elif callable(thing):
        assert ">>>" in inspect.getdoc(thing), f"sl.{name} has no runnable example"
        assert "Examples\n-----" in inspect.getdoc(thing)
    else:
        assert len(thing) > 0  # a table such as METHODS


def test_nothing_else_is_offered():
    with pytest.raises(AttributeError, match="no attribute 'solev'"):
        _ = sl.solev
