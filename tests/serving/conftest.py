"""A tokenizer of whole words with the contract of `tfkd.data.tokenizers`, and a small model."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.data.ragged import Ragged

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = SPECIALS + [f"{a}{b}" for a in "bdgkmt" for b in "aeiouy"] + ["straße", "日本"]


class InGraph(tf.Module):
    def __init__(self, words):
        super().__init__()
        ids = tf.range(len(words), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(words), ids)
        self.table = tf.lookup.StaticHashTable(initializer, 1)
        self.words = tf.constant(words)

    def tokenize(self, text):
        pieces = tf.strings.split(text)
        return tf.cast(self.table.lookup(pieces), tf.int32)

    def detokenize(self, ids):
        words = tf.where(ids < len(SPECIALS), "", tf.gather(self.words, ids))
        words = tf.RaggedTensor.from_tensor(words)
        words = tf.ragged.boolean_mask(words, words != "")
        return tf.strings.reduce_join(words, axis=1, separator=" ")


class Words:
    """Words apart by spaces."""

    pad_id, unknown_id, start_id, end_id, mask_id = range(5)
    special_ids = tuple(range(5))
    vocabulary = WORDS
    size = len(WORDS)

    def encode(self, lines):
        places = {word: i for i, word in enumerate(WORDS)}
        return Ragged.from_rows([[places.get(w, 1) for w in line.split()] for line in lines])

    def decode_batch(self, rows):
        return [
            " ".join(WORDS[i] for i in rows.row(row) if i >= len(SPECIALS))
            for row in range(len(rows))
        ]

    def in_graph(self):
        return InGraph(WORDS)


@pytest.fixture(scope="session")
def words() -> Words:
    """The tokenizer."""
    return Words()


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """Lines of 0 to 12 known words."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS[5:], n)) for n in [*rng.integers(1, 13, 10), 0]]


@pytest.fixture(scope="session")
def build():
    """Makes a Transformer with sharp random weights, so that scores are far apart."""
    from tfkd.models import Transformer

    def make(**options):
        model = Transformer(
            len(WORDS), encoder_layers=1, decoder_layers=2, width=16, heads=2, max_length=20,
            seed=3, **options,
        )  # fmt: skip
        rng = np.random.default_rng(1)
        for weight in model.weights:
            noise = 0.4 * rng.normal(size=weight.shape)
            weight.assign(np.asarray(weight.value).astype(np.float32) + noise)
        return model

    return make
