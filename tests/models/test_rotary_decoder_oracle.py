"""Published causal decoders against transformers, where it is installed (the extra `oracle`)."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model

pytestmark = pytest.mark.oracle
SMALL = {
    "vocab_size": 61,
    "hidden_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 40,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.2,
}
WIDE = {"head_dim": 10}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 16}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0,
        "original_max_position_embeddings": 16}  # fmt: skip
CAPPED = {"attn_logit_softcapping": 3.0, "final_logit_softcapping": 2.0}
FAMILIES = {
    "llama": ("Llama", {}),
    "llama with biases": ("Llama", {"attention_bias": True, "mlp_bias": True,
                                    "num_key_value_heads": 4, "tie_word_embeddings": True}),
    "llama scaled as llama3": ("Llama", {"rope_parameters": LLAMA3}),
    "llama scaled in a line": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 10000.0}},
    ),
    "qwen2": ("Qwen2", {}),
    "qwen2 with windows": ("Qwen2", {"use_sliding_window": True, "sliding_window": 5,
                                     "max_window_layers": 2, "rope_parameters": YARN}),
    "qwen3": ("Qwen3", {**WIDE, "attention_bias": True}),
    "qwen3 scaled as yarn": (
        "Qwen3", {**WIDE, "rope_parameters": {**YARN, "beta_fast": 4.0, "truncate": False}},
    ),
    "mistral": ("Mistral", {**WIDE, "sliding_window": 6}),
    "mistral without a window": ("Mistral", {"sliding_window": None}),
    "gemma": ("Gemma", {**WIDE}),
    "gemma2": ("Gemma2", {**WIDE, **CAPPED, "sliding_window": 6, "query_pre_attn_scalar": 7}),
    "gemma3": (
        "Gemma3Text",
        {**WIDE, "sliding_window": 6, "query_pre_attn_scalar": 10, "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        }, "sliding_window_pattern": 3},
    ),
    "smollm3": ("SmolLM3", {"attention_bias": True, "mlp_bias": True}),
    "smollm3 with windows": ("SmolLM3", {"no_rope_layers": [1, 0, 1, 0], "sliding_window": 5,
                                         "use_sliding_window": True}),
}  # fmt: skip
CLASSES = {"Gemma3Text": "Gemma3ForCausalLM"}


@pytest.fixture
def oracle():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def written(oracle, family, folder, **more):
    """A random model, every weight of it off zero, as transformers writes it."""
    import torch

    torch.manual_seed(len(family))
    name, options = FAMILIES[family]
    config = getattr(oracle, f"{name}Config")(**{**SMALL, **options})
    config._attn_implementation = "eager"
    model = getattr(oracle, CLASSES.get(name, f"{name}ForCausalLM"))(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    model.save_pretrained(folder, **more)
    return model


def rows():
    """Four rows of unequal lengths, padded, beyond windows and first lengths."""
    generator = np.random.default_rng(7)
    valid = np.arange(33) < np.array([9, 33, 5, 24])[:, None]
    return np.where(valid, generator.integers(3, 61, valid.shape), 0), valid


def theirs(model, ids, valid):
    import torch

    with torch.no_grad():
        mask = torch.tensor(valid.astype(int))
        return model(input_ids=torch.tensor(ids), attention_mask=mask).logits.numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_transformers(oracle, family, tmp_path):
    reference = written(oracle, family, tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    published = open_published(tmp_path)
    model = load_model(published, ("causal_lm",))
    ids, valid = rows()
    expected = theirs(reference, ids, valid)
    record = {"ids": tf.constant(ids, tf.int32), "valid": tf.constant(valid)}
    found = model.head.logits(model(record)["hidden"]).numpy()
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-4)
    # A row of packed text has no padding: documents, and separators between them, end to end.
    packed = ids[1:2]
    found = model.logits(tf.constant(packed, tf.int32)).numpy()
    np.testing.assert_allclose(found, theirs(reference, packed, packed > -1), atol=1e-4)
    # Token by token, from a prompt on, it is the same.
    prompt = {"ids": tf.constant(ids[:, :7], tf.int32), "valid": tf.constant(valid[:, :7])}
    state = model.start(prompt)
    for step in range(12):
        at = np.minimum(valid[:, :7].sum(1) - 1 + step, 32)
        logits, state = model.step(tf.constant(ids[np.arange(4), at], tf.int32), state, step)
        whole = valid.sum(1) > at
        np.testing.assert_allclose(
            logits.numpy()[whole], expected[np.arange(4), at][whole], atol=1e-4
        )
