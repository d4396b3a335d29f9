"""The command line: exit codes, messages, and what is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.commands.generate import saved_model_of
from tfkd.data import open_corpus
from tfkd.spec import load_spec

SPEC = """\
tfkd: 1
name: small
data:
  train: {parallel: [train.de, train.en]}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [train]}}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
stages:
  learn: {train: student, data: train, objective: {cross_entropy: {}}, steps: 2}
export: [learn]
"""
VERBS = sorted(cli._VERBS)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC, "utf-8")
    for ending in ("de", "en"):
        (tmp_path / f"train.{ending}").write_text("ein Haus\nein Hund\n", "utf-8")
    return path


def run(spec, *more, runs=None):
    runs = runs or spec.parent / "runs"
    words = ["run", str(spec), "--data-dir", str(spec.parent), "--runs-dir", str(runs), *more]
    return cli.main(words)


def refused(code, capsys):
    """The message of a refused input: exit code 1, one message, no traceback."""
    assert code == cli.WRONG_INPUT
    errors = capsys.readouterr().err
    assert errors.startswith("tfkd: ")
    assert "Traceback" not in errors
    return errors


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["run"],
        ["run", "spec.yaml", "--time"],
        ["compare", "one"],
        ["compare", "one", "two", "--samples", "1"],
        ["run", "spec.yaml", "--variant", "a", "--all-variants"],
    ],
)
def test_usage_is_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == cli.USAGE
    assert "usage: tfkd" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([verb, "--help"])
    assert stopped.value.code == cli.DONE
    assert f"usage: tfkd {verb}" in capsys.readouterr().out


def test_a_missing_spec_is_named(tmp_path, capsys):
    assert "nowhere.yaml" in refused(run(tmp_path / "nowhere.yaml"), capsys)


def test_a_missing_data_file_is_named_and_nothing_is_started(spec, capsys):
    (spec.parent / "train.en").unlink()
    assert "train.en" in refused(run(spec), capsys)
    assert not (spec.parent / "runs").exists()


def test_wrong_values_are_refused_with_their_place(spec, capsys):
    errors = refused(run(spec, "--set", "stages.learn.steps=-1"), capsys)
    assert "stages.learn.steps" in errors


def test_an_unknown_variant_or_stage_is_refused(spec, capsys):
    assert "nothing" in refused(run(spec, "--variant", "nothing"), capsys)
    assert "learn" in refused(run(spec, "--until", "lern"), capsys)


def test_a_time_limit_that_is_none_is_refused(spec, capsys):
    assert "150m" in refused(run(spec, "--time-limit", "soon"), capsys)


def test_a_runs_folder_that_cannot_be_written_is_refused(spec, capsys):
    file = spec.parent / "file"
    file.write_text("no folder")
    assert "--runs-dir" in refused(run(spec, runs=file / "runs"), capsys)
    # Also for root, for whom no folder is read-only.
    assert "--runs-dir" in refused(run(spec, runs="/proc/runs"), capsys)


def test_a_full_disk_is_resumable(spec, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tfkd.pipeline.engine.run.write_atomically", full)
    assert run(spec) == cli.RESUMABLE
    errors = capsys.readouterr().err
    assert "No space left" in errors
    assert "the same command continues" in errors


@pytest.mark.parametrize("verb", ["evaluate", "export", "report"])
def test_what_is_no_run_folder_is_refused(verb, tmp_path, capsys):
    assert str(tmp_path) in refused(cli.main([verb, str(tmp_path)]), capsys)
    file = tmp_path / "file"
    file.write_text("x")
    assert str(file) in refused(cli.main([verb, str(file)]), capsys)


def test_settings_of_a_noise_that_is_not_asked_for_are_refused(tmp_path, capsys):
    assert "--noise" in refused(cli.main(["evaluate", str(tmp_path), "--draws", "3"]), capsys)


def test_init_overwrites_nothing(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    assert cli.main(["init", str(path)]) == cli.DONE
    text = path.read_text("utf-8")
    assert "mine.yaml" in refused(cli.main(["init", str(path)]), capsys)
    assert path.read_text("utf-8") == text


def test_init_of_two_files_is_a_spec_that_holds_pairs_out(tmp_path, capsys):
    for ending in ("de", "en"):
        lines = (f"Zeile {row} {ending}\n" for row in range(30_000))
        (tmp_path / f"my {ending}.txt").write_text("".join(lines), "utf-8")
    path = tmp_path / "mine.yaml"
    command = ["init", str(path), "--data-dir", str(tmp_path), "--pairs", "my de.txt"]
    assert cli.main([*command, "my en.txt"]) == cli.DONE
    spec, opened = load_spec(path), {}
    for name in ("test", "valid", "train"):
        opened[name] = open_corpus(spec.data[name], tmp_path, others=opened)
    rows = {name: {source for source, _ in corpus} for name, corpus in opened.items()}
    assert len(rows["test"]) == 1000
    assert 900 <= len(rows["valid"]) <= 1000
    assert len(rows["train"]) == 30_000 - len(rows["test"]) - len(rows["valid"])
    assert not rows["train"] & (rows["valid"] | rows["test"])
    assert not rows["valid"] & rows["test"]


@pytest.mark.parametrize("second", ["short.txt", "none.txt"])
def test_init_of_files_that_are_no_pair_is_refused(tmp_path, capsys, second):
    (tmp_path / "long.txt").write_text("a\nb\n", "utf-8")
    (tmp_path / "short.txt").write_text("a\n", "utf-8")
    path = tmp_path / "mine.yaml"
    command = ["init", str(path), "--data-dir", str(tmp_path), "--pairs", "long.txt", second]
    assert second in refused(cli.main(command), capsys)
    assert not path.exists()


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_init_of_too_few_pairs_says_how_many_there_are(tmp_path, capsys, rows):
    path = tmp_path / "mine.yaml"
    command = ["init", str(path), "--data-dir", str(tmp_path), "--pairs", "a.de", "a.en"]

    def started(rows):
        for name in ("a.de", "a.en"):
            (tmp_path / name).write_text("".join(f"Wort {row}\n" for row in range(rows)), "utf-8")
        return cli.main(command)

    said = refused(started(rows), capsys)
    assert f"have {rows} line" in said
    assert "at least 100" in said
    assert not path.exists()
    # As many as it asks for are enough: each part has rows.
    assert started(100) == cli.DONE
    data, opened = load_spec(path).data, {}
    for name in ("test", "valid", "train"):
        opened[name] = open_corpus(data[name], tmp_path, others=opened)
    assert {name: len(list(rows)) for name, rows in opened.items()} == {
        "test": 5, "valid": 4, "train": 91,
    }  # fmt: skip


@pytest.mark.parametrize("second", ["a.txt", "./a.txt", "link.txt"])
def test_init_of_one_file_on_both_sides_is_refused(tmp_path, capsys, second):
    (tmp_path / "a.txt").write_text("ein Wort\n" * 200, "utf-8")
    (tmp_path / "link.txt").symlink_to("a.txt")
    path = tmp_path / "mine.yaml"
    command = ["init", str(path), "--data-dir", str(tmp_path), "--pairs", "a.txt", second]
    assert f"a.txt and {second} are the same file" in refused(cli.main(command), capsys)
    assert not path.exists()


def test_reading_verbs_do_not_import_tensorflow(spec):
    code = f"""
