"""Private names of other packages that tfkd uses: each is there, and does what it is used for.

Where a new version of one of them fails here, the place that uses it has to change, and nothing
else: what these names do is held against public ways to the same end.
"""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[1] / "tfkd"


def sacrebleu_counts_by_row_and_scores_sums():
    from sacrebleu.metrics import BLEU, CHRF

    hypotheses, references = ["a cat sat here", "dogs run"], ["a cat sat there", "the dogs run"]
    for metric in (BLEU(), CHRF()):
        rows = metric._extract_corpus_statistics(hypotheses, [references])
        sums = np.sum(rows, 0).tolist()
        expected = metric.corpus_score(hypotheses, [references]).score
        assert len(rows) == 2
        assert metric._compute_score_from_stats(sums).score == pytest.approx(expected)


def keras_lists_all_layers_and_what_each_was_made_with():
    inner = keras.layers.Dense(3)
    inner.build((None, 2))

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner, self.own = inner, self.add_weight((1,))
            self.state = self.add_weight((1,), trainable=False)

    outer = Outer()
    assert [*outer._flatten_layers()] == [outer, inner]
    assert [*outer._flatten_layers(include_self=False)] == [inner]
    inner.kernel.trainable = outer.own.trainable = False
    # What was made to be trained, and is frozen now, stands there still; the state does not.
    assert inner._trainable_variables == [inner.kernel, inner.bias]
    assert outer._trainable_variables == [outer.own]


def keras_hub_applies_the_activation_of_a_feed_forward():
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4,
        max_sequence_length=3,
    )  # fmt: skip
    (layer,) = backbone.transformer_layers
    called = []

    def activation(value):
        called.append(True)
        return keras.activations.gelu(value)

    layer._feedforward_intermediate_dense.activation = activation
    layer(tf.zeros([1, 3, 4]))
    assert called


def tensorflow_keeps_gradients_by_the_name_that_an_op_gives():
    from tensorflow.python.framework.ops import gradient_registry

    @tf.custom_gradient
    def double(x):
        return 2 * x, lambda upstream: 5 * upstream

    with tf.Graph().as_default():
        x = tf.constant(3.0)
        y = double(x)
        entry = gradient_registry._registry[y.op.get_attr("_gradient_op_type").decode()]
        assert callable(entry["type"])
        held = entry["type"]
        entry["type"] = lambda op, *by_results: held(op, *by_results)
        (gradient,) = tf.gradients(y, x)
        with tf.compat.v1.Session() as session:
            assert session.run(gradient) == 5.0


GUARDS = {
    "_extract_corpus_statistics": sacrebleu_counts_by_row_and_scores_sums,
    "_compute_score_from_stats": sacrebleu_counts_by_row_and_scores_sums,
    "_flatten_layers": keras_lists_all_layers_and_what_each_was_made_with,
    "_trainable_variables": keras_lists_all_layers_and_what_each_was_made_with,
    "_feedforward_intermediate_dense": keras_hub_applies_the_activation_of_a_feed_forward,
    "_registry": tensorflow_keeps_gradients_by_the_name_that_an_op_gives,
}
# Of named tuples, whose names start so to leave room for fields.
OF_TUPLES = {"_asdict", "_replace", "_fields", "_make"}


@pytest.mark.parametrize("guard", dict.fromkeys(GUARDS.values()), ids=lambda guard: guard.__name__)
def test_a_private_name_does_what_it_is_used_for(guard):
    guard()


def test_no_other_private_name_is_used():
    """Private is what starts with _ and is an attribute of what no class of tfkd has named so."""
    looked_at = ast.Attribute | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    looked_at |= ast.ImportFrom | ast.Import
    nodes = []
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        nodes += [node for node in ast.walk(tree) if isinstance(node, looked_at)]
    used = [node for node in nodes if isinstance(node, ast.Attribute) and private(node.attr)]
    own = {node.attr for node in used if isinstance(node.ctx, ast.Store)} - {*GUARDS}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    }
    assert {node.attr for node in used} - own - OF_TUPLES == {*GUARDS}
    inside = [node for node in nodes if isinstance(node, ast.ImportFrom | ast.Import)]
    deep = {name for node in inside for name in modules(node) if name.startswith(DEEP)}
    assert deep == {"tensorflow.python.framework.ops", "tensorflow.core.protobuf"}


DEEP = ("tensorflow.python", "tensorflow.core", "tensorflow.compiler", "keras.src")


def modules(node):
    if isinstance(node, ast.ImportFrom):
        return [node.module]
    return [alias.name for alias in node.names]


def private(name):
    return name.startswith("_") and not name.startswith("__")
