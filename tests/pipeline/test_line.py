"""A whole run and the verbs that read its folder."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
import sacrebleu
from small_line import arguments, manifest, stage_folders, start, timeless, weights

from tfkd import cli
from tfkd.data.tokenizers import load_tokenizer
from tfkd.evaluation.results.form import result_errors
from tfkd.pipeline.engine.machine import maker
from tfkd.serving import load_saved_model
from tfkd.spec import registry
from tfkd.spec.registry import UNNAMED_STAGES

SENTENCES = "der mann sieht den hund.\n\ndie frau schläft.\n"


@pytest.fixture
def copy(line, tmp_path):
    """A copy of the finished run that a test may change."""
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    return runs


def results_of(runs):
    return json.loads((runs / "small" / "results.json").read_text("utf-8"))


def test_results_have_their_form(line):
    assert result_errors(line.results) == []
    assert not any(stage["cached"] for stage in line.results["stages"].values())
    assert {stage["made_on"] for stage in line.results["stages"].values()} == {maker()}
    entry, on_outputs = line.results["evaluations"]
    assert on_outputs["on"] == "synthetic"
    assert set(entry["metrics"]) == set(entry["against"]["metrics"])
    assert set(entry["metrics"]) == {"bleu", "chrf", "rouge_l", "loss", "perplexity"}
    assert entry["rouge"] == {"stem": False, "words": "unicode", "lost": 0.0}
    summaries = entry["rouge_by_length"]["buckets"]
    for by_length in (entry["by_length"], summaries):
        assert sum(bucket["rows"] for bucket in by_length) == entry["rows"]
    outputs = entry["by_output_length"]
    for score, rows in (("value", "rows"), ("against", "against_rows")):
        assert 0 < sum(bucket[rows] for bucket in outputs) <= entry["rows"]
        assert all((bucket[score] is None) == (bucket[rows] < 10) for bucket in outputs)
    assert len((line.run / entry["hypotheses"]).read_text("utf-8").splitlines()) == entry["rows"]
    assert len(line.results["teacher_checks"]) == 1
    assert set(line.results["histories"]) == {"teach", "learn", "learn#baseline"}


def test_trivial_systems_are_scored_on_the_same_rows(line):
    entry, on_outputs = line.results["evaluations"]
    texts = {
        name: (line.spec.parent / name).read_text("utf-8").lower().splitlines()
        for name in ("test.de", "test.en", "train.en")
    }
    copy, empty, counted = (one for one in entry["trivial"] if one["kind"] != "constant")
    assert set(copy["metrics"]) == set(empty["metrics"]) == {"bleu", "chrf", "rouge_l"}
    bleu = sacrebleu.corpus_bleu(texts["test.de"], [texts["test.en"]]).score
    assert copy["metrics"]["bleu"]["value"] == pytest.approx(bleu)
    difference = entry["metrics"]["bleu"]["value"] - bleu
    assert copy["metrics"]["bleu"]["delta"] == pytest.approx(difference)
    assert {one["value"] for one in empty["metrics"].values()} == {0}
    # The frequencies of training's target words and ends, one added to each.
    (folder,) = stage_folders(line.runs, "tokenizer")
    tokenizer = load_tokenizer(folder)
    counts = 1 + np.bincount(tokenizer.encode(texts["train.en"]).values, minlength=tokenizer.size)
    counts[tokenizer.end_id] += len(texts["train.en"])
    tokens = tokenizer.encode(texts["test.en"]).values
    tokens = np.append(tokens, [tokenizer.end_id] * len(texts["test.en"]))
    loss = -np.log(counts[tokens] / counts.sum()).mean()
    assert (counted["kind"], counted["frequencies"]) == ("unigram", "training")
    assert counted["metrics"]["loss"]["value"] == pytest.approx(loss)
    assert counted["metrics"]["perplexity"]["value"] == pytest.approx(np.exp(loss))
    assert [one["kind"] for one in on_outputs["trivial"]] == ["unigram"]


def test_a_student_of_six_steps_is_warned_of_wherever_it_is_shown(line):
    (warning,) = [text for text in line.results["warnings"] if "learn on test: not" in text]
    assert "not clearly better than copying the source by bleu (" in warning
    assert "exported all the same" in warning
    folder = line.run / "export" / "learn" / "1"
    assert f"- {warning}" in (folder / "README.md").read_text("utf-8")
    assert "copying the source by bleu" in (line.run / "report.html").read_text("utf-8")
    (stage,) = stage_folders(line.runs, "export")
    assert "Warnings" not in (stage / "1" / "README.md").read_text("utf-8")


def test_the_run_folder_is_whole(line):
    names = {name for name in os.listdir(line.run) if not name.startswith(".")}
    assert names == {
        "spec.yaml", "origin.json", "results.json", "report.html", "evaluation", "export",
        "teach", "targets", "learn", "learn#baseline", "synthetic",
    }  # fmt: skip
    for name in ("teach", "targets", "learn", "learn#baseline", "synthetic"):
        assert (line.run / name / "manifest.json").exists()
    assert "<html" in (line.run / "report.html").read_text("utf-8")[:200]
    assert (line.run / "export" / "learn" / "1" / "saved_model.pb").exists()


def test_stages_leave_nothing_but_results(line):
    for kind in (*UNNAMED_STAGES, *registry.names("stage")):
        for folder in stage_folders(line.runs, kind):
            found = {
                str(path.relative_to(folder))
                for path in folder.rglob("*")
                if path.is_file() and path.name != "manifest.json"
            }
            nested = {name for name in manifest(folder)["files"] if name.endswith("manifest.json")}
            assert found | nested == set(manifest(folder)["files"])
            assert not (folder / "work").exists()


def test_a_second_run_makes_nothing_and_finds_the_same(line, copy, capsys):
    assert cli.main(arguments(line.spec, copy)) == cli.DONE
    printed = [words for words in capsys.readouterr().out.splitlines() if words.startswith("[")]
    assert printed
    assert all(words.endswith(": done already") for words in printed)
    results = results_of(copy)
    assert all(stage["cached"] for stage in results["stages"].values())
    assert timeless(results) == timeless(line.results)


def test_generate_answers_in_a_fresh_process(line):
    process = start("generate", str(line.run), "--scores")
    out, errors = process.communicate(SENTENCES, timeout=300)
    assert process.returncode == 0
    assert errors == ""  # TensorFlow's log lines are not for users
    assert len(out.splitlines()) == 3
    assert all("\t" in words for words in out.splitlines())


def test_a_model_of_lower_cased_text_is_served_on_text_as_people_write_it(line):
    model = load_saved_model(line.run / "export" / "learn")
    plain = "der mann sieht den hund."
    lowered, written = model.translate([plain, "Der Mann sieht den Hund."])
    assert lowered.text == written.text
    # Rows of one batch may be added up in other orders.
    assert lowered.score == pytest.approx(written.score, rel=1e-5)
    card = (line.run / "export" / "learn" / "1" / "README.md").read_text("utf-8")
    assert "lower-cased first" in card


def test_evaluate_prints_the_same_scores(line, copy, capsys):
    assert cli.main(["evaluate", str(copy / "small")]) == cli.DONE
    out = capsys.readouterr().out
    assert "chrf" in out
    assert "warning: learn on test: not clearly better" in out
    assert timeless(results_of(copy)) == timeless(line.results)
    assert results_of(copy)["command"] == line.results["command"]


def test_evaluate_trains_nothing(line, copy, capsys):
    shutil.rmtree((copy / "small" / "learn").resolve())
    assert cli.main(["evaluate", str(copy / "small")]) == cli.WRONG_INPUT
    assert "not made yet: train learn" in capsys.readouterr().err


def test_export_puts_a_removed_model_back(line, copy, capsys):
    place = copy / "small" / "export"
    shutil.rmtree(place)
    assert cli.main(["export", str(copy / "small")]) == cli.DONE
    shown = capsys.readouterr()
    assert shown.out.strip() == str(copy / "small" / "export" / "learn" / "1")
    assert "warning: learn on test: not clearly better" in shown.err
    for path in (line.run / "export").rglob("*"):
        assert (place / path.relative_to(line.run / "export")).exists()


@pytest.mark.long
def test_report_of_two_runs(line, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert cli.main(["report", str(line.run), str(line.run), "--output", str(page)]) == cli.DONE
    text = page.read_text("utf-8")
    assert all(
        words in text for words in ("learn", "chrf", "BLEU by length", "ROUGE-L by length", "<svg")
    )


def test_compare_a_run_with_itself(line, capsys):
    words = ["compare", str(line.run), str(line.run), "--samples", "20"]
    assert cli.main(words) == cli.DONE
    out = capsys.readouterr().out
    assert "test bleu" in out
    assert "test rouge_l" in out
    assert "difference +0.00" in out
    assert "is better" not in out


def test_compare_wants_the_outputs(line, copy, capsys):
    shutil.rmtree(copy / "small" / "evaluation")
    assert cli.main(["compare", str(line.run), str(copy / "small")]) == cli.WRONG_INPUT
    assert "hypotheses" in capsys.readouterr().err


def test_until_stops_after_its_stage(line, copy, capsys):
    shutil.rmtree(copy / "small")
    assert cli.main(arguments(line.spec, copy, "--until", "targets")) == cli.DONE
    assert not (copy / "small" / "results.json").exists()
    assert (copy / "small" / "targets" / "manifest.json").exists()
    assert not (copy / "small" / "learn").exists()
    assert "targets is done" in capsys.readouterr().out
    assert cli.main(arguments(line.spec, copy, "--until", "targts")) == cli.WRONG_INPUT
    assert "targets" in capsys.readouterr().err


def test_variants_and_overrides_share_finished_stages(line, copy, capsys):
    """The variant's model is the baseline that the run has trained: only its export is new."""
    words = ["--variant", "baseline", "--set", "export=[]", "--set", "evaluate.1.bootstrap=30"]
    assert cli.main(arguments(line.spec, copy, *words)) == cli.DONE
    results = json.loads((copy / "small@baseline" / "results.json").read_text("utf-8"))
    assert results["variant"] == "baseline"
    assert results["exports"] == []
    assert all(stage["cached"] for stage in results["stages"].values())
    assert results_of(copy) == line.results


