"""Tuning: the setting of a decoding by which a model does best on a validation corpus."""

import json
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.evaluation import Counted
from tfkd.pipeline.choose import best_of
from tfkd.pipeline.context import Context
from tfkd.pipeline.counting import file_lines
from tfkd.pipeline.graph import Node
from tfkd.pipeline.metrics import metric_of
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.trials import trials_of

# What is decoded with the choice rests on it alone, and not on the values that it was made by.
CHOSEN = "chosen.json"


def run_tune(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Scores the outputs of each setting, as the evaluation on the test set will be scored, and
    writes `chosen.json`, the best one's place and setting; of equal ones the first's."""
    choose, trials = node.options.choose, trials_of(node)
    metric = metric_of(choose.metric, node.options)
    text = open_text(trials[0].inputs["text"], context)
    references = list(text.lines("target"))
    sources = list(text.lines("source")) if metric.reads_sources else None
    outputs = (file_lines(context.stages / trial.key / "hypotheses.txt") for trial in trials)
    values = [Counted.of(metric, lines, references, sources).value for lines in outputs]
    best = best_of(values, higher=metric.higher_is_better)
    settings = [setting for setting, _ in choose.trials]
    write_atomically(
        folder.path / CHOSEN, json.dumps({"place": best, "setting": settings[best]}, indent=1)
    )
    found = [
        {
            "setting": setting,
            "value": float(value),
            "label": trial.label,
            "fingerprint": trial.fingerprint,
        }
        for setting, value, trial in zip(settings, values, trials, strict=True)
    ]
    said = ", ".join(f"{path} {value}" for path, value in settings[best].items())
    return {
        "choose": {"by": choose.by, "chosen": best, "trials": found},
        "brief": f"the best of {len(trials)}: {said}, {choose.by} {values[best]:.4f}",
    }
