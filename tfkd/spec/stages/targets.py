"""The options of targets stages: soft labels that no model of the run has made."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, known, written
from tfkd.spec.options import classifier
from tfkd.spec.options.base import FilePath, ModelName, Options
from tfkd.spec.options.objectives import SoftTargetsOptions
from tfkd.spec.options.soft_labels import numbers_field
from tfkd.spec.options.stages import Data, small_blocks
from tfkd.spec.stage import StageOptions
from tfkd.spec.tasks.task import named
from tfkd.spec.wording import a

FIELD = "field"


class OwnTargets(Options):
    """Where soft labels are that somebody else has made: exactly one of the two."""

    field: Literal["probabilities", "logits"] | None = Field(
        None,
        description="A field of the corpora: a number for each class.",
    )
    store: list[FilePath] | None = Field(
        None,
        description="Folders that your own program has written with `tfkd.targets.StoreWriter`, "
        "one for each corpus of data, relative to the data folder, else to the folder that the "
        "run is started in. One may stand without a list.",
    )


def _stored(value: Any) -> Any:
    """A folder alone is a store of one."""
    if isinstance(value, dict) and isinstance(value.get("store"), str):
        return {**value, "store": [value["store"]]}
    return value


class TargetsOptions(StageOptions):
    """Soft labels of your own, which `soft_targets` terms name as their teacher."""

    kind: ClassVar[str] = "targets"
    gives: ClassVar[frozenset[str]] = frozenset({"targets"})
    targets: Annotated[OwnTargets, BeforeValidator(_stored)] = Field(
        description="{field: probabilities} (or logits) of the corpora, or {store: FOLDER}.",
    )
    model: ModelName = Field(
        description="The student's model, whose classes or pieces the labels are of.",
    )
    data: Data = Field(description="The corpora whose rows they are of.")

    @property
    def train(self) -> str:
        """The model that says what is predicted, as of a training stage."""
        return self.model

    @property
    def objective(self) -> dict[str, Any]:
        """They stand at what a student predicts of its plain view."""
        return {"targets": SoftTargetsOptions(teacher="targets")}

    @property
    def newlines(self) -> bool:
        """Whether documents have newlines between them, as of a training stage."""
        packing = self.data[0].packing
        return packing is not None and packing.separator == "newline"

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        own = stage.get("targets")
        if isinstance(own, dict) and own.get(FIELD):
            stage["targets"] = {FIELD: "probabilities"}
        small_blocks(stage)

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """Soft labels of one's own: their model, and corpora that have them."""
        model = None
        if stage.train is not None and known(
            parts, faults, (*path, "model"), "model", stage.train, "models"
        ):
            model = parts.models.get(stage.train)
        own = getattr(stage, "targets", None)
        if own is not None:
            _source(faults, (*path, "targets"), own, stage, model)
        if model is not None:
            _model(faults, (*path, "model"), stage.train, model)
        field = getattr(own, FIELD, None)
        seen: list[tuple[Any, Any]] = []
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            if part.of is not None and (same := (part.of, getattr(part, "packing", None))) in seen:
                faults.add(
                    where, f"{part.of} twice, of which the last would be learnt alone",
                    "each corpus once: average several answers before they are written",
                )  # fmt: skip
            else:
                seen.append(same)
            corpus = corpus_of(parts, faults, where, part.of, whole=True)
            if corpus is not None and field is not None and field not in corpus.field_names:
                has = numbers_field(corpus.field_names)
                faults.add(
                    where, f"{part.of} has {', '.join(corpus.field_names)}, and no {field}",
                    f"field: {has}" if has else f"a corpus with it, like columns: {{text: 0, "
                    f"{field}: [1, 2]}} and classes: [negative, positive]",
                )  # fmt: skip
            if part.swap:
                faults.add(where, f"swap: {part.of} has them as it is", "no swap here")
            packed = getattr(part, "pack", None) is not None
            if packed and (field is not None or (model is not None and not model.is_causal)):
                faults.add(where, f"pack: {part.of} has them row by row", "no pack here")
            if getattr(part, "weight", 1) != 1:
                faults.add(where, f"weight: {part.of} is read once", "no weight here")
            if getattr(part, "row_weights", None) is not None:
                faults.add(
                    where, f"row_weights: {part.of} is read once", "it where rows are learnt"
                )


def _source(faults: Faults, path: tuple, own: OwnTargets, stage: Any, model: Any) -> None:
    if (own.field is None) == (own.store is None):
        both = "field and store" if own.field else "neither field nor store"
        faults.add(path, both, "{field: probabilities}, or {store: FOLDER}")
    elif own.store is not None and len(own.store) != len(stage.data):
        faults.add(
            (*path, "store"), f"{len(own.store)} folders, and {len(stage.data)} corpora in data",
            "one for each, in their order",
        )  # fmt: skip
    head = None if model is None else classifier(model)
    if own.field is not None and model is not None and (head is None or _each_word(head)):
        what = a(model.kind) if head is None else f"{a(model.kind)} that labels each word"
        faults.add(
            (*path, FIELD), f"{own.field}, and {stage.train} is {what}",
            "a model with head: {kind: classifier}, or a store of your own program's",
        )  # fmt: skip


def _each_word(head: Any) -> bool:
    """Whether a head labels each word of a row."""
    return named(head.kind).each_word


def _model(faults: Faults, path: tuple, name: str, model: Any) -> None:
    """What is predicted is the same each time that a row is read."""
    if model.single_sequence and not model.is_causal and classifier(model) is None:
        faults.add(
            path, f"{name} is {a(model.kind)}, in which other words are hidden each time",
            "a model with a head over classes, one that goes from left to right, or an "
            "encoder-decoder",
        )  # fmt: skip
