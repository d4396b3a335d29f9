"""A model's outputs on one test set, as results.json and the run folder have them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.evaluation import Counted, Metric, by_length, differing_rows, lost_words
from tfkd.evaluation.asked_metrics import metric_of, metrics_of
from tfkd.evaluation.metrics import OUTPUTS
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.run_texts import examples, write_outputs
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.scoring.counting import Counting, file_lines
from tfkd.spec.metrics import names, product_of

# How a few outputs of Mask-Predict came about, pass by pass.
TRACE = "trace.json"


def show(entry: dict[str, Any], evaluation: Evaluation, counting: Counting, place: Path) -> None:
    """Outputs beside references and the baseline's: by length, where they differ, and some rows."""
    options, node, context = evaluation.options, evaluation.system, counting.context
    references, sources = counting.texts(node, "target"), counting.texts(node)
    systems = [one for one in (node, evaluation.baseline) if one is not None]
    outputs = [counting.outputs(one) for one in systems]
    if "tokenized_bleu" in options.metrics:
        entry["tokenized"] = plain(options.tokenized)
    bleu = metric_of("bleu", options)
    families = _families(options, node.options["products"])
    # BLEU's statistics start with the lengths of output and reference.
    lengths = [counting.of(one, bleu, options).statistics[:, :2] for one in systems]
    for family, metric in families.items():
        counted = [counting.of(one, metric, options) for one in systems]
        buckets = by_length(counted, [one[:, 1] for one in lengths])
        if family == "rouge":
            words = metric.options.rouge
            lost = lost_words(references) if words.words == "ascii" else 0.0
            entry["rouge"] = {"stem": words.stem, "words": words.words, "lost": lost}
            entry["rouge_by_length"] = {"metric": metric.name, "buckets": buckets}
        elif family == "bleu":
            entry["by_length"] = buckets
            entry["by_output_length"] = by_length(
                counted, [one[:, 0] for one in lengths], of="output"
            )
        else:
            entry.setdefault("others_by_length", {})[metric.name] = buckets
    if len(systems) > 1:
        # Of summaries by ROUGE.
        metric = next(families[one] for one in ("rouge", "bleu", *families) if one in families)
        counted = [counting.of(one, metric, options) for one in systems]
        entry["differing"] = _differing(counted, sources, references)
    written = file_lines(context.stages / node.key / "round_trip.txt")
    entry["round_trip"] = Counted.of(bleu, written, references).score(samples=1).as_dict()
    trace = context.stages / node.key / TRACE
    if trace.exists():
        entry["trace"] = read_json(trace)
    entry["examples"] = examples(sources, references, outputs[0], *outputs[1:] or [None])
    texts = {"hypotheses": outputs[0], "references": references}
    if any(metric.reads_sources for metric in metrics_of(options)):
        texts["sources"] = sources  # for `tfkd compare`
    write_outputs(entry, place, **texts)


def _families(options: Any, made: Sequence[str]) -> dict[str, Metric]:
    """The metric that stands for each family of an evaluation's metrics of outputs."""
    found = {}
    for metric in metrics_of(options):
        if product_of(metric, made) == OUTPUTS:
            family = metric.family or metric.name
            found[family] = metric_of(family, options) if family in names() else metric
    return found


def _differing(
    systems: Sequence[Counted], sources: Sequence[str], references: Sequence[str]
) -> dict[str, Any]:
    """Where a system and its baseline differ most, by the score of each row alone."""
    ours, theirs = systems
    return {
        "metric": ours.metric.name,
        "rows": [
            {
                "row": (i := one["row"]),
                "source": sources[i],
                "reference": references[i],
                "hypothesis": ours.product[i],
                "against": theirs.product[i],
                "value": one["value"],
                "against_value": one["against"],
            }
            for one in differing_rows(ours, theirs, references)
        ],
    }
