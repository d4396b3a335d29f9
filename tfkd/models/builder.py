"""Models from the options of a spec."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from tfkd.models.heads import start_head_from_embeddings
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options.parts import CLASSES as CLASSES
from tfkd.spec.options.parts import classifier

# Options that are no arguments of a model's class.
_OTHERS = ("kind", "tokenizer", "head", "share_embeddings")


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

    Its class has a class method `from_options`, called with the same arguments; with `frozen` where
    the options name other models.

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
    register_builtins()  # options may have been made without a spec
    made = registry.load(registry.lookup("model", options.kind))
    more = {"frozen": tuple(frozen)} if options.made_of else {}
    heads = tuple(heads_needed)
    return made.from_options(
        options, tokenizers, policy=policy, seed=seed, heads_needed=heads, **more
    )


def arguments(options: Any) -> dict[str, Any]:
    """The arguments of a model's class that its options give, all but vocabularies and heads."""
    fields = type(options).model_fields
    return {name: getattr(options, name) for name in fields if name not in _OTHERS}


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


def tokenizer_names(tokenizer: Any) -> tuple[str, str]:
    """Returns (source, target) of `NAME`, or of `{source: NAME, target: NAME}`."""
    if isinstance(tokenizer, str):
        return tokenizer, tokenizer
    if isinstance(tokenizer, Mapping):
        return tokenizer["source"], tokenizer["target"]
    return tokenizer.source, tokenizer.target


def pure(policy: str) -> str:
    """The policy of frozen parts: weights in the compute type."""
    return policy.removeprefix("mixed_")
