"""Modules that tests of several folders share can be imported; and a worker stays quick."""

import gc
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items):
    """The longest files first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: not item.path.name.startswith("test_smokes"))


@pytest.fixture(autouse=True, scope="module")
def young():
    """Frees what the module before has left, and keeps the collector from walking over the rest
    (TensorFlow's modules above all) again and again."""
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    gc.collect()
    gc.freeze()
