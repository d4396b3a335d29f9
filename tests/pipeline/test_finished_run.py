"""`tfkd.run` and `tfkd.open_run`: a run as Python sees it, with the command's options."""

import copy
import dataclasses
import inspect
import json
import math
import shutil
import subprocess
import sys

import pytest
from small_line import write_line

import tfkd
from tfkd.api import run_again, spec_of
from tfkd.cli_parser import build_parser
from tfkd.data.checksummed import write_checksummed
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.training import Interrupted

# What the command calls otherwise, and what it alone has: `--set` is `overrides`, as `--seeds` is.
OURS = {"say", "seeds"}
THEIRS = {"verb"}


def test_what_is_raised_is_public():
    assert {"UserError", "Interrupted"} <= {*tfkd.__all__}
    assert (tfkd.UserError, tfkd.Interrupted) == (UserError, Interrupted)


def test_every_option_of_the_command_is_an_argument():
    options = vars(build_parser().parse_args(["run", "spec.yaml"]))
    arguments = inspect.signature(tfkd.run).parameters
    assert set(arguments) - OURS == set(options) - THEIRS
    assert all(
        one.kind is inspect.Parameter.KEYWORD_ONLY
        for name, one in arguments.items()
        if name != "spec"
    )
    for name, default in options.items():
        if name in arguments and name not in ("spec", "data_dir", "runs_dir"):
            assert list(arguments[name].default or ()) == list(default or ()), name


def test_what_is_asked_for_beside_a_spec_is_as_the_command_has_it(tmp_path):
    path = write_line(tmp_path)
    plain, wide = load_spec(path), ["student.width=24"]
    for given in ({"overrides": wide}, {"seeds": 2}, {"seeds": [4, 7]}, {"variant": "baseline"}):
        asked = {"variant": None, "overrides": (), "seeds": None, "plugins": (), **given}
        found = [spec_of(one, **asked, all_variants=False).resolved() for one in (path, plain)]
        assert found[0] == found[1] != plain.resolved()
    assert spec_of(plain, None, wide, 2, (), False).resolved()["seeds"] == [1, 2]
    twice = spec_of(load_spec(path, overrides=wide), None, ["student.heads=4"], None, (), False)
    assert (twice.models["student"].width, twice.models["student"].heads) == (24, 4)
    with pytest.raises(ValueError, match=r"`all_variants`.*variant='baseline'"):
        tfkd.run(path, variant="baseline", all_variants=True)
    for seeds in (True, 0, 101, "3", 2.0, [1, 1], [True, 2], [], [-1]):
        with pytest.raises(ValueError, match=r"`seeds`.*Received: seeds="):
            tfkd.run(path, seeds=seeds)
    for more in (True, False, 2.0, {"learn": True}, {"learn": 2.0}):
        with pytest.raises(ValueError, match="`more_steps`"):
            tfkd.run(path, more_steps=more)


def test_nothing_is_imported_before_it_is_needed():
    code = "import sys, tfkd\nfor name in tfkd.__all__: getattr(tfkd, name)\n"
    code += "assert not {'tensorflow', 'keras'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_folder_of_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no results.json: expected a run folder like runs/NAME"):
        tfkd.open_run(tmp_path)
    (tmp_path / "quickstart").mkdir()
    said = r"no such folder; expected a run folder like runs/NAME; did you mean .*/quickstart\?"
    for call in (tfkd.open_run, run_again):
        with pytest.raises(UserError, match=said):
            call(tmp_path / "quikstart")


