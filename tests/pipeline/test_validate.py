"""`tfkd validate`: all that is wrong with specs and their files, at once, and no TensorFlow."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save
from unprivileged import unprivileged

from tfkd import cli
from tfkd.data.text import tfds_source
from tfkd.data.text.remote_files import copies_in
from tfkd.data.tokenizers import building
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: checked
pages: {far: "https://example.org/far"}
data:
  train: {parallel: [train.de, train.en]}
  plain: {text: "far/*.txt"}
  table: {tsv: rows.tsv, columns: {source: 0, target: 2}, on_bad: stop}
  records: {jsonl: rows.jsonl, fields: {source: de, target: en}}
  unused: {text: nobody.txt}
tokenizers:
  pieces: {vocabulary: bert/vocab.txt}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: pieces}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: pieces}
views: {mlm: {kind: mlm}, pairs: {kind: conditional_mlm}}
stages:
  bert: {load: bert, into: teacher}
  tuned: {train: teacher, from: bert, data: plain, steps: 1, objective: {masked_lm: {view: mlm}}}
  learn:
    train: student
    data: [train, table]
    steps: 2
    objective: {cross_entropy: {}, soft: {kind: soft_targets, teacher: targets}}
  targets: {score: cmlm, data: [train, table]}
  cmlm:
    train: teacher
    from: tuned
    data: train
    steps: 1
    objective: {masked_lm: {view: pairs}}
variants:
  more: {stages.learn.data: [train, records], stages.targets.data: [train, records]}
export: [learn]
"""
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ein", "a", "##n"]
CONFIG = {
    "model_type": "bert", "vocab_size": len(PIECES), "num_hidden_layers": 1, "hidden_size": 8,
    "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 512,
    "type_vocab_size": 2,
}  # fmt: skip
WEIGHTS = save({"cls.predictions.bias": np.zeros(8, np.float32)})


@pytest.fixture
def home(tmp_path):
    """A folder in which a run would find all that the spec names."""
    files = {
        "train.de": "ein\nein n\n", "train.en": "a\na n\n", "far/one.txt": "ein\n",
        "rows.tsv": "ein\tx\ta\n", "rows.jsonl": '{"de": "ein", "en": "a"}\n',
        "bert/vocab.txt": "".join(f"{piece}\n" for piece in PIECES),
        "bert/config.json": json.dumps(CONFIG), "spec.yaml": SPEC,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "bert" / "model.safetensors").write_bytes(WEIGHTS)
    return tmp_path


def said(home, *, path="spec.yaml", files=True, **options):
    errors, notes = validate([home / path], data_dir=home if files else None, **options)
    assert notes == []
    return [str(error).replace(f"{home}/", "") for error in errors]


def refused(home, **options):
    """What a run says at its start."""
    with pytest.raises(UserError) as caught:
        wanted(load_spec(home / "spec.yaml", **options), home).ends()
    return str(caught.value).replace(f"{home}/", "")


def line_of(part):
    (number,) = [n for n, line in enumerate(SPEC.split("\n"), 1) if part in line]
    return number


def test_what_a_run_can_read_is_valid(home):
    assert said(home) == []
    assert (home / "nobody.txt").exists() is False  # and nothing needs it
    for variant in (None, "more"):
        assert len(wanted(load_spec(home / "spec.yaml", variant=variant), home).ends()) == 1


def test_all_missing_files_are_named_at_once_with_their_lines_and_pages(home):
    for name in ("train.de", "train.en", "far/one.txt", "rows.tsv", "rows.jsonl"):
        (home / name).unlink()
    (home / "bert").rename(home / "tree")
    found = said(home)
    places = [
        (line_of("train: {par"), "data.train.parallel", "train.de"),
        (line_of("train: {par"), "data.train.parallel", "train.en"),
        (line_of("plain:"), "data.plain.text", "far/*.txt"),
        (line_of("table: {"), "data.table.tsv", "rows.tsv"),
        (line_of("records: {"), "data.records.jsonl", "rows.jsonl"),
        (line_of("pieces: {"), "tokenizers.pieces.vocabulary", "bert/vocab.txt"),
        (line_of("bert: {load"), "stages.bert.load", "bert"),
    ]
    assert len(found) == len(places)
    for line, (number, path, name) in zip(found, places, strict=True):
        assert line.startswith(f"spec.yaml:{number}: {path}: ")
        assert name in line
        assert ("can be had at https://example.org/far" in line) == (path == "data.plain.text")
        assert ("(in variant more)" in line) == (path == "data.records.jsonl")
    assert not any("records" in line for line in said(home, variant=None) if "variant" not in line)
    assert any("records" in line for line in said(home, variant="more"))
    assert said(home, files=False) == []


