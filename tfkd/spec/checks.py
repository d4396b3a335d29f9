"""What no section can see alone: names that must exist, parts that must fit together."""

from tfkd.spec.circles import circle, round_trip, way_back
from tfkd.spec.classifier_checks import check_classes
from tfkd.spec.composed_checks import check_adapters, check_composed
from tfkd.spec.evaluation_checks import check_evaluation
from tfkd.spec.export_checks import check_export
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, known, written
from tfkd.spec.options import sides_of
from tfkd.spec.stage_kinds import kinds
from tfkd.spec.wording import shown as in_short

__all__ = ["Parts", "check"]


def check(parts: Parts, faults: Faults) -> None:
    """Adds a fault for each name that leads nowhere and each pair of parts that does not fit."""
    _corpora(parts, faults)
    _tokenizers(parts, faults)
    _models(parts, faults)
    for name, stage in parts.stages.items():
        if name in parts.names["data"]:
            faults.add(("stages", name), "a corpus has this name too", "a name of its own")
        kinds()[stage.kind].check(stage, parts, faults, ("stages", name))
    trail = circle(parts.stages, faults.tree.plain(), parts.variant)
    if trail:
        expected = "stages that do not wait for themselves"
        faults.add(("stages", trail[0]), f"a circle of stages: {' -> '.join(trail)}", expected)
    for index, entry in enumerate(parts.evaluate):
        if entry is not None:
            check_evaluation(parts, faults, ("evaluate", index), entry)
    for index, stage in enumerate(parts.export):
        check_export(parts, faults, written(faults, ("export", index)), stage)


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
        check_classes(parts, faults, path, options)
        for place, tokenizer in options.tokenizer_names.items():
            place = written(faults, (*path, *place))
            known(parts, faults, place, "tokenizer", tokenizer, "tokenizers")
        head = getattr(options, "head", None)
        if head is not None and getattr(head, "tokenizer", None) is not None:
            place = (*path, "head", "tokenizer")
            known(parts, faults, place, "tokenizer", head.tokenizer, "tokenizers")
            theirs, ours = (
                getattr(parts.tokenizers.get(one), "kind", None)
                for one in (head.tokenizer, options.tokenizer)
            )
            if None not in (theirs, ours) and theirs != ours:
                faults.add(
                    place, f"{head.tokenizer} is of kind {theirs}, {options.tokenizer} of kind "
                    f"{ours}: words of one have no piece of the same name in the other",
                    f"a tokenizer of kind {ours}",
                )  # fmt: skip
            if head.tied and head.tokenizer != options.tokenizer:
                faults.add(
                    (*path, "head", "tied"), "true, with another vocabulary than the input's",
                    "tied: false, or the input's tokenizer",
                )  # fmt: skip
        shared = getattr(options, "share_embeddings", None) == "all"
        if shared and len(set(sides_of(options).values())) > 1:
            faults.add(
                (*path, "share_embeddings"), "all, with a tokenizer for each side",
                "target or none, or one tokenizer for both",
            )  # fmt: skip
