"""The kinds of stages that `stages:` can name, by the key that names them."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.spec import registry


def kinds() -> dict[str, Any]:
    """By name: their options, see `tfkd.spec.stage`."""
    return {entry.name: entry.options for entry in registry.entries("stage")}


def type_of(stage: Any) -> Any:
    """The kind of a stage in plain values; None of what is no stage."""
    keys = stage if isinstance(stage, Mapping) else ()
    return next((options for name, options in kinds().items() if name in keys), None)


def givers(given: Collection[str]) -> str:
    """The kinds that give one of these, in words, but for those that have theirs from another."""
    made = {name: options for name, options in kinds().items() if not options.is_alike()}
    found = [name for one in given for name, options in made.items() if one in options.gives]
    return " or ".join(dict.fromkeys(found))


def gives_of(stage: Any) -> frozenset[str]:
    """What others can do with a stage's result, by its options."""
    return registry.lookup("stage", stage.kind).options.gives
