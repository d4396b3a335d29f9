"""The tokenizer of a published folder, of whichever kind it is."""

from pathlib import Path
from typing import Any

from tfkd.data.tokenizers.published_files import FILES, TOKENIZER_JSON
from tfkd.data.tokenizers.tokenizer_json import model_of_json

_OWN = ("byte_bpe", "sentencepiece", "wordpiece")


def kind_of_folder(folder: Path) -> str:
    """`byte_bpe`, `sentencepiece` or `wordpiece`, by a folder's files; byte_bpe without any.

    Raises:
        UserError: `tokenizer.json` cannot be read.
    """
    folder = Path(folder)
    for kind in _OWN:
        for group in FILES[kind]:
            if group != (TOKENIZER_JSON,) and all((folder / name).is_file() for name in group):
                return kind
    if not (folder / TOKENIZER_JSON).is_file():
        return "byte_bpe"
    kind, model = model_of_json(folder / TOKENIZER_JSON)
    if kind == "BPE":
        return "sentencepiece" if model.get("byte_fallback") else "byte_bpe"
    return "wordpiece" if kind == "WordPiece" else "sentencepiece"


def read_folder_tokenizer(folder: Path, lower_case: bool | None = None) -> Any:
    """The tokenizer itself.

    Args:
        folder: The folder.
        lower_case: Of a wordpiece, where no file says it; None: as its kind's default.

    Raises:
        UserError: There is none, or it cannot be read.
    """
    from tfkd.data.tokenizers.building import build_tokenizer
    from tfkd.spec import registry
    from tfkd.spec.builtins import register_builtins

    register_builtins()
    kind = kind_of_folder(folder)
    options = registry.lookup("tokenizer", kind).options
    said = {} if lower_case is None or kind != "wordpiece" else {"lower_case": lower_case}
    return build_tokenizer(options(preset=str(Path(folder).absolute()), **said), (), Path())


def pieces_of_folder(folder: Path) -> int | None:
    """How many pieces the tokenizer has; None where the folder has none.

    Raises:
        UserError: It cannot be read.
    """
    folder = Path(folder)
    named = {name for groups in FILES.values() for group in groups for name in group}
    if not any((folder / name).is_file() for name in named):
        return None
    return read_folder_tokenizer(folder).size
