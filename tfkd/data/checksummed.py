"""JSON files that hold their own SHA-256: no byte of one can change its meaning unseen."""

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json

CHECKSUM = "sha256"


def checksum_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a content of plain types, whatever the order of its keys."""
    # Through JSON and back, so that what was written and what is read have one form.
    plain = json.loads(json.dumps(content))
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # Paths that are no UTF-8 come as lone surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_checksummed(
    path: str | PathLike, content: Mapping[str, Any], *, finite: bool = True
) -> None:
    """Writes a content of plain types, whole or not at all, with its checksum as the last key.

    Args:
        path: The file.
        content: What is written.
        finite: Whether NaN and infinity, which are no JSON, are refused.

    Raises:
        ValueError: It holds one of them.
    """
    written = {**content, CHECKSUM: checksum_of(content)}
    text = json.dumps(written, indent=1, ensure_ascii=False, allow_nan=not finite)
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = json.dumps(written, indent=1, allow_nan=not finite)
    write_atomically(path, text)


def read_checksummed(
    path: str | PathLike, *, required: bool = True, finite: bool = True
) -> dict[str, Any]:
    """The content of a file that `write_checksummed` wrote.

    Args:
        path: The file.
        required: Whether a file without a checksum is refused; older versions wrote some without.
        finite: Whether NaN and infinity are refused.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no strict JSON, or has other bytes than were written.
    """
    content = read_json(path, finite=finite)
    if not isinstance(content, dict):
        raise ValueError("it holds no mapping")
    checksum = content.pop(CHECKSUM, None)
    if checksum != checksum_of(content) and (required or checksum is not None):
        raise ValueError("it has other bytes than were written")
    return content
