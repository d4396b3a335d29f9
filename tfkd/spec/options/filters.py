"""Options of the rules of filter stages: what a row must be like to be kept."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from tfkd.spec.options.base import (
    NOT_TEXT,
    Count,
    FieldName,
    ModelReference,
    Name,
    Options,
    Positive,
    Share,
)
from tfkd.spec.wording import shown

_CODE = "[a-z]{2,3}"


def _code(text: str) -> str:
    if not re.fullmatch(_CODE, text):
        raise ValueError(f"{shown(text)} is no code; expected two or three small letters, like de")
    return text


# An identifier's name of a language, most often of two letters.
Language = Annotated[str, AfterValidator(_code), Field(json_schema_extra={"pattern": f"^{_CODE}$"})]


class FilterRuleOptions(Options):
    """What all rules share. A plugin's extend it, beside a `kind: Literal[NAME]`.

    Attributes:
        reads: `row`: a row is judged by itself; `keys`: rows are held against those before them;
            `scores`: each row has a number, by which the corpus is sorted.
        of_pairs: Whether it compares source and target.
        packages: What it imports of the extra `filter`.
    """

    reads: ClassVar[Literal["row", "keys", "scores"]] = "row"
    of_pairs: ClassVar[bool] = False
    name: Name | None = Field(
        None,
        description="What its rows are counted under; default: its kind. No two share one.",
        examples=["equal"],
    )

    @property
    def packages(self) -> tuple[str, ...]:
        return ()

    @property
    def called(self) -> str:
        """What its rows are counted under."""
        return self.name or self.kind  # type: ignore[attr-defined]

    def faults(self, fields: tuple[str, ...]) -> list[tuple[tuple, str, str]]:
        """What does not fit a corpus with these fields: a place in the options, what is there and
        what is expected."""
        if self.of_pairs and not {"source", "target"} <= set(fields):
            return [((), f"it compares source and target, and the corpus has {', '.join(fields)}",
                     "a corpus with both")]  # fmt: skip
        return [
            (("on",), f"the corpus has no text {field}", f"one of {', '.join(texts)}")
            for field in getattr(self, "on", None) or ()
            if field not in (texts := [one for one in fields if one not in NOT_TEXT])
        ]


class _OnFields(FilterRuleOptions):
    on: list[FieldName] | None = Field(
        None, description="The fields that it reads, like [target]; default: all texts.",
        examples=[["target"]], min_length=1,
    )  # fmt: skip


class LengthRuleOptions(_OnFields):
    """Texts with too few or too many words."""

    kind: Literal["length"] = Field("length", description="The rule.")
    least: Count = Field(1, description="The fewest words, or characters, of each text.")
    most: Count = Field(200, description="The most of each.")
    unit: Literal["words", "characters"] = Field(
        "words", description="What is counted: words between white space, or characters."
    )
    longest_word: Count | None = Field(
        None, description="The most characters of one word; default: any number.", examples=[40]
    )

    def faults(self, fields: tuple[str, ...]) -> list[tuple[tuple, str, str]]:
        found = super().faults(fields)
        if self.least > self.most:
            found.append((("least",), f"{self.least}, and most is {self.most}: no text is so long",
                          f"at most {self.most}"))  # fmt: skip
        return found


class RatioRuleOptions(FilterRuleOptions):
    """Pairs of which one side is many times as long as the other."""

    kind: Literal["ratio"] = Field("ratio", description="The rule.")
    of_pairs = True
    most: Annotated[float, Field(ge=1)] = Field(
        3.0, description="The longer side's length over the shorter's."
    )
    unit: Literal["words", "characters"] = Field(
        "characters", description="What is counted of each side."
    )


class LettersRuleOptions(_OnFields):
    """Texts that are mostly digits, signs and punctuation."""

    kind: Literal["letters"] = Field("letters", description="The rule.")
    least: Share = Field(
        0.5, description="The least share of letters among what is neither space nor mark."
    )


class SameRuleOptions(FilterRuleOptions):
    """Pairs whose sides are one text, but for case and spaces: nothing was translated."""

    kind: Literal["same"] = Field("same", description="The rule.")
    of_pairs = True


class NumbersRuleOptions(FilterRuleOptions):
    """Pairs whose sides have other numbers, however their digits are grouped."""

    kind: Literal["numbers"] = Field("numbers", description="The rule.")
    of_pairs = True
    least_digits: Count = Field(
        1, description="Shorter numbers are passed over: small ones are often written as words."
    )


class UrlsRuleOptions(FilterRuleOptions):
    """Pairs whose sides have other URLs or mail addresses."""

    kind: Literal["urls"] = Field("urls", description="The rule.")
    of_pairs = True


class MarkupRuleOptions(_OnFields):
    """Texts with tags, entities, braces of templates or escapes left in them."""

    kind: Literal["markup"] = Field("markup", description="The rule.")


class RepeatsRuleOptions(_OnFields):
    """Texts that say the same words again and again, as a translator does that is stuck."""

    kind: Literal["repeats"] = Field("repeats", description="The rule.")
    n: Count = Field(3, description="Words of an n-gram.")
    most: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.3, description="The most of a text's n-grams that it has said before."
    )


class DuplicatesRuleOptions(_OnFields):
    """Rows that stand in the corpus already: of equal ones the first is kept."""

    kind: Literal["duplicates"] = Field("duplicates", description="The rule.")
    reads = "keys"
    near: Share | None = Field(
        None,
        description="Also rows that are alike: the least Jaccard similarity of their sets of "
        "character n-grams, in lower case (MinHash finds them: Broder, 1997). Default: equal rows.",
        examples=[0.8],
    )
    n: Count = Field(5, description="Characters of an n-gram.")

    @property
    def packages(self) -> tuple[str, ...]:
        return () if self.near is None else ("rensa",)


class LanguageRuleOptions(FilterRuleOptions):
    """Texts in another language than is said (py3langid: Lui and Baldwin, 2012)."""

    kind: Literal["language"] = Field("language", description="The rule.")
    languages: dict[FieldName, Language] = Field(
        min_length=1, description="The language of each field that is looked at, by its code in "
        "ISO 639.", examples=[{"source": "de", "target": "en"}],
    )  # fmt: skip
    among: list[Language] | None = Field(
        None,
        min_length=2,
        description="The languages that a text may be taken for; default: all that the identifier "
        "knows. Of short texts few are told apart better.",
        examples=[["de", "en", "fr"]],
    )
    sure: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="A text goes only where another language has at least this probability.",
    )

    @property
    def packages(self) -> tuple[str, ...]:
        return ("py3langid",)

    def faults(self, fields: tuple[str, ...]) -> list[tuple[tuple, str, str]]:
        texts = [one for one in fields if one not in NOT_TEXT]
        found = [
            (("languages", field), f"the corpus has no text {field}", f"one of {', '.join(texts)}")
            for field in self.languages
            if field not in texts
        ]
        outside = sorted({*self.languages.values()} - {*(self.among or self.languages.values())})
        if outside:
            found.append((("among",), f"not {', '.join(outside)}", "all languages of the fields"))
        return found


class LikelihoodRuleOptions(FilterRuleOptions):
    """Rows that a model finds unlikely: of a translator the target given the source (with swap,
    the source given the target: the cross-entropy filter by a reverse model), of a language model
    a text, in nats a token."""

    kind: Literal["likelihood"] = Field("likelihood", description="The rule.")
    reads = "scores"
    of: ModelReference = Field(
        description="The stage of the translator or language model.", examples=["backward"]
    )
    swap: bool = Field(False, description="Of a translator: what it reads is the corpus's target.")
    on: FieldName | None = Field(
        None, description="Of a language model: the field that it reads; default: text.",
        examples=["target"],
    )  # fmt: skip
    keep: Share | None = Field(
        None, description="The share of the rows so far that is kept, the likeliest of them.",
        examples=[0.8],
    )  # fmt: skip
    most: Positive | None = Field(None, description="Or the most nats a token.", examples=[5.0])

    def faults(self, fields: tuple[str, ...]) -> list[tuple[tuple, str, str]]:
        found: list[tuple[tuple, str, str]] = []
        if (self.keep is None) == (self.most is None):
            both = "keep and most" if self.keep is not None else "neither keep nor most"
            found.append(((), both, "one of the two, like keep: 0.8"))
        return found


RULES: dict[str, Any] = {
    "length": LengthRuleOptions,
    "ratio": RatioRuleOptions,
    "letters": LettersRuleOptions,
    "same": SameRuleOptions,
    "numbers": NumbersRuleOptions,
    "urls": UrlsRuleOptions,
    "markup": MarkupRuleOptions,
    "repeats": RepeatsRuleOptions,
    "duplicates": DuplicatesRuleOptions,
    "language": LanguageRuleOptions,
    "likelihood": LikelihoodRuleOptions,
}
