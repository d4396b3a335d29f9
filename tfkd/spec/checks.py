"""What no section can see alone: names that must exist, parts that must fit together."""

from dataclasses import dataclass
from typing import Any

from tfkd.spec.circles import circle, way_back
from tfkd.spec.faults import Faults
from tfkd.spec.other_specs import check_other_spec
from tfkd.spec.references import parse

# Stages that a model with its weights comes of.
_MODELS = ("train", "load")
_STREAM_VIEWS = {"mlm", "conditional_mlm", "prefix_lm"}
_VIEWS_OF = {"masked_lm": ("mlm", "conditional_mlm"), "causal_lm": ("prefix_lm",)}
_TEXT_METRICS = {"bleu", "chrf", "tokenized_bleu"}


@dataclass(frozen=True)
class Parts:
    """A spec's sections as far as they are right, and the names of all their parts.

    Attributes:
        names: By section: the names of parts, right or faulty; a faulty part is missing from its
            section (or, a stage, stands in with the names that it refers to).
        variant: The variant that was applied, or None.
    """

    data: dict[str, Any]
    tokenizers: dict[str, Any]
    models: dict[str, Any]
    views: dict[str, Any]
    stages: dict[str, Any]
    evaluate: list[Any]
    export: list[str]
    names: dict[str, list[str]]
    variant: str | None


def check(parts: Parts, faults: Faults) -> None:
    """Adds a fault for each name that leads nowhere and each pair of parts that does not fit."""
    _corpora(parts, faults)
    _tokenizers(parts, faults)
    _models(parts, faults)
    for name, stage in parts.stages.items():
        if name in parts.names["data"]:
            faults.add(("stages", name), "a corpus has this name too", "a name of its own")
        check_stage = {"train": _train, "score": _score, "load": _load}[stage.kind]
        check_stage(parts, faults, ("stages", name), stage)
    trail = circle(parts.stages, parts.variant)
    if trail:
        expected = "stages that do not wait for themselves"
        faults.add(("stages", trail[0]), f"a circle of stages: {' -> '.join(trail)}", expected)
    for index, entry in enumerate(parts.evaluate):
        if entry is not None:
            _evaluation(parts, faults, ("evaluate", index), entry)
    for index, stage in enumerate(parts.export):
        where = _written(faults, ("export", index))
        _stage(parts, faults, where, stage, kinds=("train",))


def _written(faults: Faults, path: tuple) -> tuple:
    """The path as far as it was written: `data: train` is short for a list of one."""
    node = faults.tree
    for depth, key in enumerate(path):
        child = node.child(key)
        if child is None:
            return path[:depth]
        node = child
    return path


def _known(parts: Parts, faults: Faults, path: tuple, what: str, name: str, section: str) -> bool:
    names = parts.names[section]
    if name in names:
        return True
    expected = f"one of {', '.join(names)}" if names else f"a {what}; the spec has none"
    faults.add(path, f"there is no {what} {name!r}", expected, names, name)
    return False


def _stage(
    parts: Parts, faults: Faults, path: tuple, reference: str | None, kinds: tuple[str, ...]
) -> Any:
    """The stage of this spec that a reference names; None for a fault or another file's stage."""
    if reference is None:
        return None
    try:
        parsed = parse(reference)
    except ValueError as error:
        faults.add(path, str(error))
        return None
    if parsed.spec is not None:
        check_other_spec(faults, path, parsed, kinds)
        return None
    if parsed.variant is not None and not _known(
        parts, faults, path, "variant", parsed.variant, "variants"
    ):
        return None
    if not _known(parts, faults, path, "stage", parsed.stage, "stages"):
        return None
    stage = parts.stages.get(parsed.stage)
    if stage is not None and stage.kind not in kinds:
        faults.add(path, f"{parsed.stage} is a {stage.kind} stage", f"a {' or '.join(kinds)} stage")
        return None
    return stage


def _corpus(parts: Parts, faults: Faults, path: tuple, place: str | None) -> Any:
    """The corpus of `CORPUS` or `CORPUS.FIELD`; None for a fault."""
    if place is None:
        return None
    name, dot, field = place.partition(".")
    if not _known(parts, faults, path, "corpus", name, "data"):
        return None
    corpus = parts.data.get(name)
    if corpus is not None and dot and field not in corpus.field_names:
        fields = corpus.field_names
        faults.add(
            path, f"{name} has no field {field!r}", f"one of {', '.join(fields)}", fields, field
        )
    return corpus


