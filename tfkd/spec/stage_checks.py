"""Stages and evaluations: whether what they read, start from and are taught by fits."""

from contextlib import suppress
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, known, stage_of, written
from tfkd.spec.references import parse

# Stages that a model with its weights comes of.
_MODELS = ("train", "load")
_STREAM_VIEWS = {"mlm", "conditional_mlm", "prefix_lm"}
_PAIR_VIEWS = {"conditional_mlm", "prefix_lm"}
_VIEWS_OF = {"masked_lm": ("mlm", "conditional_mlm"), "causal_lm": ("prefix_lm",)}
_TEXT_METRICS = {"bleu", "chrf", "tokenized_bleu"}


def sides_of(model: Any) -> dict[str, str]:
    """A model's tokenizers by side, as far as they are given."""
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None or isinstance(tokenizer, str):
        return {} if tokenizer is None else {"source": tokenizer, "target": tokenizer}
    return {"source": tokenizer.source, "target": tokenizer.target}


def _output(model: Any) -> str | None:
    """The tokenizer whose pieces a model predicts."""
    head = getattr(model, "head", None)
    return getattr(head, "tokenizer", None) or sides_of(model).get("target")


def check_train(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A training stage: its model, data, start, terms and validation."""
    model = None
    if stage.train is not None and known(
        parts, faults, (*path, "train"), "model", stage.train, "models"
    ):
        model = parts.models.get(stage.train)
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        corpus = corpus_of(parts, faults, where, part.of)
        _reads(faults, where, model, part.of, corpus)
        if corpus is not None and part.swap and "source" not in corpus.field_names:
            faults.add(where, f"swap: {part.of} has no source and target to swap")
    origins = stage.from_ or {}
    for key, reference in ({"": origins} if isinstance(origins, str) else origins).items():
        where = (*path, "from", key) if key else (*path, "from")
        stage_of(parts, faults, where, reference, kinds=_MODELS)
    for term, options in stage.objective.items():
        _term(parts, faults, (*path, "objective", term), options, model, stage)
    if stage.validate_ is not None:
        where = (*path, "validate")
        corpus = corpus_of(parts, faults, (*where, "on"), stage.validate_.on)
        _reads(faults, (*where, "on"), model, stage.validate_.on, corpus)
        _writes(faults, (*where, "metrics"), model, stage.validate_.metrics)


def check_load(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A checkpoint: the model it is read into."""
    if stage.train is None or not known(
        parts, faults, (*path, "into"), "model", stage.train, "models"
    ):
        return
    model = parts.models.get(stage.train)
    if model is not None and model.kind != "bert":
        faults.add((*path, "into"), f"{stage.train} is a {model.kind}", "a bert")


def check_score(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A scoring stage: its teacher and data."""
    teacher = stage_of(parts, faults, (*path, "score"), stage.score, kinds=_MODELS)
    model = parts.models.get(getattr(teacher, "train", None))
    if model is not None and model.kind == "transformer":
        faults.add((*path, "score"), "its model is a transformer", "a stage that trains a bert")
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        corpus = corpus_of(parts, faults, where, part.of)
        if corpus is not None and not {"source", "target"} <= set(corpus.field_names):
            found = ", ".join(corpus.field_names)
            faults.add(where, f"{part.of} has {found}", "a corpus with source and target")
        if part.swap:
            faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
        if getattr(part, "weight", 1) != 1:
            faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def check_evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation: its stages, corpora and metrics."""
    gate = "teacher_gate" in entry.metrics
    if gate and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_gate beside others", "an entry of its own")
    kinds = ("score",) if gate else ("train",)
    stage = stage_of(parts, faults, (*path, "of"), entry.of, kinds)
    stage_of(parts, faults, (*path, "against"), entry.against, kinds=("train",))
    model = parts.models.get(getattr(stage, "train", None))
    _writes(faults, (*path, "metrics"), model, entry.metrics)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus = corpus_of(parts, faults, where, name)
        _reads(faults, where, model, name, corpus)


def _term(parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any) -> None:
    view_name = getattr(options, "view", None)
    if view_name is None:
        if options.kind in _VIEWS_OF:
            faults.add(path, "no view", f"view: one of kind {' or '.join(_VIEWS_OF[options.kind])}")
        elif options.kind == "cross_entropy" and getattr(model, "kind", None) == "bert":
            faults.add(path, "a bert predicts words that a view hides", "masked_lm with a view")
    elif known(parts, faults, (*path, "view"), "view", view_name, "views"):
        view = parts.views.get(view_name)
        _view(faults, (*path, "view"), view, view_name, options, model)
        _hides(parts, faults, (*path, "view"), view, view_name, stage)
    teacher = getattr(options, "teacher", None)
    if teacher is not None:
        scored = stage_of(parts, faults, (*path, "teacher"), teacher, kinds=("score",))
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


def _hides(parts: Parts, faults: Faults, path: tuple, view: Any, name: str, stage: Any) -> None:
    """A view that hides words of the target needs one."""
    if view is None or view.kind not in _PAIR_VIEWS:
        return
    for part in stage.data:
        corpus = parts.data.get(part.of)
        if corpus is not None and not {"source", "target"} <= set(corpus.field_names):
            faults.add(
                path, f"{name} ({view.kind}) hides words of the target, and {part.of} has "
                f"{', '.join(corpus.field_names)}", "corpora with source and target",
            )  # fmt: skip


def _teaches(
    parts: Parts, faults: Faults, path: tuple, name: str, scored: Any, stage: Any, model: Any
) -> None:
    """A stored teacher must speak of the student's words, and of some of its rows."""
    if scored is None:
        return
    trained = None
    with suppress(ValueError):  # a fault of its own
        parsed = parse(scored.score or "")
        trained = None if parsed.spec else parts.stages.get(parsed.stage)
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
    turned = [part.of for part in stage.data if part.swap and part.of in rows]
    if turned:
        faults.add(
            path, f"{name} scored {', '.join(turned)} as it is, this stage reads it swapped",
            "no swap where soft targets are stored",
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
