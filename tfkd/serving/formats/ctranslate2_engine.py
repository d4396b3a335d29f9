"""A folder of CTranslate2 as an object that answers lines, by the same searches as tfkd's own.

CTranslate2's beam search keeps finished hypotheses as ours does. It knows no GNMT length penalty:
where there is one, it goes on until it has found `patience` times `beam` hypotheses, with log p as
their scores, and the best by our score is taken here; ours goes on until no other can be better. At
the limit of an output's length ours lets the end alone follow, at its own probability: what
CTranslate2 cuts off there is scored so, too, but of all pieces, where ours has no special ones.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.strict_json import read_json
from tfkd.decoding.numpy_decoding import penalty
from tfkd.serving.formats.text_files import TextFiles
from tfkd.serving.loading.saved_translator import Translation
from tfkd.spec.errors import UserError

ROWS = 64
# An exponent by which no score changes, and that keeps a search from ending at its first output.
NO_PENALTY = 1e-30


def patience(alpha: float) -> int:
    """How many times as many hypotheses as beams are looked for, of which the best is taken by a
    length penalty: the larger its exponent, the later the best may come. Of 150 captions' outputs
    none was worse than those of 12 times as many."""
    return 2 if alpha <= 1.2 else 4


class Answer(NamedTuple):
    """An output in pieces, without its end, and its score."""

    pieces: list[str]
    score: float


class _Hypothesis(NamedTuple):
    """What a search has found.

    Attributes:
        pieces: Without an end.
        total: log p, with the end's if there is one.
        ended: Whether there is.
        bare: Of one that was cut off, and its end put behind it: log p without the end's.
    """

    pieces: list[str]
    total: float
    ended: bool
    bare: float | None = None


def ctranslate2() -> Any:
    """The package.

    Raises:
        UserError: It is not installed.
    """
    # Threads that wait by counting take the cores from those that they wait for: on two cores that
    # others use as well, a line took 600 ms by float32, and 40 so.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import ctranslate2
    except ImportError as error:
        raise UserError(
            f"ctranslate2 cannot be imported ({error}); expected it beside tfkd: pip install "
            "'tfkd[ctranslate2]'"
        ) from error
    return ctranslate2


def _computed(stored: str) -> str:
    """The type that a model of this type is computed in: its own, where the processor has it."""
    return stored if stored in ctranslate2().get_supported_compute_types("cpu") else "float32"


def _cores() -> int:
    """Those that this process may use, as a container or a scheduler has it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_engine(folder: Path, about: Mapping[str, Any]) -> "CTranslate2Engine":
    """The engine of a folder: a translator, or what continues prompts.

    Args:
        folder: The folder.
        about: Its `export.json`.

    Raises:
        UserError: CTranslate2 is not installed, or cannot load the folder.
    """
    kind = Continuing if "text" in about["tokenizers"] else Translating
    try:
        return kind(folder, about)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder}: CTranslate2 cannot load it ({type(error).__name__}: {error}). Export the "
            "model again"
        ) from error