def test_faults_of_the_spec_hide_no_missing_file(home):
    (home / "train.en").unlink()
    text = SPEC.replace(
        "heads: 2, tokenizer: pieces}\nviews", "heads: 3, tokenizer: pieces}\nviews"
    )
    (home / "spec.yaml").write_text(text, "utf-8")
    found = said(home)
    assert any("heads (3) must divide width (8)" in line for line in found)
    assert any("train.en" in line for line in found)
    assert any("nobody.txt" in line for line in found)  # nobody can tell what is needed


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("train.en", "a\n", "data.train.parallel"),
        ("train.de", None, "data.train.parallel"),
        ("bert/vocab.txt", None, "tokenizers.pieces.vocabulary"),
        ("bert/config.json", None, "stages.bert.load"),
        ("bert/config.json", json.dumps({**CONFIG, "model_type": "gpt2"}), "stages.bert.load"),
        ("bert/config.json", json.dumps({**CONFIG, "hidden_size": 16}), "stages.bert.load"),
        ("bert/config.json", json.dumps({**CONFIG, "num_hidden_layers": 2}), "stages.bert.load"),
        ("bert/config.json", json.dumps({**CONFIG, "hidden_act": "swish"}), "stages.bert.load"),
        ("bert/config.json", "[" * 100_000, "stages.bert.load"),
        ("bert/model.safetensors", None, "stages.bert.load"),
        ("bert/model.safetensors", "version https://git-lfs.github.com/spec/v1\n",
         "stages.bert.load"),
    ],
)  # fmt: skip
def test_what_a_run_refuses_at_its_start_is_said_in_its_words(home, name, text, path):
    if text is None:
        (home / name).rename(home / "elsewhere")
    else:
        (home / name).write_text(text, "utf-8")
    found = [line for line in said(home) if f": {path}: " in line]
    (line,) = found
    words = line.partition(f"{path}: ")[2]
    assert refused(home).removeprefix(f"{path}: ").removeprefix("load: ") == words


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("far/one.txt", "", "far/one.txt: no row is left of 0; a corpus needs at least one."),
        ("far/one.txt", "\n \n", "no row is left of 2 (2 empty)"),
        ("rows.tsv", "ein\ta\n", "rows.tsv:1: fewer than 3 columns; mend the line"),
        ("rows.jsonl", '{"de": "ein"}\n{"en": "a"}\n', "left of 2 (1 no `en`, 1 no `de`)"),
        ("rows.jsonl", "de\ten\n", "no row is left of 1 (1 not JSON)"),
        ("rows.jsonl", "[" * 100_000, "no row is left of 1 (1 not JSON)"),
        ("bert/vocab.txt", "ein\na\n", "no BERT vocabulary: it lacks [PAD]"),
        ("bert/vocab.txt", "\n".join([*PIECES, "zwei"]),
         "vocabulary_size is 8 in the checkpoint and 9 in the spec"),
        ("bert/model.safetensors", save({"bert.pooler.dense.bias": np.zeros(8)}).decode("latin-1"),
         "this checkpoint has no word-prediction head"),
    ],
)  # fmt: skip
def test_what_a_run_would_refuse_later_is_refused(home, name, text, part):
    (home / name).write_bytes(text.encode("latin-1" if "safetensors" in name else "utf-8"))
    assert [line for line in said(home) if part in line]


def test_a_file_that_cannot_be_read_and_a_folder_in_its_place_are_faults(home):
    (home / "rows.tsv").chmod(0)
    (home / "train.en").unlink()
    (home / "train.en").mkdir()
    with unprivileged():
        found = said(home)
    assert len(found) == 2
    assert "train.en" in found[0]
    assert "rows.tsv" in found[1]
    assert "ermission denied" in found[1]


def test_another_spec_that_lends_a_stage_is_checked_with_its_files(home):
    (home / "sub").mkdir()
    text = SPEC.replace("cross_entropy: {}, soft: {kind: soft_targets, teacher: targets}}",
                        "cross_entropy: {}}\n    from: ../spec.yaml:learn")  # fmt: skip
    text = text.replace("name: checked", "name: borrows").replace("rows.tsv", "mine.tsv")
    (home / "sub" / "borrows.yaml").write_text(text, "utf-8")
    (home / "mine.tsv").write_text("ein\tx\ta\n", "utf-8")
    assert said(home, path="sub/borrows.yaml") == []
    (home / "rows.tsv").unlink()
    (line,) = said(home, path="sub/borrows.yaml")
    assert line.startswith(
        f"sub/../spec.yaml:{line_of('table: {')}: data.table.tsv: No file matches"
    )
    (home / "spec.yaml").write_text(SPEC.replace("steps: 2", "steps: 0"), "utf-8")
    (line,) = said(home, path="sub/borrows.yaml")
    assert "sub/../spec.yaml" in line
    assert "stages.learn.steps: 0 is too small" in line


def test_a_spec_of_which_nothing_would_run_is_refused(home):
    text = SPEC.replace("export: [learn]", "").replace(
        "  more: {", "  none: {name: x}\n  more: {export: [learn], "
    )
    (home / "spec.yaml").write_text(text, "utf-8")
    for options in ({}, {"files": False}):
        found = said(home, **options)
        assert [line for line in found if "neither evaluate nor export names a stage" in line]
        assert all(line.startswith("spec.yaml: ") for line in found[:1])
        assert said(home, variant="more", **options) == []
    assert "neither evaluate nor export names a stage" in refused(home)


