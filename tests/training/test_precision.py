"""The same weights have the same loss and accuracy in half precision as in float32.

Of a BERT and of a Transformer that were trained on 400 drawn pairs, so that losses are not those
of a uniform guess. The short ring compares a first step's loss, in `test_real_models`.
"""

import itertools

import numpy as np
import pytest
import sequence_models
import tensorflow as tf
from margins import share_right

from tfkd.data.batches.batcher import build_batcher
from tfkd.data.views import build_view
from tfkd.models.bert import Bert
from tfkd.models.transformer import Transformer
from tfkd.objectives import CrossEntropy, MaskedLM
from tfkd.objectives.prediction_sums import teacher_forced_metrics
from tfkd.pipeline.tasks.teacher_forced import TeacherForced
from tfkd.training import Adam, Distiller, TrainSettings, Triangular, train

pytestmark = pytest.mark.long

STEPS, VOCABULARY = 150, sequence_models.VOCABULARY
EXAMPLES = sequence_models.batcher(pairs=400).example_set
# Largest differences from float32: of the mean loss, of the summed loss of a row, of a logit. By
# the kernels of several processors 0.0007, 0.071 and 0.15 were measured in bfloat16, and 0.00005,
# 0.0054 and 0.022 in float16: eight bits of a number, or eleven.
TOLERANCES = {"mixed_bfloat16": (3e-3, 0.25, 0.6), "mixed_float16": (4e-4, 0.03, 0.08)}
ROUNDING = {"mixed_bfloat16": 2**-8, "mixed_float16": 2**-11}


def bert(policy):
    return Bert(
        VOCABULARY, layers=2, width=32, heads=2, max_length=24, dropout=0.0,
        initializer_range=0.2, seed=3, dtype=policy,
    )  # fmt: skip


def transformer(policy):
    return Transformer(
        VOCABULARY, encoder_layers=2, decoder_layers=2, width=32, heads=2, dropout=0.0,
        seed=3, dtype=policy,
    )  # fmt: skip


MODELS = {
    "bert": (bert, MaskedLM, ("conditional_mlm", {"text": "t"}, {"p": 0.3})),
    "transformer": (transformer, CrossEntropy, ("none", {"source": "t", "target": "t"}, {})),
}


each_in_half = pytest.mark.parametrize(
    ("trained", "policy"),
    itertools.product(MODELS, TOLERANCES),
    indirect=["trained"],
    scope="module",
)


@pytest.fixture(scope="module")
def trained(request, tmp_path_factory):
    """A function that builds the model with the trained weights and its term, the view, and one
    batch of all rows."""
    build, term, (kind, sides, options) = MODELS[request.param]
    view = build_view(kind, sides, sequence_models.SPECIALS, name="view", **options)
    batcher = build_batcher(EXAMPLES, {"view": view}, size=64, unit="sentences", seed=1, pad_to=12)
    distiller = Distiller(build("float32"), [term(name="words", view="view")])
    train(
        distiller,
        batcher,
        TrainSettings(
            steps=STEPS,
            optimizer=Adam(clip_norm=1.0),
            schedule=Triangular(steps=STEPS, rate=0.01),
            folder=tmp_path_factory.mktemp(request.param),
            progress=False,
            tensorboard=False,
            say=lambda line: None,
        ),
    )
    rows = np.arange(len(EXAMPLES))
    record = tf.nest.map_structure(tf.convert_to_tensor, view(EXAMPLES, rows, 0, 0))

    def of(policy):
        model = build(policy)
        model.set_weights(distiller.student.get_weights())
        assert model.compute_dtype == policy.removeprefix("mixed_")
        return Distiller(model, distiller.terms), view, {"examples": rows, "view": record}

    return of


def validated(trained, policy):
    """What a training stage's validation sums, by row."""
    distiller, view, _ = trained(policy)
    return TeacherForced(distiller.student, EXAMPLES, view).rows()


def predicted(trained, policy):
    """Logits `[N, V]` and gold words `[N]` at the predicted positions of all rows."""
    distiller, _, batch = trained(policy)
    record, model = batch["view"], distiller.student
    side = record.get("target", record)
    logits = model.head.logits(model(record)["hidden"]).numpy()
    selected = side["selected"].numpy()
    return logits[selected], side["labels"].numpy()[selected]


@pytest.fixture(scope="module")
def whole(trained):
    """Validated and predicted in float32."""
    rows = validated(trained, "float32")
    assert teacher_forced_metrics(rows)["loss"] < 0.7 * np.log(VOCABULARY)
    return rows, *predicted(trained, "float32")


def right_in(trained, whole, policy):
    """What equals an accuracy in half precision: words that are right by more than the precision's
    error are right in it, too. The error is that of the states, and of rounding what is made of
    them once more."""
    _, logits, gold = whole
    error = np.abs(predicted(trained, policy)[0] - logits).max(-1)
    assert 0 < error.max() < TOLERANCES[policy][2]
    return share_right(logits, gold, error + ROUNDING[policy] * np.abs(logits).max(-1))


@each_in_half
def test_validation_is_that_of_float32(trained, whole, policy):
    loss, row, _ = TOLERANCES[policy]
    rows = validated(trained, policy)
    half, expected = teacher_forced_metrics(rows), teacher_forced_metrics(whole[0])
    assert half["positions"] == expected["positions"] == len(whole[2]) > 500
    assert half["loss"] == pytest.approx(expected["loss"], abs=loss)
    assert half["accuracy"] == right_in(trained, whole, policy)
    assert 0 < np.abs(rows["nll"] - whole[0]["nll"]).max() < row


@each_in_half
def test_the_loss_of_a_step_is_that_of_float32(trained, whole, policy):
    """Of one step of all rows: in a small batch the errors of its few words are the loss's."""
    found = {}
    for name in ("float32", policy):
        distiller, _, batch = trained(name)
        result = distiller.objective(batch, distiller.counts(batch), training=False)
        right, count = result.metrics["words.accuracy"]
        found[name] = float(result.loss), float(right / count)
    assert found[policy][0] == pytest.approx(found["float32"][0], abs=TOLERANCES[policy][0])
    assert found["float32"][1] == share_right(*whole[1:])
    assert found[policy][1] == right_in(trained, whole, policy)
