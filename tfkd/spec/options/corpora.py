"""Options of corpora: where each kind's rows come from."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, FieldName, FilePath, Name, Seed
from tfkd.spec.options.corpus import CorpusOptions
from tfkd.spec.options.soft_labels import flat

# By its name in a header, or its place, from 0.
Column = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=200)]
# The classes of generated rows: of opinions, of pairs and of marked words.
OPINIONS, PAIRED = ("negative", "positive"), ("other", "same")
READINGS = ("air", "drop", "guide", "metal", "rip", "turn")
# Soft labels may stand in as many columns as there are classes.
Columns = Column | Annotated[list[Column], Field(min_length=1)]
Keys = Name | Annotated[list[Name], Field(min_length=1)]
Paths = FilePath | Annotated[list[FilePath], Field(min_length=1)]


class TextOptions(CorpusOptions):
    """Plain text, a sentence or document a line."""

    kind: ClassVar[str] = "text"
    text: Paths = Field(
        description="Files, globs or URLs, plain or packed by gzip, xz or zstd, relative to the "
        "data folder."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark("text")


class ParallelOptions(CorpusOptions):
    """Two sides, line by line."""

    kind: ClassVar[str] = "parallel"
    parallel: Annotated[list[Paths], Field(min_length=2, max_length=2)] = Field(
        description="[SOURCE, TARGET]: each a file, a glob or a list of them."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark("source", "target")


class TableOptions(CorpusOptions):
    """Columns."""

    columns: Annotated[dict[FieldName, Columns], Field(min_length=1)] = Field(
        description="Field names and their columns, like {text: sentence, label: sentiment}: by "
        "their names in each file's first line, or counted from 0. probabilities and logits may "
        "have a column a class, [2, 3, 4]."
    )
    header: bool = Field(
        False, description="Leave out each file's first line; columns by name need none of it."
    )

    @property
    def named(self) -> bool:
        """Whether columns are found by a header's names."""
        return any(isinstance(one, str) for one in flat(self.columns.values()))

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark(*self.columns)

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
    tsv: Paths = Field(description="Files, globs or URLs.")


class CsvOptions(TableOptions):
    """Comma-separated columns, where a field in quotes may hold commas and line breaks."""

    kind: ClassVar[str] = "csv"
    csv: Paths = Field(description="Files or globs, as RFC 4180 has them.")
    delimiter: Literal[",", ";", "|", "\t"] = Field(
        ",", description="What stands between columns; many programs write `;`."
    )


