"""SentencePiece models that are cut down to the pieces which some text needs."""

from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import numpy as np

from tfkd.data.tokenizers.piece_tokenizer import CHUNK
from tfkd.data.tokenizers.sentence_piece import SPACE, SentencePiece

# What sentencepiece takes for a piece that words are cut into.
_NORMAL = 1


def keep_seen_pieces(tokenizer: SentencePiece, lines: Iterable[str]) -> SentencePiece:
    """The same tokenizer with the pieces that `lines` need, in the same order: all that stand for
    no word of a text, the space, those that the lines are cut into, and what these are merged from.

    `lines` are cut into the same pieces as before. Of a unigram model the best way through a line
    is still there, and no other became better: the least and the greatest score stay, which an
    unknown character and a piece of the user's are weighed by. Of byte pairs each merge of a line
    lies within a piece that it ends in, where it is the best one of that piece alone, too.

    Args:
        tokenizer: One whose ids are its model's.
        lines: Text; read once, as a stream.

    Raises:
        ValueError: Its ids are those of a vocabulary beside the model (a Marian's).

    Reference: Kudo 2018 (unigram); Sennrich et al. 2016 (byte pairs).
    """
    from sentencepiece import sentencepiece_model_pb2 as protocol

    if tokenizer.style.size is not None:
        raise ValueError(
            "Invalid value for argument `tokenizer`. Expected ids that are its model's own. "
            "Received: those of a vocabulary that two models share"
        )
    proto = protocol.ModelProto.FromString(tokenizer.model)
    places = {one.piece: place for place, one in enumerate(proto.pieces)}
    seen = np.array([one.type != _NORMAL for one in proto.pieces])
    seen[[place for place in tokenizer.special_ids if place < len(seen)]] = True
    if SPACE in places:  # else a space that no line has alone would be an unknown letter
        seen[places[SPACE]] = True
    words = np.flatnonzero([one.type == _NORMAL for one in proto.pieces])
    if len(words):
        scores = np.array([proto.pieces[place].score for place in words])
        seen[words[[scores.argmin(), scores.argmax()]]] = True
    lines = iter(lines)
    while chunk := list(islice(lines, CHUNK)):
        found = np.unique(tokenizer.encode(chunk).values)
        seen[found[found < len(seen)]] = True
    if proto.trainer_spec.model_type == protocol.TrainerSpec.BPE:
        for place in np.flatnonzero(seen):
            for piece in _merged(proto.pieces[place].piece, proto.pieces, places):
                seen[places[piece]] = True
    kept = [proto.pieces[place] for place in np.flatnonzero(seen)]
    return SentencePiece(_with_pieces(proto, kept, seen), tokenizer.lower_case, tokenizer.style)


def _merged(piece: str, pieces: Any, places: dict[str, int]) -> set[str]:
    """What a piece is merged from, letter by letter: the pair of the greatest score first, of equal
    ones the first; its letters, where they are pieces, among them."""
    parts = list(piece)
    found = {part for part in parts if part in places}
    while len(parts) > 1:
        pairs = [one + other for one, other in pairwise(parts)]
        known = [number for number, pair in enumerate(pairs) if pair in places]
        if not known:
            break
        best = max(known, key=lambda number: (pieces[places[pairs[number]]].score, -number))
        parts[best : best + 2] = [pairs[best]]
        found.add(pairs[best])
    return found


def _with_pieces(proto: Any, kept: list[Any], seen: np.ndarray) -> bytes:
    """A model of some of its pieces, whose ids count anew."""
    copies = [type(one).FromString(one.SerializeToString()) for one in kept]
    ids = np.cumsum(seen) - 1
    for role in ("unk", "bos", "eos", "pad"):
        place = getattr(proto.trainer_spec, f"{role}_id")
        if 0 <= place < len(seen):
            setattr(proto.trainer_spec, f"{role}_id", int(ids[place]))
    proto.trainer_spec.vocab_size = len(copies)
    del proto.pieces[:]
    proto.pieces.extend(copies)
    return proto.SerializeToString()
