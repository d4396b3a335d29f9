"""One export in a process of its own, which answers lines and says how long it took.

    python -m tfkd.commands.engine_worker FOLDER

It says `{"seconds", "bytes"}` when it has loaded, and for each line of standard input, a JSON list
of texts, `{"seconds", "outputs", "peak_bytes"}`; or `{"error"}`, and ends.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import parse_json
from tfkd.outside.user_error import UserError


def main(folder: str) -> None:
    """Loads the export and answers until standard input ends."""
    begun = time.perf_counter()
    try:
        from tfkd.serving.formats.opening import open_exported

        engine = open_exported(folder)
        loaded = time.perf_counter() - begun
        _say({"seconds": loaded, "bytes": _bytes(engine.folder)})
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
    main(sys.argv[1])
