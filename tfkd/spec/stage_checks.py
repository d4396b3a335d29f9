"""Stages and evaluations: whether what they read, start from and are taught by fits."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, corpus_of, found_stage, known, stage_of, written
from tfkd.spec.options import own_vocabulary
from tfkd.spec.start_checks import MODELS, check_start

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


def _paired(corpus: Any) -> bool:
    return {"source", "target"} <= set(corpus.field_names)


def _output(model: Any) -> str | None:
    """The tokenizer whose pieces a model predicts."""
    return own_vocabulary(model) or sides_of(model).get("target")


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
    check_start(parts, faults, path, stage, model)
    for term, options in stage.objective.items():
        _term(parts, faults, (*path, "objective", term), options, model, stage)
    if stage.validate_ is not None:
        where = (*path, "validate")
        corpus = corpus_of(parts, faults, (*where, "on"), stage.validate_.on)
        _reads(faults, (*where, "on"), model, stage.validate_.on, corpus)
        _writes(faults, (*where, "metrics"), model, stage.validate_.metrics)
        _measures(parts, faults, (*where, "on"), Found(stage, parts), stage.validate_.on)


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
    teacher = stage_of(parts, faults, (*path, "score"), stage.score, kinds=MODELS)
    if teacher is not None and teacher.model is not None:
        if teacher.model.kind == "transformer":
            faults.add((*path, "score"), "its model is a transformer", "a stage that trains a bert")
        _keeps(faults, (*path, "top_k"), stage, teacher)
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        _scored(parts, faults, where, part.of)
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
    model = stage.model if stage is not None else None
    _writes(faults, (*path, "metrics"), model, entry.metrics)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        if gate:
            _scored(parts, faults, where, name)
            continue
        _reads(faults, where, model, name, corpus_of(parts, faults, where, name))
        if stage is not None:
            _measures(parts, faults, where, stage, name)


def _scored(parts: Parts, faults: Faults, path: tuple, name: str | None) -> None:
    """What a teacher scores are pairs."""
    corpus = corpus_of(parts, faults, path, name)
    if corpus is not None and not _paired(corpus):
        found = ", ".join(corpus.field_names)
        faults.add(path, f"{name} has {found}", "a corpus with source and target")


def _keeps(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """No more probabilities are kept than there are pieces; a learnt vocabulary has `size`."""
    name, top_k = _output(teacher.model), getattr(stage, "top_k", 0)
    pieces = teacher.parts.tokenizers.get(name)
    learnt = getattr(pieces, "kind", None) == "wordpiece" and pieces.learn_from
    if learnt and top_k > pieces.size:
        faults.add(path, f"{top_k} of the {pieces.size} pieces of {name}", "no more than those")


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
        for part in stage.data:
            _hides(parts, faults, (*path, "view"), view, view_name, part.of)
    teacher = getattr(options, "teacher", None)
    if teacher is not None:
        scored = stage_of(parts, faults, (*path, "teacher"), teacher, kinds=("score",))
        _teaches(faults, (*path, "teacher"), teacher, scored, stage, model)


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


def _hides(parts: Parts, faults: Faults, path: tuple, view: Any, name: str, corpus: str) -> None:
    """A view that hides words of the target needs one."""
    if view is None or view.kind not in _PAIR_VIEWS:
        return
    found = parts.data.get(corpus)
    if found is not None and not _paired(found):
        fields = ", ".join(found.field_names)
        faults.add(
            path, f"{name} ({view.kind}) hides words of the target, and {corpus} has {fields}",
            "corpora with source and target",
        )  # fmt: skip


def _measures(parts: Parts, faults: Faults, path: tuple, trained: Found, corpus: str) -> None:
    """A bert is measured in its first term's view; an encoder-decoder, in the plain one."""
    first = next(iter(trained.stage.objective.values()), None)
    name = getattr(first, "view", None)
    if getattr(trained.model, "kind", None) == "bert" and name is not None:
        _hides(parts, faults, path, trained.parts.views.get(name), name, corpus)


def _teaches(
    faults: Faults, path: tuple, name: str, scored: Found | None, stage: Any, model: Any
) -> None:
    """A stored teacher must speak of the student's words, and of some of its rows."""
    if scored is None:
        return
    teacher = found_stage(scored.parts, scored.stage.score)
    theirs, ours = _output(teacher.model) if teacher is not None else None, _output(model)
    if theirs and ours and theirs != ours:
        faults.add(
            path, f"{name} predicts the pieces of {theirs}, this student those of {ours}",
            f"a teacher with tokenizer: {ours} (or a head with it)",
        )  # fmt: skip
    rows = [part.of for part in scored.stage.data]
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
    if not _paired(corpus):
        fields = ", ".join(corpus.field_names)
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {fields}",
            "a corpus with source and target",
        )  # fmt: skip


def _writes(faults: Faults, path: tuple, model: Any, metrics: list[str]) -> None:
    texts = sorted(_TEXT_METRICS & set(metrics))
    if texts and model is not None and model.kind == "bert":
        faults.add(
            path, f"{', '.join(texts)} of a bert, which writes no text",
            "loss, perplexity or accuracy",
        )  # fmt: skip
