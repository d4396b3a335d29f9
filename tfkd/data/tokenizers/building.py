"""The tokenizer that a spec describes: learnt, read from a file, or from a preset."""

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.strict_json import read_json
from tfkd.data.text.source_files import find_files
from tfkd.data.text.tfds_source import reachable
from tfkd.data.tokenizers.byte_bpe import (
    END_OF_TEXT,
    ROBERTA,
    ByteBpe,
    keep_seen_bytes,
    learn_byte_bpe,
    read_byte_bpe,
)
from tfkd.data.tokenizers.byte_rules import GPT2, read_byte_json, splits_otherwise
from tfkd.data.tokenizers.kept_pieces import keep_seen_pieces
from tfkd.data.tokenizers.learning import learn_wordpiece
from tfkd.data.tokenizers.piece_tokenizer import CHUNK
from tfkd.data.tokenizers.preset_files import BYTE_BPE_FILES, OPTION_FILES, VOCABULARY_FILES
from tfkd.data.tokenizers.published_files import TOKENIZER_JSON, well_formed
from tfkd.data.tokenizers.published_pieces import as_marian, read_published_pieces
from tfkd.data.tokenizers.sentence_piece import SentencePiece, learn_sentencepiece
from tfkd.data.tokenizers.tokenizer_json import TokenizerJson
from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece
from tfkd.outside.regular_files import read_regular, readable
from tfkd.spec.errors import UserError

# Where Keras Hub fetches presets from.
PRESET_HOST = ("www.kaggle.com", 443)


# The kinds of tokenizers, by what `tokenizer.json` calls them.
_KINDS = {"wordpiece": WordPiece, "sentencepiece": SentencePiece, "byte_bpe": ByteBpe}
Tokenizer = WordPiece | SentencePiece | ByteBpe


def load_tokenizer(folder: Path) -> Tokenizer:
    """Reads what a tokenizer's `save` wrote.

    Raises:
        ValueError: It is not what was saved, or of no kind that is known.
    """
    kind = read_json(Path(folder) / "tokenizer.json").get("kind")
    if kind not in _KINDS:
        raise ValueError(
            f"{folder}: tokenizer.json says kind {kind!r}; expected one of {', '.join(_KINDS)}."
        )
    return _KINDS[kind].load(folder)


def build_tokenizer(options, lines: Iterable[str], data_dir: Path) -> Tokenizer:
    """Builds a tokenizer.

    Args:
        options: `kind`, `lower_case`, and one of `learn_from` with `size`, `vocabulary`, `preset`;
            with `keep`, a read vocabulary is cut down to the pieces that `lines` need.
        lines: The text to learn from, or that `keep.seen_in` names; read once, as a stream.
        data_dir: The folder that file names are relative to.

    Raises:
        UserError: The file or preset is missing or is no BERT vocabulary.
    """
    if options.kind == "byte_bpe":
        tokenizer = _byte_bpe(options, lines, Path(data_dir))
        return tokenizer if options.keep is None else keep_seen_bytes(tokenizer, lines)
    if options.kind == "sentencepiece":
        tokenizer = _sentencepiece(options, lines, data_dir)
        return tokenizer if options.keep is None else keep_seen_pieces(tokenizer, lines)
    if options.vocabulary is not None:
        (path,) = find_files(options.vocabulary, data_dir)[:1]
        tokenizer = _tokenizer(read_vocabulary(path), options.lower_case, None, str(path))
    elif options.preset is not None:
        tokenizer = _from_preset(options.preset, options.lower_case, Path(data_dir))
    else:
        extra = getattr(options, "min_frequency", None)
        pieces = learn_wordpiece(
            lines, options.size, options.lower_case, min_frequency=2 if extra is None else extra
        )
        return WordPiece(pieces, options.lower_case)
    return tokenizer if options.keep is None else keep_seen(tokenizer, lines)


def _byte_bpe(options, lines: Iterable[str], data_dir: Path) -> ByteBpe:
    if options.learn_from:
        return learn_byte_bpe(lines, options.size)
    if options.vocabulary is not None:
        return read_byte_bpe(data_dir / options.vocabulary, data_dir / options.merges)
    folder = data_dir / options.preset
    vocabulary, merges = (folder / name for name in BYTE_BPE_FILES)
    path = folder / TOKENIZER_JSON
    # Beside the files that GPT-2 has alone it counts where it says more than these.
    if not path.is_file() or (vocabulary.is_file() and not splits_otherwise(path)):
        return read_byte_bpe(vocabulary, merges)
    pieces, pairs, rules = read_byte_json(path)
    plain = rules.split == "plain" and not rules.compose and not rules.whole_words
    with well_formed(path):
        if plain and (END_OF_TEXT in pieces or {*ROBERTA} <= {*pieces}):
            rules = GPT2
        return ByteBpe(pieces, pairs, rules)


