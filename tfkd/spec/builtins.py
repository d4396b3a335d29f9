"""The names that come with the package."""

from tfkd.spec import options as o
from tfkd.spec.formats.ctranslate2 import CTranslate2Options
from tfkd.spec.formats.litert import LiteRTOptions
from tfkd.spec.formats.onnx import OnnxOptions
from tfkd.spec.formats.saved_model import SavedModelOptions
from tfkd.spec.options.filters import RULES
from tfkd.spec.registry import Entry, add
from tfkd.spec.stages.align import AlignOptions
from tfkd.spec.stages.average import AverageOptions
from tfkd.spec.stages.disturb import DisturbOptions
from tfkd.spec.stages.filter import FilterOptions
from tfkd.spec.stages.fold import FoldOptions
from tfkd.spec.stages.load import LoadOptions
from tfkd.spec.stages.score import ScoreOptions
from tfkd.spec.stages.shortlist import ShortlistOptions
from tfkd.spec.stages.targets import TargetsOptions
from tfkd.spec.stages.train import TrainOptions
from tfkd.spec.stages.translate import TranslateOptions
from tfkd.spec.tasks.classification import ClassificationOptions
from tfkd.spec.tasks.language_model import LanguageModelOptions
from tfkd.spec.tasks.masked_words import MaskedWordsOptions
from tfkd.spec.tasks.tagging import TaggingOptions
from tfkd.spec.tasks.translation import TranslationOptions

_TASKS = "tfkd.pipeline.tasks"
_FORMATS = "tfkd.serving.formats"
_RULE_CLASSES = {
    "length": "length:Length",
    "ratio": "ratio:Ratio",
    "letters": "letters:Letters",
    "same": "same:Same",
    "numbers": "numbers:Numbers",
    "urls": "urls:Urls",
    "markup": "markup:Markup",
    "repeats": "repeats:Repeats",
    "duplicates": "duplicates:Duplicates",
    "language": "language:LanguageRule",
    "likelihood": "likelihood:Likelihood",
}


