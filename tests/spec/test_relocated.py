"""`extends:` of a file in another folder: its references lead where they led."""

import os
from pathlib import Path

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.references import parse
from tfkd.spec.source.compose import extended
from tfkd.spec.source.relocated import relocated
from tfkd.spec.source.tree import node_of

FAR = """\
tfkd: 1
name: far
data: {train: {parallel: [a.de, a.en]}}
tokenizers: {joint: {learn_from: train}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {cmlm: {kind: conditional_mlm}}
stages:
  tuned: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  targets: {score: tuned, data: train}
  learn: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
variants: {long: {stages.tuned.steps: 2}}
export: [learn]
"""  # noqa: E501
BASE = """\
extends: near/../FAR.yaml
name: base
stages:
  tuned: {from: "FAR.yaml:tuned#long"}
  parts: {train: teacher, data: train, steps: 1, from: {encoder: "FAR.yaml:tuned"},
    objective: {masked_lm: {view: cmlm}}}
  targets: {score: "FAR.yaml:tuned"}
  learn: {objective: {soft_targets: {teacher: "FAR.yaml:targets"}}}
variants:
  own: {stages.learn.from: "FAR.yaml:learn", stages.learn.objective.soft_targets.teacher: "FAR.yaml:targets#long",
    stages.targets: {score: "FAR.yaml:tuned#long", data: train}, evaluate.0.against: "FAR.yaml:learn",
    evaluate.0: {of: learn, on: train, metrics: bleu, against: "FAR.yaml:learn"}}
evaluate: [{of: "FAR.yaml:learn", on: train, metrics: bleu, against: "FAR.yaml:learn#long"}]
export: ["FAR.yaml:learn", learn]
"""  # noqa: E501


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "specs" / "near").mkdir(parents=True)
    (tmp_path / "specs" / "far.yaml").write_text(FAR, "utf-8")
    (tmp_path / "specs" / "base.yaml").write_text(BASE.replace("FAR", "far"), "utf-8")
    return tmp_path


def references(value) -> list[str]:
    """All texts with a file of a spec in them."""
    if isinstance(value, dict):
        return [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return [value] if isinstance(value, str) and ".yaml:" in value else []


@pytest.mark.parametrize("place", ["mine.yaml", "a/mine.yaml", "specs/mine.yaml"])
@pytest.mark.parametrize("variant", [None, "own", "long"])
def test_references_lead_to_the_file_beside_the_one_they_stand_in(folder, place, variant):
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    base = os.path.relpath(folder / "specs" / "base.yaml", path.parent)
    path.write_text(f"extends: {base}\nname: mine\n", "utf-8")
    spec = load_spec(path, variant=variant)
    found = references(spec.resolved())
    assert len(found) >= 8
    for reference in found:
        place = path.parent / parse(reference).spec
        assert place.resolve() == folder / "specs" / "far.yaml"
    original = references(load_spec(folder / "specs" / "base.yaml", variant=variant).resolved())
    assert [str(parse(one)).rpartition(":")[2] for one in found] == [
        one.rpartition(":")[2] for one in original
    ]


def test_references_come_through_two_folders(folder):
    (folder / "a").mkdir()
    (folder / "a" / "second.yaml").write_text("extends: ../specs/base.yaml\nname: second\n")
    (folder / "third.yaml").write_text("extends: a/second.yaml\nname: third\n")
    tree = extended(folder / "third.yaml")
    place = folder / parse(tree.plain()["stages"]["targets"]["score"]).spec
    assert place.resolve() == folder / "specs" / "far.yaml"
    load_spec(folder / "third.yaml")


def test_an_absolute_place_and_ones_own_stages_stay():
    tree = node_of(
        {
            "stages": {"a": {"from": "/x/y.yaml:s", "data": "n.yaml:s"}, "b": {"score": "a#v"}},
            "export": "b.yaml:s",
        },
        "f",
    )
    before = tree.plain()
    moved = relocated(tree, Path("sub"))
    assert moved.plain() == {
        "stages": {"a": {"from": "/x/y.yaml:s", "data": "n.yaml:s"}, "b": {"score": "a#v"}},
        "export": "sub/b.yaml:s",
    }
    assert tree.plain() == before


def test_a_place_that_is_longer_than_any_files_is_a_fault():
    tree = node_of({"stages": {"a": {"from": f"{'x/' * 1500}y.yaml:s"}}}, "f", 7)
    with pytest.raises(SpecErrors, match=r"f:7: .*is longer than any file's path"):
        relocated(tree, Path("z/" * 1500))
