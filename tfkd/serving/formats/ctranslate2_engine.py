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
    """An output in pieces, without its end, its score, and log p with its end's."""

    pieces: list[str]
    score: float
    log_probability: float


class Hypothesis(NamedTuple):
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
        self.device = {
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
        return [found[0] for found in self.ranked(rows)]

    def ranked(self, rows: Sequence[Sequence[str]]) -> list[list[Answer]]:
        """What is found for each row of bare pieces, best first: as many as the search gives, or
        more, but at least one."""
        rows = [self.read(row) for row in rows]
        limits = [self.limit(row) for row in rows]
        found: list[list[Answer]] = [[] for _ in rows]
        again: dict[tuple[int, int], list[int]] = defaultdict(list)
        for batch in self._batches(rows, limits):
            most = max(limits[row] for row in batch)
            for row, hypotheses in zip(batch, self._search(rows, batch, most), strict=True):
                if all(one.ended and len(one.pieces) < limits[row] for one in hypotheses):
                    found[row] = self._ranked(hypotheses)
                elif limits[row] == most:
                    found[row] = self._cut(rows[row], hypotheses, most)
        for row, answers in enumerate(found):
            if not answers:
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
    ) -> list[list[Hypothesis]]:
        """What is found for some rows, of at most `limit` pieces, an end counted."""
        raise NotImplementedError

    def hypothesis(self, pieces: Sequence[str], total: float) -> Hypothesis:
        ended = bool(pieces) and pieces[-1] == self._end
        return Hypothesis(list(pieces[:-1] if ended else pieces), float(total), ended)

    def _ranked(self, hypotheses: Sequence[Hypothesis]) -> list[Answer]:
        def score(one: Hypothesis) -> float:
            return self.score(one.total, one.pieces)

        order = sorted(hypotheses, key=score, reverse=True)
        return [Answer(one.pieces, self._told(one), one.total) for one in order]

    def _told(self, best: Hypothesis) -> float:
        """The score that is told of the best."""
        return self.score(best.total, best.pieces)

    def score(self, total: float, pieces: Sequence[str]) -> float:
        """log p / ((5 + pieces) / 6)^alpha, the end counted among the pieces."""
        return total / penalty(len(pieces) + 1, self._alpha)

    def _cut(self, row: list[str], hypotheses: Sequence[Hypothesis], limit: int) -> list[Answer]:
        """What was searched to the limit, where the end follows what has none."""
        whole = [one for one in hypotheses if one.ended]
        cut = [one for one in hypotheses if not one.ended]
        if not hypotheses:
            cut = [Hypothesis([], 0.0, False)]  # no room for anything but an end
        ends = self.log_probabilities([row] * len(cut), [one.pieces for one in cut]) if cut else ()
        whole += [
            Hypothesis(one.pieces, one.total + float(end[-1]), True, one.total)
            for one, end in zip(cut, ends, strict=True)
        ]
        return self._ranked(whole)
