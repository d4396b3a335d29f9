"""Soft targets: the store, and scoring a teacher into it. Imports no TensorFlow."""

from tfkd.targets.manifest import Header
from tfkd.targets.scoring import score_masked, score_pairs, score_previous, score_text
from tfkd.targets.store import PartStores, SoftTargetStore
from tfkd.targets.writer import StoreWriter

__all__ = [
    "Header",
    "PartStores",
    "SoftTargetStore",
    "StoreWriter",
    "score_masked",
    "score_pairs",
    "score_previous",
    "score_text",
]
