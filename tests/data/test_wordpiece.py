"""WordPiece beside an independent rewriting of BERT's tokenizer, and its own promises."""

import importlib.util
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import examples, few

from tfkd.data.ragged import Ragged
from tfkd.data.tokenizers import WordPiece, read_vocabulary
from tfkd.data.tokenizers.learning import split_words

pytestmark = pytest.mark.tensorflow

location = Path(__file__).with_name("bert_reference.py")
specification = importlib.util.spec_from_file_location("bert_reference", location)
reference = importlib.util.module_from_spec(specification)
specification.loader.exec_module(reference)

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [
    *SPECIALS, *"abcdeABÄäöüßéè.,-'?!$中文字1", *(f"##{c}" for c in "abcdeABÄäöüßéè1中"),
    "ab", "##ab", "abc", "##cd", "für", "fur", "##ss", "Straße", "straße", "strasse", "\u2028",
    "mask", "[", "]", "don", "t", "'", "二", "\U00020000",
]  # fmt: skip
PIECES = list(dict.fromkeys(PIECES))
DATA = os.environ.get("TFKD_DATA")
real = pytest.mark.skipif(DATA is None, reason="TFKD_DATA is unset")


def assert_equal_to_bert(tokenizer, lines):
    vocabulary = set(tokenizer.vocabulary)
    encoded = tokenizer.encode(lines)
    assert len(encoded) == len(lines)
    for row, line in enumerate(lines):
        wanted = reference.tokenize(line, vocabulary, tokenizer.lower_case)
        assert tokenizer.pieces(encoded.row(row)) == wanted, ascii(line)


@pytest.fixture(scope="module", params=[False, True], ids=["cased", "uncased"])
def small(request):
    return WordPiece(PIECES, request.param)


def test_lines_are_cut_on_the_cpu_whatever_else_there_is(monkeypatch):
    from tensorflow.python.eager import context

    tokenizer, seen = WordPiece(PIECES, False), []
    graph = tokenizer._graph

    class Watched:
        def tokenize(self, text):
            seen.append(context.context().device_name)
            return graph.tokenize(text)

    monkeypatch.setitem(vars(tokenizer), "_graph", Watched())
    assert len(tokenizer.encode(["ab", "abc"])) == 2
    assert [str(device)[-13:] for device in seen] == ["/device:CPU:0"]


# Characters that Unicode has not assigned are left out: which those are depends on its version.
ODD = st.characters(exclude_categories=["Cs", "Cn"])


@settings(max_examples=examples(short=40, long=150), deadline=None)
@given(st.lists(st.text(st.sampled_from("abcdABÄäöüßéè.,-'?!$中文字1 \t\u00a0\u3000\u2028\u200b\u00ad\ufffd\0\n"), max_size=20) | st.text(ODD, max_size=12), min_size=1, max_size=8))  # fmt: skip # noqa: E501
def test_equal_to_bert_on_any_text(small, lines):
    assert_equal_to_bert(small, lines)


def read_lines(path, step=1):
    lines = (Path(DATA) / path).read_bytes().decode("utf-8").split("\n")
    return lines[:-1:step]


@real
@pytest.mark.parametrize("lower_case", few([False, True], 1))
@pytest.mark.parametrize(
    ("vocabulary", "files"),
    [
        (
            "bert-base-uncased/vocab.txt",
            [
                ("multi30k/test_2016_flickr.de", 1),
                ("multi30k/val.en", 1),
                ("tatoeba_deu_eng/all.de", 101),
                ("reuters21578_headlines/test.lead-title.tsv", 20),
                ("g2pm_cpp/test.sent", 20),
            ],
        ),
        (
            "bert-base-chinese/vocab_reconstructed.txt",
            [("g2pm_cpp/dev.sent", 5), ("multi30k/test_2016_flickr.en", 5)],
        ),
    ],
)
def test_equal_to_bert_on_real_text(vocabulary, files, lower_case):
    pieces = read_vocabulary(Path(DATA) / "vocabularies" / vocabulary)
    tokenizer = WordPiece(pieces, lower_case)
    for path, step in files:
        assert_equal_to_bert(tokenizer, read_lines(path, step))


def test_special_tokens_in_text_are_text(small):
    pieces = small.pieces(small.encode(["[MASK] [SEP]"]).row(0))
    assert not set(pieces) & {"[MASK]", "[SEP]"}
    assert pieces[0] == "["


def test_long_words_are_unknown_by_bytes_not_by_characters():
    tokenizer = WordPiece(PIECES, False)
    assert tokenizer.pieces(tokenizer.encode(["a" * 100]).row(0))[0] == "a"
    assert tokenizer.pieces(tokenizer.encode(["a" * 101]).row(0)) == ["[UNK]"]
    # 51 characters, 102 bytes: the known difference.
    assert tokenizer.pieces(tokenizer.encode(["ä" * 51]).row(0)) == ["[UNK]"]
    assert reference.tokenize("ä" * 51, set(PIECES), False)[0] == "ä"


