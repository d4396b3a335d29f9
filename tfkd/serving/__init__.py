"""Exports, SavedModels and others: strings in, strings out, checked before anyone sees them."""

from tfkd.lazy import lazy

_PLACES = {
    "ExportRefusedError": "check_result",
    "SavedClassifier": "loading.saved_classifier",
    "SavedTranslator": "loading.saved_translator",
    "Translation": "loading.saved_translator",
    "export_classifier": "classifier_export",
    "export_language_model": "language_model_export",
    "export_saved_model": "export",
    "load_saved_model": "loading.saved_translator",
    "self_check": "checking",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