def _corpora(parts: Parts, faults: Faults) -> None:
    others: dict[str, list[str]] = {}
    for name, options in parts.data.items():
        others[name] = [other.partition(".")[0] for other in options.drop_overlap]
        for index, other in enumerate(options.drop_overlap):
            _corpus(parts, faults, ("data", name, "drop_overlap", index), other)
    trail = way_back(others, lambda name: others.get(name, ()))
    if trail:
        path = ("data", trail[0], "drop_overlap")
        faults.add(
            path, f"a circle: {' -> '.join(trail)}", "corpora that do not wait for each other"
        )


def _tokenizers(parts: Parts, faults: Faults) -> None:
    for name, options in parts.tokenizers.items():
        path = ("tokenizers", name)
        for index, place in enumerate(getattr(options, "learn_from", ())):
            _corpus(parts, faults, _written(faults, (*path, "learn_from", index)), place)
        keep = getattr(options, "keep", None)
        for index, place in enumerate(keep.seen_in if keep else ()):
            _corpus(parts, faults, (*path, "keep", "seen_in", index), place)


def _models(parts: Parts, faults: Faults) -> None:
    for name, options in parts.models.items():
        path = tuple(name.split("."))
        sides = _sides(options)
        if getattr(options, "kind", None) == "bert":
            sides.pop("source")  # one stream
        for side, tokenizer in sides.items():
            place = _written(faults, (*path, "tokenizer", side))
            _known(parts, faults, place, "tokenizer", tokenizer, "tokenizers")
        head = getattr(options, "head", None)
        if head is not None and getattr(head, "tokenizer", None) is not None:
            place = (*path, "head", "tokenizer")
            _known(parts, faults, place, "tokenizer", head.tokenizer, "tokenizers")
        if getattr(options, "share_embeddings", None) == "all" and len(set(sides.values())) > 1:
            faults.add(
                (*path, "share_embeddings"), "all, with a tokenizer for each side",
                "target or none, or one tokenizer for both",
            )  # fmt: skip


def _sides(model: Any) -> dict[str, str]:
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None or isinstance(tokenizer, str):
        return {} if tokenizer is None else {"source": tokenizer, "target": tokenizer}
    return {"source": tokenizer.source, "target": tokenizer.target}


def _output(model: Any) -> str | None:
    """The tokenizer whose pieces a model predicts."""
    head = getattr(model, "head", None)
    return getattr(head, "tokenizer", None) or _sides(model).get("target")


