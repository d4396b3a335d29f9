"""The term of target lengths, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.objectives import Length

TABLE = 7  # lengths 1 to 6; class 0 is impossible


def batch_of(lengths, width=9):
    """Target tokens of each row, [SEP] counted; a row of 0 is a batch's filler."""
    lengths = np.array(lengths)
    valid = np.arange(width) < lengths[:, None]
    # A term that took what is hidden for the length would be seen.
    target = {"valid": valid, "selected": valid & (np.arange(width) % 2 == 0)}
    record = {"target": {key: tf.constant(value) for key, value in target.items()}}
    examples = tf.constant(np.where(lengths > 0, np.arange(len(lengths)), -1))
    return {"examples": examples, "fill": record}


def logits_of(rows, seed=1):
    logits = np.random.default_rng(seed).normal(size=(rows, TABLE)).astype(np.float32)
    logits[:, 0] = -1e9
    return logits


def test_it_is_the_cross_entropy_of_the_clean_targets_lengths():
    lengths = [3, 1, 0, 6, 9]  # none below 1, a filler, and one beyond the table
    batch, logits = batch_of(lengths), logits_of(5)
    found = Length(view="fill")({"length_logits": tf.constant(logits)}, batch)
    log_p = logits.astype(float)
    log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))
    expected = -sum(log_p[row, min(n, TABLE - 1)] for row, n in enumerate(lengths) if n)
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("divide_by", "expected"), [("own", 4), ("rows", 4), ("target_tokens", 19)]
)
def test_its_divisor_is_sentences_or_target_tokens(divide_by, expected):
    term = Length(view="fill", divide_by=divide_by)
    assert float(term.count(batch_of([3, 1, 0, 6, 9]))) == expected


def test_fillers_get_no_gradient_and_others_p_minus_one_hot():
    lengths = [3, 0, 9]
    batch, logits = batch_of(lengths), tf.constant(logits_of(3))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = Length(view="fill")({"length_logits": logits}, batch)
    gradient = tape.gradient(loss, logits).numpy()
    expected = tf.nn.softmax(logits).numpy()
    expected[[0, 2], [3, 6]] -= 1
    expected[1] = 0
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_a_student_without_lengths_is_told_so():
    with pytest.raises(ValueError, match=r"The term length needs .*`lengths=1024`"):
        Length(view="fill")({}, batch_of([2]))
