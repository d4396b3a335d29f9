"""Label smoothing, in its two forms."""

import tensorflow as tf

from tfkd.objectives.token_terms import Statistics

FORMS = ("opennmt", "fairseq")


def check_smoothing(label_smoothing: float, form: str) -> None:
    """Raises ValueError for a rate outside [0, 1) or an unknown form."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            "Invalid value for argument `label_smoothing`. Expected a number from 0 to below 1. "
            f"Received: label_smoothing={label_smoothing}"
        )
    if form not in FORMS:
        raise ValueError(
            f"Invalid value for argument `smoothing`. Expected one of {', '.join(FORMS)}. "
            f"Received: smoothing={form!r}"
        )


def smoothed_cross_entropy(statistics: Statistics, label_smoothing: float, form: str) -> tf.Tensor:
    """-sum_v q_v log p_v, float32 `[C]`.

    With e the rate, V the vocabulary's size:
    - "opennmt": q is 1 - e for the gold id, 0 for padding, e / (V - 2) for every other; without
      padding among the ids e / (V - 1).
    - "fairseq": q is e / V for every id, and 1 - e more for the gold one.

    Args:
        statistics: With the logits of the gold id and of the padding picked, in this order, and
            `total`; only the gold id's where the rate is 0, or padding has no id of its own.
        label_smoothing: e.
        form: One of the two.

    Reference: Szegedy et al. 2016, section 7; the forms are those of OpenNMT-py's and fairseq's
    label-smoothed criteria. OpenNMT-py takes the entropy of q off, a constant.
    """
    log_sum_exp, gold = statistics.log_sum_exp[1.0], statistics.picked[:, 0]
    if label_smoothing == 0.0:
        return log_sum_exp - gold
    size = statistics.vocabulary_size
    if form == "fairseq":
        expected = (1 - label_smoothing) * gold + label_smoothing / size * statistics.total
    else:
        padding = statistics.picked[:, 1:]
        rest = statistics.total - gold - tf.reduce_sum(padding, 1)
        others = size - 1 - padding.shape[1]
        expected = (1 - label_smoothing) * gold + label_smoothing / others * rest
    return log_sum_exp - expected
