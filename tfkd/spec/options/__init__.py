"""Typed options: every key that a spec can have, with a description."""

from tfkd.spec.options.corpora import CORPORA, CorpusOptions, WordPieceOptions
from tfkd.spec.options.models import (
    BertOptions,
    ConditionalMlmOptions,
    MlmOptions,
    PlainOptions,
    PrefixLmOptions,
    SpansOptions,
    TransformerOptions,
)
from tfkd.spec.options.objectives import (
    CausalLMOptions,
    CrossEntropyOptions,
    HiddenStatesOptions,
    MaskedLMOptions,
    SoftTargetsOptions,
)
from tfkd.spec.options.parts import own_vocabulary, part_names, sides_of, term_module, weight_sizes
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
    CombinerOptions,
    GatedOptions,
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
    "CombinerOptions",
    "ConditionalMlmOptions",
    "CorpusOptions",
    "CrossEntropyOptions",
    "DataPart",
    "EvaluateOptions",
    "GatedOptions",
    "GreedyOptions",
    "HiddenStatesOptions",
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
    "SpansOptions",
    "TrainOptions",
    "TransformerOptions",
    "ValidateOptions",
    "WordPieceOptions",
    "own_vocabulary",
    "part_names",
    "sides_of",
    "term_module",
    "weight_sizes",
]
