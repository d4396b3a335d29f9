"""SentencePiece tokenizers: against the package's own processor, and as models of all sorts."""

import io
import json

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.tokenizers import (
    SentencePiece,
    build_tokenizer,
    learn_sentencepiece,
    load_tokenizer,
)
from tfkd.spec.errors import UserError
from tfkd.spec.options import SentencePieceOptions

LINES = [
    "Zwei Hunde spielen im Schnee.", "Eine Frau liest ein Buch.", "Der Mann läuft schnell!",
    "Ein kleines Mädchen springt über den Zaun.", "Die Kinder essen Äpfel und Brot.",
    "两只狗在雪地里玩。", "一个女人正在看书。", "孩子们在公园里跑步。",
] * 3  # fmt: skip
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def learnt(model="unigram", size=150, **options):
    return SentencePiece(
        learn_sentencepiece(LINES, size, model=model, character_coverage=1.0, **options)
    )


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def tokenizer(request):
    return learnt(request.param)


def test_specials_come_first(tokenizer):
    assert tokenizer.vocabulary[:5] == SPECIALS
    ids = (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id)
    assert (*ids, tokenizer.mask_id) == (0, 1, 2, 3, 4)
    assert tokenizer.special_ids == (0, 1, 2, 3, 4)
    assert tokenizer.size == len(tokenizer.vocabulary) == len(tokenizer.continuation)


def test_ids_and_texts_are_the_packages_own(tokenizer):
    theirs = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    texts = [*LINES, "", "  Zwei   Hunde ", "Zaun [MASK] [PAD]", "ﬁn ½ 🙂 \u200b\t!"]
    rows = tokenizer.encode(texts)
    for number, text in enumerate(texts):
        assert rows.row(number).tolist() == theirs.encode(text)
        known = [i for i in rows.row(number).tolist() if i not in tokenizer.special_ids]
        assert tokenizer.decode(rows.row(number)) == theirs.decode(known)


def test_text_comes_back_as_it_was(tokenizer):
    assert tokenizer.decode_batch(tokenizer.encode(LINES)) == LINES


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("Hunde spielt ÄBüß.,!在雪地两只 \t🙂"), max_size=30))
def test_the_graph_says_what_python_says(text):
    tokenizer = _shared()
    ids = tokenizer.encode([text, "Zwei Hunde"])
    padded = [
        [tokenizer.start_id, *ids.row(row).tolist(), tokenizer.end_id, tokenizer.pad_id]
        for row in range(2)
    ]
    width = max(map(len, padded))
    batch = tf.constant([row + [0] * (width - len(row)) for row in padded], tf.int32)
    said = tokenizer.in_graph().detokenize(batch).numpy()
    assert [line.decode() for line in said] == tokenizer.decode_batch(ids)


_made = []


def _shared():
    if not _made:
        _made.append(learnt())
    return _made[0]


def test_special_tokens_in_text_are_text(tokenizer):
    ids = tokenizer.encode(["[MASK] [SEP]"]).row(0)
    assert not {tokenizer.mask_id, tokenizer.end_id} & set(ids.tolist())


def test_words_start_at_spaces_and_at_chinese_characters(tokenizer):
    ids = tokenizer.encode(["Mädchen springt 两只狗"]).row(0)
    starts = ~tokenizer.continuation[ids]
    pieces = tokenizer.pieces(ids)
    for piece, start in zip(pieces, starts, strict=True):
        assert start == (piece.startswith("\u2581") or "\u4e00" <= piece[0] <= "\u9fff")


def test_the_same_lines_give_the_same_model():
    assert learn_sentencepiece(LINES, 140) == learn_sentencepiece(iter(LINES), 140)


def test_a_size_that_the_text_does_not_give_is_no_fault():
    assert 50 < learnt("bpe", 5000).size < 5000


def test_lower_case_comes_before_the_model():
    made = SentencePiece(learn_sentencepiece(LINES, 150, lower_case=True), lower_case=True)
    assert (
        made.encode(["ZWEI Hunde"]).row(0).tolist() == made.encode(["zwei hunde"]).row(0).tolist()
    )
    assert made.decode(made.encode(["Zwei Hunde"]).row(0)) == "zwei hunde"


def test_normalization_is_a_choice():
    line = "你好！…"
    assert learnt().encode([line]).row(0).tolist() == learnt().encode(["你好!..."]).row(0).tolist()
    kept = SentencePiece(
        learn_sentencepiece([*LINES, line], 200, character_coverage=1.0, normalization="identity")
    )
    assert kept.decode(kept.encode([line]).row(0)) == line


