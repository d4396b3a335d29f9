"""CTranslate2's translators: a source in, its target out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.serving.formats.ctranslate2_engine import CTranslate2Engine, Hypothesis, ctranslate2


class Translating(CTranslate2Engine):
    """A translator."""

    reads, writes = "source", "target"

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        super().__init__(folder, about)
        # Folders of before have it from CTranslate2.
        self._lead, self._prefix = about.get("lead", []), about.get("prefix", [])
        self._model = ctranslate2().Translator(str(folder), **self.device)

    def read(self, row: Sequence[str]) -> list[str]:
        """As many as it has positions for; what stands around them is added when it is asked."""
        return list(row[: self.about["limit"]])

    def log_probabilities(
        self, rows: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> list[np.ndarray]:
        found = self._model.score_batch(
            [[*self._lead, *row] for row in rows],
            [[*self._prefix, *one] for one in outputs],
            max_input_length=0,
        )
        return [np.array(one.log_probs, np.float32)[len(self._prefix) :] for one in found]

    def _search(
        self, rows: list[list[str]], batch: list[int], limit: int
    ) -> list[list[Hypothesis]]:
        if limit == 0:
            return [[] for _ in batch]
        found = self._model.translate_batch(
            [[*self._lead, *rows[row]] for row in batch],
            [self._prefix] * len(batch) if self._prefix else None,
            **self._options,
            max_decoding_length=limit + len(self._prefix),
            min_decoding_length=min(self._least, limit) + len(self._prefix),
        )
        return [
            [
                self.hypothesis(pieces[len(self._prefix) :], score)
                for pieces, score in zip(one.hypotheses, one.scores, strict=True)
            ]
            for one in found
        ]
