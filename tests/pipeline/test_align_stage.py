"""Align stages: links of every row and a lexicon, the same after a stop; rows without pieces."""

import json

import numpy as np
import pytest

from tfkd.data.alignment import pairs
from tfkd.data.alignment.ibm_model import IbmModel
from tfkd.data.alignment.lexicon import Lexicon
from tfkd.data.alignment.symmetrized import links_of, pharaoh
from tfkd.data.encoded import EncodedField
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.stages import align
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: web
data: {web: {parallel: [web.de, web.en]}}
tokenizers:
  de: {kind: byte_bpe, size: 300, learn_from: [web.source]}
  en: {kind: byte_bpe, size: 290, learn_from: [web.target]}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          tokenizer: {source: de, target: en}}
stages:
  learn: {train: student, data: web, steps: 1, objective: {cross_entropy: {}}}
  lexicon: {align: web, model: student, passes: 3, OPTIONS}
  quick: {shortlist: learn, lexicon: lexicon}
export: [quick]
runtime: {streams: 1}
"""
ROWS = 120


@pytest.fixture
def line(tmp_path, monkeypatch):
    """Small shards and blocks; a function that makes the stage, in a folder of runs of its own."""
    monkeypatch.setattr(align, "_ROWS", 50)
    monkeypatch.setattr(pairs, "PAIRS", 4000)
    monkeypatch.setattr(align, "_LONGEST", 20)
    numbers = ["null", "eins", "zwei", "drei", "vier"], ["zero", "one", "two", "three", "four"]
    sides = [
        [f"{words[n % 5]} {words[n % 3]} {words[n // 7 % 5]}" for n in range(ROWS)]
        for words in numbers
    ]
    sides[0][70] = "viel zu lang " * 12
    for side, texts in zip(("de", "en"), sides, strict=True):
        (tmp_path / f"web.{side}").write_text("".join(f"{text}\n" for text in texts), "utf-8")

    def make(runs="runs", options="rows: 1000"):
        path = tmp_path / "web.yaml"
        path.write_text(SPEC.replace("OPTIONS", options), "utf-8")
        spec = load_spec(path)
        run(spec, data_dir=tmp_path, runs_dir=tmp_path / runs, until="lexicon", say=lambda _: None)
        return tmp_path / runs / "web" / "lexicon", spec

    return make


def summary(folder):
    return json.loads((folder / "manifest.json").read_text("utf-8"))["summary"]


def ids(folder):
    found = {}
    for one in (path.parent for path in folder.parent.glob("ids-*/meta.json")):
        field = EncodedField.open(one)
        found[field.meta["field"]] = field
    return found["source"], found["target"]


def test_links_are_those_of_the_learnt_model(line):
    folder, _ = line()
    source, target = ids(folder.resolve())
    sizes = source.meta["vocabulary"], target.meta["vocabulary"]
    rows = np.array([row for row in range(ROWS) if row != 70])
    products = source.lengths[rows].astype(int) * target.lengths[rows]
    parts = [(source.take(one), target.take(one)) for one in pairs.blocks(rows, products)]
    model = IbmModel.of_pairs(parts, sizes)
    for _ in range(3):
        model = model.improved(parts)
    links = links_of(model, source.take(rows), target.take(rows), "grow_diag")
    expected = [pharaoh(one) for one in links]
    expected.insert(70, "")  # longer than a sentence's
    assert (folder / "links.txt").read_text("utf-8").splitlines() == expected
    lexicon = Lexicon.load(folder / "lexicon.safetensors")
    counts = np.bincount(target.take(np.arange(ROWS)).values, minlength=sizes[1])
    np.testing.assert_array_equal(lexicon.counts, counts)
    for name, value in vars(Lexicon.of(model, counts)).items():
        np.testing.assert_array_equal(getattr(lexicon, name), value)
    told = summary(folder)
    assert (told["rows"], told["aligned"]) == (ROWS, ROWS - 1)
    assert told["links"] == sum(map(len, links))
    assert told["brief"].endswith("; 1 rows without")


@pytest.mark.long
def test_a_stopped_stage_goes_on_to_the_same_bytes(line, monkeypatch):
    whole, _ = line("whole")
    improved, linked, made = IbmModel.improved, align.links_of, []

    def stopped_in_a_pass(model, rows):
        made.append("pass")
        if len(made) == 3:
            raise KeyboardInterrupt
        return improved(model, rows)

    monkeypatch.setattr(IbmModel, "improved", stopped_in_a_pass)
    with pytest.raises(KeyboardInterrupt):
        line()

    def stopped_in_links(*asked, **how):
        made.append("links")
        if made.count("links") == 3:
            raise KeyboardInterrupt
        return linked(*asked, **how)

    monkeypatch.setattr(align, "links_of", stopped_in_links)
    with pytest.raises(KeyboardInterrupt):
        line()
    folder, _ = line()
    assert made.count("pass") == 4  # the third was begun twice
    for name in ("links.txt", "lexicon.safetensors"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_it_learns_from_as_many_rows_as_it_is_told_to_and_a_plan_tells_all(line, tmp_path):
    few, spec = line("few", "rows: 10")
    whole, _ = line("whole")
    assert summary(few)["pairs"] < summary(whole)["pairs"]
    assert summary(few)["aligned"] == summary(whole)["aligned"]
    table = plan(spec, data_dir=tmp_path, runs_dir=tmp_path / "few").splitlines()
    assert any(row.startswith("align lexicon") and f"{ROWS} rows" in row for row in table)


def test_a_corpus_of_documents_is_refused(line, monkeypatch):
    monkeypatch.setattr(align, "_LONGEST", 1)
    with pytest.raises(UserError, match=r"stages.lexicon: no row of web has pieces on both sides"):
        line()
