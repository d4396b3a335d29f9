"""Published GPT-2 checkpoints: folders with `config.json` and `model.safetensors`.

Their kernels are `[input, output]` as Keras's are, and query, key and value are one matrix there as
here (`c_attn`).
"""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import numpy as safetensors_numpy

from tfkd.data.files import write_atomically
from tfkd.models.gpt2 import Gpt2
from tfkd.models.published import read_safetensors
from tfkd.models.published_config import GPT2_ACTIVATIONS, GPT2_PLAIN, GPT2_SIZES, gpt2_config
from tfkd.models.weights import variables_by_path
from tfkd.spec.errors import UserError

_WHOLE = {
    "embedding/tokens/table": "wte.weight",
    "embedding/positions/table": "wpe.weight",
    "decoder/final_norm/scale": "ln_f.weight",
    "decoder/final_norm/offset": "ln_f.bias",
}
_PARTS = {
    "self_attention/query_key_value": "attn.c_attn",
    "self_attention/output_projection": "attn.c_proj",
    "self_attention_norm": "ln_1",
    "feed_forward/inner": "mlp.c_fc",
    "feed_forward/outer": "mlp.c_proj",
    "feed_forward_norm": "ln_2",
}
_WEIGHT = {"kernel": "weight", "bias": "bias", "scale": "weight", "offset": "bias"}


def load_published_gpt2(
    folder: str | PathLike, *, dtype: Any = "float32", seed: int | None = 1
) -> Gpt2:
    """Builds a GPT-2 from a published folder and loads its weights.

    Args:
        folder: Holds `config.json` and `model.safetensors` (or its numbered parts).
        dtype: Keras policy of the model.
        seed: Seed of the model's configuration; all its weights come from the folder.

    Raises:
        UserError: the folder holds no GPT-2 that this model can be, or only pickled weights.
    """
    folder = Path(folder)
    config = gpt2_config(folder)
    tensors = canonical_gpt2(read_safetensors(folder))
    head = tensors.pop("lm_head.weight", None)
    if head is not None and not np.array_equal(head, tensors.get("wte.weight")):
        raise UserError(
            f"{folder}: lm_head.weight is not wte.weight; a GPT-2 predicts by its embedding."
        )
    model = Gpt2(**config, dtype=dtype, seed=seed)
    if complaints := _assign(model, tensors):
        raise UserError(f"{folder}: the weights do not fit config.json: {'; '.join(complaints)}.")
    return model


def save_published_gpt2(model: Gpt2, folder: str | PathLike, *, end_id: int | None = None) -> None:
    """Writes a GPT-2 as a published folder, which other libraries load.

    A byte-level tokenizer's `save` puts its `vocab.json` and `merges.txt` beside them.

    Args:
        model: The model.
        folder: Made where it is not there.
        end_id: The id that starts and ends a text, for generation elsewhere.

    Raises:
        ValueError: the model has adapters, which the layout cannot say. Nothing is written then.
    """
    variables = variables_by_path(model)
    tensors = {
        f"transformer.{_published_name(path)}": variable.value.numpy().astype(np.float32)
        for path, variable in variables.items()
    }
    options = model.get_config()
    names = {ours: theirs for theirs, ours in reversed(GPT2_ACTIVATIONS.items())}
    dropout, attention = options["dropout"], options["attention_dropout"]
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{theirs: options[ours] for ours, theirs in GPT2_SIZES.items()},
        "n_inner": options["feed_forward"],
        "activation_function": names[options["activation"]],
        "embd_pdrop": dropout,
        "resid_pdrop": dropout,
        "attn_pdrop": dropout if attention is None else attention,
        "layer_norm_epsilon": options["norm_epsilon"],
        "initializer_range": options["initializer_range"],
        **GPT2_PLAIN,
        "bos_token_id": end_id,
        "eos_token_id": end_id,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = safetensors_numpy.save(tensors, metadata={"format": "pt"})
    write_atomically(folder / "model.safetensors", data)
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")


def canonical_gpt2(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Published tensors without the prefix `transformer.` and without the masks stored as such."""
    found = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    return {
        name: value
        for name, value in found.items()
        if not name.endswith((".attn.bias", ".attn.masked_bias"))
    }


def _published_name(path: str) -> str:
    if path in _WHOLE:
        return _WHOLE[path]
    stack, layer, rest = path.split("/", 2)
    part, _, weight = rest.rpartition("/")
    if stack != "decoder" or part not in _PARTS:
        raise ValueError(f"weight {path!r} has no place in a published GPT-2")
    number = int(layer.removeprefix("layer_")) - 1
    return f"h.{number}.{_PARTS[part]}.{_WEIGHT[weight]}"


def _assign(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> list[str]:
    """Assigns tensors by name and returns what does not fit, in words; then nothing is assigned."""
    variables, complaints, left = variables_by_path(model), [], set(tensors)
    for path, variable in variables.items():
        name = _published_name(path)
        left.discard(name)
        if name not in tensors:
            complaints.append(f"{name} is not there")
        elif tensors[name].shape != tuple(variable.shape):
            complaints.append(
                f"{name} {tensors[name].shape} does not fit {path} {tuple(variable.shape)}"
            )
    complaints += [f"{name} is of no part of it" for name in sorted(left)]
    if not complaints:
        for path, variable in variables.items():
            variable.assign(np.asarray(tensors[_published_name(path)], np.float32))
    return complaints
