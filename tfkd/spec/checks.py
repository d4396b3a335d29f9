"""What no section can see alone: names that must exist, cycles, parts that must fit together."""

from typing import Any

from tfkd.spec.references import parse
from tfkd.spec.sections import Faults


def check(spec: Any, faults: Faults) -> None:
    """Adds a fault for each name that leads nowhere and each pair of parts that does not fit."""
    _corpora(spec, faults)
    _tokenizers(spec, faults)
    _models(spec, faults)
    for name, stage in spec.stages.items():
        if stage.kind == "train":
            _train(spec, faults, name, stage)
        else:
            _score(spec, faults, name, stage)
    if not faults.errors:
        _cycles(spec, faults)
    for index, entry in enumerate(spec.evaluate):
        _evaluation(spec, faults, index, entry)
    for index, stage in enumerate(spec.export):
        _stage(spec, faults, ("export", index), stage, kinds=("train",))


def _known(faults: Faults, path: tuple, what: str, name: str, names: Any) -> bool:
    if name in names:
        return True
    expected = f"one of {', '.join(names)}" if names else f"a {what}; the spec has none"
    faults.add(path, f"there is no {what} {name!r}", expected, names, name)
    return False


def _stage(spec: Any, faults: Faults, path: tuple, reference: str, kinds: tuple[str, ...]) -> Any:
    """The stage of this spec that a reference names; None for a fault or another file's stage."""
    try:
        parsed = parse(reference)
    except ValueError as error:
        faults.add(path, str(error))
        return None
    if parsed.spec is not None:
        return None
    if parsed.variant is not None and not _known(
        faults, path, "variant", parsed.variant, spec.variants
    ):
        return None
    if not _known(faults, path, "stage", parsed.stage, list(spec.stages)):
        return None
    stage = spec.stages[parsed.stage]
    if stage.kind not in kinds:
        faults.add(path, f"{parsed.stage} is a {stage.kind} stage", f"a {' or '.join(kinds)} stage")
        return None
    return stage


def _corpora(spec: Any, faults: Faults) -> None:
    for name, options in spec.data.items():
        for index, other in enumerate(options.drop_overlap):
            corpus, _, field = other.partition(".")
            path = ("data", name, "drop_overlap", index)
            if _known(faults, path, "corpus", corpus, list(spec.data)) and field:
                _known(faults, path, "field", field, spec.data[corpus].field_names)
    for name in spec.data:
        trail = _circle(name, lambda one: [o.partition(".")[0] for o in spec.data[one].drop_overlap
                                            if o.partition(".")[0] in spec.data])  # fmt: skip
        if trail:
            faults.add(("data", name, "drop_overlap"), f"a circle: {' -> '.join(trail)}")
            return


def _tokenizers(spec: Any, faults: Faults) -> None:
    for name, options in spec.tokenizers.items():
        places = [("learn_from", place) for place in options.learn_from]
        places += [("keep", place) for place in (options.keep.seen_in if options.keep else ())]
        for index, (key, place) in enumerate(places):
            corpus, _, field = place.partition(".")
            path = ("tokenizers", name, key, index)
            if _known(faults, path, "corpus", corpus, list(spec.data)) and field:
                _known(faults, path, "field", field, spec.data[corpus].field_names)


def _models(spec: Any, faults: Faults) -> None:
    for name, options in spec.models.items():
        path = (*name.split("."), "tokenizer")
        tokenizer = options.tokenizer
        named = [tokenizer] if isinstance(tokenizer, str) else [tokenizer.source, tokenizer.target]
        for one in named:
            _known(faults, path, "tokenizer", one, list(spec.tokenizers))
        head = getattr(options, "head", None)
        if head is not None and head.tokenizer is not None:
            place = (*name.split("."), "head", "tokenizer")
            _known(faults, place, "tokenizer", head.tokenizer, list(spec.tokenizers))
        if getattr(options, "share_embeddings", None) == "all" and len(set(named)) > 1:
            faults.add(
                (*name.split("."), "share_embeddings"), "all, with a tokenizer for each side",
                "target or none, or one tokenizer for both",
            )  # fmt: skip


_STREAM_VIEWS = {"mlm", "conditional_mlm", "prefix_lm"}


