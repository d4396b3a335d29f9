"""Scores: figures with intervals, comparisons, and the form in which they are kept."""

import importlib
from typing import Any

_PLACES = {
    "MosesWords": "moses",
    "NamedTensor": "parameter_noise",
    "Predicted": "classification",
    "ROUGE": "rouge_scores",
    "Score": "score",
    "Spread": "parameter_noise",
    "TEXT_SCORES": "text_metrics",
    "accuracy": "ratios",
    "bleu": "corpus_scores",
    "by_length": "length_buckets",
    "chrf": "corpus_scores",
    "class_score": "classification",
    "confusion": "classification",
    "differing_rows": "largest_differences",
    "gate_line": "teacher_verdict",
    "higher_is_better": "score",
    "learnt_by_heart": "teacher_verdict",
    "loss": "ratios",
    "lost_words": "summary_words",
    "mask_gate": "teacher_verdict",
    "moses_tokens": "moses",
    "over_seeds": "seed_spread",
    "p_of": "verdict",
    "paired_bootstrap": "paired",
    "paired_classes": "classification",
    "paired_ratio": "ratios",
    "perplexity": "ratios",
    "perturbed": "parameter_noise",
    "word_perplexity": "ratios",
    "WITH_LINE_ENDS": "ratios",
    "chosen_context": "results",
    "randomized_p": "approximate_randomization",
    "result_errors": "results",
    "rouge": "rouge_scores",
    "sentence_scores": "largest_differences",
    "round_trip": "corpus_scores",
    "t_quantile": "seed_spread",
    "teacher_gate": "teacher_verdict",
    "thin_history": "results",
    "verdict_of": "verdict",
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
