"""The description of a soft-target store: what it holds, of which corpus, in which words."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import parse_json
from tfkd.spec.errors import UserError

FILE = "manifest.json"
FORMAT = "tfkd soft targets"
VERSION = 1


@dataclass(frozen=True)
class Shard:
    """One file of a store.

    Attributes:
        file: Its name.
        first, last: The examples first ... last - 1.
        rows: Tokens in it.
        absent: Ranges [from, to) of examples that have no rows.
        sha256: Of the file.
        sums: Sums over its tokens of what the teacher's metrics are made of.
    """

    file: str
    first: int
    last: int
    rows: int
    absent: list[list[int]]
    sha256: str
    sums: dict[str, float]


@dataclass(frozen=True)
class Header:
    """What a store is of.

    Attributes:
        corpus: The scored corpus's fingerprint.
        vocabulary: The fingerprint of the vocabulary that the ids belong to.
        vocabulary_size: V; ids take 2 bytes up to 65,536 and 4 above.
        top_k: K.
        examples: Examples of the corpus.
        details: How it was made: reading, passes, the stage. What only one of two stores says is no
            difference between them: older ones say less.
    """

    corpus: str
    vocabulary: str
    vocabulary_size: int
    top_k: int
    examples: int
    details: dict[str, Any] = field(default_factory=dict)

    def differs(self, other: "Header") -> str | None:
        """The name of the first field in which two headers differ."""
        for one in fields(self):
            ours, theirs = getattr(self, one.name), getattr(other, one.name)
            if one.name == "details":
                both = ours.keys() & theirs.keys()
                ours, theirs = ({key: side[key] for key in both} for side in (ours, theirs))
            if ours != theirs:
                return one.name
        return None


@dataclass(frozen=True)
class Manifest:
    """A header, the shards that are whole, and whether they are all."""

    header: Header
    shards: list[Shard]
    complete: bool = False

    @property
    def rows(self) -> int:
        """Tokens that have soft targets."""
        return sum(shard.rows for shard in self.shards)

    def write(self, folder: Path) -> None:
        """Writes `manifest.json`, whole or not at all."""
        write_atomically(folder / FILE, _text(asdict(self)))


def read_manifest(folder: Path) -> Manifest:
    """Reads a store's manifest.

    Raises:
        UserError: It is missing, not a manifest, of another version, or changed since it was
            written.
    """
    path = folder / FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{folder}: no soft targets here ({FILE} is missing); score the teacher first"
        ) from None
    try:
        # A teacher's sums may have come out as no numbers.
        content = parse_json(text, finite=False)
        other = content["version"] if content["format"] == FORMAT else VERSION
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    if other != VERSION:
        raise UserError(
            f"{path}: soft targets of format {other}, and this tfkd reads {VERSION}; score the "
            "teacher again"
        )
    try:
        header, shards, complete = content["header"], content["shards"], content["complete"]
        manifest = Manifest(Header(**header), [Shard(**shard) for shard in shards], complete)
    except (KeyError, TypeError):
        raise _damaged(path) from None
    if _text(asdict(manifest)).encode() != text:
        raise _damaged(path)
    return manifest


def _text(content: Mapping[str, Any]) -> str:
    """The file's text: its content, and the SHA-256 of that content."""
    content = {"format": FORMAT, "version": VERSION, **content}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest}, indent=1) + "\n"


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path}: damaged: it is not as it was written; remove {path.parent} and score again"
    )
