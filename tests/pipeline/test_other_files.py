"""Scores of a finished run's models on files that its spec does not name."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu
from small_classes import OPINIONS
from small_line import write_line

import tfkd
from tfkd import cli
from tfkd.data.checksummed import write_checksummed
from tfkd.evaluation import result_errors
from tfkd.pipeline.engine.other_results import place_on, with_other_files
from tfkd.pipeline.engine.run_folder import read_results
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.inputs.other_files import OtherFiles
from tfkd.report.score_rows import score_rows
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import CORPORA

ROWS = 40


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """The tiny line's spec, whose folder is the working folder."""
    path = write_line(tmp_path)
    monkeypatch.chdir(tmp_path)
    return load_spec(path, overrides=["seeds=[1, 2]"])


def table(name, *rows):
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    return name


@pytest.fixture
def opinions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "opinions.yaml").write_text(OPINIONS, "utf-8")
    return load_spec(tmp_path / "opinions.yaml")


@pytest.mark.long
def test_scores_are_those_of_the_runs_own_evaluation(line, tmp_path, capsys):
    """On the run's own test set, whose name is another: by the same numbers and nothing made; on
    some of its rows: as sacreBLEU counts the outputs of these."""
    runs, texts = tmp_path / "runs", {}
    shutil.copytree(line.runs, runs, symlinks=True)
    run = runs / "small"
    for side in ("de", "en"):
        text = (line.spec.parent / f"test.{side}").read_text("utf-8")
        texts[side] = text.splitlines()[:ROWS]
        (tmp_path / f"again.{side}").write_text(text, "utf-8")
        (tmp_path / f"some.{side}").write_text("\n".join(texts[side]) + "\n", "utf-8")
    own = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    stages = {*os.listdir(runs / "stages")}

    again = ["--on", *(str(tmp_path / f"again.{side}") for side in ("de", "en"))]
    assert cli.main(["evaluate", str(run), "--of", "learn", "--json", *again]) == cli.DONE
    (entry,) = json.loads(capsys.readouterr().out)["evaluations"]
    (expected, _) = line.results["evaluations"]
    for key in ("metrics", "against", "trivial", "rows", "by_length"):
        assert entry[key] == expected[key]
    assert {*os.listdir(runs / "stages")} == stages

    some = ["--on", *(str(tmp_path / f"some.{side}") for side in ("de", "en"))]
    assert cli.main(["evaluate", str(run), *some]) == cli.DONE
    shown = capsys.readouterr()
    assert "learn#baseline" in shown.out
    assert "tfkd report" in shown.err
    (place,) = (run / "evaluation" / "on").glob("some-*")
    assert str(place / "results.json") in shown.err
    found = read_results(place)
    assert result_errors(found) == []
    ours, theirs = found["evaluations"]
    outputs = (place / ours["hypotheses"]).read_text("utf-8").splitlines()
    of_run = (line.run / expected["hypotheses"]).read_text("utf-8").splitlines()
    assert outputs == of_run[:ROWS]
    references = [one.lower() for one in texts["en"]]
    chrf = sacrebleu.corpus_chrf(outputs, [references]).score
    assert ours["metrics"]["chrf"]["value"] == pytest.approx(chrf)
    assert ours["against"]["metrics"]["loss"]["value"] == theirs["metrics"]["loss"]["value"]
    assert theirs["metrics"].keys() == {"loss"}

    assert {path: path.read_bytes() for path in own} == own
    shown = with_other_files(read_results(run), run)
    assert {one["on"] for one in shown["evaluations"]} == {"test", "synthetic", "again", "some"}
    assert cli.main(["report", str(run)]) == cli.DONE
    page = (run / "report.html").read_text("utf-8")
    assert "some" in page
    # Of models that are others now, nothing is shown.
    found["stages"]["train learn"]["fingerprint"] = "0"
    write_checksummed(place / "results.json", found)
    shown = with_other_files(read_results(run), run)
    assert {one["on"] for one in shown["evaluations"]} == {"test", "synthetic", "again"}


