"""COMET as a plugin: what its model is asked, by a stand-in for the package."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfkd.evaluation.asked_metrics import metric_of
from tfkd.pipeline.stages.best_of import chosen_of
from tfkd.spec import dump_yaml, load_spec, validate_files
from tfkd.spec.errors import UserError

SOURCES, OUTPUTS, REFERENCES = ["ein hund", "zwei"], ["a dog", "one"], ["a dog", "two"]


@pytest.fixture
def comet(join, monkeypatch):
    """The metric, and what its model was loaded from and asked."""
    module, told = join("comet_metric"), []

    def load(checkpoint):
        told.append(checkpoint)

        def predict(data, **more):
            told.append((data, more))
            return SimpleNamespace(scores=[float(one["mt"] == one["ref"]) for one in data])

        return SimpleNamespace(predict=predict)

    monkeypatch.setitem(sys.modules, "comet", SimpleNamespace(load_from_checkpoint=load))
    options = module.CometOptions(checkpoint="mine/model.ckpt", batch=2)
    given = SimpleNamespace(metric_options={"comet": options})
    return metric_of("comet", given), told, module


def test_rows_are_scored_by_source_output_and_reference(comet):
    metric, told, _ = comet
    counted = metric.statistics(OUTPUTS, REFERENCES, SOURCES)
    assert counted.tolist() == [[1, 1], [0, 1]]
    assert metric.of_sums(counted.sum(0)) == 0.5
    assert told[0] == "mine/model.ckpt"
    data, more = told[1]
    assert data[1] == {"src": "zwei", "mt": "one", "ref": "two"}
    assert more == {"batch_size": 2, "gpus": 0}
    metric.statistics(OUTPUTS, REFERENCES, SOURCES)
    assert told.count("mine/model.ckpt") == 1  # the model is read once


def test_without_the_package_it_says_what_to_install(comet, monkeypatch):
    metric, _, module = comet
    module._model.cache_clear()
    monkeypatch.setitem(sys.modules, "comet", None)
    with pytest.raises(UserError, match="pip install unbabel-comet"):
        metric.statistics(OUTPUTS, REFERENCES, SOURCES)


CHOSEN = "  chosen: {translate: train_student, data: test, choose: {best_of: 2, by: comet"
OPTIONS = ", metric_options: {comet: {checkpoint: mine/model.ckpt}}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "choose.by: comet has no checkpoint; expected metric_options: {comet:"),
        (OPTIONS, None),
        (OPTIONS.replace("checkpoint", "checkpont"), "choose.metric_options.comet.checkpont: unk"),
        (OPTIONS.replace("{comet", "{rouge_1"), "rouge_1 is not measured; expected by: rouge_1"),
    ],
)
def test_it_chooses_outputs_by_its_checkpoint(comet, tmp_path, options, said):
    spec = Path(__file__).parents[2] / "specs" / "quickstart.yaml"
    head, _, rest = spec.read_text("utf-8").partition("\nstages:\n")
    path = tmp_path / "spec.yaml"
    path.write_text(f"{head}\nstages:\n{CHOSEN}{options}}}}}\n{rest}", "utf-8")
    errors = [str(error) for error in validate_files([path])]
    assert (errors == []) == (said is None), errors
    if said is not None:
        assert said in " ".join(errors)
        return
    spec = load_spec(path)
    assert "checkpoint: mine/model.ckpt" in dump_yaml(spec.resolved())
    choose = spec.stages["chosen"].choose
    found = [[("a cat", -1.0), ("a dog", -2.0)], [("two", -1.0), ("one", -2.0)]]
    assert chosen_of(choose, found, SOURCES, REFERENCES) == ["a dog", "two"]


def test_a_spec_must_name_the_checkpoint(comet, tmp_path):
    spec = Path(__file__).parents[2] / "specs" / "quickstart.yaml"
    text = spec.read_text("utf-8").replace("metrics: [bleu", "metrics: [comet, bleu")
    assert "comet" in text
    (tmp_path / "spec.yaml").write_text(text, "utf-8")
    errors = [str(error) for error in validate_files([tmp_path / "spec.yaml"])]
    expected = "comet has no checkpoint; expected metric_options: {comet: {checkpoint: ...}} beside"
    assert errors
    assert all(expected in error for error in errors)
