"""What two finished runs are compared by: outputs, guesses, or the likelihood of a text's words."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from pydantic import ValidationError

from tfkd.data.classes import labels_in
from tfkd.evaluation import (
    Counted,
    Metric,
    Predicted,
    WordSums,
    chosen_context,
    decode_as_asked,
    metric_named,
)
from tfkd.evaluation.asked_metrics import metric_of
from tfkd.evaluation.metrics import CLASSES, OUTPUTS, WORDS
from tfkd.outside.regular_files import read_regular
from tfkd.pipeline.engine.run_folder import inside
from tfkd.spec import registry
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import KIND, about, names_of
from tfkd.spec.metrics import measured as names_measured
from tfkd.spec.options import RougeOptions, TokenizedOptions
from tfkd.spec.seeds import given_seeds

# Of results from before it could be chosen.
_TOKENIZE = "13a"


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one model said of a test set.

    Attributes:
        metrics: By name: two sides are compared by those that count alike.
        search: How outputs were made, or how much of a text stood before its words, where that
            was chosen; else empty.
        tuned: How they were made in the end, where an option of that was chosen on validation.
        trivial: The trivial systems beside it, as in results.json; none where they are not known.
        seed: That of its training; None: it was not trained here.
    """

    metrics: Mapping[str, Metric]
    search: str
    tuned: str = ""
    trivial: Sequence[Mapping[str, Any]] = ()
    seed: int | None = None
    digits = 2
    unit = "sentences"

    @property
    def rows(self) -> int:
        """Rows of the test set."""
        raise NotImplementedError

    def alike(self, other: "Side") -> bool:
        """Whether both are of the same rows."""
        raise NotImplementedError

    def counts_alike(self, other: "Side", metric: str) -> bool:
        """Whether both count one of this side's metrics in the same way."""
        theirs = other.metrics.get(metric)
        return theirs is not None and theirs.options == self.metrics[metric].options

    def less(self, other: Self, metric: str, **settings: Any) -> dict[str, Any]:
        """`paired_bootstrap` of this side less the other, with its `samples`, `seed`, `trials` and
        `p_by`."""
        ours, theirs = (Counted.of(self.metrics[metric], *rows) for rows in self.rows_of(other))
        return ours.less(theirs, **settings)

    def rows_of(self, other: Self) -> Iterator[tuple[Any, ...]]:
        """What metrics are counted from, of this side and the other; see `Metric.statistics`."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Outputs(Side):
    """Translations or summaries, and the references; sources where a metric reads them."""

    hypotheses: list[str]
    references: list[str]
    sources: list[str] | None = None

    @property
    def rows(self) -> int:
        """Rows of the test set."""
        return len(self.references)

    def alike(self, other: Side) -> bool:
        """Whether both have the same references."""
        return type(other) is type(self) and other.references == self.references

    def rows_of(self, other: Self) -> Iterator[tuple[Any, ...]]:
        """The outputs of both."""
        for side in (self, other):
            yield side.hypotheses, self.references, self.sources


@dataclass(frozen=True, kw_only=True)
class Guesses(Outputs):
    """A classifier's guesses and the labels, both by name.

    Attributes:
        classes: Their names, in order.
        positive: The one that F1 is about; None: its mean over classes.
        several: Whether a row has several labels, with spaces between.
    """

    classes: list[str]
    positive: str | None = None
    several: bool = False
    digits = 4
    unit = "rows"

    def counts_alike(self, other: Side, metric: str) -> bool:
        """Of one class, where it is the same."""
        same = self.positive == getattr(other, "positive", None)
        same = same or not self.metrics[metric].of_one_class
        return same and super().counts_alike(other, metric)

    def rows_of(self, other: Self) -> Iterator[tuple[Any, ...]]:
        """The guesses of both, of the same classes."""
        names = list(dict.fromkeys([*self.classes, *other.classes]))
        places = {name: index for index, name in enumerate(names)}
        lines = zip(self.references, self.hypotheses, other.hypotheses, strict=True)
        # Guesses of the last labels may be missing, of a row that was too long.
        rows = [
            [*zip(*(labels_in(one, self.several) for one in row), strict=False)] for row in lines
        ]
        found = [[places.get(one, len(names)) for one in label] for row in rows for label in row]
        labels, *sides = np.array(found).reshape(-1, 3).T
        positive = places.get(self.positive)
        several: dict[str, Any] = {}
        if self.several:
            several["row"] = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
            several["rows"] = len(rows)
        for guesses in sides:
            said = Predicted(labels, guesses, len(names), None, positive, **several)
            yield said, self.references, None


@dataclass(frozen=True, kw_only=True)
class Words(Side):
    """How likely each row of a text is to a language model, and the words of the rows.

    Attributes:
        sums: Nats, words and ends of lines of each row.
    """

    sums: WordSums
    unit = "rows"

    @property
    def rows(self) -> int:
        """Rows of the test set."""
        return len(self.sums.nll)

    def alike(self, other: Side) -> bool:
        """Whether both texts have as many words in each row."""
        return isinstance(other, Words) and all(
            np.array_equal(getattr(self.sums, name), getattr(other.sums, name))
            for name in ("words", "line_ends")
        )

    def rows_of(self, other: Self) -> Iterator[tuple[Any, ...]]:
        """The sums of both."""
        yield from ((side.sums, None) for side in (self, other))


def sides_of(run: Path, results: Mapping[str, Any]) -> dict[tuple[str, str, str, int | None], Side]:
    """What a run's models said, by model, test set, search and, of a spec with several, seed.

    Raises:
        UserError: It has nothing that can be compared, or a file is not what was written.
    """
    found: dict[tuple[str, str, str, int | None], Side] = {}
    seeds = given_seeds(results["spec"])
    for entry in results["evaluations"]:
        for side in filter(None, (_texts(run, entry), _words(run, entry))):
            key = (entry["of"], entry["on"], side.search, entry["seed"] if seeds else None)
            found[key] = replace(side, trivial=entry.get("trivial") or (), seed=entry["seed"])
    if not found:
        raise UserError(
            f"{run} has nothing to compare: no outputs, no classes and no word_perplexity. An "
            "evaluation with such metrics writes them; then run tfkd run SPEC again"
        )
    return found


def _texts(run: Path, entry: Mapping[str, Any]) -> Outputs | None:
    if not entry.get("hypotheses"):
        return None
    kept = [name for name in ("hypotheses", "references", "sources") if entry.get(name)]
    lines = {name: _lines(run, entry, name) for name in kept}
    if "classes" in entry:
        measured = [name for name in names_of(CLASSES) if name in entry["metrics"]]
        found = {name: metric_of(name, _given(run, entry, measured)) for name in measured}
        # Neither texts nor likelihoods of classes are kept.
        metrics = {
            name: one for name, one in found.items() if not (one.of_likelihood or one.reads_sources)
        }
        positive = entry.get("positive")
        return Guesses(
            metrics=metrics,
            search="",
            classes=list(entry["classes"]),
            positive=positive,
            several=bool(entry.get("several")),
            **lines,
        )
    tokenize = entry.get("tokenize") or _TOKENIZE
    search = search_words(decode_as_asked(entry) or {})
    tuned = search_words(entry["decode"]) if entry.get("choose") else ""
    search += "" if tokenize == _TOKENIZE else f"; bleu of {tokenize}"
    metrics = {
        name: one
        for name, one in _metrics(run, entry).items()
        if "sources" in lines or not one.reads_sources
    }
    return Outputs(metrics=metrics, search=search, tuned=tuned, **lines)


def _metrics(run: Path, entry: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics of outputs that were measured; BLEU and chrF of all translations."""
    measured, words = entry.get("metrics") or {}, entry.get("rouge") or {}
    known = {name: about(name).family for name in names_of(OUTPUTS) if name in measured}
    names = {name for name, family in known.items() if family != "rouge" or words}
    if "bleu" in known.values() or not names:
        names |= {"bleu", "chrf"}
    given = _given(run, entry, names)
    return {name: metric_of(name, given) for name in names_of(OUTPUTS) if name in names}


