"""What all tests share: memory that a module's models and graphs took is given back at its end."""

import ctypes
import gc
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back():
    """Graphs are in reference cycles with their models; and the allocator keeps what is freed."""
    yield
    if "tensorflow" in sys.modules:
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # glibc's
            trim(0)
