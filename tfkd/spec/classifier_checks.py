"""Classifiers: whether labels, marks, metrics and teachers fit the head over classes."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.metrics import (
    CLASSES,
    OUTPUTS,
    TEACHER_CHECK,
    TEACHER_FORCED,
    WORDS,
    about,
    in_training,
    names_of,
    product_of,
)  # fmt: skip
from tfkd.spec.names import Found, Parts, corpus_of, found_corpus, found_stage, written
from tfkd.spec.options import classifier, reads_classes
from tfkd.spec.stage_kinds import kinds

_HEAD = "a model with head: {kind: classifier}"
_ALL_OF = ("read", "passes", "top_k")


def tells_classes(found: Found | None) -> bool:
    """Whether a stage's model has its head over classes."""
    if found is None or found.model is None:
        return False
    return "classifier" in found.model.heads_needed(found.stage, found.parts.views)


def check_classes(parts: Parts, faults: Faults, path: tuple, model: Any) -> None:
    """The corpora that a head learns its classes from have labels."""
    for index, name in enumerate(getattr(classifier(model), "classes", ())):
        where = written(faults, (*path, "head", "classes", index))
        corpus = corpus_of(parts, faults, where, name)
        if corpus is not None:
            _labelled(faults, where, name, corpus)


def check_class_training(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """A training stage: its labels and marks, its terms, its validation."""
    _views(parts, faults, path, stage, model)
    found = Found(stage, parts)
    validate = stage.validate_
    if not tells_classes(found):
        if validate is not None:
            where = (*path, "validate", "metrics")
            _of_words(faults, where, stage.train, model, validate.metrics)
            _in_training(faults, where, validate.metrics)
        return
    corpora = {part.of: found_corpus(parts, part.of) for part in stage.data}
    if None in corpora.values():
        return  # faults of their own
    labels = [name for name, corpus in corpora.items() if "label" in corpus.field_names]
    learns = [name for name, term in stage.objective.items() if _learns(parts, model, term)]
    if not labels and (learns or not model.head.classes):
        have = "; ".join(
            f"{name} has {', '.join(one.field_names)}" for name, one in corpora.items()
        )
        what = f"{learns[0]} learns classes" if learns else "classes are learnt"
        faults.add(
            (*path, "data"), f"{what} from labels, and {have}",
            "a corpus with a field label, like columns: {text: 0, label: 1}",
        )  # fmt: skip
    for index, (name, corpus) in enumerate(corpora.items()):
        check_read(faults, written(faults, (*path, "data", index)), model, name, corpus)
    if validate is not None:
        check_labels(parts, faults, (*path, "validate", "on"), model, validate.on)
        check_metrics(faults, (*path, "validate", "metrics"), stage.train, validate.metrics)


def check_read(faults: Faults, path: tuple, model: Any, name: str, corpus: Any) -> None:
    """A corpus that a classifier reads has what its head is read at."""
    if classifier(model).read == "mark" and not {"text", "mark"} <= set(corpus.field_names):
        faults.add(
            path, f"the head reads the mark, and {name} has {', '.join(corpus.field_names)}",
            "a corpus with the fields text and mark, or head: {kind: classifier, read: cls}",
        )  # fmt: skip


def check_labels(parts: Parts, faults: Faults, path: tuple, model: Any, name: str) -> None:
    """A corpus that a classifier is measured on has labels (and marks)."""
    corpus = found_corpus(parts, name)
    if corpus is not None:
        _labelled(faults, path, name, corpus)
        check_read(faults, path, model, name, corpus)


def check_metrics(faults: Faults, path: tuple, name: str, metrics: list[str]) -> None:
    """A classifier's metrics."""
    other = [metric for metric in metrics if metric not in names_of(CLASSES, among=metrics)]
    if other:
        known = names_of(CLASSES)
        faults.add(
            path, f"{', '.join(other)} of {name}, which tells classes apart",
            f"one of {', '.join(known)}",
        )  # fmt: skip


def _of_words(faults: Faults, path: tuple, name: str, model: Any, metrics: list[str]) -> None:
    """Metrics of classes are of classifiers alone."""
    found = [metric for metric in metrics if about(metric).products == (CLASSES,)]
    if found and model is not None:
        faults.add(path, f"{', '.join(found)} of {name}, which predicts words", _HEAD)


def _in_training(faults: Faults, path: tuple, metrics: list[str]) -> None:
    """The trainings of a model of words make its figures and outputs, and no text's likelihood."""
    made = (TEACHER_FORCED, OUTPUTS)
    found = [one for one in metrics if WORDS in about(one).products]
    if found := [one for one in found if product_of(about(one), made) is None]:
        known = [one for one in in_training() if product_of(about(one), made) is not None]
        faults.add(
            path, f"{', '.join(found)}, counted from a whole text's likelihood, which no training "
            "measures", f"one of {', '.join(known)}, or an evaluation that measures it",
        )  # fmt: skip


def _learns(parts: Parts, model: Any, term: Any) -> bool:
    """Whether a term learns classes from labels."""
    view = parts.views.get(getattr(term, "view", None))
    return term.kind == "cross_entropy" and reads_classes(model, view)


def _labelled(faults: Faults, path: tuple, name: str, corpus: Any) -> None:
    if "label" not in corpus.field_names:
        faults.add(
            path, f"{name} has {', '.join(corpus.field_names)}, and no labels",
            "a corpus with a field label, like columns: {text: 0, label: 1}",
        )  # fmt: skip


def _views(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """The views of terms fit the head, and the terms fit classes."""
    for name, term in stage.objective.items():
        where = (*path, "objective", name)
        of_view = getattr(term, "view", None)
        view = parts.views.get(of_view)
        if model is None or (of_view is not None and view is None):
            continue
        kind = getattr(view, "kind", None)
        if kind == "classify" and classifier(model) is None:
            faults.add((*where, "view"), f"{of_view} (classify) is of classes", _HEAD)
        if kind == "none" and classifier(model) is not None:
            faults.add(
                (*where, "view"), f"{of_view} (none) hides no words, and predicts no classes",
                "a view of kind classify, or no view",
            )  # fmt: skip
        if not reads_classes(model, view):
            continue
        if term.kind == "cross_entropy" and term.label_smoothing and term.smoothing == "opennmt":
            faults.add(
                (*where, "smoothing"), "opennmt, which leaves out the padding of a vocabulary: of "
                "classes it would be the first", "smoothing: fairseq",
            )  # fmt: skip


def over_vocabulary(term: Any) -> bool:
    """Whether a teacher of a term is asked for words or classes; a plugin's may ask for others."""
    return getattr(term, "over_vocabulary", False)


def check_class_teacher(
    parts: Parts, faults: Faults, path: tuple, term: Any, model: Any, teacher: Found
) -> bool:
    """Whether a term and its teacher speak of the same things, classes or words.

    Returns:
        Whether these are classes.
    """
    if not over_vocabulary(term) or model is None:
        return False
    ours = reads_classes(model, parts.views.get(term.view))
    asked = teacher
    if teacher.stage.kind == "score":
        asked = found_stage(teacher.parts, teacher.stage.score)
    if asked is None or asked.model is None:
        return ours
    theirs = tells_classes(asked)
    if ours and not theirs:
        faults.add(
            (*path, "teacher"), f"{term.teacher} predicts words, and this term classes",
            "a teacher that was tuned with a classifier, or a view of kind mlm",
        )  # fmt: skip
    if theirs and not ours and not _tells_words(asked):
        faults.add(
            (*path, "teacher"), f"{term.teacher} predicts classes, and this term words",
            "a pre-trained teacher, or a student with head: {kind: classifier}",
        )  # fmt: skip
    if ours and getattr(term, "rest", None) == "bucket":
        faults.add((*path, "rest"), "bucket, of a whole distribution over classes", "drop")
    return ours


def _tells_words(found: Found) -> bool:
    return "masked_lm" in found.model.heads_needed(found.stage, found.parts.views)


def check_class_scores(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """A scoring stage of a classifier: every class of every row, once."""
    for option in _ALL_OF:
        default = kinds()["score"].model_fields[option].default
        if getattr(stage, option, default) != default:
            faults.add(
                (*path, option), f"{getattr(stage, option)}, and of a classifier all classes of a "
                "row are stored in one pass", f"no {option}",
            )  # fmt: skip
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        corpus = corpus_of(parts, faults, where, part.of)
        if corpus is not None:
            check_read(faults, where, model, part.of, corpus)


def check_class_evaluation(
    parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found, beside: Found | None
) -> None:
    """An evaluation, or a teacher check, of a classifier."""
    if TEACHER_CHECK not in entry.metrics:
        check_metrics(faults, (*path, "metrics"), entry.of, entry.metrics)
    if beside is not None and beside.model is not None and not tells_classes(beside):
        faults.add(
            (*path, "against"), f"{entry.against} predicts words, and {entry.of} classes",
            "a stage that trains a classifier",
        )  # fmt: skip
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        if corpus_of(parts, faults, where, name) is not None:
            check_labels(parts, faults, where, stage.model, name)


def check_word_metrics(faults: Faults, path: tuple, entry: Any, model: Any) -> None:
    """Metrics of classes of a model that has none."""
    _of_words(faults, (*path, "metrics"), entry.of, model, entry.metrics)


def check_choose(faults: Faults, path: tuple, stage: Any) -> None:
    """What settings are judged by is what the validation keeps the best step by."""
    choose, validate = stage.choose, stage.validate_
    if choose is None:
        return
    kept = getattr(getattr(validate, "keep", None), "best", None)
    asked = (getattr(validate, "on", None), kept)
    if asked != (choose.corpus, choose.metric):
        known = in_training()
        if choose.metric not in known:
            faults.add(
                (*path, "choose", "by"), f"{choose.by}, and no validation measures {choose.metric}",
                f"CORPUS.METRIC, METRIC one of {', '.join(known)}",
            )  # fmt: skip
            return
        found = "no validation" if validate is None else f"on: {asked[0]}, keep: {validate.keep}"
        if kept is not None:
            found = f"on: {asked[0]}, keep: {{best: {kept}}}"
        faults.add(
            (*path, "choose", "by"), f"{choose.by}, and the stage has {found}",
            f"validate: {{on: {choose.corpus}, metrics: [{choose.metric}], keep: {{best: "
            f"{choose.metric}}}}}",
        )  # fmt: skip
