"""Modules that tests of several folders share can be imported; and a worker stays quick."""

import gc
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="module")
def young():
    """Frees what the module before has left, and keeps the collector from walking over the rest
    (TensorFlow's modules above all) again and again."""
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    gc.collect()
    gc.freeze()
