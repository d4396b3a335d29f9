"""What two finished runs are compared by: outputs, guesses, or the likelihood of a text's words."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from tfkd.evaluation import (
    ROUGE,
    WITH_LINE_ENDS,
    Predicted,
    chosen_context,
    decode_as_asked,
    paired_bootstrap,
    paired_classes,
    paired_ratio,
)
from tfkd.evaluation.classification import METRICS
from tfkd.pipeline.run_folder import inside
from tfkd.pipeline.text_metrics import text_settings
from tfkd.spec.errors import UserError
from tfkd.spec.options import RougeOptions, TokenizedOptions
from tfkd.spec.regular_files import read_regular
from tfkd.spec.seeds import given_seeds

# Of results from before it could be chosen.
_TOKENIZE = "13a"
_WORDS = {"word_perplexity": "words", WITH_LINE_ENDS: "line_ends"}


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one model said of a test set.

    Attributes:
        metrics: By name, with how each counts: two sides are compared by those that count alike.
        search: How outputs were made, or how much of a text stood before its words, where that
            was chosen; else empty.
        tuned: How they were made in the end, where an option of that was chosen on validation.
        trivial: The trivial systems beside it, as in results.json; none where they are not known.
        seed: That of its training; None: it was not trained here.
    """

    metrics: Mapping[str, Mapping[str, Any]]
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

    def less(self, other: Self, metric: str, **settings: Any) -> dict[str, Any]:
        """`paired_bootstrap` of this side less the other, with its `samples`, `seed`, `trials` and
        `p_by`."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Outputs(Side):
    """Translations or summaries, and the references."""

    hypotheses: list[str]
    references: list[str]

    @property
    def rows(self) -> int:
        """Rows of the test set."""
        return len(self.references)

    def alike(self, other: Side) -> bool:
        """Whether both have the same references."""
        return type(other) is type(self) and other.references == self.references

    def less(self, other: Self, metric: str, **settings: Any) -> dict[str, Any]:
        """By sacreBLEU, Moses' words or ROUGE."""
        settings |= self.metrics[metric]
        return paired_bootstrap(
            self.hypotheses, other.hypotheses, self.references, metric, **settings
        )


@dataclass(frozen=True, kw_only=True)
class Guesses(Outputs):
    """A classifier's guesses and the labels, both by name.

    Attributes:
        classes: Their names, in order.
    """

    classes: list[str]
    digits = 4
    unit = "rows"

    def less(self, other: Self, metric: str, **settings: Any) -> dict[str, Any]:
        """As in results.json: F1 of the positive class, where there is one."""
        names = list(dict.fromkeys([*self.classes, *other.classes]))
        places = {name: place for place, name in enumerate(names)}
        labels, ours, theirs = (
            np.array([places.get(one, len(names)) for one in lines])
            for lines in (self.references, self.hypotheses, other.hypotheses)
        )
        sides = (Predicted(labels, guesses, len(names)) for guesses in (ours, theirs))
        positive = places.get(self.metrics[metric].get("positive"))
        return paired_classes(metric, *sides, positive=positive, **settings)


@dataclass(frozen=True, kw_only=True)
class Words(Side):
    """How likely each row of a text is to a language model, and the words of the rows.

    Attributes:
        nll: Nats of each row, float64 `[rows]`.
        words: By metric, the words of each row `[rows]`: without the ends of lines, and with them.
    """

    nll: np.ndarray
    words: dict[str, np.ndarray]
    unit = "rows"

    @property
    def rows(self) -> int:
        """Rows of the test set."""
        return len(self.nll)

    def alike(self, other: Side) -> bool:
        """Whether both texts have as many words in each row."""
        return isinstance(other, Words) and all(
            np.array_equal(self.words[name], other.words[name]) for name in _WORDS
        )

    def less(self, other: Self, metric: str, **settings: Any) -> dict[str, Any]:
        """By the perplexity of words."""
        sides = ((side.nll, side.words[metric]) for side in (self, other))
        return paired_ratio(*sides, of_ratio=np.exp, **settings)


def sides_of(run: Path, results: Mapping[str, Any]) -> dict[tuple[str, str, str, int | None], Side]:
    """What a run's models said, by model, test set, search and, of a spec with several, seed.

    Args:
        run: The run folder.
        results: Its results.json.

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
    lines = {name: _lines(run, entry, name) for name in ("hypotheses", "references")}
    if "classes" in entry:
        metrics = {metric: {} for metric in METRICS if metric in entry["metrics"]}
        if "f1" in metrics and "positive" in entry:
            metrics["f1"] = {"positive": entry["positive"]}
        return Guesses(metrics=metrics, search="", classes=list(entry["classes"]), **lines)
    tokenize = entry.get("tokenize") or _TOKENIZE
    search = search_words(decode_as_asked(entry) or {})
    tuned = search_words(entry["decode"]) if entry.get("choose") else ""
    search += "" if tokenize == _TOKENIZE else f"; bleu of {tokenize}"
    return Outputs(metrics=_metrics(entry, tokenize), search=search, tuned=tuned, **lines)


def _metrics(entry: Mapping[str, Any], tokenize: str) -> dict[str, dict[str, Any]]:
    """BLEU and chrF of translations, and tokenised BLEU and ROUGE where they were measured."""
    measured, words = entry.get("metrics") or {}, entry.get("rouge") or {}
    summaries = {name for name in ROUGE if name in measured and words}
    translated = {"bleu", "chrf", "tokenized_bleu"} & set(measured)
    names = {"bleu", "chrf"} if translated or not summaries else set()
    names |= summaries | {"tokenized_bleu"} & translated
    given = {
        "tokenize": tokenize,
        "lower_case": bool(entry.get("lower_case")),
        "tokenized": TokenizedOptions(**(entry.get("tokenized") or {})),
        "rouge": RougeOptions(**{key: words[key] for key in ("stem", "words") if key in words}),
    }
    order = ["bleu", "chrf", "tokenized_bleu", *ROUGE]
    return {name: text_settings(name, **given) for name in order if name in names}


def _words(run: Path, entry: Mapping[str, Any]) -> Words | None:
    if "words" not in entry:
        return None
    found = _read(run, entry, "words", _arrays)
    counts = {"words": found["words"], "line_ends": found["words"] + found["line_ends"]}
    words = {metric: counts[name] for metric, name in _WORDS.items()}
    metrics = {name: {} for name in _WORDS}
    return Words(metrics=metrics, search=chosen_context(entry), nll=found["nll"], words=words)


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
