"""How published byte-level tokenizers differ from GPT-2's: splitting, normal form, specials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tfkd.data.strict_json import read_json
from tfkd.data.tokenizers.byte_words import byte_alphabet
from tfkd.data.tokenizers.published_files import well_formed
from tfkd.data.tokenizers.tokenizer_json import TokenizerJson
from tfkd.outside.regular_files import readable
from tfkd.spec.errors import UserError

_HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# Published regular expressions: digits by three (Llama 3), each by itself (Qwen).
PATTERNS = {"llama3": rf"{_HEAD}\p{{N}}{{1,3}}{_TAIL}", "qwen2": rf"{_HEAD}\p{{N}}{_TAIL}"}
# Each the end of a text of its own kind, whatever else a chat's turns end with.
_ENDS = ("<|endoftext|>", "<|end_of_text|>")


class ByteRules(NamedTuple):
    """What a published byte-level tokenizer does otherwise than GPT-2's.

    Attributes:
        split: `plain`, as GPT-2 does, or one of `PATTERNS`.
        compose: Whether a text is brought to NFC first.
        whole_words: Whether a word that is a piece is that piece, whatever its merges say.
        start, end, pad: What starts a text, ends it, and fills up behind it.
        special: All pieces that no text is cut into.
    """

    split: str = "plain"
    compose: bool = False
    whole_words: bool = False
    start: str = ""
    end: str = ""
    pad: str = ""
    special: tuple[str, ...] = ()


GPT2 = ByteRules()


def read_byte_json(path: Path) -> tuple[list[str], list[tuple[str, str]], ByteRules]:
    """Pieces, merges and rules of a published `tokenizer.json`.

    Raises:
        UserError: It is none of byte-level pairs, or does something that is not known.
    """
    file = TokenizerJson(path, "BPE")
    with well_formed(path):
        split, compose = _split(file), _normal_form(file)
        for key in ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"):
            if file.model.get(key):
                raise UserError(f"{path}: model.{key} is {file.model[key]!r}; none is known here.")
        pieces = file.pieces()
        rows = _json(path.with_name("config.json")).get("vocab_size")
        added = {one["content"] for one in file.said.get("added_tokens") or []}
        # Of pieces that a model has no row for, none is cut from a text.
        while isinstance(rows, int) and len(pieces) > rows > 0 and pieces[-1] in added:
            added.discard(pieces.pop())
        rules = ByteRules(
            split, compose, bool(file.model.get("ignore_merges")),
            *_ends(path.parent, pieces), tuple(one for one in pieces if one in added),
        )  # fmt: skip
        return pieces, file.merges(), rules


def _split(file: TokenizerJson) -> str:
    steps = list(file.steps("pre_tokenizer"))
    found = "plain"
    for step in steps:
        kind = step.get("type")
        if step.get("add_prefix_space"):
            raise UserError(f"{file.path}: add_prefix_space is true; only false is known.")
        if kind == "ByteLevel" and step.get("use_regex", True) == (len(steps) == 1):
            continue
        pattern = (step.get("pattern") or {}).get("Regex")
        known = {value: name for name, value in PATTERNS.items()}
        plain = step.get("behavior") == "Isolated" and not step.get("invert")
        if kind != "Split" or not plain or pattern not in known:
            said = repr(pattern) if kind == "Split" else kind
            raise UserError(
                f"{file.path}: pre_tokenizer {said}: text is split otherwise than by GPT-2, Llama "
                "3 or Qwen 2, and no other way is known."
            )
        found = known[pattern]
    return found


def _normal_form(file: TokenizerJson) -> bool:
    kinds = [step.get("type") for step in file.steps("normalizer") if step]
    if unknown := [str(kind) for kind in kinds if kind != "NFC"]:
        raise UserError(f"{file.path}: normalizer {', '.join(unknown)}; only NFC is known.")
    return bool(kinds)


def _ends(folder: Path, pieces: list[str]) -> tuple[str, str, str]:
    """What starts a text, ends it, and fills up behind it."""
    said = _json(folder / "special_tokens_map.json") | _json(folder / "tokenizer_config.json")
    named = {
        name: content
        for name in ("bos_token", "eos_token", "pad_token")
        if (content := _content(said.get(name))) in pieces
    }
    end = next((one for one in _ENDS if one in pieces), named.get("eos_token"))
    if end is None:  # said of the vocabulary
        return "", "", ""
    return named.get("bos_token", end), end, named.get("pad_token", end)


def _content(said: Any) -> str | None:
    found = said.get("content") if isinstance(said, Mapping) else said
    return found if isinstance(found, str) else None


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        with readable(path):
            found = read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    return found if isinstance(found, dict) else {}


def spelled_bytes(pieces: list[str], special: tuple[str, ...]) -> list[bytes]:
    """What each piece says; nothing where it is special."""
    back = {character: bytes([byte]) for byte, character in enumerate(byte_alphabet())}
    return [
        b"" if piece in special else b"".join(back.get(c, c.encode()) for c in piece)
        for piece in pieces
    ]


def splits_otherwise(path: Path) -> bool:
    """Whether a `tokenizer.json` is a published one that splits text otherwise than GPT-2's."""
    steps = (_json(path).get("pre_tokenizer") or {}).get("pretokenizers") or []
    return any(isinstance(one, Mapping) and one.get("type") == "Split" for one in steps)
