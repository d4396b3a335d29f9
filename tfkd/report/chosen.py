"""Decodings that were chosen on validation: which, for whom, by what."""

from collections.abc import Mapping
from typing import Any

from tfkd.report.systems import Run, Systems, label_of
from tfkd.report.wording import metric_value
from tfkd.spec.seeds import given_seeds


def chosen_lines(results: Mapping[str, Any]) -> list[str]:
    """A line for each model whose decoding was chosen, for a terminal: "learn:
    decode.length_penalty 1.0, the best of 3 by valid.bleu (31.20)"."""
    lines = []
    for choice in results.get("choices") or []:
        trials = choice["trials"]
        trial = trials[choice["chosen"]]
        if not all(path.startswith("decode.") for path in trial["setting"]):
            continue  # a training: what is evaluated is the best one
        setting = ", ".join(f"{path} {value}" for path, value in trial["setting"].items())
        value = metric_value(choice["by"].partition(".")[2], trial["value"])
        best = f"the best of {len(trials)} by {choice['by']} ({value})"
        lines.append(f"{choice['stage']}: {setting}, {best}")
    return lines


def chosen_for(
    run: Run, entry: Mapping[str, Any], systems: Systems, side: Mapping[str, Any]
) -> str:
    """Whose decoding one is, after its words; empty where it was not chosen.

    Args:
        run: The run.
        entry: The evaluation.
        systems: Names the models.
        side: The entry, or its `against`.
    """
    if not entry.get("choose"):
        return ""
    seed = f", seed {entry.get('seed')}" if given_seeds(run.part("spec")) else ""
    return f" for {systems.of(run, label_of(side)).name}{seed}, by {entry['choose']['by']}"
