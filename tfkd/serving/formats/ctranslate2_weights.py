"""A Keras model's weights in the places that CTranslate2 has for them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from ctranslate2.specs import attention_spec, common_spec, model_spec, transformer_spec

from tfkd.layers.positions import sinusoidal
from tfkd.models.gpt2 import Gpt2
from tfkd.models.llama import Llama
from tfkd.models.transformer import Transformer

_ACTIVATIONS = {
    "relu": common_spec.Activation.RELU,
    "gelu": common_spec.Activation.GELU,
    "gelu_tanh": common_spec.Activation.GELUTanh,
    "silu": common_spec.Activation.SWISH,
}


def described(model: Any, tokenizers: Mapping[str, Any]) -> Any:
    """The specification of a float32 model, with its vocabularies and special tokens.

    Args:
        model: A `Transformer` that writes from left to right, a `Gpt2` or a `Llama`, without
            adapters but those with a `product`.
        tokenizers: `source` and `target`, or `text`.

    Raises:
        TypeError: A model of another class.
    """
    for kind, describe in _CLASSES.items():
        if type(model) is kind:
            return describe(model, tokenizers)
    known = ", ".join(one.__name__ for one in _CLASSES)
    raise TypeError(
        f"Invalid value for argument `model`. Expected one of {known}. Received: {type(model)}"
    )


def save(spec: Any, folder: str, quantize: str) -> None:
    """Writes `model.bin`, `config.json` and the vocabularies.

    Args:
        spec: The specification.
        folder: The folder, which is there.
        quantize: The type of its weights; see `CTranslate2Options`.
    """
    spec.validate()
    spec.optimize(quantization=None if quantize == "bfloat16" else quantize)
    if quantize == "bfloat16":
        # CTranslate2 rounds by PyTorch, which is not here; so does TensorFlow, to the same bits.
        model_spec.visit_spec(spec, _round)
    spec.save(folder)


def _round(spec: Any, name: str, value: Any) -> None:
    own = isinstance(value, model_spec.NumpyVariable) and not value.is_scalar()
    if own and value.dtype == "float32":
        rounded = tf.cast(value.numpy(), tf.bfloat16).numpy()
        setattr(spec, name.rpartition("/")[2], model_spec.NumpyVariable(rounded))


def _transformer(model: Transformer, tokenizers: Mapping[str, Any]) -> Any:
    options = model.get_config()
    shared = {
        "pre_norm": options["norm"] == "pre",
        "activation": _ACTIVATIONS[options["activation"]],
        "layernorm_embedding": options["embedding_norm"],
    }
    encoder = transformer_spec.TransformerEncoderSpec(
        options["encoder_layers"], options["heads"], **shared
    )
    decoder = transformer_spec.TransformerDecoderSpec(
        options["decoder_layers"], options["heads"], **shared
    )
    spec = transformer_spec.TransformerSpec(encoder, decoder)
    sides = (
        (encoder, encoder.embeddings[0], model.encoder, model.source_embedding, "encoder"),
        (decoder, decoder.embeddings, model.decoder, model.target_embedding, "decoder"),
    )
    for side, embeddings, stack, table, name in sides:
        side.scale_embeddings = options["scale_embeddings"]
        embeddings.weight = _array(table.table)
        side.position_encodings.encodings = _positions(getattr(model, f"{name}_positions"))
        if options["embedding_norm"]:
            _norm(side.layernorm_embedding, getattr(model, f"{name}_norm"))
        _stack(side, stack)
    _head(decoder.projection, model.head)
    source, target = tokenizers["source"], tokenizers["target"]
    spec.register_source_vocabulary(list(source.vocabulary))
    spec.register_target_vocabulary(list(target.vocabulary))
    lead = model.leads.get("decoder")
    config = {
        "bos_token": source.vocabulary[source.start_id],
        # Who asks puts a token that the model has in front there: a source that is this token alone
        # would be none to CTranslate2.
        "add_source_bos": False,
        "add_source_eos": True,
        "eos_token": target.vocabulary[target.end_id],
        "unk_token": target.vocabulary[target.unknown_id],
        # Behind a token that the model has before the start, who asks puts the start.
        "decoder_start_token": target.vocabulary[target.start_id if lead is None else lead],
    }
    _configure(spec, config, options["norm_epsilon"])
    return spec


def _gpt2(model: Gpt2, tokenizers: Mapping[str, Any]) -> Any:
    options = model.get_config()
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        options["layers"], options["heads"], activation=_ACTIVATIONS[options["activation"]]
    )
    decoder, embedding = spec.decoder, model.embedding
    decoder.scale_embeddings = False
    decoder.embeddings.weight = _array(embedding.tokens.table)
    decoder.position_encodings.encodings = _positions(embedding.positions)
    _stack(decoder, model.decoder)
    _head(decoder.projection, model.head)
    _language_model(spec, tokenizers["text"], options["norm_epsilon"])
    return spec


def _language_model(spec: Any, tokenizer: Any, epsilon: float) -> None:
    spec.register_vocabulary(list(tokenizer.vocabulary))
    config = {
        "bos_token": tokenizer.vocabulary[tokenizer.start_id],
        "eos_token": tokenizer.vocabulary[tokenizer.end_id],
        "unk_token": tokenizer.vocabulary[tokenizer.unknown_id],
    }
    _configure(spec, config, epsilon)


def _llama(model: Llama, tokenizers: Mapping[str, Any]) -> Any:
    options = model.get_config()
    keys, around = options["key_value_heads"] or options["heads"], options["norms"] == "around"
    scaling = options["rotary_scaling"]
    linear = attention_spec.RotaryScalingType.Linear if scaling else None
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        options["layers"],
        options["heads"],
        activation=_ACTIVATIONS[options["activation"]],
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_scaling_type=linear,
        rotary_scaling_factor=scaling["factor"] if scaling else 1,
        rotary_base=options["rotary_theta"],
        pre_post_layer_norm=around,
        num_heads_kv=None if keys == options["heads"] else keys,
        head_dim=options["head_width"],
        qk_norm=options["query_key_norm"],
    )
    decoder, tokens = spec.decoder, model.embedding.tokens
    decoder.scale_embeddings = options["scale_embeddings"]
    decoder.embeddings.weight = _array(tokens.table)
    for layer, block in zip(decoder.layer, model.decoder.blocks, strict=True):
        own, attention = layer.self_attention, block.self_attention
        inputs = (attention.query, attention.key_value)
        own.linear[0].weight = np.concatenate([_array(one.kernel).T for one in inputs])
        if attention.query.bias is not None:
            own.linear[0].bias = np.concatenate([_array(one.bias) for one in inputs])
        _linear(own.linear[1], attention.output_projection)
        if attention.query_norm is not None:
            own.q_norm.gamma = _array(attention.query_norm.scale)
            own.k_norm.gamma = _array(attention.key_norm.scale)
        if options["attention_scale"] is not None:
            own.queries_scale = np.float32(options["attention_scale"])
        for place, norm in _rotary_norms(layer, block, around):
            place.gamma = _array(norm.scale)
        gate, up = np.split(_array(block.feed_forward.gate_up.kernel).T, 2)
        layer.ffn.linear_0.weight, layer.ffn.linear_0_noact.weight = map(
            np.ascontiguousarray, (gate, up)
        )
        if block.feed_forward.gate_up.bias is not None:
            biases = np.split(_array(block.feed_forward.gate_up.bias), 2)
            layer.ffn.linear_0.bias, layer.ffn.linear_0_noact.bias = biases
        _linear(layer.ffn.linear_1, block.feed_forward.down)
    decoder.layer_norm.gamma = _array(model.decoder.final_norm.scale)
    if options["logit_cap"] is not None:
        decoder.final_logit_softcapping = np.float32(options["logit_cap"])
    _head(decoder.projection, model.head)
    _language_model(spec, tokenizers["text"], options["norm_epsilon"])
    return spec


def _rotary_norms(layer: Any, block: Any, around: bool) -> Iterator[tuple[Any, Any]]:
    if not around:
        yield layer.self_attention.layer_norm, block.self_attention_norm
        yield layer.ffn.layer_norm, block.feed_forward_norm
        return
    yield layer.input_layer_norm, block.self_attention_norm
    yield layer.post_attention_layer_norm, block.self_attention_out_norm
    yield layer.pre_feedforward_layer_norm, block.feed_forward_norm
    yield layer.post_feedforward_layer_norm, block.feed_forward_out_norm


_CLASSES: dict[type, Callable[[Any, Mapping[str, Any]], Any]] = {
    Transformer: _transformer,
    Gpt2: _gpt2,
    Llama: _llama,
}


def _configure(spec: Any, config: Mapping[str, Any], epsilon: float) -> None:
    for key, value in config.items():
        setattr(spec.config, key, value)
    spec.config.layer_norm_epsilon = epsilon


def _stack(spec: Any, stack: Any) -> None:
    """The blocks of a side, and its last normalization."""
    if stack.final_norm is not None:
        _norm(spec.layer_norm, stack.final_norm)
    for layer, block in zip(spec.layer, stack.blocks, strict=True):
        on, own = _On(block), block.self_attention
        on("self_attention_query_key_value", layer.self_attention.linear[0], own.query_key_value)
        on("self_attention_output", layer.self_attention.linear[1], own.output_projection)
        _norm(layer.self_attention.layer_norm, block.self_attention_norm)
        if block.cross_attention is not None:
            across, linear = block.cross_attention, layer.attention.linear
            on("cross_attention_query", linear[0], across.query)
            on("cross_attention_key_value", linear[1], across.key_value)
            on("cross_attention_output", linear[2], across.output_projection)
            _norm(layer.attention.layer_norm, block.cross_attention_norm)
        on("feed_forward_inner", layer.ffn.linear_0, block.feed_forward.inner)
        on("feed_forward_outer", layer.ffn.linear_1, block.feed_forward.outer)
        _norm(layer.ffn.layer_norm, block.feed_forward_norm)


class _On:
    """The projections of a block by their places, each with the adapter on it."""

    def __init__(self, block: Any):
        self._adapters = getattr(block, "adapters", {})

    def __call__(self, place: str, spec: Any, dense: Any) -> None:
        _linear(spec, dense)
        adapter = self._adapters.get(f"on_{place}")
        if adapter is not None:
            spec.weight = spec.weight + _array(adapter.product()).T


def _linear(spec: Any, dense: Any) -> None:
    spec.weight = np.ascontiguousarray(_array(dense.kernel).T)
    if dense.bias is not None:
        spec.bias = _array(dense.bias)


def _norm(spec: Any, norm: Any) -> None:
    spec.gamma, spec.beta = _array(norm.scale), _array(norm.offset)


def _head(spec: Any, head: Any) -> None:
    spec.weight = head.matrix().numpy()
    bias = head.bias()
    if bias is not None:
        spec.bias = bias.numpy()


def _positions(positions: Any) -> np.ndarray:
    """float32 `[positions, width]`."""
    if positions.kind == "learned":
        return _array(positions.table)
    return sinusoidal(tf.range(positions.max_length), positions.width).numpy()


def _array(weight: Any) -> np.ndarray:
    return np.array(weight.numpy(), np.float32)
