"""BERT_l2r: a real BERT that sees the source and what is to the left, scored in one pass."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.data.views.base import SequenceView
from tfkd.models import Bert
from tfkd.objectives.prediction import predictor
from tfkd.targets import Header, StoreWriter, score_previous

from .fakes import PAIR, SPECIALS, pairs

VIEW = SequenceView("joint", SPECIALS)
LENGTHS = [(3, 6), (1, 2), (6, 9), (2, 0)]
TOP_K = 5


@pytest.fixture(scope="module", params=few(["sequence", "segment"], 1))
def teacher(request):
    """A BERT whose weights are large, so that every token matters."""
    model = Bert(SPECIALS.size, layers=2, width=8, heads=2, max_length=64, positions=request.param)
    generator = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(variable.value.numpy() + 0.3 * generator.normal(size=variable.shape))
    return model, predictor(model, TOP_K)


def score(predict, example_set, folder):
    header = Header("c", "v", SPECIALS.size, TOP_K, len(example_set))
    return score_previous(predict, example_set, VIEW, StoreWriter(folder, header), batch_tokens=64)


def by_cutting(model):
    """A function of a source and what stands before: log p of the next word, of a sequence that
    ends there."""
    row = tf.TensorSpec([1, None], tf.int32)

    @tf.function(input_signature=[row, row, tf.TensorSpec([1], tf.int32)], autograph=False)
    def logits_of(ids, types, prefix):
        record = {"ids": ids, "types": types, "prefix": prefix}
        return model.head.logits(model(record)["hidden"][:, -1])

    def of(source, before):
        ids, prefix = np.array([[2, *source, 3, *before]], np.int32), len(source) + 2
        types = (np.arange(ids.shape[1])[None] >= prefix).astype(np.int32)
        logits = logits_of(ids, types, [prefix]).numpy()[0].astype(np.float64)
        logits -= logits.max()
        return logits - np.log(np.exp(logits).sum())

    return of


def test_a_row_is_one_pass_over_the_source_and_what_is_to_the_left(tmp_path, teacher):
    """All that is to the right is not masked there: it is not there at all."""
    model, predict = teacher
    example_set = pairs(LENGTHS)
    store = score(predict, example_set, tmp_path)
    assert store.rows == sum(target + 1 for _, target in LENGTHS)
    next_word = by_cutting(model)
    for example, (_, length) in enumerate(LENGTHS):
        source, target = (example_set.take(*key, [example]).row(0) for key in PAIR)
        found = store.take([example], 10)
        for place in range(length + 1):
            log_p = next_word(source, target[:place])
            best, ids = np.sort(log_p)[::-1][:TOP_K], found["ids"][0, place]
            assert len(set(ids.tolist())) == TOP_K
            np.testing.assert_allclose(log_p[ids], best, atol=1e-4)
            np.testing.assert_allclose(found["log_probabilities"][0, place], best, atol=4e-3)


def test_later_words_of_the_target_change_no_earlier_row(tmp_path, teacher):
    _, predict = teacher
    before = pairs([(3, 7)])
    one = score(predict, before, tmp_path / "one").take([0], 8)["log_probabilities"][0]
    target = before.parts[0].fields[PAIR[1]]
    for place in range(7):
        values = target.values.copy()
        values[place] = 5 + (values[place] - 4) % 35
        fields = {**before.parts[0].fields, PAIR[1]: Ragged(values, target.offsets)}
        after = ExampleSet([Part("corpus", fields, 1)])
        other = score(predict, after, tmp_path / str(place)).take([0], 8)["log_probabilities"][0]
        moved = (one != other).any(-1)
        assert moved.tolist() == [row > place for row in range(8)]
