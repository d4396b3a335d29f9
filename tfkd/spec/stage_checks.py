"""Stages and evaluations: whether what they read, start from and are taught by fits."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, corpus_of, known, stage_of, written
from tfkd.spec.options import fills_in, goes_on, reads_pairs, reads_streams
from tfkd.spec.packing_checks import check_packing, check_words
from tfkd.spec.start_checks import MODELS, check_start
from tfkd.spec.teacher_checks import NO_HEAD, check_top_k, predicted
from tfkd.spec.term_checks import check_hides, check_terms, paired

_TEXT_METRICS = {"bleu", "chrf", "tokenized_bleu"}


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
        check_packing(parts, faults, where, part, corpus, stage, model)
    check_start(parts, faults, path, stage, model)
    check_terms(parts, faults, path, stage, model)
    if stage.validate_ is not None:
        where = (*path, "validate")
        corpus = corpus_of(parts, faults, (*where, "on"), stage.validate_.on)
        _reads(faults, (*where, "on"), model, stage.validate_.on, corpus)
        _writes(faults, (*where, "metrics"), model, stage.validate_.metrics)
        _measures(parts, faults, (*where, "on"), Found(stage, parts), stage.validate_.on)
        decode = getattr(stage.validate_, "decode", None)
        check_decode(faults, (*where, "decode"), stage.train, model, decode)


def check_load(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A checkpoint: the model it is read into."""
    if stage.train is None or not known(
        parts, faults, (*path, "into"), "model", stage.train, "models"
    ):
        return
    model = parts.models.get(stage.train)
    if model is not None and not reads_streams(model):
        faults.add((*path, "into"), f"{stage.train} is a {model.kind}", "a bert or a gpt2")
    if goes_on(model) and stage.head == "none":
        faults.add((*path, "head"), f"none, and {stage.train} predicts by its embedding", "no head")


def check_score(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A scoring stage: its teacher and data."""
    teacher = stage_of(parts, faults, (*path, "score"), stage.score, kinds=MODELS)
    if teacher is not None and teacher.headless:
        faults.add((*path, "score"), f"{stage.score} {NO_HEAD}", "one with a head")
    if teacher is not None and teacher.model is not None:
        if reads_pairs(teacher.model) or goes_on(teacher.model):
            faults.add(
                (*path, "score"), f"its model is a {teacher.model.kind}",
                "a stage that trains a bert",
            )  # fmt: skip
        _keeps(faults, (*path, "top_k"), stage, teacher)
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        _scored(parts, faults, where, part.of)
        if part.swap:
            faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
        if getattr(part, "pack", None) is not None:
            faults.add(where, f"pack: {part.of} is scored row by row", "no pack in a score stage")
        if getattr(part, "weight", 1) != 1:
            faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def check_evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation: its stages, corpora and metrics."""
    gate = "teacher_gate" in entry.metrics
    if gate and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_gate beside others", "an entry of its own")
    kinds = ("score", *MODELS) if gate else ("train",)
    stage = stage_of(parts, faults, (*path, "of"), entry.of, kinds)
    if gate and stage is not None and stage.stage.kind != "score":
        _mask_gate(parts, faults, path, entry, stage)
        return
    beside = stage_of(parts, faults, (*path, "against"), entry.against, kinds=("train",))
    model = stage.model if stage is not None else None
    check_decode(faults, (*path, "decode"), entry.of, model, getattr(entry, "decode", None))
    if beside is not None:
        decode = getattr(entry, "against_decode", None)
        check_decode(faults, (*path, "against_decode"), entry.against, beside.model, decode)
    _writes(faults, (*path, "metrics"), model, entry.metrics)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        if gate:
            _scored(parts, faults, where, name)
            continue
        corpus = corpus_of(parts, faults, where, name)
        _reads(faults, where, model, name, corpus)
        if "word_perplexity" in entry.metrics:
            check_words(faults, path, where, entry, model, name, corpus)
        if stage is not None:
            _measures(parts, faults, where, stage, name)


def _mask_gate(parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found) -> None:
    """The gate of a teacher that students ask in their steps: a bert, beside itself."""
    if stage.model is not None and stage.model.kind != "bert":
        faults.add(
            (*path, "of"), f"{entry.of} has a {stage.model.kind}",
            "a score stage, or a stage of a bert",
        )  # fmt: skip
    if stage.headless:
        faults.add((*path, "of"), f"{entry.of} {NO_HEAD}", "one with a head")
    if entry.against is not None:
        faults.add(
            (*path, "against"), f"{entry.against}, and {entry.of} is compared with itself without "
            "context", "a score stage, or nothing to compare with",
        )  # fmt: skip
    if stage.stage.kind == "train" and getattr(stage.model, "kind", None) == "bert":
        first = next(iter(stage.stage.objective.values()), None)
        view = stage.parts.views.get(getattr(first, "view", None))
        if first is not None and getattr(view, "kind", "none") in ("none", "prefix_lm"):
            faults.add(
                (*path, "of"), f"the first term of {entry.of} hides no words", "one with a view of "
                "kind mlm, spans or conditional_mlm first",
            )  # fmt: skip
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus_of(parts, faults, where, name)
        if stage.stage.kind == "train":
            _measures(parts, faults, where, stage, name)


def _scored(parts: Parts, faults: Faults, path: tuple, name: str | None) -> None:
    """What a teacher scores are pairs."""
    corpus = corpus_of(parts, faults, path, name)
    if corpus is not None and not paired(corpus):
        found = ", ".join(corpus.field_names)
        faults.add(path, f"{name} has {found}", "a corpus with source and target")


def _keeps(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """No more probabilities are kept than there are pieces."""
    top_k = getattr(stage, "top_k", 0)
    check_top_k(teacher.parts, faults, path, top_k, predicted(teacher.model))


def _measures(parts: Parts, faults: Faults, path: tuple, trained: Found, corpus: str) -> None:
    """A bert is measured in its first term's view; an encoder-decoder, in the plain one."""
    first = next(iter(trained.stage.objective.values()), None)
    name = getattr(first, "view", None)
    if getattr(trained.model, "kind", None) == "bert" and name is not None:
        check_hides(parts, faults, path, trained.parts.views.get(name), name, corpus)


def _reads(faults: Faults, path: tuple, model: Any, name: str, corpus: Any) -> None:
    if model is None or corpus is None or not reads_pairs(model):
        return
    if not paired(corpus):
        fields = ", ".join(corpus.field_names)
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {fields}",
            "a corpus with source and target",
        )  # fmt: skip


def check_decode(faults: Faults, path: tuple, name: str, model: Any, decode: Any) -> None:
    """Mask-Predict fills in; beam and greedy search go from left to right."""
    kind = getattr(decode, "kind", None)
    if goes_on(model) and kind == "mask_predict":
        faults.add(path, f"{kind}, and {name} goes from left to right", "beam, greedy or sample")
    if not reads_pairs(model) or kind not in ("beam", "greedy", "mask_predict"):
        return
    if fills_in(model) != (kind == "mask_predict"):
        faults.add(
            path,
            f"{kind}, and {name} " + ("fills in" if fills_in(model) else "goes from left to right"),
            "mask_predict" if fills_in(model) else "beam or greedy",
        )


def _writes(faults: Faults, path: tuple, model: Any, metrics: list[str]) -> None:
    texts = sorted(_TEXT_METRICS & set(metrics))
    if texts and model is not None and reads_streams(model):
        faults.add(
            path, f"{', '.join(texts)} of a {model.kind}, which has no references",
            "loss, perplexity or accuracy",
        )  # fmt: skip
