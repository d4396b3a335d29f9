"""Specs: declared in YAML, checked before anything starts. Nothing here imports TensorFlow."""

import importlib
from typing import Any

_PLACES = {
    "Spec": "spec",
    "SpecError": "errors",
    "SpecErrors": "errors",
    "UserError": "errors",
    "dump_yaml": "yaml_writer",
    "json_schema": "schema",
    "listing": "listings",
    "load_spec": "spec",
    "show": "showing",
    "starter_spec": "starter",
    "validate_files": "validation",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tfkd.spec' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tfkd.spec.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