def register_builtins() -> None:
    """Registers them; again does nothing."""
    for kind, options in o.CORPORA.items():
        target = "tfkd.data.text.corpora:Corpus"
        # 2 of jsonl: equal numbers are one label, booleans are labels, keys stand once; of conll:
        # the files' bytes tell what it is, not where they lie.
        revision = 2 if kind in ("jsonl", "conll", "csv") else 1
        add(Entry("corpus", kind, options, target, revision=revision, summary=_line(options)))
    for kind, name, options, target in (
        ("tokenizer", "wordpiece", o.WordPieceOptions, "tfkd.data.tokenizers:WordPiece"),
        (
            "tokenizer",
            "sentencepiece",
            o.SentencePieceOptions,
            "tfkd.data.tokenizers:SentencePiece",
        ),
        ("tokenizer", "byte_bpe", o.ByteBpeOptions, "tfkd.data.tokenizers:ByteBpe"),
        ("model", "bert", o.BertOptions, "tfkd.models:Bert"),
        ("model", "gpt2", o.Gpt2Options, "tfkd.models:Gpt2"),
        ("model", "llama", o.LlamaOptions, "tfkd.models:Llama"),
        ("model", "transformer", o.TransformerOptions, "tfkd.models:Transformer"),
        ("model", "rnn", o.RnnOptions, "tfkd.models:Rnn"),
        ("model", "t5", o.T5Options, "tfkd.models:T5"),
        ("model", "abnet", o.AbNetOptions, "tfkd.models:AbNet"),
        ("model", "bert_fused", o.BertFusedOptions, "tfkd.models:BertFused"),
        ("adapter", "bottleneck", o.BottleneckOptions, "tfkd.layers:BottleneckAdapter"),
        (
            "adapter",
            "cross_attention",
            o.CrossAttentionAdapterOptions,
            "tfkd.layers:CrossAttentionAdapter",
        ),
        ("view", "none", o.PlainOptions, "tfkd.data.views:PairView"),
        ("view", "classify", o.ClassifyOptions, "tfkd.data.views:ClassifyView"),
        ("view", "mlm", o.MlmOptions, "tfkd.data.views:MaskedLMView"),
        ("view", "spans", o.SpansOptions, "tfkd.data.views:SpansView"),
        ("view", "conditional_mlm", o.ConditionalMlmOptions, "tfkd.data.views:ConditionalMLMView"),
        ("view", "prefix_lm", o.PrefixLmOptions, "tfkd.data.views:PrefixLMView"),
        ("view", "uniform_count", o.UniformCountOptions, "tfkd.data.views:UniformCountView"),
        ("view", "one_span", o.OneSpanOptions, "tfkd.data.views:OneSpanView"),
        ("view", "by_side", o.BySideOptions, "tfkd.data.views:BySideView"),
        ("view", "mass", o.MassOptions, "tfkd.data.views:MassView"),
        ("view", "noise", o.TextNoiseOptions, "tfkd.data.noise.text_noise:TextNoise"),
        ("view", "causal_lm", o.CausalLmViewOptions, "tfkd.data.views:CausalLMView"),
        ("objective", "masked_lm", o.MaskedLMOptions, "tfkd.objectives:MaskedLM"),
        ("objective", "causal_lm", o.CausalLMOptions, "tfkd.objectives:CausalLM"),
        ("objective", "cross_entropy", o.CrossEntropyOptions, "tfkd.objectives:CrossEntropy"),
        ("objective", "soft_targets", o.SoftTargetsOptions, "tfkd.objectives:SoftTargets"),
        ("objective", "hidden_states", o.HiddenStatesOptions, "tfkd.objectives:HiddenStates"),
        (
            "objective",
            "guided_attention",
            o.GuidedAttentionOptions,
            "tfkd.objectives:GuidedAttention",
        ),
        ("objective", "length", o.LengthOptions, "tfkd.objectives:Length"),
        ("combiner", "gated", o.GatedOptions, "tfkd.training:GatedGradients"),
        ("optimizer", "adafactor", o.AdafactorOptions, "tfkd.training:Adafactor"),
        ("optimizer", "adam", o.AdamOptions, "tfkd.training:Adam"),
        ("decode", "sample", o.SampleOptions, "tfkd.decoding:Sampling"),
        ("decode", "greedy", o.GreedyOptions, "tfkd.decoding:GreedySearch"),
        ("decode", "mask_predict", o.MaskPredictOptions, "tfkd.decoding:MaskPredict"),
        ("decode", "beam", o.BeamOptions, "tfkd.decoding:BeamSearch"),
        ("stage", "train", TrainOptions, "tfkd.pipeline.stages.train:TrainStage"),
        ("stage", "score", ScoreOptions, "tfkd.pipeline.stages.score:ScoreStage"),
        ("stage", "load", LoadOptions, "tfkd.pipeline.stages.load:LoadStage"),
        ("stage", "translate", TranslateOptions, "tfkd.pipeline.stages.translate:TranslateStage"),
        ("stage", "average", AverageOptions, "tfkd.pipeline.stages.average:AverageStage"),
        ("stage", "align", AlignOptions, "tfkd.pipeline.stages.align:AlignStage"),
        ("stage", "shortlist", ShortlistOptions, "tfkd.pipeline.stages.shortlist:ShortlistStage"),
        ("stage", "filter", FilterOptions, "tfkd.pipeline.stages.filter:FilterStage"),
        ("stage", "disturb", DisturbOptions, "tfkd.pipeline.stages.disturb:DisturbStage"),
        ("stage", "fold", FoldOptions, "tfkd.pipeline.stages.fold:FoldStage"),
        ("stage", "targets", TargetsOptions, "tfkd.pipeline.stages.targets:TargetsStage"),
        ("task", "translation", TranslationOptions, f"{_TASKS}.translation:Translation"),
        ("task", "causal_lm", LanguageModelOptions, f"{_TASKS}.language_model:LanguageModel"),
        ("task", "masked_lm", MaskedWordsOptions, f"{_TASKS}.masked_words:MaskedWords"),
        ("task", "tagger", TaggingOptions, f"{_TASKS}.tagging:Tagging"),
        ("task", "classifier", ClassificationOptions, f"{_TASKS}.classification:Classification"),
        ("format", "saved_model", SavedModelOptions, f"{_FORMATS}.saved_model:SavedModel"),
        ("format", "ctranslate2", CTranslate2Options, f"{_FORMATS}.ctranslate2:CTranslate2"),
        ("format", "litert", LiteRTOptions, f"{_FORMATS}.litert:LiteRT"),
        ("format", "onnx", OnnxOptions, f"{_FORMATS}.onnx:Onnx"),
    ):
        revision = 2 if name == "ctranslate2" else 1  # what leads a source, who asks puts there
        add(Entry(kind, name, options, target, revision, _line(options)))
    for name, options in RULES.items():
        target = f"tfkd.data.filters.{_RULE_CLASSES[name]}"
        add(Entry("filter", name, options, target, summary=_line(options)))
    for name, target, summary in (
        ("constant", "Constant", "The rate, after a linear warm-up"),
        ("linear", "Linear", "Up to the rate, then in a straight line down"),
        ("triangular", "Triangular", "Up to the rate and down to nothing, in straight lines"),
        ("noam", "Noam",
         "factor x width^-0.5 x min(step^-0.5, step x warmup^-1.5) (Vaswani et al., 2017)"),
        ("inverse_square_root", "InverseSquareRoot",
         "Up to the rate, then down with the root of the steps"),
    ):  # fmt: skip
        where = f"tfkd.training.optimization.schedules:{target}"
        add(Entry("schedule", name, o.ScheduleOptions, where, summary=summary))
    for name, options, target, summary in (
        ("bleu", o.BleuOptions, "bleu:Bleu", "BLEU with sacreBLEU's signature"),
        ("chrf", o.ChrfOptions, "chrf:Chrf", "chrF: character n-grams"),
        ("tokenized_bleu", o.TokenizedBleuOptions, "tokenized_bleu:TokenizedBleu",
         "BLEU of Moses tokens, unsmoothed, as older papers counted it"),
        ("rouge_1", o.RougeMetricOptions, "rouge:Rouge1",
         "ROUGE-1 F1 of summaries: words; rouge-score's"),
        ("rouge_2", o.RougeMetricOptions, "rouge:Rouge2", "ROUGE-2 F1: pairs of words"),
        ("rouge_l", o.RougeMetricOptions, "rouge:RougeL",
         "ROUGE-L F1: the longest common subsequence of words"),
        ("loss", o.MetricOptions, "loss:Loss", "Cross-entropy a token, in nats"),
        ("perplexity", o.MetricOptions, "loss:Perplexity", "exp(loss)"),
        ("accuracy", o.MetricOptions, "accuracy:Accuracy",
         "The share of tokens, or of a classifier's rows, whose best guess is right"),
        ("word_perplexity", o.MetricOptions, "word_perplexity:WordPerplexity",
         "exp(NLL / words of the tokenized original), without and with line ends"),
        ("f1", o.MetricOptions, "classes:F1", "F1 of one of two classes, or its mean over more"),
        ("matthews", o.MetricOptions, "classes:Matthews",
         "Matthews' correlation of labels and guesses"),
    ):  # fmt: skip
        add(Entry("metric", name, options, f"tfkd.evaluation.metrics.{target}", summary=summary))


def _line(options: type) -> str:
    return (options.__doc__ or "").strip().splitlines()[0]
