"""The number of a model's weights, from its options alone."""

from typing import Any


def model_parameters(model: Any, vocabularies: dict[str, int]) -> int:
    """The number of a model's weights.

    Args:
        model: Options of a `bert` or `transformer`.
        vocabularies: Sizes by side: `text` (and `head`), or `source` and `target`.
    """
    width = model.width
    inner = model.feed_forward or 4 * width
    norm = 2 * width
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * inner + inner + width
    if model.kind == "bert":
        vocabulary = vocabularies["text"]
        embedding = (vocabulary + model.max_length + model.types) * width + norm
        block = attention + feed_forward + 2 * norm
        transform = width * width + width + norm
        own = model.head is not None and not model.head.tied
        predicted = vocabularies.get("head", vocabulary)
        return embedding + model.layers * block + transform + predicted * (width * own + 1)
    source, target = vocabularies["source"], vocabularies["target"]
    one = isinstance(model.tokenizer, str) or model.tokenizer.source == model.tokenizer.target
    share = model.share_embeddings or ("all" if one else "target")
    tables = {"all": target, "target": source + target, "none": source + 2 * target}[share]
    encoder = model.encoder_layers * (attention + feed_forward + 2 * norm)
    decoder = model.decoder_layers * (2 * attention + feed_forward + 3 * norm)
    total = tables * width + encoder + decoder + (target if model.output_bias else 0)
    if model.positions == "learned":
        total += 2 * model.max_length * width
    if model.norm == "pre":
        total += 2 * norm
    return total


def encoder_parameters(model: Any, source_vocabulary: int) -> int:
    """The weights of a `transformer`'s encoder with its embedding: what its own terms reach.

    Args:
        model: Its options.
        source_vocabulary: The size of the source's vocabulary.
    """
    width = model.width
    inner = model.feed_forward or 4 * width
    block = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    return source_vocabulary * width + model.encoder_layers * block
