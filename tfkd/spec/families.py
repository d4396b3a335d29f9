"""The kinds of models and of views that there are, in the words of messages."""

from collections.abc import Callable
from typing import Any

from tfkd.spec import registry
from tfkd.spec.options import ModelOptions, ViewOptions
from tfkd.spec.wording import a


def kinds(fits: Callable[[type[ModelOptions]], Any]) -> list[str]:
    """The registered kinds of models whose options, their class, fit."""
    entries = ((name, registry.lookup("model", name).options) for name in registry.names("model"))
    return [name for name, options in entries if fits(options)]


def view_kinds(fits: Callable[[type[ViewOptions]], Any]) -> list[str]:
    """The registered kinds of views whose options, their class, fit."""
    return [entry.name for entry in registry.entries("view") if fits(entry.options)]


def one_of(fits: Callable[[type[ModelOptions]], Any]) -> str:
    """The same as a message has them: "a bert or a gpt2"."""
    *first, last = map(a, kinds(fits))
    return " or ".join([*([", ".join(first)] if first else []), last])
