"""Filter stages: what each rule drops and counts, whatever the shards; kills; swapped sides."""

import json
import os
import random
import signal
from pathlib import Path

import pytest
from small_line import start

from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.stages import filter as filter_stage
from tfkd.pipeline.stages import filter_verdicts
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

RULES = """\
[{kind: length, most: 9}, {kind: same, name: copied}, duplicates, numbers,
 {kind: duplicates, name: of the source, on: [source]}]"""
SPEC = """\
tfkd: 1
name: web
data: {web: {parallel: [web.de, web.en]}}
tokenizers: {joint: {kind: byte_bpe, size: 300, learn_from: [better]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          tokenizer: joint}
stages:
  clean: {filter: web, rules: RULES}
  better: {filter: clean, rules: [markup]}
  learn: {train: student, data: better, steps: 1, objective: {cross_entropy: {}}}
export: [learn]
runtime: {streams: 1}
"""


def written(folder, rules=RULES):
    """A corpus with rows of every sort, and the rows that are to be dropped, by rule."""
    chance, rows, by = random.Random(1), [], {}
    for number in range(200):
        row = (f"zeile {number} am see", f"line {number} at the lake")
        sort = chance.choice(["", "length", "copied", "duplicates", "numbers", "of the source"])
        if sort == "length":
            row = (row[0] + " und noch viel mehr worte dazu", row[1])
        elif sort == "copied":
            row = (row[0], row[0].upper())
        elif sort == "numbers":
            row = (row[0], f"{row[1]} 7")
        elif sort and (whole := [one for n, one in enumerate(rows) if not by.get(n)]):
            row = chance.choice(whole)
            if sort == "of the source":
                row = (row[0], f"{row[1]} {len(rows)}".replace(str(len(rows)), "again"))
                sort = sort if row not in rows else "duplicates"
        else:
            sort = ""
        by[len(rows)] = sort
        rows.append(row)
    rows[130] = ("HIER <br> 130", "here 130")
    by[130] = ""
    for side, texts in zip(("de", "en"), zip(*rows, strict=True), strict=True):
        (folder / f"web.{side}").write_text("".join(f"{text}\n" for text in texts), "utf-8")
    path = folder / "web.yaml"
    path.write_text(SPEC.replace("RULES", rules), "utf-8")
    return path, rows, by


def made(path, runs, until="better", **more):
    spec = load_spec(path, **more)
    said = []
    run(spec, data_dir=path.parent, runs_dir=runs, until=until, say=said.append)
    return runs / "web", said


def corpus(folder):
    text = TextCorpus.open(folder)
    return list(zip(*(text.lines(field) for field in text.fields), strict=True))


def summary(folder):
    return json.loads((folder / "manifest.json").read_text("utf-8"))["summary"]


@pytest.mark.parametrize("rows_of_shard", [1 << 14, 33])
def test_each_rule_counts_the_rows_that_it_drops_first(tmp_path, monkeypatch, rows_of_shard):
    monkeypatch.setattr(filter_stage, "_ROWS", rows_of_shard)
    monkeypatch.setattr(filter_verdicts, "_BLOCK", 37)
    path, rows, by = written(tmp_path)
    folder, said = made(path, tmp_path / "runs")
    assert corpus(folder / "clean") == [row for n, row in enumerate(rows) if not by[n]]
    report = summary(folder / "clean")["report"]
    for rule in ("length", "copied", "duplicates", "numbers", "of the source"):
        own = [number for number, sort in by.items() if sort == rule]
        entry = report["dropped"][rule]
        assert entry["count"] == len(own) > 8
        shown = [int(line.removeprefix("web:")) - 1 for line in entry["lines"]]
        assert set(shown) <= set(own)
        assert [tuple(texts) for texts in entry["examples"]] == [rows[row] for row in shown]
        assert shown == sorted(shown) != own[: len(shown)]  # from the whole corpus
    counts = [entry["count"] for entry in report["dropped"].values()]
    assert report["read"] == 200 == report["kept"] + sum(counts)
    assert any("dropped: " in line and " copied, " in line for line in said)
    assert corpus(folder / "better") == [
        row for row in corpus(folder / "clean") if "<" not in row[0]
    ]
    told = plan(load_spec(path), data_dir=tmp_path, runs_dir=tmp_path / "runs")
    assert f"clean: {summary(folder / 'clean')['brief']}." in told.splitlines()


