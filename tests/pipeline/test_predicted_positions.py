"""What accuracy and loss are of, family by family: the predicted positions, each once.

The figures of Table 8 (P4, section 6.3): words that BERT hides, every next word of a GPT-2, the
words of the segment that MASS's decoder writes; against counts in NumPy float64 row by row.
"""

import numpy as np
import pytest
import tensorflow as tf
from margins import FLOAT32, margins

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.models import Bert, Gpt2, Transformer
from tfkd.objectives.prediction_sums import teacher_forced_metrics
from tfkd.pipeline.tasks.teacher_forced import TeacherForced

SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 20)
STREAM, SIDES = {"text": "t"}, {"source": "t", "target": "t"}
# A wide spread of weights: models that say different words at different places.
WIDE = {"width": 16, "heads": 2, "dropout": 0.4, "initializer_range": 1.0}


def texts(rows=24):
    draw = np.random.default_rng(0)
    return Ragged.from_rows([draw.integers(5, 20, draw.integers(1, 12)) for _ in range(rows)])


def examples(packed=False):
    ids = Packed(texts(), 16, SPECIALS.end_id, 1) if packed else texts()
    part = Part("texts", {("text", "t"): ids}, len(ids), packed=packed)
    return ExampleSet([part])


def bert():
    return Bert(20, layers=1, max_length=32, **WIDE)


def gpt2():
    return Gpt2(20, layers=1, max_length=32, **WIDE)


def mass():
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "width": 16, "heads": 2, "dropout": 0.4}
    model = Transformer(20, **sizes, positions="learned", max_length=32)
    draw = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(variable.value.numpy() + draw.normal(scale=0.4, size=variable.shape))
    return model


FAMILIES = {
    "masked words": (bert, STREAM, "mlm", {"p": 0.3}, False),
    "spans": (bert, STREAM, "spans", {}, False),
    "next words": (gpt2, STREAM, "causal_lm", {}, False),
    "next words of blocks": (gpt2, STREAM, "causal_lm", {}, True),
    "segments": (mass, SIDES, "mass", {}, False),
}


# In the short ring a BERT and packed texts.
SHORT = ("masked words", "next words of blocks")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in SHORT else [pytest.mark.long]) for name in FAMILIES
    ],
)
def family(request):
    """Model, examples, a maker of the view, and the measure's sums by row."""
    build, sides, kind, options, packed = FAMILIES[request.param]
    model, rows = build(), examples(packed)

    def view():
        return build_view(kind, sides, {"t": SPECIALS}, name="seen", **options)

    sums = TeacherForced(model, rows, view()).rows()
    return request.param, model, rows, view, sums


def by_hand(model, record):
    """Each row's predicted positions, right ones and nats, by a loop over positions."""
    side = {name: np.asarray(value) for name, value in record.get("target", record).items()}
    hidden = model(tf.nest.map_structure(tf.convert_to_tensor, record))["hidden"]
    logits = model.head.logits(hidden).numpy().astype(np.float64)
    found = np.zeros([len(logits), 3])
    for row, place in zip(*np.nonzero(side["selected"]), strict=True):
        one, gold = logits[row, place], side["labels"][row, place]
        nats = np.log(np.exp(one - one.max()).sum()) + one.max() - one[gold]
        (above,) = margins([one], [gold])
        assert abs(above) > 2 * FLOAT32  # the draws leave no near ties
        found[row] += (1, above > 0, nats)
    return found


def test_sums_are_over_the_predicted_positions_of_each_row(family):
    _, model, rows, view, sums = family
    # Row by row, without any padding: a batch must come to the same.
    record = [view()(rows, np.array([row]), 0, 0) for row in range(len(rows))]
    expected = np.concatenate([by_hand(model, one) for one in record])
    assert np.array_equal(sums["positions"], expected[:, 0])
    assert np.array_equal(sums["correct"], expected[:, 1])
    np.testing.assert_allclose(sums["nll"], expected[:, 2], rtol=1e-4)
    share = expected[:, 1].sum() / expected[:, 0].sum()
    assert teacher_forced_metrics(sums)["accuracy"] == pytest.approx(share)
    assert 0 < share < 0.6


def test_each_family_predicts_as_many_words_as_its_task_says(family):
    name, _, rows, _, sums = family
    lengths = rows.lengths("text", "t")
    found = sums["positions"]
    if name == "masked words":
        assert found.sum() == pytest.approx(0.3 * lengths.sum(), rel=0.4)
    elif name == "next words":
        assert np.array_equal(found, lengths + 1)  # the text's end is predicted, its start is not
    elif name == "next words of blocks":
        assert found.sum() == texts().lengths.sum() + len(texts())
    elif name == "segments":
        # Half of the words and the end, rounded to even.
        assert np.array_equal(found, np.maximum(1, np.round((lengths + 1) / 2)))


def test_what_is_not_predicted_does_not_count(family):
    """Other labels where nothing is selected change neither loss nor accuracy."""
    _, model, rows, view, sums = family

    class Spoilt:
        """The view, with wrong labels where none are asked for."""

        def __init__(self, of):
            self._of, self.name = of, of.name

        def __getattr__(self, name):
            return getattr(self._of, name)

        def __call__(self, *arguments, **options):
            record = self._of(*arguments, **options)
            side = record.get("target", record)
            side["labels"] = np.where(side["selected"], side["labels"], 7).astype(np.int32)
            return record

    found = TeacherForced(model, rows, Spoilt(view())).rows()
    assert all(np.array_equal(found[name], sums[name]) for name in sums)


def test_each_measure_hides_the_same_words_and_drops_nothing_out(family):
    """Bit for bit, by a measure that was used before and by one made anew."""
    _, model, rows, view, sums = family
    forced = TeacherForced(model, rows, view())
    for _ in range(2):
        found = forced.rows()
        assert all(found[name].tobytes() == sums[name].tobytes() for name in sums)


def test_a_rows_figures_do_not_hang_on_what_stands_beside_it(family):
    name, model, _, view, sums = family
    if name == "next words of blocks":
        return
    ids = texts()
    few = Ragged.from_rows([ids.row(row) for row in range(10)])
    part = ExampleSet([Part("texts", {("text", "t"): few}, 10)])
    found = TeacherForced(model, part, view()).rows()
    assert np.array_equal(found["positions"], sums["positions"][:10])
    assert np.array_equal(found["correct"], sums["correct"][:10])
    np.testing.assert_allclose(found["nll"], sums["nll"][:10], rtol=1e-4)
