"""The best of several trainings of one stage, by validation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.copies import copy_file, copy_folder
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.stage_weights import SHARED, WEIGHTS
from tfkd.pipeline.text_stages import place
from tfkd.pipeline.trials import trials_of
from tfkd.spec.metrics import higher_is_better

_TAKEN = (WEIGHTS, SHARED, "history.jsonl", "tensorboard")


def take_best(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Puts the result of the best trial in place as the stage's own; of equal ones the first's.

    Files are hard links where the file system has them.
    """
    settings = [setting for setting, _ in node.options.choose.trials]
    trials = trials_of(node)
    places = [place(trial, context) for trial in trials]
    summaries = [one.manifest()["summary"] for one in places]
    values = [float(summary["best"]["value"]) for summary in summaries]
    metric = node.options.choose.metric
    best = best_of(values, higher=higher_is_better(metric))
    for name in _TAKEN:
        if (places[best].path / name).exists():
            _take(places[best].path / name, folder.path / name)
    found = [
        {
            "setting": setting,
            "value": value,
            "step": summary["best"]["step"],
            "label": trial.label,
            "fingerprint": trial.fingerprint,
        }
        for setting, value, summary, trial in zip(settings, values, summaries, trials, strict=True)
    ]
    said = ", ".join(f"{path} {value}" for path, value in settings[best].items())
    return {
        **summaries[best],
        "choose": {
            "by": node.options.choose.by,
            "chosen": best,
            "trials": found,
        },
        "brief": f"the best of {len(trials)}: {said}, {node.options.choose.by} {values[best]:.4f}",
    }


def best_of(values: Sequence[float], *, higher: bool) -> int:
    """The place of the best value, of equal ones the first; what is no number is worst of all."""
    return max(
        range(len(values)),
        key=lambda at: (values[at] == values[at], values[at] if higher else -values[at]),
    )


def _take(source: Path, target: Path) -> None:
    if source.is_dir():
        copy_folder(source, target)
        return
    target.unlink(missing_ok=True)  # of a killed run
    copy_file(source, target, link=True)
