"""Options of noise on the texts of a training's rows."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tfkd.spec.options.base import Options, Seed, Share
from tfkd.spec.options.views import Reader, ViewOptions
from tfkd.spec.wording import shown

# A tag stands around a text, a placeholder beside it.
TAGS = ("<b>", "<i>", "<a1>", "<span2>", "{0}", "{name}", "%s", "%d", "$1", "[1]", "(*)")
# Each has batches of its own, in each mixture: as many plans stay in memory as epochs have read.
MOST_FORMS = 32
KINDS = ("upper", "title", "typos", "punctuation", "joined", "split", "tags")


class CaseNoiseOptions(Options):
    """Rows in other case."""

    share: Share = Field(description="The probability that a row is hit.")
    sides: Literal["both", "source"] = Field(
        "both",
        description="Of pairs: both, so that a translation has its source's case, or source.",
    )


class WordNoiseOptions(Options):
    """Rows some of whose words are hit."""

    share: Share = Field(description="The probability that a row is hit.")
    rate: Annotated[float, Field(gt=0, le=1, json_schema_extra={"unit": "probability"})] = Field(
        0.1,
        description="The probability of each word, or gap between words, of such a row; at least "
        "one is hit.",
    )


class PunctuationNoiseOptions(Options):
    """Rows without punctuation."""

    share: Share = Field(description="The probability that a row is hit.")
    at: Literal["end", "all"] = Field(
        "end", description="The marks at the end of a text, or all but those within words."
    )
    sides: Literal["source", "both"] = Field(
        "source", description="Of pairs: source, so that marks are put in again, or both."
    )


def _visible(text: str) -> str:
    if any(map(str.isspace, text)):
        raise ValueError(f"{shown(text)} has white space in it; expected one tag or placeholder")
    return text


class TagNoiseOptions(Options):
    """Rows with a tag or placeholder, at the same place of both sides, which is to be kept; or with
    one in front of the source, which says where the row is from (Caswell et al., 2019)."""

    share: Share = Field(description="The probability that a row is hit.")
    of: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_visible)]],
        Field(min_length=1),
    ] = Field(
        list(TAGS),
        description="What is put in, one a row: <NAME> around a text, with </NAME> behind it; any "
        "other before or behind it.",
    )
    at: Literal["any", "start"] = Field(
        "any", description="any: as `of` says; start: in front of a text, whatever it looks like."
    )
    sides: Literal["both", "source"] = Field(
        "both",
        description="Of pairs: both, so that a tag is kept, or source, so that it is read alone.",
    )


def _as_share(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"share": value} if number else value


def _or_share(options: type[Options]) -> Any:
    """Options for which their share may stand alone."""
    given = BeforeValidator(_as_share, json_schema_input_type=Share | options | None)
    said = Field(json_schema_extra={"unit": "share, 0 to 1"}, examples=[0.05])
    return Annotated[options | None, given, said]


_Case, _OfWords = _or_share(CaseNoiseOptions), _or_share(WordNoiseOptions)
_Punctuation, _Tags = _or_share(PunctuationNoiseOptions), _or_share(TagNoiseOptions)
_Variants = Annotated[int, Field(ge=1, le=MOST_FORMS, json_schema_extra={"unit": "variants"})]
_WORDS = ": a share of the rows, or {share: 0.1, rate: 0.2}."


class TextNoiseOptions(ViewOptions):
    """Noise on texts before they are cut into pieces: named in a training's `data:`, by no term."""

    readers: ClassVar[frozenset[Reader]] = frozenset()
    terms: ClassVar[tuple[str, ...]] = ()
    of_texts: ClassVar[bool] = True
    kind: Literal["noise"] = Field("noise", description="The kind of view.")
    upper: _Case = Field(
        None, description="Upper case: a share of the rows, or {share: 0.05, sides: source}."
    )
    title: _Case = Field(
        None, description="The first letter of each word in upper case, as in titles."
    )
    typos: _OfWords = Field(
        None,
        description="Mistakes of typing, one in a word that is hit: letters swapped, dropped, "
        f"doubled, or one beside it on the keyboard{_WORDS}",
    )
    punctuation: _Punctuation = Field(
        None, description="Dropped punctuation: a share, or {share: 0.1, at: all, sides: both}."
    )
    joined: _OfWords = Field(None, description=f"Words without the space between them{_WORDS}")
    split: _OfWords = Field(None, description=f"Words with a space within them{_WORDS}")
    tags: _Tags = Field(
        None,
        description="Tags and placeholders that are to be kept: a share, or {share: 0.05, of: "
        '["<b>", "{name}"]}; of back-translations {share: 1, of: ["<BT>"], at: start, sides: '
        "source}.",
    )
    variants: _Variants = Field(
        4,
        description="How many different noises a row has: epoch e reads number e modulo variants. "
        "Each is cut into pieces once, before the training.",
    )
    seed: Seed = Field(1, description="The seed of the noise.")

    @property
    def changes_target(self) -> bool:
        """Whether a pair's target is changed, too."""
        some = (self.upper, self.title, self.punctuation, self.tags)
        return any(one is not None and one.sides == "both" for one in some)

    @property
    def changes_case(self) -> bool:
        """Whether letters become upper-case ones."""
        return self.upper is not None or self.title is not None

    @model_validator(mode="after")
    def _some_noise(self) -> "TextNoiseOptions":
        if all(getattr(self, kind) is None for kind in KINDS):
            raise ValueError(f"no noise; expected a share of one of {', '.join(KINDS)}")
        if self.upper and self.title and self.upper.share + self.title.share > 1 + 1e-9:
            raise ValueError(
                f"upper and title, {self.upper.share:g} + {self.title.share:g} of the rows; "
                "expected 1 or less together: a row is in one case"
            )
        return self