import sys
from tfkd import cli
for words in (["validate", {str(spec)!r}, "--data-dir", {str(spec.parent)!r}],
              ["validate", {str(spec)!r}, "--no-files"], ["show", {str(spec)!r}],
              ["list"], ["schema"],
              ["plan", {str(spec)!r}, "--data-dir", {str(spec.parent)!r}]):
    assert cli.main(words) == 0, words
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_closed_pipe_is_no_error(spec):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tfkd", "schema"], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (cli.DONE, b"")


def test_a_run_whose_reader_has_gone_is_not_done(spec):
    """Of a stage without TensorFlow, which is sooner there."""
    reader, writer = os.pipe()
    os.close(reader)
    words = ["run", str(spec), "--data-dir", str(spec.parent), "--until", "learn"]
    words += ["--plugin", "toy_stage", "--set", "runtime.streams=1"]
    words += ["--set", "tokenizers.joint={kind: byte_bpe, size: 260, learn_from: train}"]
    done = subprocess.run(
        [sys.executable, "-m", "tfkd", *words, "--runs-dir", str(spec.parent / "runs")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent / "pipeline")},
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert done.returncode == cli.RESUMABLE


def test_a_terminal_of_few_letters_shows_all_words(spec):
    spec.write_text(spec.read_text("utf-8") + "description: „größer“ 中\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tfkd", "show", str(spec)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == cli.DONE
    assert "DOUBLE LOW-9 QUOTATION MARK" in done.stdout


def test_generate_without_a_model_leaves_the_output_as_it_was(tmp_path, capsys):
    output = tmp_path / "out.txt"
    output.write_text("kept")
    words = ["generate", str(tmp_path / "nine"), "--output", str(output)]
    (tmp_path / "none").mkdir()
    said = "no such folder; expected a run folder, or a SavedModel's; did you mean "
    assert f"{said}{tmp_path}/none?" in refused(cli.main(words), capsys)
    words[1] = str(tmp_path / "none")
    assert "no SavedModel here" in refused(cli.main(words), capsys)
    assert output.read_text() == "kept"


def test_generate_takes_none_of_several_exports_by_chance(tmp_path, capsys, monkeypatch):
    """Those that lie there before a run has results, then those that its results name."""
    for name in ("student", "teacher"):
        (tmp_path / "export" / name / "1").mkdir(parents=True)
    message = refused(cli.main(["generate", str(tmp_path)]), capsys)
    assert "2 exported models" in message
    for name in ("student", "teacher"):
        assert str(tmp_path / "export" / name) in message
    found = {"exports": [{"stage": "teacher", "folder": "export/teacher/1"}]}
    (tmp_path / "results.json").write_text("{}")
    monkeypatch.setattr("tfkd.commands.generate.read_results", lambda run: found)
    assert saved_model_of(tmp_path) == tmp_path / "export" / "teacher"
    assert saved_model_of(tmp_path / "export") == tmp_path / "export" / "teacher"
    found["exports"] = []  # what lies there is of an older spec
    assert "no exported model" in refused(cli.main(["generate", str(tmp_path)]), capsys)


def test_the_folder_of_exports_stands_for_its_run(tmp_path, capsys):
    exports = tmp_path / "export"
    (exports / "student" / "1").mkdir(parents=True)
    assert saved_model_of(exports) == exports / "student"
    (exports / "teacher" / "1").mkdir(parents=True)
    assert "2 exported models" in refused(cli.main(["generate", str(exports)]), capsys)
    (tmp_path / "model" / "export" / "1").mkdir(parents=True)  # a model by that name
    assert saved_model_of(tmp_path / "model" / "export") == tmp_path / "model" / "export"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["runs/a b", "some text"], "echo 'some text' | tfkd generate 'runs/a b'\n"),
     (["run", "--scores", "two", "words"], "echo 'two words' | tfkd generate run\n"),
     (["run", "--no-such"], "unrecognized arguments: --no-such\n")],
)  # fmt: skip
def test_a_text_behind_generate_is_answered_by_the_pipe(capsys, words, said):
    with pytest.raises(SystemExit) as left:
        cli.main(["generate", *words])
    assert left.value.code == cli.USAGE
    assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize("name", ["none/file", "n" * 300])
