"""What a model of lower-cased text is served with."""

import tensorflow as tf

from tfkd.data.tokenizers import WordPiece
from tfkd.data.tokenizers.lower_casing import LowerCasing

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "über", "straße", "ab", "##c", "σ", "i"]
LINES = ["Über STRAßE", "", "ABC ab [UNK]", "Σ"]


def rows_of(ragged):
    return [ragged.row(number).tolist() for number in range(len(ragged))]


def test_it_reads_what_the_corpus_gave_the_other():
    tokenizer = WordPiece(PIECES, lower_case=False)
    lowering = LowerCasing(tokenizer)
    expected = tokenizer.encode([line.lower() for line in LINES])
    found = lowering.encode(LINES)
    assert rows_of(found) == rows_of(expected)
    assert rows_of(tokenizer.encode(LINES)) != rows_of(expected)
    assert (lowering.pad_id, lowering.size) == (tokenizer.pad_id, tokenizer.size)


def test_the_graph_reads_the_same_and_is_saved(tmp_path):
    lowering = LowerCasing(WordPiece(PIECES, lower_case=False))
    module = lowering.in_graph()
    expected = rows_of(lowering.encode(LINES))
    assert module.tokenize(tf.constant(LINES)).to_list() == expected
    signature = tf.TensorSpec([None], tf.string)
    served = tf.Module()
    served.inner = module
    served.ids = tf.function(
        lambda text: module.tokenize(text).to_tensor(), [signature], autograph=False
    )
    tf.saved_model.save(served, str(tmp_path / "saved"))
    again = tf.saved_model.load(str(tmp_path / "saved"))
    padded = module.tokenize(tf.constant(LINES)).to_tensor()
    assert again.ids(tf.constant(LINES)).numpy().tolist() == padded.numpy().tolist()
