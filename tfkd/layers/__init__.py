"""Keras layers of Transformers: usable alone, imported when first asked for.

Attention with caches, blocks with adapter hooks, embeddings, and a dropout whose masks are keyed.
"""

from tfkd.lazy import lazy

_PLACES = {
    "BertFusion": "adapters.bert_fusion",
    "Blocks": "initializers",
    "BottleneckAdapter": "adapters.bottleneck",
    "CrossAttention": "attention",
    "CrossAttentionAdapter": "adapters.cross_attention",
    "Dense": "dense",
    "Dropout": "dropout",
    "Embedding": "embedding",
    "FeedForward": "feed_forward",
    "GatedFeedForward": "gated_feed_forward",
    "GroupedAttention": "grouped_attention",
    "LayerNorm": "layer_norm",
    "LengthPredictor": "length_predictor",
    "Lstm": "recurrent.lstm",
    "LstmDecoder": "recurrent.lstm_decoder",
    "LstmEncoder": "recurrent.lstm_encoder",
    "PLACES": "hooks",
    "Positions": "positions",
    "RelativeBias": "relative_bias",
    "RmsNorm": "rms_norm",
    "RotaryBlock": "rotary_block",
    "SelfAttention": "attention",
    "Stack": "stack",
    "T5Block": "t5_block",
    "TransformerBlock": "block",
    "activation": "activations",
    "causal_penalty": "masks",
    "derive_seed": "initializers",
    "dropout_key": "dropout",
    "dropout_pass": "dropout",
    "fake_quantize": "quantization",
    "gelu": "activations",
    "key_penalty": "masks",
    "prefix_penalty": "masks",
    "Product": "quantization",
    "sinusoidal": "positions",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