@pytest.mark.long
def test_one_name_in_two_folders_and_other_metrics_have_results_of_their_own(line, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    run, asked = tfkd.open_run(runs / "small"), []
    for folder, rows in (("jan", 12), ("feb", 8)):
        (tmp_path / folder).mkdir()
        for side in ("de", "en"):
            lines = (line.spec.parent / f"test.{side}").read_text("utf-8").splitlines()[:rows]
            table(tmp_path / folder / f"new.{side}", *lines)
        asked.append([tmp_path / folder / f"new.{side}" for side in ("de", "en")])
    given = {"of": "learn#baseline", "metrics": ["loss"]}
    first, second = (run.evaluate(one, **given) for one in asked)
    assert first[0]["score"] != second[0]["score"]
    assert run.evaluate([asked[0]], **given) == first
    run.evaluate(asked[0], of="learn#baseline", metrics=["loss", "accuracy"])
    assert len({*(run.folder / "evaluation" / "on").iterdir()}) == 3
    shown = tfkd.open_run(run.folder).scores()
    assert not [row for row in shown if "new" in row["test_set"]]  # the run's own
    results = with_other_files(read_results(run.folder), run.folder)
    found = [
        (row["test_set"], row["metric"], row["score"])
        for row in score_rows(results)
        if "new" in row["test_set"]
    ]
    loss = [("jan/new", "loss", first[0]["score"]), ("feb/new", "loss", second[0]["score"])]
    # Those of one second come in any order.
    accuracy = [one for one in found if one[:2] == ("jan/new", "accuracy")]
    assert len(accuracy) == 1
    assert sorted(found) == sorted([*loss, *accuracy])
    assert {"jan/new", "feb/new", "test"} <= results["data"].keys()


def test_a_folders_name_says_what_was_asked_of_which_rows(spec):
    def place(*files, **given):
        scored = OtherFiles([list(one) for one in files], **given).scored_by(spec)
        return place_on(Path("run"), wanted_of_all_seeds(scored, Path.cwd())).name

    here = place(("test.de", "test.en"))
    assert here.startswith("test_2-")
    assert place(("test.de", "test.en")) == here
    assert place(("test.de", "test.en"), of=["learn"], metrics=["loss"]) != here
    table("test.en", *reversed(Path("test.en").read_text("utf-8").splitlines()))
    assert place(("test.de", "test.en")) != here
    long = []
    for name in "abcd":
        long.append([f"{name * 90}.{side}" for side in ("de", "en")])
        for file, own in zip(long[-1], ("valid.de", "valid.en"), strict=True):
            shutil.copy(own, file)
    assert len(place(*long)) < 120


def test_a_spec_scores_other_files_by_its_own_evaluations(spec):
    shutil.copy("test.de", "new.de")
    shutil.copy("test.en", "new.en")
    files = OtherFiles([["new.de", "new.en"], ["test.de", "test.en"]])
    scored = files.scored_by(spec)
    names = ["new", "test_2"]
    assert [(one.of, one.on, one.against) for one in scored.evaluate] == [
        ("learn", names, "learn#baseline"), ("learn#baseline", names, None),
    ]  # fmt: skip
    assert scored.evaluate[0].metrics == spec.evaluate[1].metrics
    assert scored.data["new"].parallel == [os.path.abspath(f"new.{side}") for side in ("de", "en")]
    assert scored.data["new"].lower_case  # as the test set
    asked = wanted_of_all_seeds(scored, spec.data and os.path.abspath("."))
    assert {(one.on, one.system.seed) for one in asked.evaluations if one.baseline} == {
        (name, seed) for name in names for seed in (1, 2)
    }
    assert not asked.exports
    # What is trained, and the evaluation of equal rows, is the run's own.
    own = wanted_of_all_seeds(spec, os.path.abspath("."))
    keys = {one.system.key for one in own.evaluations}
    assert keys & {one.system.key for one in asked.evaluations if one.on == "test_2"}


def test_metrics_and_stages_are_chosen(spec):
    table("new.tsv", "source\ttarget", "ein hund\ta dog")
    files = OtherFiles([["new.tsv"]], metrics=["loss", "accuracy"], of=["learn", "teach"])
    scored = files.scored_by(spec)
    assert [(one.of, one.metrics) for one in scored.evaluate] == [
        ("learn", ["loss", "accuracy"]), ("teach", ["loss", "accuracy"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "columns", "expected"),
    [
        (["a.tsv"], {}, {"tsv": 1, "columns": {"text": 0, "label": 1}}),
        (["a.tsv"], {"label": 2}, {"tsv": 1, "columns": {"text": 0, "label": 2}}),
        (["a.csv"], {}, {"csv": 1, "columns": {"text": "review", "label": "stars"}}),
        (["b.csv"], {"text": 1, "label": 0}, {"csv": 1, "columns": {"text": 1, "label": 0},
                                               "header": False, "delimiter": ";"}),
        (["a.jsonl"], {"text": "body"}, {"jsonl": 1, "fields": {"text": "body", "label": "label"}}),
        (["a.txt"], {}, {"tsv": 1, "columns": {"text": 0, "label": 1}}),
        (["a.txt", "b.txt"], {}, {"lines": {"text": 0, "label": 1}}),
    ],
)  # fmt: skip
def test_files_are_read_as_the_runs_own_or_as_their_kind_is(opinions, files, columns, expected):
    table("a.tsv", "good\tpositive\t1")
    table("a.csv", "stars,review", "positive,good", "negative,bad")
    table("b.csv", "positive;good", "negative;bad")
    for name in ("a.jsonl", "a.txt", "b.txt"):
        table(name, "{}")
    scored = OtherFiles([files], columns).scored_by(opinions)
    (name,) = scored.data.keys() - opinions.data.keys()
    kind = next(iter(expected))
    places = [os.path.abspath(one) for one in files]
    if kind == "lines":
        expected = {kind: {field: places[place] for field, place in expected[kind].items()}}
    else:
        expected = {**expected, kind: places}
    assert scored.data[name] == CORPORA[kind].model_validate(expected)


@pytest.mark.parametrize("name", ["a.conll", "a.tsv"])
def test_sentences_in_conlls_columns_are_read_as_the_runs_own(opinions, name):
    table(name, "a\tDET", "dog\tNOUN", "", "dogs\tNOUN", "run\tVERB")
    own = CORPORA["conll"].model_validate(
        {"conll": "train.conll", "columns": {"label": 1, "text": 0}}
    )
    data = dict.fromkeys(opinions.data, own)
    scored = OtherFiles([[name]]).scored_by(replace(opinions, data=data))
    (new,) = scored.data.keys() - opinions.data.keys()
    found = scored.data[new]
    assert found.conll == [os.path.abspath(name)]
    assert found.columns == own.columns


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"files": [["none.tsv"]]}, ["--on none.tsv"]),
        ({"files": [["empty.tsv"]]}, ["--on empty.tsv: there is no row in it"]),
        ({"files": [["."]]}, ["--on .: ", "is a folder"]),
        ({"metrics": ["teacher_check"]}, ["--metrics teacher_check: a check is of"]),
        ({"metrics": ["loss", "chrf", "loss"]}, ["--metrics: loss is named twice"]),
        ({"of": ["learn", "learn"]}, ["--of: learn is named twice"]),
        (
            {"files": [["none.de", "test.en"], ["empty.tsv"]], "metrics": ["los", "chrf", "chrf"]},
            ["--on none.de: there", "--on empty.tsv: there", "chrf is named twice", "found 'los'"],
        ),
        ({"metrics": ["chrff", "loss"], "of": ["learn"]}, ["--metrics: found 'chrff'", "chrf"]),
        ({"metrics": ["loss"], "of": ["learnt"]}, ["--of: there is no stage 'learnt'", "learn?"]),
        ({"of": ["teach"]}, ["--metrics", "teach"]),
        ({"files": [["test.de"]]}, ["--on test.de", "source, target"]),
        ({"columns": {"source": 1}}, ["--columns"]),
        ({"columns": {"label": 1}}, ["--columns label=1", "source, target"]),
    ],
)
def test_what_does_not_suit_is_refused_by_the_option_that_named_it(spec, given, told):
    given = {"files": [["test.de", "test.en"]], **given}
    table("empty.tsv", "", " ")
    with pytest.raises(UserError) as error:
        OtherFiles(**given).scored_by(spec)
    for words in told:
        assert words in str(error.value)


@pytest.mark.parametrize("words", [["--metrics", "loss"], ["--of", "x"], ["--columns", "text=0"]])
def test_options_of_other_files_need_some(tmp_path, words, capsys):
    assert cli.main(["evaluate", str(tmp_path), *words]) == cli.WRONG_INPUT
    assert "--on FILE" in capsys.readouterr().err
