"""Options of metrics that compare outputs with references."""

from typing import Literal

from pydantic import Field

from tfkd.spec.options.base import Name, Options

ROUGE_METRICS = ("rouge_1", "rouge_2", "rouge_l")
ROUGE_WORDS = "How ROUGE counts words, like {stem: true, words: ascii}."


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
