"""Names that specs may use: each with its options and, lazily, its class.

Names, never import paths, stand in specs. Nothing here imports TensorFlow: an entry's class is
imported when a run first needs it.
"""

import importlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from tfkd.spec.errors import UserError, nearest
from tfkd.spec.plugin_modules import refuse_file, why_not_imported

# Of the entry points of plugins that are installed.
GROUP = "tfkd.plugins"
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
    "callback",
    "stage",
    "filter",
    "task",
    "format",
)
# Of these, what no plugin can add so far: whatever reads, counts or shows them knows them by name.
CLOSED = ("corpus", "tokenizer")
# Kinds of stages that every spec makes: no stage that `stages:` names is of these.
UNNAMED_STAGES = (
    "corpus",
    "tokenizer",
    "classes",
    "ids",
    "evaluate",
    "tune",
    "noise",
    "noisy",
    "export",
    "parts",
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
_joined: set[str] = set()  # the names of plugins that were loaded


def register(
    kind: str,
    name: str,
    *,
    options: type[BaseModel],
    target: str,
    revision: int = 1,
    summary: str = "",
) -> None:
    """Adds a name for a class of the user's own.

    Raises:
        ValueError: An unknown kind, one of which only the package has any, the name is taken by
            another class, or the options of a model, view, filter, task or format do not extend
            what tells the rest of the package what it is.
    """
    if kind not in KINDS or kind in CLOSED:
        reason = f"A plugin cannot add a {kind} so far: the package's own are all there are. "
        raise ValueError(
            f"Invalid value for argument `kind`. {reason if kind in CLOSED else ''}Expected one of "
            f"{tuple(one for one in KINDS if one not in CLOSED)}. Received: kind={kind!r}"
        )
    if kind == "model" and not hasattr(options, "single_sequence"):
        raise ValueError(
            "Invalid value for argument `options`. Expected a subclass of "
            "tfkd.spec.options.ModelOptions, by which a model tells what it reads, what it weighs "
            f"and how it is made small. Received: options={options.__name__}"
        )
    if kind == "view" and not hasattr(options, "readers"):
        raise ValueError(
            "Invalid value for argument `options`. Expected a subclass of "
            "tfkd.spec.options.ViewOptions, by which a view tells who can read it and what it "
            f"hides. Received: options={options.__name__}"
        )
    if kind == "stage" and (name in UNNAMED_STAGES or getattr(options, "kind", None) != name):
        raise ValueError(
            "Invalid value for argument `name`. Expected the `kind` of its options, which are "
            f"tfkd.spec.stage.StageOptions, and none of {UNNAMED_STAGES}. Received: name={name!r}"
        )
    if kind == "filter" and not hasattr(options, "reads"):
        raise ValueError(
            "Invalid value for argument `options`. Expected a subclass of "
            "tfkd.spec.options.filters.FilterRuleOptions, by which a rule tells what it reads. "
            f"Received: options={options.__name__}"
        )
    if kind == "task" and not hasattr(options, "over_classes"):
        raise ValueError(
            "Invalid value for argument `options`. Expected a subclass of "
            "tfkd.spec.tasks.task.TaskOptions, by which a task tells what a spec must have for it. "
            f"Received: options={options.__name__}"
        )
    if kind == "format" and not hasattr(options, "reasons_against"):
        raise ValueError(
            "Invalid value for argument `options`. Expected a subclass of "
            "tfkd.spec.formats.format.FormatOptions, by which a format tells what it cannot hold. "
            f"Received: options={options.__name__}"
        )
    add(Entry(kind, name, options, target, revision, summary))


def add(entry: Entry) -> None:
    """Adds an entry of any kind; `register` is for those that may come from elsewhere.

    Raises:
        ValueError: The name is taken by another class.
    """
    taken = _entries.get((entry.kind, entry.name))
    if taken is not None and taken.target != entry.target:
        raise ValueError(
            f"Invalid value for argument `name`. The {entry.kind} {entry.name!r} is {taken.target} "
            f"already. Received: target={entry.target!r}"
        )
    _entries[entry.kind, entry.name] = entry


def names(kind: str) -> list[str]:
    """All names of a kind, sorted."""
    return sorted(name for found, name in _entries if found == kind)


def entries(kind: str) -> list[Entry]:
    """All entries of a kind, in the order in which they were added."""
    return [entry for (found, _), entry in _entries.items() if found == kind]


def find(kind: str, name: str) -> Entry | None:
    """The entry of a name; None where there is none."""
    return _entries.get((kind, name))


def lookup(kind: str, name: str) -> Entry:
    """The entry of a name.

    Raises:
        UserError: There is none.
    """
    if (found := find(kind, name)) is not None:
        return found
    known = names(kind)
    near = nearest(name, known)
    raise UserError(
        f"{name!r} is no {kind}; expected one of {', '.join(known)}"
        + (f"; did you mean {near}?" if near else "")
    )


def load(entry: Entry) -> Any:
    """Imports an entry's class."""
    return load_target(entry.target)


def load_target(target: str) -> Any:
    """Imports what stands at `module:name`."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load_plugins(modules: Iterable[str] = ()) -> None:
    """Imports what registers classes of the user's own.

    Entry points of the group `tfkd.plugins` come first, then the given modules. A module registers
    while it is imported, or in a function `register()` that takes no arguments. One that registers
    nothing is told of on standard error.

    Raises:
        UserError: A module is a path, cannot be imported, or registers what cannot be.
    """
    found = [(point.name, point.load) for point in installed_plugins()]
    found += [(module, lambda module=module: importlib.import_module(module)) for module in modules]
    for name, bring in found:
        refuse_file(name)
        before = dict(_entries)
        try:
            plugin = bring()
        except Exception as error:
            reason = f"({type(error).__name__}: {error}){why_not_imported(name, error)}"
            raise UserError(f"the plugin {name} cannot be imported {reason}") from error
        own = getattr(plugin, "register", None)
        join = own if callable(own) else plugin
        try:
            if callable(join) and join is not register:  # the name that it imported, and has called
                join()
        except Exception as error:
            raise UserError(
                f"the plugin {name} cannot register its classes ({type(error).__name__}: {error})"
            ) from error
        idle = _entries == before and name not in _joined and not _registered(plugin)
        if idle and (join is register or not callable(join)):  # its own may have other work
            print(
                f"tfkd: warning: the plugin {name} registers nothing, so no spec can name what it "
                "has; expected calls of tfkd.spec.registry.register while it is imported, or in a "
                "function register()",
                file=sys.stderr,
            )
        _joined.add(name)


def _registered(plugin: Any) -> bool:
    """Whether something is registered that a plugin has, or a module of its package."""
    module = getattr(plugin, "__name__" if isinstance(plugin, ModuleType) else "__module__", "")
    own = (word for entry in of_plugins() for word in (entry.target, entry.options.__module__))
    return any(f"{word}.".startswith((f"{module}.", f"{module}:")) for word in own)


def of_plugins() -> list[Entry]:
    """The entries that are none of the package's own."""
    return [entry for entry in _entries.values() if not entry.target.startswith("tfkd.")]


def plugin_modules() -> set[str]:
    """The modules that plugins are, and those that their classes are in."""
    return {*_joined, *(entry.target.partition(":")[0] for entry in of_plugins())}


def installed_plugins() -> Iterable[Any]:
    """The entry points of the group, each with `name` and `load()`.

    `importlib.metadata` takes as long to import and to read every package's entry points as a
    whole spec takes to check, and hardly any installation has a plugin: it is asked only where a
    package on the path speaks of the group.
    """
    if not any(_may_have_plugins(folder or ".") for folder in dict.fromkeys(sys.path)):
        return ()
    import importlib.metadata

    return importlib.metadata.entry_points(group=GROUP)


def _may_have_plugins(folder: str) -> bool:
    try:
        return _have_plugins(os.path.abspath(folder), os.stat(folder).st_mtime_ns)
    except OSError:
        return False


@cache
def _have_plugins(folder: str, changed: int) -> bool:
    """Whether a package of a folder speaks of plugins. Each reading of a spec asks, and a variant's
    is one: looked at again when the folder was `changed`, by a package that came or went."""
    try:
        with os.scandir(folder) as entries:
            packages = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:  # a zip archive
        return True
    except OSError:
        return False
    return any(_speaks_of_plugins(package) for package in packages)


def _speaks_of_plugins(package: str) -> bool:
    try:
        with open(os.path.join(package, "entry_points.txt"), "rb") as file:
            return GROUP.encode() in file.read()
    except OSError:
        return False
