"""The kinds of corpora: which files or data each reads, and by which reader."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfkd.data.grammars import everyday, generated, generated_classes, generated_tags
from tfkd.data.json_values import as_label, as_numbers
from tfkd.data.text.arrow_columns import ArrowReader
from tfkd.data.text.conll_reader import ConllReader
from tfkd.data.text.header_row import HeaderWatch
from tfkd.data.text.saved_dataset import saved_files
from tfkd.data.text.source_files import count_lines, file_hash, find_files, shown
from tfkd.data.text.sources import JsonLinesReader, Labels, ParallelReader, Reader
from tfkd.data.text.table_reader import TableReader, quoted, tab_separated
from tfkd.data.text.tfds_source import TfdsReader, find_or_fetch
from tfkd.data.text.urls import is_url, shown_url
from tfkd.spec.errors import UserError
from tfkd.spec.options.base import NOT_TEXT
from tfkd.spec.options.soft_labels import NUMBERS


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
        name: For messages.
        fields: The names of a row's fields.
        open: Starts a pass.
        hashes: SHA-256 by file name.
    """

    name: str
    fields: tuple[str, ...]
    open: Callable[[], Reader]
    hashes: Callable[[], dict[str, str]]


def option(options, name: str):
    """An option's value; None where this kind of corpus has no such option."""
    return getattr(options, name, None)


def source_of(options, data_dir: Path) -> Source:
    """The source that a corpus's options name; finds its files.

    Raises:
        UserError: A file is missing, or the sides of a parallel corpus have unequal line counts.
    """
    for key, make in KINDS.items():
        if option(options, key) is not None:
            return make(options, data_dir)
    raise ValueError(
        f"Invalid value for argument `options`. Expected one of {', '.join(KINDS)}. "
        f"Received: options={options}"
    )


def _of_files(fields: Sequence[str], paths: list[Path], data_dir: Path, open_pass) -> Source:
    names = [shown(path, data_dir) for path in paths]
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

    def hashes() -> dict[str, str]:
        return {name: file_hash(path) for name, path in zip(names, paths, strict=True)}

    return Source(name, tuple(fields), open_pass, hashes)


def _text(options, data_dir: Path) -> Source:
    paths = find_files(options.text, data_dir)
    return _of_files(["text"], paths, data_dir, lambda: ParallelReader([paths], data_dir))


def _parallel(options, data_dir: Path) -> Source:
    sides = [find_files(side, data_dir) for side in options.parallel]
    _refuse_unequal(sides, data_dir)
    return _of_files(
        ["source", "target"],
        [path for side in sides for path in side],
        data_dir,
        lambda: ParallelReader(sides, data_dir),
    )


def _refuse_unequal(
    sides: list[list[Path]], data_dir: Path, what: str = "a parallel corpus"
) -> None:
    """Nobody can tell which line is missing, so unequal sides are never read."""
    counts = [[count_lines(path) for path in side] for side in sides]
    unequal = sum(counts[0]) != sum(counts[1])
    if len(sides[0]) == len(sides[1]):
        unequal = counts[0] != counts[1]
    if unequal:
        lists = [
            ", ".join(
                f"{shown(path, data_dir)} has {count:,}"
                for path, count in zip(side, side_counts, strict=True)
            )
            for side, side_counts in zip(sides, counts, strict=True)
        ]
        raise UserError(
            f"The sides of {what} have unequal numbers of lines: {lists[0]}; {lists[1]}."
            " Line n of one side must belong to line n of the other: fetch or cut them again."
        )


def labels_of(fields: Iterable[str]) -> Labels:
    """By index of the fields that hold no text: what makes text of their values."""
    return {
        index: as_numbers if field in NUMBERS else as_label
        for index, field in enumerate(fields)
        if field in NOT_TEXT
    }


def header_watch(options) -> HeaderWatch | None:
    """What looks for headers among the first lines; None where nobody writes any, or where the
    spec says whether there is one."""
    if option(options, "lines") is not None:
        return HeaderWatch(list(options.lines), "take it out of each of the files")
    if option(options, "columns") is None or option(options, "conll") is not None:
        return None
    if option(options, "named") or "header" in options.model_fields_set:
        return None
    advice = "leave it out with `header: true`, or write `header: false` where it is a row"
    return HeaderWatch(list(options.columns), advice)


def _tsv(options, data_dir: Path) -> Source:
    return _table(options, options.tsv, data_dir, tab_separated)


def _csv(options, data_dir: Path) -> Source:
    rows = functools.partial(quoted, delimiter=options.delimiter)
    return _table(options, options.csv, data_dir, rows)


def _table(options, patterns: str | list[str], data_dir: Path, rows: Callable) -> Source:
    paths = find_files(patterns, data_dir)
    columns = list(options.columns.values())
    header = bool(option(options, "header") or option(options, "named"))
    return _of_files(
        list(options.columns),
        paths,
        data_dir,
        lambda: TableReader(paths, data_dir, columns, header, rows),
    )


