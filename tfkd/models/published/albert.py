"""ALBERT's published checkpoints."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.models.published.bert import BERT_SIZES
from tfkd.models.published.encoders import PublishedEncoder

_LAYER = "albert.encoder.albert_layer_groups.{}.albert_layers.0."


class PublishedAlbert(PublishedEncoder):
    """ALBERT (Lan et al., 2020): a BERT of narrow embeddings, whose blocks are the same weights.

    Each block gets a copy of them: as many weights as a BERT's, which go their own ways where they
    are trained.
    """

    model_type: ClassVar[str] = "albert"
    title: ClassVar[str] = "an ALBERT"
    tokenizer: ClassVar[str] = "sentencepiece"
    plain: ClassVar[Mapping[str, Any]] = PublishedEncoder.plain | {"inner_group_num": 1}
    sizes: ClassVar[Mapping[str, str]] = BERT_SIZES | {"embedding_width": "embedding_size"}
    prefix: ClassVar[str] = "albert."
    body: ClassVar[tuple[str, ...]] = ("albert.embeddings.", "albert.encoder.")
    words_bias: ClassVar[str] = "predictions.bias"
    parts: ClassVar[Mapping[str, Any]] = {
        "embedding/tokens": "albert.embeddings.word_embeddings",
        "embedding/types": "albert.embeddings.token_type_embeddings",
        "embedding/positions": "albert.embeddings.position_embeddings",
        "embedding/norm": "albert.embeddings.LayerNorm",
        "embedding/projection": "albert.encoder.embedding_hidden_mapping_in",
        "pooler": "albert.pooler",
        "encoder/{}/self_attention/query_key_value": tuple(
            f"{_LAYER}attention.{one}" for one in ("query", "key", "value")
        ),
        "encoder/{}/self_attention/output_projection": f"{_LAYER}attention.dense",
        "encoder/{}/self_attention_norm": f"{_LAYER}attention.LayerNorm",
        "encoder/{}/feed_forward/inner": f"{_LAYER}ffn",
        "encoder/{}/feed_forward/outer": f"{_LAYER}ffn_output",
        "encoder/{}/feed_forward_norm": f"{_LAYER}full_layer_layer_norm",
        "head/transform": "predictions.dense",
        "head/transform_norm": "predictions.LayerNorm",
        "head/matrix": "predictions.decoder.weight",
        "head/bias": "predictions.bias",
    }
    sequence_head: ClassVar[Mapping[str, str]] = {
        "classifier/transform": "albert.pooler",
        "classifier/matrix": "classifier.weight",
        "classifier/bias": "classifier.bias",
    }

    def options(self) -> dict[str, Any]:
        found = super().options()
        found["activation"] = self.activation("hidden_act", "gelu_new")
        # Its mapping is there where both are of one size, too: then it is read as it is.
        return found

    def place(self, path: str) -> Any:
        stack, _, rest = path.partition("/")
        layer, _, below = rest.partition("/")
        if stack == "encoder" and layer.startswith("layer_"):
            number, layers = int(layer.removeprefix("layer_")) - 1, self.config["num_hidden_layers"]
            group = number * self._groups // layers
            path = f"encoder/layer_{group + 1}/{below}"
        return super().place(path)

    @property
    def _groups(self) -> int:
        return self.config.get("num_hidden_groups", 1)

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        yield self.copies()

    def copies(self) -> str:
        layers, groups, inside = self.config["num_hidden_layers"], self._groups, 0
        for name, stored in self.tensors.items():
            if name.startswith("albert.encoder.albert_layer_groups."):
                inside += math.prod(self.checkpoint.tensors[stored].shape)
        there = self.parameters()
        here = there + inside * layers // groups - inside
        return (
            f"All {layers} blocks are {groups} in the checkpoint, and copies of it here: "
            f"{there:,} numbers there, {here:,} weights here."
        )
