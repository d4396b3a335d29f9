"""What a training stage starts from and what it trains: whether the weights can be there."""

import re
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.options import sides_of
from tfkd.spec.wording import a, shown


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
        origin = stage_of(parts, faults, where, reference, "model")
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
            _whole(faults, where, reference, model.whole_parts[key], theirs)
            _pieces(faults, where, key, reference, model, theirs)
        elif model is not None:
            _part(faults, where, key, reference, model, theirs)
    if not isinstance(origins, str):
        _once(faults, (*path, "from"), list(origins))
    trainable = getattr(stage, "trainable", "all")
    for index, name in enumerate([] if isinstance(trainable, str) else trainable):
        if model is not None:
            _trains(faults, (*path, "trainable", index), name, model, stage.train)
    if model is not None:
        _taught(faults, path, stage, model)


def _once(faults: Faults, path: tuple, keys: list[str]) -> None:
    """No part starts from two stages."""
    for inner in keys:
        for outer in keys:
            if inner.startswith(f"{outer}/"):
                faults.add((*path, inner), f"a part of {outer}, which starts from a stage already")


def _taught(faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """What stays as it is has been taught before: whole models in it, and its lengths."""
    origins, trainable = stage.from_ or {}, getattr(stage, "trainable", "all")
    if isinstance(origins, str) or "all" in origins:
        return
    given = {name.partition("/")[0] for name in origins}
    if trainable != "all":
        moved = {name.partition("/")[0] for name in trainable}
        for name in model.whole_parts:
            if name not in given | moved:
                faults.add(
                    path, f"{name} neither starts from a stage nor trains: it would stay at chance",
                    f"from: {{{name}: STAGE}}, or {name} among trainable",
                )  # fmt: skip
    if not model.fills_in or getattr(model, "lengths", None) is None:
        return
    learns = any(term.kind == "length" for term in stage.objective.values() if term.weight)
    if "lengths" not in given and not learns:
        faults.add(
            path, f"{stage.train} predicts lengths, and no term teaches them: a decoder that fills "
            "in decodes as many tokens as they say",
            "a term length: {view: ..} in the objective, or lengths from a stage",
        )  # fmt: skip


def _keeps_head(stage: Any, model: Any, parts: Parts) -> bool:
    """Whether a stage goes on with a head over words; one over classes starts anew."""
    return model is None or model.heads_needed(stage, parts.views) != ("classifier",)


def _whole(faults: Faults, path: tuple, name: str, ours: Any, theirs: Any) -> None:
    """All weights of another stage: the model must be the same."""
    if ours.part_names is None or theirs.part_names is None:
        return
    if ours.kind != theirs.kind:
        faults.add(
            path, f"{name} has {a(theirs.kind)}, this stage trains {a(ours.kind)}",
            f"a stage of {a(ours.kind)}, or parts and their stages",
        )  # fmt: skip
        return
    mine, other = ours.weight_sizes(), theirs.weight_sizes()
    unlike = [key for key in mine if mine[key] != other.get(key, mine[key])]
    if unlike:
        there = ", ".join(f"{key}: {shown(other[key])}" for key in unlike)
        here = ", ".join(f"{key}: {shown(mine[key])}" for key in unlike)
        faults.add(
            path, f"{name} has {a(theirs.kind)} with {there}; this stage trains one with {here}",
            "a model of the same sizes, or parts and their stages",
        )  # fmt: skip


def _is_whole(key: str, model: Any, theirs: Any) -> bool:
    """Whether a part is a model of its own, and starts from one of its kind, not of its owner's."""
    part = model.whole_parts.get(key)
    return None not in (part, theirs) and theirs.kind != model.kind


def _pieces(faults: Faults, path: tuple, key: str, name: str, ours: Any, theirs: Any) -> None:
    """A part that is a whole model reads the pieces that its stage was trained with."""
    part = ours.whole_parts[key]
    mine, other = sides_of(part), sides_of(theirs)
    if mine and other and mine != other:
        here, there = (" and ".join(dict.fromkeys(one.values())) for one in (mine, other))
        faults.add(
            path, f"{name} reads the pieces of {there}, this part those of {here}",
            f"a stage of {a(part.kind)} with tokenizer {here}",
        )  # fmt: skip


def _trains(faults: Faults, path: tuple, name: str, model: Any, whose: str) -> None:
    """What is trained: a part, or all adapters."""
    if name != "adapters":
        _has(faults, path, name, model, whose)
    elif model.part_names is not None and not model.adapters:
        faults.add(
            path, f"adapters, and {whose} has none",
            "a section adapters: {encoder: {kind: bottleneck, ..}}, or the names of parts",
        )  # fmt: skip


def _part(faults: Faults, path: tuple, key: str, name: str, ours: Any, theirs: Any) -> None:
    """One part's weights: the model must have the part, and so must the other stage's."""
    if not _has(faults, path, key, ours, "this model") or theirs is None:
        return
    there, (part, _, below) = theirs.part_names, key.partition("/")
    if below and _is_whole(part, ours, theirs):
        part = below.partition("/")[0]
        _pieces(faults, path, key.partition("/")[0], name, ours, theirs)
    if there is not None and ours.part_names is not None and part not in there:
        known = ", ".join(there)
        faults.add(path, f"{name} has {a(theirs.kind)} without a part {part}", f"one of {known}")


def _has(faults: Faults, path: tuple, name: str, model: Any, whose: str) -> bool:
    """Whether a model has a part; a path below a part is judged by the part and its layers."""
    known, part = model.part_names, name.partition("/")[0]
    if known is None:
        return True
    if part in known:
        return _has_layer(faults, path, name, model, whose)
    message = f"{whose} is {a(model.kind)} without a part {shown(part)}"
    faults.unknown(path, message, known, part)
    return False


def _has_layer(faults: Faults, path: tuple, name: str, model: Any, whose: str) -> bool:
    """Whether a model's part has the layer that a path names, if it names one."""
    layers = _layers_there(model, name)
    if layers is None:
        return True
    faults.add(path, f"{whose} has no {shown(name)}", f"layers 1 to {layers}")
    return False


def _layers_there(model: Any, name: str) -> int | None:
    """How many layers there are where a path names one that is not among them; else None."""
    part, _, below = name.partition("/")
    if (whole := model.whole_parts.get(part)) is not None:
        return _layers_there(whole, below)
    stack = model.stacks.get(part)
    named = re.match(r"(?:decoder/)?layer_(\d+)(?:/|$)", below)
    if stack is None or named is None or 1 <= int(named[1]) <= stack.layers:
        return None
    return stack.layers
