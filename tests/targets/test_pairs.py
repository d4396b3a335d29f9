"""An encoder-decoder's stored targets: each row is one pass over what stands before it, and a
student learns from all of them what it learns from the teacher itself."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.data.batches.assembly import assemble
from tfkd.data.views import PairView
from tfkd.models.rnn import Rnn
from tfkd.models.transformer import Transformer
from tfkd.objectives import OnlineTeacher, SoftTargets, objective_forward, term_counts
from tfkd.objectives.prediction import predictor
from tfkd.spec.errors import UserError
from tfkd.targets import Header, PartStores, StoreWriter, score_pairs

from .fakes import PAIR, SPECIALS, pairs

VIEW = PairView("joint", "joint", SPECIALS, SPECIALS)
LENGTHS = [(3, 6), (1, 2), (6, 9), (2, 0), (12, 3)]
SIZE = SPECIALS.size


def model(kind=Transformer, seed=3, width=8):
    """One whose weights are large, so that every token matters."""
    sizes = {"layers": 1} if kind is Rnn else {"encoder_layers": 1, "decoder_layers": 1, "heads": 2}
    found = kind(SIZE, width=width, dropout=0.4, **sizes)
    draw = np.random.default_rng(seed)
    for variable in found.weights:
        variable.assign(variable.value.numpy() + 0.3 * draw.normal(size=variable.shape))
    return found


def score(predict, example_set, folder, top_k=5, **options):
    header = Header("c", "v", SIZE, top_k, len(example_set))
    return score_pairs(predict, example_set, VIEW, StoreWriter(folder, header), **options)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def by_cutting(teacher):
    """A function of a source and what stands before: log p of the next word, of a target that ends
    there."""

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32)] * 2, autograph=False)
    def logits(source, target):
        record = {"source": {"ids": source}, "target": {"ids": target}}
        return teacher.head.logits(teacher(record)["hidden"][:, -1])

    def of(source, before):
        both = [[*source, SPECIALS.end_id]], [[SPECIALS.start_id, *before]]
        return log_softmax(logits(*both))[0]

    return of


@pytest.mark.parametrize("kind", few([Transformer, Rnn], 0))
def test_a_row_is_one_pass_over_the_source_and_what_stands_before(tmp_path, kind):
    teacher, example_set = model(kind), pairs(LENGTHS)
    store = score(predictor(teacher, 5), example_set, tmp_path, batch_tokens=64)
    assert store.rows == sum(target + 1 for _, target in LENGTHS)
    right, next_word = 0, by_cutting(teacher)
    for example, (_, length) in enumerate(LENGTHS):
        source, target = (example_set.take(*key, [example]).row(0) for key in PAIR)
        found = store.take([example], 10)
        for place in range(length + 1):
            log_p = next_word(source, target[:place])
            best, ids = np.sort(log_p)[::-1][:5], found["ids"][0, place]
            assert len({*ids.tolist()}) == 5
            np.testing.assert_allclose(log_p[ids], best, atol=1e-4)
            np.testing.assert_allclose(found["log_probabilities"][0, place], best, atol=4e-3)
            right += np.argmax(log_p) == [*target, SPECIALS.end_id][place]
    assert store.metrics["accuracy"] == pytest.approx(right / store.rows)


def test_longer_pairs_have_no_rows_and_no_batch_is_too_large(tmp_path):
    shapes = []

    def predict(record):
        side = record["target"]
        shapes.append((record["source"]["ids"].size, side["ids"].size))
        count = int(side["selected"].sum())
        row = {"ids": np.zeros((count, 1), int), "log_probabilities": np.zeros((count, 1))}
        others = ("gold_rank", "gold_log_probability", "entropy")
        return {**row, **{name: np.zeros(count) for name in others}}

    limits = {"source": 7, "target": 8}
    store = score(predict, pairs(LENGTHS), tmp_path, 1, limits=limits, batch_tokens=32)
    assert store.rows_present.tolist() == [s + 1 <= 7 and t + 1 <= 8 for s, t in LENGTHS]
    assert all(sum(shape) <= 32 for shape in shapes)
    assert len(shapes) > 1


def test_texts_are_no_pairs(tmp_path):
    texts = pairs([(2, 2)])
    texts.parts[0].fields.pop(PAIR[1])
    with pytest.raises(UserError, match="source and target"):
        score(None, texts, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", few([Transformer, Rnn], 0))
def test_all_stored_words_teach_what_the_teacher_itself_does(tmp_path, kind):
    """K is the whole vocabulary: only the store's 16 bits lie between the two."""
    teacher, student, example_set = model(), model(kind, 7, 6), pairs(LENGTHS)
    store = score(predictor(teacher, SIZE), example_set, tmp_path, SIZE)
    examples = np.array([2, 0, -1, 3])
    stores = {"stored": PartStores([store])}
    batch = assemble(example_set, {"plain": VIEW}, stores, examples, 0, 0, pad_to=4)
    online = OnlineTeacher(teacher, start_id=SPECIALS.start_id, end_id=SPECIALS.end_id)

    def taught(by):
        term = SoftTargets(teacher=by, name="taught")
        term.attach(student, {"live": online})
        with tf.GradientTape() as tape:
            found = objective_forward(student, [term], batch, term_counts([term], batch), False)
        gradients = tape.gradient(found.loss, student.trainable_variables)
        return float(found.loss), [tf.convert_to_tensor(one).numpy() for one in gradients]

    (loss, gradients), (live, wanted) = taught("stored"), taught("live")
    selected, record = batch["plain"]["target"]["selected"], batch["plain"]
    ours, theirs = (
        log_softmax(one.head.logits(one(record, training=False)["hidden"]))[selected]
        for one in (student, teacher)
    )
    assert live == pytest.approx(-(np.exp(theirs) * ours).sum() / selected.sum(), rel=1e-5)
    assert loss == pytest.approx(live, rel=1e-4)
    for one, other in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3 * np.abs(other).max() + 1e-6)
