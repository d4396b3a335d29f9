"""Specs: declared in YAML, checked before anything starts. Nothing here imports TensorFlow."""

from tfkd.lazy import lazy

_PLACES = {
    "Spec": "spec",
    "SpecError": "errors",
    "SpecErrors": "errors",
    "UserError": "errors",
    "dump_yaml": "showing",
    "json_schema": "schema",
    "listing": "listings",
    "load_spec": "spec",
    "show": "showing",
    "starter_spec": "starter",
    "validate_files": "validation",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
