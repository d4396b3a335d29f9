"""What metrics are counted from, beside outputs: sums of a model's predictions by row."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RowSums:
    """How a model predicts the words of each row, given those before them (or beside them).

    Attributes:
        nll: Summed negative log-likelihoods in nats, `[rows]`.
        correct: How often the first guess is right, `[rows]`.
        tokens: Predicted tokens, ends included, `[rows]`.
    """

    nll: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray


@dataclass(frozen=True)
class WordSums:
    """How likely each row of a text is to a language model, and the words of its original.

    Attributes:
        nll: Negative log-likelihoods of all pieces and separators in nats, `[rows]`.
        words: Words of the tokenized original, `[rows]`.
        line_ends: Ends of lines that count as words where these do, `[rows]`.
    """

    nll: np.ndarray
    words: np.ndarray
    line_ends: np.ndarray
