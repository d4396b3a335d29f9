"""What ended a verb: its surroundings, or an error of the program itself, which is reported."""

import contextlib
import os
import platform
import shlex
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import tfkd
from tfkd.training.surroundings import chain_of, first_line

# Set in the environment, it has the whole traceback printed.
VARIABLE = "TFKD_TRACEBACK"
# Places in the program that are shown.
_PLACES = 5


def report(error: BaseException, words: Sequence[str], runs: Path | None) -> str:
    """What is said of an error of the program itself, and what to send.

    The whole traceback goes to a file, or is part of what is said: where `TFKD_TRACEBACK` is set,
    and where no file can be written.

    Args:
        error: The error.
        words: The command line behind `tfkd`.
        runs: The folder of runs, for the file; None, or one that is not there: the temporary one.
    """
    facts = [
        f"command: {shlex.join(['tfkd', *words])}",
        f"versions: {', '.join(f'{name} {version}' for name, version in _versions().items())}",
        *(f"at: {place}" for place in _places(error.__traceback__)),
        f"error: {type(error).__name__}: {first_line(error)}",
    ]
    whole = "".join(traceback.format_exception(error))
    of_plugin = _in_plugin(error)
    whose = f"in a plugin, {of_plugin}" if of_plugin else "of tfkd itself, or of a plugin"
    todo = "mend the plugin and give the same command again" if of_plugin else "please report it"
    lines = [f"tfkd: an error {whose}; what is done is kept"]
    lines += [f"  {fact}" for fact in facts]
    file = None
    if not os.environ.get(VARIABLE):
        file = _kept("\n".join([*facts, "", whole]), runs)
    if file is None:
        all_of_it = "" if of_plugin else " with all of this"
        return "\n".join([whole.rstrip("\n"), *lines, f"tfkd: {todo}{all_of_it}"])
    told = "; the" if of_plugin else " with these lines and the"
    lines.append(f"tfkd: {todo}{told} whole traceback, which is in {file}; {VARIABLE}=1 prints it")
    return "\n".join(lines)


def _in_plugin(error: BaseException) -> str | None:
    """The place in a plugin's code that raised an error, or what it was made of."""
    with contextlib.suppress(Exception):  # the error may be one of importing
        from tfkd.spec.plugin_modules import place_in
        from tfkd.spec.registry import plugin_modules

        places = (place_in(plugin_modules(), one) for one in chain_of(error))
        return next(filter(None, places), None)
    return None


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "tfkd": tfkd.__version__}
    with contextlib.suppress(Exception):  # the error may be one of importing
        from tfkd.pipeline.engine.stage_folder import versions

        found = versions()
    return {**found, "system": f"{platform.system()} {platform.machine()}"}


def _places(raised: TracebackType | None) -> list[str]:
    """The last places that the error came by, the last of ours among them; a loop's but once."""
    found: dict[str, bool] = {}
    for frame, line in traceback.walk_tb(raised):
        if frame.f_code.co_filename.startswith("<frozen "):
            continue  # how Python imports
        path, ours = _short(frame.f_code.co_filename)
        place = f"{path}:{line} in {frame.f_code.co_name}"
        found.pop(place, None)
        found[place] = ours
    last = list(found)[-_PLACES:]
    if not any(found[place] for place in last):
        last = [place for place, ours in found.items() if ours][-1:] + last
    return last


def _short(name: str) -> tuple[str, bool]:
    """A module's file as it is called below its packages, and whether it is ours."""
    path, package = Path(name), Path(tfkd.__file__).parent
    if package in path.parents:
        return str(path.relative_to(package.parent)), True
    _, found, rest = name.rpartition("site-packages/")
    return (rest if found else name), False


def _kept(text: str, runs: Path | None) -> Path | None:
    """The file that holds the text; None where none can be written."""
    prefix = time.strftime("tfkd-error-%Y%m%d-%H%M%S-")
    for folder in (runs, Path(tempfile.gettempdir())):
        if folder is None or not folder.is_dir():
            continue
        file = None
        try:
            handle, file = tempfile.mkstemp(prefix=prefix, suffix=".txt", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as writing:
                writing.write(text)
        except OSError:
            if file is not None:
                Path(file).unlink(missing_ok=True)
            continue
        return Path(file)
    return None
