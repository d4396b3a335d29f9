"""How many rows a corpus will have, about, before it is read."""

from pathlib import Path
from typing import Any

from tfkd.data.text.arrow_columns import rows_in
from tfkd.data.text.conll_reader import sentences
from tfkd.data.text.source_files import count_lines, find_files
from tfkd.data.text.source_kinds import arrow_files, option
from tfkd.data.text.sources import Lines
from tfkd.spec.errors import UserError


def expected_rows(options: Any, data_dir: Path) -> int | None:
    """The rows of a corpus's files or generator, less those that `part`, `sample` and `max_rows`
    leave out. Rows that are bad, and those that `drop_overlap` finds elsewhere, count: nobody knows
    them yet.

    Args:
        options: The corpus's, as a spec has them.
        data_dir: The data folder.

    Returns:
        None where it cannot be told without reading all, or the files cannot be read.
    """
    try:
        rows = _in_files(options, data_dir)
    except UserError:
        return None
    if rows is None:
        return None
    if (part := option(options, "part")) is not None:
        rows = rows // part.every if part.keep else rows - rows // part.every
    if (sample := option(options, "sample")) is not None:
        rows = min(rows, sample.rows)
    most = option(options, "max_rows")
    return rows if most is None else min(rows, most)


def _in_files(options: Any, data_dir: Path) -> int | None:
    kind = options.kind
    if kind == "generated":
        return options.rows * (2 if options.only == "text" else 1)
    if kind == "parallel":
        paths = find_files(options.parallel[0], data_dir)
    elif kind == "lines":
        paths = find_files(next(iter(options.lines.values())), data_dir)
    elif kind in ("text", "tsv", "csv", "jsonl", "conll"):
        paths = find_files(getattr(options, kind), data_dir)
    elif kind in ("parquet", "saved_dataset"):
        paths = arrow_files(options, data_dir)
        return sum(rows_in(path, kind == "parquet") for path in paths)
    else:
        return None
    if kind == "conll":
        return sum(sum(1 for _ in sentences(Lines([path], data_dir))) for path in paths)
    headers = kind in ("tsv", "csv") and (options.header or options.named)
    return sum(max(0, count_lines(path) - headers) for path in paths)
