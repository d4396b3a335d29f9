"""`tokenizer.json` of a published folder: the pieces, in the order of their ids, and what is done
to a text before it is cut."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.outside.regular_files import readable
from tfkd.spec.errors import UserError


def model_of_json(path: Path) -> tuple[str, Mapping[str, Any]]:
    """What kind of model such a file has, and what it says of it.

    Raises:
        UserError: It is not JSON, or has no model.
    """
    try:
        with readable(path):
            said = read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    model = said.get("model") if isinstance(said, dict) else None
    if not isinstance(model, dict):
        raise UserError(f"{path}: it has no model; expected a published tokenizer's.")
    # Older files do not say it of a BPE.
    return str(model.get("type", "BPE")), model


class TokenizerJson:
    """One such file.

    Args:
        path: The file.
        kind: What its model must be: `WordPiece`, `BPE` or `Unigram`.

    Attributes:
        model: What it says of its model.

    Raises:
        UserError: It is no such file, or of another kind.
    """

    def __init__(self, path: Path, kind: str):
        self.path = path
        try:
            with readable(path):
                said = read_json(path)
        except ValueError as error:
            raise UserError(f"{path}: not JSON ({error}).") from None
        model = said.get("model") if isinstance(said, dict) else None
        if not isinstance(model, dict) or model.get("type", kind) != kind:
            found = model.get("type") if isinstance(model, dict) else None
            raise UserError(f"{path}: its model is {found!r}; expected {kind}.")
        self.said, self.model = said, model

    def pieces(self) -> list[str]:
        """All pieces, those that were added later among them.

        Raises:
            UserError: The ids are not 0, 1, 2, ..., each once.
        """
        vocabulary = self.model.get("vocab")
        if isinstance(vocabulary, list):
            vocabulary = {str(one[0]): number for number, one in enumerate(vocabulary)}
        places = dict(vocabulary or {})
        places |= {one["content"]: one["id"] for one in self.said.get("added_tokens") or []}
        if sorted(places.values()) != list(range(len(places))):
            raise UserError(f"{self.path}: expected pieces with the ids 0, 1, 2, ... each once.")
        return sorted(places, key=places.__getitem__)

    def merges(self) -> list[tuple[str, str]]:
        """The pairs of a BPE, those learnt first first."""
        found = self.model.get("merges") or []
        return [tuple(one.split(" ") if isinstance(one, str) else one) for one in found]

    def steps(self, part: str) -> Iterator[Mapping[str, Any]]:
        """The steps of `normalizer` or `pre_tokenizer`, in their order."""
        yield from _flat(self.said.get(part))

    def characters(self) -> bytes:
        """The map of characters that a SentencePiece model was written with; empty without one."""
        for step in self.steps("normalizer"):
            if step.get("type") == "Precompiled":
                return base64.b64decode(step.get("precompiled_charsmap") or "")
        return b""


def _flat(step: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(step, dict):
        return
    inner = step.get("normalizers") or step.get("pretokenizers")
    if step.get("type") == "Sequence" and isinstance(inner, list):
        for one in inner:
            yield from _flat(one)
    else:
        yield step