class CTranslate2Engine:
    """What translating and continuing have in common.

    Args:
        folder: The folder.
        about: Its `export.json`.
    """

    choices: Mapping[str, Any] = MappingProxyType({})
    reads: str
    writes: str

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        self.folder, self.about = Path(folder), about
        search = about["search"]
        self._beam, self._alpha = search["beam"], search["length_penalty"]
        self._least, self._length = search["min_length"], search["max_length"]
        self._options = dict(about["options"])
        self._end = about["end"]
        self._device = {
            "device": "cpu",
            "compute_type": _computed(about["quantize"]),
            # 0: as OMP_NUM_THREADS says.
            "intra_threads": 0 if "OMP_NUM_THREADS" in os.environ else _cores(),
        }
        self.source, self.target = self._text(self.reads), self._text(self.writes)

    def _text(self, side: str) -> TextFiles:
        said = self.about["tokenizers"][side]
        names = [f"{side}_vocabulary", "shared_vocabulary", "vocabulary"]
        path = next(p for n in names if (p := self.folder / f"{n}.json").is_file())
        return TextFiles(
            self.folder / side, said, read_json(path), said["special"], said["unknown"]
        )

    def translate(self, lines: Sequence[str]) -> list[Translation]:
        """An output a line, in order; see `Engine`."""
        found = self.answers(self.source.encode(lines))
        return [Translation(self.target.decode(one.pieces), one.score) for one in found]

    def answers(self, rows: Sequence[Sequence[str]]) -> list[Answer]:
        """The best output of each row of bare pieces, cut as the model reads them."""
        rows = [self.read(row) for row in rows]
        limits = [self.limit(row) for row in rows]
        found: list[Answer | None] = [None] * len(rows)
        again: dict[tuple[int, int], list[int]] = defaultdict(list)
        for batch in self._batches(rows, limits):
            most = max(limits[row] for row in batch)
            for row, hypotheses in zip(batch, self._search(rows, batch, most), strict=True):
                if all(one.ended and len(one.pieces) < limits[row] for one in hypotheses):
                    found[row] = self._best(hypotheses)
        for row, answer in enumerate(found):
            if answer is None:
                # It went to its limit, or beyond it beside longer rows.
                again[limits[row], self._alike(rows[row])].append(row)
        for (limit, _), rest in again.items():
            for first in range(0, len(rest), ROWS):
                batch = rest[first : first + ROWS]
                for row, hypotheses in zip(batch, self._search(rows, batch, limit), strict=True):
                    found[row] = self._cut(rows[row], hypotheses, limit)
        return found

    def read(self, row: Sequence[str]) -> list[str]:
        """A row as the model reads it."""
        raise NotImplementedError

    def limit(self, row: Sequence[str]) -> int:
        """The most pieces of its output; see `tfkd.decoding.LengthLimit`."""
        grown = np.float32(len(row)) * np.float32(self._length["factor"])
        grown += np.float32(self._length["plus"])
        return min(int(np.floor(grown)), self.about["most"]) if row else 0

    def log_probabilities(
        self, rows: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> list[np.ndarray]:
        """The log-probability of each piece of an output, and of the end behind it: float32.

        Args:
            rows: As the model reads them.
            outputs: Without ends.
        """
        raise NotImplementedError

    def _alike(self, row: Sequence[str]) -> int:
        """Rows go together that have this in common."""
        return 0

    def _batches(self, rows: list[list[str]], limits: list[int]) -> Iterator[list[int]]:
        """Rows of like length, longest first; none whose output has no room."""
        room = [row for row, limit in enumerate(limits) if limit > self._least]
        order = sorted(room, key=lambda row: (-self._alike(rows[row]), -len(rows[row])))
        batch: list[int] = []
        for row in order:
            other = batch and self._alike(rows[row]) != self._alike(rows[batch[0]])
            if len(batch) == ROWS or other:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _search(
        self, rows: list[list[str]], batch: list[int], limit: int
    ) -> list[list[_Hypothesis]]:
        """What is found for some rows, of at most `limit` pieces, an end counted."""
        raise NotImplementedError

    def _found(self, pieces: Sequence[str], total: float) -> _Hypothesis:
        ended = bool(pieces) and pieces[-1] == self._end
        return _Hypothesis(list(pieces[:-1] if ended else pieces), float(total), ended)

    def _best(self, hypotheses: Sequence[_Hypothesis]) -> Answer:
        best = max(hypotheses, key=lambda one: self.score(one.total, one.pieces))
        return Answer(best.pieces, self._told(best))

    def _told(self, best: _Hypothesis) -> float:
        """The score that is told of the best."""
        return self.score(best.total, best.pieces)

    def score(self, total: float, pieces: Sequence[str]) -> float:
        """log p / ((5 + pieces) / 6)^alpha, the end counted among the pieces."""
        return total / penalty(len(pieces) + 1, self._alpha)

    def _cut(self, row: list[str], hypotheses: Sequence[_Hypothesis], limit: int) -> Answer:
        """The best of what was searched to the limit, where the end follows what has none."""
        whole = [one for one in hypotheses if one.ended]
        cut = [one for one in hypotheses if not one.ended]
        if not hypotheses:
            cut = [_Hypothesis([], 0.0, False)]  # no room for anything but an end
        ends = self.log_probabilities([row] * len(cut), [one.pieces for one in cut]) if cut else ()
        whole += [
            _Hypothesis(one.pieces, one.total + float(end[-1]), True, one.total)
            for one, end in zip(cut, ends, strict=True)
        ]
        return self._best(whole)


class Translating(CTranslate2Engine):
    """A translator."""

    reads, writes = "source", "target"

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        super().__init__(folder, about)
        self._model = ctranslate2().Translator(str(folder), **self._device)

    def read(self, row: Sequence[str]) -> list[str]:
        """As many as it has positions for; what stands around them the engine adds."""
        return list(row[: self.about["limit"]])

    def log_probabilities(
        self, rows: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> list[np.ndarray]:
        found = self._model.score_batch(
            [list(row) for row in rows], [list(one) for one in outputs], max_input_length=0
        )
        return [np.array(one.log_probs, np.float32) for one in found]

    def _search(
        self, rows: list[list[str]], batch: list[int], limit: int
    ) -> list[list[_Hypothesis]]:
        if limit == 0:
            return [[] for _ in batch]
        found = self._model.translate_batch(
            [rows[row] for row in batch],
            **self._options,
            max_decoding_length=limit,
            min_decoding_length=min(self._least, limit),
        )
        return [list(map(self._found, one.hypotheses, one.scores)) for one in found]


class Continuing(CTranslate2Engine):
    """A language model, which continues prompts."""

    reads = writes = "text"

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        super().__init__(folder, about)
        self._model = ctranslate2().Generator(str(folder), **self._device)

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

    def _told(self, best: _Hypothesis) -> float:
        """log p of what follows the prompt; of one that was cut off, without an end."""
        return best.total if best.bare is None else best.bare

    def _alike(self, row: Sequence[str]) -> int:
        # Beside shorter ones a prompt's rest is forced upon a beam, which changes the search; and
        # beside a start alone its result would have the prompt in front.
        return len(row) if self._beam > 1 else min(len(row), 2)

    def _search(
        self, rows: list[list[str]], batch: list[int], limit: int
    ) -> list[list[_Hypothesis]]:
        if limit == 0:
            return [[] for _ in batch]
        found = self._model.generate_batch(
            [rows[row] for row in batch],
            **self._options,
            max_length=limit,
            min_length=min(self._least, limit),
            include_prompt_in_result=False,
        )
        return [list(map(self._found, one.sequences, one.scores)) for one in found]
