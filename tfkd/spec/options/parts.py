"""What views and heads make of a model's inputs and outputs."""

from collections.abc import Mapping
from typing import Any

# The number of classes of a head over classes, among sizes of tokenizers: no tokenizer's name.
CLASSES = "#classes"


def sides_of(model: Any) -> dict[str, str]:
    """A model's tokenizers by side, as far as they are given."""
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None or isinstance(tokenizer, str):
        return {} if tokenizer is None else {"source": tokenizer, "target": tokenizer}
    return {"source": tokenizer.source, "target": tokenizer.target}


def segment_view(objective: Mapping[str, Any], views: Mapping[str, Any]) -> str | None:
    """The view of one text that a stage trains an encoder-decoder in, and nothing else.

    Args:
        objective: Options of the stage's terms by name.
        views: Options of the spec's views by name.

    Returns:
        The name of its first term's; None where a term reads another view, or the plain one.
    """
    names = [getattr(term, "view", None) for term in objective.values()]
    alike = all(getattr(views.get(name), "of_one_text", False) for name in names)
    return names[0] if names and alike else None


def classifier(model: Any) -> Any:
    """The options of a model's head over classes; None where it has none."""
    head = getattr(model, "head", None)
    return head if getattr(head, "over_classes", False) else None


def reads_classes(model: Any, view: Any) -> bool:
    """Whether a term predicts classes, not words.

    Args:
        model: Its model's options.
        view: The options of its view; None for the plain one.
    """
    return classifier(model) is not None and (view is None or view.of_classes)
