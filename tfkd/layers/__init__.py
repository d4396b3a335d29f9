"""Keras layers of Transformers: usable alone, imported when first asked for.

Attention with caches, blocks with adapter hooks, embeddings, and a dropout whose masks are keyed.
"""

import importlib
from typing import Any

_PLACES = {
    "BertFusion": "bert_fusion",
    "Blocks": "initializers",
    "BottleneckAdapter": "bottleneck_adapter",
    "CrossAttention": "attention",
    "CrossAttentionAdapter": "cross_attention_adapter",
    "Dense": "dense",
    "Dropout": "dropout",
    "Embedding": "embedding",
    "FeedForward": "feed_forward",
    "LayerNorm": "layer_norm",
    "LengthPredictor": "length_predictor",
    "Lstm": "lstm",
    "LstmDecoder": "lstm_decoder",
    "LstmEncoder": "lstm_encoder",
    "PLACES": "hooks",
    "Positions": "positions",
    "SelfAttention": "attention",
    "Stack": "stack",
    "TransformerBlock": "block",
    "activation": "activations",
    "causal_penalty": "masks",
    "derive_seed": "initializers",
    "dropout_key": "dropout",
    "dropout_pass": "dropout",
    "gelu": "activations",
    "key_penalty": "masks",
    "prefix_penalty": "masks",
    "sinusoidal": "positions",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
