"""Metrics that are counted from several products: each model's make says from which."""

from types import SimpleNamespace

import numpy as np
import pytest
from spec_files import faults, loaded, replaced

from tfkd.evaluation import Metric
from tfkd.pipeline.scoring.products import product
from tfkd.spec import metrics as known
from tfkd.spec import registry
from tfkd.spec.options import EvaluateOptions, MetricOptions
from tfkd.spec.options.evaluations import NoiseOptions

MADE = ("figures", "outputs")
CLASSIFIER = """\
tfkd: 1
name: classes
data:
  train: {tsv: train.tsv, columns: {text: 0, label: 1}}
  valid: {tsv: valid.tsv, columns: {text: 0, label: 1}}
tokenizers: {joint: {kind: wordpiece, size: 500, learn_from: [train]}}
student: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint, head: {kind: classifier}}
stages:
  tuned: {train: student, data: train, steps: 5, objective: {cross_entropy: {}},
    validate: {on: valid, metrics: [accuracy, either]}}
evaluate:
  - {of: tuned, on: valid, metrics: [accuracy, either], noise: {sigma: 0.1}}
"""


class First(Metric):
    """A loss that claims to count outputs, too."""

    name = "first"
    products = MADE

    def statistics(self, product, references, sources=None):
        return np.stack([product.nll, product.tokens], 1)

    def of_sums(self, sums):
        return sums[..., 0] / sums[..., 1]


class Either(First):
    name = "either"
    products = ("outputs", "classes")


class Mixed(First):
    name = "mixed"
    products = ("words", "classes")


@pytest.fixture(autouse=True)
def joined(monkeypatch):
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    known.metrics()
    for one in (First, Either, Mixed):
        target = f"{__name__}:{one.__name__}"
        registry.register("metric", one.name, options=MetricOptions, target=target)


def test_of_a_model_of_words_it_is_the_first_that_is_not_classes():
    assert (product("first"), product("either"), product("accuracy")) == (
        "figures",
        "outputs",
        "figures",
    )
    assert "first" in known.names_of("figures")
    assert "first" not in known.names_of("outputs")
    assert {"either", "bleu"} <= {*known.names_of("outputs")}
    assert {"either", "accuracy", "f1"} <= {*known.names_of("classes")}


def test_under_noise_the_costly_ones_are_those_that_are_decoded():
    noise = NoiseOptions(sigma=0.1)
    assert noise.measured(["bleu", "first", "either"]) == ("first",)
    assert noise.measured(["accuracy", "either"], ("classes",)) == ("accuracy", "either")


def test_a_classifier_validates_and_evaluates_by_what_counts_classes(tmp_path):
    spec = loaded(tmp_path, CLASSIFIER)
    assert spec.stages["tuned"].validate_.metrics == spec.evaluate[0].metrics


def test_a_training_on_words_measures_no_likelihood_of_texts(tmp_path):
    """Though a classifier's can be asked for the same metric."""
    (fault,) = faults(
        tmp_path, replaced("metrics: [loss, bleu], keep", "metrics: [bleu, mixed], keep")
    )
    assert "stages.student.validate.metrics: mixed, counted from a whole text's" in str(fault)
    spec = loaded(tmp_path, CLASSIFIER.replace("[accuracy, either]}}", "[accuracy, mixed]}}"))
    assert "mixed" in spec.stages["tuned"].validate_.metrics


@pytest.mark.tensorflow
def test_results_show_it_among_what_it_is_counted_from():
    from tfkd.pipeline.tasks import trivial_words
    from tfkd.pipeline.tasks.output_results import _families

    options = EvaluateOptions(of="learn", on=["test"], metrics=["bleu", "first"], bootstrap=10)
    assert {*_families(options, MADE)} == {"bleu"}
    counting = SimpleNamespace(
        context=None,
        of=lambda node, metric, options: metric.name,
        beside=lambda of, lines, node, metric: metric.name,
        texts=lambda node, field="source": ["a b", "c"],
        outputs=lambda node: ["a", "c"],
    )
    seen = []
    evaluation = SimpleNamespace(
        options=options, system=SimpleNamespace(key="k", options={"products": MADE})
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            trivial_words, "beside", lambda kind, ours, theirs, **rest: seen.append(ours)
        )
        trivial_words._texts(evaluation, counting, {})
    assert seen
    assert all({*ours} == {"bleu"} for ours in seen)


@pytest.mark.tensorflow
def test_noise_on_a_classifier_decodes_nothing(monkeypatch):
    from tfkd.pipeline.stages import noise
    from tfkd.pipeline.tasks import classification
    from tfkd.pipeline.tasks.task import Measured

    monkeypatch.setattr(noise, "open_text", lambda node, context: pytest.fail)
    monkeypatch.setattr(noise, "decode_of", pytest.fail)
    for name in ("classes_of", "label_ids", "positive_index", "Classified", "Ragged"):
        monkeypatch.setattr(classification, name, lambda *given: [])
    node = SimpleNamespace(options={"metrics": ("either",)}, task=classification.Classification())
    assert callable(noise._measure(Measured(node, [], None, None), None))