@pytest.mark.parametrize("reached", [True, False])
def test_what_can_be_fetched_is_asked_for_as_a_run_does(home, monkeypatch, reached):
    monkeypatch.setattr(tfds_source, "reachable", lambda *_, **__: reached)
    monkeypatch.setattr(building, "reachable", lambda *_, **__: reached)
    monkeypatch.setenv("TFDS_DATA_DIR", str(home / "sets"))
    changes = ["data.train={tfds: pairs/de-en, fields: {source: de, target: en}}",
               "tokenizers.pieces={preset: bert_tiny_en_uncased}"]  # fmt: skip
    errors, notes = validate([home / "spec.yaml"], data_dir=home, overrides=changes)
    found = notes if reached else [str(error) for error in errors]
    assert bool(errors) != reached
    assert len(found) == 2
    assert "data.train.tfds: " in found[0]
    assert "not prepared on this machine" in found[0]
    assert "tokenizers.pieces.preset: " in found[1]
    folder = home / "sets" / "pairs" / "de-en" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    errors, notes = validate([home / "spec.yaml"], data_dir=home, overrides=changes)
    assert not any("tfds" in str(one) for one in [*errors, *notes])


def test_files_of_a_url_are_asked_for_and_fetched_by_what_makes_keys(home, capsys):
    pytest.importorskip("fsspec")
    away = home / "away"
    away.mkdir()
    (home / "rows.tsv").rename(away / "rows.tsv")
    url = f"file://{away}/rows.tsv"
    change = f'data.table.tsv="{url}"'
    errors, notes = validate([home / "spec.yaml"], data_dir=home, overrides=[change])
    assert errors == []
    assert any(f"data.table.tsv: {url}: a run fetches it" in note for note in notes)
    assert not (home / "runs").exists()
    words = ["plan", str(home / "spec.yaml"), "--data-dir", str(home), "--runs-dir",
             str(home / "runs"), "--set", change]  # fmt: skip
    assert cli.main(words) == cli.DONE
    assert f"fetching {url}" in capsys.readouterr().out
    with copies_in(home / "runs"):
        far = wanted(load_spec(home / "spec.yaml", overrides=[change]), home).ends()
    (away / "rows.tsv").rename(home / "rows.tsv")
    near = wanted(load_spec(home / "spec.yaml"), home).ends()
    assert [node.key for node in far] == [node.key for node in near]
    errors, _ = validate([home / "spec.yaml"], data_dir=home, overrides=[change])
    assert [f"{url}: there is no such file" in str(error) for error in errors] == [True]


def test_a_header_that_nobody_declared_is_told_of_before_a_run(home, capsys):
    rows = "de\tid\ten\n" + "ein n\t7\ta n\n" * 30
    (home / "rows.tsv").write_text(rows, "utf-8")
    errors, notes = validate([home / "spec.yaml"], data_dir=home)
    assert errors == []
    (note,) = notes
    assert f"spec.yaml:{line_of('rows.tsv')}: data.table.tsv: rows.tsv:1: the first line" in note
    where = ["--data-dir", str(home), "--runs-dir", str(home / "runs")]
    assert cli.main(["plan", str(home / "spec.yaml"), *where]) == cli.DONE
    assert "warning: data.table: rows.tsv:1: the first line, 'de', 'en'" in capsys.readouterr().out


def test_the_command_line_checks_files_unless_it_is_told_not_to(home, capsys):
    (home / "rows.jsonl").unlink()
    words = ["validate", str(home / "spec.yaml"), "--data-dir", str(home)]
    assert cli.main(words) == cli.WRONG_INPUT
    assert capsys.readouterr().out.count("\n") == 1
    for more in (["--no-files"], ["--set", "variants.more=null"], ["--set", "data.records=null"]):
        code = cli.main([*words, *more])
        assert (code == cli.DONE) == (more == ["--no-files"])
    capsys.readouterr()
    given = ["--variant", "more", "--set", "stages.learn.data=train", "--set",
             "stages.targets.data=train"]  # fmt: skip
    assert cli.main([*words, *given]) == cli.DONE
    assert capsys.readouterr().out == f"{home / 'spec.yaml'}: valid\n"
    assert cli.main([*words, "--variant", "mroe"]) == cli.WRONG_INPUT
    assert "did you mean more?" in capsys.readouterr().out
    assert cli.main(
        [*words, "--variant", "more", "--set", "data.table.header=true", *given[2:]]
    ) == (cli.DONE)


def test_tensorflow_is_not_imported(home):
    code = f"""
import sys
from tfkd import cli
assert cli.main(["validate", {str(home / "spec.yaml")!r}, "--data-dir", {str(home)!r}]) == 0
heavy = {{"tensorflow", "keras", "torch", "transformers", "keras_hub"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
