"""SentencePiece models, unigram or byte-pair encoding, in Python and in the graph."""

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.data.tokenizers.learning import CHINESE
from tfkd.data.tokenizers.piece_tokenizer import PieceTokenizer
from tfkd.data.tokenizers.wordpiece import END, MASK, PAD, START, UNKNOWN
from tfkd.spec.errors import UserError

SPACE = "\u2581"
MASKS = (MASK, "<mask>")
MODEL_FILE, OPTIONS_FILE = "sentencepiece.model", "tokenizer.json"


class Style(NamedTuple):
    """How a tokenizer differs from what its model says by itself.

    Attributes:
        separators: How many ends stand between the two texts of a pair: 2 in XLM-R.
        strip_accents: ALBERT's: two quotes become one mark, and accents are taken off before.
        size: The number of ids, where they are those of a vocabulary beside the model (Marian's):
            what the model cuts is looked up there. None: its own.
        published: Whether a checkpoint's vocabulary is what there is: no special token is added.
    """

    separators: int = 1
    strip_accents: bool = False
    size: int | None = None
    published: bool = False


PLAIN = Style()


class SentencePiece(PieceTokenizer):
    """Text to the pieces of a SentencePiece model, and back.

    Spaces are part of the pieces, so text comes back as it was, but for what the model's own
    normalization changes (NFKC, runs of spaces) and for unknown characters. Special tokens written
    in text are text. Where a model lacks [PAD], [CLS], [SEP] or [MASK] (its pad, bos, eos, and a
    piece of that name), they are added after its last piece.

    Args:
        model: The bytes of a SentencePiece model.
        lower_case: Lower-case first.
        style: Of a published checkpoint's tokenizer; see `published_pieces`.

    Attributes:
        vocabulary: Pieces; a piece's id is its place.
        size: Number of pieces.
        pad_id, unknown_id, start_id, end_id, mask_id: Ids of the special tokens.
        special_ids: All ids that stand for no text.
        continuation: bool `[size]`: which pieces go on with a word; a Chinese character never does.

    Raises:
        ValueError: The bytes are no SentencePiece model, or it has no unknown piece.

    Reference: Kudo and Richardson 2018, SentencePiece; Sennrich et al. 2016 for byte pairs.
    """

    def __init__(self, model: bytes, lower_case: bool = False, style: Style = PLAIN):
        import sentencepiece

        self.model = bytes(model)
        self.lower_case = bool(lower_case)
        self.style = style
        self.separators = style.separators
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=self.model)
        except RuntimeError as error:
            raise ValueError(
                "Invalid value for argument `model`. Expected the bytes of a SentencePiece model. "
                f"Received: {len(self.model):,} bytes that are none ({error})"
            ) from error
        known = self._processor
        count = style.size or known.get_piece_size()
        self.vocabulary = [known.id_to_piece(place) for place in range(count)]
        self._own = len(self.vocabulary)
        self.unknown_id = known.unk_id()
        if self.unknown_id < 0:
            raise ValueError(
                "Invalid value for argument `model`. Expected a model with a piece for unknown "
                "characters. Received: one without"
            )
        self.pad_id = self._special(known.pad_id(), PAD)
        self.start_id = self._special(known.bos_id(), START)
        self.end_id = self._special(known.eos_id(), END)
        masks = [place for place, piece in enumerate(self.vocabulary) if piece in MASKS]
        self._mask = masks[-1] if style.published and masks else None
        if not style.published:
            self._mask = self._special(-1, MASK)
        self.size = len(self.vocabulary)
        named = {self.pad_id, self.unknown_id, self.start_id, self.end_id, self._mask} - {None}
        controls = {place for place in range(self._own) if known.is_control(place)}
        self.special_ids = tuple(sorted(named | controls))
        self.continuation = np.array([_continues(piece) for piece in self.vocabulary])
        self.continuation[list(self.special_ids)] = False

    @property
    def mask_id(self) -> int:
        """The id of [MASK].

        Raises:
            UserError: A published vocabulary without one; a row more would be another model's.
        """
        if self._mask is None:
            raise UserError(
                "this published SentencePiece vocabulary has no [MASK], and a view or a search "
                "asks for it. Expected a tokenizer with one for models that fill in hidden words"
            )
        return self._mask

    def _special(self, place: int, name: str) -> int:
        """The id of a special token: the model's own, the piece of its name, or a new one."""
        if place >= 0:
            return place
        if name not in self.vocabulary:
            self.vocabulary.append(name)
        return self.vocabulary.index(name)

    def decode(self, ids: Iterable[int]) -> str:
        """Text from ids; special tokens are dropped."""
        special = set(self.special_ids)
        return self._processor.decode([int(number) for number in ids if number not in special])

    def cutting(self) -> tuple[dict[str, Any], dict[str, tuple[int, float]]]:
        """How it cuts: by which rules, and each piece's kind and score."""
        from sentencepiece import sentencepiece_model_pb2 as protocol

        proto = protocol.ModelProto.FromString(self.model)
        normal = proto.normalizer_spec
        rules: dict[str, Any] = {
            "model": protocol.TrainerSpec.ModelType.Name(proto.trainer_spec.model_type).lower(),
            "byte_fallback": proto.trainer_spec.byte_fallback,
            "add_dummy_prefix": normal.add_dummy_prefix,
            "remove_extra_whitespaces": normal.remove_extra_whitespaces,
            "normalization": hashlib.sha256(normal.precompiled_charsmap).hexdigest()[:8],
            **self.style._asdict(),
        }
        return rules, {one.piece: (one.type, one.score) for one in proto.pieces}

    def in_graph(self):
        """A `tf.Module` with `tokenize` and `detokenize` for serving; see `SentencePieceGraph`."""
        from tfkd.data.tokenizers.sentence_piece_graph import SentencePieceGraph

        return SentencePieceGraph(self)

    def fingerprint(self) -> str:
        """64 hexadecimal digits of what decides the ids."""
        model = base64.b64encode(self.model).decode("ascii")
        style = [] if self.style == PLAIN else [list(self.style)]
        said = json.dumps(["sentencepiece", self.lower_case, model, *style])
        return hashlib.sha256(said.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Writes `sentencepiece.model` and `tokenizer.json` into a folder."""
        folder = Path(folder)
        write_atomically(folder / MODEL_FILE, self.model)
        options: dict[str, Any] = {
            "kind": "sentencepiece",
            "lower_case": self.lower_case,
            **({} if self.style == PLAIN else {"style": self.style._asdict()}),
            "size": self.size,
            "fingerprint": self.fingerprint(),
        }
        write_atomically(folder / OPTIONS_FILE, json.dumps(options, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "SentencePiece":
        """Reads what `save` wrote.

        Raises:
            ValueError: The model is not the one that was saved.
        """
        folder = Path(folder)
        options = read_json(folder / OPTIONS_FILE)
        style = Style(**options.get("style", {}))
        tokenizer = cls((folder / MODEL_FILE).read_bytes(), options["lower_case"], style)
        if tokenizer.fingerprint() != options["fingerprint"]:
            raise ValueError(f"{folder}: {MODEL_FILE} has changed since it was saved.")
        return tokenizer


def _continues(piece: str) -> bool:
    if not piece or piece.startswith(SPACE):
        return False
    code = ord(piece[0])
    return not any(first <= code <= last for first, last in CHINESE)


def learn_sentencepiece(
    lines: Iterable[str],
    size: int,
    *,
    model: str = "unigram",
    lower_case: bool = False,
    character_coverage: float = 0.9995,
    byte_fallback: bool = False,
    normalization: str = "nmt_nfkc",
) -> bytes:
    """Learns a model with [PAD], [UNK], [CLS], [SEP] and [MASK] as its first pieces.

    The same lines in the same order give the same model.

    Args:
        lines: Text; read once, as a stream.
        size: Number of pieces, special ones included; fewer where the text does not give as many.
        model: "unigram" or "bpe".
        lower_case: Lower-case first.
        character_coverage: The share of the text's characters that get a piece; 1.0 for all.
        byte_fallback: Cut other characters into bytes instead of [UNK].
        normalization: SentencePiece's rule: "nmt_nfkc", "nfkc", or "identity", which leaves text
            as it is: the others make ASCII of full-width marks, and `...` of an ellipsis.

    Raises:
        UserError: There is no text, or its characters leave no room for pieces.
    """
    import io

    import sentencepiece

    written = io.BytesIO()
    seen = 0

    def text():
        nonlocal seen
        for line in lines:
            if line.strip():
                seen += 1
                yield line.lower() if lower_case else line

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=text(),
            model_writer=written,
            vocab_size=size,
            model_type=model,
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            normalization_rule_name=normalization,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            pad_piece=PAD,
            unk_piece=UNKNOWN,
            bos_piece=START,
            eos_piece=END,
            control_symbols=[MASK],
            hard_vocab_limit=False,
            # One thread and no sample: nothing is left to chance.
            num_threads=1,
            input_sentence_size=0,
            shuffle_input_sentence=False,
            minloglevel=2,
        )
    except RuntimeError as error:
        if not seen:
            raise UserError(
                "A vocabulary cannot be learnt: the text to learn from has no words."
            ) from None
        if "smaller than required_chars" in str(error):
            needed = str(error).partition(" vs ")[2].partition(".")[0]
            raise UserError(
                f"A vocabulary of {size} pieces is too small: the text's characters and the "
                f"special tokens take {needed}. Ask for a larger `size`, or a smaller "
                "`character_coverage`."
            ) from None
        raise
    return written.getvalue()