def _conll(options, data_dir: Path) -> Source:
    paths, columns = find_files(options.conll, data_dir), list(options.columns.values())
    return _of_files(
        list(options.columns), paths, data_dir, lambda: ConllReader(paths, data_dir, columns)
    )


def _jsonl(options, data_dir: Path) -> Source:
    paths = find_files(options.jsonl, data_dir)
    keys = list(options.fields.values())
    return _of_files(
        list(options.fields),
        paths,
        data_dir,
        lambda: JsonLinesReader(paths, data_dir, keys, labels_of(options.fields)),
    )


def arrow_files(options, data_dir: Path) -> list[Path]:
    """The files of a corpus of columns in their own form.

    Raises:
        UserError: There is none, or a folder is no saved data set.
    """
    if options.kind == "parquet":
        return find_files(options.parquet, data_dir)
    if is_url(options.saved_dataset):
        raise UserError(
            f"saved_dataset: {shown_url(options.saved_dataset)} is a URL, which names one file; "
            "copy the folder, or name files of Parquet as `parquet`"
        )
    return saved_files(Path(data_dir, options.saved_dataset), options.split)


def _arrow(options, data_dir: Path) -> Source:
    paths, keys = arrow_files(options, data_dir), list(options.fields.values())
    labels = labels_of(options.fields)
    return _of_files(
        list(options.fields),
        paths,
        data_dir,
        lambda: ArrowReader(paths, data_dir, keys, labels, options.kind == "parquet"),
    )


def _tfds(options, data_dir: Path) -> Source:
    folder = find_or_fetch(options.tfds, data_dir)
    keys = list(options.fields.values())

    def hashes() -> dict[str, str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        prefix = f"tfds:{options.tfds}/{folder.name}"
        return {f"{prefix}/{path.relative_to(folder)}": file_hash(path) for path in files}

    return Source(
        f"tfds {options.tfds}",
        tuple(options.fields),
        lambda: TfdsReader(folder, options.tfds, options.split, keys, labels_of(options.fields)),
        hashes,
    )


def _lines(options, data_dir: Path) -> Source:
    files = [find_files(paths, data_dir) for paths in options.lines.values()]
    for other in files[1:]:
        _refuse_unequal([files[0], other], data_dir, "files that are read line by line together")
    return _of_files(
        list(options.lines),
        [path for side in files for path in side],
        data_dir,
        lambda: ParallelReader(files, data_dir),
    )


def _labelled(options) -> Source:
    """Rows with classes, of the fields that are asked for."""
    name, fields = f"generated:{options.generated}", options.field_names
    said = f"{name} {generated_classes.REVISION} {generated.REVISION} {options.rows} {options.seed}"
    said += f" {' '.join(fields)}"

    def grammar(rows: int, seed: int) -> Iterator[tuple[str, ...]]:
        return generated_classes.labelled(rows, seed, fields)

    return Source(
        name,
        fields,
        lambda: GrammarReader(grammar, options.rows, options.seed, name, None),
        lambda: {name: hashlib.sha256(said.encode()).hexdigest()},
    )


def _generated(options, data_dir: Path) -> Source:
    name = f"generated:{options.generated}"
    if options.generated == "classes":
        return _labelled(options)
    if options.generated not in GRAMMARS:
        raise UserError(
            f"There is no generated corpus `{options.generated}`; there is {', '.join(GRAMMARS)}."
        )
    grammar, revision = GRAMMARS[options.generated]
    said = f"{options.generated} {revision} {options.rows} {options.seed}"
    sides = {None: None, "text": (0, 1), "source": (0,), "target": (1,)}[option(options, "only")]
    both = ("text", "label") if options.generated == "tags" else ("source", "target")
    return Source(
        name,
        ("text",) if sides else both,
        lambda: GrammarReader(grammar, options.rows, options.seed, name, sides),
        lambda: {name: hashlib.sha256(said.encode()).hexdigest()},
    )


class GrammarReader:
    """Rows that a grammar makes; `sides`: all of one side, then of the next, as text."""

    def __init__(
        self, grammar: Callable, rows: int, seed: int, name: str, sides: tuple[int, ...] | None
    ):
        self._grammar, self._rows, self._seed, self._name = grammar, rows, seed, name
        self._sides = sides
        self._number = 0

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        self._number = 0
        for side in self._sides or (None,):
            for row in self._grammar(self._rows, self._seed):
                self._number += 1
                yield row if side is None else (row[side],)

    def place(self, field: int) -> str:
        return f"{self._name}:{self._number}"


# Each grammar's rows, and the revision of them.
GRAMMARS: Mapping[str, tuple[Callable[[int, int], Iterator[tuple[str, str]]], int]] = {
    "german_english": (generated.german_english, generated.REVISION),
    "everyday": (everyday.everyday, everyday.REVISION),
    "tags": (generated_tags.tagged, generated_tags.REVISION),
}
KINDS = {
    "text": _text,
    "parallel": _parallel,
    "tsv": _tsv,
    "csv": _csv,
    "conll": _conll,
    "jsonl": _jsonl,
    "lines": _lines,
    "parquet": _arrow,
    "saved_dataset": _arrow,
    "tfds": _tfds,
    "generated": _generated,
}
