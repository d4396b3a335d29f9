"""The runs of a page and the systems in them, each with one colour from top to bottom."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfkd.evaluation.results.form import upgraded
from tfkd.report.wording import clean
from tfkd.spec.metrics import remember
from tfkd.spec.registry import UNNAMED_STAGES

# Where a corpus's files are, which says nothing of what is in them.
_PATHS = frozenset({"parallel", "text", "tsv", "csv", "lines", "drop_overlap"})


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

    @property
    def makers(self) -> str:
        """What its stages were made on, each with how many; empty where that is not known."""
        stages = [one for one in self.part("stages").values() if isinstance(one, dict)]
        known = [one["made_on"] for one in stages if one.get("made_on")]
        counts = Counter(map(str, known)).most_common()
        return "; ".join(f"{name}: {number} stage{'s' * (number > 1)}" for name, number in counts)

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
    def stage(self) -> str:
        """The stage in the spec, whatever the variant, the setting and the seed."""
        return stage_of(self.label)

    @property
    def name(self) -> str:
        """The label, with the runs' letters where there are several."""
        return f"{'/'.join(self.letters)} {self.label}".strip()


class Systems:
    """Hands out systems: the same stage in two runs is one system if its fingerprint is the same.

    Colours tell apart what may stand in one plot: systems that are measured on the same corpus,
    and the variants of one stage, in all runs. Each system has the first colour that is free there.
    """

    def __init__(self, runs: Sequence[Run]):
        self._identities: dict[tuple[int, str], Any] = {}
        self._letters: dict[Any, list[str]] = {}
        plots: dict[Any, set[tuple[str, str]]] = {}
        for run in runs:
            for label, corpora in _labels(run).items():
                identity = (label, _fingerprint(run, label) or run.place)
                self._identities[run.place, label] = identity
                letters = self._letters.setdefault(identity, [])
                if run.letter and run.letter not in letters:
                    letters.append(run.letter)
                plots.setdefault(identity, {("stage", stage_of(label))}).update(
                    ("corpus", corpus) for corpus in corpora
                )
        self._series: dict[Any, int] = {}
        for identity, among in plots.items():
            taken = {
                series
                for other, series in self._series.items()
                if not among.isdisjoint(plots[other])
            }
            self._series[identity] = next(n for n in itertools.count() if n not in taken)

    def of(self, run: Run, label: str) -> System:
        """The system of a run's stage."""
        identity = self._identities[run.place, label]
        return System(label, tuple(self._letters[identity]), self._series[identity])


def label_of(entry: Mapping[str, Any]) -> str:
    """`STAGE[#VARIANT][EXPORT]` of an evaluation or of what it is compared with, the export in
    brackets where there is one."""
    of, variant = str(entry.get("of") or "model"), entry.get("variant")
    label = of if "#" in of or not variant else f"{of}#{variant}"
    return f"{label}[{entry['export']}]" if entry.get("export") else label


def open_runs(results: Sequence[Mapping[str, Any]]) -> list[Run]:
    """The runs of a page from their results.json.

    Test sets of one name that are other rows in some of them have the runs' letters in their names.
    """
    runs = [
        Run(index, clean(upgraded(one)), len(results) == 1) for index, one in enumerate(results)
    ]
    for run in runs:
        remember(run.part("metrics"))
    sets: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for on in {str(entry.get("on")) for entry in run.entries("evaluations")}:
            sets.setdefault(on, {}).setdefault(_rows_of(run, on), []).append(run.letter)
    for run in runs:
        for entry in run.entries("evaluations"):
            on = str(entry.get("on"))
            if len(sets[on]) > 1:
                entry["on"] = f"{on} ({', '.join(sets[on][_rows_of(run, on)])})"
    return runs


def _rows_of(run: Run, corpus: str) -> str:
    """What a corpus's rows are made of: its files' digests and how they were read."""
    report = run.part("data").get(corpus) or {}
    options = (run.part("spec").get("data") or {}).get(corpus) or {}
    read = {key: value for key, value in options.items() if key not in _PATHS}
    files = sorted(map(str, (report.get("files") or {}).values()))
    return json.dumps([files, report.get("kept"), read], sort_keys=True)


def _fingerprint(run: Run, label: str) -> str | None:
    """The fingerprint of what makes a model; other stages may bear its name (its export)."""
    for name, stage in run.part("stages").items():
        if stage.get("kind") not in UNNAMED_STAGES and stage.get("label", name) == label:
            return stage.get("fingerprint")
    return None


def _labels(run: Run) -> dict[str, list[str]]:
    """All stages of a run that have a colour, each with the corpora that it is measured on.

    What is evaluated comes before its baseline.
    """
    labels: dict[str, list[str]] = {}
    for entry in run.entries("evaluations"):
        for one in (entry, entry.get("against")):
            if one:
                labels.setdefault(label_of(one), []).append(str(entry.get("on")))
    for label in [
        *(label_of(check) for check in run.entries("teacher_checks")),
        *run.part("histories"),
    ]:
        labels.setdefault(label, [])
    return labels


def stage_of(label: str) -> str:
    """The stage in the spec of a label: STAGE, STAGE#VARIANT, STAGE[SETTING], STAGE+SEED."""
    return re.split(r"[#+\[]", label)[0]


def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
