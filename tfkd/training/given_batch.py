"""What `fit` and `evaluate` of a Distiller are given: batches as `tfkd.data` makes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfkd.training.optimization.slices import Batch


def batch_of(data: Any, terms: Sequence[Any]) -> Batch:
    """The batch of a step of Keras's.

    Args:
        data: What `fit` hands a step: x, or a tuple that begins with it.
        terms: The Distiller's.

    Raises:
        ValueError: Labels or weights stand beside it; or it lacks a view, or a teacher's stored
            targets, that a term reads.
    """
    batch, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    for argument, value in (("y", labels), ("sample_weight", weights)):
        if value is not None:
            raise ValueError(
                f"Invalid value for argument `{argument}`. Expected none: labels, and which of "
                "them count, stand in the records of a batch, `labels` and `selected`. Received: "
                f"{type(value).__name__}"
            )
    given = sorted(map(str, batch)) if isinstance(batch, Mapping) else type(batch).__name__
    views = dict.fromkeys(term.view for term in terms)
    by_rows = any(getattr(term, "divide_by", None) == "rows" for term in terms)
    expected = [*views, *(["examples"] if by_rows else [])]
    if not isinstance(batch, Mapping) or any(name not in batch for name in expected):
        raise ValueError(
            f"Invalid value for argument `x`. Expected batches of tfkd.data.Batcher, with "
            f"{', '.join(expected)}: a record for each view that a term reads. Received: {given}"
        )
    stores = batch.get("stores", {})
    for term in terms:
        teacher = getattr(term, "teacher", None)
        if teacher is not None and term.online is None and teacher not in stores:
            raise ValueError(
                f"The term {term.name} asks the teacher {teacher!r}. Expected it among the "
                "Distiller's `teachers`, online, or its stored targets among those of a batch, "
                f"`stores`. Received: stores of {', '.join(sorted(stores)) or 'none'}"
            )
    return batch


def refuse_losses(options: Mapping[str, Any]) -> None:
    """Refuses what `compile` would take and `fit` never ask.

    Args:
        options: Those of `compile`.

    Raises:
        ValueError: Losses or metrics are among them.
    """
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if options.get(name) is not None:
            raise ValueError(
                f"Invalid value for argument `{name}`. Expected none: a Distiller's losses and "
                "metrics are those of its terms, Distiller(student, terms). Received: "
                f"{name}={options[name]!r}"
            )
