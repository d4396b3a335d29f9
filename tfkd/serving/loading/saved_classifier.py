"""A SavedModel of a classifier as a Python object: lines in, labels out, in order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tfkd.serving.batches import batches
from tfkd.serving.loading.line_fields import MARK, fields_of, has_text
from tfkd.serving.loading.signature import Signature


class Label(NamedTuple):
    """A class and its probability."""

    text: str
    score: float


class SavedClassifier:
    """Calls a loaded SavedModel's `serving_default` in batches of lines of like length.

    Args:
        folder: The version folder.
        signatures: The SavedModel's, by name.

    Attributes:
        inputs: What a line's fields are, apart by tabs: `text`, and `text_b` or `mark`.
        classes: The names of the classes in the order of probabilities.
        choices: What it lets its callers choose: nothing.
    """

    choices: Mapping[str, int] = MappingProxyType({})

    def __init__(self, folder: Path, signatures: Mapping[str, Signature]):
        self.folder = folder
        self.signatures = signatures
        self._call = signatures["serving_default"]
        self.inputs = [name for name in ("text", "text_b", MARK) if name in self._call.takes]
        self.classes = [one.decode("utf-8") for one in signatures["classes"]()["classes"]]

    def translate(self, lines: Sequence[str]) -> list[Label]:
        """Returns one label a line, in order; see `inputs`. A line without a text has none: an
        empty label of probability 0, where the model would answer with a class all the same.

        Raises:
            UserError: A line has other fields.
        """
        rows = [fields_of(line, self.inputs) for line in lines]
        read = [place for place, row in enumerate(rows) if has_text(row)]
        found = [Label("", 0.0)] * len(rows)
        probabilities = self.probabilities([rows[place] for place in read])
        for place, row in zip(read, probabilities, strict=True):
            best = int(row.argmax())
            found[place] = Label(self.classes[best], float(row[best]))
        return found

    def probabilities(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """float32 `[rows, classes]` of rows of `inputs`."""
        found = np.zeros((len(rows), len(self.classes)), np.float32)
        encoded = [
            {
                name: row[name] if name == MARK else row[name].encode("utf-8", "replace")
                for name in self.inputs
            }
            for row in rows
        ]
        texts = [name for name in self.inputs if name != MARK]
        for batch in batches([sum(len(row[name]) for name in texts) for row in encoded]):
            given = {name: [encoded[i][name] for i in batch] for name in self.inputs}
            found[batch] = self._call(**given)["probabilities"]
        return found
