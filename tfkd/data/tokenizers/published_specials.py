"""What a published SentencePiece folder says of special pieces beside its model: the languages of
an mBART, and pieces that were added."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of
from tfkd.data.tokenizers.published_files import (
    TOKENIZER_JSON,
    read_mapping,
    tokenizer_files,
    well_formed,
)
from tfkd.data.tokenizers.published_pairs import ADDED_FILE, MODEL_FILE
from tfkd.data.tokenizers.tokenizer_json import TokenizerJson, model_of_json
from tfkd.spec.errors import UserError

# Where an mBART says its languages, and what these are called.
_SAYING = ("tokenizer_config.json", "special_tokens_map.json")
_CONFIG = "config.json"
_LANGUAGE = re.compile("[a-z]{2,3}_[A-Z]{2}")
_FIFTY, _TWENTY_FIVE = "MBart50Tokenizer", "MBartTokenizer"
_CONTROLS = {"<s>", "<pad>", "</s>", "<mask>", "[CLS]", "[SEP]", "[MASK]", "[PAD]"}


def is_control(name: str) -> bool:
    """Whether a piece of this name stands for no text in any published model."""
    return name in _CONTROLS or name.startswith("<extra_id_")


def added_specials(file: TokenizerJson) -> set[str]:
    """The pieces that were added to a `tokenizer.json` as special ones."""
    added = file.said.get("added_tokens") or []
    return {one.get("content") for one in added if one.get("special")}


def said_beside(folder: Path) -> dict[str, list[str]]:
    """What a tokenizer hangs on beside the bytes of its files, for its fingerprint: the languages
    of an mBART, which several files may say, special pieces that only their mark makes so, and a
    `tokenizer.model` without a `tokenizer.json` beside it.

    Raises:
        UserError: As `languages_of`; a file is none.
    """
    found = {"languages": languages_of(folder)}
    files: tuple[str, ...] = ()
    path = folder / TOKENIZER_JSON
    with well_formed(path):
        with contextlib.suppress(UserError):  # told where it is read
            files = tokenizer_files(folder, "sentencepiece")
        if files == (TOKENIZER_JSON,) and model_of_json(path)[0] == "Unigram":
            special = added_specials(TokenizerJson(path, "Unigram")) - {"<unk>"}
            found["special"] = sorted(name for name in special if not is_control(name))
        if files == (MODEL_FILE,) and not path.is_file():  # else older keys have its bytes
            read = (folder / name for name in (MODEL_FILE, ADDED_FILE))
            found["model"] = [sha256_of(one) for one in read if one.is_file()]
    return {name: one for name, one in found.items() if one}


def languages_of(folder: Path) -> list[str]:
    """The pieces of an mBART's languages, in their order; none of any other folder.

    Its sources must begin with the piece of their language, which its tokenizer's class says, or
    the template that `tokenizer.json` puts a text into.

    Raises:
        UserError: Its files do not say which, or not that sources begin so, or that they end so,
            as those of 25 languages do.
    """
    folder = Path(folder)
    with well_formed(folder / _CONFIG):
        config = folder / _CONFIG
        if not config.is_file() or read_mapping(config).get("model_type") != "mbart":
            return []
    with well_formed(folder / _SAYING[0]):
        return _languages(folder)


def _languages(folder: Path) -> list[str]:
    said = {
        name: read_mapping(folder / name)
        for name in (*_SAYING, _CONFIG)
        if (folder / name).is_file()
    }
    file = None
    if (folder / TOKENIZER_JSON).is_file():
        file = TokenizerJson(folder / TOKENIZER_JSON, "Unigram")
    _refuse_behind(folder, said, file)
    found: list[Any] = []
    for name in (name for name in _SAYING if name in said):
        one = said[name]
        found = found or one.get("additional_special_tokens") or one.get("extra_special_tokens")
    if not found and file is not None:
        found = [one["content"] for one in file.said.get("added_tokens") or []]
    names = [one["content"] if isinstance(one, dict) else str(one) for one in found or ()]
    languages = [name for name in names if _LANGUAGE.fullmatch(name)]
    if not languages:
        raise UserError(
            f"{folder}: an mBART whose languages nothing says; expected additional_special_tokens "
            f"in {' or '.join(_SAYING)}, or {TOKENIZER_JSON}."
        )
    return languages


def _refuse_behind(
    folder: Path, said: Mapping[str, Mapping[str, Any]], file: TokenizerJson | None
) -> None:
    """Refuses an mBART unless its files say that a source begins with its language."""
    fifty = False
    for name, one in said.items():
        kind = str(one.get("tokenizer_class", "")).removesuffix("Fast")
        fifty |= kind == _FIFTY
        if kind == _TWENTY_FIVE:
            raise UserError(
                f"{folder / name}: {_TWENTY_FIVE}, whose sources end with the piece of their "
                f"language; expected an mBART of 50 languages, {_FIFTY}: these begin so."
            )
    template = [] if file is None else [*_template(file.said.get("post_processor"))]
    before = None
    if any(_LANGUAGE.fullmatch(name) for name in template):
        before = bool(_LANGUAGE.fullmatch(template[0]))
    if before is False:
        raise UserError(
            f"{folder / TOKENIZER_JSON}: its post_processor has a text end with the piece of its "
            f"language ({' '.join(template)}); expected an mBART of 50 languages, {_FIFTY}, whose "
            "sources begin so."
        )
    if not (fifty or before):
        raise UserError(
            f"{folder}: an mBART, and nothing says whether a source begins or ends with the piece "
            f"of its language. If it is one of 50 languages, whose sources begin so, write "
            f'"tokenizer_class": "{_FIFTY}" in {_SAYING[0]}.'
        )


def _template(step: Any) -> Iterator[str]:
    """The parts of a text alone: special pieces by name, and the text as its letter."""
    for one in step.get("processors") or [step] if step else ():
        for part in one.get("single") or ():
            yield from (str(inner["id"]) for inner in part.values())
