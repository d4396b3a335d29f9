"""The options of training stages."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from tfkd.spec.checks.balance import outweighed, take_balance, untried
from tfkd.spec.checks.callbacks import callbacks_of, check_callbacks
from tfkd.spec.checks.choosing import check_choose, chosen
from tfkd.spec.checks.mixture_checks import check_mixtures
from tfkd.spec.checks.noise_checks import check_noise, check_variants
from tfkd.spec.checks.on_policy_checks import check_on_policy
from tfkd.spec.checks.packing_checks import check_packing
from tfkd.spec.checks.quantized_checks import check_quantized
from tfkd.spec.checks.reading_checks import (
    check_decode,
    check_measured,
    check_reads,
    check_row_weights,
    check_weighed,
)
from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.start_checks import check_start
from tfkd.spec.checks.term_checks import check_terms
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, corpus_of, known, written
from tfkd.spec.options.base import (
    Count,
    ModelName,
    ModelReference,
    Name,
    OfKind,
    Positive,
    Seed,
    Seeds,
)
from tfkd.spec.options.on_policy import OnPolicyOptions
from tfkd.spec.options.precision import HasPrecision, PrecisionOptions, Products
from tfkd.spec.options.stages import LearntData, few_steps, small_blocks
from tfkd.spec.options.training import BatchOptions, ScheduleOptions, ValidateOptions
from tfkd.spec.sections import of_kind, with_metric_options
from tfkd.spec.source.replacing import KEYS
from tfkd.spec.stage import Named, Path, TaughtOptions
from tfkd.spec.stages.combiner import combiner_of
from tfkd.spec.stages.objective import all_teachers, mapping_of, named_terms, objective_of
from tfkd.spec.tasks.task import task_of

SMOKE_STEPS = 4
DEFAULT_FOLDS, MOST_FOLDS = 5, 20
# Of a batch by its unit.
_SCHEDULE = ScheduleOptions().kind
_SMOKE_BATCH = {"sentences": 16, "joint_tokens": 768, "max_tokens": 384, "target_tokens": 384}


def _count_of_folds(value: bool | int) -> int:
    if value is True:
        return DEFAULT_FOLDS
    if value is False or not 2 <= value <= MOST_FOLDS:
        raise ValueError(
            f"{value}; expected 2 to {MOST_FOLDS}, or true for {DEFAULT_FOLDS}; null for none"
        )
    return value


class TrainOptions(HasPrecision, TaughtOptions):
    """A training stage."""

    kind: ClassVar[str] = "train"
    gives: ClassVar[frozenset[str]] = frozenset({"model", "trained"})
    train: ModelName = Field(description="The model: teacher, student, or teacher.NAME.")
    data: LearntData = Field(
        description="The corpora that it trains on: a name, or several with weights, which may "
        "change with the steps."
    )
    steps: Count | None = Field(None, description="Updates of the weights; or say `epochs`.")
    epochs: Positive | None = Field(
        None,
        description="Times through its corpora, in place of `steps`: as many steps as their "
        "batches make, which a run counts.",
    )
    objective: dict[Name, Any] = Field(description="Terms by name; their weighted sum is the loss.")
    from_: ModelReference | dict[Name, ModelReference] | None = Field(
        None, alias="from", description="A stage to start from, or parts and their stages."
    )
    balance: dict[Name, Annotated[float, Field(ge=0, le=1)]] | None = Field(
        None,
        description="Shares of terms, like {soft: 0.7}: that is its weight, and each other term "
        "has the rest times its own; at a weight of 0 a term leaves the graph.",
    )
    choose: Any = Field(
        None,
        description="Settings of this stage to try, like {balance.soft: [0.3, 0.5, 0.7], by: "
        "valid.accuracy}: each is trained, and the best on validation is what follows goes on "
        "with.",
    )
    folds: Annotated[bool | int, AfterValidator(_count_of_folds)] | None = Field(
        None,
        description="K of them (true: 5): it is trained K times, each time without a K-th of the "
        "rows of its corpora, and a `score` stage asks of each of these rows the one model that "
        "has not seen it. Rows of like text are left out together.",
    )
    gradients: Annotated[Any, OfKind("combiner")] = Field(
        None,
        description="How gradients of main and auxiliary terms combine, like {gated: {main: [...], "
        "auxiliary: [...], modules: layer}}; default: they are summed.",
    )
    on_policy: OnPolicyOptions | None = Field(
        None,
        description="A share of the batches whose targets the student writes itself, like "
        "{share: 0.5}, and a teacher that is asked in the step speaks of.",
    )
    batch: BatchOptions = Field(
        BatchOptions(), description="How much a step reads, and what of it a device takes at once."
    )
    optimizer: Annotated[Any, OfKind("optimizer")] = Field(
        None, description="The optimizer; default: Adam."
    )
    schedule: Annotated[Any, OfKind("schedule")] = Field(
        ScheduleOptions(), description="The learning rate at each step."
    )
    precision: Products | PrecisionOptions = Field(
        "float32",
        description="Of the products; weights stay float32. float16 scales the loss. Or "
        "{fake_quantize: int8}, with products: beside it: see there.",
    )
    seed: Seed = Field(1, description="Of weights, batches, masks and dropout.")
    seeds: Seeds | None = Field(
        None,
        description="It is trained once with each of them, like [1, 2, 3], and what comes after it "
        "is made of each; what it rests on is made once.",
    )
    validate_: ValidateOptions | None = Field(
        None,
        alias="validate",
        description="What is measured while it trains, and which weights are kept by it.",
    )
    callbacks: dict[Name, Any] | None = Field(
        None,
        description="Of plugins, by name, with their options: called at each validation with its "
        "step, its metrics and the model. They change no result: no stage is made anew for them.",
    )
    trainable: Literal["all"] | Annotated[list[Name], Field(min_length=1)] = Field(
        "all",
        description="all, or what is trained: parts (encoder, decoder, lengths, ...), adapters.",
    )
    frozen_dropout: bool = Field(
        True, description="Whether frozen layers keep their dropout, as AB-Net's berts do."
    )
    log_every: Count = Field(50, description="Steps between two lines of the history.")
    save_every: Positive = Field(120.0, description="Seconds between two checkpoints.")

    @property
    def newlines(self) -> bool:
        """Whether documents have newlines between them: what its first corpus is packed with."""
        packing = self.data[0].packing
        return packing is not None and packing.separator == "newline"

    @property
    def block(self) -> int | None:
        """The longest blocks that its corpora are packed into; None where one is read by rows."""
        packings = [part.packing for part in self.data]
        if None in packings:
            return None
        return max(packing.length for packing in packings)

    @property
    def reads_rows(self) -> bool:
        """Whether documents are read one by one: some of its corpora, or in its validation."""
        return self.validate_ is not None or any(part.packing is None for part in self.data)

    @classmethod
    def typed(cls, faults: Faults, path: tuple, value: dict[str, Any]) -> dict[str, Any]:
        written, terms = dict(value), value.get("objective")
        lengths = [key for key in ("steps", "epochs") if value.get(key) is not None]
        if not lengths:
            faults.add((*path, "steps"), "missing", "updates of the weights, or epochs")
        elif lengths[1:]:
            faults.add((*path, "epochs"), "steps and epochs", "exactly one of them")
        value["objective"] = objective_of(faults, (*path, "objective"), terms)
        terms = terms if isinstance(terms, dict) else {}
        take_balance(faults, path, value, terms)
        value["callbacks"] = callbacks_of(faults, (*path, "callbacks"), value.get("callbacks"))
        if value.get("choose") is not None:
            value["choose"] = chosen(faults, path, written, lambda one: _trial(faults, path, one))
        optimizer = value.get("optimizer")
        value["optimizer"] = of_kind(
            faults, (*path, "optimizer"), "optimizer", {} if optimizer is None else optimizer,
            default="adam",
        )  # fmt: skip
        if value.get("schedule") is not None:
            value["schedule"] = of_kind(
                faults, (*path, "schedule"), "schedule", value["schedule"], default=_SCHEDULE
            )
        if value.get("gradients") is not None:
            gone = set(terms) - set(value["objective"])
            value["gradients"] = combiner_of(
                faults, (*path, "gradients"), value["gradients"], gone, set(value["objective"])
            )
        _decode_of_validation(faults, path, value)
        own = value.get("on_policy")
        if isinstance(own, dict) and own.get("decode") is not None:
            decode = of_kind(faults, (*path, "on_policy", "decode"), "decode", own["decode"])
            value["on_policy"] = {**own, "decode": decode}
        return value

    @classmethod
    def places(cls) -> tuple[tuple[Path, str], ...]:
        teacher = ("objective", "*", "teacher")
        beside, tried = ("objective", "*", "beside", "*"), ("tried", "*", "*")
        teachers = (teacher, (*teacher, "*"), (*teacher, KEYS), beside, tried)
        links = ("objective", "*", "alignments")
        named = *((place, "model") for place in teachers), (links, "alignments")
        return *super().places(), *named

    @classmethod
    def named(cls, stage: Mapping[str, Any]) -> list[Named]:
        """With the teachers of settings that are tried; at a weight of 0 a term leaves the graph,
        with its teacher."""
        terms, choose = mapping_of(stage.get("objective")), mapping_of(stage.get("choose"))
        gone = outweighed(terms, untried(stage.get("balance"), choose))
        gone |= {
            name
            for name, term in terms.items()
            if mapping_of(term).get("weight") == 0 and f"objective.{name}.weight" not in choose
        }
        left = {
            **stage,
            "objective": named_terms(terms, gone),
            "tried": [
                [name for value in _list(values) for name in all_teachers(value)]
                for path, values in choose.items()
                if path.startswith("objective.") and path.endswith(".teacher")
            ],
        }
        return super().named(left)

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        stage["steps"] = few_steps(stage, SMOKE_STEPS)
        if stage.get("folds"):
            stage["folds"] = 2
        stage.pop("epochs", None)
        batch = stage.get("batch") or {}
        unit = batch.get("unit") or "max_tokens"
        stage["batch"] = {**batch, "size": _SMOKE_BATCH[unit], "unit": unit}
        if batch.get("per_device"):
            stage["batch"]["per_device"] = -(-_SMOKE_BATCH[unit] // 2)
        stage["batch"].pop("max_length", None)
        stage["log_every"] = 2
        small_blocks(stage)
        if stage.get("validate"):
            stage["validate"]["every"] = 2
            stage["validate"].pop("positive", None)
        if stage.get("choose"):
            # Two settings at most, none of a size that is cut down.
            tried = {
                path: values[:2] if isinstance(values, list) else values
                for path, values in stage["choose"].items()
                if path.partition(".")[0] not in ("steps", "epochs", "batch", "schedule")
            }
            stage["choose"] = tried if len(tried) > 1 else None
        schedule = stage.get("schedule") or {}
        if (schedule.get("warmup") or 0) >= 1:
            stage["schedule"]["warmup"] = 2

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
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
            check_reads(faults, where, model, part.of, corpus, segments)
            if corpus is not None and part.swap and "source" not in corpus.field_names:
                faults.add(where, f"swap: {part.of} has no source and target to swap")
            check_packing(parts, faults, where, part, corpus, stage, model)
            check_row_weights(faults, where, part, corpus)
            check_noise(parts, faults, where, part, corpus, stage)
        check_variants(parts, faults, path, stage)
        check_mixtures(faults, path, stage)
        check_weighed(faults, path, stage)
        check_start(parts, faults, path, stage, model)
        check_terms(parts, faults, path, stage, model)
        task_of(Found(stage, parts)).check_training(parts, faults, path, stage, model)
        check_choose(faults, path, stage)
        if getattr(stage, "folds", None) and stage.choose is not None:
            faults.add(
                (*path, "folds"), "folds and choose", "one of them: choose settings in a stage "
                "without folds, and write the best here",
            )  # fmt: skip
        check_on_policy(parts, faults, path, stage, model)
        check_quantized(faults, path, stage, model)
        check_callbacks(faults, path, stage)
        for _, trial in stage.choose.trials if stage.choose is not None else ():
            check_terms(parts, faults, path, trial, model)
            check_mixtures(faults, path, trial)
            faults.errors[:] = dict.fromkeys(faults.errors)  # those of every setting are said once
        if stage.validate_ is not None:
            where = (*path, "validate")
            corpus = corpus_of(parts, faults, (*where, "on"), stage.validate_.on, whole=True)
            check_reads(faults, (*where, "on"), model, stage.validate_.on, corpus, segments)
            check_measured(parts, faults, (*where, "on"), Found(stage, parts), stage.validate_.on)
            decode = getattr(stage.validate_, "decode", None)
            check_decode(faults, (*where, "decode"), stage.train, model, decode)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _trial(faults: Faults, path: Path, value: dict[str, Any]) -> TrainOptions | None:
    """A stage's options under a setting; None where they have faults."""
    options = TrainOptions.parse(faults, path, value)
    return options if isinstance(options, TrainOptions) else None


def _decode_of_validation(faults: Faults, path: tuple[Any, ...], value: dict[str, Any]) -> None:
    validate = value.get("validate")
    if isinstance(validate, dict) and validate.get("decode") is not None:
        place = (*path, "validate", "decode")
        decode = of_kind(faults, place, "decode", validate["decode"])
        value["validate"] = validate = {**validate, "decode": decode}
    if isinstance(validate, dict):
        value["validate"] = with_metric_options(faults, (*path, "validate"), validate)
