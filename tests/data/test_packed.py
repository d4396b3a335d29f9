"""Packed rows: every token of every document once, whatever the block; and how views read them."""

import gzip

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.batches.batcher import build_batcher
from tfkd.data.encoded import EncodedField, encode_corpus
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.text_corpus import TextCorpus, write_text_corpus
from tfkd.data.views import build_view
from tfkd.spec.options.corpora import TextOptions

END = 30
GPT = Specials(END, END, END, END, END, (END,), 31)
BERT = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 31)
DOCUMENTS = st.lists(st.lists(st.integers(5, 29), max_size=9), min_size=1, max_size=7)


def stream_of(documents, separator):
    return [token for document in documents for token in [*document, separator]]


def part_of(documents, block, separator, overlap, **options):
    packed = Packed(Ragged.from_rows(documents), block, separator, overlap)
    return Part("text", {("text", "t"): packed}, len(packed), packed=True, **options)


@given(documents=DOCUMENTS, block=st.integers(1, 12), overlap=st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_each_predicted_token_is_of_a_document(documents, block, overlap):
    packed = Packed(Ragged.from_rows(documents), block, END, overlap)
    of = [number for number, one in enumerate(documents) for _ in range(len(one) + 1)]
    order = np.random.default_rng(1).permutation(len(packed))
    found = packed.predicted_documents(order)
    expected = [of[row * block : (row + 1) * block] for row in order]
    assert [row.tolist() for row in found] == expected


@given(documents=DOCUMENTS, block=st.integers(1, 12), overlap=st.integers(0, 1))
@settings(max_examples=150, deadline=None)
def test_rows_are_slices_of_the_stream(documents, block, overlap):
    stream = stream_of(documents, END)
    packed = Packed(Ragged.from_rows(documents), block, END, overlap)
    expected = [
        [END, *stream][start + 1 - overlap : start + 1 + block]
        for start in range(0, len(stream), block)
    ]
    assert len(packed) == len(expected)
    order = np.random.default_rng(1).permutation(len(expected))
    rows = packed.take(order)
    assert [rows.row(i).tolist() for i in range(len(order))] == [expected[k] for k in order]
    assert packed.lengths.tolist() == [len(row) for row in expected]


@given(documents=DOCUMENTS, block=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_a_causal_view_predicts_every_token_once(documents, block):
    stream = stream_of(documents, END)
    examples = ExampleSet([part_of(documents, block, END, 1)])
    view = build_view("causal_lm", {"text": "t"}, {"t": GPT}, max_length=block)
    record = view(examples, np.arange(len(examples)), 0, 1, pad_to=4)
    assert record["labels"][record["selected"]].tolist() == stream
    assert record["ids"][record["valid"]].tolist() == [END, *stream[:-1]]
    assert view.lengths(examples)["joint"].tolist() == record["valid"].sum(1).tolist()
    assert record["types"].sum() == len(stream)


def test_packed_and_plain_rows_stand_in_one_batch():
    plain = Part("lines", {("text", "t"): Ragged.from_rows([[7, 8], []])}, 2)
    examples = ExampleSet([plain, part_of([[5, 6, 9], [7]], 4, END, 1)])
    view = build_view("causal_lm", {"text": "t"}, {"t": GPT}, max_length=4)
    record = view(examples, np.array([0, 2, 3, 1, -1]), 0, 1)
    assert record["ids"].tolist() == [
        [END, 7, 8, END], [END, 5, 6, 9], [END, 7, END, END], [END] * 4, [END] * 4,
    ]  # fmt: skip
    assert record["labels"].tolist() == [
        [7, 8, END, END], [5, 6, 9, END], [7, END, END, END], [END] * 4, [END] * 4,
    ]  # fmt: skip
    assert record["valid"].sum(1).tolist() == [3, 4, 2, 1, 0]


@given(documents=DOCUMENTS, block=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_separators_between_documents_are_never_hidden(documents, block):
    examples = ExampleSet([part_of(documents, block, BERT.end_id, 0)])
    rows = np.arange(len(examples))
    view = build_view("mlm", {"text": "t"}, {"t": BERT}, p=1.0, replace=(100, 0, 0))
    record = view(examples, rows, 0, 1)
    stream = stream_of(documents, BERT.end_id)
    inner = [row[1 : count - 1].tolist() for row, count in zip(
        record["labels"], record["valid"].sum(1), strict=True)]  # fmt: skip
    assert [token for row in inner for token in row] == stream
    words = record["valid"] & ~np.isin(record["labels"], [BERT.start_id, BERT.end_id])
    np.testing.assert_array_equal(record["selected"], words)
    assert (record["ids"][record["selected"]] == BERT.mask_id).all()
    plain = build_view("none", {"text": "t"}, {"t": BERT})(examples, rows, 0, 1)
    np.testing.assert_array_equal(plain["selected"], words)


def test_weights_count_blocks():
    """Several corpora: an epoch reads all blocks of one three times, half of another's."""
    rng = np.random.default_rng(1)
    texts = [[rng.integers(5, 29, rng.integers(3, 20)) for _ in range(60)] for _ in range(2)]
    examples = ExampleSet(
        [part_of(texts[0], 16, END, 1, weight=3.0), part_of(texts[1], 16, END, 1, weight=0.5)]
    )
    view = build_view("causal_lm", {"text": "t"}, {"t": GPT}, name="plain", max_length=16)
    batcher = build_batcher(examples, {"plain": view}, size=64, unit="joint_tokens", seed=3)
    read = np.zeros(len(examples), int)
    for number in range(batcher.batches_per_epoch):
        drawn = batcher.batch(number)["examples"]
        np.add.at(read, drawn[drawn >= 0], 1)
    first = examples.parts[0].rows
    assert (read[:first] == 3).all()
    assert read[first:].max() == 1
    assert abs(read[first:].sum() - examples.parts[1].rows / 2) <= 2
    again = build_batcher(examples, {"plain": view}, size=64, unit="joint_tokens", seed=3)
    np.testing.assert_array_equal(batcher.batch(5)["plain"]["ids"], again.batch(5)["plain"]["ids"])


class Letters:
    size, unknown_id = 31, 1

    def fingerprint(self):
        return "letters"

    def encode(self, lines):
        return Ragged.from_rows([[5 + ord(c) % 20 for c in line] for line in lines])


def test_documents_in_compressed_shards_are_mixed_by_weight(tmp_path):
    """A pre-training corpus: files as many as there are, whole documents a line, blocks of all of
    them, corpora as often as the spec says, each shard's bytes in the corpus's identity."""
    rng, parts, whole = np.random.default_rng(2), [], []
    for name, shards, size, weight in (("wiki", 3, 400, 1.0), ("books", 2, 7000, 2.0)):
        documents = []
        (tmp_path / name).mkdir()
        for shard in range(shards):
            rows = ["".join(rng.choice(list("abcdefgh "), size)).strip() for _ in range(5)]
            with gzip.open(tmp_path / name / f"{shard:02d}.txt.gz", "wt") as file:
                file.writelines(f"{row}\n" for row in rows)
            documents += rows
        options = TextOptions(text=f"{name}/*.txt.gz", max_characters=10_000_000)
        write_text_corpus(open_corpus(options, tmp_path), tmp_path / name)
        encode_corpus(TextCorpus.open(tmp_path / name), "text", Letters(), tmp_path / name)
        rows = Packed(EncodedField.open(tmp_path / name), 30, END)
        stream = [piece for row in documents for piece in [*Letters().encode([row]).values, END]]
        assert rows.take(np.arange(len(rows))).values.tolist() == stream
        parts.append(Part(name, {("text", "t"): rows}, len(rows), packed=True, weight=weight))
        whole.append(len(rows))
    examples = ExampleSet(parts)
    view = build_view("mlm", {"text": "t"}, {"t": BERT}, name="masked", max_length=32)
    batcher = build_batcher(examples, {"masked": view}, size=40, unit="sentences", seed=3)
    read = np.zeros(len(examples), int)
    for number in range(batcher.batches_per_epoch):
        batch = batcher.batch(number)
        drawn = batch["examples"]
        np.add.at(read, drawn[drawn >= 0], 1)
        assert batch["masked"]["ids"].shape[1] <= 32
    assert (read[: whole[0]] == 1).all()
    assert (read[whole[0] :] == 2).all()


class Lines(list):
    def lines(self, field, start, stop):
        return self[start:stop]


def test_fields_on_the_disk_are_packed_alike(tmp_path):
    lines = Lines(["hello", "a", "longer than the others"])
    encode_corpus(lines, "text", Letters(), tmp_path)
    field = EncodedField.open(tmp_path)
    kept = Packed(Letters().encode(lines), 4, END, 1).take(np.arange(8))
    np.testing.assert_array_equal(Packed(field, 4, END, 1).take(np.arange(8)).values, kept.values)
