"""What a spec knows of a task: what a model is for, and what must be there for it.

The other half, what a run does, is `tfkd.pipeline.tasks.task`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import OF_WORDS
from tfkd.spec.names import Found, Parts, found_stage
from tfkd.spec.options.base import Options

Path = tuple[Any, ...]


class TaskOptions(Options):
    """The options of the head that a task needs: what a model's `head:` may be, chosen by `kind`,
    which is the task's name in the registry. Of a task without a head of its own there are none.

    What a stage's model is for follows from its options and the views of its terms: see
    `task_name`. All else that differs by task is asked of these classes.

    Attributes:
        over_classes: Whether its head is over classes that are learnt from labels.
        each_word: Whether labels are of words, and a row has as many as it has words.
        products: What a metric is counted from: the first of them that it names.
        encodes: Whether its models are encoders, which write no text.
        of_checkpoints: Whether a checkpoint is measured as it is loaded: what it is measured in, no
            term has to say.
    """

    over_classes: ClassVar[bool] = False
    each_word: ClassVar[bool] = False
    products: ClassVar[tuple[str, ...]] = OF_WORDS
    encodes: ClassVar[bool] = False
    of_checkpoints: ClassVar[bool] = False

    @classmethod
    def check_model(cls, parts: Parts, faults: Faults, path: Path, model: Any) -> None:
        """A model whose `head:` is of this kind: what it names is there."""

    @classmethod
    def check_training(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, model: Any
    ) -> None:
        """A training stage, of a model (None: an unknown one): it has what its terms learn from,
        and what its validation measures."""

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found | None
    ) -> None:
        """A scoring stage of such a teacher: it can be asked so, and reads these corpora."""

    @classmethod
    def check_evaluation(
        cls, parts: Parts, faults: Faults, path: Path, entry: Any, stage: Found | None
    ) -> None:
        """An evaluation or a check of a teacher, of the stage that it names (None: unknown)."""

    @classmethod
    def check_export(cls, faults: Faults, path: Path, name: str, trained: Found) -> None:
        """A stage that `export:` names: its model answers a user's text."""


def task_name(model: Any, stage: Any, views: Mapping[str, Any]) -> str:
    """What a stage's model is for: what its head is over, or, without one, what it reads.

    Args:
        model: The model's options.
        stage: The stage's, which trains or loads it.
        views: Those of the spec's views.
    """
    if "classifier" in model.heads_needed(stage, views):
        return model.head.kind
    if model.encoder_decoder:
        return "translation"
    return "causal_lm" if model.is_causal else "masked_lm"


def task_of(found: Found | None) -> type[TaskOptions]:
    """The task of a stage's model; of an unknown one that of most."""
    if found is None or found.model is None:
        return named("translation")
    return named(task_name(found.model, found.stage, found.parts.views))


def asked_of(found: Found | None) -> Found | None:
    """The stage of the model that a scoring stage asks; any other stage itself."""
    if found is None or found.stage.kind != "score":
        return found
    return found_stage(found.parts, found.stage.score)


def named(name: str) -> type[TaskOptions]:
    """The task of a name."""
    return registry.lookup("task", name).options
