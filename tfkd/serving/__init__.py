"""SavedModels: strings in, strings out, checked before anyone sees them."""

import importlib
from typing import Any

_PLACES = {
    "ExportRefusedError": "export",
    "SavedClassifier": "saved_classifier",
    "SavedTranslator": "saved_translator",
    "Translation": "saved_translator",
    "export_classifier": "classifier_export",
    "export_language_model": "language_model_export",
    "export_saved_model": "export",
    "load_saved_model": "saved_translator",
    "self_check": "checking",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tfkd.serving' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tfkd.serving.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
