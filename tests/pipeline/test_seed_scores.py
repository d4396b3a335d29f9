"""Scores of several seeds: their means and differences, in comparisons and on the page."""

import json

import numpy as np
import pytest
from read_page import Page

from tfkd.commands.compare import compare
from tfkd.evaluation import result_errors
from tfkd.pipeline.engine.seeds import summaries
from tfkd.report.page import render

SEEDS = (1, 2, 5)


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
