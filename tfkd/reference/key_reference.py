"""What a spec's keys are, read from its JSON schema: type, default, unit, meaning, example."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfkd.reference.key_units import EXAMPLES, UNITS
from tfkd.spec import registry

REQUIRED = object()
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_REFERENCE = "#/$defs/"


@dataclass(frozen=True)
class Key:
    """One key of a mapping in a spec.

    Attributes:
        name: As it stands in YAML.
        type: What its value may be, like `integer ≥ 1 or null`.
        default: Its value where it is left out, or `REQUIRED`.
        unit: What a number counts or measures; None where the value is no number.
        description: A sentence on what it does.
        example: A value in plain types, or None where the schema suggests none.
        refers: The titles of the mappings that may stand in it.
    """

    name: str
    type: str
    default: Any
    unit: str | None
    description: str
    example: Any
    refers: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A mapping that may stand in a spec: the options of one class.

    Attributes:
        title: The schema's title of it, the name of its pydantic model.
        name: What it is called in specs, where it is registered; else None.
        description: What it does.
        keys: Its keys, in the order of the schema.
    """

    title: str
    name: str | None
    description: str
    keys: tuple[Key, ...]


def blocks(schema: Mapping[str, Any]) -> dict[str, Block]:
    """All mappings with keys of their own in a schema of specs, by title.

    Args:
        schema: What `tfkd.reference.json_schema()` returns.
    """
    definitions = schema["$defs"]
    names = {entry.options.__name__: entry.name for kind in registry.KINDS
             for entry in registry.entries(kind) if entry.options.model_fields}  # fmt: skip
    found: dict[str, Block] = {}
    for part in _mappings(schema):
        title = part["title"]
        required = part.get("required", ())
        keys = tuple(
            _key(title, name, field, name in required, definitions)
            for name, field in part["properties"].items()
        )
        found.setdefault(title, Block(title, names.get(title), part.get("description", ""), keys))
    return found


def _mappings(schema: Any) -> list[dict[str, Any]]:
    """Everything in a schema that has a title and properties, outermost first."""
    if isinstance(schema, list):
        return [part for one in schema for part in _mappings(one)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "title" in schema and isinstance(schema.get("properties"), dict) else []
    return own + [part for one in schema.values() for part in _mappings(one)]


def _key(
    title: str, name: str, field: dict[str, Any], required: bool, definitions: Mapping[str, Any]
) -> Key:
    default = field.get("default", REQUIRED if required else None)
    said = _said(field, definitions)
    unit = field.get("unit", UNITS.get(f"{title}.{name}", UNITS.get(name)))
    return Key(
        name=name,
        type=" or ".join(dict.fromkeys(said)),
        default=default,
        unit=unit if _is_numeric(field) else None,
        description=field.get("description", ""),
        example=_example(title, name, field, default),
        refers=tuple(dict.fromkeys(_refers(field, definitions))),
    )


def _is_numeric(field: dict[str, Any]) -> bool:
    """Whether a number may stand in it: as its value, or within a list or a mapping."""
    inner = [*field.get("anyOf", ()), field.get("items"), field.get("additionalProperties")]
    kinds = field.get("type", [])
    return bool({"integer", "number"} & {*([kinds] if isinstance(kinds, str) else kinds)}) or any(
        _is_numeric(one) for one in inner if isinstance(one, dict)
    )


def _example(title: str, name: str, field: dict[str, Any], default: Any) -> Any:
    """What the schema or the table gives, else a value other than the default, else the default."""
    for given in (field.get("examples"), EXAMPLES.get(f"{title}.{name}"), EXAMPLES.get(name)):
        if given:
            return given[0]
    if "const" in field:
        return field["const"]
    choices = [one for kind in (field, *field.get("anyOf", ())) for one in kind.get("enum", ())]
    others = [one for one in choices if one != default]
    if others:
        return others[0]
    if field.get("type") == "boolean":
        return not default
    return None if default is REQUIRED else default


def _said(field: dict[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    """The kinds of values that a field takes, in words."""
    if "$ref" in field:
        found = definitions[field["$ref"].removeprefix(_REFERENCE)]
        return [found.get("title") or _named(field["$ref"])]
    for key in ("anyOf", "oneOf"):
        if key in field:
            said = [word for one in field[key] for word in _said(one, definitions)]
            single = [word for word in said if word != "null" and not word.startswith("list of")]
            several = f"list of {_plural(' or '.join(single))}"
            said = ["a list of these" if word == several else word for word in said]
            return [word for word in said if word != "null"] + ["null"] * ("null" in said)
    if "const" in field:
        return [f"`{_yaml(field['const'])}`"]
    if "enum" in field:
        return [f"`{_yaml(one)}`" for one in field["enum"]]
    kind = field.get("type", "any value")
    if isinstance(kind, list):
        return [word for one in kind for word in _said({**field, "type": one}, definitions)]
    if kind == "array":
        items = field.get("items") or {}
        inner = " or ".join(dict.fromkeys(_said(items, definitions))) if items else "values"
        if "prefixItems" in field:
            said = (word for one in field["prefixItems"] for word in _said(one, definitions))
            inner = " or ".join(dict.fromkeys(said))
        return [f"list of {_plural(inner)}"]
    if kind == "object":
        values = field.get("additionalProperties")
        if isinstance(values, dict) and values:
            return [f"mapping of names to {' or '.join(dict.fromkeys(_said(values, definitions)))}"]
        return [field.get("title", "mapping")]
    bounds = [f"{sign} {field[key]:g}" for key, sign in _BOUNDS.items()
              if key in field and abs(field[key]) < 2**31 - 1]  # fmt: skip
    return [" ".join([kind, ", ".join(bounds)]).rstrip()]


def _plural(words: str) -> str:
    return re.sub(r"(^| or )(string|integer|number|boolean|list|mapping)\b", r"\1\2s", words)


def _named(reference: str) -> str:
    """A definition that is a choice of classes: `decode`, `optimizer`, `view`."""
    return f"{reference.removeprefix(_REFERENCE)} options"


def _yaml(value: Any) -> str:
    plain = not isinstance(value, bool) and any(map(str.isalnum, str(value)))
    return str(value) if plain else json.dumps(value)


def _refers(field: Any, definitions: Mapping[str, Any]) -> list[str]:
    """The titles of the definitions with keys that a field names, and the names of choices."""
    if isinstance(field, list):
        return [title for one in field for title in _refers(one, definitions)]
    if not isinstance(field, dict):
        return []
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REFERENCE)
        return [definitions[name].get("title", name)]
    own = [field["title"]] if field.get("properties") and "title" in field else []
    return own + [title for one in field.values() for title in _refers(one, definitions)]
