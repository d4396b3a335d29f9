"""The HTML page of a run, or of several side by side."""

from tfkd.lazy import lazy

_PLACES = {"write_report": "page", "mark_differences": "differences"}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
