"""Byte-level pieces against GPT-2's own encoder, written out here, on any text; in graphs too."""

import functools
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
import regex
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.tokenizers import ByteBpe, build_tokenizer, learn_byte_bpe, load_tokenizer
from tfkd.data.tokenizers.byte_bpe import read_byte_bpe
from tfkd.data.tokenizers.byte_words import byte_alphabet
from tfkd.spec.errors import UserError
from tfkd.spec.options import ByteBpeOptions

LINES = [
    "Two dogs play in the snow, don't they?", "A woman's reading a book in 2019.", "  aaa  aaaa ",
    "Zwei Hunde spielen im Schnee.", "两只狗在雪地里玩。", "The man runs; they've run.",
] * 3  # fmt: skip
HARD = [
    "", " ", "   ", "\n", "a \n\n b", "  's  're", "x's 's", "aaaaaaaaa", "१२६ ६", "½ ²³ x²",
    "\u00a0a\u3000b\u2003 c\u0085d\x1ce", "🙂🙂 é e\u0301", "<|endoftext|>", "\t\ttabs", "end  ",
    "\U0001e900\U00031350\u088f", "\0\x7f", "a\0b\0", "\U0010ffff\U0010fffd\0\U0010fffe",
    "don't DON'T 'tis '' '", "a" * 70,
]  # fmt: skip
TEXT = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from(list("ab's  \n\t1é中६!?'’\u00a0\u3000🙂\x1c\u0085")), max_size=40),
)


def published_encoder(tokenizer):
    """GPT-2's encoder.py (Radford et al. 2019): one text to ids."""
    pattern = regex.compile(
        r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    )
    ranks = {pair: rank for rank, pair in enumerate(tokenizer.merges)}
    places = {piece: place for place, piece in enumerate(tokenizer.vocabulary)}

    @functools.cache
    def pieces(token):
        word = tuple(token)
        while len(word) > 1:
            pairs = set(itertools.pairwise(word))
            first, second = best = min(pairs, key=lambda pair: ranks.get(pair, float("inf")))
            if best not in ranks:
                break
            after, at = [], 0
            while at < len(word):
                if word[at : at + 2] == (first, second):
                    after.append(first + second)
                    at += 2
                else:
                    after.append(word[at])
                    at += 1
            word = tuple(after)
        return word

    def encode(text):
        ids = []
        for token in regex.findall(pattern, text):
            token = "".join(byte_alphabet()[byte] for byte in token.encode("utf-8"))
            ids += [places[piece] for piece in pieces(token)]
        return ids

    return encode


@pytest.fixture(scope="module")
def tokenizer():
    return learn_byte_bpe(LINES, 330)


@pytest.fixture(scope="module")
def graph(tokenizer):
    module = tokenizer.in_graph()
    return tf.function(
        module.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
    ), module


def assert_equal_everywhere(tokenizer, graph, texts):
    tokenize, module = graph
    own = published_encoder(tokenizer)
    rows = tokenizer.encode(texts)
    in_graph = tokenize(tf.constant([text.encode() for text in texts], tf.string))
    for number, text in enumerate(texts):
        assert rows.row(number).tolist() == own(text), text
        assert in_graph[number].numpy().tolist() == own(text), text
        assert tokenizer.decode(rows.row(number)) == text
    back = module.detokenize(in_graph.to_tensor(tokenizer.pad_id)).numpy()
    assert [text.decode() for text in back] == texts


def test_hard_texts_are_cut_as_gpt2_cuts_them(tokenizer, graph):
    assert_equal_everywhere(tokenizer, graph, [*HARD, *LINES])
    assert len(tokenizer.encode(["Two dogs play"]).values) < 8


