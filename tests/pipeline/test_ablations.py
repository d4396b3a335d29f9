"""P1's other lines: a teacher of the lower layers, a student from its baseline's weights."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from test_starts import vocabulary

from tfkd.models import Bert, save_published, variables_by_path
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.inputs import models
from tfkd.spec import load_spec

SPEC = """\
tfkd: 1
name: ablations
data: {train: {generated: german_english, rows: 40, seed: 1, lower_case: true}}
tokenizers: {full: {vocabulary: bert/vocab.txt}}
teacher:
  full: {kind: bert, layers: 4, width: 8, heads: 2, max_length: 64, tokenizer: full}
  small: {kind: bert, layers: 2, width: 8, heads: 2, max_length: 64, tokenizer: full}
student: {kind: rnn, layers: 1, width: 8, tokenizer: full}
views: {cmlm: {kind: conditional_mlm, max_length: 64}}
stages:
  bert: {load: bert, into: teacher.full}
  tuned:
    train: teacher.small
    from: {embedding: bert, encoder: bert, head: bert}
    data: train
    steps: 2
    objective: {masked_lm: {view: cmlm}}
  targets: {score: tuned, data: train, passes: 2, top_k: 4, max_length: 64}
  learn:
    train: student
    data: train
    steps: 2
    objective: {cross_entropy: {weight: 0.5}, soft_targets: {weight: 0.5, teacher: targets}}
    batch: {size: 512}
variants:
  baseline: {stages.learn.objective: {cross_entropy: {}}}
  from_baseline: {stages.learn.from: learn#baseline}
  in_part: {stages.learn.from: {encoder: learn#baseline}}
export: [learn]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the spec and a published BERT of four layers; its weights by path."""
    folder = tmp_path_factory.mktemp("ablations")
    pieces = vocabulary()
    model = Bert(len(pieces), layers=4, width=8, heads=2, max_length=64)
    generator = np.random.default_rng(5)
    for variable in model.weights:
        variable.assign(generator.normal(scale=0.3, size=variable.shape))
    save_published(model, folder / "bert")
    (folder / "bert/vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), "utf-8")
    (folder / "spec.yaml").write_text(SPEC, "utf-8")
    return folder, {path: one.value.numpy() for path, one in variables_by_path(model).items()}


def started(folder, stage, variant=None):
    """The weights that a stage starts with, and its node; what it rests on is made."""
    spec = load_spec(folder / "spec.yaml", variant=variant)
    context = Context(data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)
    node = GraphBuilder(folder, spec).stage(spec, stage)
    for one in in_order(node.inputs.values()):
        execute(one, context, "")
    model = models.started(node, context).model
    return {p: v.value.numpy() for p, v in variables_by_path(model).items()}, node, context


@pytest.mark.long
def test_a_smaller_teacher_has_the_lower_layers_of_a_checkpoint(home):
    """BERT_sm: bit for bit the embedding, the head and the first layers."""
    folder, published = home
    found, _, _ = started(folder, "tuned")
    layers = {path.split("/")[1] for path in found if path.startswith("encoder/")}
    assert layers == {"layer_1", "layer_2"}
    for path, value in found.items():
        np.testing.assert_array_equal(value, published[path], err_msg=path)


@pytest.mark.long
def test_a_student_starts_from_its_baselines_weights(home):
    """The stage of the same name in another variant: all weights, or a part's."""
    folder, _ = home
    whole, node, context = started(folder, "learn", "from_baseline")
    origin = node.inputs["from.all"]
    assert origin.label == "learn#baseline"
    taught = load_file(context.stages / origin.key / "weights.safetensors")
    assert set(whole) == set(taught)
    for path, value in taught.items():
        np.testing.assert_array_equal(whole[path], value, err_msg=path)
    part, node, _ = started(folder, "learn", "in_part")
    assert node.inputs["from.encoder"].key == origin.key
    for path, value in taught.items():
        same = np.array_equal(part[path], value)
        assert same == path.startswith("encoder/"), path
