"""Classification: whether labels, marks, metrics and corpora fit the head over classes."""

from typing import Any, ClassVar

from tfkd.spec.faults import Faults
from tfkd.spec.metrics import CLASSES, TEACHER_CHECK, names_of
from tfkd.spec.names import Found, Parts, corpus_of, found_corpus, stage_of, written
from tfkd.spec.options import ClassifierHeadOptions, classifier, reads_classes
from tfkd.spec.stage_kinds import kinds
from tfkd.spec.tasks.task import Path, TaskOptions, asked_of, task_of

_ALL_OF = ("read", "passes", "top_k")


class ClassificationOptions(ClassifierHeadOptions, TaskOptions):
    """The class of a text, a pair or a marked character."""

    over_classes: ClassVar[bool] = True
    products: ClassVar[tuple[str, ...]] = (CLASSES,)
    of_checkpoints: ClassVar[bool] = True

    @classmethod
    def check_model(cls, parts: Parts, faults: Faults, path: Path, model: Any) -> None:
        for index, name in enumerate(model.head.classes):
            where = written(faults, (*path, "head", "classes", index))
            corpus = corpus_of(parts, faults, where, name)
            if corpus is not None and not _names_classes(corpus):
                _labelled(faults, where, name, corpus)

    @classmethod
    def check_training(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, model: Any
    ) -> None:
        corpora = {part.of: found_corpus(parts, part.of) for part in stage.data}
        if None in corpora.values():
            return  # faults of their own
        labels = [name for name, corpus in corpora.items() if "label" in corpus.field_names]
        named = labels or [name for name, corpus in corpora.items() if _names_classes(corpus)]
        learns = [name for name, term in stage.objective.items() if _learns(parts, model, term)]
        if (learns and not labels) or not (named or model.head.classes):
            have = "; ".join(
                f"{name} has {', '.join(one.field_names)}" for name, one in corpora.items()
            )
            what = f"{learns[0]} learns classes" if learns else "classes are learnt"
            faults.add(
                (*path, "data"), f"{what} from labels, and {have}",
                "a corpus with a field label, like columns: {text: 0, label: 1}",
            )  # fmt: skip
        for index, (name, corpus) in enumerate(corpora.items()):
            cls.check_read(faults, written(faults, (*path, "data", index)), model, name, corpus)
        if (validate := stage.validate_) is not None:
            cls.check_measured(parts, faults, (*path, "validate", "on"), model, validate.on)
            _metrics(faults, (*path, "validate", "metrics"), stage.train, validate.metrics)

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found
    ) -> None:
        """Every class of every row is stored, once."""
        for option in _ALL_OF:
            default = kinds()["score"].model_fields[option].default
            if getattr(stage, option, default) != default:
                faults.add(
                    (*path, option), f"{getattr(stage, option)}, and of a classifier all classes "
                    "of a row are stored in one pass", f"no {option}",
                )  # fmt: skip
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            corpus = corpus_of(parts, faults, where, part.of)
            if corpus is not None:
                cls.check_read(faults, where, teacher.model, part.of, corpus)

    @classmethod
    def check_evaluation(
        cls, parts: Parts, faults: Faults, path: Path, entry: Any, stage: Found
    ) -> None:
        beside = stage_of(parts, faults, (*path, "against"), entry.against, "trained")
        if TEACHER_CHECK not in entry.metrics:
            _metrics(faults, (*path, "metrics"), entry.of, entry.metrics)
        if beside is not None and beside.model is not None and not task_of(beside).over_classes:
            faults.add(
                (*path, "against"), f"{entry.against} predicts words, and {entry.of} classes",
                "a stage that trains a classifier",
            )  # fmt: skip
        for index, name in enumerate(entry.on):
            where = written(faults, (*path, "on", index))
            if corpus_of(parts, faults, where, name) is not None:
                cls.check_measured(parts, faults, where, asked_of(stage).model, name)

    @classmethod
    def check_read(cls, faults: Faults, path: Path, model: Any, name: str, corpus: Any) -> None:
        """A corpus that a classifier reads has what its head is read at."""
        if classifier(model).read == "mark" and not {"text", "mark"} <= set(corpus.field_names):
            faults.add(
                path, f"the head reads the mark, and {name} has {', '.join(corpus.field_names)}",
                "a corpus with the fields text and mark, or head: {kind: classifier, read: cls}",
            )  # fmt: skip

    @classmethod
    def check_measured(
        cls, parts: Parts, faults: Faults, path: Path, model: Any, name: str
    ) -> None:
        """A corpus that a classifier is measured on has labels (and marks)."""
        corpus = found_corpus(parts, name)
        if corpus is not None:
            _labelled(faults, path, name, corpus)
            cls.check_read(faults, path, model, name, corpus)


def _metrics(faults: Faults, path: Path, name: str, metrics: list[str]) -> None:
    """A classifier's metrics."""
    other = [metric for metric in metrics if metric not in names_of(CLASSES, among=metrics)]
    if other:
        faults.add(
            path, f"{', '.join(other)} of {name}, which tells classes apart",
            f"one of {', '.join(names_of(CLASSES))}",
        )  # fmt: skip


def _learns(parts: Parts, model: Any, term: Any) -> bool:
    """Whether a term learns classes from labels."""
    view = parts.views.get(getattr(term, "view", None))
    return term.kind == "cross_entropy" and reads_classes(model, view)


def _names_classes(corpus: Any) -> bool:
    """Whether a corpus says which classes there are: those that its soft labels are of."""
    return bool(getattr(corpus, "class_names", ()))


def _labelled(faults: Faults, path: Path, name: str, corpus: Any) -> None:
    if "label" not in corpus.field_names:
        faults.add(
            path, f"{name} has {', '.join(corpus.field_names)}, and no labels",
            "a corpus with a field label, like columns: {text: 0, label: 1}",
        )  # fmt: skip
