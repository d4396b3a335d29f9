"""The graph of a spec: what it is made of, what its nodes are called, and where it ends."""

import pytest
from fingerprints import keys

from tfkd.pipeline.engine.graph import distinct_labels, in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.train import SMOKE_STEPS


def test_variants_share_all_but_what_they_change(spec_path):
    spec, baseline = keys(spec_path), keys(spec_path, variant="baseline")
    assert spec["train learn#baseline"] == baseline["train learn#baseline"]
    assert spec["corpus train"] == baseline["corpus train"]
    assert spec["train teach"] in baseline.values()
    assert spec["train learn"] not in baseline.values()


def test_another_specs_stages_keep_their_names_apart(spec_path):
    other = spec_path.with_name("other.yaml")
    text = spec_path.read_text("utf-8").replace("name: small", "name: other")
    other.write_text(text.replace("temperature: 2", "temperature: 5"), "utf-8")
    text = spec_path.read_text("utf-8")
    assert text.count('against: "learn#baseline"\n    bootstrap') == 1
    text = text.replace(
        'against: "learn#baseline"\n    bootstrap', 'against: "other.yaml:learn"\n    bootstrap'
    )
    spec_path.write_text(text, "utf-8")
    names = keys(spec_path)
    assert names["train learn"] != names["train other:learn"]
    # One corpus, whichever spec names it.
    assert "corpus other:train" not in names
    # --smoke makes what is lent tiny too.
    smoke = smoke_spec(load_spec(spec_path))
    nodes = in_order(wanted(smoke, spec_path.parent).nodes())
    trained = [node for node in nodes if node.kind == "train"]
    assert "other-smoke:learn" in {node.label for node in trained}
    assert {node.options.steps for node in trained} == {SMOKE_STEPS}


def test_a_corpus_that_a_variant_changes_has_a_label_of_its_own(spec_path):
    text = spec_path.read_text("utf-8")
    old = "  baseline: {"
    spec_path.write_text(text.replace(old, old + "data.train.max_rows: 100, "), "utf-8")
    nodes = in_order(wanted(load_spec(spec_path), spec_path.parent).nodes())
    labels = distinct_labels(nodes)
    found = sorted(labels[node.key] for node in nodes if node.kind == "corpus")
    assert found == ["test", "train", "train#baseline", "valid"]


def test_a_missing_data_file_is_named(spec_path):
    (spec_path.parent / "valid.de").unlink()
    with pytest.raises(UserError, match=r"valid\.de"):
        keys(spec_path)


def test_what_nothing_needs_is_not_made(spec_path):
    names = keys(spec_path, "evaluate=[]", "stages.learn.objective={cross_entropy: {}}")
    assert not any(name.startswith(("score", "train teach", "evaluate")) for name in names)


def test_labels_of_one_name_are_numbered_not_named_by_fingerprints(spec_path):
    text = spec_path.read_text("utf-8")
    more = "  - {of: learn, on: [test], decode: {kind: beam}, metrics: [bleu]}\n"
    spec_path.write_text(text.replace("export:", f"{more}export:"), "utf-8")
    labels = [
        set(distinct_labels(in_order(wanted(load_spec(spec_path, overrides=change),
                                            spec_path.parent).nodes())).values())
        for change in ((), ("stages.learn.steps=7",))
    ]  # fmt: skip
    assert labels[0] == labels[1]
    assert {"learn on test", "learn on test (2)"} <= labels[0]


@pytest.mark.parametrize(
    ("until", "words"),
    [("st#", "no reference"), (":st", "no reference"), ("lern", "learn"), ("learn#no", "baseline")],
)
def test_until_names_a_stage(spec_path, until, words):
    plan = wanted(load_spec(spec_path), spec_path.parent)
    with pytest.raises(UserError, match=words):
        plan.until(until)


def test_smoke_takes_keys_without_a_value_and_other_sources_of_text(spec_path):
    text = spec_path.read_text("utf-8")
    text = text.replace("schedule: {kind: linear, rate: 1e-2}", "schedule: {warmup: null}")
    text = text.replace(
        "batch: {size: 512, unit: max_tokens, max_length: 64}", "batch: {unit: null}"
    )
    text = text.replace("p: 0.3, max_length: 160", "p: 0.3, max_length: null")
    text = text.replace("learn_from: [train]", "learn_from: [train, more.text]")
    text = text.replace("tokenizers:", "  more: {tsv: more.tsv, columns: {text: 0}}\ntokenizers:")
    text = text.replace("heads: 2, max_length: 160", "heads: 2, max_length: 256")
    text = text.replace("size: 150", "size: 400").replace("top_k: 4", "top_k: 300")
    spec_path.write_text(text, "utf-8")
    spec = smoke_spec(load_spec(spec_path))
    assert spec.data["more"].field_names == ("text",)
    assert spec.stages["targets"].top_k <= spec.tokenizers["joint"].size


def test_a_spec_without_ends_runs_up_to_a_stage_alone(spec_path):
    text = spec_path.read_text("utf-8")
    spec_path.write_text(text.partition("evaluate:")[0], "utf-8")
    plan = wanted(load_spec(spec_path), spec_path.parent)
    with pytest.raises(UserError, match="neither evaluate nor export"):
        plan.ends()
    assert [node.label for node in plan.until("learn")] == ["learn"]
