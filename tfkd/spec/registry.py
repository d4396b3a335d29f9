"""Names that specs may use: each with its options and, lazily, its class.

Names, never import paths, stand in specs. Nothing here imports TensorFlow: an entry's class is
imported when a run first needs it.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from tfkd.spec.entry_points import installed_plugins
from tfkd.spec.errors import UserError, nearest

KINDS = (
    "corpus",
    "tokenizer",
    "model",
    "view",
    "objective",
    "adapter",
    "combiner",
    "optimizer",
    "schedule",
    "decode",
    "metric",
)


@dataclass(frozen=True)
class Entry:
    """One name.

    Attributes:
        kind: What it is, one of `KINDS`.
        name: The name in specs.
        options: The pydantic model of its options.
        target: `module:Class`, imported by `load`.
        revision: Raised when the class gives other results from the same options: what was
            computed with it before is then made anew.
        summary: One line for `tfkd list`.
    """

    kind: str
    name: str
    options: type[BaseModel]
    target: str
    revision: int = 1
    summary: str = ""


_entries: dict[tuple[str, str], Entry] = {}


def register(
    kind: str,
    name: str,
    *,
    options: type[BaseModel],
    target: str,
    revision: int = 1,
    summary: str = "",
) -> None:
    """Adds a name.

    Raises:
        ValueError: An unknown kind, or the name is taken by another class.
    """
    if kind not in KINDS:
        raise ValueError(
            f"Invalid value for argument `kind`. Expected one of {KINDS}. Received: kind={kind!r}"
        )
    entry = Entry(kind, name, options, target, revision, summary)
    taken = _entries.get((kind, name))
    if taken is not None and taken.target != target:
        raise ValueError(
            f"Invalid value for argument `name`. The {kind} {name!r} is {taken.target} already. "
            f"Received: target={target!r}"
        )
    _entries[kind, name] = entry


def names(kind: str) -> list[str]:
    """All names of a kind, sorted."""
    return sorted(name for found, name in _entries if found == kind)


def lookup(kind: str, name: str) -> Entry:
    """The entry of a name.

    Raises:
        UserError: There is none.
    """
    try:
        return _entries[kind, name]
    except KeyError:
        known = names(kind)
        near = nearest(name, known)
        raise UserError(
            f"{name!r} is no {kind}; expected one of {', '.join(known)}"
            + (f"; did you mean {near}?" if near else "")
        ) from None


def load(entry: Entry) -> Any:
    """Imports an entry's class."""
    module, _, attribute = entry.target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load_plugins(modules: Iterable[str] = ()) -> None:
    """Imports what registers classes of the user's own.

    Entry points of the group `tfkd.plugins` come first, then the given modules. A module registers
    while it is imported, or in a function `register()` that takes no arguments.

    Raises:
        UserError: A module cannot be imported.
    """
    found = [(point.name, point.load) for point in installed_plugins()]
    found += [(module, lambda module=module: importlib.import_module(module)) for module in modules]
    for name, bring in found:
        try:
            plugin = bring()
        except Exception as error:
            raise UserError(
                f"the plugin {name} cannot be imported ({type(error).__name__}: {error}); "
                "is it on PYTHONPATH?"
            ) from error
        own = getattr(plugin, "register", None)
        if own is register:
            continue  # the name that it imported, and has called
        if callable(own):
            own()
        elif callable(plugin):
            plugin()
