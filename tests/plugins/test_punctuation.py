"""A task of one's own, in one file: checked, planned, trained, stored, scored and exported."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from smoke_runs import run_tfkd

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.validate import validate
from tfkd.reference import json_schema
from tfkd.reference.listings import listing
from tfkd.spec import load_spec, registry
from tfkd.spec.options import ModelOptions

HERE = Path(__file__).parent
SPEC, PLUGIN = HERE / "punctuated.yaml", "punctuation"


@pytest.fixture
def plugin(join):
    """The module, joined to a registry that forgets it."""
    return join(PLUGIN)


def test_a_task_is_one_file():
    assert len((HERE / f"{PLUGIN}.py").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, None),
        ("teacher.head={kind: punctuation, reed: cls}", "teacher.head.reed: unknown key"),
        ("teacher.head={kind: punctuatoin}", "teacher.head.kind: found 'punctuatoin'"),
        ("evaluate.1.metrics=[bleu]", "bleu of learn, which tells classes apart; expected one of"),
        ("tokenizers.joint.learn_from=[train.label]", None),
        ("student.head={kind: classifier}", "has a head of kind punctuation, and this student"),
        ("export=[pretrain]", "pretrain trains a bert, which writes no text"),
        ("stages.tags.top_k=3", "top_k: 3, and of a classifier all classes of a row are stored"),
    ],
)
def test_faults_are_told_as_of_the_package_s_own(plugin, change, said):
    changes = [change] if change else []
    errors, _ = validate([SPEC], data_dir=None, overrides=changes, plugins=[PLUGIN])
    assert bool(errors) == (said is not None), errors
    assert said is None or any(said in str(error) for error in errors), errors


def test_the_schema_and_the_lists_know_it(plugin):
    definitions = json_schema()["$defs"]
    kinds = {one["properties"]["kind"]["const"]: one for one in definitions["model"]["anyOf"]}
    heads = kinds["bert"]["properties"]["head"]["anyOf"][0]["oneOf"]
    assert "punctuation" in str(heads)
    assert "head" not in kinds["rnn"]["properties"]
    assert "punctuation" in listing("tasks")


def test_what_tells_no_spec_what_it_needs_is_refused(plugin):
    with pytest.raises(ValueError, match=r"Expected a subclass of tfkd\.spec\.tasks\.task\.TaskO"):
        registry.register("task", "silent", options=ModelOptions, target="nowhere:Silent")


def test_labels_of_several_words_are_no_classes_of_rows(plugin):
    """What is learnt and encoded word by word is another result than line by line."""

    def keys(*overrides):
        spec = load_spec(SPEC, plugins=[PLUGIN], overrides=overrides)
        return {f"{n.kind} {n.label}": n.key for n in in_order(wanted(spec, HERE).ends())}

    tagged = keys()
    rows = keys("teacher.head={kind: classifier}", "student.head={kind: classifier}")
    same = {name for name in tagged if tagged[name] == rows.get(name)}
    assert {"punctuated train", "ids train.text.joint", "train pretrain"} <= same
    assert not same & {"classes train", "ids train.label.classes", "train tune", "score tags"}


def test_the_view_reads_each_word_once(plugin):
    """A word of two pieces has its tag at the first; what is cut off and unknown is not gold."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "c", "."]
    specials = SimpleNamespace(
        vocabulary=pieces, pad_id=0, unknown_id=1, start_id=2, end_id=3, special_ids=(0, 1, 2, 3)
    )
    text, tags = Ragged.from_rows([[4, 5, 6, 7], [1, 6]]), Ragged.from_rows([[0, 2, 1], [3, 1]])
    fields = {("text", "t"): text, ("label", "classes"): tags}
    examples = ExampleSet([Part("texts", fields, 2)])
    view = plugin.MarkView("t", specials, classes=3, name="plain", max_length=5)
    record = view(examples, np.array([0, 1, -1]), 0, 0)
    assert record["ids"].tolist() == [[2, 4, 5, 6, 3], [2, 1, 6, 3, 0], [0] * 5]
    assert np.argwhere(record["selected"]).tolist() == [[0, 1], [0, 3], [1, 1], [1, 2]]
    assert record["labels"][record["selected"]].tolist() == [0, 2, 0, 1]
    assert record["gold"][record["selected"]].tolist() == [True, True, False, True]


def test_sentences_and_marks_go_together(plugin):
    for text, marks in plugin.sentences(50, 1):
        pairs = [*zip(text.split(), marks.split(), strict=True)]
        assert pairs[-1][1] in (".", "?")
        assert sum(mark in (".", "?") for _, mark in pairs) == 2
        assert re.fullmatch(r"[\w ]+", text)


@pytest.mark.long
def test_a_spec_with_it_runs_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    shutil.copy(SPEC, tmp_path)
    folders = ["--data-dir", tmp_path, "--runs-dir", tmp_path / "runs"]
    run_tfkd("run", tmp_path / SPEC.name, "--smoke", "--plugin", PLUGIN, *folders)
    run = tmp_path / "runs" / "punctuated-smoke"
    results = json.loads((run / "results.json").read_text("utf-8"))
    (entry,) = results["evaluations"]
    texts = [line.split() for line in (run / entry["references"]).read_text("utf-8").splitlines()]
    guesses = [line.split() for line in (run / entry["hypotheses"]).read_text("utf-8").splitlines()]
    assert [*map(len, texts)] == [*map(len, guesses)]
    pairs = [pair for two in zip(texts, guesses, strict=True) for pair in zip(*two, strict=True)]
    right = sum(label == guess for label, guess in pairs) / len(pairs)
    accuracy = entry["metrics"]["accuracy"]
    assert accuracy["value"] == pytest.approx(right)
    assert accuracy["low"] <= right <= accuracy["high"]
    assert re.search(rf"rows:100\|labels:{len(pairs)}", accuracy["signature"])
    assert entry["against"]["metrics"]["f1"].keys() >= {"delta", "low", "high", "p"}
    assert len(entry["noise"]["metrics"]["f1"]) == 2
    assert results["stages"]["score tags"]["summary"]["tokens"] > 1000
    (check,) = results["teacher_checks"]
    assert check["metrics"]["positions"] == len(pairs)
    (export,) = results["exports"]
    assert (run / export["folder"] / "saved_model.pb").is_file()
    assert "<html" in (run / "report.html").read_text("utf-8")
    run_tfkd("compare", run, run)
