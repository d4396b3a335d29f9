"""Stages and evaluations: sections whose parts are chosen by name."""

from types import SimpleNamespace
from typing import Any

from tfkd.spec import registry
from tfkd.spec.checks.choosing import each_setting, settings_of, with_setting
from tfkd.spec.faults import Faults
from tfkd.spec.options import EvaluateOptions
from tfkd.spec.options.choosing import ChooseOptions
from tfkd.spec.sections import named, of_kind, with_metric_options
from tfkd.spec.source.tree import Node
from tfkd.spec.stage import word
from tfkd.spec.stage_kinds import kinds
from tfkd.spec.wording import shown
from tfkd.spec.wording import shown as in_short

_CHOOSE = "like {decode.length_penalty: [0.6, 1.0, 1.4], by: valid.bleu}"
# A run's folder has these beside its stages.
_TAKEN = ("evaluation", "export")


def stages(faults: Faults, tree: Node) -> dict[str, Any]:
    """`stages:`."""
    found = {}
    for name, value in named(faults, tree, "stages").items():
        if name in _TAKEN:
            faults.add(("stages", name), f"{name} is a folder of every run", "another name")
        found[name] = stage(faults, ("stages", name), value)
    return {name: options for name, options in found.items() if options is not None}


def evaluations(faults: Faults, tree: Node) -> list[Any]:
    """`evaluate:`; None for an entry that cannot be read at all."""
    node = tree.value.get("evaluate")
    if node is None or node.value is None:
        return []
    plain = node.plain()
    if not isinstance(plain, list):
        faults.add(("evaluate",), f"found {in_short(plain)}", "a list of evaluations")
        return []
    return [evaluation(faults, ("evaluate", index), value) for index, value in enumerate(plain)]


def stage(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One stage; its kind is the key that says what it does.

    Returns:
        Its options; where they have faults, a stand-in with the names that it refers to, so that
        those are checked at once; None where not even its kind is known.
    """
    if not isinstance(value, dict):
        expected = f"a stage: one of {', '.join(kinds())} and its options"
        faults.add(path, f"found {in_short(value)}", expected)
        return None
    known = kinds()
    found = [kind for kind in known if kind in value]
    if len(found) != 1:
        faults.add(
            path, "two kinds of stage in one" if found else "no kind of stage",
            f"exactly one of the keys {', '.join(known)}", known, str(next(iter(value), "")),
        )  # fmt: skip
        return None
    return known[found[0]].parse(faults, path, value)


def evaluation(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One entry of `evaluate:`; a stand-in with its names where it has faults, as of stages."""
    if not isinstance(value, dict):
        faults.add(path, f"found {in_short(value)}", "{of: STAGE, on: [CORPUS], metrics: [...]}")
        return None
    before = len(faults.errors)
    written, value = value, dict(value)
    for key in ("decode", "against_decode"):
        if value.get(key) is not None:
            value[key] = of_kind(faults, (*path, key), "decode", value[key])
    if value.get("choose") is not None:
        value["choose"] = _tuned(faults, path, written, value.get("decode"))
    value = with_metric_options(faults, path, value)
    options = faults.options(path, EvaluateOptions, value)
    if len(faults.errors) == before:
        return options
    on, metrics = (
        [one for one in (got if isinstance(got, list) else [got]) if word(one)]
        for got in (value.get("on"), value.get("metrics"))
    )
    of, against = word(value.get("of")), word(value.get("against"))
    return SimpleNamespace(of=of, against=against, on=on, metrics=metrics, context=None)


def _tuned(
    faults: Faults, path: tuple[Any, ...], value: dict[str, Any], decode: Any
) -> ChooseOptions | None:
    """The settings of `choose:` with the decoding's options under each; None where it has faults.

    Args:
        faults: Takes the faults, those of settings too.
        path: The evaluation's path.
        value: The evaluation as it is written.
        decode: The options of its `decode:`; None where it has none, or faults.
    """
    where, written = (*path, "choose"), value.get("decode")
    if written is None:
        faults.add(where, "no decode beside it", "decode: {kind: beam}, whose options are tried")
        return None
    if decode is None:
        return None  # told of already
    known = registry.lookup("decode", decode.kind).options.model_fields.keys() - {"kind", "engine"}

    def choosable(name: str) -> None:
        first, _, option = name.partition(".")
        option = option.partition(".")[0]
        if first != "decode" or not option:
            faults.add(
                (*where, name), f"{shown(name)} is no option of decode",
                f"decode.OPTION, {_CHOOSE}", [f"decode.{one}" for one in known], f"decode.{name}",
            )  # fmt: skip
        elif option not in known:
            faults.add(
                (*where, name), f"{decode.kind} has no {shown(option)} to try",
                f"one of {', '.join(f'decode.{one}' for one in sorted(known))}",
                [f"decode.{one}" for one in known], None if option == "kind" else name,
            )  # fmt: skip

    settings = settings_of(
        faults, where, value["choose"], choosable, _CHOOSE, "a decoding of the validation corpus"
    )
    if settings is None:
        return None
    trials, told = [], set()
    for setting in each_setting(settings):
        tried = Faults(faults.tree, faults.variant)
        changed = with_setting({"decode": written}, setting)["decode"]
        options = of_kind(tried, (*path, "decode"), "decode", changed)
        said = ", ".join(f"{name} {shown(one)}" for name, one in setting.items())
        for error in tried.errors:
            if (error.message, error.expected) not in told:  # once, by however many it shows
                told.add((error.message, error.expected))
                faults.add(where, f"with {said}: {error.message}", error.expected)
        trials.append((setting, options))
    if any(options is None for _, options in trials):
        return None
    return ChooseOptions(by=value["choose"]["by"], settings=settings).with_trials(trials)
