"""Stages that average weights: checked, planned, run, scored and exported."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd import cli
from tfkd.commands.measure import few_steps
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec, validate_files
from tfkd.spec.errors import SpecErrors, UserError
from tfkd.spec.source.showing import dump_yaml

HERE = Path(__file__).parent
SPEC = HERE / "averaged.yaml"
STAGE = "averaged: {average: [first, second]}"


def keys(path=SPEC, **options):
    spec = load_spec(path, **options)
    return {f"{n.kind} {n.label}": n.key for n in in_order(wanted(spec, path.parent).ends())}


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (STAGE, None),
        ("averaged: {averag: [first, second]}", ": no kind of .*average.*; did you mean"),
        (f"{STAGE[:-1]}, weight: [1.0]}}", "weight: unknown key; .*; did you mean weights"),
        ("averaged: {average: [first]}", "average: 1 entry; expected at least 2"),
        ("averaged: {average: [first, secnd]}", "average.1: there is no stage.*mean second"),
        ("averaged: {average: [first, first#other]}", "average.1: there is no variant 'other'"),
        ("averaged: {average: [first, tuned_again]}", "circle of stages: averaged -> tuned_again"),
        (
            "averaged: {average: {of: first, last: 4}}",
            "average: first sets no validated weights aside; expected .*set_aside: 4",
        ),
        ("averaged: {average: {of: first, lst: 4}}", "average.lst: unknown key; .*mean last"),
        ("averaged: {average: {of: frst}}", "average.of: there is no stage.*mean first"),
        (f"{STAGE[:-1]}, weights: [1.0]}}", "weights: 1 weights of 2 stages; expected one a"),
        (f"{STAGE[:-1]}, weights: [1.0e308, 1.0]}}", "weights.0: 1e[+]308 is too large"),
    ],
)
def test_faults_are_told_as_those_of_built_in_kinds(tmp_path, stage, said):
    path = tmp_path / "spec.yaml"
    # The variant has weights, which validations of one training have not.
    text = SPEC.read_text("utf-8").replace("{stages.averaged.weights: [0.75, 0.25]}", "{}")
    path.write_text(text.replace(STAGE, stage), "utf-8")
    faults = [str(one) for one in validate_files([path])]
    assert len(faults) == (said is not None)
    if said is not None:
        assert re.search(rf"spec.yaml:21: stages.averaged.*{said}", faults[0])


ASIDE = "stages.first.validate.set_aside=2"
LAST = "stages.averaged.average={of: first, last: 2}"


def test_the_last_validations_of_a_training_have_a_mean(tmp_path):
    """The training's key hangs on what it leaves, the mean's on how much of that it takes."""
    before, aside = keys(), keys(overrides=[ASIDE])
    changed = {name for name in before if before[name] != aside[name]}
    assert {"train first", "average averaged"} <= changed
    assert not {"train base", "train second"} & changed
    last = keys(overrides=[ASIDE, LAST])
    assert last["train first"] == aside["train first"]
    assert "train second" not in last
    all_there_are = keys(overrides=[ASIDE, "stages.averaged.average={of: first}"])
    assert last["average averaged"] != all_there_are["average averaged"]
    path = tmp_path / "renamed.yaml"
    path.write_text(SPEC.read_text("utf-8").replace("first", "other"), "utf-8")
    changes = [one.replace("first", "other") for one in (ASIDE, LAST)]
    assert keys(path, overrides=changes)["average averaged"] == last["average averaged"]
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(dump_yaml(load_spec(SPEC, overrides=[ASIDE, LAST]).resolved()), "utf-8")
    assert keys(resolved) == last


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["stages.averaged.average.last=3"], "the last 3 of first, which sets 2 aside; .*last: 2"),
        (
            ["stages.averaged.average.last=3", "stages.first.validate.set_aside=3"],
            "the last 3 validations of first, which has 2 in 4 steps; expected last: 2, or",
        ),
        (["stages.averaged.weights=[1.0]"], "weights: 1 weights of the last validations of first"),
        (
            ["stages.mean={average: [first, second]}", "stages.averaged.average.of=mean"],
            "mean is an average stage, which validates nothing; expected a train stage",
        ),
        (["stages.first.folds=2"], r"average\.of: first has folds, and is several models"),
    ],
)
def test_what_a_training_has_not_set_aside_has_no_mean(changes, said):
    with pytest.raises(SpecErrors, match=said) as raised:
        load_spec(SPEC, overrides=[ASIDE, LAST, *changes])
    assert len(raised.value.errors) <= 2


def test_one_model_of_the_folds_has_set_its_own_aside():
    changes = ["stages.first.folds=2", "stages.one={fold: 1, of: first}", "evaluate=[]",
               "stages.averaged.average.of=one"]  # fmt: skip
    assert "average averaged" in keys(overrides=[ASIDE, LAST, *changes])


def test_smoke_runs_and_measurements_have_fewer_validations_or_none():
    validate = "stages.first.validate={on: valid, every: 50, metrics: [loss], set_aside: 8}"
    last = "stages.averaged.average={of: first, last: 8}"
    longer = ["stages.first.steps=400", validate, last]
    spec = load_spec(SPEC, overrides=longer)
    assert smoke_spec(spec).stages["averaged"].average.last == 2
    assert few_steps(spec).stages["averaged"].average == ["first", "first"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("average", ["[first, second]", "{of: first, last: 2}"])
def test_factors_of_a_product_have_no_mean(tmp_path, average):
    """The mean of A_k B_k is not (mean of A_k) (mean of B_k)."""
    changes = [
        "adapters={encoder: {kind: low_rank, place: on_self_attention_output}}",
        ASIDE,
        f"stages.averaged.average={average}",
    ]
    sys.path.insert(0, str(HERE))
    with pytest.raises(SpecErrors, match=r"average: adapters of kind low_rank are factors of a"):
        load_spec(SPEC, overrides=changes, plugins=["low_rank_plugin"])


def test_what_another_spec_has_not_set_aside_is_refused_with_the_graph(tmp_path):
    shutil.copy(SPEC, tmp_path)
    own = tmp_path / "own.yaml"
    for of, said in (
        ("first", "averaged:first sets no validated weights aside.*set_aside: 2"),
        ("averaged", "averaged:averaged validates nothing"),
    ):
        change = f"{{averaged: {{average: {{of: 'averaged.yaml:{of}', last: 2}}}}}}"
        own.write_text(f"extends: averaged.yaml\nname: own\nstages: {change}\n", "utf-8")
        with pytest.raises(UserError, match=said):
            keys(own)


def test_what_is_given_is_asked_for(tmp_path):
    """A score stage gives no weights to average, an average none to stand in for stored targets."""
    path = tmp_path / "spec.yaml"
    more = "\n  scored: {translate: first, data: valid}\n  averaged: {average: [first, scored]}"
    path.write_text(SPEC.read_text("utf-8").replace(f"\n  {STAGE}", more), "utf-8")
    (fault,) = validate_files([path])
    assert "scored is a translate stage; expected a train or load stage" in str(fault)


def test_the_key_hangs_on_what_the_result_does(tmp_path, monkeypatch):
    before = keys()
    on_it = {name for name in before if "averaged" in name or "tuned_again" in name}
    weighted = keys(overrides=["stages.averaged.weights=[0.75, 0.25]"])
    assert {name for name in before if before[name] != weighted[name]} == on_it
    monkeypatch.setattr(type(stage_of("average")), "revision", 2)
    revised = keys()
    assert {name for name in before if before[name] != revised[name]} == on_it
    assert len({before["average averaged"], weighted["average averaged"]}) == 2
    path = tmp_path / "renamed.yaml"
    path.write_text(SPEC.read_text("utf-8").replace("second", "other"), "utf-8")
    assert keys(path)["average averaged"] == revised["average averaged"]


def test_a_resolved_spec_and_its_plan_have_it(tmp_path):
    spec = load_spec(SPEC)
    path = tmp_path / "resolved.yaml"
    path.write_text(dump_yaml(spec.resolved()), "utf-8")
    assert keys(path) == keys()
    table = plan(spec, data_dir=tmp_path, runs_dir=tmp_path).splitlines()
    rows = {line[:20].strip(): line[20:].split() for line in table}
    assert rows["average averaged"] == rows["train first"][:1] != []


def test_models_with_other_heads_have_no_mean(tmp_path):
    """Of a weight that one of them lacks it would be a half."""
    path = tmp_path / "spec.yaml"
    text = """\
