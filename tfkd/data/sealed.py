"""JSON files that hold their own SHA-256: no byte of one can change its meaning unseen."""

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.spec.regular_files import read_regular

SEAL = "sha256"


def seal_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a content of plain types, whatever the order of its keys."""
    # Through JSON and back, so that what was written and what is read have one form.
    plain = json.loads(json.dumps(content))
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # Paths that are no UTF-8 come as lone surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_sealed(path: str | PathLike, content: Mapping[str, Any]) -> None:
    """Writes a content of plain types, whole or not at all, with its seal as the last key."""
    sealed = {**content, SEAL: seal_of(content)}
    text = json.dumps(sealed, indent=1, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = json.dumps(sealed, indent=1)
    write_atomically(path, text)


def read_sealed(path: str | PathLike, *, required: bool = True) -> dict[str, Any]:
    """The content of a file that `write_sealed` wrote.

    Args:
        path: The file.
        required: Whether a file without a seal is refused; older versions wrote some without.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON, or has other bytes than were written.
    """
    content = json.loads(read_regular(path).decode("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("it holds no mapping")
    seal = content.pop(SEAL, None)
    if seal != seal_of(content) and (required or seal is not None):
        raise ValueError("it has other bytes than were written")
    return content