def test_a_row_of_a_rule_s_duplicates_that_another_drops_before_is_no_first_one(tmp_path):
    path, _, _ = written(tmp_path, "[{kind: length, most: 4}, {kind: duplicates, on: [target]}]")
    sides = ["das ist viel zu lang\nkurz\nkurz genug", "same\nsame\nsame"]
    for side, text in zip(("de", "en"), sides, strict=True):
        (tmp_path / f"web.{side}").write_text(text, "utf-8")
    folder, _ = made(path, tmp_path / "runs", "clean")
    assert corpus(folder / "clean") == [("kurz", "same")]


def test_a_killed_filter_goes_on_to_equal_bytes(tmp_path, monkeypatch):
    path, _, _ = written(tmp_path, RULES.replace("[", "[{kind: dying}, ", 1))
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", here, prepend=os.pathsep)
    monkeypatch.setenv("DIED", str(tmp_path / "died"))
    command = ["run", str(path), "--data-dir", str(tmp_path), "--until", "better"]
    command += ["--plugin", "dying_rule", "--runs-dir"]
    process = start(*command, str(tmp_path / "killed"))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (folder,) = [one for one in (tmp_path / "killed" / "stages").glob("filter-*") if one.is_dir()]
    assert len(list((folder / "work").glob("rows-*.json"))) == 3
    monkeypatch.setenv("PYTHONPATH", here, prepend=os.pathsep)
    for runs in ("killed", "whole"):
        process = start(*command, str(tmp_path / runs))
        process.communicate()
        assert process.returncode == 0
    files = {}
    for runs in ("killed", "whole"):
        stages = (tmp_path / runs / "stages").glob("filter-*/*.*")
        files[runs] = {(one.parent.name, one.name): one.read_bytes() for one in stages
                       if one.name != "manifest.json"}  # fmt: skip
    assert files["killed"] == files["whole"]
    assert len(files["whole"]) == 2 * 5


@pytest.mark.parametrize("what", ["lines", "lines and places"])
def test_a_side_that_was_shuffled_between_stages_is_refused(tmp_path, what):
    """Its rows would be other pairs."""
    path, _, _ = written(tmp_path)
    folder, _ = made(path, tmp_path / "runs", "clean")
    side = (folder / "clean").resolve() / "target.txt"
    lines = side.read_text("utf-8").splitlines()
    random.Random(3).shuffle(lines)
    side.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    if what == "lines and places":
        import numpy as np

        ends = np.cumsum([0, *(len(line.encode()) + 1 for line in lines)])
        np.save(side.with_name("target.offsets.npy"), ends.astype(np.int64))
    with pytest.raises(UserError, match=r"target\.\w+.* has other bytes than were written"):
        made(path, tmp_path / "runs", "better")


def test_a_side_with_a_row_less_is_refused(tmp_path):
    path, _, _ = written(tmp_path)
    side = tmp_path / "web.en"
    side.write_text(side.read_text("utf-8").partition("\n")[2], "utf-8")
    with pytest.raises(UserError, match=r"web\.de.*web\.en|web\.en.*web\.de"):
        made(path, tmp_path / "runs")


def test_no_row_is_an_error_and_smoke_keeps_all(tmp_path, capsys):
    path, _, _ = written(tmp_path, "[{kind: length, least: 99}]")
    with pytest.raises(UserError, match=r"clean: of 200 rows none is left \(200 length\)"):
        made(path, tmp_path / "runs")
    words = ["run", str(path), "--smoke", "--until", "clean", "--runs-dir", str(tmp_path / "runs")]
    assert cli.main(words) == cli.DONE
    assert "dropped: 96 length; all are kept under --smoke" in capsys.readouterr().out
    assert len(corpus(tmp_path / "runs" / "web-smoke" / "clean")) == 96


def test_the_key_hangs_on_the_rules_and_their_order(tmp_path):
    from tfkd.pipeline.engine.graph import in_order
    from tfkd.pipeline.engine.wanted import wanted

    path, _, _ = written(tmp_path)

    def key(**more):
        path.write_text(SPEC.replace("RULES", more.pop("rules", RULES)))
        nodes = in_order(wanted(load_spec(path, **more), tmp_path).ends())
        return next(node.key for node in nodes if node.label == "clean")

    first = key()
    assert key() == first
    rules = ["[same, numbers]", "[numbers, same]", "[same]", "[{kind: numbers, least_digits: 2}]"]
    assert len({first, *(key(rules=one) for one in rules)}) == 5
    assert key(rules="[{kind: same}]") == key(rules="[same]")


def test_what_is_not_installed_is_told_before_anything_is_made(tmp_path, monkeypatch):
    path, _, _ = written(tmp_path, "[{kind: language, languages: {source: de}}]")
    monkeypatch.setattr(filter_stage.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"clean.rules: py3langid is not installed: pip install"):
        made(path, tmp_path / "runs")
    assert not list((tmp_path / "runs" / "stages").glob("corpus-*"))
