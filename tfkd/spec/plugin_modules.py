"""Modules of plugins: what is no module's name, why one is not found, where its code failed."""

import importlib.util
import os
import shlex
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from tfkd.spec.errors import UserError

_OURS = Path(__file__).parents[1]


def refuse_file(name: str) -> None:
    """Refuses a file where a module's name is asked for: nothing is run by its path.

    Raises:
        UserError: The name is a path; the message has the command that imports it.
    """
    if not (name.endswith(".py") or os.sep in name or "/" in name):
        return
    path = Path(name)
    said = _command(name, path.name.removesuffix(".py"), path.parent)
    raise UserError(
        f"--plugin {name}: expected a module's name, not a file; its folder belongs in PYTHONPATH: "
        f"{said}"
    )


def why_not_imported(plugin: str, error: Exception) -> str:
    """What to do where a plugin cannot be imported, and where in its code it failed."""
    missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
    if missing is not None and missing.split(".")[0] == "tfkd":
        return "; a module or name of tfkd's that has moved: see CHANGELOG.md"
    if missing is None or not f"{plugin}.".startswith(f"{missing}."):
        at = place_in([plugin], error)
        return f" at {at}" if at else ""
    top = plugin.partition(".")[0]
    for file in (Path(f"{top}.py"), Path(top, "__init__.py")):
        if file.is_file():
            said = _command(plugin, plugin, Path())
            return f"; {file} lies in this folder, where no plugin is looked for unasked: {said}"
    return "; is it on PYTHONPATH?"


def place_in(modules: Iterable[str], error: BaseException) -> str | None:
    """Where the code of these modules, or of their packages, raised an error: `FILE:LINE in NAME`.

    What they called of others, as NumPy, is theirs to mend; of what tfkd raised for them this says
    nothing: None.
    """
    files = [file for module in modules if (file := _file(module)) is not None]
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        if any(path == file or (file.is_dir() and file in path.parents) for file in files):
            return f"{path}:{line} in {frame.f_code.co_name}"
        if _OURS in path.parents:
            return None
    return None


def _file(module: str) -> Path | None:
    """A module's file, or its whole package's folder."""
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
        if found is not None and not found.has_location:  # several packages share the first name
            found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or not found.has_location:
        return None
    path = Path(found.origin or "")
    return path.parent if found.submodule_search_locations else path


def _command(given: str, name: str, folder: Path) -> str:
    """The command that was given, with the module's name and its folder."""
    words = sys.argv[1:]
    if given in words:
        command = shlex.join(["tfkd", *(name if word == given else word for word in words)])
    else:
        command = f"tfkd ... --plugin {shlex.quote(name)}"
    return f"PYTHONPATH={shlex.quote(str(folder))} {command}"
