"""An exported model that fills in words, with Mask-Predict's loop in NumPy around its graphs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tfkd.decoding.numpy_decoding import log_softmax, penalty
from tfkd.serving.formats.exported_tokenizer import ExportedTokenizer
from tfkd.serving.formats.run import Run
from tfkd.serving.loading.saved_translator import Translation

# What P3's and Mask-Predict's code take for the shortest output: a word and [SEP].
_SHORTEST = 2


class Filled(NamedTuple):
    """An output's ids, without its end, and its score."""

    ids: list[int]
    score: float


class FillEngine:
    """Translates lines: the encoder once, then passes of the decoder, a sentence at a time.

    Args:
        folder: The export's folder.
        about: Its `export.json`.
        runs: Its files, `encoder` and `decoder`; see `tfkd.serving.formats.piece`.

    Attributes:
        source, target: The tokenizers.
        choices: What it lets its callers choose: nothing.
    """

    choices: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, folder: Path, about: Mapping[str, Any], runs: Mapping[str, Run]):
        self.folder, self.about = Path(folder), about
        self._encoder, self._decoder = runs["encoder"], runs["decoder"]
        self.source, self.target = (
            ExportedTokenizer(self.folder, about, side) for side in ("source", "target")
        )

    def translate(self, lines: Sequence[str]) -> list[Translation]:
        """An output a line, in order; see `Engine`. A line without a token has an empty one."""
        found = [self.answer(row) for row in self.source.text.ids(lines)]
        pieces = ([self.target.vocabulary[one] for one in answer.ids] for answer in found)
        return [
            Translation(self.target.text.decode(row), answer.score)
            for row, answer in zip(pieces, found, strict=True)
        ]

    def limit(self, tokens: int) -> int:
        """The most tokens of an output, of a source's; see `tfkd.decoding.LengthLimit`."""
        length, tokens = self.about["max_length"], min(tokens, self.about["limit"])
        grown = np.float32(tokens) * np.float32(length["factor"]) + np.float32(length["plus"])
        return min(int(np.floor(grown)), self.about["most"]) if tokens else 0

    def encode(self, ids: Sequence[int]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The logits of lengths, float32 `[lengths]`, and the state that passes read, of a source's
        bare ids."""
        row = np.array([[*ids[: self.about["limit"]], self.about["source_end"]]], np.int32)
        found = dict(self._encoder(ids=row, valid=np.ones_like(row)))
        return found.pop("length_logits")[0], found

    def words(
        self, state: Mapping[str, np.ndarray], rows: Sequence[np.ndarray], places: Sequence[Any]
    ) -> list[np.ndarray]:
        """A pass: the words' log-probabilities float64 `[places, vocabulary]` of each row at its
        places, those that are forbidden at -inf.

        Args:
            state: From `encode`, of one source.
            rows: Targets, some of whose ids are [MASK].
            places: Of each row.
        """
        if self.about["one_by_one"]:
            pairs = zip(rows, places, strict=True)
            found = [self._pass(state, [row], [at])[0] for row, at in pairs]
        else:
            found = self._pass(state, rows, places)
        for logits in found:
            logits[:, self.about["forbidden"]] = -np.inf
        return [log_softmax(logits) for logits in found]

    def _pass(self, state: Any, rows: Sequence[np.ndarray], places: Sequence[Any]) -> list[Any]:
        width, most = max(map(len, rows)), max(map(len, places))
        ids, valid = (np.zeros((len(rows), width), np.int32) for _ in range(2))
        asked = np.zeros((len(rows), most), np.int32)
        for number, (row, at) in enumerate(zip(rows, places, strict=True)):
            ids[number, : len(row)], valid[number, : len(row)] = row, 1
            asked[number, : len(at)] = at
        read = {name: np.repeat(one, len(rows), 0) for name, one in state.items()}
        logits = self._decoder(ids=ids, valid=valid, places=asked, **read)["logits"]
        pairs = zip(logits, places, strict=True)
        return [one[: len(at)].astype(np.float64) for one, at in pairs]

    def answer(self, ids: Sequence[int]) -> Filled:
        """The best candidate of a source's bare ids; see `tfkd.decoding.mask_predict`."""
        limit = self.limit(len(ids))
        if limit == 0:
            return Filled([], 0.0)
        logits, state = self.encode(ids)
        rows = [
            np.full(length, self.about["mask"], np.int32) for length in self._lengths(logits, limit)
        ]
        sure = [np.zeros(len(row)) for row in rows]
        live, iterations = list(range(len(rows))), self.about["iterations"]
        for index in range(self.about["passes"]):
            hidden = [self._hidden(sure[at], max(iterations - index, 0)) for at in live]
            given = []
            for at, places in zip(live, hidden, strict=True):
                given.append(rows[at].copy())
                given[-1][places] = self.about["mask"]
            found = self.words(state, given, hidden)
            before = {at: rows[at].copy() for at in live}
            for at, places, words in zip(live, hidden, found, strict=True):
                rows[at][places], sure[at][places] = words.argmax(1), words.max(1)
            if self.about["stop_when_stable"]:
                live = [at for at in live if (rows[at] != before[at]).any()]
                if not live:
                    break
        scores = [self._score(each) for each in sure]
        best = int(np.argmax(scores))
        return Filled(self._cut(rows[best].tolist()), scores[best])

    def _lengths(self, logits: np.ndarray, limit: int) -> list[int]:
        """The likeliest lengths, the end counted; none twice, and none below 2."""
        numbers = np.arange(1, min(limit + 2, len(logits)))
        best = numbers[np.argsort(-logits[numbers], kind="stable")]
        best = best[: self.about["length_candidates"]]
        return list(dict.fromkeys(max(int(one), _SHORTEST) for one in best))

    def _hidden(self, sure: np.ndarray, left: int) -> np.ndarray:
        """The places of the least sure words, in their order."""
        count = max(1, len(sure) * left // self.about["iterations"])
        return np.sort(np.argsort(sure, kind="stable")[:count])

    def _score(self, sure: np.ndarray) -> float:
        alpha = self.about["length_penalty"]
        return float(sure.sum() / (len(sure) if alpha is None else penalty(len(sure), alpha)))

    def _cut(self, ids: list[int]) -> list[int]:
        """What stands before the first end."""
        ends = self.about["end"], self.about["start"]
        stops = [at for at, one in enumerate(ids) if one in ends]
        return ids[: stops[0]] if stops else ids