@pytest.mark.parametrize("words", [["init", "PATH"], ["schema", "--output", "PATH"]])
def test_a_path_that_cannot_be_written_is_the_users_to_mend(words, name, tmp_path, capsys):
    path = tmp_path / name
    words = [str(path) if word == "PATH" else word for word in words]
    assert str(path) in refused(cli.main(words), capsys)


def test_a_variant_that_does_not_fit_disturbs_no_other_run(spec, capsys):
    text = spec.read_text("utf-8")
    spec.write_text(text + "variants: {without: {stages.learn: null, export: []}}\n", "utf-8")
    words = ["plan", str(spec), "--data-dir", str(spec.parent), "--set", "stages.learn.steps=3"]
    assert cli.main(words) == cli.DONE
    assert "no such stage" in refused(
        run(spec, "--set", "stages.learn.steps=3", "--until", "none"), capsys
    )


def test_metrics_of_the_runs_own_corpora_stand_in_the_spec(tmp_path, capsys):
    assert cli.main(["evaluate", str(tmp_path), "--metrics", "bleu", "mine"]) == cli.WRONG_INPUT
    said = capsys.readouterr().err
    assert "add bleu and mine to `metrics:` under `evaluate:` of its spec" in said
    assert "the same tfkd run again: nothing is trained again" in said
