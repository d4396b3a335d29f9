"""`callbacks:` of a training stage: classes of plugins that are called at its validations."""

from typing import Any

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.sections import check_name, of_kind
from tfkd.spec.wording import shown


def callbacks_of(faults: Faults, path: tuple[Any, ...], value: Any) -> dict[str, Any] | None:
    """Typed options by name; a name that is a kind need not say `kind`.

    Args:
        faults: Takes the faults.
        path: Where they stand.
        value: As written.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        found = "none" if value == {} else f"found {shown(value)}"
        faults.add(path, found, "callbacks by name, like {my_callback: {}}")
        return None
    if not registry.names("callback"):
        expected = "the plugin that registers them, by --plugin MODULE: the package has none"
        faults.add(path, f"there is no callback {next(iter(value))}", expected)
        return None
    found = {}
    for name, options in value.items():
        check_name(faults, (*path, name))
        options = {} if options is None else options
        found[name] = of_kind(faults, (*path, name), "callback", options, name)
    return {name: options for name, options in found.items() if options is not None} or None


def check_callbacks(faults: Faults, path: tuple[Any, ...], stage: Any) -> None:
    """Refuses callbacks of a stage that has no validations to call them at."""
    if getattr(stage, "callbacks", None) and stage.validate_ is None:
        expected = "validate: {on: ..., every: ...} beside them"
        faults.add(
            (*path, "callbacks"), "nothing calls them: the stage has no validations", expected
        )
