"""Options of corpora and tokenizers."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from tfkd.spec.options.base import Count, FieldName, FilePath, Name, Options, Seed

# Characters of a line whose words are counted; a paragraph of WikiText-103 has over 5,000.
_LONGEST_COUNTED = 1_000_000

# By its name in a header, or its place, from 0.
Column = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=200)]
Paths = FilePath | Annotated[list[FilePath], Field(min_length=1)]


class Sample(Options):
    """A random sample of the rows, the same for the same seed."""

    rows: Count = Field(description="How many rows to draw.")
    seed: Seed = Field(1, description="The seed of the draw.")


class EveryNth(Options):
    """Every n-th row, or all the others: two corpora on one file that share no row."""

    every: Annotated[int, Field(ge=2)] = Field(description="n: rows n, 2n, 3n, ... of the files.")
    keep: bool = Field(False, description="true: these rows; false: all others.")


class CorpusOptions(Options):
    """Transforms that every corpus has, in the order in which they are applied."""

    on_bad: Literal["drop", "stop"] = Field(
        "drop", description="Rows not UTF-8, empty or too long: left out and reported, or an error."
    )
    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2,
        description="The share of rows that may be left out because they are broken: not UTF-8, of "
        "too few columns, with a field that is missing, no text or empty beside others, or longer "
        "than max_characters has by default. More are an error, and 1 % gets a warning.",
    )
    max_characters: Count = Field(
        5000,
        description="Longer fields make a row bad: to be raised where a row is a whole document. "
        "With detokenize 1,000,000 by default: each word of such a text counts.",
    )
    marked_by: Annotated[str, Field(min_length=1, max_length=8)] | None = Field(
        None,
        description="What stands on both sides of the one marked character of `text`: it is taken "
        "out, and the field `mark` has the character's place, from 0.",
    )
    lower_case: bool = Field(False, description="Lower-case all text.")
    part: EveryNth | None = Field(None, description="Keep every n-th row, or all but these.")
    drop_overlap: list[Name] = Field(
        [], description="Other corpora: rows any of whose texts stands in them are left out."
    )
    sample: Sample | None = Field(None, description="Draw some of the rows.")
    max_rows: Count | None = Field(None, description="Keep the first rows only.")
    detokenize: Literal["ptb", "wikitext", "moses", "plain"] | None = Field(
        None,
        description="Undo the corpus's tokenization, and count its words and lines as they were, "
        "for word_perplexity (not of a part, sample or max_rows); moses: put back what that "
        "tokenizer writes as &apos; and the like; plain: count alone.",
    )

    @model_validator(mode="after")
    def _whole_lines(self) -> "CorpusOptions":
        if self.detokenize and "max_characters" not in self.model_fields_set:
            object.__setattr__(self, "max_characters", _LONGEST_COUNTED)
        return self

    @property
    def counted(self) -> bool:
        """Whether words and lines are counted as they were: of a whole text."""
        return self.detokenize is not None and not (self.part or self.sample or self.max_rows)

    kind: ClassVar[str]

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the corpus's fields."""
        raise AttributeError("a corpus without a source has no fields")

    def _with_mark(self, *names: str) -> tuple[str, ...]:
        return names if self.marked_by is None else (*names, "mark")

    @model_validator(mode="after")
    def _marks_what_is_read(self) -> "CorpusOptions":
        if self.detokenize and "mark" in self.field_names:
            raise ValueError("detokenize, which would move the marks; expected one of the two")
        return self

    @model_validator(mode="after")
    def _marks_text(self) -> "CorpusOptions":
        if self.marked_by is not None:
            names = self.field_names
            if "text" not in names or names.count("mark") > 1:
                raise ValueError(
                    f"marked_by, of a corpus with {', '.join(names[:-1])}; expected a field text "
                    "and none of the name mark"
                )
        return self


class TextOptions(CorpusOptions):
    """Plain text, a sentence or document a line."""

    kind: ClassVar[str] = "text"
    text: Paths = Field(description="Files or globs, plain or .gz, relative to the data folder.")

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark("text")


