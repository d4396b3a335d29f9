"""LightPAFF on segments: an encoder-decoder teaches a smaller one, the whole distribution."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import MassView, PairView
from tfkd.models.transformer import Transformer
from tfkd.objectives import OnlineTeacher, build_terms, objective_forward, term_counts

SIZE, SHARE = 19, 0.7
SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), SIZE)


def scrambled(model, seed):
    draw = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(variable + 0.4 * draw.normal(size=variable.shape))
    return model


def transformer(layers=(1, 1), width=8, seed=1, **options):
    sizes = {"encoder_layers": layers[0], "decoder_layers": layers[1], "width": width, "heads": 2}
    return scrambled(Transformer(SIZE, **sizes, **options), seed)


def batch_of(view):
    """Three rows and a filler."""
    draw = np.random.default_rng(3)
    rows = {
        (field, "t"): Ragged.from_rows([draw.integers(5, SIZE, n) for n in (6, 2, 9)])
        for field in ("source", "target")
    }
    examples, chosen = ExampleSet([Part("p", rows, 3)]), np.array([0, 2, 1, -1])
    found = MassView("t", SPECIALS) if view == "mass" else PairView("t", "t", SPECIALS, SPECIALS)
    record = found(examples, chosen, 0, 5, pad_to=4)
    return {"examples": chosen, view: tf.nest.map_structure(tf.convert_to_tensor, record)}


def terms_of(view, online, model, share=SHARE):
    named = {} if view == "plain" else {"view": view}
    terms = build_terms(
        {
            "words": {"kind": "cross_entropy", **named},
            "soft": {"kind": "soft_targets", "teacher": "big", **named},
        },
        balance={"soft": share},
    )
    for term in terms:
        term.attach(model, {"big": online})
    return terms


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@pytest.mark.parametrize("view", few(["mass", "plain"], 0))
def test_the_loss_is_lightpaffs(view):
    """(1 - lambda) * MLE + lambda * cross-entropy with the teacher, each over the predicted words
    (section 2); the teacher has other sizes, learned positions and dropout."""
    batch = batch_of(view)
    model = transformer(positions="learned", max_length=16, dropout=0.0)
    teacher = transformer((2, 3), 12, 7, positions="learned", max_length=32, dropout=0.5)
    online = OnlineTeacher(teacher, start_id=2, end_id=3)
    terms = terms_of(view, online, model)
    result = objective_forward(model, terms, batch, term_counts(terms, batch), training=True)
    target = batch[view]["target"]
    chosen, gold = target["selected"].numpy(), target["labels"].numpy()
    z, taught = (
        one.head.logits(one(batch[view])["hidden"]).numpy()[chosen].astype(np.float64)
        for one in (model, teacher)
    )
    log_p, q = log_softmax(z), np.exp(log_softmax(taught))
    nll = -log_p[np.arange(len(z)), gold[chosen]].mean()
    soft = -(q * log_p).sum(-1).mean()
    assert float(result.loss) == pytest.approx((1 - SHARE) * nll + SHARE * soft, rel=1e-4)
    kl = soft + (q * np.log(q)).sum(-1).mean()
    summed, count = result.metrics["soft.kl"]
    assert float(summed / count) == pytest.approx(kl, rel=1e-3)


@pytest.mark.parametrize("view", ["mass", "plain"])
def test_without_a_share_the_loss_is_that_of_the_words_alone(view):
    batch, model = batch_of(view), transformer(dropout=0.0)
    terms = terms_of(view, None, model, share=0.0)
    assert [term.name for term in terms] == ["words"]  # the teacher is not asked
    result = objective_forward(model, terms, batch, term_counts(terms, batch), training=True)
    target = batch[view]["target"]
    chosen = target["selected"].numpy()
    z = model.head.logits(model(batch[view])["hidden"]).numpy()[chosen].astype(np.float64)
    nll = -log_softmax(z)[np.arange(len(z)), target["labels"].numpy()[chosen]].mean()
    assert float(result.loss) == pytest.approx(nll, rel=1e-4)


@pytest.mark.parametrize("view", few(["mass", "plain"], 0))
def test_a_student_that_is_its_teacher_has_no_divergence_and_no_gradient(view):
    batch = batch_of(view)
    model = transformer(dropout=0.0)
    teacher = transformer(dropout=0.3)
    for mine, theirs in zip(model.weights, teacher.weights, strict=True):
        mine.assign(theirs)
    terms = terms_of(view, OnlineTeacher(teacher, start_id=2, end_id=3), model, share=1.0)
    assert [term.name for term in terms] == ["soft"]  # the other one has left the graph
    with tf.GradientTape() as tape:
        result = objective_forward(model, terms, batch, term_counts(terms, batch), training=True)
    assert float(result.metrics["soft.kl"][0]) == pytest.approx(0.0, abs=1e-3)
    variables = [weight.value for weight in model.trainable_weights]
    for gradient in tape.gradient(result.loss, variables):
        if gradient is not None:
            assert np.abs(tf.convert_to_tensor(gradient).numpy()).max() < 1e-5
