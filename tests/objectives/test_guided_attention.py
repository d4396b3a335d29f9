"""Attention guided by links: values and gradients against NumPy float64, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.models import Rnn, Transformer
from tfkd.objectives import CrossEntropy, GuidedAttention

from .online_teachers import SEP, SIZE, TARGETS, batch_of, float64, forward

HEADS = 4


def student(layers=2, **options):
    model = Transformer(
        TARGETS, source_vocabulary_size=SIZE, encoder_layers=1, decoder_layers=layers, width=8,
        heads=HEADS, share_embeddings="target", dropout=0.0, **options,
    )  # fmt: skip
    draw = np.random.default_rng(4)
    for variable in model.weights:
        variable.assign(variable + 0.4 * draw.normal(size=variable.shape))
    return model


def guided(**options):
    """A batch whose target pieces have none to three links, of pieces that are there."""
    batch, draw = batch_of(**options), np.random.default_rng(7)
    valid = batch["plain"]["target"]["valid"]
    lengths = (batch["plain"]["source"]["valid"].sum(1) - 1).clip(0)
    links = np.full((*valid.shape, 8), -1, np.int32)
    for row, length in enumerate(lengths):
        for place in range(length):  # the end has none
            count = draw.integers(0, min(length, 3) + 1)
            links[row, place, :count] = draw.permutation(length)[:count]
    return {**batch, "stores": {"lexicon": {"links": links}}}


def softmax(values):
    values = np.exp(values - values.max(-1, keepdims=True))
    return values / values.sum(-1, keepdims=True)


def in_heads(values):
    return values.reshape(*values.shape[:2], HEADS, -1).transpose(0, 2, 1, 3)


def attention_by_hand(model, states, valid, query_kernel=None):
    """The first decoder layer's attention to the source, `[batch, heads, target, source]`."""
    block = model.decoder_stack.blocks[0]

    def product(layer, inputs, kernel=None):
        kernel = float64(layer.kernel) if kernel is None else kernel
        return inputs @ kernel + float64(layer.bias)

    hidden = float64(states["decoder.embedding"])
    own = product(block.self_attention.query_key_value, hidden)
    query, key, value = (in_heads(one) for one in np.split(own, 3, -1))
    logits = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    length = logits.shape[-1]
    weights = softmax(np.where(np.tri(length, dtype=bool), logits, -np.inf))
    joined = (weights @ value).transpose(0, 2, 1, 3).reshape(hidden.shape)
    hidden = hidden + product(block.self_attention.output_projection, joined)
    norm = block.self_attention_norm
    centred = hidden - hidden.mean(-1, keepdims=True)
    hidden = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + norm.epsilon)
    hidden = hidden * float64(norm.scale) + float64(norm.offset)
    query = in_heads(product(block.cross_attention.query, hidden, query_kernel))
    both = product(block.cross_attention.key_value, float64(states["encoder.hidden"]))
    key = in_heads(np.split(both, 2, -1)[0])
    logits = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    return softmax(np.where(valid[:, None, None], logits, -1e9))


def loss_by_hand(attention, batch, heads):
    total, links = 0.0, batch["stores"]["lexicon"]["links"]
    for row, place in zip(*np.nonzero((links >= 0).any(-1)), strict=True):
        of = [one for one in links[row, place] if one >= 0]
        paid = attention[row, :heads, place].mean(0)
        total -= sum(np.log(paid[one]) for one in of) / len(of)
    return total


@pytest.mark.parametrize("heads", few([1, HEADS], 1))
def test_values_and_gradients_are_those_of_the_formula(heads):
    model, batch = student(), guided()
    valid = batch["plain"]["source"]["valid"]
    plain = model(batch["plain"])
    assert not any("attention" in name for name in plain)
    term = GuidedAttention(alignments="lexicon", heads=heads)
    term.attach(model, {})
    assert term.layer == 1  # the last but one of two
    kernel = model.decoder_stack.blocks[0].cross_attention.query.kernel
    with tf.GradientTape() as tape:
        found = forward(model, [term], batch)
    (gradient,) = tape.gradient(found.loss, [kernel.value])
    count = int((batch["stores"]["lexicon"]["links"][..., 0] >= 0).sum())
    assert count > 5
    assert float(term.count(batch)) == count

    def loss(query_kernel=None):
        attention = attention_by_hand(model, plain, valid, query_kernel)
        return loss_by_hand(attention, batch, heads)

    assert float(found.sums["guided_attention"]) == pytest.approx(loss(), rel=1e-4)
    assert float(found.loss) == pytest.approx(loss() / count, rel=1e-4)
    for place in [(0, 0), (3, 1), (5, 6), (7, 7)]:
        step = np.zeros(kernel.shape)
        step[place] = 1e-5
        base = float64(kernel)
        expected = (loss(base + step) - loss(base - step)) / 2e-5 / count
        assert float(gradient[place]) == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_it_stands_beside_other_terms_and_rows_count_as_they_are_weighed():
    model, batch = student(), guided()
    words, term = CrossEntropy(), GuidedAttention(alignments="lexicon", weight=0.05)
    before = float(forward(model, [words], batch).loss)
    term.attach(model, {})
    alone = float(forward(model, [term], batch).loss)
    both = forward(model, [words, term], batch)
    assert float(both.loss) == pytest.approx(before + alone, rel=1e-5)
    halves = {**batch, "row_weights": np.array([1.0, 0.5, 0.0, 0.0], np.float32)}
    each = [{**batch, "row_weights": np.eye(4, dtype=np.float32)[row]} for row in range(2)]
    sums = [float(forward(model, [term], one).sums["guided_attention"]) for one in each]
    found = forward(model, [term], halves)
    assert float(found.sums["guided_attention"]) == pytest.approx(sums[0] + sums[1] / 2, rel=1e-4)


def test_a_token_in_front_of_the_source_is_no_piece_of_it():
    """With leads on both sides places stay those of the texts."""
    model = student(source_lead=5, target_lead=6)
    batch = guided()
    term = GuidedAttention(alignments="lexicon", layer=2)
    term.attach(model, {})
    shown = float64(model(batch["plain"])["decoder.attention_2"])
    width = batch["plain"]["source"]["ids"].shape[1]
    assert shown.shape[2:] == (width, width + 1)
    expected = loss_by_hand(shown[..., 1:], batch, 1)
    found = forward(model, [term], batch)
    assert float(found.sums["guided_attention"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (student, {"layer": 3}, "Expected 1 to 2, the layers"),
        (student, {"heads": 5}, "Expected 1 to 4, the heads"),
        (lambda: Rnn(20, layers=1, width=8), {}, "heads of such attention. Received: Rnn"),
    ],
)
def test_what_a_student_lacks_is_refused(model, options, said):
    with pytest.raises(ValueError, match=said):
        GuidedAttention(alignments="lexicon", **options).attach(model(), {})


def test_attention_sums_to_one_over_what_is_there():
    model, batch = student(), guided()
    GuidedAttention(alignments="lexicon").attach(model, {})
    shown = float64(model(batch["plain"])["decoder.attention_1"])
    source = batch["plain"]["source"]
    np.testing.assert_allclose(shown[0].sum(-1), 1.0, rtol=1e-5)
    assert shown[0][..., ~source["valid"][0]].max(initial=0) < 1e-6
    assert (source["ids"][0] == SEP).sum() == 1
