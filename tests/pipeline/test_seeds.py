"""Several seeds: which stages are made, what is shared, and what comes of the scores."""

import json

import numpy as np
import pytest
from read_page import Page
from small_line import write_line

from tfkd import cli
from tfkd.evaluation import result_errors
from tfkd.pipeline.compare import compare
from tfkd.pipeline.graph import in_order
from tfkd.pipeline.plan import plan
from tfkd.pipeline.run import run
from tfkd.pipeline.scores import file_names
from tfkd.pipeline.seeds import summaries, wanted_of_all_seeds
from tfkd.report.page import render
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

    monkeypatch.setattr("tfkd.pipeline.run._run", planned)
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


def entry(seed, value, against, hypotheses="", variant=None):
    figure = {"low": value - 1, "high": value + 1, "signature": "x"}
    return {
        "of": "learn", "variant": variant, "on": "test", "seed": seed, "rows": 3,
        "decode": {"kind": "greedy"}, "tokenize": "13a",
        "metrics": {"bleu": {"value": value, **figure}, "chrf": {"value": 2 * value, **figure}},
        "against": {"of": "learn", "variant": "baseline", "metrics": {"bleu": {
            "value": against, "delta": value - against, "low": 0.0, "high": 1.0, "p": 0.1}}},
        "hypotheses": hypotheses or None, "references": "evaluation/references.txt",
    }  # fmt: skip


VALUES, AGAINST = [30.0, 31.5, 30.9], [29.0, 30.9, 30.8]


def test_summaries_are_numpys_over_the_seeds():
    entries = [entry(*one) for one in zip(SEEDS, VALUES, AGAINST, strict=True)]
    (found,) = summaries([*entries, entry(1, 9.0, 8.0, variant="x")])
    assert found["seeds"] == list(SEEDS)
    assert set(found["metrics"]) == {"bleu", "chrf"}
    differences = np.subtract(VALUES, AGAINST)
    for got, values in [
        (found["metrics"]["bleu"], VALUES),
        (found["metrics"]["chrf"], np.multiply(VALUES, 2)),
        (found["against"]["metrics"]["bleu"], AGAINST),
        (found["against"]["differences"]["bleu"], differences),
    ]:
        reach = 4.302653 * np.std(values, ddof=1) / np.sqrt(3)
        assert got["n"] == 3
        assert got["mean"] == pytest.approx(np.mean(values))
        assert got["std"] == pytest.approx(np.std(values, ddof=1))
        assert got["low"] == pytest.approx(np.mean(values) - reach, abs=1e-5)
        assert got["high"] == pytest.approx(np.mean(values) + reach, abs=1e-5)
    # One model beside two others on the same test set has two summaries.
    second = [entry(seed, 30.0 + seed, 28.0) for seed in SEEDS]
    for one in second:
        one["against"]["variant"] = "other"
    assert [one["against"]["variant"] for one in summaries([*entries, *second])] == [
        "baseline", "other",
    ]  # fmt: skip
    # Each context of word perplexity has one of its own.
    near = [{**one, "context": 0} for one in entries]
    both = summaries([*entries, *near])
    assert [one.get("context") for one in both] == [None, 0]
    assert all(one["seeds"] == list(SEEDS) for one in both)
    # One model scored twice with one seed (by two settings) is no sample of seeds.
    assert summaries([entry(1, 30.0, 29.0), entry(1, 31.0, 29.0)]) == []


LINES = ["the man sees a dog", "two dogs run and play outside", "a woman reads a long book"]


