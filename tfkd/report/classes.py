"""What a page shows of classifiers: confusions, and settings that stages were chosen from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfkd.report.systems import Run, System, Systems, label_of
from tfkd.report.wording import metric_value, plain

# Up to so many classes all pairs are a table; of more, the most frequent confusions are a list.
_MOST_CLASSES = 12
_LISTED = 20
UNKNOWN = "not in training"


def confusions(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """Of each classifier on each test set: a table of labels and guesses, or a list of the most
    frequent pairs that differ."""
    found: dict[tuple[System, str], dict[str, Any]] = {}
    for run in runs:
        for entry in run.entries("evaluations"):
            key = systems.of(run, label_of(entry)), str(entry.get("on"))
            if entry.get("confusion") and key not in found:
                found[key] = {"system": key[0], "on": key[1], **_confusion(entry)}
    return list(found.values())


def _confusion(entry: Mapping[str, Any]) -> dict[str, Any]:
    classes = list(entry.get("classes") or [])
    cells = {
        (one.get("label") or UNKNOWN, one.get("guess")): one.get("rows", 0)
        for one in entry["confusion"]
    }
    if len(classes) > _MOST_CLASSES:
        wrong = [(*pair, rows) for pair, rows in cells.items() if pair[0] != pair[1]]
        return {"classes": [], "rows": [], "wrong": wrong[:_LISTED]}
    labels = classes + ([UNKNOWN] if any(label == UNKNOWN for label, _ in cells) else [])
    rows = [(label, [cells.get((label, guess), 0) for guess in classes]) for label in labels]
    return {"classes": classes, "rows": rows, "wrong": []}


def choices(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each stage, or decoding of one, that was chosen, with its trials in words; `steps`: whether
    they are trainings, which have each a best step."""
    return [
        {
            "run": run,
            "stage": choice.get("stage"),
            "by": choice.get("by"),
            "trials": list(_trials(choice)),
            "steps": any("step" in trial for trial in choice.get("trials") or []),
        }
        for run in runs
        for choice in run.entries("choices")
    ]


def _trials(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    metric = str(choice.get("by")).partition(".")[2]
    for index, trial in enumerate(choice.get("trials") or []):
        setting = trial.get("setting") or {}
        yield {
            "setting": ", ".join(f"{path} {plain(value)}" for path, value in setting.items()),
            "value": metric_value(metric, trial.get("value")),
            "step": trial.get("step"),
            "chosen": index == choice.get("chosen"),
        }