def _sentencepiece(options, lines: Iterable[str], data_dir: Path) -> SentencePiece:
    if options.preset is not None:
        return read_published_pieces(Path(data_dir) / options.preset, options.side, options.start)
    if options.vocabulary is None:
        model = learn_sentencepiece(
            lines,
            options.size,
            model=options.model,
            lower_case=options.lower_case,
            character_coverage=options.character_coverage,
            byte_fallback=options.byte_fallback,
            normalization=options.normalization,
        )
        if options.side is not None:
            return as_marian(model, options.lower_case)
        return SentencePiece(model, options.lower_case)
    (path,) = find_files(options.vocabulary, data_dir)[:1]
    with readable(path):
        model = read_regular(path)
    try:
        return SentencePiece(model, options.lower_case)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def keep_seen(tokenizer: WordPiece, lines: Iterable[str]) -> WordPiece:
    """The same tokenizer with the special pieces and those that `lines` need, in the same order.

    `lines` are encoded to the same pieces as before: each was the longest match, and still is.
    """
    seen = np.zeros(tokenizer.size, bool)
    seen[list(tokenizer.special_ids)] = True
    lines = iter(lines)
    while chunk := list(islice(lines, CHUNK)):
        seen[tokenizer.encode(chunk).values] = True
    pieces = [tokenizer.vocabulary[place] for place in np.flatnonzero(seen)]
    return WordPiece(pieces, tokenizer.lower_case, tokenizer.strip_accents)


def read_vocabulary(path: Path) -> list[str]:
    """Reads a vocabulary file: one piece a line, its id the line's number from 0.

    Raises:
        UserError: The file is not UTF-8, has a piece twice, an empty line, or lacks a special one.
    """
    # Only \n ends a line: published vocabularies hold U+2028 and U+0085 as pieces.
    with readable(path):
        lines = read_regular(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines and not lines[-1].strip():
        lines.pop()
    first: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        try:
            piece = line.rstrip(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{path}:{number}: not UTF-8; this is no vocabulary file.") from None
        if not piece:
            raise UserError(f"{path}:{number}: an empty line; a vocabulary has a piece a line.")
        if piece in first:
            raise UserError(
                f"{path}:{number}: {piece!r} stands in line {first[piece]} already; a vocabulary "
                "has each piece once."
            )
        first[piece] = number
    return list(first)


def _tokenizer(
    pieces: list[str], lower_case: bool, strip_accents: bool | None, where: str
) -> WordPiece:
    if missing := [piece for piece in SPECIALS if piece not in set(pieces)]:
        raise UserError(
            f"{where}: no BERT vocabulary: it lacks {', '.join(missing)}. Byte-pair vocabularies "
            "(GPT-2, RoBERTa) are none."
        )
    return WordPiece(pieces, lower_case, strip_accents)


def _from_preset(name: str, lower_case: bool, data_dir: Path) -> WordPiece:
    folder = data_dir / name
    if not os.path.isdir(folder):
        return _from_keras_hub(name, data_dir)
    if os.path.isfile(folder / "tokenizer.json") and os.path.isfile(folder / "vocabulary.txt"):
        try:
            return WordPiece.load(folder)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"preset {folder}: tokenizer.json and vocabulary.txt are not what tfkd saved "
                f"({error!r})."
            ) from error
    accents: bool | None = None
    for place in OPTION_FILES:
        if os.path.isfile(folder / place):
            config = _options(folder / place)
            said = [config[key] for key in ("do_lower_case", "lowercase") if key in config]
            lower_case = said[0] if said else lower_case
            accents = config.get("strip_accents", accents)
    for place in VOCABULARY_FILES:
        if os.path.isfile(folder / place):
            pieces = read_vocabulary(folder / place)
            return _tokenizer(pieces, lower_case, accents, str(folder))
    if os.path.isfile(folder / TOKENIZER_JSON):
        file = TokenizerJson(folder / TOKENIZER_JSON, "WordPiece")
        with well_formed(file.path):
            pieces = file.pieces()
        return _tokenizer(pieces, lower_case, accents, str(folder))
    raise UserError(
        f"preset {folder}: no vocab.txt (a published BERT) and no assets/tokenizer/vocabulary.txt "
        "(a Keras Hub preset) in this folder."
    )


def _options(path: Path) -> dict[str, Any]:
    """The options in one of a preset's files."""
    try:
        config = read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: no mapping; expected a tokenizer's options.")
    # Keras Hub nests its options, the published fast tokenizers theirs.
    nested = config.get("config") or config.get("normalizer")
    return nested if isinstance(nested, dict) else config


def _from_keras_hub(name: str, data_dir: Path) -> WordPiece:
    import keras_hub

    if name not in keras_hub.models.BertTokenizer.presets:
        known = ", ".join(sorted(keras_hub.models.BertTokenizer.presets))
        raise UserError(
            f"preset `{name}`: neither a folder in {data_dir} nor a preset of Keras Hub's BERT "
            f"({known})."
        )
    refuse_unreachable(name)
    theirs = keras_hub.models.BertTokenizer.from_preset(name)
    return WordPiece(theirs.get_vocabulary(), theirs.lowercase)


def refuse_unreachable(preset: str) -> None:
    """Raises where a preset of Keras Hub cannot be fetched."""
    if not reachable(PRESET_HOST, seconds=5.0):
        raise UserError(
            f"preset `{preset}` must be fetched, and {PRESET_HOST[0]} cannot be reached. Fetch it "
            "where there is a network, and give its folder instead."
        )
