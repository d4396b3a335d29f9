"""The metrics, one class each; nothing heavy is imported before one of them counts."""

from tfkd.evaluation.metrics.mean import Mean
from tfkd.evaluation.metrics.metric import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS, Metric

__all__ = ["CLASSES", "OUTPUTS", "TEACHER_FORCED", "WORDS", "Mean", "Metric"]
