"""Scores of one model on one test set, from the outputs and sums that its evaluation left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.evaluation.asked_metrics import metrics_of
from tfkd.evaluation.ceilings import GRAMMAR, ceiling, known_rows
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.inputs.tuned_decode import shown_decode
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.scoring.products import ROWS_FILE
from tfkd.pipeline.stages.noise import read_noise
from tfkd.spec.metrics import TEACHER_FORCED


def file_names(evaluations: Sequence[Evaluation]) -> list[str]:
    """What each one's files in the run folder are called: `OF[+SEED][.EXPORT].ON`, and `OF.ON.2`
    where the same model is scored on the same test set again (by another search)."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for one in evaluations:
        of = one.options.of
        if (seed := one.system.seed) is not None:
            of = f"{of}+{seed}"
        of = f"{of}.{one.options.export}" if one.options.export else of
        name = f"{of}.{one.on}".replace("/", "_")
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def score(evaluation: Evaluation, counting: Counting, folder: Path, name: str) -> dict[str, Any]:
    """One entry of results.json's `evaluations`; copies the outputs into the run folder.

    Args:
        evaluation: The model's evaluation stage and its baseline's.
        counting: Counts the run's rows.
        folder: The run folder.
        name: What its files there are called.
    """
    options, node, context = evaluation.options, evaluation.system, counting.context
    summary = context.folder(node).manifest()["summary"]
    trained = node.inputs[Role.MODEL]
    entry: dict[str, Any] = {
        "of": options.of,
        **({"export": options.export} if options.export else {}),
        "variant": trained.spec.variant,
        "seed": getattr(trained.options, "seed", trained.seed),  # a checkpoint has none
        "on": evaluation.on,
        "decode": shown_decode(node, context),
        **({"choose": options.choose.model_dump()} if options.choose is not None else {}),
        "tokenize": options.tokenize,
        **({"lower_case": True} if options.lower_case else {}),
        **({"metric_options": own} if (own := plain(options).get("metric_options")) else {}),
        "rows": summary["rows"],
        "metrics": {},
        "against": None,
    }
    if evaluation.baseline is not None:
        variant = evaluation.baseline.inputs[Role.MODEL].spec.variant
        entry["against"] = {"of": options.against, "variant": variant, "metrics": {}}
        theirs = shown_decode(evaluation.baseline, context)
        if theirs != entry["decode"]:
            entry["against"]["decode"] = theirs
    if evaluation.noise is not None:
        entry["noise"] = read_noise(evaluation.noise, context)
    if evaluation.baseline_noise is not None:
        entry["against"]["noise"] = read_noise(evaluation.baseline_noise, context)
    trained.task.check_baseline(evaluation, context)
    _figures(entry, evaluation, counting)
    trained.task.show(entry, evaluation, counting, folder / "evaluation" / name)
    if found := _ceiling(node, options, counting):
        entry["ceiling"] = {"of": GRAMMAR, "metrics": found}
    return entry


def _figures(entry: dict[str, Any], evaluation: Evaluation, counting: Counting) -> None:
    """Each metric with its interval, and beside the baseline's on the same rows."""
    options = evaluation.options
    drawn = {"samples": options.bootstrap, "seed": options.seed}
    for metric in metrics_of(options):
        ours = counting.of(evaluation.system, metric, options)
        entry["metrics"][metric.name] = ours.score(**drawn).as_dict()
        if evaluation.baseline is not None:
            theirs = counting.of(evaluation.baseline, metric, options)
            entry["against"]["metrics"][metric.name] = ours.less(
                theirs, trials=options.randomization, **drawn
            )


def _ceiling(node: Node, options: Any, counting: Counting) -> Mapping[str, Any]:
    """The scores of what drew the references, as far as it is known; {} of other corpora."""
    corpus = node.inputs[Role.TEXT]
    if not {"source", "target"} <= {*open_text(corpus, counting.context).fields}:
        return {}
    sources, references = counting.texts(node), counting.texts(node, "target")
    rows = known_rows(corpus.options, sources, references)
    if rows is None:
        return {}
    # Of parts of the references, as of masked words, a whole one's probability says nothing.
    whole = TEACHER_FORCED in node.options["products"] and node.task.whole_targets(node.trained)
    tokens = counting.arrays(node, ROWS_FILE)["tokens"] if whole else None
    lower = corpus.options.lower_case
    return ceiling(rows, sources, references, tokens, options, lower_case=lower)
