"""What a model's options tell about its weights: the names of its parts, and their sizes."""

from collections.abc import Mapping
from typing import Any

# Kinds of views whose hidden words an encoder alone can read.
OF_SOURCE = ("mlm", "spans")
# Kinds of views that show both sides of an encoder-decoder the same text.
OF_ONE_TEXT = ("mass",)
# Kinds of encoder-decoders whose encoder terms may read by itself.
OWN_ENCODER = ("transformer", "rnn")


def sides_of(model: Any) -> dict[str, str]:
    """A model's tokenizers by side, as far as they are given."""
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None or isinstance(tokenizer, str):
        return {} if tokenizer is None else {"source": tokenizer, "target": tokenizer}
    return {"source": tokenizer.source, "target": tokenizer.target}


def reads_pairs(model: Any) -> bool:
    """Whether a built-in kind of model is an encoder-decoder."""
    return getattr(model, "kind", None) in (*OWN_ENCODER, "abnet", "bert_fused")


def reads_streams(model: Any) -> bool:
    """Whether a built-in kind of model reads one stream of tokens."""
    return getattr(model, "kind", None) in ("bert", "gpt2")


def goes_on(model: Any) -> bool:
    """Whether a model continues the text that it reads: a language model from left to right."""
    return getattr(model, "kind", None) == "gpt2"


def window(model: Any, stage: Any) -> int:
    """How many tokens of a whole text a language model reads at once: as many as it has positions,
    or as the blocks of its training had, where these are fewer.

    Args:
        model: Its options.
        stage: Those of the stage that it is from.
    """
    return min(model.max_length, getattr(stage, "block", None) or model.max_length)


def fills_in(model: Any) -> bool:
    """Whether a decoder sees both sides of a token, and fills in what is hidden."""
    return getattr(model, "decoder_attention", "causal") == "full"


def segment_view(objective: Mapping[str, Any], views: Mapping[str, Any]) -> str | None:
    """The view of one text that a stage trains an encoder-decoder in, and nothing else.

    Args:
        objective: Options of the stage's terms by name.
        views: Options of the spec's views by name.

    Returns:
        The name of its first term's; None where a term reads another view, or the plain one.
    """
    names = [getattr(term, "view", None) for term in objective.values()]
    kinds = {getattr(views.get(name), "kind", None) for name in names}
    return names[0] if names and kinds <= {*OF_ONE_TEXT} else None


def classifier(model: Any) -> Any:
    """The options of a model's head over classes; None where it has none."""
    head = getattr(model, "head", None)
    return head if getattr(head, "kind", None) == "classifier" else None


def reads_classes(model: Any, view: Any) -> bool:
    """Whether a term predicts classes, not words.

    Args:
        model: Its model's options.
        view: The options of its view; None for the plain one.
    """
    return classifier(model) is not None and getattr(view, "kind", "classify") == "classify"