def test_bytes_stand_for_unknown_characters_where_they_are_asked_for():
    made = learnt(size=420, byte_fallback=True)
    ids = made.encode(["☃"]).row(0)
    assert made.unknown_id not in ids
    assert made.decode(ids) == "☃"


def other_model(**options):
    """A model as others publish them."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=written, vocab_size=75, minloglevel=2,
        num_threads=1, **options,
    )  # fmt: skip
    return written.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},  # <unk>, <s>, </s>, without padding
        {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},  # T5's
        {"pad_id": 3},
    ],
)
def test_specials_that_a_published_model_lacks_are_added(options):
    theirs = sentencepiece.SentencePieceProcessor(model_proto=other_model(**options))
    made = SentencePiece(other_model(**options))
    ids = [made.pad_id, made.unknown_id, made.start_id, made.end_id, made.mask_id]
    assert len(set(ids)) == 5
    for ours, other in ((made.pad_id, theirs.pad_id()), (made.end_id, theirs.eos_id())):
        assert ours == other if other >= 0 else ours >= theirs.get_piece_size()
    assert made.size == len(made.vocabulary) > theirs.get_piece_size()
    text = made.encode(["Zwei Hunde."]).row(0)
    assert made.decode([made.start_id, *text, made.end_id, made.mask_id]) == "Zwei Hunde."
    said = made.in_graph().detokenize(
        tf.constant([[made.start_id, *text, made.end_id, made.mask_id]])
    )
    assert said.numpy()[0].decode() == "Zwei Hunde."


def test_what_was_saved_is_loaded_and_what_changed_is_refused(tmp_path, tokenizer):
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert isinstance(again, SentencePiece)
    assert again.fingerprint() == tokenizer.fingerprint()
    np.testing.assert_array_equal(again.encode(LINES).values, tokenizer.encode(LINES).values)
    assert tokenizer.fingerprint() != SentencePiece(tokenizer.model, True).fingerprint()
    (tmp_path / "sentencepiece.model").write_bytes(learn_sentencepiece(LINES[:5], 60))
    with pytest.raises(ValueError, match="has changed since it was saved"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"kind": "pickle"}))
    with pytest.raises(ValueError, match="says kind 'pickle'; expected one of wordpiece"):
        load_tokenizer(tmp_path)


def test_a_spec_learns_or_reads_a_model(tmp_path):
    learn = SentencePieceOptions(kind="sentencepiece", model="bpe", size=120, learn_from="train")
    made = build_tokenizer(learn, LINES, tmp_path)
    assert made.model == learn_sentencepiece(LINES, 120, model="bpe")
    (tmp_path / "de.model").write_bytes(made.model)
    read = SentencePieceOptions(kind="sentencepiece", vocabulary="de.model")
    assert build_tokenizer(read, [], tmp_path).fingerprint() == made.fingerprint()


@pytest.mark.parametrize(
    ("size", "lines", "message"),
    [
        (20, LINES, "20 pieces is too small: the text's characters and the special tokens take"),
        (100, [], "the text to learn from has no words"),
        (100, ["", "  "], "the text to learn from has no words"),
    ],
)
def test_what_cannot_be_learnt_is_said(size, lines, message):
    with pytest.raises(UserError, match=message):
        learn_sentencepiece(lines, size, character_coverage=1.0)


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "no.model").write_text("rubbish of a file")
    options = SentencePieceOptions(kind="sentencepiece", vocabulary="no.model")
    with pytest.raises(UserError, match=r"no\.model: .* Expected the bytes of a SentencePiece"):
        build_tokenizer(options, [], tmp_path)


def test_a_saved_graph_speaks_as_it_does_here(tmp_path, tokenizer):
    module = tf.Module()
    module.inner = tokenizer.in_graph()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def round_trip(text):
        return module.inner.detokenize(module.inner.tokenize(text).to_tensor(tokenizer.pad_id))

    module.round_trip = round_trip
    tf.saved_model.save(module, str(tmp_path / "1"))
    from tfkd.serving.loading.stored_graph import read_graph, unknown_nodes

    assert not unknown_nodes(read_graph(tmp_path / "1"))
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    assert [t.decode() for t in loaded.round_trip(tf.constant(LINES)).numpy()] == LINES
