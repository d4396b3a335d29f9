"""Published encoder-decoders against transformers, where it is installed (the extra `oracle`)."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model

pytestmark = [pytest.mark.oracle, pytest.mark.long]
SIZES = {"vocab_size": 61, "d_model": 24, "encoder_layers": 3, "decoder_layers": 2,
         "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 40,
         "decoder_ffn_dim": 40, "max_position_embeddings": 30}  # fmt: skip
PAD, START, END = 1, 0, 2


@pytest.fixture
def oracle():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def written(model, folder):
    """Every weight of it off zero, as transformers writes it."""
    import torch

    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in model.eval().named_parameters():
            if "embed_positions" not in name or model.config.model_type in ("bart", "mbart"):
                value.add_(0.1 * torch.randn_like(value))
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.add_(torch.randn(1, model.config.vocab_size))
    model.save_pretrained(folder)
    return model


def sentences(pad, least=4):
    """Two sides of four rows of unequal lengths, padded; ids from `least` on."""
    generator = np.random.default_rng(7)
    found = []
    for lengths in ([9, 21, 5, 14], [7, 3, 12, 12]):
        width = max(lengths)
        valid = np.arange(width) < np.array(lengths)[:, None]
        found.append((np.where(valid, generator.integers(least, 60, valid.shape), pad), valid))
    return found


def theirs(model, source, seen, target):
    import torch

    with torch.no_grad():
        return model(
            input_ids=torch.tensor(source),
            attention_mask=torch.tensor(seen.astype(int)),
            decoder_input_ids=torch.tensor(target),
        ).logits.numpy()


def ours(model, source, seen, target):
    record = {
        "source": {"ids": tf.constant(source, tf.int32), "valid": tf.constant(seen)},
        "target": {"ids": tf.constant(target, tf.int32)},
    }
    whole = model.head.logits(model(record)["hidden"]).numpy()
    state = model.start(record["source"])
    for place in range(target.shape[1]):
        step, state = model.step(record["target"]["ids"][:, place], state, place, 12)
        np.testing.assert_allclose(step, whole[:, place], atol=1e-4)
    return whole


def in_front(lead, ids):
    return np.concatenate([np.full((len(ids), 1), lead), ids], 1)


@pytest.mark.parametrize(("scaled", "activation"), [(False, "gelu"), (True, "relu")])
def test_a_bart_predicts_as_in_transformers(oracle, scaled, activation, tmp_path):
    config = oracle.BartConfig(
        **SIZES, scale_embedding=scaled, activation_function=activation, pad_token_id=PAD,
        bos_token_id=START, eos_token_id=END, decoder_start_token_id=END,
    )  # fmt: skip
    reference = written(oracle.BartForConditionalGeneration(config), tmp_path)
    (source, seen), (target, _) = sentences(PAD)
    target = in_front(START, target)
    expected = theirs(
        reference, in_front(START, source), in_front(True, seen), in_front(END, target)
    )
    published = open_published(tmp_path)
    assert published.options()["source_lead"] == "<s>"
    found = ours(load_model(published, ()), source, seen, target)
    np.testing.assert_allclose(found, expected[:, 1:], atol=1e-4)


def test_an_mbart_predicts_as_in_transformers(oracle, tmp_path):
    config = oracle.MBartConfig(
        **SIZES, scale_embedding=True, pad_token_id=PAD, bos_token_id=START, eos_token_id=END
    )
    reference = written(oracle.MBartForConditionalGeneration(config), tmp_path)
    (source, seen), (target, _) = sentences(PAD)
    found = ours(load_model(open_published(tmp_path), ()), source, seen, target)
    np.testing.assert_allclose(found, theirs(reference, source, seen, target), atol=1e-4)
    again = load_model(open_published(tmp_path), (), source_lead=50, target_lead=END)
    found = ours(again, source, seen, target)
    expected = theirs(reference, in_front(50, source), in_front(True, seen), in_front(END, target))
    np.testing.assert_allclose(found, expected[:, 1:], atol=1e-4)


def test_a_marian_of_ours_is_one_of_transformers(oracle, tmp_path):
    from tfkd.data.tokenizers.published_pieces import as_marian, read_published_pieces
    from tfkd.data.tokenizers.sentence_piece import learn_sentencepiece
    from tfkd.models import Transformer, save_published_marian

    lines = ["ein Hund und zwei Katzen", "a dog and two cats", "Straße, Café: 42 %"]
    pieces = as_marian(learn_sentencepiece(lines * 20, 70))
    model = Transformer(
        pieces.size, encoder_layers=2, decoder_layers=1, width=8, heads=2, norm_epsilon=1e-5,
        activation="silu",
    )  # fmt: skip
    draw = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(variable.value.numpy() + 0.3 * draw.normal(size=variable.shape))
    save_published_marian(model, tmp_path, {"source": pieces, "target": pieces})
    read = oracle.MarianMTModel.from_pretrained(tmp_path).eval()
    tokenizer = oracle.MarianTokenizer.from_pretrained(tmp_path)
    for line in lines:
        ids = read_published_pieces(tmp_path, "source").encode([line]).row(0).tolist()
        assert tokenizer(line)["input_ids"] == [*ids, pieces.end_id]
    (source, seen), (target, _) = sentences(pieces.pad_id, 2)
    source, target = np.minimum(source, pieces.size - 1), np.minimum(target, pieces.size - 1)
    expected = theirs(read, source, seen, in_front(pieces.pad_id, target))
    np.testing.assert_allclose(
        ours(model, source, seen, in_front(pieces.pad_id, target)), expected, atol=1e-4
    )


@pytest.mark.parametrize("family", ["T5", "MT5"])
@pytest.mark.parametrize(
    ("said", "output"),
    [
        ({"feed_forward_proj": "relu"}, "scaled"),
        ({"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, "own"),
        ({"feed_forward_proj": "gated-silu", "tie_word_embeddings": False}, "tied"),
    ],
)
def test_a_t5_predicts_as_in_transformers(oracle, family, said, output, tmp_path):
    import torch

    config = getattr(oracle, f"{family}Config")(
        vocab_size=61, d_model=24, d_kv=5, d_ff=40, num_layers=3, num_decoder_layers=2, num_heads=4,
        relative_attention_num_buckets=8, relative_attention_max_distance=12, pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0, **said,
    )  # fmt: skip
    reference = getattr(oracle, f"{family}ForConditionalGeneration")(config)
    if output == "own":
        matrix = torch.nn.Parameter(torch.randn(61, 24))
        reference.lm_head.weight = matrix
    reference = written(reference, tmp_path)
    (source, seen), (target, _) = sentences(0)
    expected = theirs(reference, source, seen, in_front(0, target))
    published = open_published(tmp_path)
    assert family == "MT5" or published.options()["output"] == output
    found = ours(load_model(published, ()), source, seen, in_front(0, target))
    np.testing.assert_allclose(found, expected, atol=1e-4)
