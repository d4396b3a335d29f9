"""The runs of a page and the systems in them, each with one colour from top to bottom."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfkd.report.wording import clean


@dataclass(frozen=True)
class Run:
    """One run: its results.json, cleaned, and its letter on the page."""

    place: int
    results: Mapping[str, Any]
    alone: bool

    @property
    def letter(self) -> str:
        """A, B, ...; empty where the page has one run only."""
        return "" if self.alone else _letters(self.place)

    @property
    def title(self) -> str:
        """NAME[@VARIANT][+SEED], as the run's folder is called."""
        name, variant = self.results.get("name") or "run", self.results.get("variant")
        seed = self.results.get("seed")
        title = f"{name}@{variant}" if variant else str(name)
        return f"{title}+{seed}" if seed not in (None, 1) else title

    def part(self, key: str) -> Mapping[str, Any]:
        """A mapping of the results; empty where it is missing."""
        value = self.results.get(key)
        return value if isinstance(value, dict) else {}

    def entries(self, key: str) -> list[Any]:
        """A list of the results; empty where it is missing."""
        value = self.results.get(key)
        return value if isinstance(value, list) else []


@dataclass(frozen=True)
class System:
    """A stage's model as the page names and colours it.

    Attributes:
        label: `STAGE[#VARIANT]`.
        letters: The runs that it is part of; empty where the page has one run only.
        series: The number of its colour, from 0.
    """

    label: str
    letters: tuple[str, ...]
    series: int

    @property
    def name(self) -> str:
        """The label, with the runs' letters where there are several."""
        return f"{'/'.join(self.letters)} {self.label}".strip()


class Systems:
    """Hands out systems: the same stage in two runs is one system if its fingerprint is the same.

    Colours tell apart what stands in one plot: the variants of one stage, in all runs.
    """

    def __init__(self, runs: Sequence[Run]):
        self._identities: dict[tuple[int, str], Any] = {}
        self._letters: dict[Any, list[str]] = {}
        self._series: dict[Any, int] = {}
        used: dict[str, int] = {}
        for run in runs:
            for label in _labels(run):
                identity = (label, _fingerprint(run, label) or run.place)
                self._identities[run.place, label] = identity
                letters = self._letters.setdefault(identity, [])
                if run.letter and run.letter not in letters:
                    letters.append(run.letter)
                if identity not in self._series:
                    base = re.split("[#+]", label)[0]
                    self._series[identity] = used.get(base, 0)
                    used[base] = used.get(base, 0) + 1

    def of(self, run: Run, label: str) -> System:
        """The system of a run's stage."""
        identity = self._identities[run.place, label]
        return System(label, tuple(self._letters[identity]), self._series[identity])


def label_of(entry: Mapping[str, Any]) -> str:
    """`STAGE[#VARIANT]` of an evaluation or of what it is compared with."""
    of, variant = str(entry.get("of") or "model"), entry.get("variant")
    return of if "#" in of or not variant else f"{of}#{variant}"


def open_runs(results: Sequence[Mapping[str, Any]]) -> list[Run]:
    """The runs of a page from their results.json."""
    return [Run(place, clean(one), len(results) == 1) for place, one in enumerate(results)]


def _fingerprint(run: Run, label: str) -> str | None:
    """The fingerprint of what makes a model; other stages may bear its name (its export)."""
    for name, stage in run.part("stages").items():
        if stage.get("kind") in ("train", "score", "load") and stage.get("label", name) == label:
            return stage.get("fingerprint")
    return None


def _labels(run: Run) -> list[str]:
    """All stages of a run that have a colour; what is evaluated comes before its baseline."""
    labels: list[str] = []
    for entry in run.entries("evaluations"):
        labels.append(label_of(entry))
        if entry.get("against"):
            labels.append(label_of(entry["against"]))
    for gate in run.entries("teacher_gates"):
        labels.append(label_of(gate))
    return list(dict.fromkeys([*labels, *run.part("histories")]))


def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
