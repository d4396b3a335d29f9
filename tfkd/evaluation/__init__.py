"""Scores: figures with intervals, comparisons, and the form in which they are kept."""

import importlib
from typing import Any

_PLACES = {
    "NamedTensor": "parameter_noise",
    "Predicted": "classification",
    "Score": "score",
    "Spread": "parameter_noise",
    "accuracy": "ratios",
    "bleu": "corpus_scores",
    "by_length": "length_buckets",
    "chrf": "corpus_scores",
    "class_score": "classification",
    "confusion": "classification",
    "higher_is_better": "score",
    "learnt_by_heart": "teacher_verdict",
    "loss": "ratios",
    "mask_gate": "teacher_verdict",
    "moses_tokens": "moses",
    "paired_bootstrap": "paired",
    "paired_classes": "classification",
    "paired_ratio": "ratios",
    "perplexity": "ratios",
    "perturbed": "parameter_noise",
    "word_perplexity": "ratios",
    "WITH_LINE_ENDS": "ratios",
    "result_errors": "results",
    "round_trip": "corpus_scores",
    "teacher_gate": "teacher_verdict",
    "thin_history": "results",
    "tokenized_bleu": "corpus_scores",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tfkd.evaluation' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tfkd.evaluation.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
