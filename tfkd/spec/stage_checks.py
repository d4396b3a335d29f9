"""Stages and evaluations: whether what they read, start from and are taught by fits."""

from typing import Any

from tfkd.spec.classifier_checks import (
    check_choose,
    check_class_evaluation,
    check_class_scores,
    check_class_training,
    check_word_metrics,
    tells_classes,
)
from tfkd.spec.families import kinds, one_of
from tfkd.spec.faults import Faults
from tfkd.spec.gate_checks import check_writing_gate, writes
from tfkd.spec.names import Found, Parts, corpus_of, found_stage, known, stage_of, written
from tfkd.spec.options.text_metrics import ROUGE_METRICS
from tfkd.spec.packing_checks import check_packing, check_separators, check_words
from tfkd.spec.segment_checks import segments_of
from tfkd.spec.start_checks import MODELS, check_start
from tfkd.spec.teacher_checks import NO_HEAD, check_top_k, encoders, predicted
from tfkd.spec.term_checks import check_hides, check_terms, paired
from tfkd.spec.tuning_checks import check_tuning
from tfkd.spec.wording import a

_TEXT_METRICS = {"bleu", "chrf", "tokenized_bleu", *ROUGE_METRICS}


def check_train(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A training stage: its model, data, start, terms and validation."""
    model = None
    if stage.train is not None and known(
        parts, faults, (*path, "train"), "model", stage.train, "models"
    ):
        model = parts.models.get(stage.train)
    segments = segments_of(Found(stage, parts))
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        corpus = corpus_of(parts, faults, where, part.of, whole=True)
        _reads(faults, where, model, part.of, corpus, segments)
        if corpus is not None and part.swap and "source" not in corpus.field_names:
            faults.add(where, f"swap: {part.of} has no source and target to swap")
        check_packing(parts, faults, where, part, corpus, stage, model)
    check_start(parts, faults, path, stage, model)
    check_terms(parts, faults, path, stage, model)
    check_class_training(parts, faults, path, stage, model)
    check_choose(faults, path, stage)
    for _, trial in stage.choose.trials if stage.choose is not None else ():
        check_terms(parts, faults, path, trial, model)
        faults.errors[:] = dict.fromkeys(faults.errors)  # those of every setting are said once
    if stage.validate_ is not None:
        where = (*path, "validate")
        corpus = corpus_of(parts, faults, (*where, "on"), stage.validate_.on, whole=True)
        _reads(faults, (*where, "on"), model, stage.validate_.on, corpus, segments)
        _writes(faults, (*where, "metrics"), model, stage.validate_.metrics, segments)
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
    if model is not None and model.published is None:
        known_ones = one_of(lambda one: one.published)
        faults.add((*path, "into"), f"{stage.train} is {a(model.kind)}", known_ones)
    # A stage with faults of its own has no head.
    if model is not None and model.is_causal and getattr(stage, "head", None) == "none":
        faults.add((*path, "head"), f"none, and {stage.train} predicts by its embedding", "no head")


def check_score(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A scoring stage: its teacher and data."""
    teacher = stage_of(parts, faults, (*path, "score"), stage.score, kinds=MODELS)
    if teacher is not None and teacher.headless:
        faults.add((*path, "score"), f"{stage.score} {NO_HEAD}", "one with a head")
    if teacher is not None and teacher.model is not None:
        if not teacher.model.encoder_only:
            faults.add(
                (*path, "score"), f"its model is {a(teacher.model.kind)}",
                f"a stage that trains {encoders()}",
            )  # fmt: skip
        if tells_classes(teacher):
            check_class_scores(parts, faults, path, stage, teacher.model)
        else:
            _keeps(faults, (*path, "top_k"), stage, teacher)
            _read_as_taught(faults, (*path, "read"), stage, teacher)
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        if not tells_classes(teacher):
            _scored(parts, faults, where, part.of)
        if part.swap:
            faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
        if getattr(part, "pack", None) is not None:
            faults.add(where, f"pack: {part.of} is scored row by row", "no pack in a score stage")
        if getattr(part, "weight", 1) != 1:
            faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def _read_as_taught(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """A teacher is asked as it has learnt to answer: at hidden words, or before each next one."""
    if teacher.stage.kind != "train":
        return
    terms = teacher.stage.objective.values()
    names = {getattr(term, "view", None) for term in terms}
    views = {getattr(teacher.parts.views.get(name), "kind", None) for name in names}
    if None in views:
        return  # faults of their own
    read = getattr(stage, "read", None)
    if read == "previous" and "prefix_lm" not in views:
        faults.add(
            path, f"previous, and {stage.score} has learnt to fill in hidden words",
            "read: masked, or a teacher with a term causal_lm in a view of kind prefix_lm",
        )  # fmt: skip
    elif read == "masked" and views == {"prefix_lm"} and {t.kind for t in terms} == {"causal_lm"}:
        faults.add(
            path, f"masked, and {stage.score} has learnt to predict each next word (prefix_lm)",
            "read: previous",
        )  # fmt: skip


def check_evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation: its stages, corpora and metrics."""
    gate = "teacher_gate" in entry.metrics
    if gate and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_gate beside others", "an entry of its own")
    _noise(faults, (*path, "noise"), entry, gate)
    check_tuning(parts, faults, path, entry)
    kinds = ("score", *MODELS) if gate else MODELS
    stage = stage_of(parts, faults, (*path, "of"), entry.of, kinds)
    causal = stage is not None and stage.model is not None and stage.model.is_causal
    if stage is not None and not gate and stage.stage.kind == "load" and not causal:
        # What it is measured in, a train stage's terms say; all that a gpt2 reads is text.
        faults.add((*path, "of"), f"{entry.of} is a load stage", "a train stage")
        return
    if getattr(entry, "context", None) is not None and "word_perplexity" not in entry.metrics:
        faults.add(
            (*path, "context"), f"nothing of {', '.join(entry.metrics)} has one",
            "metrics: word_perplexity beside it",
        )  # fmt: skip
    asked = stage
    if gate and stage is not None and stage.stage.kind == "score":
        asked = found_stage(stage.parts, stage.stage.score)
    if tells_classes(asked):
        beside = stage_of(parts, faults, (*path, "against"), entry.against, kinds=("train",))
        check_class_evaluation(parts, faults, path, entry, asked, beside)
        return
    if gate and stage is not None and stage.stage.kind != "score":
        if writes(stage):
            _writing_gate(parts, faults, path, entry, stage)
        else:
            _mask_gate(parts, faults, path, entry, stage)
        return
    beside = stage_of(parts, faults, (*path, "against"), entry.against, kinds=("train",))
    model = stage.model if stage is not None else None
    check_decode(faults, (*path, "decode"), entry.of, model, getattr(entry, "decode", None))
    if beside is not None:
        if stage is not None:
            check_separators(faults, (*path, "against"), entry, stage, beside)
        decode = getattr(entry, "against_decode", None)
        check_decode(faults, (*path, "against_decode"), entry.against, beside.model, decode)
    elif getattr(entry, "against_decode", None) is not None and entry.against is None:
        faults.add(
            (*path, "against_decode"), "no baseline to decode", "against: STAGE[#VARIANT] beside it"
        )
    segments = segments_of(stage)
    _writes(faults, (*path, "metrics"), model, entry.metrics, segments)
    check_word_metrics(faults, path, entry, model)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        if gate:
            _scored(parts, faults, where, name)
            continue
        corpus = corpus_of(parts, faults, where, name, whole=True)
        _reads(faults, where, model, name, corpus, segments)
        if "word_perplexity" in entry.metrics:
            check_words(faults, path, where, entry, stage, name, corpus)
        if stage is not None:
            _measures(parts, faults, where, stage, name)


def _noise(faults: Faults, path: tuple, entry: Any, gate: bool) -> None:
    """Metrics under noise are some of the evaluation's."""
    noise = getattr(entry, "noise", None)
    if noise is None:
        return
    if gate:
        faults.add(path, "noise on a teacher gate", "an evaluation of its model")
        return
    for name in noise.metrics or ():
        if name not in entry.metrics:
            faults.add(
                (*path, "metrics"), f"{name}, which the evaluation does not measure",
                f"some of {', '.join(entry.metrics)}", entry.metrics, name,
            )  # fmt: skip


def _mask_gate(parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found) -> None:
    """The gate of a teacher that students ask in their steps: a bert, beside itself."""
    encoder_only = stage.model is not None and stage.model.encoder_only
    if stage.model is not None and not encoder_only:
        known_ones = ", ".join(map(a, kinds(lambda one: one.single_sequence)))
        faults.add(
            (*path, "of"), f"{entry.of} has {a(stage.model.kind)}",
            f"a score stage, or a stage of {known_ones} or a model that writes from left to right",
        )  # fmt: skip
    if stage.headless:
        faults.add((*path, "of"), f"{entry.of} {NO_HEAD}", "one with a head")
    if entry.against is not None:
        faults.add(
            (*path, "against"), f"{entry.against}, and {entry.of} is compared with itself without "
            "context", "a score stage, or nothing to compare with",
        )  # fmt: skip
    if stage.stage.kind == "train" and encoder_only:
        first = next(iter(stage.stage.objective.values()), None)
        view = stage.parts.views.get(getattr(first, "view", None))
        if first is not None and getattr(view, "kind", "none") in ("none", "prefix_lm"):
            faults.add(
                (*path, "of"), f"the first term of {entry.of} hides no words", "one with a view of "
                "kind mlm, spans or conditional_mlm first",
            )  # fmt: skip
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus_of(parts, faults, where, name, whole=True)
        if stage.stage.kind == "train":
            _measures(parts, faults, where, stage, name)


def _writing_gate(parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found) -> None:
    """The gate of a teacher that writes from left to right."""
    check_writing_gate(parts, faults, path, entry, stage)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus = corpus_of(parts, faults, where, name, whole=True)
        _reads(faults, where, stage.model, name, corpus, segments_of(stage))


def _scored(parts: Parts, faults: Faults, path: tuple, name: str | None) -> None:
    """What a teacher scores are pairs."""
    corpus = corpus_of(parts, faults, path, name, whole=True)
    if corpus is not None and not paired(corpus):
        found = ", ".join(corpus.field_names)
        faults.add(path, f"{name} has {found}", "a corpus with source and target")


def _keeps(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """No more probabilities are kept than there are pieces."""
    top_k = getattr(stage, "top_k", 0)
    check_top_k(teacher.parts, faults, path, top_k, predicted(teacher.model))


def _measures(parts: Parts, faults: Faults, path: tuple, trained: Found, corpus: str) -> None:
    """A bert is measured in its first term's view; an encoder-decoder, in the plain one."""
    if trained.model is None or not trained.model.encoder_only:
        return
    first = next(iter(trained.stage.objective.values()), None)
    name = getattr(first, "view", None)
    if name is not None:
        check_hides(parts, faults, path, trained.parts.views.get(name), name, corpus)


def _reads(
    faults: Faults, path: tuple, model: Any, name: str, corpus: Any, segments: str | None
) -> None:
    if model is None or corpus is None or not model.encoder_decoder:
        return
    if segments is not None and "text" in corpus.field_names:
        return
    if not paired(corpus):
        fields = ", ".join(corpus.field_names)
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {fields}",
            "a corpus with source and target",
        )  # fmt: skip


def check_decode(faults: Faults, path: tuple, name: str, model: Any, decode: Any) -> None:
    """Mask-Predict fills in; beam and greedy search, and draws, go from left to right."""
    kind = getattr(decode, "kind", None)
    if model is None:
        return
    if model.is_causal and kind == "mask_predict":
        faults.add(path, f"{kind}, and {name} goes from left to right", "beam, greedy or sample")
    if not model.encoder_decoder or kind not in ("beam", "greedy", "sample", "mask_predict"):
        return
    if model.fills_in != (kind == "mask_predict"):
        faults.add(
            path,
            f"{kind}, and {name} " + ("fills in" if model.fills_in else "goes from left to right"),
            "mask_predict" if model.fills_in else "beam, greedy or sample",
        )


def _writes(
    faults: Faults, path: tuple, model: Any, metrics: list[str], segments: str | None
) -> None:
    texts = sorted(_TEXT_METRICS & set(metrics))
    if texts and segments is not None:
        faults.add(
            path, f"{', '.join(texts)} of a stage that learns to write segments ({segments})",
            "loss, perplexity or accuracy, or a stage that starts from it",
        )  # fmt: skip
    if texts and model is not None and model.single_sequence:
        faults.add(
            path, f"{', '.join(texts)} of {a(model.kind)}, which has no references",
            "loss, perplexity or accuracy" + (", or word_perplexity" if model.is_causal else ""),
        )  # fmt: skip
