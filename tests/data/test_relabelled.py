"""Labels in another vocabulary, against a loop over pieces."""

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import SequenceView
from tfkd.data.views.relabelled import Relabelled, vocabulary_map

READ = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d"]
PREDICTED = ["[UNK]", "##d", "a", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]


def test_each_label_is_the_same_piece_or_the_unknown_one():
    table = vocabulary_map(READ, PREDICTED, "[UNK]")
    for old, new in enumerate(table):
        assert PREDICTED[new] == (READ[old] if READ[old] in PREDICTED else "[UNK]")


def test_only_labels_change():
    specials = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), len(READ))
    text = Ragged.from_rows([[5, 6, 8], [7]])
    examples = ExampleSet([Part("text", {("text", "t"): text}, 2)])
    view = SequenceView("t", specials)
    table = vocabulary_map(READ, PREDICTED, "[UNK]")
    plain = view(examples, np.array([1, 0, -1]), 0, 1)
    mapped = Relabelled(view, table)(examples, np.array([1, 0, -1]), 0, 1)
    assert mapped.keys() == plain.keys()
    for name in plain.keys() - {"labels"}:
        np.testing.assert_array_equal(mapped[name], plain[name])
    pieces = [[PREDICTED[i] for i in row] for row in mapped["labels"]]
    assert pieces[1][:5] == ["[CLS]", "a", "[UNK]", "##d", "[SEP]"]
