"""The form of results.json, and what keeps it small.

Keys are stable: readers of a schema may rely on those named here. A writer may add keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

# Before Python 3.12 pydantic checks only this TypedDict, which comes with it.
from typing_extensions import TypedDict

from tfkd.evaluation.results.figures import Comparison, Figure, Noise, Told, Trivial
from tfkd.evaluation.results.seeds import SeedSummary
from tfkd.evaluation.results.texts import Bucket, Differing, RougeByLength, RougeWords
from tfkd.spec.source.renamed import renamed as renamed_spec
from tfkd.spec.source.tree import node_of

SCHEMA = 2
# What schema 1 called otherwise: parts, and keys of what stands in a part.
_PARTS = {"teacher_gates": "teacher_checks"}
_KEYS = {
    "teacher_checks": {"figures": "metrics"},
    "over_seeds": {"spread": "std"},
}


class Against(TypedDict):
    """The baseline that an evaluation is compared with."""

    of: str
    variant: str | None
    metrics: dict[str, Comparison]
    decode: NotRequired[dict[str, Any] | None]
    noise: NotRequired[Noise]
    trivial: NotRequired[list[Trivial]]


class Example(TypedDict):
    """One row's texts; `against` is the baseline's output, None without one. Of a classifier:
    `reference` is the label, `hypothesis` the guess, of this `probability`."""

    source: str
    reference: str
    hypothesis: str
    against: NotRequired[str | None]
    probability: NotRequired[float]


class Confusion(TypedDict):
    """Rows of a label (None: one that training lacks) that were guessed to be of a class."""

    label: str | None
    guess: str
    rows: int


class Trial(TypedDict):
    """One setting that is tried: paths with values, its validation, of a training the best and
    its step."""

    setting: dict[str, Any]
    value: float
    step: NotRequired[int]
    label: str
    fingerprint: str


class Choice(TypedDict):
    """A stage that is the best of several, or is decoded with the best of several settings;
    `chosen` is the trial's place."""

    stage: str
    by: str
    chosen: int
    trials: list[Trial]


class Pass(TypedDict):
    """One pass over an output that is filled in: its pieces after it, the places that it hid."""

    pieces: list[str]
    hidden: list[int]


class Trace(TypedDict):
    """How one output came about."""

    source: str
    passes: list[Pass]


class RoundTrip(TypedDict):
    """BLEU of the references written and read back by the target tokenizer: the ceiling."""

    value: float


class Ceiling(TypedDict):
    """What drew the references itself scores: nobody who has not seen them can expect more."""

    of: str
    metrics: dict[str, Figure]


class Evaluation(TypedDict):
    """A model's scores on a corpus; `hypotheses` and `references` (of a language model, `prompts`,
    `continuations`, `references` and, of each row, `words`) are paths relative to the run folder,
    `sha256` has the digest of each. With `export` the scores are those of that export. With
    `choose` (as in specs) `decode` has what was chosen."""

    of: str
    export: NotRequired[str]
    variant: str | None
    on: str
    seed: int | None
    rows: int
    metrics: dict[str, Figure]
    decode: NotRequired[dict[str, Any] | None]
    choose: NotRequired[dict[str, Any]]
    context: NotRequired[int]
    against: NotRequired[Against | None]
    trivial: NotRequired[list[Trivial]]
    by_length: NotRequired[list[Bucket]]
    by_output_length: NotRequired[list[Bucket]]
    rouge: NotRequired[RougeWords]
    rouge_by_length: NotRequired[RougeByLength]
    others_by_length: NotRequired[dict[str, list[Bucket]]]
    metric_options: NotRequired[dict[str, dict[str, Any]]]
    tokenize: NotRequired[str]
    round_trip: NotRequired[RoundTrip | None]
    ceiling: NotRequired[Ceiling]
    examples: NotRequired[list[Example]]
    differing: NotRequired[Differing]
    trace: NotRequired[list[Trace]]
    noise: NotRequired[Noise]
    lower_case: NotRequired[bool]
    classes: NotRequired[list[str]]
    positive: NotRequired[str]
    unknown_labels: NotRequired[int]
    confusion: NotRequired[list[Confusion]]
    prompts: NotRequired[str]
    continuations: NotRequired[str]
    words: NotRequired[str]
    tokenized: NotRequired[dict[str, Any]]
    hypotheses: NotRequired[str | None]
    references: NotRequired[str | None]
    sources: NotRequired[str]
    sha256: NotRequired[dict[str, str]]


class TeacherCheck(TypedDict):
    """See `teacher_verdict.teacher_check`."""

    of: str
    on: str
    metrics: dict[str, float | None]
    baseline: dict[str, float | None] | None
    verdict: str
    message: str
    beside: NotRequired[str]
    most_frequent: NotRequired[float]
    context: NotRequired[float]
    seen: NotRequired[bool]
    seed: NotRequired[int]
    difference: NotRequired[dict[str, float] | None]


