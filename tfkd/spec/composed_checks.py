"""Models that are made of other models, and adapters: whether their parts are there and fit."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, known
from tfkd.spec.options import TransformerDecoderOptions
from tfkd.spec.wording import a

# Kinds of models that are made of others: option by option, the kind that each must be of.
COMPOSED = {
    "abnet": {"encoder": "bert", "decoder": "bert"},
    "bert_fused": {"bert": "bert", "transformer": "transformer"},
}


# Projections whose outputs are not as wide as their inputs, as the built-in adapters need them.
_UNEVEN = {
    "on_self_attention_query_key_value", "on_cross_attention_key_value", "on_feed_forward_inner",
    "on_feed_forward_outer",
}  # fmt: skip
_OF_BLOCKS = ("bottleneck", "cross_attention")


def check_composed(parts: Parts, faults: Faults, path: tuple, model: Any) -> None:
    """The models that a model names, each of the right kind, and whether they go together."""
    kinds = COMPOSED.get(getattr(model, "kind", None))
    if kinds is None:
        return
    for option, name in model.named_models().items():
        where = (*path, option)
        if not known(parts, faults, where, "model", name, "models"):
            continue
        found = parts.models.get(name)
        if found is not None and found.kind != kinds[option]:
            faults.add(where, f"{name} is {a(found.kind)}", f"{a(kinds[option])}")
    if model.kind == "abnet":
        _abnet(parts, faults, path, model)
    else:
        _fused(faults, path, model)


def _abnet(parts: Parts, faults: Faults, path: tuple, model: Any) -> None:
    decoder = model.decoder_options
    if isinstance(decoder, TransformerDecoderOptions):
        known(
            parts, faults, (*path, "decoder", "tokenizer"), "tokenizer", decoder.tokenizer,
            "tokenizers",
        )  # fmt: skip
    head = getattr(decoder, "head", None)
    if head is not None and not head.tied:
        faults.add(
            (*path, "decoder"), f"{model.decoder} has a head of its own, and this model predicts "
            "by the one that shares its embeddings", "a bert without head:",
        )  # fmt: skip


def _fused(faults: Faults, path: tuple, model: Any) -> None:
    bert, transformer = model.bert_options, model.transformer_options
    source = getattr(transformer, "tokenizer", None)
    source = getattr(source, "source", source)
    theirs = getattr(bert, "tokenizer", None)
    # What is no bert is a fault of its own.
    if source is not None and isinstance(theirs, str) and source != theirs:
        faults.add(
            (*path, "transformer"), f"{model.transformer} reads its source in the pieces of "
            f"{source}, {model.bert} in those of {theirs}", f"tokenizer {theirs} for the source",
        )  # fmt: skip


def check_adapters(parts: Parts, faults: Faults, name: str, model: Any) -> None:
    """Adapters of a student: layers that it has, and places that its blocks have."""
    for side, adapter in getattr(model, "adapters", {}).items():
        stack = stack_options(model, side)
        where = ("adapters", side)
        if stack is None:
            faults.add(
                where, f"{name} is {a(model.kind)}, without adapters on its {side}",
                "a student of kind abnet, transformer, bert (encoder) or gpt2 (decoder)",
            )  # fmt: skip
            continue
        layers, width, cross = stack
        try:
            adapter.numbers(layers)
        except ValueError as error:
            faults.add((*where, "layers"), f"{error} of {name}", f"at most {layers}")
        heads = getattr(adapter, "heads", None)
        if adapter.kind == "cross_attention" and width % heads:
            faults.add((*where, "heads"), f"{heads}, and {name} is {width} wide", "a divisor")
        if adapter.kind == "cross_attention" and side == "encoder":
            faults.add(where, "cross_attention on the encoder, which has nothing to attend to")
        if adapter.kind in _OF_BLOCKS and adapter.place in _UNEVEN:
            faults.add(
                (*where, "place"), f"{adapter.place}, whose output is not as wide as its input, "
                f"and {a(adapter.kind)} adapter adds to one what it reads of the other",
                "after_block, a place beside a sub-layer, or an adapter of your own",
            )  # fmt: skip
        if "cross_attention" in adapter.place and not cross:
            faults.add(
                (*where, "place"), f"{adapter.place}, and the blocks of {name} have no "
                "cross-attention there", "another place",
            )  # fmt: skip


def stack_options(model: Any, side: str) -> tuple[int, int, bool] | None:
    """Layers and width of a side, and whether its blocks have cross-attention; None without it."""
    if model.kind == "abnet":
        found = model.encoder_options if side == "encoder" else model.decoder_options
        if found is None or not hasattr(found, "layers"):
            return (10**6, 0, True)  # faults of their own
        return found.layers, found.width, isinstance(found, TransformerDecoderOptions)
    if model.kind == "transformer":
        return getattr(model, f"{side}_layers"), model.width, side == "decoder"
    if model.kind == "bert" and side == "encoder":
        return model.layers, model.width, False
    if model.kind == "gpt2" and side == "decoder":
        return model.layers, model.width, False
    return None
