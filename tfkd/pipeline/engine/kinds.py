"""The kinds of stages and the tasks by name: what every spec makes, and what the registry has."""

import functools
import importlib
from typing import TYPE_CHECKING, Any

from tfkd.spec import registry
from tfkd.spec.errors import UserError
from tfkd.spec.registry import UNNAMED_STAGES

if TYPE_CHECKING:
    from tfkd.pipeline.engine.stage import Stage
    from tfkd.pipeline.tasks.task import Task


def stage_of(kind: str) -> "Stage":
    """The `Stage` of a kind, imported when it is first asked for.

    Raises:
        UserError: There is no such kind, as its plugin is not loaded; or no class where the plugin
            says.
    """
    if kind in UNNAMED_STAGES:
        return _made(importlib.import_module(f"tfkd.pipeline.stages.{kind}").STAGE)
    return _made(_loaded(registry.lookup("stage", kind)))


def revisions(kind: str) -> dict[str, int]:
    """What a fingerprint says of a kind: its class's revision, and the one that it was registered
    with, where that has been raised."""
    registered = 1 if kind in UNNAMED_STAGES else registry.lookup("stage", kind).revision
    return {
        "revision": stage_of(kind).revision,
        **({} if registered == 1 else {"stage_revision": registered}),
    }


def task_named(name: str) -> "Task":
    """The `Task` of a name in the registry, imported when it is first asked for.

    Raises:
        UserError: There is none, or no class where its plugin says.
    """
    return _made(_loaded(registry.lookup("task", name)))


def _loaded(entry: registry.Entry) -> type:
    try:
        return registry.load(entry)
    except Exception as error:
        raise UserError(
            f"the {entry.kind} {entry.name} of a plugin: {entry.target} cannot be imported "
            f"({type(error).__name__}: {error})"
        ) from error


@functools.cache
def _made(kind: type) -> Any:
    return kind()
