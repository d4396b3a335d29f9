"""An exported model with labels that computes on ids, as an object that answers lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.text.marked_text import joined
from tfkd.data.views import ClassifyView
from tfkd.data.views.tags import TagView
from tfkd.data.words import WORDS, WordPieces
from tfkd.serving.batches import batches
from tfkd.serving.formats.exported_tokenizer import ExportedTokenizer
from tfkd.serving.formats.run import Run
from tfkd.serving.loading.line_fields import MARK, fields_of, has_text
from tfkd.serving.loading.saved_classifier import Label
from tfkd.spec.errors import UserError

_TEXT = "text"
Record = Mapping[str, np.ndarray]


class LabelEngine:
    """Answers lines with labels, and records with log-probabilities.

    Args:
        folder: The export's folder.
        about: Its `export.json`.
        runs: Its file, `model`: `ids`, `types`, `valid`, `places` to `logits`.

    Attributes:
        inputs: What a line's fields are, apart by tabs: `text`, and `text_b` or `mark`.
        classes: The names of the classes in the order of log-probabilities.
        choices: What it lets its callers choose: nothing.
        speechless: Why it answers no line; None: it does.
    """

    choices: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, folder: Path, about: Mapping[str, Any], runs: Mapping[str, Run]):
        self.folder, self.about, self._run = Path(folder), about, runs["model"]
        self.inputs, self.classes = about["inputs"], about["classes"]
        self.tokenizer = ExportedTokenizer(self.folder, about)
        self.speechless = None
        if about["encodes"]:
            self.speechless = (
                "an encoder, which writes no text; its states are read as the program in its "
                "README.md does"
            )
        elif about["places"] is None:
            self.speechless = (
                "which places of a text have labels, the task alone knows, a plugin's. Evaluations "
                "of this export read them by it: evaluate: {of: STAGE, export: NAME, ...}"
            )
        names = self.tokenizer.vocabulary
        special = tuple(names.index(one) for one in about["tokenizers"][_TEXT]["special"])
        specials = Specials(
            about["pad"], self.tokenizer.unknown_id, about["start"], about["end"], -1, special,
            self.tokenizer.size, separators=about["separators"],
        )  # fmt: skip
        shared = {"classes": len(self.classes), "max_length": about["limit"], "name": _TEXT}
        if about["places"] == WORDS:
            self._view: Any = TagView(_TEXT, specials, **shared)
        elif about["places"] is not None:
            self._view = ClassifyView(_TEXT, specials, read=about["places"], **shared)

    def translate(self, lines: Sequence[str]) -> list[Label]:
        """A label a line, in order; of words a label for each, with spaces between, and the mean
        of their probabilities. A line without a text has none, and probability 0.

        Raises:
            UserError: A line has other fields; or its task alone knows how it is read.
        """
        return self.answers([fields_of(line, self.inputs) for line in lines])

    def answers(self, rows: Sequence[Mapping[str, Any]]) -> list[Label]:
        """The same of rows by the names of `inputs`."""
        found = [Label("", 0.0)] * len(rows)
        read = [place for place, row in enumerate(rows) if has_text(row)]
        texts = [name for name in self.inputs if name != MARK]
        for batch in batches([sum(len(rows[place][name]) for name in texts) for place in read]):
            places = [read[one] for one in batch]
            record = self.record([rows[place] for place in places])
            said, row_of = self.log_probabilities(record), np.nonzero(record["selected"])[0]
            for row, place in enumerate(places):
                own = said[row_of == row]
                if len(own):
                    names = " ".join(self.classes[best] for best in own.argmax(1))
                    found[place] = Label(names, float(np.exp(own.max(1)).mean()))
        return found

    def record(self, rows: Sequence[Mapping[str, Any]]) -> Record:
        """Rows as the model reads them: `ids`, `types` int32, `valid`, `selected` bool
        `[rows, length]`.

        Raises:
            UserError: Its task alone knows how they are read.
        """
        if self.speechless is not None:
            raise UserError(f"{self.folder}: {self.speechless}")
        part = Part("lines", self._fields(rows), len(rows))
        return self._view(ExampleSet([part]), np.arange(len(rows)), 0, 0)

    def _fields(self, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Ragged]:
        texts = [row["text"] for row in rows]
        if self.about["places"] == WORDS:
            return {
                (field, _TEXT): WordPieces(self.tokenizer, field == WORDS).encode(texts)
                for field in (_TEXT, WORDS)
            }
        if self.about["places"] == MARK:
            marks = [row[MARK] for row in rows]
            cut = list(zip(texts, marks, strict=True))
            before = self.tokenizer.encode([text[:mark] for text, mark in cut])
            rest = self.tokenizer.encode([text[mark:] for text, mark in cut])
            places = Ragged.from_rows(before.lengths[:, None])
            return {(_TEXT, _TEXT): joined(before, rest), (MARK, _TEXT): places}
        names = [name for name in self.inputs if name != MARK]
        return {(name, _TEXT): self.tokenizer.encode([row[name] for row in rows]) for name in names}

    def log_probabilities(self, record: Record) -> np.ndarray:
        """float32 `[labels, classes]` at the selected positions of a record, row by row."""
        selected = np.asarray(record["selected"])
        if not selected.any():
            return np.zeros((0, len(self.classes)), np.float32)
        if not self.about["one_by_one"]:
            return self._asked(record, np.flatnonzero(selected.any(1)), selected.shape[1])
        lengths = np.asarray(record["valid"]).sum(1)
        rows = np.flatnonzero(selected.any(1))
        return np.concatenate([self._asked(record, [row], lengths[row]) for row in rows])

    def whole(self, text: str) -> Record:
        """A text between its start and its end, as an encoder reads it: a record of one row, which
        is cut where it is too long."""
        bare = self.tokenizer.text.ids([text])[0][: self.about["limit"] - 2]
        ids = np.array([[self.about["start"], *bare, self.about["end"]]], np.int32)
        return {"ids": ids, "types": np.zeros_like(ids), "valid": np.ones_like(ids)}

    def states(self, record: Record) -> np.ndarray:
        """Of an encoder the states of a record's one row: float32 `[length, width]`."""
        given = {name: np.asarray(record[name], np.int32) for name in ("ids", "types", "valid")}
        return self._run(**given, places=np.zeros((1, 1), np.int32))["hidden"][0]

    def _asked(self, record: Record, rows: Any, width: int) -> np.ndarray:
        """Of some rows, up to a width; each has a label."""
        selected = np.asarray(record["selected"])[rows, :width]
        counts = selected.sum(1)
        wanted = np.arange(counts.max()) < counts[:, None]
        places = np.zeros(wanted.shape, np.int32)
        places[wanted] = np.nonzero(selected)[1]
        given = {
            name: np.ascontiguousarray(np.asarray(record[name])[rows, :width], np.int32)
            for name in ("ids", "types", "valid")
        }
        logits = self._run(**given, places=places)["logits"][wanted].astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
