"""Models of another variant or spec, whose tokenizer has the name of one that is here."""

import pytest
from everyday_line import everyday

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec

SPEC = (
    everyday("small", train=60, test=20)
    + """\
stages:
  learn: {train: student, data: train, steps: 2, objective: {cross_entropy: {}}}
  stored: {score: learn, data: train}
variants: {fewer: {tokenizers.joint.size: 100}}
evaluate: [{of: learn, on: test, metrics: [loss], against: "learn#fewer"}]
"""
)
OTHER = """\
tfkd: 1
name: other
data: {own: {generated: everyday, rows: 20, seed: 5}}
tokenizers: {joint: {kind: wordpiece, size: 50, learn_from: own}}
evaluate: [{of: "small.yaml:learn", on: own, metrics: [loss]}]
"""
WITHOUT = OTHER.replace("tokenizers: {joint: {kind: wordpiece, size: 50, learn_from: own}}\n", "")


@pytest.mark.parametrize(
    ("text", "systems"),
    [(SPEC, 2), (OTHER, 1), (WITHOUT, 1)],
    ids=["a variant's", "another spec's", "of no name here"],
)
def test_a_corpus_is_read_by_the_tokenizer_that_the_model_has_learnt_with(tmp_path, text, systems):
    """By the one of this name here its ids would be other pieces, without any error."""
    (tmp_path / "small.yaml").write_text(SPEC, "utf-8")
    path = tmp_path / "it.yaml"
    path.write_text(text, "utf-8")
    nodes = in_order(wanted(load_spec(path), tmp_path).ends())
    measured = [node for node in nodes if node.kind == "evaluate"]
    assert len(measured) == systems
    for node in measured:
        read = [child for child in node.inputs.values() if child.kind == "ids"]
        learnt = node.inputs[Role.MODEL].trained.inputs_of(Role.TOKENIZER)
        assert {one.inputs[Role.TOKENIZER].key for one in read} == {
            one.key for one in learnt.values()
        }
        assert len(read) == 2


def test_what_a_borrowed_teacher_scores_it_reads_by_its_own(tmp_path):
    scored = SPEC.replace("score: learn", 'score: "learn#fewer"')
    path = tmp_path / "it.yaml"
    path.write_text(
        scored.replace("of: learn, on: test, metrics: [loss]", "of: stored, on: train, metrics: "
                       "teacher_check"), "utf-8"
    )  # fmt: skip
    nodes = in_order(wanted(load_spec(path), tmp_path).ends())
    (node,) = (one for one in nodes if one.kind == "score")
    (learnt,) = {one.key for one in node.inputs[Role.MODEL].inputs_of(Role.TOKENIZER).values()}
    read = {one.inputs[Role.TOKENIZER].key for one in node.inputs.values() if one.kind == "ids"}
    assert read == {learnt}
