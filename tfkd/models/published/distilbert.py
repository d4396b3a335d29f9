"""DistilBERT's published checkpoints."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfkd.models.published.architecture import Place
from tfkd.models.published.encoders import PublishedEncoder

_LAYER = "distilbert.transformer.layer.{}."


class PublishedDistilBert(PublishedEncoder):
    """DistilBERT (Sanh et al., 2019): a BERT without token types, whose row is zero here."""

    model_type: ClassVar[str] = "distilbert"
    title: ClassVar[str] = "a DistilBERT"
    tokenizer: ClassVar[str] = "wordpiece"
    sizes: ClassVar[Mapping[str, str]] = {
        "vocabulary_size": "vocab_size",
        "layers": "n_layers",
        "width": "dim",
        "heads": "n_heads",
        "feed_forward": "hidden_dim",
        "max_length": "max_position_embeddings",
    }
    prefix: ClassVar[str] = "distilbert."
    bodies: ClassVar[tuple[str, ...]] = ("embeddings.", "transformer.")
    body: ClassVar[tuple[str, ...]] = ("distilbert.",)
    words_bias: ClassVar[str] = "vocab_projector.bias"
    pooled: ClassVar[str] = "relu"
    parts: ClassVar[Mapping[str, Any]] = {
        "embedding/tokens": "distilbert.embeddings.word_embeddings",
        "embedding/positions": "distilbert.embeddings.position_embeddings",
        "embedding/norm": "distilbert.embeddings.LayerNorm",
        "encoder/{}/self_attention/query_key_value": tuple(
            f"{_LAYER}attention.{one}" for one in ("q_lin", "k_lin", "v_lin")
        ),
        "encoder/{}/self_attention/output_projection": f"{_LAYER}attention.out_lin",
        "encoder/{}/self_attention_norm": f"{_LAYER}sa_layer_norm",
        "encoder/{}/feed_forward/inner": f"{_LAYER}ffn.lin1",
        "encoder/{}/feed_forward/outer": f"{_LAYER}ffn.lin2",
        "encoder/{}/feed_forward_norm": f"{_LAYER}output_layer_norm",
        "head/transform": "vocab_transform",
        "head/transform_norm": "vocab_layer_norm",
        "head/matrix": "vocab_projector.weight",
        "head/bias": "vocab_projector.bias",
    }
    sequence_head: ClassVar[Mapping[str, str]] = {
        "classifier/transform": "pre_classifier",
        "classifier/matrix": "classifier.weight",
        "classifier/bias": "classifier.bias",
    }

    def options(self) -> dict[str, Any]:
        return {
            **self.whole_numbers(),
            "types": 1,
            "dropout": self.config.get("dropout", 0.1),
            "attention_dropout": self.config.get("attention_dropout", 0.1),
            "activation": self.activation("activation", "gelu"),
            "norm_epsilon": 1e-12,
            "positions": "sequence",
        }

    def place(self, path: str) -> Place:
        return Place(()) if path == "embedding/types/table" else super().place(path)
