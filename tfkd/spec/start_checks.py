"""What a training stage starts from and what it trains: whether the weights can be there."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.options import heads_needed, part_names, sides_of, weight_sizes, whole_parts
from tfkd.spec.wording import shown

# Stages that a model with its weights comes of.
MODELS = ("train", "load")


def check_start(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """`from:` and `trainable:` of a training stage; kinds of plugins are taken at their word.

    Args:
        parts: The spec's parts.
        faults: Takes the faults.
        path: The stage's path.
        stage: Its options.
        model: The options of the model that it trains; None where they are not known.
    """
    origins = stage.from_ or {}
    for key, reference in ({"": origins} if isinstance(origins, str) else origins).items():
        where = (*path, "from", key) if key else (*path, "from")
        origin = stage_of(parts, faults, where, reference, kinds=MODELS)
        theirs = origin.model if origin is not None else None
        if key in ("", "all"):
            if origin is not None and origin.headless and _keeps_head(stage, model, parts):
                faults.add(
                    where, f"{reference} has no head, which this stage's model has",
                    f"{{embedding: {reference}, encoder: {reference}}}",
                )  # fmt: skip
            if model is not None and theirs is not None:
                _whole(faults, where, reference, model, theirs)
        elif model is not None and _is_whole(key, model, theirs):
            _whole(faults, where, reference, whole_parts(model)[key], theirs)
            _pieces(faults, where, key, reference, model, theirs)
        elif model is not None:
            _part(faults, where, key, reference, model, theirs)
    trainable = getattr(stage, "trainable", "all")
    for index, name in enumerate([] if isinstance(trainable, str) else trainable):
        if model is not None:
            _trains(faults, (*path, "trainable", index), name, model, stage.train)


def _keeps_head(stage: Any, model: Any, parts: Parts) -> bool:
    """Whether a stage goes on with a head over words; one over classes starts anew."""
    return model is None or heads_needed(model, stage, parts.views) != ("classifier",)


def _whole(faults: Faults, path: tuple, name: str, ours: Any, theirs: Any) -> None:
    """All weights of another stage: the model must be the same."""
    if part_names(ours) is None or part_names(theirs) is None:
        return
    if ours.kind != theirs.kind:
        faults.add(
            path, f"{name} has a {theirs.kind}, this stage trains a {ours.kind}",
            f"a stage of a {ours.kind}, or parts and their stages",
        )  # fmt: skip
        return
    mine, other = weight_sizes(ours), weight_sizes(theirs)
    unlike = [key for key in mine if mine[key] != other.get(key, mine[key])]
    if unlike:
        there = ", ".join(f"{key}: {shown(other[key])}" for key in unlike)
        here = ", ".join(f"{key}: {shown(mine[key])}" for key in unlike)
        faults.add(
            path, f"{name} has a {theirs.kind} with {there}; this stage trains one with {here}",
            "a model of the same sizes, or parts and their stages",
        )  # fmt: skip


def _is_whole(key: str, model: Any, theirs: Any) -> bool:
    """Whether a part is a model of its own, and starts from one of its kind, not of its owner's."""
    part = whole_parts(model).get(key)
    return None not in (part, theirs) and theirs.kind != model.kind


def _pieces(faults: Faults, path: tuple, key: str, name: str, ours: Any, theirs: Any) -> None:
    """A part that is a whole model reads the pieces that its stage was trained with."""
    part = whole_parts(ours)[key]
    mine, other = sides_of(part), sides_of(theirs)
    if mine and other and mine != other:
        here, there = (" and ".join(dict.fromkeys(one.values())) for one in (mine, other))
        faults.add(
            path, f"{name} reads the pieces of {there}, this part those of {here}",
            f"a stage of a {part.kind} with tokenizer {here}",
        )  # fmt: skip


def _trains(faults: Faults, path: tuple, name: str, model: Any, whose: str) -> None:
    """What is trained: a part, or all adapters."""
    if name != "adapters":
        _has(faults, path, name, model, whose)
    elif part_names(model) is not None and not model.adapters:
        faults.add(
            path, f"adapters, and {whose} has none",
            "a section adapters: {encoder: {kind: bottleneck, ..}}, or the names of parts",
        )  # fmt: skip


def _part(faults: Faults, path: tuple, key: str, name: str, ours: Any, theirs: Any) -> None:
    """One part's weights: the model must have the part, and so must the other stage's."""
    if not _has(faults, path, key, ours, "this model") or theirs is None:
        return
    there, part = part_names(theirs), key.partition("/")[0]
    if there is not None and part_names(ours) is not None and part not in there:
        known = ", ".join(there)
        faults.add(path, f"{name} has a {theirs.kind} without a part {part}", f"one of {known}")


def _has(faults: Faults, path: tuple, name: str, model: Any, whose: str) -> bool:
    """Whether a model has a part; a path below a part is judged by the part alone."""
    known, part = part_names(model), name.partition("/")[0]
    if known is None or part in known:
        return True
    message = f"{whose} is a {model.kind} without a part {shown(part)}"
    faults.add(path, message, f"one of {', '.join(known)}", known, part)
    return False
