"""Specs: declared in YAML, checked before anything starts. Nothing here imports TensorFlow."""

from tfkd.lazy import lazy

_PLACES = {
    "Spec": "spec",
    "SpecError": "errors",
    "SpecErrors": "errors",
    "UserError": "errors",
    "dump_yaml": "source.showing",
    "load_spec": "spec",
    "show": "source.showing",
    "validate_files": "checks.validation",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
