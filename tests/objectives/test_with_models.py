"""Terms and predictions on real models, against their own whole logits."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import dropout_key
from tfkd.models import Bert, Transformer
from tfkd.objectives import (
    CrossEntropy,
    MaskedLM,
    SoftTargets,
    build_terms,
    objective_forward,
    predictor,
    term_counts,
)
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

from .fakes import pair_record, sequence_record

SIZE = 23


def transformer(**options):
    return Transformer(SIZE, encoder_layers=1, decoder_layers=1, width=8, heads=2, **options)


def bert():
    return Bert(SIZE, layers=1, width=8, heads=2, max_length=16)


def plain_loss(model, record):
    """Mean cross-entropy at selected positions from whole logits, by TensorFlow's own gradient."""
    side = record.get("target", record)
    logits = model.head.logits(model(record)["hidden"])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(side["labels"], logits)
    return tf.reduce_mean(tf.boolean_mask(losses, side["selected"]))


@pytest.mark.parametrize("which", few(["bert", "shared", "apart"], 1))
def test_every_weight_takes_the_gradient_of_whole_logits(which):
    rng = np.random.default_rng(1)
    if which == "bert":
        model, record, term = bert(), sequence_record(rng, [7, 0, 9], 9, SIZE), MaskedLM()
    else:
        model = transformer(share_embeddings={"shared": "all", "apart": "none"}[which])
        record, term = pair_record(rng, [7, 0, 9], 9, SIZE), CrossEntropy()
    batch = {"examples": np.arange(3), "plain": record}
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        expected = plain_loss(model, record)
    theirs = tape.gradient(expected, variables)
    with tf.GradientTape() as tape:
        counts = term_counts([term], batch)
        result = objective_forward(model, [term], batch, counts, False, gradients=True)
    ours = tape.gradient(result.loss, variables)
    np.testing.assert_allclose(result.loss, expected, rtol=1e-5)
    for variable, one, other in zip(variables, ours, theirs, strict=True):
        assert (one is None) == (other is None), variable.path
        if one is not None:
            np.testing.assert_allclose(
                tf.convert_to_tensor(one), tf.convert_to_tensor(other), rtol=1e-3, atol=1e-6
            )


@pytest.mark.long
def test_a_bfloat16_student_trains_on_words_and_soft_targets_in_a_graph():
    rng = np.random.default_rng(2)
    model = transformer(dtype="mixed_bfloat16")
    record = pair_record(rng, [5, 9], 9, SIZE)
    store = {
        "ids": rng.integers(0, SIZE, (2, 9, 4)).astype(np.int32),
        "log_probabilities": np.full((2, 9, 4), np.log(0.2), np.float16),
        "present": record["target"]["valid"],
    }
    batch = {"examples": np.arange(2), "plain": record, "stores": {"t": store}}
    terms = build_terms(
        {"cross_entropy": {"label_smoothing": 0.1}, "soft_targets": {"teacher": "t"}}
    )

    @tf.function(autograph=False)
    def step(batch):
        with tf.GradientTape() as tape:
            result = objective_forward(model, terms, batch, term_counts(terms, batch), True)
        return result.loss, tape.gradient(result.loss, model.trainable_variables)

    loss, gradients = step(tf.nest.map_structure(tf.convert_to_tensor, batch))
    assert loss.dtype == tf.float32
    assert np.isfinite(loss)
    assert all(
        tf.convert_to_tensor(gradient).dtype == variable.dtype
        for gradient, variable in zip(gradients, model.trainable_variables, strict=True)
    )


def test_a_bert_predicts_through_its_head_and_does_not_see_what_is_masked():
    rng = np.random.default_rng(3)
    model = bert()
    for variable in model.weights:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    record = sequence_record(rng, [7, 9], 9, SIZE)
    record["ids"][record["selected"]] = 4
    predict = predictor(model, 5)
    found = predict(record)
    log_p = tf.nn.log_softmax(model.head.logits(model(record)["hidden"])).numpy()
    log_p = log_p[record["selected"]]
    np.testing.assert_allclose(found["log_probabilities"], -np.sort(-log_p)[:, :5], atol=1e-5)
    other = predict({**record, "labels": (record["labels"] + 1) % SIZE})
    for name in ("ids", "log_probabilities", "entropy"):
        np.testing.assert_array_equal(found[name], other[name])
    assert not np.array_equal(found["gold_rank"], other["gold_rank"])


def test_terms_are_what_their_names_in_specs_load():
    register_builtins()
    for kind in registry.names("objective"):
        entry = registry.lookup("objective", kind)
        if not entry.target.startswith("tfkd."):
            continue  # another test's plugin
        fields = entry.options.model_fields
        named = {"teacher", *(name for name, field in fields.items() if field.is_required())}
        options = dict.fromkeys(named & {*fields}, "t")
        (term,) = build_terms({kind: entry.options(**options)})
        assert type(term) is registry.load(entry)
        assert term.kind == term.name == kind
    assert SoftTargets.kind == "soft_targets"


def test_each_view_of_a_step_has_dropout_masks_of_its_own():
    model = bert_with_dropout()
    record = sequence_record(np.random.default_rng(4), [7, 9], 9, SIZE)
    batch = {"examples": np.arange(2), "plain": record, "twin": record}
    first = MaskedLM(name="first")
    second = MaskedLM(name="second", view="twin", group="auxiliary")
    terms = [first, second]

    def forward(apart):
        with dropout_key([3, 4]):
            counts = term_counts(terms, batch)
            return objective_forward(model, terms, batch, counts, True, apart=apart)

    together, apart = forward(False), forward(True)
    assert float(together.sums["first"]) != pytest.approx(float(together.sums["second"]), rel=1e-4)
    # Group by group, as a combiner may ask for them, the masks are the same.
    for result in (together, apart):
        assert {n: float(v) for n, v in result.sums.items()} == pytest.approx(
            {n: float(v) for n, v in together.sums.items()}, rel=1e-6
        )
        assert float(sum(result.by_group.values())) == pytest.approx(float(together.loss), rel=1e-6)


def bert_with_dropout():
    return Bert(SIZE, layers=1, width=8, heads=2, max_length=16, dropout=0.5)
