"""Decoders with rotary positions as published folders: Llama's layout, or Qwen 3's."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.tokenizers.byte_bpe import ByteBpe, write_published
from tfkd.models.llama import Llama
from tfkd.models.published.llama import PublishedLlama, PublishedQwen3
from tfkd.models.published.saving import to_published, write_folder

_SCALING = {
    "kind": "rope_type",
    "factor": "factor",
    "original_length": "original_max_position_embeddings",
    "low_factor": "low_freq_factor",
    "high_factor": "high_freq_factor",
    "fast": "beta_fast",
    "slow": "beta_slow",
    "attention_factor": "attention_factor",
    "whole": "truncate",
}
# What neither layout says, with the one value that they have.
_PLAIN = {
    "norms": "before",
    "activation": "silu",
    "attention_scale": None,
    "attention_cap": None,
    "logit_cap": None,
    "scale_embeddings": False,
    "attention_window": None,
    "unrotated_layers": [],
}


def save_published_llama(
    model: Llama, folder: str | PathLike, *, tokenizer: ByteBpe | None = None
) -> None:
    """Writes a `Llama` as a published folder, which other libraries load.

    Args:
        model: The model.
        folder: Made where it is not there.
        tokenizer: Its tokenizer, written as `vocab.json` and `merges.txt` beside it; None: it is
            left out.

    Raises:
        ValueError: the model has what neither Llama's layout nor Qwen 3's can say. Nothing is
            written then.
    """
    options = model.get_config()
    normed, biases = options["query_key_norm"], options["attention_bias"]
    wrong = [
        f"{name}={options[name]!r}" for name, value in _PLAIN.items() if options[name] != value
    ]
    if biases == "inputs" or (normed and options["feed_forward_bias"]):
        wrong += [f"attention_bias={biases!r}"]
    if wrong:
        raise ValueError(
            "Invalid value for argument `model`. The layouts of Llama and of Qwen 3 know no such "
            f"model. Received: {', '.join(wrong)}"
        )
    layout = PublishedQwen3 if normed else PublishedLlama
    tensors = {
        name if name.startswith("lm_head.") else f"model.{name}": value
        for name, value in to_published(model, layout).items()
    }
    scaling = options["rotary_scaling"] or {"kind": "default"}
    heads = options["heads"]
    end_id = None if tokenizer is None else tokenizer.end_id
    config = {
        "architectures": ["Qwen3ForCausalLM" if normed else "LlamaForCausalLM"],
        "model_type": layout.model_type,
        **{theirs: options[ours] for ours, theirs in layout.sizes.items()},
        "intermediate_size": options["feed_forward"] or 4 * options["width"],
        "num_key_value_heads": options["key_value_heads"] or heads,
        "head_dim": options["head_width"] or options["width"] // heads,
        "hidden_act": "silu",
        "rms_norm_eps": options["norm_epsilon"],
        "attention_bias": biases == "all",
        **({} if normed else {"mlp_bias": options["feed_forward_bias"]}),
        "tie_word_embeddings": options["tie_embeddings"],
        "rope_parameters": {
            "rope_theta": options["rotary_theta"],
            **{_SCALING[name]: value for name, value in scaling.items()},
        },
        "bos_token_id": None if tokenizer is None else tokenizer.start_id,
        "eos_token_id": end_id,
        "pad_token_id": None,
    }
    write_folder(folder, tensors, config)
    if tokenizer is not None:
        write_published(tokenizer, Path(folder))
        said = json.dumps({"tokenizer_class": "GPT2Tokenizer"}, indent=2) + "\n"
        write_atomically(Path(folder) / "tokenizer_config.json", said)


def write_rotary_decoder(
    model: Llama, folder: Path, tokenizers: Mapping[str, Any], labels: Sequence[str] | None
) -> None:
    """`save_published_llama` for `Reader.write`."""
    del labels  # it has no classes
    tokenizer = tokenizers["text"]
    if not isinstance(tokenizer, ByteBpe):
        raise ValueError("a Llama is written with a tokenizer of kind byte_bpe alone")
    save_published_llama(model, folder, tokenizer=tokenizer)