def heads_needed(model: Any, stage: Any, views: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of heads that a stage's terms read: `masked_lm`, `classifier`, both, `causal_lm`
    or none.

    Args:
        model: The options of the model that it trains, or loads.
        stage: Its options.
        views: The options of the spec's views.
    """
    if not reads_streams(model) or getattr(stage, "head", "published") == "none":
        return ()
    if goes_on(model):
        return ("causal_lm",)
    terms = getattr(stage, "objective", {}).values()
    kinds = {reads_classes(model, views.get(getattr(term, "view", None))) for term in terms}
    if kinds <= {False}:
        return ("masked_lm",)
    return ("masked_lm", "classifier") if len(kinds) > 1 else ("classifier",)


def whole_parts(model: Any) -> dict[str, Any]:
    """The parts of a model that are whole models of other stages, with their options."""
    kind = getattr(model, "kind", None)
    if kind == "abnet":
        found = {"encoder": model.encoder_options}
        if isinstance(model.decoder, str):
            found["decoder"] = model.decoder_options
        return found
    if kind == "bert_fused":
        return {"bert": model.bert_options, "transformer": model.transformer_options}
    return {}


def term_module(model: Any, view: Any, live: Any) -> str | None:
    """The module of a student that a term reads: "encoder", or None for its last states.

    Args:
        model: The student's options.
        view: The options of the term's view; None for the plain one.
        live: The options of the model of a teacher that is asked in the step; None without one.
    """
    if getattr(model, "kind", None) not in OWN_ENCODER:
        return None
    of_source = getattr(view, "kind", None) in OF_SOURCE
    return "encoder" if of_source or getattr(live, "kind", None) == "bert" else None


def part_names(model: Any) -> tuple[str, ...] | None:
    """The parts of a built-in kind of model that have weights, as in `tfkd.models`' `parts`.

    Args:
        model: A model's options.

    Returns:
        The first names of its weights' paths; None for a plugin's kind, whose parts only the model
        itself knows.
    """
    lengths = ("lengths",) if getattr(model, "lengths", None) is not None else ()
    if model.kind == "bert":
        classes = ("classifier",) if classifier(model) is not None else ()
        return ("embedding", "encoder", "head", *classes)
    if model.kind == "gpt2":
        return ("embedding", "decoder")
    if model.kind == "abnet":
        return ("encoder", "decoder", *lengths)
    if model.kind == "bert_fused":
        return ("bert", "transformer")
    if model.kind not in OWN_ENCODER:
        return None
    share = sharing(model)
    names = ["embedding"] if share == "all" else ["source_embedding", "target_embedding"]
    if getattr(model, "positions", None) == "learned":
        names += ["encoder_positions", "decoder_positions"]
    names += ["encoder", "decoder", *lengths]
    # A head that shares its matrix has its bias alone.
    return (*names, "head") if model.output_bias or share == "none" else tuple(names)


def sharing(model: Any) -> str:
    """Which embeddings an encoder-decoder shares: all, target or none."""
    one = isinstance(model.tokenizer, str) or model.tokenizer.source == model.tokenizer.target
    return model.share_embeddings or ("all" if one else "target")


def weight_sizes(model: Any) -> dict[str, Any]:
    """The options of a built-in kind of model that its weights' names and shapes hang on.

    Vocabularies are left out: only their stages know their sizes.
    """
    if whole := whole_parts(model):
        found = {}
        if model.kind == "abnet":
            found = {"lengths": model.lengths}
            if not isinstance(model.decoder, str):
                whole["decoder"] = model.decoder
        for name, options in whole.items():
            if options is not None and hasattr(options, "width"):
                found |= {f"{name} {key}": one for key, one in weight_sizes(options).items()}
        for side, adapter in model.adapters.items():
            found[f"{side} adapters"] = adapter.model_dump()
        return found
    if getattr(model, "kind", None) == "rnn":
        names = ("layers", "width", "bidirectional", "output_bias")
        return {name: getattr(model, name) for name in names} | {"share_embeddings": sharing(model)}
    sizes = {
        "width": model.width,
        "feed_forward": model.feed_forward or 4 * model.width,
    }
    if not hasattr(model, "kind"):  # a decoder by itself
        return sizes | {"layers": model.layers, "output_bias": model.output_bias}
    if model.kind == "bert":
        return sizes | {
            "layers": model.layers,
            "max_length": model.max_length,
            "types": model.types,
        }
    if model.kind == "gpt2":
        return sizes | {"layers": model.layers, "max_length": model.max_length}
    sizes |= {
        "encoder_layers": model.encoder_layers,
        "decoder_layers": model.decoder_layers,
        "positions": model.positions,
        "share_embeddings": sharing(model),
        "output_bias": model.output_bias,
        "lengths": model.lengths,
    }
    if model.positions == "learned":
        sizes["max_length"] = model.max_length
    return sizes


def own_vocabulary(model: Any) -> str | None:
    """The tokenizer of a head with another vocabulary than the input's; None where it has none."""
    name = getattr(getattr(model, "head", None), "tokenizer", None)
    return None if name == getattr(model, "tokenizer", None) else name
