"""The part of JSON Schema that the spec's schema uses, checked independently of pydantic."""

import re
from typing import Any

KNOWN = {
    "$ref", "$defs", "$schema", "title", "description", "default", "type", "properties", "required",
    "additionalProperties", "propertyNames", "patternProperties", "items", "anyOf", "not", "const",
    "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems",
    "maxItems", "minLength", "maxLength", "minProperties", "deprecated", "discriminator", "oneOf",
    "examples", "unit",
}  # fmt: skip
TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
    "object": dict, "null": type(None),
}  # fmt: skip


def fits(schema: Any, value: Any, root: dict[str, Any]) -> bool:
    """Whether a value fits a schema; every keyword that it does not know is an error."""
    if isinstance(schema, bool):
        return schema
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema and not fits(_at(root, schema["$ref"]), value, root):
        return False
    if "anyOf" in schema and not any(fits(one, value, root) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(fits(one, value, root) for one in schema["oneOf"]) != 1:
        return False
    if "not" in schema and fits(schema["not"], value, root):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "type" in schema and not _of_type(schema["type"], value):
        return False
    if isinstance(value, dict):
        return _mapping_fits(schema, value, root)
    if isinstance(value, list):
        in_bounds = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return in_bounds and all(fits(schema.get("items", True), item, root) for item in value)
    if isinstance(value, str):
        in_bounds = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return in_bounds and (re.search(schema.get("pattern", ""), value) is not None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and schema.get("exclusiveMinimum", value - 1) < value
            and value < schema.get("exclusiveMaximum", value + 1)
        )
    return True


def _mapping_fits(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> bool:
    if not set(schema.get("required", ())) <= set(value):
        return False
    if len(value) < schema.get("minProperties", 0):
        return False
    if not all(fits(schema.get("propertyNames", True), key, root) for key in value):
        return False
    properties = schema.get("properties", {})
    return all(
        fits(properties.get(key, schema.get("additionalProperties", True)), item, root)
        for key, item in value.items()
    )


def _of_type(types: Any, value: Any) -> bool:
    names = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, TYPES[name]) for name in names)


def _at(root: dict[str, Any], reference: str) -> Any:
    found: Any = root
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return found
