"""Corpora: files, data sets or a grammar behind one face, read as a stream of rows."""

import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tfkd.data import transforms
from tfkd.data.text import bad_rows
from tfkd.data.text.bad_rows import Tally, refuse_many
from tfkd.data.text.class_numbers import checked_numbers
from tfkd.data.text.header_row import LABEL, HeaderWatch
from tfkd.data.text.source_kinds import header_watch, option, source_of
from tfkd.data.text.sources import Fault, Reader, Value
from tfkd.data.text.undone_tokenization import undo_tokenization
from tfkd.data.transforms import Row
from tfkd.spec.errors import UserError
from tfkd.spec.options.soft_labels import NUMBERS

MARK = "mark"
# Rows that are looked at before anything starts.
_LOOKED_AT = 1000


class Corpus:
    """Rows of named fields, after their transforms; iterating reads the files anew, as a stream.

    The transforms, in this order: `marked_by` makes the field `mark`; rows that are bad (a field
    that is not UTF-8, empty or longer than `max_characters`, a mark outside of the text) stop or
    are dropped, as far as `max_bad_rows` allows; `lower_case`; `part`; `drop_overlap`; `sample`;
    `max_rows`; `detokenize`. Spaces around a field are taken off. `drop_overlap` compares texts as
    they come out: with their tokenization undone.

    Made by `open_corpus`.
    """

    def __init__(self, options, data_dir: Path, others: Mapping[str, "Corpus"]):
        self._options = options
        self._data_dir = Path(data_dir)
        self._source = source_of(options, self._data_dir)
        self._others = others
        self._overlap: frozenset[bytes] | None = None
        self._chosen = None
        self._report: dict | None = None
        self._watch: HeaderWatch | None = None
        # What a reader should know, after a whole pass.
        self.warnings: list[str] = []
        # int64 [rows, 2] after a whole pass over a whole text with `detokenize`: see `Tally`.
        self.words: np.ndarray | None = None
        self.fields: tuple[str, ...] = self._source.fields
        self._marked_by = option(options, "marked_by")
        if self._marked_by is not None:
            self.fields = (*self.fields, MARK)
        self._texts = frozenset(transforms.text_fields(self.fields))
        # Where the words are counted that a language model reads.
        self._counted = self.fields.index("text") if "text" in self.fields else 0

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        most = option(self._options, "max_rows")
        undone, counted = option(self._options, "detokenize"), option(self._options, "counted")
        tally, empty = Tally(), 0
        if most != 0:
            for _, values in self._sampled(tally):
                tally.kept += 1
                if counted:
                    empty = _count_words(tally, values[self._counted], empty)
                if undone is not None:
                    values = tuple(
                        undo_tokenization(value, undone) if index in self._texts else value
                        for index, value in enumerate(values)
                    )
                yield values
                if tally.kept == most:
                    break
        if counted and tally.kept:
            tally.line_ends[-1] += _empty(tally) - empty
            self.words = np.stack([tally.words, tally.line_ends], 1).astype(np.int64)
        self._judge(tally)
        self._report = {
            "read": tally.read,
            "kept": tally.kept,
            "dropped": tally.dropped,
            "files": self._source.hashes(),
        }
        if not tally.kept:
            raise self._none_left(tally)

    def _none_left(self, tally: Tally) -> UserError:
        reasons = ", ".join(f"{e['count']} {r}" for r, e in tally.dropped.items())
        return UserError(
            f"{self._source.name}: no row is left of {tally.read}"
            + (f" ({reasons})" if reasons else "")
            + "; a corpus needs at least one."
        )

    def first_row(self) -> Row:
        """The first row that is not bad, before other rows or corpora have a say in it; what comes
        after it is not read.

        Raises:
            UserError: A bad row is met and `on_bad` is stop, or there is no other.
        """
        tally = Tally()
        for row in self._checked(tally, self._source.open()):
            return row
        raise self._none_left(tally)

    def first_warnings(self) -> list[str]:
        """What the first rows look like: headers that nobody has declared.

        Raises:
            UserError: As `first_row`, of each of them.
        """
        if header_watch(self._options) is None:
            return []
        for _ in itertools.islice(self._checked(Tally(), self._source.open()), _LOOKED_AT):
            pass
        warning = self._watch.warning() if self._watch is not None else None
        return [] if warning is None else [warning]

    def _judge(self, tally: Tally) -> None:
        """Refuses too many bad rows, and notes what is to be said of fewer."""
        most = option(self._options, "max_bad_rows")
        if most is not None:
            refuse_many(tally, self._source.name, most, self._chosen_by_user("max_bad_rows"))
        said = [bad_rows.warning(tally, self._source.name)]
        said += [self._watch.warning()] if self._watch is not None else []
        self.warnings = [warning for warning in said if warning is not None]

    def _chosen_by_user(self, name: str) -> bool:
        return name in getattr(self._options, "model_fields_set", ())

    def report(self) -> dict:
        """What the last whole pass did: `{read, kept, dropped: {reason: {count, lines}}, files}`.

        `lines` names the first 10 places, "file:line"; `files` has each file's SHA-256.

        Raises:
            RuntimeError: No pass has ended yet.
        """
        if self._report is None:
            raise RuntimeError("A corpus has a report after one whole iteration.")
        return self._report

    def texts(self, fields: Iterable[str] | None = None) -> Iterator[str]:
        """The values of the text fields (or of `fields`), row by row."""
        wanted = self.fields if fields is None else tuple(fields)
        indices = [self.fields.index(name) for name in wanted]
        if fields is None:
            indices = sorted(self._texts)
        for values in self:
            for index in indices:
                yield values[index]

    def _sampled(self, tally: Tally) -> Iterator[Row]:
        wanted = option(self._options, "sample")
        if wanted is None:
            yield from self._filtered(tally, self._source.open())
            return
        if self._chosen is None:
            # A first pass counts the rows, so that the draw is exact without keeping any of them.
            available = sum(1 for _ in self._filtered(Tally(), self._source.open()))
            self._chosen = transforms.choose_sample(available, wanted.rows, wanted.seed)
        reader = self._source.open()
        rows = self._filtered(tally, reader)
        yield from transforms.sample(rows, self._chosen, _dropper(tally, reader))

    def _filtered(self, tally: Tally, reader: Reader) -> Iterator[Row]:
        options, drop = self._options, _dropper(tally, reader)
        rows = self._checked(tally, reader)
        if option(options, "lower_case"):
            marked = None
            if {"text", MARK} <= set(self.fields):
                marked = self.fields.index("text"), self.fields.index(MARK)
            rows = transforms.lower_case(rows, self._texts, marked)
        if (part := option(options, "part")) is not None:
            rows = transforms.part(rows, part.every, part.keep, drop)
        if option(options, "drop_overlap"):
            undone = option(options, "detokenize")
            as_read = functools.partial(undo_tokenization, kind=undone) if undone else str
            keys = self._overlap_keys()
            rows = transforms.drop_overlap(rows, self._texts, keys, drop, as_read)
        return rows

    def _checked(self, tally: Tally, reader: Reader) -> Iterator[Row]:
        stop = option(self._options, "on_bad") == "stop"
        longest = option(self._options, "max_characters") or 5000
        filtered = self._chosen_by_user("max_characters")
        watch = self._watch = header_watch(self._options)
        fields = self._source.fields
        # A number for each of many classes is no text, and as long as they are many.
        limits = [math.inf if name in NUMBERS else longest for name in fields]
        label = fields.index(LABEL) if LABEL in fields else 0
        check_numbers = checked_numbers(fields, option(self._options, "class_names") or ())
        for raw in reader:
            tally.read += 1
            if watch is not None and not isinstance(raw, Fault):
                watch.see(raw, reader.place(label) if reader.begins(label) else None)
            row = _decoded(raw, limits, filtered)
            if check_numbers is not None:
                check_numbers(row, reader.place)
            if not isinstance(row, Fault):
                row = self._marked(row, raw)
            if isinstance(row, Fault):
                place = reader.place(row.field)
                if stop:
                    raise UserError(
                        f"{place}: {row.reason}; mend the line, or leave such rows out with "
                        "`on_bad: drop`."
                    )
                tally.fault(row.reason, place, row.bad)
            else:
                yield tally.read, row

    def _marked(self, row: tuple[str, ...], raw: tuple[Value, ...]) -> tuple[str, ...] | Fault:
        """The row with its mark: read off the text, or held against it. A mark that the source
        gives counts the spaces before its text, too, which are taken off."""
        if MARK not in self.fields or "text" not in self.fields:
            return row
        place = self.fields.index("text")
        text = row[place]
        if self._marked_by is None:
            at = self.fields.index(MARK)
            given = row[at].isascii() and row[at].isdecimal() and len(row[at]) < 10
            mark = int(row[at]) - _spaces_before(raw[place]) if given else -1
            if not 0 <= mark < len(text):
                return Fault("mark outside of the text", at)
            return (*row[:at], str(mark), *row[at + 1 :])
        pieces = text.split(self._marked_by)
        if len(pieces) != 3 or not pieces[1]:
            return Fault(f"not one {self._marked_by} on each side of the marked character", place)
        return (*row[:place], "".join(pieces), *row[place + 1 :], str(len(pieces[0])))

    def _overlap_keys(self) -> frozenset[bytes]:
        if self._overlap is None:
            keys: set[bytes] = set()
            for reference in self._options.drop_overlap:
                name, _, field_name = reference.partition(".")
                if name not in self._others:
                    raise UserError(f"drop_overlap: there is no corpus `{name}`.")
                lines = self._others[name].texts([field_name] if field_name else None)
                keys.update(map(transforms.overlap_key, lines))
            self._overlap = frozenset(keys)
        return self._overlap