@given(texts=st.lists(TEXT, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_any_text_is_cut_as_gpt2_cuts_it(tokenizer, graph, texts):
    assert_equal_everywhere(tokenizer, graph, texts)


def test_specials(tokenizer):
    end = tokenizer.vocabulary.index("<|endoftext|>")
    assert end == tokenizer.size - 1
    assert {tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id} == {end}
    assert tokenizer.special_ids == (end,)
    assert end not in tokenizer.encode(["<|endoftext|>"]).values
    assert tokenizer.decode([end, *tokenizer.encode(["a b"]).values, end]) == "a b"
    with pytest.raises(UserError, match=r"has no \[MASK\]"):
        _ = tokenizer.mask_id
    continues = {"Ġ": False, "a": True, "<|endoftext|>": False}
    for piece, expected in continues.items():
        assert tokenizer.continuation[tokenizer.vocabulary.index(piece)] == expected


def test_bytes_that_are_no_text_become_replacement_characters(tokenizer, graph):
    ids = tokenizer.encode(["é中"]).values[:1]
    assert tokenizer.decode(ids) == "\ufffd"
    assert graph[1].detokenize(tf.constant(ids[None])).numpy()[0].decode() == "\ufffd"


def test_learning_repeats_and_keeps_its_size(tokenizer):
    again = learn_byte_bpe(iter(LINES), 330)
    assert again.fingerprint() == tokenizer.fingerprint()
    assert tokenizer.size == 330
    assert len(tokenizer.merges) == 330 - 257
    assert learn_byte_bpe(LINES, 257).merges == []
    with pytest.raises(UserError, match="no words"):
        learn_byte_bpe([""], 300)


def test_saved_and_published_files_come_back(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    assert load_tokenizer(tmp_path).fingerprint() == tokenizer.fingerprint()
    from_preset = build_tokenizer(ByteBpeOptions(preset=tmp_path.name), [], tmp_path.parent)
    assert from_preset.vocabulary == tokenizer.vocabulary
    (tmp_path / "vocab.txt").write_text("".join(f"{p}\n" for p in tokenizer.vocabulary), "utf-8")
    options = ByteBpeOptions(vocabulary="vocab.txt", merges="merges.txt")
    assert build_tokenizer(options, [], tmp_path).fingerprint() == tokenizer.fingerprint()
    merges = (tmp_path / "merges.txt").read_text("utf-8").splitlines()
    (tmp_path / "merges.txt").write_text("\n".join(merges[:-1]), "utf-8")
    with pytest.raises(ValueError, match="has changed"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pieces, merges: (pieces[1:], merges), "1 bytes without one"),
        (lambda pieces, merges: (pieces[:-1], merges), "endoftext"),
        (lambda pieces, merges: ([*pieces, "a"], merges), "'a' twice"),
        (lambda pieces, merges: (pieces, [("xyz", "a")]), "what earlier pairs made"),
        (lambda pieces, merges: (pieces, [("!", "?")]), "whose piece is in the vocabulary"),
    ],
)
def test_files_that_do_not_fit_are_refused(tokenizer, change, words):
    with pytest.raises(ValueError, match=words):
        ByteBpe(*change(tokenizer.vocabulary, tokenizer.merges))


def test_files_of_another_form_are_refused(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    read = functools.partial(read_byte_bpe, tmp_path / "vocab.json", tmp_path / "merges.txt")
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b c\n")
    with pytest.raises(UserError, match=r"merges.txt:2: expected two pieces"):
        read()
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 2}))
    with pytest.raises(UserError, match="the ids 0, 1, 2"):
        read()
    (tmp_path / "vocab.json").unlink()
    with pytest.raises(UserError, match="there is no such file"):
        read()


@pytest.mark.skipif("TFKD_DATA" not in os.environ, reason="TFKD_DATA names no folder of corpora")
def test_the_published_vocabulary_on_real_text():
    folder = Path(os.environ["TFKD_DATA"])
    if not (folder / "vocabularies" / "gpt2").is_dir():
        pytest.skip("no GPT-2 vocabulary there")
    files = folder / "vocabularies" / "gpt2"
    tokenizer = read_byte_bpe(files / "vocab.txt", files / "merges.txt")
    assert (tokenizer.size, tokenizer.end_id) == (50257, 50256)
    assert tokenizer.encode(["Hello world"]).values.tolist() == [15496, 995]
    lines = (folder / "multi30k" / "val.de").read_text("utf-8").split("\n")[:200]
    own = published_encoder(tokenizer)
    rows = tokenizer.encode(lines)
    in_graph = tokenizer.in_graph().tokenize(tf.constant(lines))
    for number, line in enumerate(lines):
        assert rows.row(number).tolist() == own(line)
    np.testing.assert_array_equal(in_graph.flat_values, rows.values)
