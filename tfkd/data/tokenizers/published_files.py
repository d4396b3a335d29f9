"""Which files of a published folder its tokenizer is read from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.outside.regular_files import read_regular, readable
from tfkd.spec.errors import UserError

# What transformers writes today beside, or in place of, a tokenizer's own files.
TOKENIZER_JSON = "tokenizer.json"
# By kind: files that belong together, the first group that is whole counts.
FILES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "wordpiece": (("vocab.txt",), (TOKENIZER_JSON,)),
    "byte_bpe": (("vocab.json", "merges.txt"), (TOKENIZER_JSON,)),
    "sentencepiece": (
        ("sentencepiece.bpe.model",),
        ("spiece.model",),
        ("tokenizer.model",),
        ("source.spm", "target.spm", "vocab.json"),
        (TOKENIZER_JSON,),
    ),
}


def tokenizer_files(folder: str | PathLike, kind: str) -> tuple[str, ...]:
    """The files of a published tokenizer.

    Args:
        folder: The folder.
        kind: Its kind.

    Raises:
        UserError: They are not there, or not all of them.
    """
    folder = Path(folder)
    for group in FILES[kind]:
        if all((folder / name).is_file() for name in group):
            return group
    wanted = ", or ".join(" and ".join(group) for group in FILES[kind])
    some = [name for group in FILES[kind] for name in group if (folder / name).is_file()]
    beside = f"; of these it has {', '.join(some)}" if some else ""
    raise UserError(f"{folder}: no {kind} tokenizer: expected {wanted}{beside}.")


def lower_cased(folder: Path) -> bool:
    """Whether a published WordPiece tokenizer lower-cases: as it says, else as its pieces do.

    Raises:
        UserError: A file that says so cannot be read.
    """
    path = folder / "tokenizer_config.json"
    with well_formed(path):
        said = read_json(path) if path.exists() else {}
    if isinstance(said, dict) and isinstance(said.get("do_lower_case"), bool):
        return said["do_lower_case"]
    path = folder / "vocab.txt"
    if not path.exists():
        return False
    with well_formed(path):
        pieces = read_regular(path).decode("utf-8").split("\n")
    return not any(piece != piece.lower() for piece in pieces if not piece.startswith("["))


def read_mapping(path: Path) -> dict[str, Any]:
    """A JSON file that is a mapping.

    Raises:
        UserError: It cannot be read, or is none.
    """
    try:
        with readable(path):
            found = read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: no mapping.")
    return found


@contextmanager
def well_formed(path: Path) -> Iterator[None]:
    """Inside, what a file of a tokenizer says otherwise than such files do is the file's fault.

    Raises:
        UserError: It cannot be read, or is not what its name says.
    """
    try:
        with readable(path):
            yield
    except UserError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: not a published tokenizer's file ({type(error).__name__}: {error})."
        ) from error