@pytest.mark.long
def test_variants_that_have_ended_are_found_beside_a_run(line, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    where = {"data_dir": line.spec.parent, "runs_dir": runs, "say": lambda text: None}
    assert tfkd.open_run(runs / "small").variants == {}
    run = tfkd.run(line.spec, all_variants=True, overrides=["export=null"], **where)
    assert run.folder == runs / "small"
    (variant,) = run.variants.values()
    assert [*run.variants] == ["baseline"]
    assert variant.folder == runs / "small@baseline"
    assert variant.stage("learn").label == "learn#baseline"
    expected = next(row for row in run.scores() if row["metric"] == "loss")
    found = next(row for row in variant.scores() if row["metric"] == "loss")
    assert found["score"] == expected["baseline_score"]


def test_scores_are_those_of_the_results(line):
    run = tfkd.open_run(line.run)
    rows = run.scores()
    assert run.to_dict() == {key: line.results[key] for key in line.results if key != "sha256"}
    assert len({tuple(row) for row in rows}) == 1  # a table's columns
    expected = {
        (f"{one['of']}", one["on"], metric): found
        for one in line.results["evaluations"]
        for metric, found in one["metrics"].items()
    }
    found = {(row["model"], row["test_set"], row["metric"]): row for row in rows}
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert (row["score"], row["low"]) == (expected[key]["value"], expected[key]["low"])
        if row["baseline"] is not None:
            assert row["baseline"] == "learn#baseline"
            apart = row["score"] - row["baseline_score"]
            assert math.isclose(row["difference"], apart, abs_tol=1e-9)
            assert row["difference_low"] <= apart <= row["difference_high"]
    for name in rows[0]:  # one type a column
        assert len({type(row[name]) for row in rows} - {type(None), int}) <= 1, name
    json.dumps(rows)


def test_a_run_shows_itself_in_short(line):
    run = tfkd.open_run(line.run)
    assert {run: 1}[run] == {run.stage("learn"): 1}[run.stage("learn")] == 1
    assert len(repr(run)) < 300
    assert str(line.run) in repr(run)
    assert "against learn#baseline" in repr(run)
    page = run._repr_html_()
    assert page.count("<tr>") == 1 + len(run.scores())
    assert "report.html" in page
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.folder = "elsewhere"
    results = copy.deepcopy(line.results)
    results["name"] = "<script>alert(1)</script>"
    results["evaluations"][0]["on"] = "<img src=x>"
    results["evaluations"][0]["against"]["of"] = "learn & more\u202e"
    page = dataclasses.replace(run, results=results)._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "learn &amp; more" in page


@pytest.mark.long
def test_a_stages_model_is_what_was_evaluated(line, tmp_path):
    """Read from the folder alone, without the spec's file and without data."""
    from tfkd.decoding import Decoder, GreedySearch

    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    origin = json.loads((runs / "small" / "origin.json").read_text("utf-8"))
    del origin["sha256"]
    origin |= {"spec": "/nowhere/small.yaml", "data_dir": "/nowhere"}
    write_checksummed(runs / "small" / "origin.json", origin)
    run = tfkd.open_run(runs / "small")
    entry = line.results["evaluations"][0]
    sources = (line.spec.parent / "test.de").read_text("utf-8").splitlines()[:12]
    models = {}
    for label in ("learn", "learn#baseline"):
        stage = run.stage(label)
        assert stage.summary()["steps"] == stage.history()[-1]["step"] == 6
        models[label], words = stage.model(), stage.tokenizers()
        decoder = Decoder(models[label], GreedySearch(), words["source"], words["target"])
        ids = words["source"].encode([text.lower() for text in sources])
        if label == "learn":
            lines = (line.run / entry["hypotheses"]).read_text("utf-8").splitlines()
            assert words["target"].decode_batch(decoder.decode(ids).outputs) == lines[:12]
    weights = [model.get_weights()[0] for model in models.values()]
    assert (weights[0] != weights[1]).any()
    with pytest.raises(UserError, match=r"'lern'; expected one of learn, learn#baseline, synth"):
        run.stage("lern")
    with pytest.raises(UserError, match="is a translate stage: no model"):
        run.stage("synthetic").model()


def test_a_call_does_what_the_command_does(line, tmp_path):
    runs, said = tmp_path / "runs", []
    shutil.copytree(line.runs, runs, symlinks=True)
    given = {"data_dir": line.spec.parent, "runs_dir": runs, "say": said.append}
    run = tfkd.run(line.spec, **given)
    assert run.folder == runs / "small"
    assert run.report.exists()
    assert any(text.endswith("learn: done already") for text in said)
    assert not any("train" in text and " s;" in text for text in said)
    scores = [row["score"] for row in run.scores()]
    assert scores == [row["score"] for row in tfkd.open_run(line.run).scores()]
    stopped = tfkd.run(load_spec(line.spec), until="teach", **given)
    assert "stopped at a stage" in repr(stopped)
    assert stopped.stage("teach").model().count_params() > 0
    with pytest.raises(UserError, match="was to stop at a stage"):
        stopped.scores()
    with pytest.raises(UserError, match="'soon' is no duration"):
        tfkd.run(line.spec, time_limit="soon", **given)
