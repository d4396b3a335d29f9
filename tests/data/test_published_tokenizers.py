"""Published tokenizers read from their own files, and pairs as RoBERTa reads them."""

import json

import numpy as np
import pytest

from tfkd.data.layouts import Specials, joint, joint_lengths
from tfkd.data.ragged import Ragged
from tfkd.data.tokenizers import build_tokenizer
from tfkd.data.tokenizers.byte_bpe import END_OF_TEXT, ROBERTA, ByteBpe
from tfkd.data.tokenizers.byte_words import byte_alphabet
from tfkd.spec.errors import UserError
from tfkd.spec.options import ByteBpeOptions, SentencePieceOptions, WordPieceOptions

BYTES = sorted(byte_alphabet())


def test_roberta_s_special_tokens_are_its_own_and_never_text():
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *BYTES, "th", "<mask>"]
    tokenizer = ByteBpe(pieces, [("t", "h")])
    assert (tokenizer.start_id, tokenizer.pad_id, tokenizer.end_id) == (0, 1, 2)
    assert (tokenizer.unknown_id, tokenizer.mask_id, tokenizer.separators) == (3, 261, 2)
    ids = tokenizer.encode(["the <mask></s>"]).row(0).tolist()
    assert not {*ids} & {*tokenizer.special_ids}
    assert tokenizer.decode([0, *ids, 2, 1]) == "the <mask></s>"
    plain = ByteBpe([*BYTES, END_OF_TEXT], [])
    assert plain.separators == 1
    with pytest.raises(UserError, match=r"no \[MASK\]"):
        _ = plain.mask_id
    with pytest.raises(ValueError, match="among the pieces"):
        ByteBpe([*BYTES, *ROBERTA[:4]], [])


def test_two_ends_stand_between_the_texts_of_a_pair():
    specials = Specials(1, 3, 0, 2, 9, (0, 1, 2, 3, 9), 20, separators=2)
    first, second = Ragged.from_rows([[5, 6], [7], [5] * 9]), Ragged.from_rows([[8], [], [8] * 9])
    found = joint(first, second, specials, 10, has_second=np.array([True, False, True]))
    assert found["ids"].tolist() == [
        [0, 5, 6, 2, 2, 8, 2, 1, 1, 1],
        [0, 7, 2, 1, 1, 1, 1, 1, 1, 1],
        [0, 5, 5, 5, 2, 2, 8, 8, 8, 2],
    ]
    assert found["first_length"].tolist() == [3, 2, 4]
    assert found["second_start"].tolist()[::2] == [5, 6]
    head, tail = joint_lengths(
        first.lengths, second.lengths, np.array([True, False, True]), 10, separators=2
    )
    assert (head + tail).tolist() == found["valid"].sum(1).tolist()


def write_json(folder, model, **more):
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps({"model": model, **more}))


def test_tokenizer_json_alone_is_read(tmp_path):
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *BYTES, "th"]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    added = [{"content": "<mask>", "id": len(pieces)}]
    model = {"type": "BPE", "vocab": vocab, "merges": [["t", "h"]]}
    write_json(tmp_path / "it", model, added_tokens=added)
    tokenizer = build_tokenizer(ByteBpeOptions(preset="it"), (), tmp_path)
    assert tokenizer.pieces(tokenizer.encode(["the"]).row(0)) == ["th", "e"]
    assert tokenizer.mask_id == len(pieces)
    step = {"type": "ByteLevel", "add_prefix_space": True}
    write_json(tmp_path / "it", model, added_tokens=added, pre_tokenizer=step)
    with pytest.raises(UserError, match="add_prefix_space is true"):
        build_tokenizer(ByteBpeOptions(preset="it"), (), tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dog"]
    model = {"type": "WordPiece", "vocab": {piece: n for n, piece in enumerate(words)}}
    write_json(tmp_path / "it", model, normalizer={"type": "BertNormalizer", "lowercase": True})
    tokenizer = build_tokenizer(WordPieceOptions(preset="it"), (), tmp_path)
    assert (tokenizer.vocabulary, tokenizer.lower_case) == (words, True)
    model["vocab"]["cat"] = 9
    write_json(tmp_path / "it", model)
    with pytest.raises(UserError, match="the ids 0, 1, 2"):
        build_tokenizer(WordPieceOptions(preset="it"), (), tmp_path)
    write_json(tmp_path / "it", {"type": "BPE"})
    with pytest.raises(UserError, match="its model is 'BPE'; expected WordPiece"):
        build_tokenizer(WordPieceOptions(preset="it"), (), tmp_path)


def test_files_that_are_missing_are_named(tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "source.spm").write_bytes(b"")
    with pytest.raises(UserError, match=r"source.spm and target.spm and .*has source.spm"):
        build_tokenizer(SentencePieceOptions(preset="it"), (), tmp_path)
    (tmp_path / "it" / "spiece.model").write_bytes(b"\xff\xff none")
    with pytest.raises(UserError, match=r"spiece.model: 7 bytes that are no SentencePiece"):
        build_tokenizer(SentencePieceOptions(preset="it"), (), tmp_path)
    with pytest.raises(UserError, match=r"one model for all texts; expected no side"):
        build_tokenizer(SentencePieceOptions(preset="it", side="source"), (), tmp_path)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ({"vocab": [["<s>", "x"]]}, {}),
        ({"vocab": [7]}, {}),
        ({"vocab": [["<s>", 0.0]], "unk_id": 9}, {}),
        ({}, {}),
        ({"vocab": [["<s>", 0.0]]}, {"added_tokens": [{"content": "x", "id": "y"}]}),
    ],
)
def test_a_tokenizer_json_of_another_form_is_named(model, more, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    write_json(folder, {"type": "Unigram", **model}, **more)
    options = SentencePieceOptions.model_validate({"kind": "sentencepiece", "preset": "it"})
    with pytest.raises(UserError, match=r"tokenizer\.json: not a published tokenizer's file"):
        build_tokenizer(options, [], tmp_path)
