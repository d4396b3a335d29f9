"""What Keras's own `compile` and `fit` may teach a model by itself; the rest is refused.

They know of one loss of the logits at every position. Classes are read at one position of a text,
lengths have logits of their own: these are taught by terms, of a `tfkd.training.Distiller`.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from tfkd.models.records import record_of

_DISTILLER = "tfkd.training.Distiller(model, terms)"


def check_loss(model: Any, labels: Any) -> None:
    """Refuses a compiled loss that would teach a model something else than it is for.

    Args:
        model: A `LanguageModel`, compiled.
        labels: What `fit` or `evaluate` was given as `y`.

    Raises:
        ValueError: The model tells classes apart, or predicts lengths; the loss takes its logits
            for probabilities; or there are no labels.
    """
    if "classifier" in model.heads:
        raise ValueError(
            f"Model {model.name!r} tells classes apart at one position of each text, which a loss "
            f"of `compile` does not know. Compile and fit {_DISTILLER} with the term "
            'tfkd.objectives.CrossEntropy(head="classifier"), on batches of tfkd.data; or run its '
            "spec, tfkd.run(spec)"
        )
    if getattr(model, "lengths", None) is not None:
        raise ValueError(
            f"Model {model.name!r} predicts the lengths of targets, too, which a loss of `compile` "
            f"would leave as they are. Compile and fit {_DISTILLER} with the terms "
            "tfkd.objectives.MaskedLM() and Length(), on batches of tfkd.data; or run its spec, "
            "tfkd.run(spec)"
        )
    if _reads_probabilities(model.loss):
        raise ValueError(
            f"Invalid value for argument `loss`. Model {model.name!r} gives logits: expected "
            "a loss of these, like keras.losses.SparseCategoricalCrossentropy(from_logits=True). "
            f"Received: loss={model.loss!r}, which reads probabilities"
        )
    if labels is None:
        raise ValueError(
            f"Invalid value for argument `y`. Expected the word at each position that model "
            f"{model.name!r} is to predict: fit(record, labels, sample_weight=selected). Received: "
            f"None. To learn from batches of tfkd.data compile and fit {_DISTILLER}"
        )


def check_record(model: Any, data: Any, *, taught: bool = True) -> None:
    """Refuses what is no record of a model.

    Args:
        model: A `LanguageModel`.
        data: What a step of `fit`, `evaluate` or `predict` is handed: x, or a tuple that begins
            with it.
        taught: Whether there is a loss: `predict` has none.

    Raises:
        ValueError: It is another model's record, or a batch of records by view.
    """
    record, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    expected = {
        "sequence": ("ids",),
        "encoder_decoder": ("source", "target") if taught else ("source",),
    }.get(getattr(model, "input_layout", None), ())
    if not isinstance(record, Mapping):
        record = record_of(model, record)
    if all(isinstance(record, Mapping) and name in record for name in expected):
        return
    found = sorted(map(str, record)) if isinstance(record, Mapping) else type(record).__name__
    raise ValueError(
        f"Invalid value for argument `x`. Model {model.name!r} reads a record with "
        f"{' and '.join(expected)}. Received: {found}. A batch of tfkd.data has several, by "
        + (f"view: compile and fit {_DISTILLER} on it" if taught else "view: give one of them")
    )


def _reads_probabilities(loss: Any) -> bool:
    """Whether a loss as `compile` takes it, or one of several, would have to be told of logits."""
    if isinstance(loss, Mapping) and "class_name" not in loss:
        loss = list(loss.values())
    if isinstance(loss, list | tuple):
        return any(map(_reads_probabilities, loss))
    loss = keras.losses.get(loss)
    if hasattr(loss, "from_logits"):
        return not loss.from_logits
    if not inspect.isfunction(loss):
        return False
    told = inspect.signature(loss).parameters.get("from_logits")
    return told is not None and told.default is False
