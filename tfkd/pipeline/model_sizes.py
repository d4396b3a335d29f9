"""The number of a model's weights, from its options alone."""

from collections.abc import Iterable
from typing import Any

# Kinds of models whose weights are counted from their options.
COUNTED = ("bert", "gpt2", "transformer", "rnn", "abnet", "bert_fused")


def model_parameters(model: Any, vocabularies: dict[str, int]) -> int:
    """The number of a model's weights.

    Args:
        model: Options of one of the kinds `COUNTED`.
        vocabularies: Sizes by side: `text` (and `head`), or `source` and `target`. Of a stage of
            a classifier `classes`, and `words` where it has a head over words beside it.
    """
    return sum(part_parameters(model, vocabularies).values())


def trained_parameters(
    model: Any, vocabularies: dict[str, int], trainable: str | Iterable[str]
) -> int | None:
    """The number of the weights that train; None where names reach into parts, or are those of a
    plugin's adapters."""
    parts = part_parameters(model, vocabularies)
    if trainable == "all":
        return sum(parts.values())
    names = set(trainable)
    unknown = {side for side in model.adapters if f"{side}/adapters" not in parts}
    if any("/" in name for name in names) or (unknown and names & {"adapters", *unknown}):
        return None
    # A part that trains takes its adapters with it.
    return sum(
        size
        for part, size in parts.items()
        if part in names or part.partition("/")[0] in names or
        (part.endswith("/adapters") and "adapters" in names)
    )  # fmt: skip


def part_parameters(model: Any, vocabularies: dict[str, int]) -> dict[str, int]:
    """The weights of each part, its adapters apart: `encoder`, `encoder/adapters`, ..."""
    if model.kind == "bert":
        found = _bert(model, vocabularies["text"], vocabularies.get("head"))
        classes = vocabularies.get("classes")
        if classes is not None:
            if not vocabularies.get("words"):
                del found["head"]
            width = model.width
            found["classifier"] = width * width + width + classes * (width + 1)
    elif model.kind == "gpt2":
        found = _gpt2(model, vocabularies["text"])
    elif model.kind == "transformer":
        found = _transformer(model, vocabularies["source"], vocabularies["target"])
    elif model.kind == "rnn":
        found = _rnn(model, vocabularies["source"], vocabularies["target"])
    elif model.kind == "abnet":
        found = _abnet(model, vocabularies)
    else:
        bert, inner = model.bert_options, model.transformer_options
        whole = _bert(bert, vocabularies["source"], None, head=False)
        parts = _transformer(inner, vocabularies["source"], vocabularies["target"])
        fusion = _attention(inner.width, bert.width)
        blocks = inner.encoder_layers + inner.decoder_layers
        return {
            "bert": sum(whole.values()),
            "transformer": sum(parts.values()) + blocks * fusion,
        }
    widths = _stacks(model) if model.adapters else {}
    for side, options in model.adapters.items():
        width, layers, memory = widths[side]
        size = _adapter(options, width, memory)
        if size is not None:  # a plugin's is not known
            found[f"{side}/adapters"] = len(options.numbers(layers)) * size
    return found


def _stacks(model: Any) -> dict[str, tuple[int, int, int]]:
    """Width, layers and the memory's width of each side that may have adapters."""
    if model.kind == "abnet":
        sides = {"encoder": model.encoder_options, "decoder": model.decoder_options}
        memory = model.encoder_options.width
        return {side: (one.width, one.layers, memory) for side, one in sides.items()}
    if model.kind == "bert":
        return {"encoder": (model.width, model.layers, model.width)}
    if model.kind == "gpt2":
        return {"decoder": (model.width, model.layers, model.width)}
    return {
        side: (model.width, getattr(model, f"{side}_layers"), model.width)
        for side in ("encoder", "decoder")
    }


def _adapter(options: Any, width: int, memory: int) -> int | None:
    norm = 2 * width
    if options.kind == "bottleneck":
        return norm + 2 * width * options.width
    if options.kind != "cross_attention":
        return None
    inner = 0 if options.feed_forward == "none" else options.feed_forward
    feed_forward = 2 * width * inner + inner + width + norm if inner else 0
    return _attention(width, memory) + norm + feed_forward


def _attention(width: int, memory: int) -> int:
    """Query, key, value and output, with their biases."""
    return 2 * (width * width + width) + 2 * (memory * width + width)


