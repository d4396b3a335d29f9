"""Options of metrics; an evaluation's keys of the same names fill them in."""

from typing import Literal

from pydantic import Field

from tfkd.spec.options.base import Name, Options

# sacreBLEU's tokenizers that need no other package.
BleuTokenizer = Literal["13a", "intl", "zh", "char", "none"]
BLEU_TOKENIZER = "sacreBLEU's tokenizer for bleu: 13a; zh for Chinese outputs; intl; char; none."
LOWER_CASE = "Score outputs without regard to case."
ROUGE_WORDS = "How ROUGE counts words, like {stem: true, words: ascii}."
TOKENIZED = "The tokens of tokenized_bleu."
METRIC_OPTIONS = "Options of metrics that have no key of their own here, by name: those of plugins."
POSITIVE = "Of two classes, the one that f1 is about; default: the second. Of more, f1 is the mean."


class RougeOptions(Options):
    """How ROUGE counts words: lower-cased, without punctuation."""

    words: Literal["unicode", "ascii"] = Field(
        "unicode",
        description="unicode: words of letters of any script; ascii: of a to z and digits alone, "
        "as rouge-score and ROUGE-1.5.5. Of ASCII text they are the same.",
    )
    stem: bool = Field(
        False, description="Compare Porter's stems of English words (-m of ROUGE-1.5.5)."
    )


class TokenizedOptions(Options):
    """Tokens of tokenised BLEU: the Moses tokenizer's."""

    language: Name = Field(
        "en", description="Of the outputs: en, de, fr and it have rules of their own."
    )
    split_compounds: bool = Field(
        False,
        description="Words with a hyphen inside count as several, as in papers on WMT14 En-De.",
    )


class MetricOptions(Options):
    """A metric without a choice; a plugin's options extend it."""


class BleuOptions(MetricOptions):
    """BLEU."""

    tokenize: BleuTokenizer = Field("13a", description=BLEU_TOKENIZER)
    lower_case: bool = Field(False, description=LOWER_CASE)


class ChrfOptions(MetricOptions):
    """chrF."""

    lower_case: bool = Field(False, description=LOWER_CASE)
    word_order: Literal[0, 2] = Field(0, description="2: chrF++, of words and pairs of them, too.")


class TokenizedBleuOptions(MetricOptions):
    """Tokenised BLEU."""

    lower_case: bool = Field(False, description=LOWER_CASE)
    tokenized: TokenizedOptions = Field(TokenizedOptions(), description=TOKENIZED)


class RougeMetricOptions(MetricOptions):
    """ROUGE."""

    rouge: RougeOptions = Field(RougeOptions(), description=ROUGE_WORDS)
