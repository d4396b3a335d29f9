"""Low-rank adapters on projections become a part of these in CTranslate2's format."""

from typing import ClassVar, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.format import Subject
from tfkd.spec.formats.ctranslate2 import CTranslate2Options
from tfkd.spec.formats.format import Served
from tfkd.spec.options import AdapterOptions, BottleneckOptions, TransformerOptions

pytestmark = pytest.mark.tensorflow
WIDTHS = {
    "on_self_attention_query_key_value": 48, "on_self_attention_output": 16,
    "on_cross_attention_query": 16, "on_cross_attention_key_value": 32,
    "on_cross_attention_output": 16, "on_feed_forward_inner": 64, "on_feed_forward_outer": 16,
}  # fmt: skip


@keras.saving.register_keras_serializable(package="folded")
class Folded(keras.layers.Layer):
    """branch + h A B."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.down = self.add_weight((input_shape[-1], 3), name="down")
        self.up = self.add_weight((3, self.units), name="up")

    def call(self, hidden, memories, *, branch, cache=None, training=False):
        return branch + tf.matmul(tf.matmul(hidden, self.down), self.up)

    def product(self):
        return tf.matmul(self.down, self.up)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.long
def test_the_export_scores_as_the_model_with_its_adapters(tmp_path, build, tokenizer):
    pytest.importorskip("ctranslate2")
    adapters = {
        side: {
            "layer_1": {
                place: Folded(units) for place, units in WIDTHS.items()
                if side == "decoder" or "cross" not in place
            }
        }
        for side in ("encoder", "decoder")
    }  # fmt: skip
    both, lines = {"source": tokenizer, "target": tokenizer}, ["ba dage", "ki ko mu", "ge"]
    decode = {"kind": "greedy", "max_length": 4}
    made = Subject(build(adapters=adapters), both, decode, lines, {"name": "tiny"}, None)
    options = CTranslate2Options(of="learn", format="ctranslate2")
    check = CTranslate2().write(made, options, tmp_path / "a")["check"]
    assert check["lines"] == 3
    assert check["largest_difference"] < 1e-3
    np.testing.assert_array_less(0, [abs(weight.numpy()).max() for weight in made.model.weights])


def test_adapters_that_do_not_fold_are_refused():
    class LowRank(AdapterOptions):
        kind: Literal["low_rank"] = "low_rank"
        folds: ClassVar[bool] = True

    plain = TransformerOptions(
        encoder_layers=1, decoder_layers=1, width=16, heads=2, tokenizer="joint"
    )
    on, after = LowRank(place="on_self_attention_output"), LowRank()
    asked = CTranslate2Options(of="learn", format="ctranslate2")
    for adapters, beside in (
        ({"encoder": on, "decoder": on}, None),
        ({"encoder": on, "decoder": after}, "decoder"),
        ({"encoder": BottleneckOptions(width=4), "decoder": on}, "encoder"),
    ):
        served = Served("learn", plain.linked({}, adapters), None, None)
        reasons = [what for what, _ in asked.reasons_against(served)]
        assert reasons == ([f"learn has adapters on its {beside}"] if beside else [])
