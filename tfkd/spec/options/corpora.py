"""Options of corpora."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, FieldName, FilePath, Name, Options, Seed
from tfkd.spec.options.soft_labels import fault_in_classes, flat

# Characters of a line whose words are counted; a paragraph of WikiText-103 has over 5,000.
_LONGEST_COUNTED = 1_000_000

# By its name in a header, or its place, from 0.
Column = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=200)]
# The classes of generated rows: of opinions, of pairs and of marked words.
OPINIONS, PAIRED = ("negative", "positive"), ("other", "same")
READINGS = ("air", "drop", "guide", "metal", "rip", "turn")
# Soft labels may stand in as many columns as there are classes.
Columns = Column | Annotated[list[Column], Field(min_length=1)]
Keys = Name | Annotated[list[Name], Field(min_length=1)]
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
        description="Longer fields (but numbers of classes) make a row bad: to be raised where a "
        "row is a whole document. "
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
    classes: list[Name] = Field(
        [],
        description="Of a corpus with the field probabilities or logits, a number for each class: "
        "the classes that they are of, in their order.",
    )
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
    def class_names(self) -> tuple[str, ...]:
        """The classes that its soft labels are of, in their order; none without such a field."""
        return tuple(self.classes)

    @model_validator(mode="after")
    def _numbers_of_classes(self) -> "CorpusOptions":
        if (wrong := fault_in_classes(self)) is not None:
            raise ValueError(wrong)
        return self

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
        return self._with_mark(*self.columns)


class JsonLinesOptions(CorpusOptions):
    """One JSON object a line."""

    kind: ClassVar[str] = "jsonl"
    jsonl: Paths = Field(description="Files or globs.")
    fields: Annotated[dict[FieldName, Keys], Field(min_length=1)] = Field(
        description="Field names and the keys they are read from; of probabilities and logits one "
        "with a list of numbers, or one a class."
    )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self._with_mark(*self.fields)


class TfdsOptions(CorpusOptions):
    """A data set of TensorFlow Datasets, by name."""

    kind: ClassVar[str] = "tfds"
    tfds: Name = Field(description="The data set, like wmt14_translate/de-en.")
    split: Name = Field("train", description="The split, like train or train[:1%].")
    fields: Annotated[dict[FieldName, Keys], Field(min_length=1)] = Field(
        description="Field names and the features they are read from; of probabilities and logits "
        "one with all numbers, or one a class."
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
            return self._with_mark(*(self.fields or ("text", "label")))
        if self.generated == "tags":
            return self._with_mark("text", "label")
        return self._with_mark("text") if self.only else self._with_mark("source", "target")


CORPORA = {
    cls.kind: cls
    for cls in (
        TextOptions,
        ParallelOptions,
        TsvOptions,
        CsvOptions,
        ConllOptions,
        JsonLinesOptions,
        TfdsOptions,
        LinesOptions,
        GeneratedOptions,
    )
}
