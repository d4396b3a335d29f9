"""ELECTRA's published checkpoints: generators, discriminators and fine-tuned classifiers."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.models.published.bert import BERT_SIZES
from tfkd.models.published.encoders import PublishedEncoder, bert_parts


class PublishedElectra(PublishedEncoder):
    """ELECTRA (Clark et al., 2020): a BERT whose embeddings may be narrower than its blocks."""

    model_type: ClassVar[str] = "electra"
    title: ClassVar[str] = "an ELECTRA"
    tokenizer: ClassVar[str] = "wordpiece"
    sizes: ClassVar[Mapping[str, str]] = BERT_SIZES | {"embedding_width": "embedding_size"}
    prefix: ClassVar[str] = "electra."
    bodies: ClassVar[tuple[str, ...]] = ("embeddings.", "embeddings_project.", "encoder.")
    body: ClassVar[tuple[str, ...]] = ("electra.",)
    words_bias: ClassVar[str] = "generator_lm_head.bias"
    pooled: ClassVar[str] = "gelu"
    parts: ClassVar[Mapping[str, Any]] = bert_parts("electra.") | {
        "embedding/projection": "electra.embeddings_project",
        "head/transform": "generator_predictions.dense",
        "head/transform_norm": "generator_predictions.LayerNorm",
        "head/matrix": "generator_lm_head.weight",
        "head/bias": "generator_lm_head.bias",
    }
    sequence_head: ClassVar[Mapping[str, str]] = {
        "classifier/transform": "classifier.dense",
        "classifier/matrix": "classifier.out_proj.weight",
        "classifier/bias": "classifier.out_proj.bias",
    }

    def options(self) -> dict[str, Any]:
        found = super().options()
        if "masked_lm" in self.heads() and found["activation"] != "gelu":
            raise self.wrong(
                f"hidden_act is {self.config['hidden_act']!r}, and the word-prediction head of "
                "an ELECTRA has gelu whatever it is; only 'gelu' is known."
            )
        narrow = found["embedding_width"] != found["width"]
        return found | {"embedding_width": found["embedding_width"] if narrow else None}

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        if "discriminator_predictions.dense.weight" in self.tensors:
            yield (
                "It is a discriminator, which tells replaced words from others and predicts none: "
                "a teacher of hidden_states, and a start (head: none)."
            )
