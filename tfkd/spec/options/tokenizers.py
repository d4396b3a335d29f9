"""Options of tokenizers whose pieces are cut from words or sentences; of bytes: `byte_bpe`."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tfkd.spec.options.base import FilePath, Name, Options


class KeepOptions(Options):
    """Cut a vocabulary down."""

    seen_in: Annotated[list[Name], Field(min_length=1)] = Field(
        description="Corpora: pieces that occur in none of them are left out."
    )


class WordPieceOptions(Options):
    """WordPiece, as BERT's: learnt, or read from a vocabulary file or a preset's folder."""

    kind: Literal["wordpiece"] = Field("wordpiece", description="The kind of tokenizer.")
    size: Annotated[int, Field(ge=20, le=10_000_000)] = Field(
        8000, description="Pieces of a learnt vocabulary."
    )
    learn_from: list[Name] = Field(
        [], description="Corpora, or CORPUS.FIELD, that the vocabulary is learnt from."
    )
    vocabulary: FilePath | None = Field(None, description="A file with one piece a line.")
    preset: FilePath | None = Field(None, description="A preset's name or a local folder.")
    lower_case: bool = Field(False, description="Lower-case before cutting (uncased BERT).")
    keep: KeepOptions | None = Field(
        None, description="Cut a vocabulary that is read down to what corpora use."
    )

    @field_validator("learn_from", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> "WordPieceOptions":
        given = [name for name in ("learn_from", "vocabulary", "preset") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("exactly one of learn_from, vocabulary, preset says where it is from")
        return self


class SentencePieceOptions(Options):
    """SentencePiece: learnt, or read from a model file (Kudo and Richardson, 2018)."""

    kind: Literal["sentencepiece"] = Field("sentencepiece", description="The kind of tokenizer.")
    model: Literal["unigram", "bpe"] = Field(
        "unigram", description="Of a learnt one: unigram, or byte-pair encoding."
    )
    size: Annotated[int, Field(ge=20, le=10_000_000)] = Field(
        8000, description="Pieces of a learnt vocabulary."
    )
    learn_from: list[Name] = Field(
        [], description="Corpora, or CORPUS.FIELD, that the vocabulary is learnt from."
    )
    vocabulary: FilePath | None = Field(None, description="A SentencePiece model's file.")
    preset: FilePath | None = Field(
        None, description="The folder of a published XLM-R, ALBERT or Marian, with its ids."
    )
    side: Literal["source", "target"] | None = Field(
        None,
        description="Of a preset with a model a side (Marian), which one. Of a learnt one: its ids "
        "are those of a Marian whose sides share it.",
    )
    start: Name | None = Field(
        None,
        description="Of a preset of an mBART: the piece that its targets begin with, that of their "
        "language, like fr_XX.",
    )
    lower_case: bool = Field(False, description="Lower-case before cutting.")
    character_coverage: Annotated[float, Field(gt=0.9, le=1)] = Field(
        0.9995, description="The share of the text's characters that get a piece."
    )
    byte_fallback: bool = Field(False, description="Cut other characters into bytes.")
    normalization: Literal["nmt_nfkc", "nfkc", "identity"] = Field(
        "nmt_nfkc",
        description="Of a learnt one; identity leaves text as it is, where the others make ASCII "
        "of full-width marks: for Chinese outputs.",
    )

    keep: KeepOptions | None = Field(
        None, description="Cut a vocabulary that is read down to what corpora use."
    )

    _listed = field_validator("learn_from", mode="before")(
        lambda value: [value] if isinstance(value, str) else value
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "SentencePieceOptions":
        given = [name for name in ("learn_from", "vocabulary", "preset") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("exactly one of learn_from, vocabulary, preset says where it is from")
        if self.side is not None and self.vocabulary is not None:
            raise ValueError("side belongs to preset, or to learn_from")
        if self.start is not None and not self.preset:
            raise ValueError("start belongs to preset: a piece that a published model has")
        if self.keep is not None and self.learn_from:
            raise ValueError("keep, of a vocabulary that is learnt; expected vocabulary or preset")
        if self.keep is not None and self.side is not None:
            raise ValueError("keep, of one side of a Marian, whose two sides have one list of ids")
        return self
