"""Models that are made of other models of a spec: AB-Net and BERT-Fused."""

from collections.abc import Mapping
from typing import Any

import keras

from tfkd.models.ab_net import AbNet
from tfkd.models.adapters import build_adapters
from tfkd.models.bert_fused import BertFused
from tfkd.models.builder import bert_arguments, tokenizer_names, transformer_arguments

_DECODER = (
    "layers",
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
)


def build_composed(
    options: Any,
    tokenizers: Mapping[str, Any],
    *,
    policy: str,
    seed: int | None,
    frozen: tuple[str, ...] = (),
) -> keras.Model:
    """Builds an `abnet` or a `bert_fused`; see `tfkd.models.build_model`."""
    build = {"abnet": _abnet, "bert_fused": _fused}[options.kind]
    return build(options, tokenizers, policy, seed, frozen)


def _abnet(
    options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None, frozen: tuple
) -> AbNet:
    encoder, decoder = options.encoder_options, options.decoder_options
    source, target = tokenizer_names(options.tokenizer)
    sides = {
        "encoder": {"vocabulary_size": tokenizers[source].size, **_bert(encoder, options.dropout)}
    }
    if isinstance(options.decoder, str):
        sides["decoder"] = _bert(decoder, options.dropout)
    else:
        sides["decoder"] = {name: getattr(decoder, name) for name in _DECODER}
        sides["decoder"] |= {"kind": "transformer", "memory_width": encoder.width}
    sides["decoder"]["vocabulary_size"] = tokenizers[target].size
    for side in sides:
        sides[side]["dtype"] = _pure(policy) if side in frozen else policy
    return AbNet(
        **sides,
        lengths=options.lengths,
        decoder_attention=options.decoder_attention,
        adapters=build_adapters(
            options.adapters,
            {"encoder": encoder, "decoder": decoder},
            policy,
            seed,
            memory_width=encoder.width,
        ),
        dtype=policy,
        seed=seed,
    )


def _fused(
    options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None, frozen: tuple
) -> BertFused:
    inner = options.transformer_options
    source, target = tokenizer_names(inner.tokenizer)
    share = inner.share_embeddings or ("all" if source == target else "target")
    return BertFused(
        {
            "vocabulary_size": tokenizers[source].size,
            **_bert(options.bert_options, None),
            "dtype": _pure(policy) if "bert" in frozen else policy,
        },
        {
            "vocabulary_size": tokenizers[target].size,
            "source_vocabulary_size": tokenizers[source].size,
            "share_embeddings": share,
            **transformer_arguments(inner),
        },
        # A size is all that is known of a tokenizer that has not been learnt.
        start_id=getattr(tokenizers[source], "start_id", 0),
        drop_net=options.drop_net,
        dtype=policy,
        seed=seed,
    )


def _bert(options: Any, dropout: float | None) -> dict[str, Any]:
    found = bert_arguments(options)
    if dropout is not None:
        found |= {"dropout": dropout, "attention_dropout": None}
    return found


def _pure(policy: str) -> str:
    """The policy of frozen parts: weights in the compute type."""
    return policy.removeprefix("mixed_")
