"""Small AB-Nets, and what they read."""

import functools

import tensorflow as tf

from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter
from tfkd.models import AbNet, BertFused

BERT = {"vocabulary_size": 50, "layers": 3, "width": 16, "heads": 2, "dropout": 0.1,
        "initializer_range": 0.2}  # fmt: skip
TARGET = {**BERT, "vocabulary_size": 40}
RECORD = {
    "source": {
        "ids": tf.constant([[5, 6, 7, 8, 3], [9, 4, 3, 0, 0]]),
        "valid": tf.constant([[True] * 5, [True] * 3 + [False] * 2]),
    },
    "target": {
        "ids": tf.constant([[8, 4, 12, 3], [9, 3, 0, 0]]),
        "valid": tf.constant([[True] * 4, [True] * 2 + [False] * 2]),
    },
}


def adapters(layers=3, feed_forward=8, seed=1):
    numbers = range(1, layers + 1)
    return {
        "encoder": {
            f"layer_{n}": {"after_block": BottleneckAdapter(8, seed=seed + n)} for n in numbers
        },
        "decoder": {
            f"layer_{n}": {
                "after_block": CrossAttentionAdapter(
                    2, feed_forward=feed_forward, memory_width=16, seed=seed + n
                )
            }
            for n in numbers
        },
    }


def abnet(**options):
    return AbNet(BERT, TARGET, **{"lengths": 20, "adapters": adapters(), "seed": 3, **options})


def fused(**options):
    transformer = {"vocabulary_size": 40, "source_vocabulary_size": 50, "encoder_layers": 2,
                   "decoder_layers": 2, "width": 12, "heads": 2, "share_embeddings": "target",
                   "decoder_attention": "full", "lengths": 20}  # fmt: skip
    return BertFused(BERT, {**transformer, **options}, start_id=2, seed=4)


# For tests that only read them.
abnet_once, fused_once = functools.cache(abnet), functools.cache(fused)
