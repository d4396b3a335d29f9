"""pydantic's faults in words that say what was written and what was expected."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_LONGEST = 60
# What divides the words that were expected from what is said of others.
NOTE = "; "

# What each type of fault expected, as far as it names a type.
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
}
# The limits of numbers and lengths: what is wrong with the value, and the key of the limit.
_LIMITS = {
    "greater_than": ("too small", "more than", "gt"),
    "greater_than_equal": ("too small", "at least", "ge"),
    "less_than": ("too large", "less than", "lt"),
    "less_than_equal": ("too large", "at most", "le"),
}


def explain(faults: Sequence[Mapping[str, Any]]) -> tuple[str, str, list[str]]:
    """What is wrong with one value, what was expected, and the words it may have meant.

    Args:
        faults: All that pydantic says about the value: several where it fits no branch of a union.
    """
    stated = [fault for fault in faults if fault["type"] not in _EXPECTED]
    # A branch of the right type knows more than one of the wrong type.
    faults = [fault for fault in stated if fault["type"] != "literal_error"] or list(faults)
    parts = [_one(fault) for fault in faults]
    message = parts[0][0]
    expected = list(dict.fromkeys(expected for _, expected, _ in parts if expected))
    words = [word for _, _, among in parts for word in among]
    return message, " or ".join(expected), words


def _one(fault: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    kind, written, context = fault["type"], fault.get("input"), fault.get("ctx") or {}
    if kind in _EXPECTED:
        return _typed(written), _EXPECTED[kind], []
    if kind in _LIMITS:
        wrong, than, key = _LIMITS[kind]
        return f"{shown(written)} is {wrong}", f"{than} {_number(context[key])}", []
    if kind == "literal_error":
        listed, _, note = str(context.get("expected", "")).partition(NOTE)
        words = _words(listed)
        expected = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
        return f"found {shown(written)}", expected + (note and f"; {note}"), words
    if kind in ("too_short", "too_long"):
        limit = context["min_length"] if kind == "too_short" else context["max_length"]
        least = "at least" if kind == "too_short" else "at most"
        count = context["actual_length"] or len(written)
        return f"{count} entries" if count != 1 else "1 entry", f"{least} {limit}", []
    if kind == "string_too_short":
        return "empty text", "", []
    if kind == "string_too_long":
        return f"{shown(written)} is too long", f"at most {context['max_length']} characters", []
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:], "", []


def shown(value: Any) -> str:
    """A value as it may stand in a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict | BaseModel):
        return "a mapping"
    text = repr(value).removesuffix(".0") if isinstance(value, float) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{text[-1]}"


def cut(text: str, longest: int = 200) -> str:
    """A file's name or a reference as it may stand in a message, without quotes where it can."""
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def described(field: Any) -> str:
    """A field's description as it may stand within a sentence."""
    text = (field.description or "").rstrip(".") if field is not None else ""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _typed(value: Any) -> str:
    if isinstance(value, str):
        return f"{shown(value)} is text"
    if isinstance(value, float) and math.isfinite(value):
        return f"{shown(value)} is no whole number"
    return f"found {shown(value)}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def keys_of(model: type[BaseModel], location: Sequence[Any]) -> dict[str, Any]:
    """Keys and fields of the options at a location, as far as annotations tell."""
    current: list[type[BaseModel]] = [model]
    for key in location:
        fields = [
            field
            for one in current
            for name, field in one.model_fields.items()
            if key in (name, field.alias)
        ]
        if fields:
            current = [one for field in fields for one in _models(field.annotation)]
        elif len(named := [one for one in current if one.__name__ in str(key)]) == 1:
            current = named  # a branch of a union, by its name
    return {
        field.alias or name: field for one in current for name, field in one.model_fields.items()
    }


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [_models(part) for part in getattr(annotation, "__args__", ())]
    return [one for part in found for one in part]


def a(kind: str) -> str:
    """A kind with its article: "a bert", "an abnet", and "an rnn", which is spelt out."""
    vowels = "aeiou" if set(kind) & set("aeiou") else "aefhilmnorsx"
    return f"{'an' if kind[:1] in vowels else 'a'} {kind}"
