"""Fingerprints: what a stage's result depends on, as a short hash."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LENGTH = 16


def canonical(value: Any) -> str:
    """A value of plain types as JSON with sorted keys: equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"Invalid value for a fingerprint. Expected plain types. Received: {value!r}")


def fingerprint(kind: str, identity: Mapping[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a stage's kind and identity.

    Args:
        kind: The stage's kind, for example `train`.
        identity: All that the result depends on: options with defaults filled, revisions of
            classes, the inputs' fingerprints and hashes of data. No name, device or date.
    """
    text = canonical({"kind": kind, "identity": identity})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:LENGTH]