tfkd: 1
name: heads
data: {train: {tsv: t.tsv, columns: {text: 0, label: 1}}}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [train]}}
teacher:
  {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint, head: {kind: classifier}}
views: {mlm: {kind: mlm}}
stages:
  words: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: mlm}}}
  again: {train: teacher, data: train, steps: 2, objective: {masked_lm: {view: mlm}}}
  classes: {train: teacher, data: train, steps: 1, objective: {cross_entropy: {}}}
  mean: {average: [words, OTHER]}
  later: {train: teacher, from: mean, data: train, steps: 1, objective: {cross_entropy: {}}}
export: [later]
"""
    (tmp_path / "t.tsv").write_text("a\t0\nb\t1\n", "utf-8")
    path.write_text(text.replace("OTHER", "again"), "utf-8")
    assert keys(path)["average mean"]
    path.write_text(text.replace("OTHER", "classes"), "utf-8")
    with pytest.raises(UserError, match=r"mean\.average: classes has another model, other heads"):
        keys(path)


@pytest.mark.tensorflow
@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_the_result_is_the_mean_of_the_weights(tmp_path, monkeypatch, weights):
    from safetensors.numpy import load_file

    from tfkd.commands.declared_models import Pieces
    from tfkd.models import build_model
    from tfkd.models.weights import variables_by_path
    from tfkd.pipeline.engine.context import Context
    from tfkd.pipeline.inputs import models
    from tfkd.pipeline.inputs.stage_weights import WEIGHTS

    overrides = [] if weights is None else [f"stages.averaged.weights={weights}"]
    spec = load_spec(SPEC, overrides=overrides)
    nodes = in_order(wanted(spec, tmp_path).ends())
    (node,) = [node for node in nodes if node.kind == "average"]
    made = {
        name: build_model(spec.models["student"], {"joint": Pieces(40)}, seed=seed)
        for seed, name in enumerate(("first", "second"))
    }
    before = [
        {name: one.numpy() for name, one in variables_by_path(model).items()}
        for model in made.values()
    ]
    monkeypatch.setattr(models, "trained_model", lambda stage, context: made[stage.label])
    context = Context(data_dir=tmp_path, runs_dir=tmp_path)
    folder = context.folder(node)
    folder.path.mkdir(parents=True)
    summary = stage_of("average").run(node, folder, context)
    found = load_file(folder.path / WEIGHTS)
    share = 0.5 if weights is None else 0.75
    assert summary["averaged"] == {"first": share, "second": 1 - share}
    assert found.keys() == before[0].keys()
    for name, value in found.items():
        mean = share * before[0][name] + (1 - share) * before[1][name]
        np.testing.assert_allclose(value, mean, rtol=1e-5, atol=1e-7)


@pytest.mark.long
def test_a_spec_with_it_runs_whole(tmp_path, capsys):
    shutil.copy(SPEC, tmp_path)
    words = ["run", str(tmp_path / SPEC.name), "--smoke"]
    words += ["--runs-dir", str(tmp_path / "runs")]
    assert cli.main(words) == cli.DONE
    run = tmp_path / "runs" / "averaged-smoke"
    results = json.loads((run / "results.json").read_text("utf-8"))
    entry, again = results["evaluations"]
    assert entry["of"] == "averaged"
    assert entry["metrics"]["bleu"].keys() >= {"value", "low", "high"}
    assert entry["against"]["metrics"]["loss"].keys() >= {"delta", "low", "high", "p"}
    assert again["against"]["of"] == "averaged"
    stage = results["stages"]["average averaged"]
    assert stage["summary"]["averaged"] == {"first": 0.5, "second": 0.5}
    assert (run / "averaged" / "weights.safetensors").exists()
    assert (run / "export" / "averaged" / "1" / "saved_model.pb").exists()
    assert "averaged" in (run / "report.html").read_text("utf-8")
    capsys.readouterr()
    assert cli.main(words) == cli.DONE
    assert "average averaged: done already" in capsys.readouterr().out


@pytest.mark.long
def test_the_mean_of_the_last_validations_is_what_a_training_keeps_itself(tmp_path):
    """Byte for byte, and what NumPy makes of the files; half of the model stays frozen."""
    from safetensors.numpy import load_file

    spec, runs = tmp_path / SPEC.name, tmp_path / "runs"
    shutil.copy(SPEC, tmp_path)
    changes = [
        "stages.first.validate.every=1",
        "stages.first.validate.keep={average: 3}",
        "stages.first.validate.set_aside=4",
        "stages.first.trainable=[encoder]",
        "stages.averaged.average={of: first, last: 3}",
    ]
    words = ["run", str(spec), "--runs-dir", str(runs), "--until", "averaged"]
    words += [word for change in changes for word in ("--set", change)]
    assert cli.main(words) == cli.DONE
    first, mean = (runs / "averaged" / name for name in ("first", "averaged"))
    files = sorted((first / "set_aside").iterdir())
    assert [file.name for file in files] == [f"step-{step:09d}.safetensors" for step in range(1, 5)]
    weights = [load_file(file) for file in files[1:]]
    own, found = (load_file(path / "weights.safetensors") for path in (first, mean))
    assert own.keys() == weights[0].keys() < found.keys()
    for name, value in own.items():
        np.testing.assert_array_equal(found[name], value)
        expected = np.mean([np.float64(one[name]) for one in weights], 0).astype(np.float32)
        np.testing.assert_array_equal(value, expected)
    base = load_file(runs / "averaged" / "base" / "weights.safetensors")
    for name in found.keys() - own.keys():
        np.testing.assert_array_equal(found[name], base[name])
