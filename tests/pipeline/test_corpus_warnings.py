"""What is said of a corpus that loses rows: when it is read, and in results.json."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.stages.corpus import CorpusStage
from tfkd.spec.options.corpora import TextOptions


def made(tmp_path, content):
    """A finished corpus stage: what was said, and what its manifest tells results.json."""
    (tmp_path / "a.txt").write_bytes(content)
    said = []
    context = Context(tmp_path, tmp_path / "runs", say=said.append)
    options = TextOptions(text="a.txt")
    node = Node("corpus", "train", SimpleNamespace(), options, {}, {"content": len(content)})
    folder = context.folder(node)
    folder.path.mkdir(parents=True)
    summary = CorpusStage().run(node, folder, context)
    folder.finish(inputs={}, identity={}, summary=summary, seconds=0.0)
    return said, CorpusStage().warnings(node, folder.manifest()["summary"])


def test_rows_that_are_lost_are_told_of_twice(tmp_path):
    warning = "data.train: a.txt: 1 of 50 rows (2.0 %) are broken: 1 not UTF-8 (a.txt:50); left out"
    said, noted = made(tmp_path, b"line\n" * 49 + b"gr\xf6\xdfer\n")
    assert said == [f"warning: {warning}"]
    assert noted == [warning]
    assert made(tmp_path, b"line\n" * 9) == ([], [])


@pytest.mark.parametrize(
    ("options", "brief"),
    [({}, "20 rows, 1 dropped"),
     ({"sample": {"rows": 5}}, "5 rows, 15 not in the sample, 1 dropped"),
     ({"part": {"every": 4, "keep": True}}, "5 rows, 15 in other parts, 1 dropped")],
)  # fmt: skip
def test_rows_of_other_parts_are_not_called_dropped(tmp_path, options, brief):
    (tmp_path / "a.txt").write_text("".join(f"line {n}\n" for n in range(20)) + "\n")
    context = Context(tmp_path, tmp_path / "runs", say=print)
    options = TextOptions.model_validate({"text": "a.txt", **options})
    node = Node("corpus", "train", SimpleNamespace(), options, {}, {})
    folder = context.folder(node)
    folder.path.mkdir(parents=True)
    assert CorpusStage().run(node, folder, context)["brief"] == brief
