"""Translate stages by CTranslate2: the corpus of the model's own search, and after a stop."""

import json
import shutil

import pytest

from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.stages import translate
from tfkd.spec import load_spec
from tfkd.training.interruption import Interrupted

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
pytest.importorskip("ctranslate2")

SPEC = """\
tfkd: 1
name: engines
data:
  train: {generated: german_english, rows: 300, seed: 1}
  news: {generated: german_english, rows: 260, seed: 2}
tokenizers: {joint: {learn_from: [train], size: 160}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 32, heads: 2,
          dropout: 0.0, tokenizer: joint}
stages:
  learn: {train: student, data: train, steps: 150, objective: {cross_entropy: {}},
          schedule: {kind: constant, rate: 3e-3}}
  ours: {translate: learn, data: news, keep: n_best, decode: {kind: beam, beam: 3, n_best: 2}}
  theirs:
    translate: learn
    data: news
    keep: n_best
    decode: {kind: beam, beam: 3, n_best: 2, engine: ctranslate2}
  eight:
    translate: learn
    data: news
    decode: {kind: greedy, engine: {format: ctranslate2, quantize: int8}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a run in which all three stages are made."""
    path = tmp_path_factory.mktemp("engines")
    (path / "spec.yaml").write_text(SPEC, "utf-8")
    for stage in ("ours", "theirs", "eight"):
        made(path, stage)
    return path


def made(folder, stage, *overrides, **settings):
    spec = load_spec(folder / "spec.yaml", overrides=overrides)
    run(
        spec, data_dir=folder, runs_dir=folder / "runs", until=stage, say=lambda _: None, **settings
    )
    return folder / "runs" / spec.name / stage


def lines(path):
    text = TextCorpus.open(path)
    return {field: list(text.lines(field)) for field in text.fields}


def test_outputs_and_scores_are_those_of_the_model_s_own_search(folder):
    ours, theirs = (lines(folder / "runs" / "engines" / one) for one in ("ours", "theirs"))
    assert {*theirs} == {*ours} == {"source", "target", "list", "score"}
    best = [{}, {}]
    for found, of in zip((ours, theirs), best, strict=True):
        for source, number, target, score in zip(
            found["source"], found["list"], found["target"], found["score"], strict=True
        ):
            of.setdefault((number, source), (target, float(score)))
    same = [key for key in best[0] if best[0][key][0] == best[1][key][0]]
    assert len(same) > 0.95 * len(best[0])
    for key in same:
        assert best[1][key][1] == pytest.approx(best[0][key][1], abs=1e-3)
    lists = [json.loads(f"[{','.join(found['list'])}]") for found in (ours, theirs)]
    assert abs(len(lists[0]) - len(lists[1])) < 0.05 * len(lists[0])


def test_the_converted_model_is_a_stage_of_its_own(folder):
    exports = [path.name for path in (folder / "runs/stages").glob("export-*") if path.is_dir()]
    manifest = json.loads((folder / "runs" / "engines" / "theirs" / "manifest.json").read_text())
    assert manifest["inputs"]["export"] in exports
    assert len(exports) == 2  # of a beam, and of the likeliest token at each place in 8 bits


def test_a_stopped_stage_goes_on_to_the_same_bytes(folder, monkeypatch):
    place = made(folder, "theirs").resolve()
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    shutil.rmtree(place)
    written = translate._Written
    shard, calls = written._translated, []

    def stopped(*given):
        calls.append(given)
        if len(calls) == 3:
            raise Interrupted("stopped")
        return shard(*given)

    monkeypatch.setattr(written, "_translated", stopped)
    with pytest.raises(Interrupted):
        made(folder, "theirs")
    monkeypatch.setattr(written, "_translated", shard)
    made(folder, "theirs")
    after = {path.name: path.read_bytes() for path in place.iterdir()}
    assert {*after} == {*before}
    for name in {*before} - {"manifest.json"}:
        assert after[name] == before[name], name