def _given(run: Path, entry: Mapping[str, Any], names: Iterable[str]) -> SimpleNamespace:
    """The options by which an evaluation's metrics count, as far as its results have them."""
    words = entry.get("rouge") or {}
    return SimpleNamespace(
        tokenize=entry.get("tokenize") or _TOKENIZE,
        lower_case=bool(entry.get("lower_case")),
        tokenized=TokenizedOptions(**(entry.get("tokenized") or {})),
        rouge=RougeOptions(**{key: words[key] for key in ("stem", "words") if key in words}),
        metric_options={
            name: _chosen(run, name, chosen)
            for name, chosen in (entry.get("metric_options") or {}).items()
            if name in names
        },
    )


def _chosen(run: Path, name: str, chosen: Mapping[str, Any]) -> Any:
    """A metric's options, as a run's results have them.

    Raises:
        UserError: The metric of now has other ones.
    """
    try:
        return registry.lookup(KIND, name).options(**chosen)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'all'}: {one['msg']}" for one in error.errors()
        )
        raise UserError(
            f"{run} has measured {name} with options that this metric has no more ({wrong}); "
            "expected the plugin that the run was made with, or a run of now: run tfkd run SPEC "
            "again"
        ) from error


def _words(run: Path, entry: Mapping[str, Any]) -> Words | None:
    if "words" not in entry:
        return None
    sums = WordSums(**_read(run, entry, "words", _arrays))
    metrics = {name: metric_named(name) for name in names_measured(names_of(WORDS))}
    return Words(metrics=metrics, search=chosen_context(entry), sums=sums)


def search_words(decode: Mapping[str, Any]) -> str:
    """How outputs were made, in words: "beam, beam 4, length_penalty 0.6"."""
    rest = ", ".join(f"{key} {decode[key]}" for key in sorted(decode) if key != "kind")
    return f"{decode.get('kind', '')}{rest and ', '}{rest}"


def _lines(run: Path, entry: Mapping[str, Any], name: str) -> list[str]:
    # Not as text: a lone carriage return is no end of a line here.
    return _read(
        run, entry, name, lambda content: content.decode("utf-8").removesuffix("\n").split("\n")
    )


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in ("nll", "words", "line_ends")}


def _read(run: Path, entry: Mapping[str, Any], name: str, read: Callable[[bytes], Any]) -> Any:
    path = inside(run, entry[name])
    try:
        content = read_regular(path)
        # Results of 0.1's first days have no digests.
        digest = entry.get("sha256", {}).get(name)
        if digest not in (None, hashlib.sha256(content).hexdigest()):
            raise ValueError("it has other bytes than were written")
        return read(content)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read ({error}); tfkd run SPEC writes it anew") from error
