"""Modules that tests of several folders share can be imported; and a worker stays quick."""

import gc
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items):
    """The longest files first, so that no worker is left alone with one at the end; then one that
    makes the tiny line that many wait for."""
    first = ("test_smokes_lightpaff.py", "test_smokes.py", "test_kills.py")
    order = {name: place for place, name in enumerate(first)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(autouse=True, scope="module")
def young():
    """Frees what the module before has left, and keeps the collector from walking over the rest
    (TensorFlow's modules above all) again and again."""
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    gc.collect()
    gc.freeze()