def _feed_forward(model: Any) -> int:
    inner = model.feed_forward or 4 * model.width
    return 2 * model.width * inner + inner + model.width


def _bert(
    model: Any, vocabulary: int, predicted: int | None, *, head: bool = True
) -> dict[str, int]:
    width, norm = model.width, 2 * model.width
    found = {
        "embedding": (vocabulary + model.max_length + model.types) * width + norm,
        "encoder": model.layers * (_attention(width, width) + _feed_forward(model) + 2 * norm),
    }
    if head:
        own = getattr(model.head, "tied", True) is False
        transform = width * width + width + norm
        found["head"] = transform + (predicted or vocabulary) * (width * own + 1)
    return found


def _gpt2(model: Any, vocabulary: int) -> dict[str, int]:
    width, norm = model.width, 2 * model.width
    block = _attention(width, width) + _feed_forward(model) + 2 * norm
    return {
        "embedding": (vocabulary + model.max_length) * width,
        "decoder": model.layers * block + norm,
    }


def _transformer(model: Any, source: int, target: int) -> dict[str, int]:
    width = model.width
    norm, attention, feed_forward = 2 * width, _attention(width, width), _feed_forward(model)
    last = norm if model.norm == "pre" else 0
    found = {
        "encoder": model.encoder_layers * (attention + feed_forward + 2 * norm) + last,
        "decoder": model.decoder_layers * (2 * attention + feed_forward + 3 * norm) + last,
        **_tables(model, source, target),
    }
    if model.positions == "learned":
        table = model.max_length * width
        found |= {"encoder_positions": table, "decoder_positions": table}
    if model.lengths is not None:
        found["lengths"] = model.lengths * width
    return found


def _tables(model: Any, source: int, target: int) -> dict[str, int]:
    """The embeddings of an encoder-decoder and its head, by what they share."""
    width, share = model.width, model.sharing
    own = target * width if share == "none" else 0
    head = {"head": (target if model.output_bias else 0) + own}
    if share == "all":
        return head | {"embedding": target * width}
    return head | {"source_embedding": source * width, "target_embedding": target * width}


def _rnn(model: Any, source: int, target: int) -> dict[str, int]:
    width = model.width
    # The first layer reads a token and an attentional vector; keys, and what combines.
    cells = _lstm(2 * width, width) + (model.layers - 1) * _lstm(width, width)
    return {
        "encoder": _lstm_encoder(model),
        "decoder": cells + width * width + 2 * width * width,
        **_tables(model, source, target),
    }


def _lstm(inputs: int, width: int) -> int:
    return 4 * width * (inputs + width + 1)


def _lstm_encoder(model: Any) -> int:
    directions = 2 if model.bidirectional else 1
    return model.layers * directions * _lstm(model.width, model.width // directions)


def _abnet(model: Any, vocabularies: dict[str, int]) -> dict[str, int]:
    encoder, decoder = model.encoder_options, model.decoder_options
    source, target = vocabularies["source"], vocabularies["target"]
    found = {"encoder": sum(_bert(encoder, source, None, head=False).values())}
    if "decoder" in model.whole_parts:
        found["decoder"] = sum(_bert(decoder, target, None).values())
    else:
        width, norm = decoder.width, 2 * decoder.width
        block = (
            _attention(width, width)
            + _attention(width, encoder.width)
            + _feed_forward(decoder)
            + 3 * norm
        )
        found["decoder"] = target * width + decoder.layers * block
        found["decoder"] += norm if decoder.norm == "pre" else 0
        found["decoder"] += target if decoder.output_bias else 0
        found["decoder"] += decoder.max_length * width if decoder.positions == "learned" else 0
    if model.lengths is not None:
        found["lengths"] = model.lengths * encoder.width
    return found


def encoder_parameters(model: Any, source_vocabulary: int) -> int:
    """The weights of an encoder with its embedding: what its own terms reach.

    Args:
        model: Options of a `transformer` or an `rnn`.
        source_vocabulary: The size of the source's vocabulary.
    """
    width = model.width
    if model.kind == "rnn":
        return source_vocabulary * width + _lstm_encoder(model)
    block = _attention(width, width) + _feed_forward(model) + 4 * width
    return source_vocabulary * width + model.encoder_layers * block