def test_a_damaged_stage_is_refused_by_name(line, copy, capsys):
    path = next((copy / "small" / "learn").resolve().glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert cli.main(arguments(line.spec, copy)) == cli.WRONG_INPUT
    assert f"{path} has other bytes than were written" in capsys.readouterr().err


def test_an_edited_results_file_is_refused(copy, capsys):
    path = copy / "small" / "results.json"
    path.write_text("{}", "utf-8")
    assert cli.main(["report", str(copy / "small")]) == cli.WRONG_INPUT
    assert "results.json" in capsys.readouterr().err


@pytest.mark.long
def test_sigterm_saves_and_the_same_command_continues(line, copy):
    (folder,) = [path for path in stage_folders(copy, "train") if _steps(path) == 60]
    before = weights(folder)
    shutil.rmtree(folder)
    process = start(*arguments(line.spec, copy, "--until", "teach"))
    while not list(folder.glob("work/checkpoints/*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == cli.RESUMABLE, out + errors
    assert "SIGTERM" in errors
    assert "the same command continues" in errors
    assert cli.main(arguments(line.spec, copy, "--until", "teach")) == cli.DONE
    assert weights(folder) == before


def _steps(folder):
    return manifest(folder)["summary"]["steps"]


def test_the_time_limit_saves_and_the_same_command_continues(line, copy, capsys):
    (folder,) = stage_folders(copy, "score")
    before = manifest(folder)["files"]
    shutil.rmtree(folder)
    words = arguments(line.spec, copy, "--until", "targets")
    assert cli.main([*words, "--time-limit", "0.05s"]) == cli.RESUMABLE
    errors = capsys.readouterr().err
    assert "time limit" in errors
    assert "the same command continues" in errors
    assert cli.main(words) == cli.DONE
    assert manifest(folder)["files"] == before
