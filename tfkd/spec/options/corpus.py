"""What the options of all corpora share: which rows are kept, and what is done to them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Options, Seed
from tfkd.spec.options.soft_labels import fault_in_classes

# Characters of a line whose words are counted; a paragraph of WikiText-103 has over 5,000.
_LONGEST_COUNTED = 1_000_000


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

    def with_mark(self, *names: str) -> tuple[str, ...]:
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
