"""`choose:` of a training stage: settings that are tried."""

import copy
from collections.abc import Callable
from itertools import product
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.options.choosing import ChooseOptions
from tfkd.spec.wording import shown
from tfkd.spec.yaml_reader import MOST_DEPTH

# What a setting may change: nothing that decides what the stage reads, starts from or measures.
CHOOSABLE = (
    "balance",
    "batch",
    "frozen_dropout",
    "gradients",
    "objective",
    "optimizer",
    "schedule",
    "steps",
    "trainable",
)
_FIXED_OF_TERMS = ("kind", "view")
MOST = 64
FORM = "like {balance.soft: [0.3, 0.5, 0.7], by: valid.accuracy}"


def chosen(
    faults: Faults,
    path: tuple[Any, ...],
    value: dict[str, Any],
    parse: Callable[[dict[str, Any]], Any],
) -> ChooseOptions | None:
    """The settings of `choose:` with the stage's options under each.

    Args:
        faults: Takes the faults, those of settings too.
        path: The stage's path.
        value: The stage as it is written.
        parse: From a stage in plain values to its options; None where it has faults.
    """
    where, given = (*path, "choose"), value["choose"]
    if not isinstance(given, dict) or not isinstance(given.get("by"), str) or len(given) < 2:
        faults.add(where, f"found {shown(given)}", f"settings and what they are judged by, {FORM}")
        return None
    settings = {name: values for name, values in given.items() if name != "by"}
    before = len(faults.errors)
    for name, values in settings.items():
        _check(faults, (*where, name), name, values)
    count = 1
    for values in settings.values():
        count *= len(values) if isinstance(values, list) else 1
    if count > MOST:
        faults.add(where, f"{count} settings", f"at most {MOST}, each of which is a training")
    # What is wrong with `by` itself.
    faults.options(where, ChooseOptions, {"by": given["by"], "settings": {}})
    if len(faults.errors) > before:
        return None
    trials = []
    for values in product(*settings.values()):
        setting = dict(zip(settings, values, strict=True))
        changed = copy.deepcopy({key: one for key, one in value.items() if key != "choose"})
        for name, one in setting.items():
            _set(changed, name.split("."), one)
        options = parse(changed)
        if options is None:
            return None
        trials.append((setting, options))
    return ChooseOptions(by=given["by"], settings=settings).with_trials(trials)


def _check(faults: Faults, where: tuple[Any, ...], name: str, values: Any) -> None:
    first, *rest = name.split(".")
    fixed = first == "objective" and len(rest) > 1 and rest[1] in _FIXED_OF_TERMS
    if first not in CHOOSABLE or fixed:
        faults.add(
            where, f"{shown(name)} cannot be tried", f"a path below one of {', '.join(CHOOSABLE)}, "
            f"{FORM}", CHOOSABLE, first,
        )  # fmt: skip
    elif len(rest) > MOST_DEPTH:
        faults.add(where, f"nested deeper than {MOST_DEPTH} levels")
    if not isinstance(values, list) or not values:
        faults.add(where, f"found {shown(values)}", "a list of values")
    elif len({repr(one) for one in values}) < len(values):
        faults.add(where, "a value stands here twice", "each value once")


def _set(stage: dict[str, Any], keys: list[str], value: Any) -> None:
    node = stage
    for key in keys[:-1]:
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
    node[keys[-1]] = value
