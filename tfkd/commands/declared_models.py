"""The models of a spec as they are declared, before any stage has learnt their vocabularies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from tfkd.models import build_model
from tfkd.models.builder import CLASSES
from tfkd.spec import Spec
from tfkd.spec.options import classifier


@dataclass(frozen=True)
class Pieces:
    """What a model's builder needs of a tokenizer that has not been learnt yet: its size."""

    size: int


def build_models(
    spec: Spec,
    sizes: Mapping[str, int] | None = None,
    classes: int | Mapping[str, int] | None = None,
) -> dict[str, keras.Model]:
    """The models of a spec by name, freshly initialised; see `tfkd.build`."""
    sizes = dict(sizes or {})
    _refuse_unknown_names("sizes", sizes, spec.tokenizers, "tokenizer")
    unknown = [
        name
        for name, options in spec.tokenizers.items()
        if name not in sizes and not options.learn_from
    ]
    if unknown:
        raise ValueError(
            "Invalid value for argument `sizes`. Expected the vocabulary's size of each tokenizer "
            f"that is read. Received: none for {', '.join(unknown)}"
        )
    pieces = {
        name: Pieces(sizes.get(name, options.size)) for name, options in spec.tokenizers.items()
    }
    counts = _class_counts(spec, classes)
    models = {
        name: build_model(
            _of_unknown_pieces(options),
            pieces | ({CLASSES: Pieces(counts[name])} if name in counts else {}),
            heads_needed=_declared_heads(spec, name),
        )
        for name, options in spec.models.items()
    }
    for name, model in models.items():
        model.name = name  # `summary` shows it
    return models


def _declared_heads(spec: Spec, name: str) -> tuple[str, ...]:
    """The heads of a model as it is declared: its family's; one over classes where it is so
    declared, and then over words too where a stage trains it on these."""
    model = spec.models[name]
    if classifier(model) is None:
        return model.default_heads
    stages = [one for one in spec.stages.values() if getattr(one, "train", None) == name]
    needed = {head for one in stages for head in model.heads_needed(one, spec.views)}
    return ("masked_lm", "classifier") if "masked_lm" in needed else ("classifier",)


def _class_counts(spec: Spec, classes: int | Mapping[str, int] | None) -> dict[str, int]:
    """How many classes each model with a head over classes tells apart."""
    told = [name for name, options in spec.models.items() if classifier(options) is not None]
    if classes is not None and not told:
        raise ValueError(
            "Invalid value for argument `classes`. Expected none: no model of the spec has a head "
            f"over classes. Received: classes={classes!r}"
        )
    given = classes if isinstance(classes, Mapping) else dict.fromkeys(told, classes)
    _refuse_unknown_names("classes", given, told, "model with a head over classes")
    wrong = {name: given.get(name) for name in told if not _is_count(given.get(name))}
    if wrong:
        raise ValueError(
            "Invalid value for argument `classes`. Expected how many classes, 2 or more, each "
            "model with a head over them tells apart: they are learnt from labels when a stage "
            "runs. Received: " + ", ".join(f"{count!r} for {name}" for name, count in wrong.items())
        )
    return dict(given)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 2


def _refuse_unknown_names(
    argument: str, given: Mapping[str, int], known: Iterable[str], what: str
) -> None:
    known = list(known)
    if wrong := [name for name in given if name not in known]:
        raise ValueError(
            f"Invalid value for argument `{argument}`. Expected names of a {what} of the spec: "
            f"{', '.join(known) or 'it has none'}. Received: {', '.join(wrong)}"
        )


def _of_unknown_pieces(options: Any) -> Any:
    """The same options with a head at chance: which row is whose is not known yet."""
    if not options.has_own_matrix:
        return options
    head = options.head.model_copy(update={"start": "random"})
    return options.model_copy(update={"head": head})
