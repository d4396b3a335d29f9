"""The classifier that a term puts on an encoder."""

from typing import Any

import keras

from tfkd.layers.initializers import derive_seed
from tfkd.models.heads import VocabularyHead


def encoder_classifier(student: Any, vocabulary_size: int, seed: int | None) -> VocabularyHead:
    """logits = h M^T + b over the source's vocabulary, with weights of its own.

    Args:
        student: Gives the width of h and the precision.
        vocabulary_size: V: rows of M, which start as N(0, 1 / width); b starts at 0.
        seed: Seed of M.

    Reference: P2, Towards Full Utilization on Mask Task for Distilling PLMs into NMT, section 3.2
    (figure 1b).
    """
    width = student.width
    head = VocabularyHead(
        vocabulary_size,
        width,
        matrix_initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
        seed=derive_seed(seed, "classifier"),
        dtype=student.dtype_policy,
        name="classifier",
    )
    head.build()
    return head
