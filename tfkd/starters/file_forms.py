"""Files in a form that nothing here reads, though their names look as if."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tfkd.data.text.packed_files import ENDINGS, packed_by
from tfkd.data.text.source_files import find_files, reading
from tfkd.outside.regular_files import open_regular, readable
from tfkd.spec.errors import UserError
from tfkd.spec.wording import shown

# The first bytes of what is packed otherwise than corpora may be.
_PACKED = {b"PK\x03\x04": "zip", b"BZh": "bzip2"}
_LOOKED_AT = 2**20
# Of the rows that were read, no more classes than this share of them, and at least so many.
_MOST_CLASSES, _FEWEST_CLASSES = 0.5, 2


def refuse_other_forms(option: str, names: Iterable[str], data_dir: Path) -> None:
    """Refuses files that are packed otherwise than their names say, or whose lines end in `\\r`.

    Args:
        option: The option that named them.
        names: Files or globs.
        data_dir: The data folder.

    Raises:
        UserError: One is; the message says what to do.
    """
    for path in find_files([*names], data_dir):
        with readable(path), open_regular(path) as file:
            first = file.read(8)
        packed = next((word for bytes_, word in _PACKED.items() if first.startswith(bytes_)), None)
        if packed is not None:
            raise UserError(
                f"{option}: {path} is packed by {packed}; expected text, gzip, xz or zstd"
            )
        ending = path.suffix.lower()
        if ending in ENDINGS and packed_by(first) is None:
            raise UserError(
                f"{option}: {path} is called {ending} and is no {ENDINGS[ending]} file: fetch it "
                f"again, or take {ending} off its name if it is plain text"
            )
        with reading(path) as file:
            text = file.read(_LOOKED_AT)
        if b"\r" in text and b"\n" not in text:
            raise UserError(
                f"{option}: {path}: its lines end in \\r alone, as none of today's systems write "
                "them, so it is one line; save it with \\n: tr '\\r' '\\n' < FILE > NEW"
            )


def refuse_labels(option: str, name: str, labels: Sequence[str], unit: str) -> None:
    """Refuses a column of labels from which nothing can be learnt.

    Args:
        option: The option that named the file.
        name: The file.
        labels: Those of its rows, or of their words.
        unit: What has a label: "rows" or "words".

    Raises:
        UserError: There is one class only; or so many that it is no column of labels.
    """
    classes = len({*labels})
    if not labels or _FEWEST_CLASSES <= classes <= _MOST_CLASSES * len(labels):
        return
    if classes == 1:
        found = f"all its {len(labels):,} {unit} have the label {shown(labels[0])}"
    else:
        found = f"its {len(labels):,} {unit} have {classes:,} labels, like {shown(labels[0])}"
    raise UserError(
        f"{option}: {name}: {found}; expected two classes or more, each of several {unit}. Say "
        "which column has them: --columns label=COLUMN"
    )
