"""`positive` is for whatever metric says that it is about one class, a plugin's, too."""

import json
import re

import numpy as np
import pytest
from small_classes import write_readings

from tfkd.commands.compare import compare
from tfkd.evaluation import Metric
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec, registry
from tfkd.spec import metrics as known
from tfkd.spec.options import MetricOptions

LABELS = ["yes", "no", "yes", "no", "yes", "no"]
OURS = ["yes", "no", "yes", "yes", "yes", "no"]
THEIRS = ["yes", "no", "no", "no", "yes", "yes"]


class Recall(Metric):
    """Of the rows of the positive class, the share that is found."""

    name = "recall"
    products = ("classes",)
    of_one_class = True

    def statistics(self, product, references=None, sources=None):
        of = product.labels == product.positive
        return np.stack([of & (product.guesses == product.labels), of], 1).astype(np.int64)

    def of_sums(self, sums):
        return sums[..., 0] / np.maximum(sums[..., 1], 1)


class Share(Recall):
    """The same, by its word of no class in particular."""

    name = "share"
    of_one_class = False


@pytest.fixture(autouse=True)
def joined(monkeypatch):
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(known, "_told", {})
    known.metrics()  # the package's own come first
    for one in (Recall, Share):
        target = f"{__name__}:{one.__name__}"
        registry.register("metric", one.name, options=MetricOptions, target=target)


def run_folder(folder, guesses, positive):
    (folder / "evaluation").mkdir(parents=True)
    for name, lines in (("hypotheses", guesses), ("references", LABELS)):
        (folder / "evaluation" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    figure = {"value": 1.0, "low": 0.0, "high": 2.0, "signature": "x"}
    entry = {
        "of": "learn", "variant": None, "on": "test", "seed": 1, "rows": len(LABELS),
        "metrics": {"recall": figure, "share": figure}, "classes": ["no", "yes"],
        "hypotheses": "evaluation/hypotheses.txt", "references": "evaluation/references.txt",
        "positive": positive,
    }  # fmt: skip
    results = {
        "tfkd": "0.2.0", "schema": 2, "name": folder.name, "variant": None, "seed": None,
        "command": "tfkd", "started": "", "finished": "", "seconds": 1, "machine": {}, "spec": {},
        "provenance": {}, "data": {}, "stages": {}, "histories": {}, "evaluations": [entry],
        "teacher_checks": [], "exports": [], "warnings": [],
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results))
    return folder


@pytest.mark.parametrize(("positive", "difference"), [("yes", 1 - 2 / 3), ("no", 2 / 3 - 2 / 3)])
def test_runs_are_compared_by_it_for_the_class_that_both_name(tmp_path, positive, difference):
    runs = [run_folder(tmp_path / n, g, positive) for n, g in (("a", OURS), ("b", THEIRS))]
    text = compare(*runs, samples=20)
    (found,) = re.findall(r"^test recall: .*difference ([+-][\d.]+)", text, re.MULTILINE)
    assert float(found) == pytest.approx(difference, abs=0.005)


def test_of_two_classes_it_is_not_compared(tmp_path):
    first = run_folder(tmp_path / "a", OURS, "yes")
    text = compare(first, run_folder(tmp_path / "b", THEIRS, "no"), samples=20)
    assert "test share: " in text
    assert "test recall: " not in text


def test_noise_on_it_is_of_that_class(tmp_path):
    text = write_readings(tmp_path).read_text("utf-8")
    old = "metrics: [accuracy, f1], bootstrap: 20, noise"

    def noise_of(metric, positive):
        assert old in text
        new = f"metrics: [accuracy, {metric}], positive: {positive}, bootstrap: 20, noise"
        path = tmp_path / "of_one.yaml"
        path.write_text(text.replace(old, new), "utf-8")
        (found,) = (one.noise for one in wanted(load_spec(path), tmp_path).evaluations if one.noise)
        return found

    assert noise_of("recall", "noun").identity["positive"] == "noun"
    assert noise_of("recall", "noun").key != noise_of("recall", "verb").key
    assert "positive" not in noise_of("share", "noun").identity
    assert noise_of("share", "noun").key == noise_of("share", "verb").key
