"""Values as YAML has them on one line."""

import json
from collections.abc import Mapping
from typing import Any

import yaml


def flow(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}" if value >= 1e-3 else _small(value) if value else "0.0"
    if not isinstance(value, str):
        return str(value)
    plain = value.strip("./_-") and all(one.isalnum() or one in "_-./" for one in value)
    # A folder may be called 2024, null or on, which YAML reads as something else.
    plain = plain and isinstance(yaml.safe_load(value), str)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _small(value: float) -> str:
    """A small number as YAML reads it: 1e-5, or 1.5e-5."""
    mantissa, _, exponent = f"{value:.10e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
