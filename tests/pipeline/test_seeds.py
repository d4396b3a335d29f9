"""Several seeds: which stages are made, what is shared, and a run of two."""

import json

import numpy as np
import pytest
from small_line import write_line

from tfkd import cli
from tfkd.evaluation import result_errors
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.scoring.scores import file_names
from tfkd.spec import load_spec
from tfkd.spec.options import NoiseOptions

SEEDS = (1, 2, 5)
TEXT = {"corpus", "tokenizer"}


def nodes(path, *overrides, until=None):
    asked = wanted_of_all_seeds(load_spec(path, overrides=overrides), path.parent)
    return in_order(asked.until(until) if until else asked.ends())


@pytest.fixture
def path(tmp_path):
    return write_line(tmp_path)


def test_what_trains_is_made_once_a_seed_and_text_once(path):
    found = nodes(path, f"seeds={list(SEEDS)}")
    # The same by hand: each training stage's seed written out, one run a seed.
    alone = [
        nodes(path, f"stages.teach.seed={seed}", f"stages.learn.seed={seed}") for seed in SEEDS
    ]
    expected = {node.key for one in alone for node in one}
    later = {node.key for one in alone[1:] for node in one if node.kind == "export"}
    assert {node.key for node in found} == expected - later
    kinds = [node.kind for node in found]
    for kind in ("train", "score", "translate"):
        assert kinds.count(kind) == len(SEEDS) * [n.kind for n in alone[0]].count(kind)
    for kind in (*TEXT, "export"):
        assert kinds.count(kind) == [n.kind for n in alone[0]].count(kind)


def test_a_stages_seeds_fork_it_and_what_comes_after_it(path):
    """What it rests on is made once: here the teacher, its store, and the validation of both."""
    override = f"stages.learn.seeds={list(SEEDS)}"
    found = nodes(path, override)
    alone = [nodes(path, f"stages.learn.seed={seed}") for seed in SEEDS]
    later = {node.key for one in alone[1:] for node in one if node.kind == "export"}
    assert {node.key for node in found} == {n.key for one in alone for n in one} - later
    assert sorted(node.label for node in found if node.kind in ("train", "score")) == sorted(
        ["teach", "targets"]
        + [f"learn{variant}+{seed}" for variant in ("", "#baseline") for seed in SEEDS]
    )
    # By --until, too: nothing is made twice.
    assert [node.label for node in nodes(path, override, until="teach")][-1] == "teach"
    asked = wanted_of_all_seeds(load_spec(path, overrides=[override]), path.parent)
    assert [check.teacher.seed for check in asked.teacher_checks] == [None] * len(
        asked.teacher_checks
    )
    assert sorted({*file_names(asked.evaluations)}) == sorted(
        [f"learn+{seed}.test" for seed in SEEDS]
        + [f"learn#baseline+{seed}.synthetic" for seed in SEEDS]
    )


@pytest.mark.parametrize("smoke", [False, True])
def test_noise_that_is_asked_for_later_is_measured_of_each_seed(path, monkeypatch, smoke):
    """A spec's file, which is read again for a seed and for tiny sizes, does not say it."""
    asked = []

    def planned(spec, context, *rest):
        asked.extend(in_order(wanted_of_all_seeds(spec, path.parent).ends()))

    monkeypatch.setattr("tfkd.pipeline.engine.run._run", planned)
    spec = load_spec(path, overrides=["seeds=[1, 2]"])
    run(spec, data_dir=path.parent, smoke=smoke)
    assert "noise" not in {node.kind for node in asked}
    run(spec, data_dir=path.parent, smoke=smoke, noise=NoiseOptions(sigma=0.25, draws=3))
    noises = [node for node in asked if node.kind == "noise"]
    assert {node.options["draws"] for node in noises} == {3}
    assert {node.inputs["model"].options.seed for node in noises} == {1, 2}


def test_the_first_seed_shares_what_a_run_without_seeds_has_made(path):
    plain = {node.key for node in nodes(path)}
    assert plain <= {node.key for node in nodes(path, f"seeds={list(SEEDS)}")}


