"""A BERT beside each attention of a Transformer: where it stands, and what of both is taken."""

import numpy as np
import pytest
import tensorflow as tf
from ab_nets import RECORD, fused, fused_once

from tfkd.models import (
    freeze,
    variables_by_path,
)


def test_bert_fused_with_a_causal_decoder_steps_as_it_runs_whole():
    model = fused(decoder_attention="causal", lengths=None)
    hidden, state = model(RECORD)["hidden"], model.start(RECORD["source"])
    for index in range(4):
        logits, state = model.step(RECORD["target"]["ids"][:, index], state, index)
        np.testing.assert_allclose(logits, model.head.logits(hidden[:, index]), atol=1e-4)


def test_bert_fused_averages_and_bert_reads_cls():
    model = fused_once()
    block = model.encoder_stack.blocks[0]
    fusion = block.adapters["beside_self_attention"]
    memories = model._with_bert(RECORD["source"], None)
    read = {"ids": tf.constant([[2, 5, 6, 7, 8, 3]])}
    expected = model.bert(read)["hidden"]
    np.testing.assert_allclose(memories["bert"]["hidden"][:1], expected, atol=1e-5)
    hidden = tf.random.stateless_normal([2, 5, 12], [1, 2])
    own = tf.random.stateless_normal([2, 5, 12], [3, 4])
    theirs, _ = fusion(hidden, memories)
    found, _ = fusion(hidden, memories, branch=own)
    np.testing.assert_allclose(found, (own + theirs) / 2, atol=1e-6)


def test_each_attention_of_bert_fused_stands_beside_the_one_of_its_kind():
    """Encoder: self-attention; decoder: cross-attention (Zhu et al. 2020, section 4)."""
    model = fused_once()
    for stack, place in (
        (model.encoder_stack, "beside_self_attention"),
        (model.decoder_stack, "beside_cross_attention"),
    ):
        assert [list(block.adapters) for block in stack.blocks] == [[place]] * 2


@pytest.mark.parametrize(
    ("options", "rate"),
    [({"dropout": 0.4}, 0.4), ({"dropout": 0.4, "attention_dropout": 0.0}, 0.0), ({}, 0.1)],
)
def test_attention_to_bert_drops_out_as_the_other_attentions(options, rate):
    block = fused(**options).encoder_stack.blocks[0]
    assert block.self_attention.dropout.rate == rate
    assert block.adapters["beside_self_attention"].attention.dropout.rate == rate


def test_drop_net_takes_one_of_both_or_their_mean():
    model = fused()
    fusion = model.encoder_stack.blocks[0].adapters["beside_self_attention"]
    fusion.attention.dropout.rate = 0.0
    hidden = tf.random.stateless_normal([300, 3, 12], [1, 2])
    memory = {
        "hidden": tf.random.stateless_normal([300, 4, 16], [5, 6]),
        "mask": tf.zeros([300, 1, 1, 4]),
    }
    theirs, _ = fusion(hidden, {"bert": memory})
    own = tf.random.stateless_normal([300, 3, 12], [3, 4])
    for rate, shares in ((1.0, (0.5, 0.0, 0.5)), (0.5, (0.25, 0.5, 0.25)), (0.0, (0.0, 1.0, 0.0))):
        fusion.drop_net = rate
        found, _ = fusion(hidden, {"bert": memory}, branch=own, training=True)
        kinds = [
            np.isclose(found, value, atol=1e-5).all((1, 2)).mean()
            for value in (own, (own + theirs) / 2, theirs)
        ]
        assert sum(kinds) == pytest.approx(1)
        np.testing.assert_allclose(kinds, shares, atol=0.1)


def test_a_frozen_bert_is_a_part_by_itself():
    model = fused()
    freeze(model, ["transformer"])
    names = {
        path.partition("/")[0] for path, one in variables_by_path(model).items() if one.trainable
    }
    assert names == {"transformer"}
    assert set(model.parts) == {"bert", "transformer"}