def run_folder(folder, outputs, **spec):
    """A finished run of a spec with seeds; outputs by seed."""
    (folder / "evaluation").mkdir(parents=True)
    (folder / "evaluation" / "references.txt").write_text("\n".join(LINES) + "\n")
    entries = []
    for seed, lines in outputs.items():
        place = f"evaluation/learn+{seed}.test.txt"
        (folder / place).write_text("\n".join(lines) + "\n")
        entries.append(entry(seed, 30.0, 29.0, place))
    results = {
        "tfkd": "0.1.0", "schema": 2, "name": folder.name, "variant": None, "seed": None,
        "command": "tfkd", "started": "", "finished": "", "seconds": 1, "machine": {},
        "spec": {"seeds": list(outputs), **spec}, "provenance": {}, "data": {}, "stages": {},
        "histories": {}, "evaluations": entries, "over_seeds": summaries(entries),
        "teacher_checks": [], "exports": [], "warnings": [],
    }  # fmt: skip
    assert result_errors(results) == []
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_compare_pairs_seeds_and_gives_their_mean(tmp_path):
    worse = [line.replace("a ", "the ", 1) for line in LINES]
    bad = ["a man", "dogs", "book"]
    ours = run_folder(tmp_path / "ours", {1: LINES, 2: LINES, 3: worse})
    theirs = run_folder(tmp_path / "theirs", {1: worse, 2: bad, 4: bad}, student={"width": 1})
    text = compare(ours, theirs, samples=20)
    lines = text.splitlines()
    assert [line.split(":")[0] for line in lines[1:7]] == [
        "test bleu, mean ± deviation of 2 seeds (1, 2)", "test bleu, seed 1", "test bleu, seed 2",
        "test chrf, mean ± deviation of 2 seeds (1, 2)", "test chrf, seed 1", "test chrf, seed 2",
    ]  # fmt: skip
    # A seed by itself has no verdict.
    assert all(line.split(" (")[1].startswith("one of several)") for line in lines[2:4])
    (bleu,) = [line for line in lines if line.startswith("test bleu, mean")]
    deltas = [float(line.split("difference ")[1].split(",")[0])
              for line in lines if line.startswith("test bleu, seed")]  # fmt: skip
    assert "mean ± deviation of 2 seeds (1, 2)" in bleu
    assert f"difference {np.mean(deltas):+.2f}"[:-1] in bleu
    reach = 12.7062 * np.std(deltas, ddof=1) / np.sqrt(2)
    low = float(bleu.split("t-interval ")[1].split(" to ")[0])
    assert low == pytest.approx(np.mean(deltas) - reach, abs=0.2)
    assert "(undecided)" in bleu


WORSE = [line.replace("a ", "the ", 1) for line in LINES]
BAD = ["a man", "dogs", "book"]
OTHER = {"student": {"width": 1}}


def single(folder, lines, seed=1, **spec):
    """A finished run of a spec without seeds."""
    stages = {"learn": {"train": "student", "seed": seed}}
    return run_folder(folder, {seed: lines}, seeds=None, stages=stages, **spec)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({1: LINES}, {2: BAD}, "test bleu: "),
        (
            {1: LINES, 2: WORSE, 3: WORSE}, {4: BAD, 5: WORSE, 6: BAD},
            "test bleu, mean ± deviation of 3 seeds (1, 2, 3) beside 3 seeds (4, 5, 6): ",
        ),
        # Trainings that stand in both are compared with none of them alone.
        (
            {1: LINES, 2: WORSE, 3: BAD}, {2: WORSE, 3: BAD, 4: BAD},
            "test bleu, mean ± deviation of 3 seeds (1, 2, 3) beside 3 seeds (2, 3, 4): ",
        ),
        (
            {1: LINES, 2: WORSE}, {5: BAD},
            "test bleu, mean ± deviation of 2 seeds (1, 2) beside 1 seed (5): ",
        ),
    ],
)  # fmt: skip
def test_other_seeds_of_one_spec_show_how_far_apart_its_trainings_are(tmp_path, ours, theirs, said):
    one, two = run_folder(tmp_path / "a", ours), run_folder(tmp_path / "b", theirs)
    text = compare(one, two, samples=20, trials=50)
    _, bleu, chrf, last = text.splitlines()
    assert bleu.startswith(said)
    assert chrf.startswith(said.replace("bleu", "chrf"))
    assert "of the same spec: no system is better)" in bleu
    assert "trainings of the same spec that differ in the seed alone. They are apart: " in last
    difference = bleu.split("difference ")[1].split()[0].strip("+-,")
    assert f"test bleu by {difference}, " in last


