"""GPT-2 in NumPy, float64, written from the published tensors' names: an independent reference."""

import numpy as np


def norm(x, scale, offset, epsilon):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * scale + offset


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def logits(tensors, config, ids):
    """float64 `[length, V]` of one text `ids` `[length]`."""
    w = {
        name.removeprefix("transformer."): value.astype(np.float64)
        for name, value in tensors.items()
    }
    epsilon, heads = config["layer_norm_epsilon"], config["n_head"]
    length = len(ids)
    x = w["wte.weight"][ids] + w["wpe.weight"][:length]
    size = x.shape[1] // heads
    later = np.triu(np.full((length, length), -np.inf), 1)
    for number in range(config["n_layer"]):
        p = f"h.{number}."
        y = norm(x, w[p + "ln_1.weight"], w[p + "ln_1.bias"], epsilon)
        q, k, v = np.split(y @ w[p + "attn.c_attn.weight"] + w[p + "attn.c_attn.bias"], 3, axis=1)
        seen = []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / np.sqrt(size) + later
            seen.append(softmax(scores) @ v[:, part])
        seen = np.concatenate(seen, 1)
        x = x + seen @ w[p + "attn.c_proj.weight"] + w[p + "attn.c_proj.bias"]
        y = norm(x, w[p + "ln_2.weight"], w[p + "ln_2.bias"], epsilon)
        y = gelu(y @ w[p + "mlp.c_fc.weight"] + w[p + "mlp.c_fc.bias"])
        x = x + y @ w[p + "mlp.c_proj.weight"] + w[p + "mlp.c_proj.bias"]
    return norm(x, w["ln_f.weight"], w["ln_f.bias"], epsilon) @ w["wte.weight"].T
