"""The generator of the site's pages, without the walk over all specs that only examples need."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def generate():
    """The modules of docs/generate by name."""
    sys.path.insert(0, str(ROOT / "docs" / "generate"))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(ROOT / "docs" / "generate"))


@pytest.fixture(scope="session")
def generated(generate):
    """Text of all generated pages by path; keys as if no spec used them."""
    usage = generate("spec_usage").Usage([])
    pages = generate("site_pages").generated_pages(usage)
    return {path: text for path, (_, text) in pages.items()}
