"""Scores of one model on one test set, from the outputs and sums that its evaluation left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.strict_json import read_json
from tfkd.evaluation import (
    ROUGE,
    TEXT_SCORES,
    WITH_LINE_ENDS,
    accuracy,
    bleu,
    by_length,
    differing_rows,
    loss,
    lost_words,
    paired_bootstrap,
    paired_ratio,
    perplexity,
    word_perplexity,
)
from tfkd.pipeline.ceilings import GRAMMAR, ceiling, known_rows
from tfkd.pipeline.class_scores import score_classes
from tfkd.pipeline.context import Context
from tfkd.pipeline.continuations import show_continuations
from tfkd.pipeline.evaluate_stage import TRACE, WORDS
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import plain
from tfkd.pipeline.noise_stage import read_noise
from tfkd.pipeline.products import CLASSES, CONTINUED
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_metrics import is_text, settings_of
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import shown_decode
from tfkd.pipeline.validation import predicts_whole_targets
from tfkd.pipeline.wanted import Evaluation

# Each ratio with the array of sums it divides by the rows' numbers of tokens.
_RATIO = {
    "loss": (loss, "nll"),
    "perplexity": (perplexity, "nll"),
    "accuracy": (accuracy, "correct"),
}
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


def score(evaluation: Evaluation, context: Context, folder: Path, name: str) -> dict[str, Any]:
    """One entry of results.json's `evaluations`; copies the outputs into the run folder.

    Args:
        evaluation: The model's evaluation stage and its baseline's.
        context: The run's surroundings.
        folder: The run folder.
        name: What its files there are called.
    """
    options, node = evaluation.options, evaluation.system
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
    if CLASSES in node.options["products"]:
        hypotheses, references = score_classes(entry, evaluation, context)
        place = folder / "evaluation" / name
        write_outputs(entry, place, hypotheses=hypotheses, references=references)
        return entry
    _ratios(entry, evaluation, context)
    if any(map(is_text, options.metrics)):
        _texts(entry, evaluation, context, folder / "evaluation" / name)
    if "word_perplexity" in options.metrics:
        if options.context is not None:
            entry["context"] = options.context
        _keep_words(entry, node, context, folder / "evaluation" / name)
    if CONTINUED in node.options["products"]:
        lines = show_continuations(entry, node, evaluation.baseline, context)
        write_outputs(entry, folder / "evaluation" / name, **lines)
    if found := _ceiling(node, options, context):
        entry["ceiling"] = {"of": GRAMMAR, "metrics": found}
    for holder in filter(None, (entry, entry["against"])):
        found = holder["metrics"]
        holder["metrics"] = {name: found[name] for name in _names(options) if name in found}
    return entry


def _names(options: Any) -> list[str]:
    """The figures of an evaluation: word perplexities come in two."""
    names = []
    for metric in options.metrics:
        names += [metric, WITH_LINE_ENDS] if metric == "word_perplexity" else [metric]
    return names


def _word_perplexities(
    entry: dict[str, Any],
    evaluation: Evaluation,
    context: Context,
    settings: dict[str, int],
    trials: int,
) -> None:
    """Both counts of words: without the ends of lines, and with them."""

    def sums(node: Node, line_ends: bool) -> tuple[np.ndarray, np.ndarray]:
        with np.load(context.stages / node.key / WORDS, allow_pickle=False) as arrays:
            words = arrays["words"]
            return arrays["nll"], words + arrays["line_ends"] if line_ends else words

    for line_ends in (False, True):
        ours = sums(evaluation.system, line_ends)
        found = word_perplexity(*ours, line_ends=line_ends, **settings)
        entry["metrics"][found.name] = found.as_dict()
        if evaluation.baseline is not None:
            entry["against"]["metrics"][found.name] = paired_ratio(
                ours, sums(evaluation.baseline, line_ends),
                of_ratio=np.exp, trials=trials, **settings,
            )  # fmt: skip


def _ratios(entry: dict[str, Any], evaluation: Evaluation, context: Context) -> None:
    options = evaluation.options
    settings = {"samples": options.bootstrap, "seed": options.seed}
    if "word_perplexity" in options.metrics:
        _word_perplexities(entry, evaluation, context, settings, options.randomization)
    for metric in options.metrics:
        if metric not in _RATIO:
            continue
        measure, name = _RATIO[metric]
        ours = _sums(evaluation.system, context, name)
        entry["metrics"][metric] = measure(*ours, **settings).as_dict()
        if evaluation.baseline is not None:
            theirs = _sums(evaluation.baseline, context, name)
            of_ratio = np.exp if metric == "perplexity" else (lambda ratio: ratio)
            entry["against"]["metrics"][metric] = paired_ratio(
                ours, theirs, of_ratio=of_ratio, trials=options.randomization, **settings
            )


def _sums(node: Node, context: Context, name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(context.stages / node.key / "rows.npz", allow_pickle=False) as arrays:
        return arrays[name], arrays["tokens"]


def file_lines(path: Path) -> list[str]:
    """The lines of a file that a stage wrote."""
    # Not as text: a lone carriage return is no end of a line here.
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


def _texts(entry: dict[str, Any], evaluation: Evaluation, context: Context, place: Path) -> None:
    options, node = evaluation.options, evaluation.system
    text = open_text(node.inputs["text"], context)
    references, sources = list(text.lines("target")), list(text.lines("source"))
    hypotheses = file_lines(context.stages / node.key / "hypotheses.txt")
    others = None
    if evaluation.baseline is not None:
        others = file_lines(context.stages / evaluation.baseline.key / "hypotheses.txt")
    tokenize = settings_of("bleu", options)
    if "tokenized_bleu" in options.metrics and options.tokenized is not None:
        entry["tokenized"] = plain(options.tokenized)
    for metric in filter(is_text, options.metrics):
        settings = {"samples": options.bootstrap, "seed": options.seed}
        settings |= settings_of(metric, options)
        measure = TEXT_SCORES[metric]
        entry["metrics"][metric] = measure(hypotheses, references, **settings).as_dict()
        if others is not None:
            entry["against"]["metrics"][metric] = paired_bootstrap(
                hypotheses, others, references, metric, trials=options.randomization, **settings
            )
    summaries = [metric for metric in options.metrics if metric in ROUGE]
    if summaries:
        counted = settings_of(summaries[-1], options)
        entry["rouge"] = {**counted, "lost": _lost(counted["words"], references)}
        entry["rouge_by_length"] = {
            "metric": summaries[-1],
            "buckets": by_length(
                hypotheses, references, against=others, metric=summaries[-1], **counted, **tokenize
            ),
        }
    if any(is_text(metric) and metric not in ROUGE for metric in options.metrics):
        for key, of in (("by_length", "reference"), ("by_output_length", "output")):
            entry[key] = by_length(hypotheses, references, against=others, of=of, **tokenize)
    if others is not None:
        entry["differing"] = _differing(options, sources, references, hypotheses, others)
    written = file_lines(context.stages / node.key / "round_trip.txt")
    entry["round_trip"] = bleu(written, references, samples=1, **tokenize).as_dict()
    trace = context.stages / node.key / TRACE
    if trace.exists():
        entry["trace"] = read_json(trace)
    step = max(1, len(references) // _EXAMPLES)
    entry["examples"] = [
        {
            "source": sources[i],
            "reference": references[i],
            "hypothesis": hypotheses[i],
            "against": others[i] if others is not None else None,
        }
        for i in range(0, len(references), step)
    ][:_EXAMPLES]
    write_outputs(entry, place, hypotheses=hypotheses, references=references)


def _ceiling(node: Node, options: Any, context: Context) -> Mapping[str, Any]:
    """The scores of what drew the references, as far as it is known; {} of other corpora."""
    corpus = node.inputs["text"]
    text = open_text(corpus, context)
    if not {"source", "target"} <= {*text.fields}:
        return {}
    references = list(text.lines("target"))
    rows = known_rows(corpus.options, list(text.lines("source")), references)
    if rows is None:
        return {}
    # Of parts of the references, as of masked words, a whole one's probability says nothing.
    whole = "figures" in node.options["products"] and predicts_whole_targets(node.inputs["model"])
    tokens = _sums(node, context, "nll")[1] if whole else None
    return ceiling(rows, references, tokens, options, lower_case=corpus.options.lower_case)


def _differing(
    options: Any,
    sources: Sequence[str],
    references: Sequence[str],
    hypotheses: Sequence[str],
    others: Sequence[str],
) -> dict[str, Any]:
    """Where the system and its baseline differ most, by the score of each row alone: by BLEU, of
    summaries by the last ROUGE metric measured."""
    summaries = [metric for metric in options.metrics if metric in ROUGE]
    metric = summaries[-1] if summaries else "bleu"
    rows = differing_rows(hypotheses, others, references, metric, **settings_of(metric, options))
    return {
        "metric": metric,
        "rows": [
            {
                "row": (i := one["row"]),
                "source": sources[i],
                "reference": references[i],
                "hypothesis": hypotheses[i],
                "against": others[i],
                "value": one["value"],
                "against_value": one["against"],
            }
            for one in rows
        ],
    }


def _lost(words: str, references: Sequence[str]) -> float:
    """The share of the references' words that ROUGE's kind of words loses letters of."""
    return lost_words(references) if words == "ascii" else 0.0


def _keep_words(entry: dict[str, Any], node: Node, context: Context, place: Path) -> None:
    """Puts the likelihood and the words of each row into the run folder, for `tfkd compare`."""
    place.parent.mkdir(exist_ok=True)
    path = place.with_name(f"{place.name}.{WORDS}")
    write_atomically(path, (context.stages / node.key / WORDS).read_bytes())
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
