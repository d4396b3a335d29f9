"""BERT's published checkpoints."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfkd.models.published.encoders import PublishedEncoder, bert_parts

BERT_SIZES = {
    "vocabulary_size": "vocab_size",
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "max_length": "max_position_embeddings",
    "types": "type_vocab_size",
}


class PublishedBert(PublishedEncoder):
    """BERT (Devlin et al., 2019), with or without a pooler."""

    model_type: ClassVar[str] = "bert"
    title: ClassVar[str] = "a BERT"
    tokenizer: ClassVar[str] = "wordpiece"
    sizes: ClassVar[Mapping[str, str]] = BERT_SIZES
    prefix: ClassVar[str] = "bert."
    body: ClassVar[tuple[str, ...]] = ("bert.embeddings.", "bert.encoder.")
    words_bias: ClassVar[str] = "cls.predictions.bias"
    parts: ClassVar[Mapping[str, Any]] = bert_parts("bert.") | {
        "head/transform": "cls.predictions.transform.dense",
        "head/transform_norm": "cls.predictions.transform.LayerNorm",
        "head/matrix": "cls.predictions.decoder.weight",
        "head/bias": "cls.predictions.bias",
    }
    sequence_head: ClassVar[Mapping[str, str]] = {
        "classifier/transform": "bert.pooler.dense",
        "classifier/matrix": "classifier.weight",
        "classifier/bias": "classifier.bias",
    }