class ConllOptions(CorpusOptions):
    """Sentences in CoNLL's columns: a word and its tags a line, an empty line after each."""

    kind: ClassVar[str] = "conll"
    conll: Paths = Field(description="Files or globs, of CoNLL-2003's form, CoNLL-U or alike.")
    columns: Annotated[dict[FieldName, Annotated[int, Field(ge=-1)]], Field(min_length=1)] = Field(
        {"text": 0, "label": -1},
        description="Field names and their columns, from 0; -1 is the last. CoNLL-U has words in 1 "
        "and parts of speech in 3. A row is a sentence, with spaces between words and tags.",
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark(*self.columns)


_Fields = Annotated[dict[FieldName, Keys], Field(min_length=1)]
_OF_COLUMNS = (
    "Field names and the columns they are read from, translation/de one within another; of "
    "probabilities and logits one with a list of numbers, or one a class."
)


class _KeyedOptions(CorpusOptions):
    """A corpus whose fields are read by keys, `fields`."""

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark(*self.fields)


class JsonLinesOptions(_KeyedOptions):
    """One JSON object a line."""

    kind: ClassVar[str] = "jsonl"
    jsonl: Paths = Field(description="Files, globs or URLs.")
    fields: _Fields = Field(
        description="Field names and the keys they are read from; of probabilities and logits one "
        "with a list of numbers, or one a class."
    )


class ParquetOptions(_KeyedOptions):
    """Parquet files; the extra `parquet` has what reads them."""

    kind: ClassVar[str] = "parquet"
    parquet: Paths = Field(description="Files, globs or URLs.")
    fields: _Fields = Field(description=_OF_COLUMNS)


class SavedDatasetOptions(_KeyedOptions):
    """A folder that `save_to_disk` of Hugging Face's datasets wrote (extra `parquet`)."""

    kind: ClassVar[str] = "saved_dataset"
    saved_dataset: FilePath = Field(description="The folder, relative to the data folder.")
    split: Name | None = Field(None, description="The split, of a folder that has several.")
    fields: _Fields = Field(description=_OF_COLUMNS)


class TfdsOptions(_KeyedOptions):
    """A data set of TensorFlow Datasets, by name."""

    kind: ClassVar[str] = "tfds"
    tfds: Name = Field(description="The data set, like wmt14_translate/de-en.")
    split: Name = Field("train", description="The split, like train or train[:1%].")
    fields: _Fields = Field(
        description="Field names and the features they are read from; of probabilities and logits "
        "one with all numbers, or one a class."
    )


class LinesOptions(CorpusOptions):
    """Files of one field each, line by line."""

    kind: ClassVar[str] = "lines"
    lines: Annotated[dict[FieldName, Paths], Field(min_length=1)] = Field(
        description="Field names and their files, like {text: test.sent, label: test.lb}."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.with_mark(*self.lines)


class GeneratedOptions(CorpusOptions):
    """Sentences that the package makes itself, for trials: no real text."""

    kind: ClassVar[str] = "generated"
    generated: Literal["german_english", "everyday", "classes", "tags"] = Field(
        description="The grammar: pairs of sentences with one translation each (german_english) or "
        "with many, of unequal frequency (everyday), texts with a class (classes), or with a tag "
        "for each word (tags)."
    )
    rows: Count = Field(description="How many rows are generated.")
    seed: Seed = Field(1, description="The seed: other seeds give other sentences.")
    only: Literal["text", "source", "target"] | None = Field(
        None,
        description="text: both sides as lines of one field, no longer side by side; source or "
        "target: that side's lines alone.",
    )
    fields: list[
        Literal["text", "text_b", "source", "target", "label", "mark", "probabilities"]
    ] = Field([], description="Of classes: the fields; default: text and label.")

    @model_validator(mode="after")
    def _one_grammar(self) -> "GeneratedOptions":
        if self.generated == "tags" and self.only is not None:
            raise ValueError("only, of rows with tags; expected generated: german_english")
        if self.generated == "classes" and self.only is not None:
            raise ValueError("only, of rows with classes; expected fields: [text]")
        if self.generated != "classes" and self.fields:
            what = "rows with tags" if self.generated == "tags" else "pairs of sentences"
            raise ValueError(f"fields, of {what}; expected generated: classes")
        if len(set(self.fields)) < len(self.fields):
            raise ValueError("a field stands in fields twice")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of its labels, which the probabilities follow."""
        if "probabilities" not in self.fields:
            return tuple(self.classes)
        if "mark" in self.fields:
            return READINGS
        return PAIRED if {"text_b", "target"} & set(self.fields) else OPINIONS

    @property
    def field_names(self) -> tuple[str, ...]:
        if self.generated == "classes":
            return self.with_mark(*(self.fields or ("text", "label")))
        if self.generated == "tags":
            return self.with_mark("text", "label")
        return self.with_mark("text") if self.only else self.with_mark("source", "target")


CORPORA = {
    cls.kind: cls
    for cls in (
        TextOptions,
        ParallelOptions,
        TsvOptions,
        CsvOptions,
        ConllOptions,
        JsonLinesOptions,
        ParquetOptions,
        SavedDatasetOptions,
        TfdsOptions,
        LinesOptions,
        GeneratedOptions,
    )
}
