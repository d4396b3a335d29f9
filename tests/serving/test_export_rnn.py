"""An RNN as a SavedModel: it answers as decoding in NumPy without a state does."""

import numpy as np
import pytest

from tfkd.models import Rnn
from tfkd.serving import export_saved_model, load_saved_model


@pytest.mark.long
@pytest.mark.parametrize(
    "decode",
    [{"kind": "greedy"}, pytest.param({"kind": "beam", "beam": 3}, marks=pytest.mark.long)],
    ids=["greedy", "beam"],
)
def test_an_rnn_in_mixed_precision_is_exported(tmp_path, tokenizer, sentences, decode, in_process):
    model = Rnn(tokenizer.size, layers=2, width=16, max_length=20, seed=3, dtype="mixed_bfloat16")
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight.value) + 0.5 * generator.normal(size=weight.shape))
    result = export_saved_model(
        model, {"source": tokenizer, "target": tokenizer}, decode, tmp_path, {},
        sentences=sentences,
    )  # fmt: skip
    assert result["check"]["sentences"] == len(set(sentences))
    assert result["check"]["largest_difference"] < 1e-4
    found = load_saved_model(tmp_path).translate(sentences)
    assert len({each.text for each in found}) > 4
