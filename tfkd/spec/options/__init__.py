"""Typed options: every key that a spec can have, with a description."""

from tfkd.spec.options.corpora import CORPORA, CorpusOptions, WordPieceOptions
from tfkd.spec.options.models import (
    BertOptions,
    ConditionalMlmOptions,
    MlmOptions,
    PlainOptions,
    PrefixLmOptions,
    TransformerOptions,
)
from tfkd.spec.options.objectives import (
    CausalLMOptions,
    CrossEntropyOptions,
    MaskedLMOptions,
    SoftTargetsOptions,
)
from tfkd.spec.options.parts import own_vocabulary, part_names, weight_sizes
from tfkd.spec.options.stages import (
    DataPart,
    EvaluateOptions,
    LoadOptions,
    PaperOptions,
    RuntimeOptions,
    ScoreOptions,
    TrainOptions,
)
from tfkd.spec.options.training import (
    AdafactorOptions,
    AdamOptions,
    BatchOptions,
    BeamOptions,
    GreedyOptions,
    ScheduleOptions,
    ValidateOptions,
)

__all__ = [
    "CORPORA",
    "AdafactorOptions",
    "AdamOptions",
    "BatchOptions",
    "BeamOptions",
    "BertOptions",
    "CausalLMOptions",
    "ConditionalMlmOptions",
    "CorpusOptions",
    "CrossEntropyOptions",
    "DataPart",
    "EvaluateOptions",
    "GreedyOptions",
    "LoadOptions",
    "MaskedLMOptions",
    "MlmOptions",
    "PaperOptions",
    "PlainOptions",
    "PrefixLmOptions",
    "RuntimeOptions",
    "ScheduleOptions",
    "ScoreOptions",
    "SoftTargetsOptions",
    "TrainOptions",
    "TransformerOptions",
    "ValidateOptions",
    "WordPieceOptions",
    "own_vocabulary",
    "part_names",
    "weight_sizes",
]
