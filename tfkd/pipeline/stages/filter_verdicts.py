"""What becomes of each row of a corpus: a byte a row, on the disk."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.filters.repeated import Repeated
from tfkd.data.stateless import keys as hash_keys
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.stages.filter_rules import KEPT, Rules, unpacked

# Dropped rows that a report shows of each rule, and characters of a text there.
_SHOWN, _CHARACTERS = 8, 300
_BLOCK = 1 << 16


class Verdicts:
    """Of each row the first rule that drops it.

    Args:
        rules: The rules.
        text: The corpus.
        scratch: A folder for what grows with the corpus.
    """

    def __init__(self, rules: Rules, text: TextCorpus, scratch: Path):
        self._rules, self._text = rules, text
        rows, reads = len(text), [one.reads for one in rules.options]
        self._codes = _on_disk(scratch / "verdicts", np.uint8, rows)
        self._keys = {
            number: Repeated(scratch / f"keys-{number}", rows, rules.made[number].bands)
            for number in range(len(reads))
            if reads[number] == "keys"
        }
        self._scores = {
            number: _on_disk(scratch / f"scores-{number}", np.float32, rows)
            for number in range(len(reads))
            if reads[number] == "scores"
        }

    def add(self, start: int, found: Mapping[str, str]) -> None:
        """Takes what `Rules.judged` has found of the rows from `start` on."""
        codes = unpacked(found["codes"], "u1")
        self._codes[start : start + len(codes)] = codes
        for number, keys in self._keys.items():
            left = start + np.flatnonzero(codes > number)
            own = unpacked(found[str(number)], "<u8")
            keys.add(left, own.reshape(len(left), -1))
        for number, scores in self._scores.items():
            left = start + np.flatnonzero(codes > number)
            scores[left] = unpacked(found[str(number)], "<f4")

    def of_whole_corpus(self) -> Iterator[None]:
        """Has the rules that take the whole corpus drop their rows, in their order; yields now and
        then."""
        for number in sorted({*self._keys, *self._scores}):
            rule = self._rules.made[number]
            if number in self._keys:
                gone, seen = _Gone(self._codes, number), self._seen(rule)
                for at, _ in enumerate(self._keys[number].find(gone, seen, rule.alike)):
                    if not at % 1024:
                        yield
            else:
                for start, goes in zip(
                    range(0, len(self._codes), _BLOCK),
                    rule.goes(lambda number=number: self._left(number)), strict=True,
                ):  # fmt: skip
                    codes = self._codes[start : start + _BLOCK]
                    left = np.flatnonzero(codes > number)
                    codes[left[goes]] = number
                    yield

    def kept(self, start: int, stop: int) -> list[bool]:
        """Which rows are kept."""
        return (self._codes[start:stop] == KEPT).tolist()

    def report(self, name: str) -> dict[str, Any]:
        """Rows read and kept, and of each rule how many it dropped, with some of them, spread over
        the corpus.

        Args:
            name: The corpus's.
        """
        counts = np.zeros(KEPT + 1, np.int64)
        shown: dict[int, list[tuple[int, int]]] = {}
        for start in range(0, len(self._codes), _BLOCK):
            codes = np.array(self._codes[start : start + _BLOCK])
            counts += np.bincount(codes, minlength=KEPT + 1)
            ranks = hash_keys(0, 0, np.arange(start, start + len(codes)), "shown")
            for number in set(codes.tolist()) - {KEPT}:
                own = np.flatnonzero(codes == number)
                best = own[np.argsort(ranks[own], kind="stable")[:_SHOWN]]
                found = [(int(ranks[at]), start + int(at)) for at in best]
                shown[number] = heapq.nsmallest(_SHOWN, [*shown.get(number, []), *found])
        dropped = {}
        for number, rule in enumerate(self._rules.names):
            if not counts[number]:
                continue
            rows = sorted(row for _, row in shown[number])
            dropped[rule] = {
                "count": int(counts[number]),
                "lines": [f"{name}:{row + 1}" for row in rows],
                "examples": [[_short(one) for one in self._row(row).values()] for row in rows],
            }
        kept = int(counts[KEPT])
        return {"read": len(self._codes), "kept": kept, "dropped": dropped, "files": {}}

    def _row(self, row: int) -> dict[str, str]:
        return {field: self._text.line(field, row) for field in self._text.fields}

    def _seen(self, rule: Any) -> Callable[[int], Any]:
        return lambda row: rule.seen(self._row(row))

    def _left(self, number: int) -> Iterator[np.ndarray]:
        """The scores of the rows that are left to a rule."""
        for start in range(0, len(self._codes), _BLOCK):
            codes = self._codes[start : start + _BLOCK]
            yield np.array(self._scores[number][start : start + _BLOCK][codes > number])


class _Gone:
    """Rows that the rules before one have dropped, or itself; see `Repeated.find`."""

    def __init__(self, codes: np.ndarray, number: int):
        self._codes, self._number = codes, number

    def __getitem__(self, row: int) -> bool:
        return self._codes[row] <= self._number

    def __setitem__(self, row: int, gone: bool) -> None:
        self._codes[row] = self._number


def _on_disk(path: Path, dtype: Any, rows: int) -> np.ndarray:
    return np.memmap(path, dtype, "w+", shape=(rows,))


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
