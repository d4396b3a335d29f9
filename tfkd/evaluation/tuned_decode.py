"""A decoding that was chosen on validation, as results.json tells of it."""

from collections.abc import Mapping
from typing import Any


def decode_as_asked(entry: Mapping[str, Any], decode: Any = None) -> dict[str, Any] | None:
    """How an evaluation asks to be decoded: with `choose`, what was tried stands in the place of
    what was chosen, so that models that were tuned alike are decoded alike.

    Args:
        entry: One of results.json's `evaluations`.
        decode: Another decoding of it, the baseline's; None: its own.
    """
    choose = entry.get("choose")
    if not choose:
        return decode if decode is not None else entry.get("decode")
    asked: dict[str, Any] = dict(entry["decode"])
    by = choose["by"]
    for path, values in choose.items():
        if path != "by":
            _set(asked, path.split(".")[1:], f"best of {', '.join(map(str, values))} by {by}")
    return asked


# What entries have in common that differ in their seed alone, beside how they are decoded.
COMPARED_BY = (
    "of", "export", "variant", "on", "context", "tokenize", "lower_case", "tokenized", "rouge",
)  # fmt: skip


def comparison_key(entry: Mapping[str, Any]) -> str:
    """The same of all evaluations that differ in their seed alone, and of what is said of them all.

    Args:
        entry: One of results.json's `evaluations` or `over_seeds`.
    """
    against = entry.get("against") or {}
    alike = [entry.get(name) for name in COMPARED_BY]
    alike += [decode_as_asked(entry), decode_as_asked(entry, against.get("decode"))]
    return repr([*alike, *(against.get(name) for name in ("of", "variant"))])


def _set(decode: dict[str, Any], keys: list[str], words: str) -> None:
    key, *rest = keys
    if not rest:
        decode[key] = words
        return
    inner = decode.get(key)
    decode[key] = dict(inner) if isinstance(inner, dict) else {}
    _set(decode[key], rest, words)
