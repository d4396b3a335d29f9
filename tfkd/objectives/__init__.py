"""Objectives: terms that return sums, their divisors, and the one pass over the vocabulary."""

import importlib
from typing import Any

_PLACES = {
    "CausalLM": "cross_entropy",
    "CrossEntropy": "cross_entropy",
    "DenseTeacher": "token_terms",
    "HiddenStates": "hidden_states",
    "Length": "length",
    "LiveTeacher": "live_teacher",
    "MaskedLM": "cross_entropy",
    "Objective": "objective",
    "SoftTargets": "soft_targets",
    "Statistics": "token_terms",
    "Term": "term",
    "TokenTerm": "token_terms",
    "TopK": "prediction",
    "balanced_weights": "builder",
    "build_terms": "builder",
    "objective_forward": "objective",
    "predictor": "prediction",
    "figures": "prediction_sums",
    "row_sums": "prediction_sums",
    "term_counts": "objective",
    "top_k_log_probabilities": "prediction",
    "vocabulary_pass": "fused_pass",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