class Stage(TypedDict):
    """One stage of the run: seconds spent when it was made, and its result's size in bytes.

    `label` is STAGE[#VARIANT]; without it the key in `stages` is. `made_on` names the GPUs, or the
    processor, of the machine that ended it, which need not be the run's own; workers that made its
    shards, and other hosts of a training, are not in it.
    """

    kind: str
    label: NotRequired[str]
    fingerprint: str
    seconds: float
    cached: bool
    bytes: int
    made_on: NotRequired[str]
    summary: NotRequired[dict[str, Any]]


class Latency(TypedDict):
    """Milliseconds of one line at batch 1, in the process of an export's self-check: the median of
    so many `lines`, the least and the greatest. `tfkd bench` measures with more care."""

    milliseconds: float
    low: float
    high: float
    lines: int


class Export(TypedDict):
    """A model in a format, with what its self-check found, and the SHA-256 of its `checksums.json`.
    Without a `format` it is a SavedModel; `more_ops` are those of its graph that tfkd's own have
    not."""

    stage: str
    folder: str
    format: NotRequired[str]
    name: NotRequired[str]
    sha256: NotRequired[str]
    decode: NotRequired[dict[str, Any]]
    check: dict[str, Any]
    more_ops: NotRequired[list[str]]
    bytes: int
    parameters: int
    latency: NotRequired[Latency]


class Results(TypedDict):
    """results.json as a whole. Times are ISO 8601 with zone; `spec` is the resolved spec."""

    tfkd: str
    schema: int
    name: str
    variant: str | None
    seed: int | None
    command: str
    started: str
    finished: str
    seconds: float
    machine: dict[str, Any]
    spec: dict[str, Any]
    provenance: dict[str, str]
    data: dict[str, dict[str, Any]]
    stages: dict[str, Stage]
    histories: dict[str, list[dict[str, Any]]]
    evaluations: list[Evaluation]
    teacher_checks: list[TeacherCheck]
    exports: list[Export]
    metrics: NotRequired[dict[str, Told]]
    over_seeds: NotRequired[list[SeedSummary]]
    choices: NotRequired[list[Choice]]
    warnings: list[str]


def chosen_context(entry: Mapping[str, Any]) -> str:
    """The context that word perplexity was told to leave each token, "context 64"; else ""."""
    context = entry.get("context")
    return "" if context is None else f"context {context}"


def upgraded(results: Any) -> Any:
    """Results as this schema has them, of it or of an earlier one."""
    if not isinstance(results, Mapping) or results.get("schema") != 1:
        return results
    found = {_PARTS.get(key, key): value for key, value in results.items()}
    found = {key: renamed(value, _KEYS.get(key, {})) for key, value in found.items()}
    if isinstance(spec := found.get("spec"), Mapping):
        found["spec"] = renamed_spec(node_of(spec, ""), {}).plain()
    return found | {"evaluations": _noise(found.get("evaluations", [])), "schema": SCHEMA}


def _noise(value: Any) -> Any:
    """Evaluations whose noise, theirs and their baselines', has the names of now."""
    if isinstance(value, list):
        return [_noise(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: renamed(one, {"spread": "std"}) if key == "noise" else _noise(one)
        for key, one in value.items()
    }


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A value of plain types whose keys, at any depth, have the names of now."""
    if isinstance(value, Mapping) and names:
        return {names.get(key, key): renamed(one, names) for key, one in value.items()}
    return [renamed(one, names) for one in value] if isinstance(value, list) and names else value


def result_errors(results: Any) -> list[str]:
    """What is wrong with the form of a results.json, a line each with its place; [] if nothing.

    A figure that came out as no number stands there as null.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError
    from pydantic import with_config as configured

    # Writers may add keys; what is named must have its form.
    adapter = TypeAdapter(configured(ConfigDict(extra="allow"))(Results))
    try:
        adapter.validate_python(results)
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors()
            if (problem["type"], problem["input"]) != ("float_type", None)
        ]
        if found:
            return found
    schema = results["schema"]
    return [] if schema == SCHEMA else [f"schema: {schema} is not known here; expected {SCHEMA}"]


def thin_history(lines: Sequence[Mapping[str, Any]], limit: int = 400) -> list[Mapping[str, Any]]:
    """At most `limit` lines of a training history, in order, for plots.

    Validation lines are dear and few, so they go first; training lines share the rest, evenly
    spaced. The first and the last line of each kind always stay.

    Args:
        lines: The lines of history.jsonl.
        limit: At least 4.
    """
    if limit < 4:
        raise ValueError(
            f"Invalid value for argument `limit`. Expected at least 4. Received: limit={limit}"
        )
    if len(lines) <= limit:
        return list(lines)
    validation = [index for index, line in enumerate(lines) if "validation" in line]
    training = [index for index, line in enumerate(lines) if "validation" not in line]
    validation = _evenly(validation, limit - 2 if training else limit)
    training = _evenly(training, limit - len(validation))
    return [lines[index] for index in sorted([*validation, *training])]


def _evenly(places: list[int], limit: int) -> list[int]:
    if len(places) <= limit:
        return places
    if limit < 2:
        return places[-limit:] if limit else []
    last = len(places) - 1
    return [places[step * last // (limit - 1)] for step in range(limit)]
