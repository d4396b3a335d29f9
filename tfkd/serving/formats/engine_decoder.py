"""Decodes whole corpora by the engine of an export: ids in, ids out, as `tfkd.decoding.Decoder`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged
from tfkd.decoding.decoder import Decoded


class EngineDecoder:
    """An engine's outputs for sources in ids.

    The tokenizers are the model's own, whatever the export's files read otherwise.

    Args:
        engine: Of a format whose options say `searches`: with `about["limit"]` and `ranked`.
        n_best: Outputs a source.
        source: The source's tokenizer, which has its `vocabulary`.
        target: The target's.
    """

    def __init__(self, engine: Any, n_best: int, source: Any, target: Any):
        self._engine, self._n_best = engine, n_best
        self._read = list(source.vocabulary)
        self._places = {piece: place for place, piece in enumerate(target.vocabulary)}

    @property
    def limit(self) -> int:
        """The most ids of a source; more are cut off."""
        return int(self._engine.about["limit"])

    def decode(
        self, sources: Ragged, progress: Callable[[int, int], None] | None = None
    ) -> Decoded:
        """Decodes bare source ids; of fewer outputs than asked for the others are empty, with a
        score of -inf.

        Args:
            sources: One row a sentence, without specials.
            progress: Called with (rows done, rows) at the end.
        """
        rows, n = len(sources), self._n_best
        found = self._engine.ranked([[self._read[place] for place in row] for row in sources])
        scores = np.full((rows, n), -np.inf, np.float32)
        totals = np.zeros(rows, np.float32)
        ids: list[list[int]] = [[] for _ in range(rows * n)]
        for row, answers in enumerate(found):
            totals[row] = answers[0].log_probability
            for rank, one in enumerate(answers[:n]):
                scores[row, rank] = one.score
                ids[row * n + rank] = [self._places[piece] for piece in one.pieces]
        if progress is not None:
            progress(rows, rows)
        n_best = Ragged.from_rows(ids)
        return Decoded(n_best.take(np.arange(rows) * n), scores[:, 0], totals, n_best, scores)
