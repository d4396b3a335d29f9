"""`choose:` of a training stage: settings that are tried."""

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.metrics import in_training
from tfkd.spec.options.choosing import ChooseOptions
from tfkd.spec.source.yaml_reader import MOST_DEPTH
from tfkd.spec.wording import shown

# What a setting may change: nothing that decides what the stage reads, starts from or measures.
CHOOSABLE = (
    "balance",
    "batch",
    "epochs",
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

    def choosable(name: str) -> None:
        first, *rest = name.split(".")
        fixed = first == "objective" and len(rest) > 1 and rest[1] in _FIXED_OF_TERMS
        if first not in CHOOSABLE or fixed:
            faults.add(
                (*where, name), f"{shown(name)} cannot be tried", "a path below one of "
                f"{', '.join(CHOOSABLE)}, {FORM}", CHOOSABLE, first,
            )  # fmt: skip

    settings = settings_of(faults, where, given, choosable, FORM, "a training")
    if settings is None:
        return None
    base = {key: one for key, one in value.items() if key != "choose"}
    trials = []
    for setting in each_setting(settings):
        options = parse(with_setting(base, setting))
        if options is None:
            return None
        trials.append((setting, options))
    return ChooseOptions(by=given["by"], settings=settings).with_trials(trials)


def settings_of(
    faults: Faults,
    where: tuple[Any, ...],
    given: Any,
    choosable: Callable[[str], None],
    form: str,
    each: str,
) -> dict[str, list[Any]] | None:
    """The values of each dotted path in a `choose:`; None where it has faults.

    Args:
        faults: Takes them.
        where: The path of `choose:`.
        given: It, as it is written.
        choosable: Adds a fault for a path that cannot be tried.
        form: An example of the right form.
        each: What each setting costs.
    """
    if not isinstance(given, dict) or not isinstance(given.get("by"), str) or len(given) < 2:
        faults.add(where, f"found {shown(given)}", f"settings and what they are judged by, {form}")
        return None
    settings = {name: values for name, values in given.items() if name != "by"}
    before = len(faults.errors)
    for name, values in settings.items():
        if name.count(".") > MOST_DEPTH:
            faults.add((*where, name), f"nested deeper than {MOST_DEPTH} levels")
        else:
            choosable(name)
        _check_values(faults, (*where, name), values)
    count = 1
    for values in settings.values():
        count *= len(values) if isinstance(values, list) else 1
    if count > MOST:
        faults.add(where, f"{count} settings", f"at most {MOST}, each of which is {each}")
    # What is wrong with `by` itself.
    faults.options(where, ChooseOptions, {"by": given["by"], "settings": {}})
    return settings if len(faults.errors) == before else None


def each_setting(settings: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """All combinations of values, each by path; the last path's values change fastest."""
    for values in product(*settings.values()):
        yield dict(zip(settings, values, strict=True))


def with_setting(value: Mapping[str, Any], setting: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of plain values in which a setting's dotted paths have its values."""
    changed = copy.deepcopy(dict(value))
    for path, one in setting.items():
        _set(changed, path.split("."), one)
    return changed


def _check_values(faults: Faults, where: tuple[Any, ...], values: Any) -> None:
    if not isinstance(values, list) or not values:
        faults.add(where, f"found {shown(values)}", "a list of values")
    elif any(one in values[:at] for at, one in enumerate(values)):  # 1 and 1.0, too
        faults.add(where, "a value stands here twice", "each value once")


def _set(stage: dict[str, Any], keys: list[str], value: Any) -> None:
    node = stage
    for key in keys[:-1]:
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
    node[keys[-1]] = value


def check_choose(faults: Faults, path: tuple, stage: Any) -> None:
    """What settings are judged by is what the validation keeps the best step by."""
    choose, validate = stage.choose, stage.validate_
    if choose is None:
        return
    kept = getattr(getattr(validate, "keep", None), "best", None)
    asked = (getattr(validate, "on", None), kept)
    if asked != (choose.corpus, choose.metric):
        known = in_training()
        if choose.metric not in known:
            faults.add(
                (*path, "choose", "by"), f"{choose.by}, and no validation measures {choose.metric}",
                f"CORPUS.METRIC, METRIC one of {', '.join(known)}",
            )  # fmt: skip
            return
        found = "no validation" if validate is None else f"on: {asked[0]}, keep: {validate.keep}"
        if kept is not None:
            found = f"on: {asked[0]}, keep: {{best: {kept}}}"
        faults.add(
            (*path, "choose", "by"), f"{choose.by}, and the stage has {found}",
            f"validate: {{on: {choose.corpus}, metrics: [{choose.metric}], keep: {{best: "
            f"{choose.metric}}}}}",
        )  # fmt: skip
