"""Scores: figures with intervals, comparisons, and the form in which they are kept."""

import importlib
from typing import Any

_PLACES = {
    "Frequencies": "trivial_systems",
    "MosesWords": "moses",
    "NamedTensor": "parameter_noise",
    "Predicted": "classification",
    "ROUGE": "rouge_scores",
    "RowStatistics": "row_statistics",
    "Score": "score",
    "Spread": "parameter_noise",
    "TEXT_SCORES": "text_metrics",
    "accuracy": "ratios",
    "beside": "trivial_systems",
    "bleu": "corpus_scores",
    "by_length": "length_buckets",
    "chrf": "corpus_scores",
    "class_score": "classification",
    "class_statistics": "row_statistics",
    "clearly_better": "trivial_systems",
    "constant_outputs": "trivial_systems",
    "confusion": "classification",
    "COMPARED_BY": "tuned_decode",
    "comparison_key": "tuned_decode",
    "decode_as_asked": "tuned_decode",
    "differing_rows": "largest_differences",
    "gate_line": "teacher_verdict",
    "guess_faults": "output_verdict",
    "higher_is_better": "score",
    "in_words": "output_verdict",
    "learnt_by_heart": "teacher_verdict",
    "loss": "ratios",
    "lost_words": "summary_words",
    "majority": "trivial_systems",
    "mask_gate": "teacher_verdict",
    "moses_tokens": "moses",
    "not_better": "output_verdict",
    "output_faults": "output_verdict",
    "over_seeds": "seed_spread",
    "p_of": "verdict",
    "paired_bootstrap": "paired",
    "paired_classes": "classification",
    "paired_ratio": "ratios",
    "perplexity": "ratios",
    "perturbed": "parameter_noise",
    "ratio_statistics": "row_statistics",
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
    "text_statistics": "row_statistics",
    "thin_history": "results",
    "verdict_of": "verdict",
    "tokenized_bleu": "corpus_scores",
    "trivial_outputs": "trivial_systems",
    "unigram": "trivial_systems",
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
