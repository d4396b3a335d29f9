"""What no section can see alone: names that must exist, parts that must fit together."""

from typing import Any

from tfkd.spec import stage_kinds
from tfkd.spec.checks.circles import circle, round_trip, way_back
from tfkd.spec.checks.evaluation_checks import check_evaluation
from tfkd.spec.checks.export_checks import check_exports
from tfkd.spec.families import kinds
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, known, written
from tfkd.spec.options import sides_of
from tfkd.spec.tasks.task import named
from tfkd.spec.wording import a
from tfkd.spec.wording import shown as in_short

__all__ = ["Parts", "check"]


# Projections whose outputs are not as wide as their inputs, as the built-in adapters need them.
_UNEVEN = {
    "on_self_attention_query_key_value", "on_cross_attention_key_value", "on_feed_forward_inner",
    "on_feed_forward_outer",
}  # fmt: skip
_OF_BLOCKS = ("bottleneck", "cross_attention")


def check(parts: Parts, faults: Faults) -> None:
    """Adds a fault for each name that leads nowhere and each pair of parts that does not fit."""
    _corpora(parts, faults)
    _tokenizers(parts, faults)
    _models(parts, faults)
    for name, stage in parts.stages.items():
        if name in parts.names["data"]:
            faults.add(("stages", name), "a corpus has this name too", "a name of its own")
        stage_kinds.kinds()[stage.kind].check(stage, parts, faults, ("stages", name))
    trail = circle(parts.stages, faults.tree.plain(), parts.variant)
    if trail:
        expected = "stages that do not wait for themselves"
        faults.add(("stages", trail[0]), f"a circle of stages: {' -> '.join(trail)}", expected)
    for index, entry in enumerate(parts.evaluate):
        if entry is not None:
            check_evaluation(parts, faults, ("evaluate", index), entry)
    check_exports(parts, faults)


def _corpora(parts: Parts, faults: Faults) -> None:
    others: dict[str, list[str]] = {}
    for name, options in parts.data.items():
        others[name] = [other.partition(".")[0] for other in options.drop_overlap]
        seen: set[str] = set()
        for index, other in enumerate(options.drop_overlap):
            path = ("data", name, "drop_overlap", index)
            corpus_of(parts, faults, path, other)
            if other in seen:
                faults.add(path, f"{in_short(other)} stands here twice", "each corpus once")
            seen.add(other)
    trail = round_trip(way_back(others, lambda name: others.get(name, ())))
    if trail:
        path = ("data", trail[0], "drop_overlap")
        faults.add(
            path, f"a circle: {' -> '.join(trail)}", "corpora that do not wait for each other"
        )


def _tokenizers(parts: Parts, faults: Faults) -> None:
    for name, options in parts.tokenizers.items():
        path = ("tokenizers", name)
        for index, place in enumerate(getattr(options, "learn_from", ())):
            corpus_of(parts, faults, written(faults, (*path, "learn_from", index)), place)
        keep = getattr(options, "keep", None)
        for index, place in enumerate(keep.seen_in if keep else ()):
            corpus_of(parts, faults, (*path, "keep", "seen_in", index), place)


def _models(parts: Parts, faults: Faults) -> None:
    for name, options in parts.models.items():
        path = tuple(name.split("."))
        check_composed(parts, faults, path, options)
        check_adapters(parts, faults, name, options)
        for place, tokenizer in options.tokenizer_names.items():
            place = written(faults, (*path, *place))
            known(parts, faults, place, "tokenizer", tokenizer, "tokenizers")
        if (head := getattr(options, "head", None)) is not None:
            named(head.kind).check_model(parts, faults, path, options)
        shared = getattr(options, "share_embeddings", None) == "all"
        if shared and not _one_vocabulary(parts, {*sides_of(options).values()}):
            faults.add(
                (*path, "share_embeddings"), "all, with a tokenizer for each side",
                "target or none, or one tokenizer for both",
            )  # fmt: skip


def _one_vocabulary(parts: Parts, names: set[str]) -> bool:
    """Whether tokenizers have one list of pieces: one tokenizer, or the sides of one preset."""
    found = [parts.tokenizers.get(name) for name in names]
    presets = {getattr(one, "preset", None) for one in found}
    # Of each its side (Marian), or of all the same model, whose texts begin otherwise (mBART).
    of_sides = all(getattr(one, "side", None) for one in found)
    begun = any(getattr(one, "start", None) for one in found)
    return len(names) < 2 or ((of_sides or begun) and len(presets) == 1)


def check_composed(parts: Parts, faults: Faults, path: tuple, model: Any) -> None:
    """The models that a model names, each of the right kind, and whether they go together."""
    for option, name in model.named_models().items():
        where = (*path, option)
        if not known(parts, faults, where, "model", name, "models"):
            continue
        found = parts.models.get(name)
        if found is not None and found.kind != model.made_of[option]:
            faults.add(where, f"{name} is {a(found.kind)}", a(model.made_of[option]))
    for option, what, expected in model.misfits():
        faults.add((*path, option), what, expected)


def check_adapters(parts: Parts, faults: Faults, name: str, model: Any) -> None:
    """Adapters of a student: layers that it has, and places that its blocks have."""
    for side, adapter in getattr(model, "adapters", {}).items():
        stack = model.stacks.get(side)
        where = ("adapters", side)
        if stack is None:
            having = kinds(lambda one, side=side: side in one.adapter_sides)
            faults.add(
                where, f"{name} is {a(model.kind)}, without adapters on its {side}",
                f"a student of kind {' or '.join(having)}",
            )  # fmt: skip
            continue
        try:
            adapter.numbers(stack.layers)
        except ValueError as error:
            faults.add((*where, "layers"), f"{error} of {name}", f"at most {stack.layers}")
        heads = getattr(adapter, "heads", None)
        if adapter.kind == "cross_attention" and stack.width % heads:
            faults.add((*where, "heads"), f"{heads}, and {name} is {stack.width} wide", "a divisor")
        if adapter.kind == "cross_attention" and side == "encoder":
            faults.add(where, "cross_attention on the encoder, which has nothing to attend to")
        if adapter.kind in _OF_BLOCKS and adapter.place in _UNEVEN:
            faults.add(
                (*where, "place"), f"{adapter.place}, whose output is not as wide as its input, "
                f"and {a(adapter.kind)} adapter adds to one what it reads of the other",
                "after_block, a place beside a sub-layer, or an adapter of your own",
            )  # fmt: skip
        if "cross_attention" in adapter.place and not stack.cross:
            faults.add(
                (*where, "place"), f"{adapter.place}, and the blocks of {name} have no "
                "cross-attention there", "another place",
            )  # fmt: skip