class ParallelOptions(CorpusOptions):
    """Two sides, line by line."""

    kind: ClassVar[str] = "parallel"
    parallel: Annotated[list[Paths], Field(min_length=2, max_length=2)] = Field(
        description="[SOURCE, TARGET]: each a file, a glob or a list of them."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark("source", "target")


class TableOptions(CorpusOptions):
    """Columns."""

    columns: Annotated[dict[FieldName, Column], Field(min_length=1)] = Field(
        description="Field names and their columns, like {text: sentence, label: sentiment}: by "
        "their names in each file's first line, or counted from 0."
    )
    header: bool = Field(
        False, description="Leave out each file's first line; columns by name need none of it."
    )

    @property
    def named(self) -> bool:
        """Whether columns are found by a header's names."""
        return any(isinstance(one, str) for one in self.columns.values())

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark(*self.columns)

    @model_validator(mode="after")
    def _names_need_a_header(self) -> "TableOptions":
        if self.named and "header" in self.model_fields_set and not self.header:
            raise ValueError(
                "header: false, and columns by the header's names; expected their places, from 0"
            )
        return self


class TsvOptions(TableOptions):
    """Tab-separated columns."""

    kind: ClassVar[str] = "tsv"
    tsv: Paths = Field(description="Files or globs.")


class CsvOptions(TableOptions):
    """Comma-separated columns, where a field in quotes may hold commas and line breaks."""

    kind: ClassVar[str] = "csv"
    csv: Paths = Field(description="Files or globs, as RFC 4180 has them.")
    delimiter: Literal[",", ";", "|", "\t"] = Field(
        ",", description="What stands between columns; many programs write `;`."
    )


class JsonLinesOptions(CorpusOptions):
    """One JSON object a line."""

    kind: ClassVar[str] = "jsonl"
    jsonl: Paths = Field(description="Files or globs.")
    fields: Annotated[dict[FieldName, Name], Field(min_length=1)] = Field(
        description="Field names and the keys they are read from."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark(*self.fields)


class TfdsOptions(CorpusOptions):
    """A data set of TensorFlow Datasets, by name."""

    kind: ClassVar[str] = "tfds"
    tfds: Name = Field(description="The data set, like wmt14_translate/de-en.")
    split: Name = Field("train", description="The split, like train or train[:1%].")
    fields: Annotated[dict[FieldName, Name], Field(min_length=1)] = Field(
        description="Field names and the features they are read from."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark(*self.fields)


class LinesOptions(CorpusOptions):
    """Files of one field each, line by line."""

    kind: ClassVar[str] = "lines"
    lines: Annotated[dict[FieldName, Paths], Field(min_length=1)] = Field(
        description="Field names and their files, like {text: test.sent, label: test.lb}."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark(*self.lines)


class GeneratedOptions(CorpusOptions):
    """Sentences that the package makes itself, for trials: no real text."""

    kind: ClassVar[str] = "generated"
    generated: Literal["german_english", "everyday", "classes"] = Field(
        description="The grammar: pairs of sentences with one translation each (german_english) or "
        "with many, of unequal frequency (everyday), or texts with a class (classes)."
    )
    rows: Count = Field(description="How many rows are generated.")
    seed: Seed = Field(1, description="The seed: other seeds give other sentences.")
    only: Literal["text", "source", "target"] | None = Field(
        None,
        description="text: both sides as lines of one field, no longer side by side; source or "
        "target: that side's lines alone.",
    )
    fields: list[Literal["text", "text_b", "source", "target", "label", "mark"]] = Field(
        [], description="Of classes: the fields; default: text and label."
    )

    @model_validator(mode="after")
    def _one_grammar(self) -> "GeneratedOptions":
        if self.generated == "classes" and self.only is not None:
            raise ValueError("only, of rows with classes; expected fields: [text]")
        if self.generated != "classes" and self.fields:
            raise ValueError("fields, of pairs of sentences; expected generated: classes")
        if len(set(self.fields)) < len(self.fields):
            raise ValueError("a field stands in fields twice")
        return self

    @property
    def field_names(self) -> tuple[str, ...]:
        if self.generated == "classes":
            return self._with_mark(*(self.fields or ("text", "label")))
        return self._with_mark("text") if self.only else self._with_mark("source", "target")


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

    _listed = field_validator("learn_from", mode="before")(
        lambda value: [value] if isinstance(value, str) else value
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "SentencePieceOptions":
        if bool(self.learn_from) == bool(self.vocabulary):
            raise ValueError("exactly one of learn_from, vocabulary says where it is from")
        return self


CORPORA = {
    cls.kind: cls
    for cls in (
        TextOptions,
        ParallelOptions,
        TsvOptions,
        CsvOptions,
        JsonLinesOptions,
        TfdsOptions,
        LinesOptions,
        GeneratedOptions,
    )
}
