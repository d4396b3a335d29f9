"""Published encoders a second time: their tensors by name, and what they compute, in float64 NumPy.

Written from the papers and the names that transformers gives, not from tfkd's tables.
"""

import json
import math

import numpy as np
from safetensors.numpy import save_file

VOCABULARY, WIDTH, INNER, HEADS, LAYERS, PLACES, CLASSES = 23, 12, 20, 3, 2, 11, 3
_ERF = np.vectorize(math.erf)
_BERT = {
    "words": "embeddings.word_embeddings", "places": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm",
    "layer": "encoder.layer.{}.", "query": "attention.self.query", "key": "attention.self.key",
    "value": "attention.self.value", "out": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm", "inner": "intermediate.dense", "outer": "output.dense",
    "norm_2": "output.LayerNorm",
}  # fmt: skip
# By model_type: the body's prefix, names, how many types, the rows before position 0, the width of
# the embeddings, the head over words (dense, norm, bias), the head over classes (dense, matrix,
# what lies between them).
FAMILIES = {
    "bert": ("bert.", _BERT, 2, 0, WIDTH,
             ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
              "cls.predictions.bias"),
             ("bert.pooler.dense", "classifier", np.tanh)),
    "roberta": ("roberta.", _BERT, 1, 2, WIDTH,
                ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
                ("classifier.dense", "classifier.out_proj", np.tanh)),
    "distilbert": (
        "distilbert.",
        {**_BERT, "types": "", "layer": "transformer.layer.{}.", "query": "attention.q_lin",
         "key": "attention.k_lin", "value": "attention.v_lin", "out": "attention.out_lin",
         "norm_1": "sa_layer_norm", "inner": "ffn.lin1", "outer": "ffn.lin2",
         "norm_2": "output_layer_norm"},
        0, 0, WIDTH, ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
        ("pre_classifier", "classifier", lambda x: np.maximum(x, 0))),
    "electra": ("electra.", {**_BERT, "project": "embeddings_project"}, 2, 0, 8,
                ("generator_predictions.dense", "generator_predictions.LayerNorm",
                 "generator_lm_head.bias"),
                ("classifier.dense", "classifier.out_proj", lambda x: gelu(x))),
    "albert": (
        "albert.",
        {**_BERT, "project": "encoder.embedding_hidden_mapping_in",
         "layer": "encoder.albert_layer_groups.0.albert_layers.0.", "query": "attention.query",
         "key": "attention.key", "value": "attention.value", "out": "attention.dense",
         "norm_1": "attention.LayerNorm", "inner": "ffn", "outer": "ffn_output",
         "norm_2": "full_layer_layer_norm"},
        2, 0, 8, ("predictions.dense", "predictions.LayerNorm", "predictions.bias"),
        ("albert.pooler", "classifier", np.tanh)),
}  # fmt: skip
FAMILIES["xlm-roberta"] = FAMILIES["roberta"]


def gelu(x):
    return x * 0.5 * (1 + _ERF(x / math.sqrt(2)))


def tensors_of(kind, head, seed=0):
    """Random float32 tensors of a checkpoint; `head` is words, classes, tokens or none."""
    prefix, names, types, skip, narrow, words, classes = FAMILIES[kind]
    generator = np.random.default_rng(seed)
    found = {}

    def tensor(name, *shape, about=0.0):
        value = about + 0.4 * generator.normal(size=shape)
        found[name] = value.astype(np.float32)

    def dense(name, read, made):
        tensor(f"{name}.weight", made, read)
        tensor(f"{name}.bias", made)

    def norm(name, width):
        tensor(f"{name}.weight", width, about=1.0)
        tensor(f"{name}.bias", width)

    tensor(f"{prefix}{names['words']}.weight", VOCABULARY, narrow)
    tensor(f"{prefix}{names['places']}.weight", PLACES + skip, narrow)
    if types:
        tensor(f"{prefix}{names['types']}.weight", types, narrow)
    norm(f"{prefix}{names['norm']}", narrow)
    if "project" in names:
        dense(f"{prefix}{names['project']}", narrow, WIDTH)
    for number in range(LAYERS):
        layer = prefix + names["layer"].format(number)
        for one in ("query", "key", "value", "out"):
            dense(layer + names[one], WIDTH, WIDTH)
        dense(layer + names["inner"], WIDTH, INNER)
        dense(layer + names["outer"], INNER, WIDTH)
        norm(layer + names["norm_1"], WIDTH)
        norm(layer + names["norm_2"], WIDTH)
    if head == "words":
        dense(words[0], WIDTH, narrow)
        norm(words[1], narrow)
        tensor(words[2], VOCABULARY)
    elif head == "classes":
        dense(classes[0], WIDTH, WIDTH)
        dense(classes[1], WIDTH, CLASSES)
    elif head == "tokens":
        dense("classifier", WIDTH, CLASSES)
    return found


def config_of(kind, head):
    """`config.json` of the same."""
    _, _, types, skip, narrow, _, _ = FAMILIES[kind]
    ending = {"words": "ForMaskedLM", "classes": "ForSequenceClassification",
              "tokens": "ForTokenClassification", "none": "Model"}[head]  # fmt: skip
    found = {
        "model_type": kind, "architectures": [f"Any{ending}"], "vocab_size": VOCABULARY,
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": INNER, "max_position_embeddings": PLACES + skip,
        "type_vocab_size": types, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
        "embedding_size": narrow, "pad_token_id": max(skip - 1, 0),
        "id2label": {str(number): f"class {number}" for number in range(CLASSES)},
    }  # fmt: skip
    if kind == "distilbert":
        found |= {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": INNER}
    return found


def write_folder(folder, kind, head, **changes):
    """Writes a folder; returns its tensors."""
    tensors = tensors_of(kind, head)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**config_of(kind, head), **changes}))
    return tensors


def computed(kind, head, tensors, ids, types, valid):
    """Logits (or last states, of head none) in float64, `[batch, length, ...]` or `[batch, C]`."""
    prefix, names, count, skip, _, words, classes = FAMILIES[kind]
    t = {name: value.astype(np.float64) for name, value in tensors.items()}

    def dense(name, x):
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    def norm(name, x):
        middle = x - x.mean(-1, keepdims=True)
        scaled = middle / np.sqrt((middle**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * t[f"{name}.weight"] + t[f"{name}.bias"]

    def heads(x):
        return x.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3)

    table = t[f"{prefix}{names['words']}.weight"]
    x = table[ids] + t[f"{prefix}{names['places']}.weight"][skip : skip + ids.shape[1]]
    if count:
        x = x + t[f"{prefix}{names['types']}.weight"][types if count > 1 else types * 0]
    x = norm(f"{prefix}{names['norm']}", x)
    if "project" in names:
        x = dense(f"{prefix}{names['project']}", x)
    for number in range(LAYERS):
        layer = prefix + names["layer"].format(number)
        query, key, value = (heads(dense(layer + names[one], x))
                             for one in ("query", "key", "value"))  # fmt: skip
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(WIDTH // HEADS)
        scores = np.where(valid[:, None, None, :], scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = norm(layer + names["norm_1"], x + dense(layer + names["out"], mixed))
        inner = gelu(dense(layer + names["inner"], x))
        x = norm(layer + names["norm_2"], x + dense(layer + names["outer"], inner))
    if head == "words":
        return norm(words[1], gelu(dense(words[0], x))) @ table.T + t[words[2]]
    if head == "classes":
        return dense(classes[1], classes[2](dense(classes[0], x[:, 0])))
    return dense("classifier", x) if head == "tokens" else x