def test_stages_and_files_tell_their_seeds_apart(path):
    spec = load_spec(path, overrides=["seeds=[1, 2]"])
    asked = wanted_of_all_seeds(spec, path.parent)
    labels = {node.label for node in in_order(asked.ends()) if node.kind == "train"}
    assert labels == {f"{one}+{seed}" for seed in (1, 2) for one in
                      ("teach", "learn", "learn#baseline")}  # fmt: skip
    names = file_names(asked.evaluations)
    assert len({*names}) == len(names)
    assert "learn+2.test" in names
    assert {node.label for node in nodes(path, "seeds=[1, 2]", until="teach")} >= {
        "teach+1", "teach+2",
    }  # fmt: skip
    for one in asked.evaluations:
        if one.baseline is not None:
            assert one.system.seed == one.baseline.seed


def test_the_plan_lists_each_seed(path, tmp_path):
    count = len(nodes(path, "seeds=[1, 2]"))
    text = plan(
        load_spec(path, overrides=["seeds=[1, 2]"]), data_dir=path.parent, runs_dir=tmp_path / "r"
    )
    assert f"{count} stages, " in text
    assert text.count("train learn+2 ") == 1


TINY = """\
tfkd: 1
name: tiny
seeds: [4, 2]
data:
  train: {generated: german_english, rows: 48, seed: 1}
  test: {generated: german_english, rows: 12, seed: 2}
tokenizers: {joint: {kind: wordpiece, size: 120, learn_from: train}}
student:
  kind: transformer
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
  max_length: 64
  tokenizer: joint
stages:
  learn:
    train: student
    data: train
    objective: {cross_entropy: {}}
    steps: 2
    batch: {size: 384, unit: max_tokens}
variants: {slow: {stages.learn.schedule: {kind: linear, rate: 1e-5}}}
evaluate:
  - {of: learn, on: test, decode: {kind: greedy, max_length: 8}, metrics: [loss, rouge_1], against: "learn#slow", bootstrap: 20}
"""  # noqa: E501


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("of_stage", "against"),
    [
        pytest.param(*one, marks=pytest.mark.long)
        for one in ((True, False), (False, True), (True, True))
    ],
)
def test_a_run_of_two_seeds(tmp_path, capsys, of_stage, against):
    """In the short ring seeds are in the graph's tests alone."""
    spec, runs = tmp_path / "tiny.yaml", tmp_path / "runs"
    text = TINY if against else TINY.replace(', against: "learn#slow"', "")
    if of_stage:
        text = text.replace("seeds: [4, 2]\n", "").replace(
            "    steps: 2", "    seeds: [4, 2]\n    steps: 2"
        )
    spec.write_text(text, "utf-8")
    assert cli.main(["run", str(spec), "--runs-dir", str(runs)]) == cli.DONE
    assert "means over the seeds" in capsys.readouterr().out
    results = json.loads((runs / "tiny" / "results.json").read_text("utf-8"))
    assert result_errors(results) == []
    assert [one["seed"] for one in results["evaluations"]] == [4, 2]
    (summary,) = results["over_seeds"]
    losses = [one["metrics"]["loss"]["value"] for one in results["evaluations"]]
    assert losses[0] != losses[1]
    assert summary["metrics"]["loss"]["mean"] == pytest.approx(np.mean(losses))
    if against:
        assert summary["against"]["differences"]["loss"]["n"] == 2
    last = "learn#slow+2" if against else "learn+2"
    assert {path.name for path in (runs / "tiny").iterdir()} >= {"learn+4", last}
    made = [path.name for path in (runs / "stages").iterdir() if path.is_dir()]
    kinds = [name.partition("-")[0] for name in made]
    assert (kinds.count("train"), kinds.count("tokenizer")) == (4 if against else 2, 1)
    # Nothing is trained again.
    assert cli.main(["evaluate", str(runs / "tiny")]) == cli.DONE
    assert "learn, seed 4" in capsys.readouterr().out
    assert cli.main(["compare", *2 * [str(runs / "tiny")], "--samples", "20"]) == cli.DONE
    assert "mean ± deviation of 2 seeds (4, 2)" in capsys.readouterr().out
