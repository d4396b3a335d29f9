"""A causal record in which each word is predicted from the one before it alone."""

import numpy as np

from tfkd.data.views.base import Record


def last_tokens(record: Record, pad_id: int) -> Record:
    """Each selected position as a row of its own: the text's start and the last token before it.

    Args:
        record: Of a `CausalLMView`: `ids`, `labels` int32 and `selected` bool `[B, T]`.
        pad_id: Stands behind the start where that is the last token itself.

    Returns:
        The same of N selected positions in row-major order, and `valid`: `[N, 2]`.
    """
    row, place = np.nonzero(record["selected"])
    later = place > 0
    last = np.where(later, record["ids"][row, place], pad_id)
    # One position a row is predicted: where its last token stands.
    selected = np.stack([~later, later], 1)
    labels = np.where(selected, record["labels"][row, place][:, None], pad_id)
    return {
        "ids": np.stack([record["ids"][row, 0], last], 1).astype(np.int32),
        "valid": np.stack([np.ones_like(later), later], 1),
        "labels": labels.astype(np.int32),
        "selected": selected,
    }
