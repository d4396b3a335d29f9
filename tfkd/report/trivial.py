"""Trivial systems beside those that were evaluated."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfkd.evaluation import in_words
from tfkd.report.wording import metric_name, metric_value


def trivial_notes(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """What trivial systems score on a test set; those that say the same are one.

    Args:
        entries: Evaluations on it, each with its system's name.

    Returns:
        Of each its `words`, its `figures` in texts by metric, and the `systems` that it stands
        beside; none where no other has these words.
    """
    found: list[dict[str, Any]] = []
    for name, entry in entries:
        for one in entry.get("trivial") or []:
            figures = {
                metric: f"{metric_value(metric, figure.get('value'))} {metric_name(metric)}"
                for metric, figure in one["metrics"].items()
            }
            words = in_words(one)
            note = next((note for note in found if _same(note, words, figures)), None)
            if note is None:
                found.append(note := {"words": words, "figures": {}, "systems": []})
            note["figures"] |= figures
            note["systems"] += [name] * (name not in note["systems"])
    for note in found:
        if sum(other["words"] == note["words"] for other in found) == 1:
            note["systems"] = []
    return found


def _same(note: Mapping[str, Any], words: str, figures: Mapping[str, str]) -> bool:
    """Whether a note has these words, and no metric has another figure."""
    return note["words"] == words and all(
        note["figures"].get(metric, text) == text for metric, text in figures.items()
    )


def trivial_lines(evaluations: Iterable[Mapping[str, Any]]) -> list[str]:
    """The same in a line for each test set, of one run."""
    on: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for entry in evaluations:
        on.setdefault(entry["on"], []).append((entry["of"], entry))
    return [
        f"trivial systems on {corpus}: {'; '.join(map(_said, notes))}"
        for corpus, entries in on.items()
        if (notes := trivial_notes(entries))
    ]


def _said(note: Mapping[str, Any]) -> str:
    beside = f" (beside {', '.join(note['systems'])})" if note["systems"] else ""
    return f"{note['words']} {', '.join(note['figures'].values())}{beside}"
