"""An exported tokenizer in the place of the one that it was written from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.ragged import Ragged
from tfkd.data.strict_json import read_json
from tfkd.serving.formats.text_files import VOCABULARY, TextFiles


class ExportedTokenizer:
    """A tokenizer as its exported files have it, with what encodes corpora asks of one.

    Args:
        folder: The export's.
        about: Its `export.json`.
        side: `text`, `source` or `target`.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], side: str = "text"):
        said = about["tokenizers"][side]
        self.vocabulary = read_json(folder / side / VOCABULARY)
        self.text = TextFiles(
            folder / side, said, self.vocabulary, said["special"], said["unknown"]
        )
        self.size = len(self.vocabulary)
        self.unknown_id = self.vocabulary.index(said["unknown"])
        self.before_word = about.get("before_word", "")
        self.fingerprint = lambda: "exported"

    def encode(self, lines: Sequence[str]) -> Ragged:
        """Bare ids."""
        return Ragged.from_rows(self.text.ids(lines))
