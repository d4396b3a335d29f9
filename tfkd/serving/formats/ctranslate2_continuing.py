"""CTranslate2's language models, which go on with what they are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.serving.formats.ctranslate2_engine import CTranslate2Engine, Hypothesis, ctranslate2


class Continuing(CTranslate2Engine):
    """A language model, which continues prompts."""

    reads = writes = "text"

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        super().__init__(folder, about)
        self._model = ctranslate2().Generator(str(folder), **self.device)

    def read(self, row: Sequence[str]) -> list[str]:
        """The start, and the last pieces of a long prompt."""
        room = self.about["limit"] - 1
        return [self.about["start"], *(row[-room:] if room else [])]

    def log_probabilities(
        self, rows: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> list[np.ndarray]:
        whole = [[*row, *one, self._end] for row, one in zip(rows, outputs, strict=True)]
        # 0: none is cut, where 1,024 pieces were the most that is scored.
        found = self._model.score_batch(whole, max_input_length=0)
        return [
            np.array(one.log_probs, np.float32)[len(row) - 1 :]
            for row, one in zip(rows, found, strict=True)
        ]

    @property
    def pieces(self) -> int:
        """The size of its vocabulary."""
        return len(self.target.vocabulary)

    def next_log_probabilities(self, rows: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """The log-probabilities of all pieces after each id of rows of ids, which are read as they
        are: float32 `[ids, pieces]` of each row."""
        found = self._model.forward_batch([list(row) for row in rows], return_log_probs=True)
        found = np.array(found, np.float32)
        return [one[: len(row)] for one, row in zip(found, rows, strict=True)]

    def _told(self, best: Hypothesis) -> float:
        """log p of what follows the prompt; of one that was cut off, without an end."""
        return best.total if best.bare is None else best.bare

    def _alike(self, row: Sequence[str]) -> int:
        # Beside shorter ones a prompt's rest is forced upon a beam, which changes the search; and
        # beside a start alone its result would have the prompt in front.
        return len(row) if self._beam > 1 else min(len(row), 2)

    def _search(
        self, rows: list[list[str]], batch: list[int], limit: int
    ) -> list[list[Hypothesis]]:
        if limit == 0:
            return [[] for _ in batch]
        found = self._model.generate_batch(
            [rows[row] for row in batch],
            **self._options,
            max_length=limit,
            min_length=min(self._least, limit),
            include_prompt_in_result=False,
        )
        return [list(map(self.hypothesis, one.sequences, one.scores)) for one in found]
