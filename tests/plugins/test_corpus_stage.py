"""A kind of stage that gives a corpus: read by name like any other, whole or not at all."""

import re
from typing import Any, ClassVar

import pytest

from tfkd.pipeline.engine import run as run_module
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec import load_spec, registry, validate_files
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options.base import CorpusName, Count
from tfkd.spec.stage import StageOptions
from tfkd.training.interruption import Interrupted

SPEC = """\
tfkd: 1
name: cut
data: {train: {generated: german_english, rows: 30, seed: 1}}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [few]}}
student: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}}
stages:
  few: {first: train, rows: 5}
  fewer: {first: few, rows: 2}
  learn: {train: student, data: [few, fewer], steps: 1, objective: {masked_lm: {view: mlm}}}
evaluate: [{of: learn, on: [few], metrics: [loss]}]
"""


class FirstOptions(StageOptions):
    """The first rows of a corpus."""

    kind: ClassVar[str] = "first"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    first: CorpusName
    rows: Count


class First(Stage):
    """Writes them as a corpus."""

    Options = FirstOptions
    stop: ClassVar[bool] = False

    def run(self, node: Any, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.data.text.text_corpus import write_text_corpus

        if First.stop:
            (folder.scratch / "begun").write_text("")
            raise Interrupted("stopped")
        rows = _Rows(open_text(node.inputs["first"], context), node.options.rows)
        write_text_corpus(rows, folder.path)
        return {"report": rows.report(), "fields": list(rows.fields)}


class _Rows:
    words = None

    def __init__(self, text: Any, rows: int):
        self.fields, self._text, self._rows = text.fields, text, rows

    def __iter__(self) -> Any:
        return zip(*(self._text.lines(name, 0, self._rows) for name in self.fields), strict=True)

    def report(self) -> dict[str, Any]:
        return {"read": len(self._text), "kept": self._rows, "dropped": {}, "files": {}}


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    register_builtins()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(First, "stop", False)
    target = f"{First.__module__}:First"
    registry.register("stage", "first", options=FirstOptions, target=target)
    path = tmp_path / "cut.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def made(path, context):
    """The nodes before the training by label, made."""
    nodes = [n for n in in_order(wanted(load_spec(path), path.parent).ends()) if n.kind != "train"]
    for node in nodes:
        if node.kind != "evaluate":
            run_module.execute(node, context, "[1/1]")
    return {f"{node.kind} {node.label}": node for node in nodes}


@pytest.mark.tensorflow
def test_what_reads_a_corpus_reads_it(path):
    context = Context(path.parent, path.parent / "runs", say=lambda line: None)
    context.stages.mkdir(parents=True)
    nodes = made(path, context)
    text = [open_text(nodes[name], context) for name in ("corpus train", "first few")]
    assert [len(one) for one in text] == [30, 5]
    assert list(text[1].lines("target")) == list(text[0].lines("target", 0, 5))
    assert len(open_text(nodes["first fewer"], context)) == 2
    assert nodes["tokenizer joint"].inputs["text.0"] is nodes["first few"]
    assert nodes["ids fewer.source.joint"].inputs["text"] is nodes["first fewer"]


@pytest.mark.tensorflow
def test_it_is_whole_or_not_there_and_goes_on(path, monkeypatch):
    said = []
    context = Context(path.parent, path.parent / "runs", say=said.append)
    context.stages.mkdir(parents=True)
    monkeypatch.setattr(First, "stop", True)
    with pytest.raises(Interrupted):
        made(path, context)
    (folder,) = (path for path in context.stages.glob("first-*") if path.is_dir())
    assert (folder / "work" / "begun").exists()
    assert not (folder / "manifest.json").exists()
    monkeypatch.setattr(First, "stop", False)
    made(path, context)
    assert (folder / "manifest.json").exists()
    assert not (folder / "work").exists()
    del said[:]
    made(path, context)
    assert all(line.endswith(run_module.DONE) for line in said)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "first: few,",
            "first: learn,",
            "learn is a train stage; expected a corpus or a tran",
        ),
        ("first: few,", "first: fewer,", "a circle of stages: fewer -> fewer"),
        ("first: few,", "first: few.source,", "'few.source' is one field of a corpus"),
        ("data: [few,", "data: [fw,", "there is no corpus 'fw'; .*did you mean few"),
        ("learn_from: [few]", "learn_from: [few.text]", "few has no field 'text'"),
        ("of: learn", "of: few", "few is a first stage; expected a train or load stage"),
    ],
)
def test_names_are_checked(path, old, new, said):
    path.write_text(SPEC.replace(old, new), "utf-8")
    faults = [str(one) for one in validate_files([path])]
    assert len(faults) == 1
    assert re.search(said, faults[0]), faults[0]
