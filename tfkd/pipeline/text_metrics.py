"""The metrics of outputs, with the options of an evaluation or validation."""

from typing import Any

from tfkd.evaluation import ROUGE, TEXT_SCORES, MosesWords
from tfkd.spec.options import RougeOptions


def is_text(metric: str) -> bool:
    """Whether a metric compares outputs with references."""
    return metric in TEXT_SCORES


def text_settings(
    metric: str,
    *,
    tokenize: str = "13a",
    lower_case: bool = False,
    tokenized: Any = None,
    rouge: RougeOptions | None = None,
) -> dict[str, Any]:
    """Those of an evaluation's options that a metric's function takes.

    Args:
        metric: One of `TEXT_SCORES`.
        tokenize: sacreBLEU's tokenizer.
        lower_case: Scores without regard to case; ROUGE never regards it.
        tokenized: The tokens of `tokenized_bleu`.
        rouge: How ROUGE counts words.
    """
    if metric in ROUGE:
        chosen = rouge or RougeOptions()
        return {"stem": chosen.stem, "words": chosen.words}
    settings: dict[str, Any] = {"lower_case": True} if lower_case else {}
    if metric == "bleu":
        settings["tokenize"] = tokenize
    if metric == "tokenized_bleu" and tokenized is not None:
        settings["tokens"] = MosesWords(tokenized.language, tokenized.split_compounds)
    return settings


def settings_of(metric: str, options: Any) -> dict[str, Any]:
    """`text_settings` of an evaluation's or a validation's options."""
    given = {
        name: getattr(options, name)
        for name in ("tokenize", "lower_case", "tokenized", "rouge")
        if hasattr(options, name)
    }
    return text_settings(metric, **given)
