"""Published causal decoders in NumPy, float64, written from the papers and the published tensors'
names: an independent reference."""

import json

import numpy as np
from safetensors.numpy import save_file

SMALL = {
    "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 20, "max_position_embeddings": 32,
    "rms_norm_eps": 1e-5, "head_dim": 4,
}  # fmt: skip
FAMILIES = {
    "llama": {"attention_bias": True, "mlp_bias": True, "rope_theta": 500.0, "rope_scaling": {
        "type": "linear", "factor": 2.5}},
    "qwen2": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "qwen3": {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0},
              "tie_word_embeddings": True},
    "mistral": {"sliding_window": 3},
    "gemma2": {"sliding_window": 4, "query_pre_attn_scalar": 9, "attn_logit_softcapping": 2.0,
               "final_logit_softcapping": 3.0},
    "gemma3_text": {"sliding_window": 4, "query_pre_attn_scalar": 4, "sliding_window_pattern": 2,
                    "rope_theta": 900.0, "rope_local_base_freq": 50.0},
    "smollm3": {"rope_theta": 700.0, "no_rope_layers": [1, 0, 1]},
}  # fmt: skip


def tied(config):
    usual = config["model_type"] not in ("llama", "qwen2", "qwen3", "mistral")
    return config.get("tie_word_embeddings", usual)


def write_folder(folder, family, vocabulary=None, **more):
    """A random checkpoint, every number of it off zero; its config and tensors."""
    config = {"model_type": family, **SMALL, **FAMILIES[family], **more}
    generator = np.random.default_rng(len(family))
    width, inner = config["hidden_size"], config["intermediate_size"]
    size, heads = config["head_dim"], config["num_attention_heads"]
    keys = config["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], width),
              "model.norm.weight": (width,)}  # fmt: skip
    if not tied(config):
        shapes["lm_head.weight"] = (config["vocab_size"], width)
    norms = ["input_layernorm", "post_attention_layernorm"]
    if family in ("gemma2", "gemma3_text"):
        norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        matrices = {
            "self_attn.q_proj": (heads * size, width), "self_attn.k_proj": (keys * size, width),
            "self_attn.v_proj": (keys * size, width), "self_attn.o_proj": (width, heads * size),
            "mlp.gate_proj": (inner, width), "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
        }  # fmt: skip
        for name, shape in matrices.items():
            shapes[f"{layer}{name}.weight"] = shape
            biased = config.get("mlp_bias" if name.startswith("mlp") else "attention_bias")
            if biased or (family == "qwen2" and name[-6:] in ("q_proj", "k_proj", "v_proj")):
                shapes[f"{layer}{name}.bias"] = shape[:1]
        shapes |= {f"{layer}{name}.weight": (width,) for name in norms}
        if family in ("qwen3", "gemma3_text"):
            shapes |= {f"{layer}self_attn.{one}_norm.weight": (size,) for one in "qk"}
    tensors = {
        name: (0.5 * generator.normal(size=shape) + 0.1).astype(np.float32)
        for name, shape in shapes.items()
    }
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    return config, tensors


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def logits(config, tensors, ids):
    """float64 `[length, V]` of one text `ids` `[length]`."""
    w = {name: value.astype(np.float64) for name, value in tensors.items()}
    family, size = config["model_type"], config["head_dim"]
    gemma, width = family.startswith("gemma"), config["hidden_size"]

    def norm(x, name):
        scale = w[f"{name}.weight"] + (1 if gemma else 0)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * scale

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)

    def gate(x):
        if not gemma:
            return x / (1 + np.exp(-x))
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def turned(x, theta, factor):
        """[length, heads, size]: each pair as a complex number, times e^(i angle)."""
        rates = theta ** (-2.0 * np.arange(size // 2) / size) / factor
        angles = np.arange(len(x))[:, None, None] * rates
        pairs = (x[..., : size // 2] + 1j * x[..., size // 2 :]) * np.exp(1j * angles)
        return np.concatenate([pairs.real, pairs.imag], -1)

    x = w["model.embed_tokens.weight"][ids] * (width**0.5 if gemma else 1)
    length, groups = len(ids), config["num_attention_heads"] // config["num_key_value_heads"]
    behind = np.arange(length)[:, None] - np.arange(length)
    said = config.get("rope_parameters", config)
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        near = {
            "mistral": True, "qwen2": number >= config.get("max_window_layers", 0),
            "gemma2": number % 2 == 0, "gemma3_text": number % 2 == 0,
        }.get(family, False)  # fmt: skip
        theta = said.get("rope_theta", 10000.0)
        if family == "gemma3_text" and near:
            theta = config["rope_local_base_freq"]
        y = norm(x, f"{layer}input_layernorm")
        q, k, v = (
            linear(y, f"{layer}self_attn.{one}_proj").reshape(length, -1, size) for one in "qkv"
        )
        if family in ("qwen3", "gemma3_text"):
            q, k = norm(q, f"{layer}self_attn.q_norm"), norm(k, f"{layer}self_attn.k_norm")
        if config.get("no_rope_layers", [1] * 9)[number]:
            factor = (config.get("rope_scaling") or {}).get("factor", 1.0)
            q, k = turned(q, theta, factor), turned(k, theta, factor)
        scores = np.einsum("qhd,khd->hqk", q, np.repeat(k, groups, 1))
        scores *= config.get("query_pre_attn_scalar", size) ** -0.5
        if cap := config.get("attn_logit_softcapping"):
            scores = cap * np.tanh(scores / cap)
        seen = (behind >= 0) & ((behind < config["sliding_window"]) if near else True)
        weights = softmax(np.where(seen, scores, -np.inf))
        y = np.einsum("hqk,khd->qhd", weights, np.repeat(v, groups, 1)).reshape(length, -1)
        y = linear(y, f"{layer}self_attn.o_proj")
        around = family in ("gemma2", "gemma3_text")
        x = x + (norm(y, f"{layer}post_attention_layernorm") if around else y)
        before = "pre_feedforward" if around else "post_attention"
        y = norm(x, f"{layer}{before}_layernorm")
        y = gate(linear(y, f"{layer}mlp.gate_proj")) * linear(y, f"{layer}mlp.up_proj")
        y = linear(y, f"{layer}mlp.down_proj")
        x = x + (norm(y, f"{layer}post_feedforward_layernorm") if around else y)
    head = "model.embed_tokens.weight" if tied(config) else "lm_head.weight"
    found = norm(x, "model.norm") @ w[head].T
    cap = config.get("final_logit_softcapping")
    return cap * np.tanh(found / cap) if cap else found
