"""A family of one's own, to be joined by `--plugin mean_encoder`: it knows of a text its mean."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import keras
import tensorflow as tf
from pydantic import Field

from tfkd.layers import Dropout, Embedding, FeedForward, LayerNorm, Positions
from tfkd.layers.initializers import derive_seed
from tfkd.models import LanguageModel, VocabularyHead
from tfkd.models.builder import CLASSES, arguments
from tfkd.models.classifier_head import ClassifierHead
from tfkd.spec import registry
from tfkd.spec.options import ClassifierHeadOptions, ModelOptions
from tfkd.spec.options.base import Count, Name, Rate


class MeanEncoderOptions(ModelOptions):
    """h <- LN(h + FF([h; mean of the text's h])), layer by layer."""

    single_sequence: ClassVar[bool] = True  # and each token sees both sides: not causal

    kind: Literal["mean_encoder"] = Field("mean_encoder", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="Layers.")
    width: Count = Field(description="Size of the hidden vectors.")
    max_length: Count = Field(512, description="Positions that the model knows.")
    dropout: Rate = Field(0.1, description="On embeddings and within layers.")
    head: ClassifierHeadOptions | None = Field(None, description="Over classes; default: words.")

    @property
    def part_names(self) -> tuple[str, ...]:
        layers = (name for n in range(self.layers) for name in (f"layer_{n + 1}", f"norm_{n + 1}"))
        return ("embedding", "positions", *layers, "head", *(("classifier",) if self.head else ()))

    def weight_sizes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("layers", "width", "max_length")}

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        width, vocabulary = self.width, vocabularies["text"]
        found = {"embedding": vocabulary * width, "positions": self.max_length * width}
        for number in range(1, self.layers + 1):
            found[f"layer_{number}"] = (2 * width + 1) * 2 * width + (2 * width + 1) * width
            found[f"norm_{number}"] = 2 * width
        classes = vocabularies.get("classes")
        if classes is None or vocabularies.get("words"):
            found["head"] = vocabulary  # its matrix is the embedding
        if classes is not None:
            found["classifier"] = (width + classes) * (width + 1)
        return found

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        # What a layer reads and its mean, the inner states twice, the sum and its norm.
        layer = 2 * step.item + 4 * step.item + step.mask(self.dropout) + step.norm
        return self.width * ((4 + 2 * step.item) + self.layers * layer)

    def taught(self, item: int, step: Any) -> int:
        return 5 * self.width * item


@keras.saving.register_keras_serializable(package="mean_encoder")
class MeanEncoder(LanguageModel):
    """The model: called with a sequence record it gives "embedding", "layer_1", ..., "hidden"."""

    input_layout = "sequence"
    rows_of_pieces: ClassVar = {"embedding/table": ("text",), "head/bias": ("head",)}

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        width: int,
        max_length: int = 512,
        dropout: float = 0.1,
        output_heads: Mapping[str, Any],
        seed: int | None = 1,
        name: str = "mean_encoder",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size, "layers": layers, "width": width,
            "max_length": max_length, "dropout": dropout, "output_heads": dict(output_heads),
            "seed": seed,
        }  # fmt: skip
        self.vocabulary_size, self.width, self.max_length = vocabulary_size, width, max_length

        def shared(part: str) -> dict[str, Any]:
            return {"seed": derive_seed(seed, part), "dtype": self.dtype_policy, "name": part}

        policy = {"dtype": self.dtype_policy}
        self.embedding = Embedding(vocabulary_size, width, **shared("embedding"))
        self.positions = Positions("learned", width, max_length=max_length, **shared("positions"))
        self.blocks = [
            FeedForward(width, 2 * width, dropout=dropout, **shared(f"layer_{number + 1}"))
            for number in range(layers)
        ]
        self.norms = [LayerNorm(name=f"norm_{n + 1}", **policy) for n in range(layers)]
        self.dropout = Dropout(dropout, name="dropout", **policy)
        embedding, self.heads = self.embedding, {}
        if "masked_lm" in output_heads:
            self.heads["masked_lm"] = VocabularyHead(
                vocabulary_size, width, tied_matrix=lambda: embedding.table, **shared("head")
            )
        if "classifier" in output_heads:
            head = ClassifierHead(width=width, **output_heads["classifier"], **shared("classifier"))
            self.heads["classifier"] = head
        self.finish()

    @classmethod
    def from_options(cls, options, tokenizers, *, policy, seed, heads_needed) -> "MeanEncoder":
        heads: dict[str, Any] = {kind: {} for kind in heads_needed}
        if "classifier" in heads:
            rate = options.dropout if options.head.dropout is None else options.head.dropout
            heads["classifier"] = {"classes": tokenizers[CLASSES].size, "dropout": rate}
        size, given = tokenizers[options.tokenizer].size, arguments(options)
        return cls(size, **given, output_heads=heads, dtype=policy, seed=seed)

    def build(self, input_shape: Any = None) -> None:
        for layer in (self.embedding, self.positions, self.dropout, *self.heads.values()):
            layer.build()
        for block, norm in zip(self.blocks, self.norms, strict=True):
            block.build((None, None, 2 * self.width))
            norm.build((None, None, self.width))

    def call(self, record: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        hidden = self.positions(self.embedding(record["ids"]), record.get("positions"))
        hidden = self.dropout(hidden, training=training)
        seen = record.get("valid", tf.ones_like(record["ids"], tf.bool))[..., None]
        seen, states = tf.cast(seen, hidden.dtype), {"embedding": hidden}
        count = tf.reduce_sum(seen, 1, keepdims=True) + 1e-6
        for number, (block, norm) in enumerate(zip(self.blocks, self.norms, strict=True), 1):
            mean = tf.reduce_sum(hidden * seen, 1, keepdims=True) / count
            around = tf.concat([hidden, tf.broadcast_to(mean, tf.shape(hidden))], -1)
            hidden = states[f"layer_{number}"] = norm(hidden + block(around, training=training))
        return {**states, "hidden": hidden}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}


def register() -> None:
    """Joins the registry: `--plugin mean_encoder` calls it."""
    target = f"{__name__}:MeanEncoder"
    registry.register("model", "mean_encoder", options=MeanEncoderOptions, target=target)
