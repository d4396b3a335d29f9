"""The options of load stages."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, known
from tfkd.spec.options import classifier
from tfkd.spec.options.base import FilePath, ModelName, Name
from tfkd.spec.stage import StageOptions
from tfkd.spec.wording import a


class LoadOptions(StageOptions):
    """A published checkpoint as a stage: others start from it, or are taught by it."""

    kind: ClassVar[str] = "load"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    load: FilePath = Field(
        description="A folder with config.json and model.safetensors (or its numbered parts), "
        "relative to the data folder, else to the folder that the run is started in."
    )
    into: ModelName = Field(
        description="The model, a bert or gpt2 whose sizes are the checkpoint's; `tfkd inspect` "
        "prints it."
    )
    head: Literal["published", "classifier", "none"] = Field(
        "published",
        description="published: over words; classifier: over the classes of a text, or of each "
        "word where the model's head is a tagger, matched by name with the labels of the corpora "
        "that the model's head names; none: for a checkpoint without a head, enough for "
        "hidden_states, and to start parts from.",
    )
    labels: dict[str, Name] = Field(
        {}, description="Classes of the checkpoint by other names than the corpora's labels have."
    )

    precision: Literal["float32", "bfloat16"] | None = Field(
        None,
        description="What the weights of a llama are kept in, on disk and in memory, whatever they "
        "are asked; default: float32, and in a student's steps the student's.",
    )

    @property
    def train(self) -> str:
        """The model that comes of it, as of a training stage."""
        return self.into

    @property
    def products(self) -> str | None:
        """What products are made in, as of a training stage; None: what asks says."""
        return self.precision

    @property
    def objective(self) -> dict[str, Any]:
        """Nothing is learnt."""
        return {}

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        stage.pop("labels", None)  # generated classes have other names

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A checkpoint: the model it is read into."""
        if stage.train is None or not known(
            parts, faults, (*path, "into"), "model", stage.train, "models"
        ):
            return
        model = parts.models.get(stage.train)
        if model is not None and model.published is None:
            known_ones = one_of(lambda one: one.published)
            faults.add((*path, "into"), f"{stage.train} is {a(model.kind)}", known_ones)
        of_classes = getattr(stage, "head", None) == "classifier"
        if model is not None and of_classes:
            head = classifier(model)
            if head is None or not head.classes or head.read == "mark":
                faults.add(
                    (*path, "head"), f"classifier, and {stage.train} has no head for its classes",
                    "head: {kind: classifier, classes: [CORPUS]} in the model (of the classes of "
                    "tokens kind: tagger), CORPUS with labels",
                )  # fmt: skip
        narrow = getattr(stage, "precision", None) is not None
        if model is not None and narrow and not model.large:
            faults.add(
                (*path, "precision"), f"{stage.precision}, and {stage.train} is {a(model.kind)}",
                f"no precision, or {one_of(lambda one: one.large)}",
            )  # fmt: skip
        # A stage with faults of its own has no head.
        if model is not None and model.is_causal and getattr(stage, "head", None) == "none":
            faults.add(
                (*path, "head"), f"none, and {stage.train} predicts by its embedding", "no head"
            )
