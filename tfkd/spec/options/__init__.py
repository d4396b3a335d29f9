"""Typed options: every key that a spec can have, with a description."""

from tfkd.spec.options.ab_net import AbNetOptions
from tfkd.spec.options.adapters import (
    AdapterOptions,
    BottleneckOptions,
    CrossAttentionAdapterOptions,
)
from tfkd.spec.options.bert import BertOptions
from tfkd.spec.options.bert_fused import BertFusedOptions
from tfkd.spec.options.byte_bpe import ByteBpeOptions
from tfkd.spec.options.classifiers import ClassifierHeadOptions, ClassifyOptions
from tfkd.spec.options.corpora import (
    CORPORA,
    CorpusOptions,
    SentencePieceOptions,
    WordPieceOptions,
)
from tfkd.spec.options.evaluations import EvaluateOptions, NoiseOptions
from tfkd.spec.options.family import ModelOptions
from tfkd.spec.options.gpt2 import Gpt2Options
from tfkd.spec.options.objectives import (
    CausalLMOptions,
    CrossEntropyOptions,
    HiddenStatesOptions,
    LengthOptions,
    MaskedLMOptions,
    SoftTargetsOptions,
)
from tfkd.spec.options.parts import (
    classifier,
    reads_classes,
    segment_view,
    sides_of,
)
from tfkd.spec.options.rnn import RnnOptions
from tfkd.spec.options.stages import DataPart, PackOptions
from tfkd.spec.options.text_metrics import (
    BleuOptions,
    ChrfOptions,
    MetricOptions,
    RougeMetricOptions,
    RougeOptions,
    TokenizedBleuOptions,
    TokenizedOptions,
)
from tfkd.spec.options.top_level import PaperOptions, RuntimeOptions
from tfkd.spec.options.training import (
    AdafactorOptions,
    AdamOptions,
    BatchOptions,
    BeamOptions,
    CombinerOptions,
    GatedOptions,
    GreedyOptions,
    MaskPredictOptions,
    SampleOptions,
    ScheduleOptions,
    ValidateOptions,
)
from tfkd.spec.options.transformer import TransformerDecoderOptions, TransformerOptions
from tfkd.spec.options.views import (
    BySideOptions,
    CausalLmViewOptions,
    ConditionalMlmOptions,
    MassOptions,
    MlmOptions,
    OneSpanOptions,
    PlainOptions,
    PrefixLmOptions,
    SpansOptions,
    UniformCountOptions,
)

__all__ = [
    "CORPORA",
    "AbNetOptions",
    "AdafactorOptions",
    "AdamOptions",
    "AdapterOptions",
    "BatchOptions",
    "BeamOptions",
    "BertFusedOptions",
    "BertOptions",
    "BleuOptions",
    "BottleneckOptions",
    "BySideOptions",
    "ByteBpeOptions",
    "CausalLMOptions",
    "CausalLmViewOptions",
    "ChrfOptions",
    "ClassifierHeadOptions",
    "ClassifyOptions",
    "CombinerOptions",
    "ConditionalMlmOptions",
    "CorpusOptions",
    "CrossAttentionAdapterOptions",
    "CrossEntropyOptions",
    "DataPart",
    "EvaluateOptions",
    "GatedOptions",
    "Gpt2Options",
    "GreedyOptions",
    "HiddenStatesOptions",
    "LengthOptions",
    "MaskPredictOptions",
    "MaskedLMOptions",
    "MassOptions",
    "MetricOptions",
    "MlmOptions",
    "ModelOptions",
    "NoiseOptions",
    "OneSpanOptions",
    "PackOptions",
    "PaperOptions",
    "PlainOptions",
    "PrefixLmOptions",
    "RnnOptions",
    "RougeMetricOptions",
    "RougeOptions",
    "RuntimeOptions",
    "SampleOptions",
    "ScheduleOptions",
    "SentencePieceOptions",
    "SoftTargetsOptions",
    "SpansOptions",
    "TokenizedBleuOptions",
    "TokenizedOptions",
    "TransformerDecoderOptions",
    "TransformerOptions",
    "UniformCountOptions",
    "ValidateOptions",
    "WordPieceOptions",
    "classifier",
    "reads_classes",
    "segment_view",
    "sides_of",
]