def test_lower_case_keeps_sharp_s_and_may_keep_accents():
    assert WordPiece(PIECES, True).pieces(WordPiece(PIECES, True).encode(["STRAßE"]).row(0)) == [
        "straße"
    ]
    stripped, kept = WordPiece(PIECES, True), WordPiece(PIECES, True, strip_accents=False)
    assert stripped.pieces(stripped.encode(["FÜR"]).row(0)) == ["fur"]
    assert kept.pieces(kept.encode(["FÜR"]).row(0)) == ["für"]


def test_ids_and_special_tokens(small):
    assert (small.pad_id, small.unknown_id, small.start_id, small.end_id, small.mask_id) == (
        0, 1, 2, 3, 4,
    )  # fmt: skip
    assert small.special_ids == (0, 1, 2, 3, 4)
    assert small.size == len(PIECES)
    np.testing.assert_array_equal(small.continuation, [p.startswith("##") for p in PIECES])


def test_empty_input(small):
    assert len(small.encode([])) == 0
    assert small.encode(["", " ", "a"]).lengths.tolist() == [0, 0, 1]
    assert small.decode([]) == ""


def test_more_lines_than_a_chunk():
    tokenizer = WordPiece(PIECES, False)
    lines = ["a b", "abc"] * 5000
    encoded = tokenizer.encode(lines)
    assert len(encoded) == 10_000
    assert encoded.row(9_998).tolist() == tokenizer.encode(["a b"]).row(0).tolist()


def test_saved_and_loaded_is_the_same(tmp_path, small):
    small.save(tmp_path)
    loaded = WordPiece.load(tmp_path)
    assert loaded.vocabulary == small.vocabulary
    assert loaded.fingerprint() == small.fingerprint()
    assert loaded.lower_case == small.lower_case
    pieces = [*small.vocabulary[:-1], "other"]
    (tmp_path / "vocabulary.txt").write_text("\n".join(pieces) + "\n", newline="\n")
    with pytest.raises(ValueError, match="has changed"):
        WordPiece.load(tmp_path)


def test_fingerprints_tell_tokenizers_apart():
    others = [
        WordPiece(PIECES, False),
        WordPiece(PIECES, True),
        WordPiece(PIECES, True, strip_accents=False),
        WordPiece(PIECES[:-2] + PIECES[:-3:-1], False),
    ]
    assert len({tokenizer.fingerprint() for tokenizer in others}) == 4


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([*SPECIALS, "a", "a"], "'a' twice"),
        (SPECIALS[:-1], r"without \[MASK\]"),
        ([*SPECIALS, ""], "empty piece at place 5"),
    ],
)
def test_vocabularies_that_cannot_be(pieces, message):
    with pytest.raises(ValueError, match=message):
        WordPiece(pieces, False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(ODD, max_size=30), min_size=1, max_size=5))
def test_words_to_learn_from_are_bert_words(lines):
    for lower_case in (False, True):
        for line in lines:
            split = [w for raw in line.split() for w in split_words(raw, lower_case, lower_case)]
            # BERT drops control characters before it splits at spaces, `str.split` takes some of
            # them for spaces.
            if not any(unicodedata.category(c) == "Cc" for c in line):
                assert split == reference.words(line, lower_case)


@pytest.mark.long
def test_saved_model_answers_alike_in_a_fresh_process(tmp_path):
    import tensorflow as tf

    tokenizer = WordPiece(PIECES, True)
    lines = ["Abc, don't für!", "中文字 ab-cd", ""]
    ids = tokenizer.encode(lines)

    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.graph = tokenizer.in_graph()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def there_and_back(self, text):
            dense = self.graph.tokenize(text).to_tensor(tokenizer.pad_id)
            return {"ids": dense, "text": self.graph.detokenize(dense)}

    served = Served()
    tf.saved_model.save(served, tmp_path, signatures={"serving_default": served.there_and_back})
    program = f"""
import tensorflow as tf, tensorflow_text, numpy as np
answer = tf.saved_model.load({str(tmp_path)!r}).signatures["serving_default"](
    text=tf.constant({lines!r}))
np.save({str(tmp_path / "ids.npy")!r}, answer["ids"].numpy())
print("\\x00".join(t.decode() for t in answer["text"].numpy()), end="")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=tmp_path
    )
    width = int(ids.lengths.max())
    np.testing.assert_array_equal(np.load(tmp_path / "ids.npy"), ids.dense(width, 0))
    assert ran.stdout.decode().split("\0") == tokenizer.decode_batch(ids)


def test_decode_batch_is_decode_of_each(small):
    rows = Ragged.from_rows([[2, 5, 6, 3, 0], [], [1, 7]])
    assert small.decode_batch(rows) == [small.decode(rows.row(n).tolist()) for n in range(3)]
