"""What is installed here, as a machine is compared with another."""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from tfkd.pipeline.engine.stage_folder import versions
from tfkd.spec.registry import installed_plugins


def installation(plugins: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of packages, and digests of the sources of tfkd and of plugins, those
    named and those that are installed.

    Args:
        plugins: Modules.
    """
    modules = [*plugins, *(point.module for point in installed_plugins())]
    digests = {f"plugin {name}": digest for name in modules if (digest := _digest(name))}
    return {**versions(), "sources of tfkd": _digest("tfkd") or "", **digests}


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What is another there, in words."""
    return [
        f"{name} {there.get(name, 'none')}, here {here.get(name, 'none')}"
        for name in {**here, **there}
        if there.get(name) != here.get(name)
    ]


@cache
def _digest(module: str) -> str | None:
    """Of a module's source, of a package's all; None where there is none."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    digest = hashlib.sha256()
    for name, path in _sources(found):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _sources(module: ModuleSpec | None) -> list[tuple[str, Path]]:
    if module is None:
        return []
    if folders := module.submodule_search_locations:
        return sorted(
            (str(path.relative_to(folder)), path)
            for folder in folders
            for path in Path(folder).rglob("*.py")
        )
    path = Path(module.origin or "")
    return [(path.name, path)] if path.suffix == ".py" and path.is_file() else []
