"""The kinds of stages by name: those that every spec makes, and those of the registry."""

import functools
import importlib
from typing import TYPE_CHECKING

from tfkd.spec import registry
from tfkd.spec.errors import UserError
from tfkd.spec.registry import UNNAMED_STAGES

if TYPE_CHECKING:
    from tfkd.pipeline.stage import Stage


def stage_of(kind: str) -> "Stage":
    """The `Stage` of a kind, imported when it is first asked for.

    Raises:
        UserError: There is no such kind, as its plugin is not loaded; or no class where the plugin
            says.
    """
    if kind in UNNAMED_STAGES:
        return _made(importlib.import_module(f"tfkd.pipeline.stages.{kind}").STAGE)
    entry = registry.lookup("stage", kind)
    try:
        return _made(registry.load(entry))
    except Exception as error:
        raise UserError(
            f"the stage {kind} of a plugin: {entry.target} cannot be imported "
            f"({type(error).__name__}: {error})"
        ) from error


def revisions(kind: str) -> dict[str, int]:
    """What a fingerprint says of a kind: its class's revision, and the one that it was registered
    with, where that has been raised."""
    registered = 1 if kind in UNNAMED_STAGES else registry.lookup("stage", kind).revision
    return {
        "revision": stage_of(kind).revision,
        **({} if registered == 1 else {"stage_revision": registered}),
    }


@functools.cache
def _made(stage: type["Stage"]) -> "Stage":
    return stage()