def _empty(tally: Tally) -> int:
    return tally.dropped.get("empty", {}).get("count", 0)


def _count_words(tally: Tally, line: str, before: int) -> int:
    """Counts a line's words and its end; empty lines since the row before belong to that one,
    those at the text's beginning to the first. Returns how many empty lines there were so far."""
    empty = _empty(tally)
    tally.words.append(len(line.split()))
    tally.line_ends.append(1)
    tally.line_ends[max(len(tally.line_ends) - 2, 0)] += empty - before
    return empty


# Halves of characters, which JSON can name and UTF-8 cannot.
_SURROGATES = re.compile("[\ud800-\udfff]")


def _decoded(
    raw: tuple[bytes | str, ...] | Fault, limits: Sequence[float], filtered: bool
) -> tuple[str, ...] | Fault:
    """The fields as text, without the spaces around them.

    Args:
        raw: The fields.
        limits: The most characters of each.
        filtered: Whether the user set it: then a longer row is not bad.
    """
    if isinstance(raw, Fault):
        return raw
    values = []
    for index, value in enumerate(raw):
        if isinstance(value, bytes):
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError:
                return Fault("not UTF-8", index)
        elif _SURROGATES.search(value):
            return Fault("not UTF-8", index)  # half a character, as JSON can name it
        value = value.strip()
        if not value:
            return Fault("empty", index, bad=any(other.strip() for other in raw))
        if len(value) > limits[index]:
            return Fault(f"longer than {limits[index]} characters", index, bad=not filtered)
        values.append(value)
    return tuple(values)


def _spaces_before(value: Value) -> int:
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    return len(text) - len(text.lstrip())


def _dropper(tally: Tally, reader: Reader) -> transforms.Drop:
    return lambda reason: tally.drop(reason, reader.place(0))


def open_corpus(options, data_dir: Path, *, others: Mapping[str, Corpus] | None = None) -> Corpus:
    """Opens the corpus that a spec describes. Reads no text yet.

    Args:
        options: `text`, `parallel`, `tsv` with `columns`, `jsonl` with `fields`, `tfds` with
            `split` and `fields`, or `generated` with `rows` and `seed`, and the transforms (see
            `Corpus`).
        data_dir: The folder that the files' names are relative to.
        others: The corpora that `drop_overlap` names.

    Raises:
        UserError: A file is missing, the sides have unequal line counts, or a data set is neither
            here nor to be had.
    """
    return Corpus(options, Path(data_dir), others or {})


def source_hashes(options, data_dir: Path) -> dict[str, str]:
    """SHA-256 of each file that a corpus reads, by its name relative to `data_dir`."""
    return source_of(options, Path(data_dir)).hashes()
