"""Options of byte-level byte-pair encoding."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tfkd.spec.options.base import FilePath, Name, Options
from tfkd.spec.options.tokenizers import KeepOptions


class ByteBpeOptions(Options):
    """Byte-level byte-pair encoding, as GPT-2's: learnt, or read from its two files."""

    kind: Literal["byte_bpe"] = Field("byte_bpe", description="The kind of tokenizer.")
    size: Annotated[int, Field(ge=257, le=10_000_000)] = Field(
        8000, description="Pieces of a learnt vocabulary, 256 bytes and <|endoftext|> among them."
    )
    learn_from: list[Name] = Field(
        [], description="Corpora, or CORPUS.FIELD, that the vocabulary is learnt from."
    )
    vocabulary: FilePath | None = Field(
        None, description="vocab.json, or a file with one piece a line; with merges."
    )
    merges: FilePath | None = Field(None, description="merges.txt, beside vocabulary.")
    preset: FilePath | None = Field(
        None,
        description="A folder with vocab.json and merges.txt, or with tokenizer.json, like a "
        "published GPT-2's or RoBERTa's.",
    )
    keep: KeepOptions | None = Field(
        None,
        description="Cut a vocabulary that is read down to what corpora use: its 256 bytes, their "
        "pieces, and what these are merged from. A load stage into a model of it reads the rows "
        "of the pieces that are kept.",
    )

    @field_validator("learn_from", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> "ByteBpeOptions":
        given = [name for name in ("learn_from", "vocabulary", "preset") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("exactly one of learn_from, vocabulary, preset says where it is from")
        if self.keep is not None and self.learn_from:
            raise ValueError("keep, of a vocabulary that is learnt; expected vocabulary or preset")
        if (self.vocabulary is None) != (self.merges is None):
            raise ValueError("vocabulary and merges belong together")
        return self
