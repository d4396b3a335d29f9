"""Models from the options of a spec."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from tfkd.models.adapters import build_adapters
from tfkd.models.bert import Bert
from tfkd.models.gpt2 import Gpt2
from tfkd.models.heads import start_head_from_embeddings
from tfkd.models.transformer import Transformer
from tfkd.spec.options.parts import classifier

# The number of classes of a head over classes, among sizes of tokenizers: no tokenizer's name.
CLASSES = "#classes"
_BERT = (
    "layers",
    "width",
    "heads",
    "feed_forward",
    "max_length",
    "types",
    "dropout",
    "attention_dropout",
    "activation",
    "norm_epsilon",
    "initializer_range",
    "positions",
)
_GPT2 = (
    "layers",
    "width",
    "heads",
    "feed_forward",
    "max_length",
    "dropout",
    "attention_dropout",
    "activation",
    "norm_epsilon",
    "initializer_range",
)
_TRANSFORMER = (
    "encoder_layers",
    "decoder_layers",
    "width",
    "heads",
    "feed_forward",
    "dropout",
    "attention_dropout",
    "activation",
    "norm",
    "norm_epsilon",
    "positions",
    "max_length",
    "output_bias",
    "decoder_attention",
    "lengths",
)


def build_model(
    options: Any,
    tokenizers: Mapping[str, Any],
    *,
    policy: str = "float32",
    seed: int | None = 1,
    heads_needed: Iterable[str] = ("masked_lm",),
    frozen: Iterable[str] = (),
) -> keras.Model:
    """Builds the model of a spec's `teacher` or `student`, with weights.

    A plugin's model has a class method `from_options`, called with the same arguments.

    Args:
        options: The model's options (`kind` and the arguments of its class).
        tokenizers: By name; `.size` is read, `.vocabulary` and `.special_ids` where a head starts
            from embeddings. A head over classes reads their number under `CLASSES`.
        policy: Keras dtype policy: "float32", "mixed_bfloat16", ...
        seed: Seed of the weights.
        heads_needed: Kinds of heads that the objective's terms need.
        frozen: Parts that never train (see `tfkd.models.freezing.frozen_parts`): under a mixed
            policy these hold their weights in the compute type, without a float32 copy.

    Raises:
        KeyError: a tokenizer that is not given.
    """
    if options.kind in ("abnet", "bert_fused"):
        from tfkd.models.composed import build_composed

        return build_composed(options, tokenizers, policy=policy, seed=seed, frozen=tuple(frozen))
    builders = {"bert": build_bert, "gpt2": build_gpt2, "transformer": build_transformer}
    build = builders.get(options.kind)
    if build is None:
        from tfkd.spec import registry
        from tfkd.spec.builtins import register_builtins

        register_builtins()  # options may have been made without a spec
        build = registry.load(registry.lookup("model", options.kind)).from_options
    return build(options, tokenizers, policy=policy, seed=seed, heads_needed=tuple(heads_needed))


def build_bert(
    options: Any,
    tokenizers: Mapping[str, Any],
    *,
    policy: str,
    seed: int | None,
    heads_needed: tuple[str, ...],
) -> Bert:
    """Builds a BERT; its head is the input's, tied, unless the options name another."""
    output_heads: dict[str, Any] = {}
    head = options.head
    if classifier(options) is not None:
        if "masked_lm" in heads_needed:
            output_heads["masked_lm"] = {}
        if "classifier" in heads_needed:
            classes = tokenizers[CLASSES].size
            output_heads["classifier"] = {"classes": classes, "dropout": head.dropout}
    elif head is not None:
        size = tokenizers[head.tokenizer or options.tokenizer].size
        output_heads["masked_lm"] = {"vocabulary_size": size, "tied": head.tied}
    elif "masked_lm" in heads_needed:
        output_heads["masked_lm"] = {}
    model = Bert(
        tokenizers[options.tokenizer].size,
        **bert_arguments(options),
        output_heads=output_heads,
        adapters=build_adapters(options.adapters, {"encoder": options}, policy, seed).get(
            "encoder"
        ),
        dtype=policy,
        seed=seed,
    )
    start_head(model, options, tokenizers)
    return model


def build_gpt2(
    options: Any,
    tokenizers: Mapping[str, Any],
    *,
    policy: str,
    seed: int | None,
    heads_needed: tuple[str, ...] = (),
) -> Gpt2:
    """Builds a GPT-2."""
    del heads_needed  # its head is its embedding
    return Gpt2(
        tokenizers[options.tokenizer].size,
        **{name: getattr(options, name) for name in _GPT2},
        adapters=build_adapters(options.adapters, {"decoder": options}, policy, seed).get(
            "decoder"
        ),
        dtype=policy,
        seed=seed,
    )


def start_head(
    model: keras.Model, options: Any, tokenizers: Mapping[str, Any], *, table: Any = None
) -> int | None:
    """Starts a head from the input embeddings where the options say so.

    To be called again after other weights have been loaded into a model whose head they lack.

    Args:
        model: A model built from `options`.
        options: Its options.
        tokenizers: By name.
        table: The embedding to start from; None: the model's.

    Returns:
        How many pieces found a row of their own; None where the head does not start so.
    """
    head = getattr(options, "head", None)
    if (
        head is None
        or classifier(options) is not None
        or head.tied
        or head.start != "input_embeddings"
    ):
        return None
    tokenizer = tokenizers[options.tokenizer]
    output = tokenizers[head.tokenizer or options.tokenizer]
    pieces = list(output.vocabulary)
    return start_head_from_embeddings(
        model.head,
        model.embedding.tokens.table if table is None else table,
        list(tokenizer.vocabulary),
        pieces,
        unknown=tokenizer.vocabulary[tokenizer.unknown_id],
        special=[pieces[place] for place in output.special_ids],
    )


def build_transformer(
    options: Any,
    tokenizers: Mapping[str, Any],
    *,
    policy: str,
    seed: int | None,
    heads_needed: tuple[str, ...] = (),
) -> Transformer:
    """Builds an encoder-decoder over one tokenizer, or one a side."""
    del heads_needed  # its one head is always there
    source, target = tokenizer_names(options.tokenizer)
    share = options.share_embeddings or ("all" if source == target else "target")
    return Transformer(
        tokenizers[target].size,
        source_vocabulary_size=tokenizers[source].size,
        share_embeddings=share,
        **transformer_arguments(options),
        adapters=build_adapters(
            options.adapters, {"encoder": options, "decoder": options}, policy, seed
        ),
        dtype=policy,
        seed=seed,
    )


def bert_arguments(options: Any) -> dict[str, Any]:
    """The arguments of `Bert` that its options give."""
    return {name: getattr(options, name) for name in _BERT}


def transformer_arguments(options: Any) -> dict[str, Any]:
    """The arguments of `Transformer` that its options give."""
    return {name: getattr(options, name) for name in _TRANSFORMER}


def tokenizer_names(tokenizer: Any) -> tuple[str, str]:
    """Returns (source, target) of `NAME`, or of `{source: NAME, target: NAME}`."""
    if isinstance(tokenizer, str):
        return tokenizer, tokenizer
    if isinstance(tokenizer, Mapping):
        return tokenizer["source"], tokenizer["target"]
    return tokenizer.source, tokenizer.target
