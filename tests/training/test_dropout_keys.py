"""Each (seed, step, replica, micro-batch) has dropout masks of its own."""

import itertools

import numpy as np
import tensorflow as tf

from tfkd.layers import Dropout, dropout_key
from tfkd.training.dropout_keys import slice_key, step_key


def mask(seed, update, number):
    layer = Dropout(0.5, name="drop")
    with dropout_key(slice_key(step_key(seed, update), number)):
        return layer(tf.ones([64]), training=True).numpy() > 0


def test_masks_repeat_and_differ():
    places = list(itertools.product((1, 2), (1, 2, 3), (0, 1, 2)))
    masks = np.stack([mask(*place) for place in places])
    np.testing.assert_array_equal(masks, np.stack([mask(*place) for place in places]))
    assert len(np.unique(masks, axis=0)) == len(places)
    # Independent masks of 64 agree at about half of their places.
    agreement = [np.mean(a == b) for a, b in itertools.combinations(masks, 2)]
    assert min(agreement) > 0.2
    assert max(agreement) < 0.8
