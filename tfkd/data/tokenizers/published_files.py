"""Which files of a published folder its tokenizer is read from."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from tfkd.data.strict_json import read_json
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
    """Whether a published WordPiece tokenizer lower-cases: as it says, else as its pieces do."""
    path = folder / "tokenizer_config.json"
    said = read_json(path) if path.exists() else {}
    if isinstance(said, dict) and isinstance(said.get("do_lower_case"), bool):
        return said["do_lower_case"]
    if not (folder / "vocab.txt").exists():
        return False
    pieces = (folder / "vocab.txt").read_text("utf-8").split("\n")
    return not any(piece != piece.lower() for piece in pieces if not piece.startswith("["))