def _train(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    model = None
    if stage.train is not None and _known(
        parts, faults, (*path, "train"), "model", stage.train, "models"
    ):
        model = parts.models.get(stage.train)
    for index, part in enumerate(stage.data):
        where = _written(faults, (*path, "data", index))
        corpus = _corpus(parts, faults, where, part.of)
        _reads(faults, where, model, part.of, corpus)
        if corpus is not None and part.swap and "source" not in corpus.field_names:
            faults.add(where, f"swap: {part.of} has no source and target to swap")
    origins = stage.from_ or {}
    for key, reference in ({"": origins} if isinstance(origins, str) else origins).items():
        where = (*path, "from", key) if key else (*path, "from")
        _stage(parts, faults, where, reference, kinds=_MODELS)
    for term, options in stage.objective.items():
        _term(parts, faults, (*path, "objective", term), options, model, stage)
    if stage.validate_ is not None:
        where = (*path, "validate")
        corpus = _corpus(parts, faults, (*where, "on"), stage.validate_.on)
        _reads(faults, (*where, "on"), model, stage.validate_.on, corpus)
        _writes(faults, (*where, "metrics"), model, stage.validate_.metrics)


def _term(parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any) -> None:
    view_name = getattr(options, "view", None)
    if view_name is None:
        if options.kind in _VIEWS_OF:
            faults.add(path, "no view", f"view: one of kind {' or '.join(_VIEWS_OF[options.kind])}")
    elif _known(parts, faults, (*path, "view"), "view", view_name, "views"):
        _view(faults, (*path, "view"), parts.views.get(view_name), view_name, options, model)
    teacher = getattr(options, "teacher", None)
    if teacher is not None:
        scored = _stage(parts, faults, (*path, "teacher"), teacher, kinds=("score",))
        _teaches(parts, faults, (*path, "teacher"), teacher, scored, stage, model)


def _view(faults: Faults, path: tuple, view: Any, name: str, term: Any, model: Any) -> None:
    if view is None:
        return
    if term.kind in _VIEWS_OF and view.kind in {"none", *_STREAM_VIEWS} - {*_VIEWS_OF[term.kind]}:
        faults.add(
            path, f"{name} is of kind {view.kind}, which a {term.kind} term cannot read",
            f"a view of kind {' or '.join(_VIEWS_OF[term.kind])}",
        )  # fmt: skip
    if model is None:
        return
    if model.kind == "transformer" and view.kind in _STREAM_VIEWS:
        faults.add(path, f"{name} ({view.kind}) is for a BERT", "no view for an encoder-decoder")
    longest, limit = getattr(view, "max_length", 0), getattr(model, "max_length", None)
    if model.kind == "bert" and limit is not None and longest > limit:
        faults.add(
            path, f"{name} makes {longest} tokens, more than the model's max_length of {limit}",
            "a smaller max_length of the view, or a larger one of the model",
        )  # fmt: skip


def _teaches(
    parts: Parts, faults: Faults, path: tuple, name: str, scored: Any, stage: Any, model: Any
) -> None:
    """A stored teacher must speak of the student's words, and of some of its rows."""
    if scored is None:
        return
    try:
        trained = parts.stages.get(parse(scored.score or "").stage)
    except ValueError:
        trained = None
    teacher = parts.models.get(getattr(trained, "train", None))
    theirs, ours = _output(teacher), _output(model)
    if theirs and ours and theirs != ours:
        faults.add(
            path, f"{name} predicts the pieces of {theirs}, this student those of {ours}",
            f"a teacher with tokenizer: {ours} (or a head with it)",
        )  # fmt: skip
    rows = [part.of for part in scored.data]
    reads = [part.of for part in stage.data]
    if None not in (*rows, *reads) and not set(rows) & set(reads):
        faults.add(
            path, f"{name} scored {', '.join(rows)}, this stage reads {', '.join(reads)}",
            "a teacher that scored what its student reads",
        )  # fmt: skip


def _reads(faults: Faults, path: tuple, model: Any, name: str, corpus: Any) -> None:
    if model is None or corpus is None or model.kind != "transformer":
        return
    fields = corpus.field_names
    if not {"source", "target"} <= set(fields):
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {', '.join(fields)}",
            "a corpus with source and target",
        )  # fmt: skip


def _writes(faults: Faults, path: tuple, model: Any, metrics: list[str]) -> None:
    texts = sorted(_TEXT_METRICS & set(metrics))
    if texts and model is not None and model.kind == "bert":
        faults.add(
            path, f"{', '.join(texts)} of a bert, which writes no text",
            "loss, perplexity or accuracy",
        )  # fmt: skip


def _load(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    if stage.train is None or not _known(
        parts, faults, (*path, "into"), "model", stage.train, "models"
    ):
        return
    model = parts.models.get(stage.train)
    if model is not None and model.kind != "bert":
        faults.add((*path, "into"), f"{stage.train} is a {model.kind}", "a bert")


def _score(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    teacher = _stage(parts, faults, (*path, "score"), stage.score, kinds=_MODELS)
    model = parts.models.get(getattr(teacher, "train", None))
    if model is not None and model.kind == "transformer":
        faults.add((*path, "score"), "its model is a transformer", "a stage that trains a bert")
    for index, part in enumerate(stage.data):
        where = _written(faults, (*path, "data", index))
        corpus = _corpus(parts, faults, where, part.of)
        if corpus is not None and not {"source", "target"} <= set(corpus.field_names):
            found = ", ".join(corpus.field_names)
            faults.add(where, f"{part.of} has {found}", "a corpus with source and target")


def _evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    gate = "teacher_gate" in entry.metrics
    if gate and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_gate beside others", "an entry of its own")
    kinds = ("score",) if gate else ("train",)
    stage = _stage(parts, faults, (*path, "of"), entry.of, kinds)
    _stage(parts, faults, (*path, "against"), entry.against, kinds=("train",))
    model = parts.models.get(getattr(stage, "train", None))
    _writes(faults, (*path, "metrics"), model, entry.metrics)
    for index, name in enumerate(entry.on):
        where = _written(faults, (*path, "on", index))
        corpus = _corpus(parts, faults, where, name)
        _reads(faults, where, model, name, corpus)
