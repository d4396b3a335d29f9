"""The HTML page of a run, or of several side by side."""

import importlib
from typing import Any

_PLACES = {"write_report": "page", "mark_differences": "differences"}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tfkd.report' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tfkd.report.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
