"""A stage that was made anew, and came out otherwise, has what rests on it made anew."""

import shutil

import pytest

from tfkd.pipeline.engine import run as run_module
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, in_order
from tfkd.pipeline.engine.outdated import outdated
from tfkd.pipeline.engine.output_shards import shard
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.stages.evaluate import EvaluateStage
from tfkd.spec import load_spec
from tfkd.training.interruption import Interrupted

NAMES = ("first", "second", "third", "beside")


@pytest.fixture
def line(tmp_path, monkeypatch):
    return Line(tmp_path, monkeypatch)


class Line:
    """first -> second -> third, and one beside them; each holds what it made of its inputs."""

    def __init__(self, folder, monkeypatch):
        spec = load_spec("specs/quickstart.yaml")
        self.context = Context(data_dir=folder, runs_dir=folder / "runs", say=self.say)
        self.context.stages.mkdir(parents=True)
        self.word, self.made, self.said, self.stop_in = "a", [], [], None
        monkeypatch.setattr(EvaluateStage, "run", lambda stage, *work: self.work(*work))
        self.nodes, inputs = {}, {}
        for name in NAMES:
            of = {} if name == "beside" else dict(inputs)
            node = Node("evaluate", name, spec, None, of, {"name": name})
            self.nodes[name], inputs = node, {"input": node}

    def say(self, words):
        self.said.append(words)

    def work(self, node, folder, context):
        self.made.append(node.label)
        read = [(context.stages / child.key / "text").read_text() for child in node.inputs.values()]
        text = self.word if node.label == "first" else "".join(read) + node.label
        kept = shard(folder, "shard", lambda: {"text": text})
        if self.stop_in == node.label:
            raise Interrupted("stopped")
        (folder.path / "text").write_text(kept["text"])
        (folder.path / "history.jsonl").write_text(str(len(self.made)))
        return {}

    def run(self):
        self.made, self.said = [], []
        for node in in_order(self.nodes.values()):
            run_module.execute(node, self.context, "[1/1]")
        return self.made

    def remove(self, name):
        shutil.rmtree(self.context.stages / self.nodes[name].key)

    def text(self, name):
        return (self.context.stages / self.nodes[name].key / "text").read_text()

    def outdated(self):
        keys = outdated(in_order(self.nodes.values()), self.context)
        return {name for name, node in self.nodes.items() if node.key in keys}


def test_what_is_there_is_used(line):
    assert line.run() == list(NAMES)
    assert line.run() == []
    assert line.outdated() == set()


def test_the_same_result_made_anew_changes_nothing(line):
    line.run()
    line.remove("first")
    assert line.run() == ["first"]


def test_another_result_has_all_that_rests_on_it_made_anew(line):
    line.run()
    line.remove("first")
    line.word = "b"
    assert line.run() == ["first", "second", "third"]
    assert line.text("third") == "bsecondthird"
    (why,) = [words for words in line.said if "anew" in words and "second:" in words]
    assert "evaluate first" in why
    assert line.run() == []


def test_what_is_outdated_is_known_before_the_run(line):
    line.run()
    line.remove("first")
    line.nodes, all_nodes = {"first": line.nodes["first"]}, line.nodes
    line.word = "b"
    line.run()
    line.nodes = all_nodes
    assert line.outdated() == {"second", "third"}


def test_work_under_way_of_another_result_is_not_gone_on_with(line):
    line.stop_in = "second"
    with pytest.raises(Interrupted):
        line.run()
    line.stop_in = None
    line.remove("first")
    line.word = "b"
    line.run()
    assert line.text("second") == "bsecond"


def test_work_under_way_of_the_same_result_goes_on(line, monkeypatch):
    line.stop_in = "second"
    with pytest.raises(Interrupted):
        line.run()
    line.stop_in = None
    kept = line.context.stages / line.nodes["second"].key / "work" / "shard"
    before = kept.stat().st_ino
    seen = []
    monkeypatch.setattr(shutil, "rmtree", seen_first(shutil.rmtree, seen, kept))
    line.run()
    assert seen[0] == before


def test_a_shard_of_another_stage_or_of_another_name_is_made_anew(tmp_path):
    ours, theirs = (StageFolder(tmp_path, "evaluate", name) for name in ("0", "1"))
    assert shard(ours, "a.json", lambda: {"lines": ["ours"]}) == {"lines": ["ours"]}
    assert shard(ours, "a.json", lambda: pytest.fail("made")) == {"lines": ["ours"]}
    for place in (ours.scratch / "b.json", theirs.scratch / "a.json"):
        shutil.copy(ours.scratch / "a.json", place)
    assert shard(ours, "b.json", lambda: {"lines": ["next"]}) == {"lines": ["next"]}
    assert shard(theirs, "a.json", lambda: {"lines": ["theirs"]}) == {"lines": ["theirs"]}


def seen_first(function, seen, path):
    def call(*arguments, **options):
        if path.exists():
            seen.append(path.stat().st_ino)
        return function(*arguments, **options)

    return call