def test_two_specs_without_a_common_seed_are_compared_by_their_means(tmp_path):
    ours = run_folder(tmp_path / "ours", {1: LINES, 2: LINES, 3: WORSE})
    theirs = run_folder(tmp_path / "theirs", {4: BAD, 5: BAD, 6: BAD}, **OTHER)
    _, bleu, _, last = compare(ours, theirs, samples=20, trials=50).splitlines()
    means, difference = bleu.split("): ")[1].split(", difference ")
    high, low = (float(one.split(" ± ")[0]) for one in means.split(" and "))
    std = float(means.split(" ± ")[1].split(" and ")[0])
    # One side's values are alike: Welch's degrees of freedom are the other's two.
    reach = 4.302653 * std / np.sqrt(3)
    assert float(difference.split(",")[0]) == pytest.approx(high - low, abs=0.011)
    found = difference.split("(Welch's) ")[1].split(" (")[0].split(" to ")
    assert [*map(float, found)] == pytest.approx([high - low - reach, high - low + reach], abs=0.05)
    assert last == f"{ours} is better (test bleu, test chrf)"


@pytest.mark.parametrize("turned", [False, True])
def test_seeds_beside_one_training_have_one_verdict_and_no_word_of_another(tmp_path, turned):
    ours = run_folder(tmp_path / "ours", {1: LINES, 2: LINES, 3: WORSE})
    theirs = single(tmp_path / "theirs", BAD, **OTHER)
    runs = (theirs, ours) if turned else (ours, theirs)
    lines = compare(*runs, samples=20, trials=50).splitlines()
    assert lines[1].startswith("test bleu, mean ± deviation of 3 seeds (1, 2, 3): ")
    assert lines[1].count(" ± ") == 2  # of the seeds alone
    assert [line.split(":")[0] for line in lines[2:5]] == [
        f"test bleu, seed {seed}" for seed in (1, 2, 3)
    ]
    assert lines[-2] == f"{ours} is better (test bleu, test chrf)"
    assert lines[-1] == (
        f"3 seeds beside one training: this says nothing about another training of {theirs}"
    )


def test_the_page_shows_means_over_seeds(tmp_path):
    entries = [entry(*one) for one in zip(SEEDS, VALUES, AGAINST, strict=True)]
    for one in entries:
        one["against"]["metrics"]["bleu"] |= {"low": 0.0, "high": 1.0}
    folder = run_folder(tmp_path / "run", {1: LINES})
    results = json.loads((folder / "results.json").read_text()) | {"evaluations": entries}
    results["spec"]["seeds"] = list(SEEDS)
    text = Page(render([results])).words
    assert "mean ± deviation of 3 seeds" in text
    assert f"{np.mean(VALUES):.2f} ± {np.std(VALUES, ddof=1):.2f} [" in text
    # The baseline's models have seeds of their own.
    assert f"{np.mean(AGAINST):.2f} ± {np.std(AGAINST, ddof=1):.2f} [" in text
    differences = np.subtract(VALUES, AGAINST)
    assert "mean of 3 seeds, t-interval" in text
    assert f"+{np.mean(differences):.2f}" in text


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


@pytest.mark.parametrize("of_stage", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_run_of_two_seeds(tmp_path, capsys, of_stage):
    spec, runs = tmp_path / "tiny.yaml", tmp_path / "runs"
    text = TINY
    if of_stage:
        text = TINY.replace("seeds: [4, 2]\n", "").replace(
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
    assert summary["against"]["differences"]["loss"]["n"] == 2
    assert {path.name for path in (runs / "tiny").iterdir()} >= {"learn+4", "learn#slow+2"}
    made = [path.name for path in (runs / "stages").iterdir() if path.is_dir()]
    kinds = [name.partition("-")[0] for name in made]
    assert (kinds.count("train"), kinds.count("tokenizer")) == (4, 1)
    # Nothing is trained again.
    assert cli.main(["evaluate", str(runs / "tiny")]) == cli.DONE
    assert "learn, seed 4" in capsys.readouterr().out
    assert cli.main(["compare", *2 * [str(runs / "tiny")], "--samples", "20"]) == cli.DONE
    assert "mean ± deviation of 2 seeds (4, 2)" in capsys.readouterr().out
