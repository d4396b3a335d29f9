"""RoBERTa's published checkpoints, and XLM-R's, which differ in their tokenizers alone."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.models.published.bert import BERT_SIZES
from tfkd.models.published.encoders import PublishedEncoder, bert_parts


class PublishedRoberta(PublishedEncoder):
    """RoBERTa (Liu et al., 2019): a BERT whose positions start behind the id of its padding.

    Position p stands in row p + pad_token_id + 1 of the table; the rows before it are no position
    and are left out. It has one token type, whose row is added to every token.
    """

    model_type: ClassVar[str] = "roberta"
    title: ClassVar[str] = "a RoBERTa"
    tokenizer: ClassVar[str] = "byte_bpe"
    sizes: ClassVar[Mapping[str, str]] = BERT_SIZES
    prefix: ClassVar[str] = "roberta."
    body: ClassVar[tuple[str, ...]] = ("roberta.embeddings.", "roberta.encoder.")
    words_bias: ClassVar[str] = "lm_head.bias"
    parts: ClassVar[Mapping[str, Any]] = bert_parts("roberta.") | {
        "head/transform": "lm_head.dense",
        "head/transform_norm": "lm_head.layer_norm",
        "head/matrix": "lm_head.decoder.weight",
        "head/bias": "lm_head.bias",
    }
    sequence_head: ClassVar[Mapping[str, str]] = {
        "classifier/transform": "classifier.dense",
        "classifier/matrix": "classifier.out_proj.weight",
        "classifier/bias": "classifier.out_proj.bias",
    }

    @property
    def first_position(self) -> int:
        """The row of position 0."""
        pad, rows = self.config.get("pad_token_id", 1), self.config.get("max_position_embeddings")
        if not isinstance(pad, int) or isinstance(pad, bool) or not 0 <= pad < rows - 1:
            raise self.wrong(
                f"pad_token_id is {pad!r}; expected a whole number below "
                f"max_position_embeddings - 1, {rows - 1}: positions start behind it."
            )
        return pad + 1

    def options(self) -> dict[str, Any]:
        found = super().options()
        if "masked_lm" in self.heads() and found["activation"] != "gelu":
            raise self.wrong(
                f"hidden_act is {self.config['hidden_act']!r}, and the word-prediction head of "
                f"{self.title} has gelu whatever it is; only 'gelu' is known."
            )
        return found | {"max_length": found["max_length"] - self.first_position}

    def place(self, path: str) -> Any:
        found = super().place(path)
        is_position = path == "embedding/positions/table"
        return found._replace(skip=self.first_position) if is_position else found

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        yield "A pair has two </s> between its texts, and no token types."


class PublishedXlmRoberta(PublishedRoberta):
    """XLM-R (Conneau et al., 2020): a RoBERTa over SentencePiece."""

    model_type: ClassVar[str] = "xlm-roberta"
    title: ClassVar[str] = "an XLM-R"
    tokenizer: ClassVar[str] = "sentencepiece"
