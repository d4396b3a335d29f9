"""`choose:` of an evaluation: settings of its decoding that are tried on validation."""

from typing import Any

from tfkd.spec import registry
from tfkd.spec.choosing import each_setting, settings_of, with_setting
from tfkd.spec.faults import Faults
from tfkd.spec.options.choosing import ChooseOptions
from tfkd.spec.sections import of_kind
from tfkd.spec.wording import shown

FORM = "like {decode.length_penalty: [0.6, 1.0, 1.4], by: valid.bleu}"


def tuned(
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
    known = registry.lookup("decode", decode.kind).options.model_fields.keys() - {"kind"}

    def choosable(name: str) -> None:
        first, _, option = name.partition(".")
        option = option.partition(".")[0]
        if first != "decode" or not option:
            faults.add(
                (*where, name), f"{shown(name)} is no option of decode",
                f"decode.OPTION, {FORM}", [f"decode.{one}" for one in known], f"decode.{name}",
            )  # fmt: skip
        elif option not in known:
            faults.add(
                (*where, name), f"{decode.kind} has no {shown(option)} to try",
                f"one of {', '.join(f'decode.{one}' for one in sorted(known))}",
                [f"decode.{one}" for one in known], None if option == "kind" else name,
            )  # fmt: skip

    settings = settings_of(
        faults, where, value["choose"], choosable, FORM, "a decoding of the validation corpus"
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