def _train(spec: Any, faults: Faults, name: str, stage: Any) -> None:
    path = ("stages", name)
    model = None
    if _known(faults, (*path, "train"), "model", stage.train, list(spec.models)):
        model = spec.models[stage.train]
    for index, part in enumerate(stage.data):
        where = (*path, "data") if len(stage.data) == 1 else (*path, "data", index)
        if _known(faults, where, "corpus", part.of, list(spec.data)) and model is not None:
            _reads(faults, where, model, part.of, spec.data[part.of])
            if part.swap and "source" not in spec.data[part.of].field_names:
                faults.add(where, f"swap: {part.of} has no source and target to swap")
    origins = stage.from_ or {}
    for part, reference in ({"": origins} if isinstance(origins, str) else origins).items():
        where = (*path, "from", part) if part else (*path, "from")
        _stage(spec, faults, where, reference, kinds=("train",))
    for term, options in stage.objective.items():
        where = (*path, "objective", term)
        if options.view is not None and _known(
            faults, (*where, "view"), "view", options.view, list(spec.views)
        ):
            kind = spec.views[options.view].kind
            if model is not None and model.kind == "transformer" and kind in _STREAM_VIEWS:
                faults.add(
                    (*where, "view"), f"{options.view} ({kind}) is for a BERT",
                    "no view for an encoder-decoder",
                )  # fmt: skip
        needs = {"masked_lm": ("mlm", "conditional_mlm"), "causal_lm": ("prefix_lm",)}
        if options.kind in needs and options.view is None:
            faults.add(where, "no view", f"view: one of kind {' or '.join(needs[options.kind])}")
        if getattr(options, "teacher", None) is not None:
            _stage(spec, faults, (*where, "teacher"), options.teacher, kinds=("score",))
    if stage.validate_ is not None:
        where = (*path, "validate", "on")
        if _known(faults, where, "corpus", stage.validate_.on, list(spec.data)) and model:
            _reads(faults, where, model, stage.validate_.on, spec.data[stage.validate_.on])
        texts = {"bleu", "chrf"} & set(stage.validate_.metrics)
        if texts and model is not None and model.kind != "transformer":
            faults.add(
                (*path, "validate", "metrics"), f"{', '.join(sorted(texts))} of a {model.kind}",
                "loss, perplexity or accuracy: this model writes no text",
            )  # fmt: skip


def _reads(faults: Faults, path: tuple, model: Any, name: str, corpus: Any) -> None:
    fields = corpus.field_names
    if model.kind == "transformer" and not {"source", "target"} <= set(fields):
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {', '.join(fields)}",
            "a corpus with source and target",
        )  # fmt: skip


def _score(spec: Any, faults: Faults, name: str, stage: Any) -> None:
    path = ("stages", name)
    teacher = _stage(spec, faults, (*path, "score"), stage.score, kinds=("train",))
    if teacher is not None and spec.models.get(teacher.train) is not None:
        model = spec.models[teacher.train]
        if model.kind != "bert":
            faults.add(
                (*path, "score"), f"its model is a {model.kind}", "a stage that trains a bert"
            )
    for index, part in enumerate(stage.data):
        where = (*path, "data") if len(stage.data) == 1 else (*path, "data", index)
        if _known(faults, where, "corpus", part.of, list(spec.data)):
            fields = spec.data[part.of].field_names
            if not {"source", "target"} <= set(fields):
                faults.add(where, f"{part.of} has {', '.join(fields)}", "source and target")


def _evaluation(spec: Any, faults: Faults, index: int, entry: Any) -> None:
    path = ("evaluate", index)
    gate = "teacher_gate" in entry.metrics
    if gate and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_gate beside others", "an entry of its own")
    _stage(spec, faults, (*path, "of"), entry.of, kinds=("score",) if gate else ("train",))
    if entry.against is not None:
        _stage(spec, faults, (*path, "against"), entry.against, kinds=("train",))
    for place, corpus in enumerate(entry.on):
        _known(faults, (*path, "on", place), "corpus", corpus, list(spec.data))


def needs(stage: Any) -> list[str]:
    """The stages that a stage reads, as references."""
    if stage.kind == "score":
        return [stage.score]
    origins = stage.from_ or {}
    found = [origins] if isinstance(origins, str) else list(origins.values())
    return found + [
        term.teacher for term in stage.objective.values() if getattr(term, "teacher", None)
    ]


def _cycles(spec: Any, faults: Faults) -> None:
    def inputs(name: str) -> list[str]:
        parsed = [parse(reference) for reference in needs(spec.stages[name])]
        return [one.stage for one in parsed if one.spec is None and one.variant is None]

    for name in spec.stages:
        trail = _circle(name, inputs)
        if trail:
            faults.add(("stages", name), f"a circle: {' -> '.join(trail)}", "stages without one")
            return


def _circle(start: str, inputs: Any) -> list[str]:
    """The way from a name back to itself; [] where there is none."""
    stack, seen = [[start]], set()
    while stack:
        trail = stack.pop()
        for name in inputs(trail[-1]):
            if name == start:
                return [*trail, name]
            if name not in seen:
                seen.add(name)
                stack.append([*trail, name])
    return []
