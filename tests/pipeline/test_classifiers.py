"""Whole lines of classifiers: from labels to a SavedModel, and settings that are chosen."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from margins import FLOAT32, margins, share_right
from noise_by_hand import put_noise
from small_classes import write_opinions, write_readings
from small_line import arguments, manifest, stage_folders, weights

from tfkd import cli
from tfkd.data.examples import ExampleSet
from tfkd.evaluation.results.form import result_errors
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.models import trained_model
from tfkd.report.markdown.readme_tables import KINDS
from tfkd.report.systems import open_runs
from tfkd.serving import load_saved_model
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError


def finished(folder, write, name):
    spec = write(folder)
    assert cli.main(arguments(spec, folder / "runs")) == cli.DONE
    run = folder / "runs" / name
    results = json.loads((run / "results.json").read_text("utf-8"))
    return SimpleNamespace(spec=spec, runs=folder / "runs", run=run, results=results)


@pytest.fixture(scope="module")
def readings(tmp_path_factory, checked_here):
    return finished(tmp_path_factory.mktemp("readings"), write_readings, "readings")


@pytest.fixture(scope="module")
def opinions(tmp_path_factory, checked_here):
    return finished(tmp_path_factory.mktemp("opinions"), write_opinions, "opinions")


def test_marked_words_are_told_apart_and_served(readings):
    assert result_errors(readings.results) == []
    of_teacher, of_student = readings.results["evaluations"]
    assert of_teacher["metrics"]["accuracy"]["value"] > 0.9
    assert of_teacher["classes"] == ["noun", "verb"]
    assert of_teacher["positive"] == "verb"
    assert set(of_student["metrics"]) == {"accuracy"}
    (check,) = readings.results["teacher_checks"]
    assert check["metrics"]["positions"] == check["baseline"]["positions"] == 30
    served = load_saved_model(readings.run / "export" / "teach")
    assert served.inputs == ["text", "mark"]
    with pytest.raises(UserError, match="expected text, a tab, mark"):
        served.translate(["they lead film"])
    lines = [example["source"] for example in of_teacher["examples"]]
    said = served.translate(lines)
    for one, example in zip(said, of_teacher["examples"], strict=True):
        assert one.text == example["hypothesis"]
        assert one.score == pytest.approx(example["probability"], abs=1e-4)
    # What has no text has no class, and the others keep their places.
    blank = served.translate([lines[0], " \t0", lines[1]])
    assert blank[1] == ("", 0.0)
    assert [blank[0].text, blank[2].text] == [one.text for one in said[:2]]
    card = (readings.run / "export" / "teach" / "1" / "README.md").read_text("utf-8")
    assert "- noun\n- verb\n" in card
    assert "`mark_piece`, int32 `[batch]`" in card
    assert "| valid | 30 | Accuracy | 100.00 % |" in card
    assert "Licence\n\nNot stated" in card
    by_ids = served.signatures["ids"]
    assert set(by_ids.takes) == {"text_ids", "mark_piece"}
    assert set(by_ids.gives) == {"labels", "probabilities"}


@pytest.mark.long
def test_labels_that_are_all_of_other_names_are_told_of(tmp_path, capsys):
    spec = write_readings(tmp_path)
    labels = (tmp_path / "valid.lb").read_text("utf-8")
    (tmp_path / "valid.lb").write_text(labels.replace("noun", "0").replace("verb", "1"), "utf-8")
    words = [*arguments(spec, tmp_path / "runs"), "--set", "stages.teach.steps=1"]
    assert cli.main(words) == cli.WRONG_INPUT
    message = capsys.readouterr().err
    assert "none of its 30 labels, like '0', '1', is a class" in message
    assert "has 'noun', 'verb'" in message
    assert not (tmp_path / "runs" / "readings" / "learn").exists()


def predictions(readings, change=lambda model: None):
    """The teacher's logits of the validation's rows, and their labels; its weights changed."""
    spec = load_spec(readings.spec)
    nodes = in_order(wanted(spec, readings.spec.parent).nodes())
    (node,) = [node for node in nodes if node.kind == "noise"]
    context = Context(data_dir=readings.spec.parent, runs_dir=readings.runs)
    trained = node.inputs["model"]
    model = trained_model(trained, context)
    change(model)
    part = part_of(node, "data", "valid", context)
    record = trained.task.view(trained, context)(ExampleSet([part]), np.arange(part.rows), 0, 0)
    hidden = model(tf.nest.map_structure(tf.convert_to_tensor, record))["hidden"].numpy()
    place = np.nonzero(record["selected"])
    assert np.array_equal(place[0], np.arange(part.rows))
    return model.heads["classifier"].logits(hidden[place]).numpy(), record["labels"][place]


def test_scores_under_noise_are_those_of_the_perturbed_classifier(readings):
    """Its head has noise on it as well: W, c, M and b are each a named tensor."""
    _, of_student = readings.results["evaluations"]
    of_teacher = readings.results["evaluations"][0]
    assert "noise" not in of_student
    noise = of_teacher["noise"]["metrics"]
    assert noise.keys() == {"accuracy", "f1"}
    for metric in noise:
        assert noise[metric][0]["values"] == [of_teacher["metrics"][metric]["value"]]
    plain, _ = predictions(readings)
    moved = []
    for draw in (0, 1):
        logits, labels = predictions(readings, lambda model, draw=draw: put_noise(model, 1.5, draw))
        moved.append(np.abs(logits - plain).max())
        assert noise["accuracy"][1]["values"][draw] == share_right(logits, labels)
        above = margins(logits, labels)
        worst, best = (f1_of_verbs(above > near, labels) for near in (2 * FLOAT32, -2 * FLOAT32))
        assert worst - 1e-6 <= noise["f1"][1]["values"][draw] <= best + 1e-6
    assert min(moved) > 0.1


def f1_of_verbs(right, labels):
    """Of the second of two classes, where the guesses are the labels or their opposites."""
    guess = np.where(right, labels, 1 - labels)
    return 2 * (guess * labels).sum() / (guess.sum() + labels.sum())


@pytest.mark.long
def test_noise_may_be_asked_of_a_finished_runs_classifiers(opinions, capsys):
    models = {stage: weights(stage) for stage in stage_folders(opinions.runs, "train")}
    command = ["evaluate", str(opinions.run), "--noise", "0.3,0", "--draws", "1"]
    assert cli.main(command) == cli.DONE
    shown = capsys.readouterr()
    assert "noise on the parameters" in shown.out
    assert "] noise student_finetune on test: " in shown.err  # hours, of some runs
    assert "done already" not in shown.err
    (entry,) = json.loads((opinions.run / "results.json").read_text("utf-8"))["evaluations"]
    for one in (entry, entry["against"]):
        assert list(one["noise"]["metrics"]) == ["accuracy", "f1", "matthews", "loss"]
        for metric, points in one["noise"]["metrics"].items():
            assert [point["sigma"] for point in points] == [0, 0.3]
            assert points[1]["std"] is None
            assert points[0]["values"] == [pytest.approx(one["metrics"][metric]["value"])]
    assert all(weights(stage) == kept for stage, kept in models.items())
    assert cli.main([*command, "--noise-metrics", "f1"]) == cli.DONE
    (entry,) = json.loads((opinions.run / "results.json").read_text("utf-8"))["evaluations"]
    assert list(entry["noise"]["metrics"]) == ["f1"]
    assert cli.main([*command, "--noise-metrics", "bleu"]) == cli.WRONG_INPUT
    assert "measures bleu; what they measure, accuracy, f1" in capsys.readouterr().err


@pytest.mark.long
def test_opinions_from_pretraining_to_scores(opinions):
    results = opinions.results
    assert result_errors(results) == []
    (entry,) = results["evaluations"]
    assert set(entry["metrics"]) == set(entry["against"]["metrics"])
    assert entry["unknown_labels"] == 1
    cells = {(one["label"], one["guess"]): one["rows"] for one in entry["confusion"]}
    assert sum(cells.values()) == entry["rows"] == 40
    right = sum(rows for (label, guess), rows in cells.items() if label == guess)
    assert entry["metrics"]["accuracy"]["value"] == pytest.approx(right / 40)
    assert sum(rows for (label, _), rows in cells.items() if label is None) == 1
    assert len(entry["examples"]) == 20
    store = next(stage for name, stage in results["stages"].items() if name == "score labels")
    assert store["summary"]["figures"]["positions"] == 96  # extra has no labels
    assert store["summary"]["tokens"] == 96 + 60


@pytest.mark.long
def test_the_most_frequent_class_of_training_is_scored_on_the_same_rows(opinions):
    (entry,) = opinions.results["evaluations"]
    (trivial,) = entry["trivial"]
    learnt, tested = (
        [row.split("\t")[1] for row in (opinions.spec.parent / name).read_text().splitlines()]
        for name in ("train.tsv", "test.tsv")
    )
    counts = {name: learnt.count(name) for name in ("neg", "pos")}
    guess = max(counts, key=counts.get)
    assert (trivial["kind"], trivial["frequencies"]) == ("majority", "training")
    assert trivial["guess"] == guess
    found = {metric: one["value"] for metric, one in trivial["metrics"].items()}
    assert found["accuracy"] == pytest.approx(tested.count(guess) / 40)
    assert found["matthews"] == 0
    nats = [-np.log((counts[name] + 1) / (96 + 2)) for name in tested if name in counts]
    assert found["loss"] == pytest.approx(np.mean(nats))
    difference = entry["metrics"]["accuracy"]["value"] - found["accuracy"]
    assert trivial["metrics"]["accuracy"]["delta"] == pytest.approx(difference)


@pytest.mark.long
def test_the_best_setting_is_chosen_and_what_follows_sees_it(opinions):
    (choice,) = opinions.results["choices"]
    values = [trial["value"] for trial in choice["trials"]]
    assert [trial["setting"] for trial in choice["trials"]] == [
        {"balance.soft": 0.3},
        {"balance.soft": 1.0},
    ]
    assert choice["chosen"] == values.index(max(values))  # of equal ones the first
    best = choice["trials"][choice["chosen"]]
    taken = opinions.run / "student_finetune"
    assert weights(taken) == weights(opinions.runs / "stages" / f"train-{best['fingerprint']}")
    exports = stage_folders(opinions.runs, "export")
    assert taken.resolve().name in [manifest(one)["inputs"]["model"] for one in exports]
    lost = opinions.runs / "stages" / f"train-{choice['trials'][1]['fingerprint']}"
    history = (lost / "history.jsonl").read_text("utf-8")
    assert "cross_entropy" not in history  # at 1 the other term is not in the graph
    assert np.isfinite([json.loads(line).get("loss", 0) for line in history.splitlines()]).all()


@pytest.mark.long
def test_runs_are_compared_by_their_guesses(opinions, capsys):
    assert cli.main(["compare", str(opinions.run), str(opinions.run)]) == cli.DONE
    said = capsys.readouterr().out
    (entry,) = [one for one in opinions.results["evaluations"] if one["of"] == "student_finetune"]
    for metric in ("accuracy", "f1", "matthews"):
        value = f"{entry['metrics'][metric]['value']:.4f}"
        assert f"test {metric}: {value} and {value}, difference" in said
    assert "40 rows" in said


@pytest.mark.long
def test_a_run_s_student_is_measured_beside_its_teacher(opinions, tmp_path, capsys):
    out = tmp_path / "bench.json"
    assert cli.main(["bench", str(opinions.run), "--rounds", "1", "--output", str(out)]) == cli.DONE
    said = capsys.readouterr().out
    content = json.loads(out.read_text("utf-8"))
    teacher, student = content["models"]
    assert [teacher["model"], student["model"]] == [
        f"{opinions.run} teacher_finetune",
        f"{opinions.run} student_finetune",
    ]
    assert content["as_fast_as"] == teacher["model"]
    assert f"as fast as {teacher['model']}" in said
    assert teacher["times_as_fast"] == 1
    assert student["times_as_fast"] == teacher["milliseconds"] / student["milliseconds"]
    assert teacher["parameters"] > student["parameters"]
    assert content["lines"] == 20


@pytest.mark.long
def test_lines_with_marks_are_measured(readings, capsys):
    assert cli.main(["bench", str(readings.run), "--rounds", "1"]) == cli.DONE
    assert "ms a line" in capsys.readouterr().out
    assert cli.main(["bench", str(readings.run), "--iterations", "3"]) == cli.WRONG_INPUT
    assert "iterations" in capsys.readouterr().err


@pytest.mark.long
def test_a_run_again_makes_nothing_and_shows_choices(opinions):
    before = {path: path.stat().st_mtime_ns for path in stage_folders(opinions.runs, "train")}
    assert cli.main(arguments(opinions.spec, opinions.runs)) == cli.DONE
    assert before == {path: path.stat().st_mtime_ns for path in before}
    page = (opinions.run / "report.html").read_text("utf-8")
    assert "balance.soft 0.3" in page
    assert "Confusion" in page
    tables = KINDS["scores"](open_runs([opinions.results]))
    assert "F1" in tables
    assert "| balance.soft 0.3 | valid.accuracy |" in KINDS["choices"](
        open_runs([opinions.results])
    )
