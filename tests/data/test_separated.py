"""Texts between separators, for models that were trained on documents with these between them."""

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.packed import Packed
from tfkd.data.tokenizers import Separated, learn_byte_bpe
from tfkd.data.views import build_view

LINES = ["a man walks in", "the dog", "a man and a dog walk in the park", ""]


def test_texts_and_blocks_have_the_same_separator():
    tokenizer = learn_byte_bpe(LINES, 270)
    (newline,) = tokenizer.encode(["\n"]).values
    rows = tokenizer.encode(LINES)
    between = Separated(tokenizer, newline)
    assert (between.start_id, between.end_id) == (newline, newline)
    assert (between.pad_id, between.special_ids) == (tokenizer.end_id, (tokenizer.end_id,))
    assert between.fingerprint() == tokenizer.fingerprint()
    assert between.decode_batch(rows) == LINES
    blocks = Packed(rows, 8, newline, 1)
    examples = ExampleSet(
        [
            Part("lines", {("text", "t"): rows}, len(rows)),
            Part("blocks", {("text", "t"): blocks}, len(blocks), packed=True),
        ]
    )
    view = build_view("causal_lm", {"text": "t"}, {"t": between}, name="plain")
    record = view(examples, np.arange(len(examples)), 0, 0)
    for row, words in enumerate(rows.row(i).tolist() for i in range(len(rows))):
        valid = record["valid"][row]
        assert record["ids"][row][valid].tolist() == [newline, *words]
        assert record["labels"][row][valid].tolist() == [*words, newline]
    # All that is read and predicted in blocks is in the lines, too: the end's token is in neither.
    for key in ("ids", "labels"):
        assert tokenizer.end_id not in record[key][record["valid"]]
    assert np.isin(record["labels"], newline).sum() == 2 * len(rows)
