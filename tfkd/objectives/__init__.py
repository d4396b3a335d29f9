"""Objectives: terms that return sums, their normalizers, and the one pass over the vocabulary."""

from tfkd.lazy import lazy

_PLACES = {
    "CausalLM": "cross_entropy",
    "CrossEntropy": "cross_entropy",
    "DenseMean": "token_terms",
    "DenseTeacher": "token_terms",
    "GuidedAttention": "guided_attention",
    "HiddenStates": "hidden_states",
    "Length": "length",
    "OnlineMean": "online_teacher",
    "OnlineTeacher": "online_teacher",
    "MaskedLM": "cross_entropy",
    "Objective": "objective",
    "SoftTargets": "soft_targets",
    "Statistics": "token_terms",
    "Term": "term",
    "TokenLoss": "token_loss",
    "TokenTerm": "token_terms",
    "TopK": "prediction",
    "balanced_weights": "builder",
    "build_terms": "builder",
    "objective_forward": "objective",
    "predictor": "prediction",
    "row_sums": "prediction_sums",
    "teacher_forced_metrics": "prediction_sums",
    "term_counts": "objective",
    "top_k_log_probabilities": "prediction",
    "vocabulary_pass": "fused_pass",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
