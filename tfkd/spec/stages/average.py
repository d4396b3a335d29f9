"""The options of stages that average models' weights."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tfkd.spec.checks.mean_checks import without_lists
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, found_stage, named_stage
from tfkd.spec.options.base import Count, ModelReference, Options, Positive
from tfkd.spec.stage import StageOptions
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.wording import a

# `--smoke` trains so few steps that there are no more validations.
_SMOKE_LAST = 2
FACTORS = (
    "are factors of a product (they fold into a projection): the mean of factors is not the "
    "factors of a mean"
)


class LastOf(Options):
    """The last validations of one training."""

    of: ModelReference = Field(
        description="The training stage; its `validate:` sets weights aside (`set_aside`)."
    )
    last: Count | None = Field(
        None,
        description="How many of the last validated weights are averaged; default: all that the "
        "stage has set aside.",
    )


class AverageOptions(StageOptions):
    """The mean of the weights of several trainings of one model, or of the last validations of
    one."""

    kind: ClassVar[str] = "average"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    average: Annotated[list[ModelReference], Field(min_length=2)] | LastOf = Field(
        description="The stages whose weights are averaged, [A, B]; the model is that of the "
        "first. Or the last validated weights of one, {of: STAGE, last: 8}.",
        examples=[["first", "second"], {"of": "first", "last": 8}],
    )
    weights: list[Annotated[Positive, Field(le=1e100)]] | None = Field(
        None,
        description="How much each stage counts, like [0.7, 0.3]; default: all the same.",
        examples=[[0.7, 0.3]],
        json_schema_extra={"unit": "shares, of their sum"},
    )

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        average = stage.get("average")
        if isinstance(average, dict) and isinstance(average.get("last"), int):
            average["last"] = min(average["last"], _SMOKE_LAST)

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple[str, ...]) -> None:
        """The stages are there, and train one model that has a mean; each has a weight, or none
        has. One whose validations are averaged sets them aside."""
        super().check(stage, parts, faults, path)
        if not isinstance(stage, cls):
            return  # a stand-in for options that have faults of their own
        whole = (*path, "average")
        several = isinstance(stage.average, list)
        names = stage.average if several else [stage.average.of]
        for index, name in enumerate(names if several else ()):
            without_lists(faults, (*whole, index), parts, name)
        found = [found_stage(parts, name) for name in names]
        models = [one.model for one in found if one is not None and one.model is not None]
        if any(model != models[0] for model in models):
            faults.add(whole, "stages of different models", "stages of one model")
        if models and (kind := factors_of(models[0])):
            faults.add(whole, f"adapters of kind {kind} {FACTORS}", factors_way_out(names))
        for what, way_out in () if several else _not_set_aside(parts, found[0], stage.average):
            faults.add(whole, what, way_out)
        if stage.weights is not None and len(stage.weights) != len(names) * several:
            what = f"{len(stage.weights)} weights of " + (
                f"{len(names)} stages" if several else f"the last validations of {names[0]}"
            )
            faults.add((*path, "weights"), what, "one a stage, or none" if several else "none")


def factors_of(model: Any) -> str:
    """The kind of a model's adapters whose weights are factors of a product, as of low-rank ones;
    empty without any."""
    return next((one.kind for one in model.adapters.values() if one.folds), "")


def factors_way_out(names: list[str]) -> str:
    """What to do in place of a mean of factors."""
    if len(names) == 1:
        return "validate: {keep: {average: N}} in the stage, which measures the mean that it keeps"
    listed = ", ".join(names)
    return f"the mean of what the models say: translate or score [{listed}], or teacher: [{listed}]"


def not_set_aside(name: str, training: Any, last: int | None) -> Iterator[tuple[str, str]]:
    """Why a training has not so many validated weights set aside, with ways out.

    Args:
        name: What the stage is called.
        training: Its options.
        last: How many are averaged; None: all there are.
    """
    validate = getattr(training, "validate_", None)
    aside = getattr(validate, "set_aside", None)
    if aside is None:
        yield (
            f"{name} sets no validated weights aside",
            f"validate: {{set_aside: {last or 8}}} in it",
        )
        return
    steps = getattr(training, "steps", None)
    made = None if steps is None else -(-steps // validate.every)
    if last is not None and last > aside:
        yield (
            f"the last {last} of {name}, which sets {aside} aside",
            f"last: {aside}, or validate: {{set_aside: {last}}} in it",
        )
    elif None not in (made, last) and last > made:
        yield (
            f"the last {last} validations of {name}, which has {made} in {steps} steps",
            f"last: {made}, or validate: {{every: ...}} in it, for more of them",
        )


def _not_set_aside(parts: Parts, found: Found | None, average: LastOf) -> Iterator[tuple[str, str]]:
    """The same of a stage of this spec, which may be none that trains."""
    named = named_stage(parts, average.of)
    if named is None or found is None:
        return  # another spec's, or a fault of its own
    if "trained" not in gives_of(named.stage):
        yield (
            f"{average.of} is {a(named.stage.kind)} stage, which validates nothing",
            "a train stage",
        )
    elif isinstance(found.stage, StageOptions):
        yield from not_set_aside(average.of, found.stage, average.last)
