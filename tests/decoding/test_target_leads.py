"""A model that puts a token before each target's start writes one token fewer."""

import numpy as np
import pytest
from rings import few

from tfkd.data.ragged import Ragged
from tfkd.decoding import Decoder, build_search

pytestmark = pytest.mark.tensorflow


class Pieces:
    pad_id, unknown_id, start_id, end_id, mask_id = range(5)
    special_ids = (0, 1, 2, 3, 4)
    size = 12


@pytest.mark.parametrize("lead", few([None, 9], 1))
def test_outputs_end_with_the_positions(lead):
    from tfkd.models import Transformer

    model = Transformer(
        12, encoder_layers=1, decoder_layers=1, width=8, heads=2, max_length=6, seed=1,
        positions="learned", target_lead=lead,
    )  # fmt: skip
    bias = np.zeros(12, np.float32)
    bias[Pieces.end_id] = -50  # nothing ends by itself
    model.head.own_bias.assign(bias)
    search = build_search({"kind": "greedy", "max_length": 99})
    found = Decoder(model, search, Pieces, Pieces).decode(Ragged.from_rows([[5, 6], [7]]))
    assert found.outputs.lengths.tolist() == [5 - (lead is not None)] * 2
