"""Scores of one model on one test set, from the outputs and sums that its evaluation left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.strict_json import read_json
from tfkd.evaluation import Counted, Metric, by_length, differing_rows, lost_words
from tfkd.evaluation.metrics import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.pipeline.ceilings import GRAMMAR, ceiling, known_rows
from tfkd.pipeline.class_scores import check_alike, show_classes
from tfkd.pipeline.context import Context
from tfkd.pipeline.continuations import show_continuations
from tfkd.pipeline.counting import Counting, file_lines
from tfkd.pipeline.evaluate_stage import TRACE
from tfkd.pipeline.evaluate_stage import WORDS as WORDS_FILE
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import plain
from tfkd.pipeline.metrics import metric_of, metrics_of
from tfkd.pipeline.products import CONTINUED
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.stages.noise import read_noise
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import shown_decode
from tfkd.pipeline.validation import predicts_whole_targets
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.metrics import names, product_of

_EXAMPLES = 20


def file_names(evaluations: Sequence[Evaluation]) -> list[str]:
    """What each one's files in the run folder are called: `OF[+SEED].ON`, and `OF.ON.2` where the
    same model is scored on the same test set again (by another search)."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for one in evaluations:
        of = one.options.of
        if (seed := one.system.seed) is not None:
            of = f"{of}+{seed}"
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
    summary = StageFolder(context.stages, node.kind, node.fingerprint).manifest()["summary"]
    trained = node.inputs["model"]
    entry: dict[str, Any] = {
        "of": options.of,
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
        variant = evaluation.baseline.inputs["model"].spec.variant
        entry["against"] = {"of": options.against, "variant": variant, "metrics": {}}
        theirs = shown_decode(evaluation.baseline, context)
        if theirs != entry["decode"]:
            entry["against"]["decode"] = theirs
    if evaluation.noise is not None:
        entry["noise"] = read_noise(evaluation.noise, context)
    if evaluation.baseline_noise is not None:
        entry["against"]["noise"] = read_noise(evaluation.baseline_noise, context)
    check_alike(evaluation, context)
    _figures(entry, evaluation, counting)
    place, made = folder / "evaluation" / name, node.options["products"]
    if CLASSES in made:
        hypotheses, references = show_classes(entry, evaluation, counting)
        write_outputs(entry, place, hypotheses=hypotheses, references=references)
        return entry
    if OUTPUTS in made:
        _texts(entry, evaluation, counting, place)
    if WORDS in made:
        if options.context is not None:
            entry["context"] = options.context
        _keep_words(entry, node, context, place)
    if CONTINUED in made:
        lines = show_continuations(entry, node, evaluation.baseline, context)
        write_outputs(entry, place, **lines)
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


def _texts(entry: dict[str, Any], evaluation: Evaluation, counting: Counting, place: Path) -> None:
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
    step = max(1, len(references) // _EXAMPLES)
    entry["examples"] = [
        {
            "source": sources[i],
            "reference": references[i],
            "hypothesis": outputs[0][i],
            "against": outputs[1][i] if len(systems) > 1 else None,
        }
        for i in range(0, len(references), step)
    ][:_EXAMPLES]
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


def _ceiling(node: Node, options: Any, counting: Counting) -> Mapping[str, Any]:
    """The scores of what drew the references, as far as it is known; {} of other corpora."""
    corpus = node.inputs["text"]
    if not {"source", "target"} <= {*open_text(corpus, counting.context).fields}:
        return {}
    sources, references = counting.texts(node), counting.texts(node, "target")
    rows = known_rows(corpus.options, sources, references)
    if rows is None:
        return {}
    # Of parts of the references, as of masked words, a whole one's probability says nothing.
    whole = TEACHER_FORCED in node.options["products"] and predicts_whole_targets(
        node.inputs["model"]
    )
    tokens = counting.arrays(node, "rows.npz")["tokens"] if whole else None
    lower = corpus.options.lower_case
    return ceiling(rows, sources, references, tokens, options, lower_case=lower)


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


def _keep_words(entry: dict[str, Any], node: Node, context: Context, place: Path) -> None:
    """Puts the likelihood and the words of each row into the run folder, for `tfkd compare`."""
    place.parent.mkdir(exist_ok=True)
    path = place.with_name(f"{place.name}.{WORDS_FILE}")
    write_atomically(path, (context.stages / node.key / WORDS_FILE).read_bytes())
    entry["words"] = f"{place.parent.name}/{path.name}"
    entry.setdefault("sha256", {})["words"] = sha256_of(path)


def write_outputs(entry: dict[str, Any], place: Path, **texts: Sequence[str]) -> None:
    """Writes outputs, references and the like beside each other into the run folder, a file each;
    notes their digests."""
    place.parent.mkdir(exist_ok=True)
    digests = entry.setdefault("sha256", {})
    for name, lines in texts.items():
        path = place.with_name(f"{place.name}.{name}.txt")
        write_atomically(path, "\n".join(lines) + "\n")
        entry[name] = f"{place.parent.name}/{path.name}"
        digests[name] = sha256_of(path)
