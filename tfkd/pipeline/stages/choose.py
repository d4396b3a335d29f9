"""The best of several trials, by validation: of trainings of one stage, or of its decodings."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.text.copies import copy_file, copy_folder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import place
from tfkd.spec.metrics import higher_is_better


def trials_of(node: Node) -> list[Node]:
    """What one is chosen from, in the order of the spec, trainings or the evaluations of a `tune`
    node; [] without `choose`."""
    return list(node.inputs_of(Role.TRIAL).values())


def take_best(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Puts the result of the best trial in place as the stage's own; of equal ones the first's.

    Files are hard links where the file system has them.
    """
    from tfkd.pipeline.inputs.stage_weights import SET_ASIDE, SHARED, WEIGHTS

    places = [place(trial, context) for trial in trials_of(node)]
    summaries = [one.manifest()["summary"] for one in places]
    choice = chosen(
        node,
        [float(summary["best"]["value"]) for summary in summaries],
        higher=higher_is_better(node.options.choose.metric),
        more=[{"step": summary["best"]["step"]} for summary in summaries],
    )
    best = choice["choose"]["chosen"]
    for name in (WEIGHTS, SHARED, SET_ASIDE, "history.jsonl", "tensorboard"):
        if (places[best].path / name).exists():
            _take(places[best].path / name, folder.path / name)
    return {**summaries[best], **choice}


def chosen(
    node: Node, values: Sequence[float], *, higher: bool, more: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """What a summary says of a choice: `choose`, with the place of the best, and `brief`.

    Args:
        node: The stage with the trials.
        values: One a trial.
        higher: Whether a higher one is better.
        more: What else is said of each trial.
    """
    choose, trials = node.options.choose, trials_of(node)
    best = best_of(values, higher=higher)
    found = [
        {
            "setting": setting,
            "value": float(value),
            **beside,
            "label": trial.label,
            "fingerprint": trial.fingerprint,
        }
        for (setting, _), value, beside, trial in zip(
            choose.trials, values, more or [{}] * len(trials), trials, strict=True
        )
    ]
    said = ", ".join(f"{path} {value}" for path, value in found[best]["setting"].items())
    return {
        "choose": {"by": choose.by, "chosen": best, "trials": found},
        "brief": f"the best of {len(trials)}: {said}, {choose.by} {values[best]:.4f}",
    }


def said_setting(setting: dict[str, Any]) -> str:
    """A setting of `choose:` in a label, which names a folder's link."""
    said = ", ".join(f"{path}={value}" for path, value in setting.items())
    return re.sub(r"[^\w.=, -]", "_", said)[:100]


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
