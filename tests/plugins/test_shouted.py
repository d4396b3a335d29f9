"""A rule of one's own for filter stages, in one file."""

from pathlib import Path

from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.run import run
from tfkd.spec import load_spec, validate_files

SPEC = """\
tfkd: 1
name: calm
data: {web: {text: web.txt}}
tokenizers: {bytes: {kind: byte_bpe, size: 260, learn_from: [clean]}}
student: {kind: gpt2, layers: 1, width: 16, heads: 2, tokenizer: bytes}
stages:
  clean: {filter: web, rules: [{kind: shouted, most: 0.3}]}
  learn: {train: student, data: clean, steps: 1, objective: {causal_lm: {}}}
export: [learn]
runtime: {streams: 1}
"""


def test_a_plugin_s_rule_drops_and_is_checked(join, tmp_path):
    join("shouted")
    (tmp_path / "web.txt").write_text("BUY THIS NOW\nA quiet line.\nNATO says no\n", "utf-8")
    path = tmp_path / "calm.yaml"
    path.write_text(SPEC, "utf-8")
    spec = load_spec(path, plugins=["shouted"])
    run(spec, data_dir=tmp_path, runs_dir=tmp_path / "runs", until="clean", say=lambda line: None)
    text = TextCorpus.open(Path(tmp_path / "runs" / "calm" / "clean"))
    assert list(text.lines("text")) == ["A quiet line."]
    path.write_text(SPEC.replace("most: 0.3", "mst: 0.3"), "utf-8")
    (fault,) = validate_files([path], plugins=["shouted"])
    assert "stages.clean.rules.0.mst: unknown key" in str(fault)
