"""The metrics, one class each; nothing heavy is imported before one of them counts."""

from tfkd.evaluation.metrics.mean import Mean
from tfkd.evaluation.metrics.metric import CLASSES, FIGURES, OUTPUTS, WORDS, Metric

__all__ = ["CLASSES", "FIGURES", "OUTPUTS", "WORDS", "Mean", "Metric"]
