"""Tokenizers' files for those who have no tfkd, and what reads and writes text by them.

A WordPiece or byte-level vocabulary becomes a `tokenizer.json` of the package `tokenizers`, a
SentencePiece model its own file. How pieces become text again, where no package says it, stands in
the description: regular expressions with their replacements.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.tokenizers.byte_bpe import ByteBpe
from tfkd.data.tokenizers.detokenizer import RULES
from tfkd.data.tokenizers.sentence_piece import SentencePiece
from tfkd.data.tokenizers.wordpiece import UNKNOWN, WordPiece

JSON_FILE, MODEL_FILE = "tokenizer.json", "sentencepiece.model"
# Its pieces in the order of their ids, where a format wants them.
VOCABULARY = "vocabulary.json"
# As `tfkd.data.tokenizers.wordpiece_graph` has it, in the words of another library.
_DROPPED = r"[^\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}\t\n\r]+|\x{fffd}+"
_SPACES = r"[\p{Zl}\p{Zp}]"
_LONGEST_WORD = 100


def write_tokenizer(tokenizer: Any, folder: Path) -> dict[str, Any]:
    """Writes a tokenizer's file into a folder, which is made.

    Args:
        tokenizer: One of the package's, or a `LowerCasing` or a `Separated` of one.
        folder: The place of its file.

    Returns:
        What is to be known beside the file, in plain values: `kind`, `lower_case` and, where the
        file does not say it, `detokenize`: pairs of expressions and replacements.

    Raises:
        ValueError: A tokenizer of another kind.
    """
    folder.mkdir(parents=True)
    lower_case = bool(getattr(tokenizer, "lower_cases", False))
    while hasattr(tokenizer, "inner"):
        tokenizer = tokenizer.inner
    if isinstance(tokenizer, WordPiece):
        write_atomically(folder / JSON_FILE, _word_pieces(tokenizer).to_str(pretty=True))
        return {"kind": "wordpiece", "lower_case": lower_case, "detokenize": RULES}
    if isinstance(tokenizer, ByteBpe):
        write_atomically(folder / JSON_FILE, tokenizer.as_published().to_str(pretty=True))
        return {"kind": "byte_bpe", "lower_case": lower_case}
    if isinstance(tokenizer, SentencePiece):
        write_atomically(folder / MODEL_FILE, tokenizer.model)
        said = {"kind": "sentencepiece", "lower_case": lower_case or tokenizer.lower_case}
        if tokenizer.style.strip_accents:
            said["strip_accents"] = True
        return said
    raise ValueError(
        "Invalid value for argument `tokenizer`. Expected a WordPiece, a SentencePiece or a "
        f"ByteBpe. Received: {type(tokenizer).__name__}"
    )


def _word_pieces(tokenizer: WordPiece) -> Any:
    """The rules of `WordPiece`, step by step. Special pieces are no text: none is told of."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    places = {piece: place for place, piece in enumerate(tokenizer.vocabulary)}
    model = models.WordPiece(places, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
    steps = [normalizers.Replace(Regex(_DROPPED), ""), normalizers.Replace(Regex(_SPACES), " ")]
    if tokenizer.lower_case:
        steps.append(normalizers.Lowercase())
    if tokenizer.strip_accents:
        steps += [normalizers.NFD(), normalizers.Replace(Regex(r"\p{Mn}+"), "")]
    steps.append(
        normalizers.BertNormalizer(
            clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False
        )
    )
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


class TextFiles:
    """A tokenizer as its exported files have it: lines to pieces, and pieces to a line.

    Args:
        folder: With the file.
        said: What `write_tokenizer` has returned.
        vocabulary: The pieces in the order of their ids.
        special: Those that stand for no text.
        unknown: The one that stands for what has no piece.
    """

    def __init__(
        self,
        folder: Path,
        said: Mapping[str, Any],
        vocabulary: Sequence[str],
        special: Sequence[str],
        unknown: str,
    ):
        self.vocabulary = list(vocabulary)
        self._lower_case = said["lower_case"]
        self._strip_accents = said.get("strip_accents", False)
        places = {piece: place for place, piece in enumerate(self.vocabulary)}
        self._words = {piece: place for piece, place in places.items() if piece not in special}
        self._unknown = places[unknown]
        self._rules = [(re.compile(one), to) for one, to in said.get("detokenize", ())]
        if said["kind"] == "sentencepiece":
            import sentencepiece

            self._tokenizer = None
            model = (folder / MODEL_FILE).read_bytes()
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        else:
            import tokenizers

            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / JSON_FILE))
            self._tokenizer.no_truncation()
            if said["kind"] == "byte_bpe":
                self._decoder = tokenizers.decoders.ByteLevel()

    def encode(self, lines: Sequence[str]) -> list[list[str]]:
        """The pieces of each line, without special ones."""
        return [[self.vocabulary[place] for place in row] for row in self.ids(lines)]

    def ids(self, lines: Sequence[str]) -> list[list[int]]:
        """Their places in the vocabulary."""
        lines = [line.encode("utf-8", "replace").decode("utf-8") for line in lines]
        if self._strip_accents:
            lines = [_without_accents(line) for line in lines]
        if self._lower_case:
            lines = [line.lower() for line in lines]
        if self._tokenizer is not None:
            found = self._tokenizer.encode_batch_fast(lines)  # which has ids alone
            return [one.ids for one in found]
        cut = self._pieces.encode(lines, out_type=str)
        # A piece that the model has not is text, whatever it spells.
        return [[self._words.get(one, self._unknown) for one in row] for row in cut]

    def decode(self, pieces: Sequence[str]) -> str:
        """The text of pieces; special ones are left out."""
        pieces = [one for one in pieces if one in self._words]
        if self._tokenizer is None:
            return self._pieces.decode(pieces)
        if not self._rules:
            return self._decoder.decode(pieces)
        text = "".join([one[2:] if one.startswith("##") else f" {one}" for one in pieces])
        text = f" {text.strip(' ')} "
        for pattern, replacement in self._rules:
            text = pattern.sub(replacement, text)
        return text.strip(" ")


def _without_accents(line: str) -> str:
    """ALBERT's reading: two quotes are one mark, and marks on letters are taken off."""
    line = unicodedata.normalize("NFKD", re.sub("``|''", '"', line))
    return "".join([one for one in line if not unicodedata.category(one).startswith("M")])
