"""Plugins that are installed: entry points of the group `tfkd.plugins`."""

import os
import sys
from collections.abc import Iterable
from typing import Any

GROUP = "tfkd.plugins"


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
