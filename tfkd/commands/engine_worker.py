"""One export in a process of its own, which answers lines and says how long it took.

    python -m tfkd.commands.engine_worker FOLDER [PLUGIN ...]

It says `{"seconds", "bytes", "inputs", "speechless"}` when it has loaded: the fields of a line, and
why it answers none, or null. For each line of standard input, a JSON list of texts, it says
`{"seconds", "outputs", "peak_bytes"}`; or `{"error"}`, and ends.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import parse_json
from tfkd.outside.user_error import UserError


def main(folder: str, plugins: Sequence[str] = ()) -> None:
    """Loads the export and answers until standard input ends."""
    try:
        from tfkd.spec.registry import load_plugins

        if plugins:
            load_plugins(plugins)
        begun = time.perf_counter()
        from tfkd.serving.formats.opening import open_exported

        engine = open_exported(folder)
        loaded = time.perf_counter() - begun
        _say(
            {
                "seconds": loaded,
                "bytes": _bytes(engine.folder),
                "inputs": list(getattr(engine, "inputs", ["text"])),
                "speechless": getattr(engine, "speechless", None),
            }
        )
        for line in sys.stdin:
            lines = parse_json(line)
            begun = time.perf_counter()
            found = engine.translate(lines) if lines else []
            seconds = time.perf_counter() - begun
            outputs = [one.text for one in found]
            _say({"seconds": seconds, "outputs": outputs, "peak_bytes": _peak()})
    except UserError as error:
        _say({"error": str(error)})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _bytes(folder: Path) -> int:
    from tfkd.serving.graphs.ids_model import served_bytes

    return served_bytes(folder)


def _peak() -> int:
    """The most memory that the process has had, in bytes; 0 where nothing tells."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
