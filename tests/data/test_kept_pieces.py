"""SentencePiece models that are cut down to what lines need."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from sentencepiece import sentencepiece_model_pb2 as protocol

from tfkd.data.tokenizers.kept_pieces import keep_seen_pieces
from tfkd.data.tokenizers.same_pieces import cut_otherwise
from tfkd.data.tokenizers.sentence_piece import SentencePiece, Style, learn_sentencepiece

WORDS = ["low", "lower", "lowest", "new", "newer", "newest", "wide", "wider", "widest", "ü",
         "naïve", "lowlands", "renewed", "再见", "白日"]  # fmt: skip
pytestmark = pytest.mark.tensorflow
KINDS = [(kind, fallback) for kind in ("unigram", "bpe") for fallback in (False, True)]


@functools.cache
def whole(kind, fallback):
    draws = np.random.default_rng(7)
    text = [" ".join(draws.choice(WORDS, 9)) for _ in range(150)]
    size = 110 + 256 * fallback
    return SentencePiece(
        learn_sentencepiece(text, size, model=kind, byte_fallback=fallback, character_coverage=1.0)
    )


def spelled(tokenizer, lines):
    found = tokenizer.encode(lines)
    return [[tokenizer.vocabulary[one] for one in found.row(row)] for row in range(len(found))]


@pytest.mark.parametrize(("kind", "fallback"), KINDS)
@settings(deadline=None, max_examples=12)
@given(st.lists(st.lists(st.sampled_from([*WORDS, "lowes", "xéq", "🙂"]), max_size=5), max_size=4))
def test_lines_are_cut_into_the_same_pieces(kind, fallback, rows):
    lines = [" ".join(row) for row in rows]
    cut = keep_seen_pieces(whole(kind, fallback), iter(lines))
    assert spelled(cut, lines) == spelled(whole(kind, fallback), lines)
    assert [one for one in whole(kind, fallback).vocabulary if one in {*cut.vocabulary}] == (
        cut.vocabulary
    )
    for name in ("pad_id", "unknown_id", "start_id", "end_id", "mask_id"):
        one, other = getattr(cut, name), getattr(whole(kind, fallback), name)
        assert cut.vocabulary[one] == whole(kind, fallback).vocabulary[other]
    assert cut_otherwise(cut, whole(kind, fallback)) == ""
    # Other text is read, too, and where there are bytes it comes back.
    other = cut.decode(cut.encode(["zebra 🙂"]).values)
    assert not fallback or other == "zebra 🙂"


@pytest.mark.parametrize(("kind", "fallback"), KINDS)
def test_what_no_line_needs_goes(kind, fallback):
    cut = keep_seen_pieces(whole(kind, fallback), ["lowest"])
    words = {one for one in cut.vocabulary if "w" in one}
    assert not [one for one in words if one.strip("▁") and one.strip("▁") not in "lowest"][2:]
    assert cut.size < whole(kind, fallback).size - 20


def made(pieces, kind, **more):
    """A model of (piece, score) behind its special pieces."""
    proto = protocol.ModelProto()
    piece = protocol.ModelProto.SentencePiece
    for name, form in (("<unk>", 2), ("<s>", 3), ("</s>", 3)):
        proto.pieces.append(piece(piece=name, type=form))
    for name, score in pieces:
        proto.pieces.append(piece(piece=name, score=score, **more.get(name, {})))
    proto.trainer_spec.model_type = getattr(protocol.TrainerSpec, kind)
    for place, role in enumerate(("unk", "bos", "eos")):
        setattr(proto.trainer_spec, f"{role}_id", place)
    proto.trainer_spec.pad_id = -1
    proto.normalizer_spec.add_dummy_prefix = False
    return SentencePiece(proto.SerializeToString(), style=Style(published=True))


def test_an_unknown_letter_costs_as_much_as_before():
    """It is the least score less ten; without the least one `ab` would be two unknown letters."""
    whole = made([("a", -1.0), ("b", -99.0), ("ab", -100.0), ("zz", -400.0)], "UNIGRAM")
    cut = keep_seen_pieces(whole, ["ab"])
    assert "zz" in cut.vocabulary
    assert spelled(cut, ["ab"]) == spelled(whole, ["ab"]) == [["ab"]]


@pytest.mark.parametrize("text", ["abcd", "abc", "bcd", "aabcdd"])
def test_what_a_pair_is_merged_from_stays(text):
    pieces = [*((one, -9.0) for one in "abcdx"), ("bc", -1.0), ("abc", -2.0), ("abcd", -3.0),
              ("ab", -4.0), ("cd", -5.0), ("xx", -0.5)]  # fmt: skip
    whole = made(pieces, "BPE")
    cut = keep_seen_pieces(whole, [text])
    assert spelled(cut, [text]) == spelled(whole, [text])
    assert "bc" in cut.vocabulary
    # But for what unknown letters are weighed by: the greatest score.
    assert "ab" not in cut.vocabulary
    own = SentencePieceProcessor(model_proto=cut.model).get_piece_size()
    assert own == cut.size - 1  # padding, which the model lacks


def test_other_scores_and_rules_are_told():
    whole = made([("a", -1.0), ("b", -2.0), ("ab", -3.0)], "UNIGRAM")
    cut = keep_seen_pieces(whole, ["ab"])
    assert cut_otherwise(cut, whole) == ""
    other = made([("a", -1.0), ("b", -2.0), ("ab", -2.5)], "UNIGRAM")
    assert cut_otherwise(cut, other) == "the score of 'ab' is -3 and -2.5"
    assert cut_otherwise(cut, made([("a", -1.0), ("b", -2.0), ("ab", -3.0)], "BPE")) == (
        "model is unigram and bpe"
    )


def test_ids_that_two_models_share_are_refused():
    marian = SentencePiece(whole("unigram", False).model, style=Style(size=20))
    with pytest.raises(ValueError, match="two models share"):
        keep_seen_pieces(marian, ["low"])
