"""Published SentencePiece tokenizers of pairs with byte fallback: Llama 1 and 2, Mistral, Gemma.

`tokenizer.model` has the checkpoint's own ids. Without it the same model is made of what
`tokenizer.json` says: a piece's score is the place of the first merge that makes it.
"""

import re
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.data.tokenizers.tokenizer_json import TokenizerJson
from tfkd.outside.regular_files import readable
from tfkd.spec.errors import UserError

MODEL_FILE, ADDED_FILE = "tokenizer.model", "added_tokens.json"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>\Z")
_NEVER = -1e9
_FIRST, _LAST, _PAD = ("<s>", "<bos>"), ("</s>", "<eos>"), ("<pad>",)


def with_added(folder: Path, proto: Any, made: Any) -> list[Any]:
    """The pieces of `tokenizer.model`, and behind them those that were added later.

    Args:
        folder: The folder.
        proto: Its model.
        made: Makes a piece of a name, a kind and a score.
    """
    pieces = list(proto.pieces)
    path = folder / ADDED_FILE
    if not path.is_file():
        return pieces
    try:
        with readable(path):
            added = read_json(path)
        places = sorted((int(place), str(name)) for name, place in added.items())
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path}: expected {{piece: id}} ({error}).") from None
    for place, name in places:
        if place == len(pieces):
            pieces.append(made(name, "CONTROL", 0.0))
        elif place > len(pieces):
            raise UserError(f"{path}: {name} is {place}, and {len(pieces)} is the next id.")
    return pieces


def pairs_of_json(file: TokenizerJson, made: Any) -> tuple[list[Any], dict[str, Any]]:
    """The pieces of a `tokenizer.json`, and what its model's normalizer does.

    Raises:
        UserError: It does something to a text that is not known.
    """
    prefix = False
    for part in ("normalizer", "pre_tokenizer"):
        for step in file.steps(part):
            prefix |= _prefix(file, part, step)
    added = {one["content"]: one for one in file.said.get("added_tokens") or []}
    unknown = file.model.get("unk_token") or "<unk>"
    scores: dict[str, float] = {}
    for rank, (first, second) in enumerate(file.merges()):
        scores.setdefault(first + second, -float(rank))
    pieces = []
    for name in file.pieces():
        kind = "NORMAL"
        if name == unknown:
            kind = "UNKNOWN"
        elif name in added:
            kind = "CONTROL" if added[name].get("special") else "USER_DEFINED"
        elif _BYTE.match(name):
            kind = "BYTE"
        pieces.append(made(name, kind, scores.get(name, _NEVER)))
    return pieces, {"add_dummy_prefix": prefix}


def _prefix(file: TokenizerJson, part: str, step: Any) -> bool:
    """Whether a step puts a space before a text."""
    kind = step.get("type")
    if kind == "Prepend" and step.get("prepend") == "▁":
        return True
    if kind == "Metaspace" and step.get("replacement", "▁") == "▁":
        if step.get("split"):
            raise UserError(f"{file.path}: {part} Metaspace with split; only false is known.")
        return step.get("prepend_scheme", "always") != "never"
    said = step.get("pattern") or {}
    space = said.get("String") == " "
    if (kind == "Replace" and space and step.get("content") == "▁") or (
        kind == "Split" and space  # no space is left
    ):
        return False
    raise UserError(f"{file.path}: {part} {kind} {said or ''}; none such is known.")


def ends(pieces: list[Any]) -> tuple[str, str, str, str]:
    """What the pieces are called that start a text, end it, fill up behind it, and stand for what
    is unknown.

    Raises:
        UserError: One is not there.
    """
    there = {one.piece for one in pieces}
    unknown = next((one.piece for one in pieces if one.type == 2), "<unk>")
    start, end, pad = (
        next((name for name in names if name in there), None) for names in (_FIRST, _LAST, _PAD)
    )
    if start is None or end is None:
        lacking = _FIRST if start is None else _LAST
        raise UserError(f"a published SentencePiece model without {' or '.join(lacking)}")
    # Without a piece of its own padding is another end: `valid` alone tells what is text.
    return start, end, pad or end, unknown
