"""What `config.json` says of rotary positions: today's `rope_parameters`, or the keys before it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

_KINDS = ("default", "linear", "llama3", "yarn")
_NAMES = {
    "low_factor": "low_freq_factor",
    "high_factor": "high_freq_factor",
    "fast": "beta_fast",
    "slow": "beta_slow",
    "attention_factor": "attention_factor",
    "whole": "truncate",
}
_READ = {"rope_type", "type", "factor", "rope_theta", "mscale", "mscale_all_dim",
         "partial_rotary_factor", "original_max_position_embeddings", *_NAMES.values()}  # fmt: skip


def rotary_options(
    config: Mapping[str, Any], wrong: Callable[[str], Exception], theta: float = 10000.0
) -> dict[str, Any]:
    """Our options `rotary_theta` and `rotary_scaling`.

    Args:
        config: The content of `config.json`.
        wrong: Makes an error of what is said about it.
        theta: The base where it says none.

    Raises:
        UserError: It has a kind of scaling, or a key of one, that is not known.
    """
    said = config.get("rope_parameters") or {}
    scaling = config.get("rope_scaling") or {}
    for key, value in (("rope_parameters", said), ("rope_scaling", scaling)):
        if not isinstance(value, dict):
            raise wrong(f"{key} is {value!r}; expected a mapping.")
    key = "rope_scaling" if scaling else "rope_parameters"
    base = said.get("rope_theta", config.get("rope_theta", theta))
    return {
        "rotary_theta": float(number(base, "rope_theta", wrong)),
        "rotary_scaling": scaling_of(scaling or said, key, config, wrong),
    }


def scaling_of(
    said: Mapping[str, Any],
    key: str,
    config: Mapping[str, Any],
    wrong: Callable[[str], Exception],
) -> dict[str, Any] | None:
    """`RotaryScaling` in plain values, of what stands under `key`; None without one.

    Raises:
        UserError: As `rotary_options`.
    """
    kind = said.get("rope_type", said.get("type", "default"))
    if kind not in _KINDS:
        raise wrong(f"{key} is of type {kind!r}; known are {', '.join(_KINDS)}.")
    if (part := said.get("partial_rotary_factor") or 1.0) != 1.0:
        raise wrong(f"{key}.partial_rotary_factor is {part!r}; only 1.0 is known.")
    if kind == "default":
        return None
    if unknown := sorted(set(said) - _READ):
        raise wrong(f"{key} has {', '.join(unknown)}; nothing is known of that.")
    found: dict[str, Any] = {"kind": kind}
    factor = said.get("factor")
    original = said.get("original_max_position_embeddings")
    if original is None and kind != "linear":
        original = config.get("original_max_position_embeddings")
        original = config.get("max_position_embeddings") if original is None else original
    if factor is None and kind == "yarn" and original:
        factor = config.get("max_position_embeddings", 0) / original
    found["factor"] = float(number(factor, f"{key}.factor", wrong))
    if kind == "linear":
        return found
    found["original_length"] = original
    of_llama = ("low_factor", "high_factor")
    for ours, theirs in _NAMES.items():
        value = said.get(theirs)
        if value is None or (kind == "llama3") != (ours in of_llama):
            continue
        if ours == "whole":
            found[ours] = value
        else:
            found[ours] = float(number(value, f"{key}.{theirs}", wrong))
    if kind == "llama3" and not {"low_factor", "high_factor"} <= found.keys():
        raise wrong(f"{key} is of type llama3 without low_freq_factor and high_freq_factor.")
    wide, all_wide = said.get("mscale"), said.get("mscale_all_dim")
    if kind == "yarn" and "attention_factor" not in found and wide and all_wide:
        found["attention_factor"] = _scale(found["factor"], wide) / _scale(
            found["factor"], all_wide
        )
    return found


def _scale(factor: float, weight: float) -> float:
    return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0


def number(value: Any, key: str, wrong: Callable[[str], Exception]) -> float:
    """A number above 0.

    Raises:
        UserError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise wrong(f"{key} is {value!r}; expected a number above 0.")
    return value
