"""Folds of packed text, and of texts that stand in other corpora, too."""

import numpy as np
import pytest

from tfkd.data.folds import parts_of, text_hashes
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.inputs.text_stages import open_text, place
from tfkd.spec import load_spec
from tfkd.targets import SoftTargetStore

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]

SPEC = """\
tfkd: 1
name: texts
data:
  lines: {generated: german_english, only: target, rows: 30, seed: 2}
  again: {generated: german_english, only: target, rows: 30, seed: 2, max_rows: 12}
  others: {generated: german_english, only: target, rows: 9, seed: 3}
tokenizers: {bytes: {kind: byte_bpe, size: 300, learn_from: lines}}
teacher: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: bytes,
  initializer_range: 0.5}
student: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: bytes}
stages:
  tune:
    train: teacher
    data: [{of: lines, pack: 16}]
    folds: 3
    objective: {causal_lm: {}}
    steps: 4
    batch: {size: 16, unit: sentences}
    schedule: {kind: constant, rate: 3e-2}
  blocks: {score: tune, data: [{of: lines, pack: 16}], top_k: 4}
  labels: {score: tune, data: [lines, again, others], top_k: 4}
  learn: {train: student, data: [{of: lines, pack: 16}], steps: 1,
    objective: {soft_targets: {teacher: blocks}}}
export: [learn]
"""


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """The scoring stages, made, and their surroundings."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "texts.yaml").write_text(SPEC, "utf-8")
    spec = load_spec(folder / "texts.yaml")
    builder = GraphBuilder(folder, spec)
    found = {name: builder.stage(spec, name) for name in ("blocks", "labels")}
    context = Context(folder, folder / "runs", say=lambda _: None)
    for one in in_order(found.values()):
        execute(one, context, "")
    return found, context


def said(node, context, index):
    """p of each model at all positions of a corpus, row by row, `[K, n, V]`; the ids and p of its
    store; and the positions of each row."""
    from tfkd.data.examples import ExampleSet
    from tfkd.pipeline.inputs.made import part_of, views_of
    from tfkd.pipeline.inputs.models import trained_model

    teacher, data = node.inputs["model"], node.options.data[index]
    part = part_of(node, f"data.{index}", data.of, context, pack=data.packing)
    examples = ExampleSet([part])
    (view,) = views_of(teacher, {None}, context).values()
    record = view(examples, np.arange(len(examples)), 0, 0)
    found = []
    for one in folds_of(teacher):
        model = trained_model(one, context)
        logits = model.head.logits(model(record)["hidden"][record["selected"]])
        logits = np.asarray(logits, np.float64)
        found.append(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))
    shards = list(SoftTargetStore(place(node, context).path / f"store-{index}").shards())
    ids = np.concatenate([one for *_, one, _ in shards]).astype(np.int64)
    log = np.concatenate([one for *_, one in shards]).astype(float)
    return np.array(found), ids, np.exp(log), record["selected"].sum(1)


def check(expected, ids, found):
    np.testing.assert_allclose(np.take_along_axis(expected, ids, 1), found, atol=2e-3)
    best = -np.sort(-expected, 1)[:, :4]
    np.testing.assert_allclose(best, -np.sort(-found, 1), atol=2e-3)


def parts(node, context):
    texts = open_text(node.corpora[0], context)
    return parts_of([[text_hashes(texts.lines("text"))]], 3)[0]


def test_each_document_of_a_block_is_scored_by_the_model_that_has_not_seen_it(scored):
    from tfkd.data.encoded import EncodedField

    stages, context = scored
    node = stages["blocks"]
    p, ids, found, _ = said(node, context, 0)
    (encoded,) = node.inputs_of("data.0.ids").values()
    lengths = EncodedField.open(place(encoded, context).path).lengths
    of = np.repeat(parts(node, context), lengths + 1)  # a separator is its document's
    mine = p[of, np.arange(len(of))]
    check(mine, ids, found)
    assert np.abs(mine - p.mean(0)).max() > 0.01


def test_a_text_is_known_in_another_corpus_and_any_other_gets_the_mean(scored):
    stages, context = scored
    node = stages["labels"]
    part = parts(node, context)
    for index, name in enumerate(("lines", "again", "others")):
        p, ids, found, counts = said(node, context, index)
        if name == "others":
            known = set(open_text(node.corpora[0], context).lines("text"))
            assert not known & set(open_text(node.corpora[index], context).lines("text"))
            check(p.mean(0), ids, found)
        else:
            of = np.repeat(part[: len(counts)], counts)
            check(p[of, np.arange(len(of))], ids, found)
