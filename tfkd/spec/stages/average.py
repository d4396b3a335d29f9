"""The options of stages that average models' weights."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, found_stage
from tfkd.spec.options.base import ModelReference, Positive
from tfkd.spec.stage import StageOptions


class AverageOptions(StageOptions):
    """The mean of the weights of several trainings of one model."""

    kind: ClassVar[str] = "average"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    average: Annotated[list[ModelReference], Field(min_length=2)] = Field(
        description="The stages whose weights are averaged; the model is that of the first.",
        examples=[["first", "second"]],
    )
    weights: list[Positive] | None = Field(
        None,
        description="How much each counts, like [0.7, 0.3]; default: all the same.",
        examples=[[0.7, 0.3]],
        json_schema_extra={"unit": "shares, of their sum"},
    )

    @classmethod
    def typed(cls, faults: Faults, path: tuple, value: dict[str, Any]) -> dict[str, Any]:
        """The last checkpoints of one training are kept by that alone."""
        value = super().typed(faults, path, value)
        if isinstance(value.get("average"), dict):
            of, last = value["average"].get("of"), value["average"].get("last", 8)
            faults.add(
                (*path, "average"), "a training keeps its last weights alone",
                f"validate: {{keep: {{average: {last}}}}} in it, whose result is their mean; or a "
                "list of stages here",
            )  # fmt: skip
            value["average"] = [of, of]
        return value

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple[str, ...]) -> None:
        """The stages are there, and train one model; each has a weight, or none has."""
        super().check(stage, parts, faults, path)
        if not isinstance(stage, cls):
            return  # a stand-in for options that have faults of their own
        found = [found_stage(parts, name) for name in stage.average]
        models = [one.model for one in found if one is not None and one.model is not None]
        if any(model != models[0] for model in models):
            faults.add((*path, "average"), "stages of different models", "stages of one model")
        if stage.weights is not None and len(stage.weights) != len(stage.average):
            faults.add(
                (*path, "weights"), f"{len(stage.weights)} weights of {len(stage.average)} stages",
                "one a stage, or none",
            )  # fmt: skip
