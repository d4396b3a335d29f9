"""Byte-pair encoding of bytes, GPT-2's, in Python and in the graph."""

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.ragged import Ragged
from tfkd.data.strict_json import parse_json, read_json
from tfkd.data.tokenizers.byte_rules import GPT2, PATTERNS, ByteRules, spelled_bytes
from tfkd.data.tokenizers.byte_words import byte_alphabet, splitter
from tfkd.data.tokenizers.piece_tokenizer import CHUNK, PieceTokenizer
from tfkd.outside.regular_files import NOTHING, other_than_file, read_regular, readable
from tfkd.spec.errors import UserError

END_OF_TEXT = "<|endoftext|>"
# RoBERTa's special tokens: start, end, padding, unknown, mask.
ROBERTA = ("<s>", "</s>", "<pad>", "<unk>", "<mask>")
VOCABULARY_FILE, MERGES_FILE, OPTIONS_FILE = "vocab.json", "merges.txt", "tokenizer.json"


class ByteBpe(PieceTokenizer):
    """Text to pieces of bytes by GPT-2's rules, and back to the same text, whatever it is.

    Text is split into words (each with the space before it), numbers, marks and white space; a word
    starts as its UTF-8 bytes, and the neighbours that were merged first when the vocabulary was
    learnt are merged, again and again. Every byte has a piece, so nothing is unknown.

    `<|endoftext|>` starts a text, ends it and fills up behind it: published GPT-2s have no other
    special token, and a row of padding more would make the weights another model's. All that reads
    a batch knows its padding by `valid`, never by the id. There is no [MASK]. A vocabulary with
    RoBERTa's special tokens instead (`<s>`, `</s>`, `<pad>`, `<unk>`, `<mask>`) has them all, and
    two `</s>` between the texts of a pair. Special tokens written in a text are text.

    Args:
        vocabulary: Pieces in the alphabet of `byte_alphabet`; a piece's id is its place.
        merges: Pairs of pieces, those learnt first first.

    Attributes:
        size: Number of pieces.
        pad_id, unknown_id, start_id, end_id: All the id of `<|endoftext|>`; RoBERTa's own.
        special_ids: That id alone; RoBERTa's five.
        continuation: bool `[size]`: pieces that do not start with a space.

        rules: What a published tokenizer does otherwise; see `ByteRules`.

    Raises:
        ValueError: The two do not fit: a byte without a piece, a merge of pieces that are not there
            or that are made later, a piece twice, no `<|endoftext|>`.

    Reference: Radford et al. 2019, section 2.2; Sennrich et al. 2016, section 3.2.
    """

    lower_case = False
    before_word = " "  # as in running text, and as published taggers were trained

    def __init__(
        self,
        vocabulary: Sequence[str],
        merges: Sequence[tuple[str, str]],
        rules: ByteRules = GPT2,
    ):
        self.vocabulary, self.rules = list(vocabulary), rules
        self.merges = [(first, second) for first, second in merges]
        places = {piece: index for index, piece in enumerate(self.vocabulary)}
        _check(self.vocabulary, places, self.merges, rules)
        self.size = len(self.vocabulary)
        self._mask: int | None = None
        special = (END_OF_TEXT,)
        if rules.special:
            special = rules.special
            self.start_id, self.end_id, self.pad_id = (places[piece] for piece in rules[3:6])
            self.unknown_id = self.end_id
        elif END_OF_TEXT in places:
            self.pad_id = self.unknown_id = self.start_id = self.end_id = places[END_OF_TEXT]
        else:
            special, self.separators = ROBERTA, 2
            self.start_id, self.end_id, self.pad_id, self.unknown_id, self._mask = (
                places[piece] for piece in ROBERTA
            )
        self.special_ids = tuple(sorted(places[piece] for piece in special))
        self.said = spelled_bytes(self.vocabulary, special)
        self.continuation = np.array([not said.startswith(b" ") for said in self.said])
        self.continuation[list(self.special_ids)] = False

    @property
    def mask_id(self) -> int:
        """The id of RoBERTa's `<mask>`.

        Raises:
            UserError: There is none: views that hide words need another vocabulary.
        """
        if self._mask is not None:
            return self._mask
        raise UserError(
            "a byte_bpe tokenizer has no [MASK], and a view or a search asks for it. Expected a "
            "tokenizer of kind wordpiece or sentencepiece for models that fill in hidden words"
        )

    def encode(self, lines: Sequence[str]) -> Ragged:
        """The ids of some lines, without special tokens."""
        rows: list[list[int]] = []
        for start in range(0, len(lines), CHUNK):
            found = self._fast.encode_batch_fast(list(lines[start : start + CHUNK]))
            rows += [one.ids for one in found]
        return Ragged.from_rows(rows)

    def decode(self, ids: Iterable[int]) -> str:
        """Text from ids; special tokens are dropped, bytes that are no UTF-8 become U+FFFD."""
        return b"".join([self.said[number] for number in ids]).decode("utf-8", "replace")

    @functools.cached_property
    def _fast(self) -> Any:
        return self.as_published()

    def as_published(self) -> Any:
        """The same as an object of the package `tokenizers`, which writes it as `tokenizer.json`;
        special tokens that a text spells are text."""
        import tokenizers

        places = {piece: index for index, piece in enumerate(self.vocabulary)}
        whole = {"ignore_merges": True} if self.rules.whole_words else {}
        model = tokenizers.models.BPE(vocab=places, merges=self.merges, **whole)
        made = tokenizers.Tokenizer(model)
        made.pre_tokenizer = splitter(PATTERNS.get(self.rules.split))
        if self.rules.compose:
            made.normalizer = tokenizers.normalizers.NFC()
        return made

    def in_graph(self) -> Any:
        """A `tf.Module` with `tokenize` and `detokenize` for serving; see `ByteBpeGraph`."""
        from tfkd.data.tokenizers.byte_bpe_graph import ByteBpeGraph

        return ByteBpeGraph(self)

    def fingerprint(self) -> str:
        """64 hexadecimal digits of what decides the ids."""
        rules = [] if self.rules == GPT2 else [list(self.rules)]
        said = json.dumps(["byte_bpe", self.vocabulary, self.merges, *rules])
        return hashlib.sha256(said.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Writes `vocab.json` and `merges.txt`, as GPT-2's were published, and `tokenizer.json`."""
        folder = Path(folder)
        write_published(self, folder)
        options = {
            "kind": "byte_bpe",
            **({} if self.rules == GPT2 else {"rules": self.rules._asdict()}),
            "size": self.size,
            "fingerprint": self.fingerprint(),
        }
        write_atomically(folder / OPTIONS_FILE, json.dumps(options, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "ByteBpe":
        """Reads what `save` wrote.

        Raises:
            ValueError: The files are not those that were saved.
        """
        folder = Path(folder)
        options = read_json(folder / OPTIONS_FILE)
        said = options.get("rules")
        rules = ByteRules(**{**said, "special": tuple(said["special"])}) if said else GPT2
        tokenizer = read_byte_bpe(folder / VOCABULARY_FILE, folder / MERGES_FILE, rules)
        if tokenizer.fingerprint() != options["fingerprint"]:
            raise ValueError(f"{folder}: {VOCABULARY_FILE} or {MERGES_FILE} has changed since.")
        return tokenizer


def keep_seen_bytes(tokenizer: ByteBpe, lines: Iterable[str]) -> ByteBpe:
    """The same tokenizer with the pieces that `lines` need, in the same order: special ones, all
    bytes, those that the lines are cut into, and what these are merged from.

    `lines` are cut into the same pieces as before. Of a word the pair that was merged first is
    still there, and still first, for nothing was added; so is the next one, to the last.
    """
    vocabulary = tokenizer.vocabulary
    seen = {*byte_alphabet(), *(vocabulary[place] for place in tokenizer.special_ids)}
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, CHUNK)):
        seen |= {vocabulary[place] for place in np.unique(tokenizer.encode(chunk).values)}
    before = 0
    while before < len(seen):  # a piece may be made of pairs that are learnt after it
        before = len(seen)
        for pair in reversed(tokenizer.merges):
            if "".join(pair) in seen:
                seen.update(pair)
    pieces = [piece for piece in vocabulary if piece in seen]
    merges = [pair for pair in tokenizer.merges if "".join(pair) in seen]
    return ByteBpe(pieces, merges, tokenizer.rules)


def write_published(tokenizer: ByteBpe, folder: Path) -> None:
    """Writes `vocab.json` and `merges.txt` alone, which other libraries read beside a GPT-2."""
    places = {piece: index for index, piece in enumerate(tokenizer.vocabulary)}
    write_atomically(Path(folder) / VOCABULARY_FILE, json.dumps(places, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in tokenizer.merges)]
    write_atomically(Path(folder) / MERGES_FILE, "".join(f"{line}\n" for line in lines))


def read_byte_bpe(vocabulary: Path, merges: Path, rules: ByteRules = GPT2) -> ByteBpe:
    """Reads a published byte-level vocabulary.

    Args:
        vocabulary: `vocab.json`, `{piece: id}`, or a file with a piece a line in the order of ids.
        merges: `merges.txt`: two pieces a line, after a line with a version.
        rules: What it does otherwise than GPT-2's.

    Raises:
        UserError: A file is missing or not of this form, or the two do not fit.
    """
    for path in (vocabulary, merges):
        if (what := other_than_file(path)) is not None:
            lying = "there is no such file" if what == NOTHING else f"it is {what}, no file"
            raise UserError(f"{path}: {lying}; expected a GPT-2's vocabulary files.")
    try:
        pieces = _pieces(Path(vocabulary))
        lines = _text(Path(merges)).split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{vocabulary}, {merges}: not UTF-8 ({error}).") from None
    pairs = []
    for number, line in enumerate(lines, start=1):
        if (number == 1 and line.startswith("#version")) or not line:
            continue
        pair = tuple(line.rstrip("\r").split(" "))
        if len(pair) != 2:
            raise UserError(f"{merges}:{number}: expected two pieces with a space between them.")
        pairs.append(pair)
    try:
        return ByteBpe(pieces, pairs, rules)
    except ValueError as error:
        raise UserError(f"{vocabulary}, {merges}: {error}") from None


def _text(path: Path) -> str:
    with readable(path):
        text = read_regular(path).decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _pieces(path: Path) -> list[str]:
    text = _text(path)
    if path.suffix != ".json":
        return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    try:
        places = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    if not isinstance(places, dict) or sorted(map(str, places.values())) != sorted(
        map(str, range(len(places)))
    ):
        raise UserError(f"{path}: expected {{piece: id}} with the ids 0, 1, 2, ... each once.")
    return sorted(places, key=places.__getitem__)


def learn_byte_bpe(lines: Iterable[str], size: int, *, min_frequency: int = 2) -> ByteBpe:
    """Learns a vocabulary by Hugging Face's `tokenizers`; the same text gives the same one.

    Args:
        lines: Text; read once, as a stream. Distinct words are kept in memory.
        size: Number of pieces, the 256 bytes and `<|endoftext|>` included; fewer where the text
            does not give as many.
        min_frequency: Rarer pairs of neighbours are not merged.

    Raises:
        UserError: There is no text.
    """
    import tokenizers

    seen = 0

    def text() -> Iterable[str]:
        nonlocal seen
        for line in lines:
            seen += bool(line)
            yield line

    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = splitter()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size - 1,
        min_frequency=min_frequency,
        initial_alphabet=sorted(byte_alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    made.train_from_iterator(text(), trainer)
    if not seen:
        raise UserError("A vocabulary cannot be learnt: the text to learn from has no words.")
    model = parse_json(made.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return ByteBpe([*pieces, END_OF_TEXT], [tuple(pair) for pair in model["merges"]])


def _check(
    vocabulary: list[str], places: dict[str, int], merges: list[tuple[str, str]], rules: ByteRules
) -> None:
    def refuse(argument: str, expected: str, received: str) -> None:
        raise ValueError(
            f"Invalid value for argument `{argument}`. Expected {expected}. Received: {received}"
        )

    if len(places) != len(vocabulary):
        twice = next(p for index, p in enumerate(vocabulary) if places[p] != index)
        refuse("vocabulary", "distinct pieces", f"{twice!r} twice")
    known = {*rules.special, *rules[3:6]} <= places.keys() and rules.special
    if not known and END_OF_TEXT not in places and not set(ROBERTA) <= places.keys():
        refuse("vocabulary", f"{END_OF_TEXT} among the pieces", "a vocabulary without it")
    if lacking := [character for character in byte_alphabet() if character not in places]:
        refuse(
            "vocabulary", "a piece for each byte (a byte-level vocabulary, as GPT-2's)",
            f"{len(lacking)} bytes without one",
        )  # fmt: skip
    made = set(byte_alphabet())
    for pair in merges:
        if len(pair) != 2 or pair[0] not in made or pair[1] not in made:
            refuse("merges", "pairs of bytes and of what earlier pairs made", f"{pair}")
        if "".join(pair) not in places:
            refuse("merges", "pairs whose piece is in the vocabulary", f"{pair}")
        made.add("".join(pair))
